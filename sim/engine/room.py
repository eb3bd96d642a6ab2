"""Room: whether one more event can be taken without any table running over.

Every table that grows declares in `sim.engine.tables` how many rows one event may add to it, and how many more for each
person or thing that the event moves. From that the check here is made, in machine code, and `World.grow` makes room.
A *burst* is an event that moves more than the largest group of staff (a shift that turns, later a gathering or an order
to leave): it asks for room before it is taken, and is taken again when there is room. That no declaration is too small
is proven by a build that checks bounds (`sim.engine.jit.CHECKS_BOUNDS`), not here.
"""

from __future__ import annotations

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sim.engine.blocks import WORD, WORDS_PER_TABLE, WORLD, load_word
from sim.engine.tables import CLOCK, GROWING, NAMES, column


@intrinsic
def has_room(typingctx, world, things):
    """Return True when no growing table can run over in an event that moves so many people or things."""

    def codegen(context, builder, sig, args):
        block, moved = args
        clock = builder.inttoptr(load_word(builder, block, _slot("clock")), cgutils.voidptr_t)
        enough = context.get_constant(types.boolean, True)
        for name, growth in GROWING.items():
            offset = WORD(column(CLOCK, growth.counter)[1])
            used = builder.load(builder.bitcast(builder.gep(clock, [offset]), WORD.as_pointer()))
            rows = builder.add(used, WORD(growth.rows))
            if growth.per_thing:
                rows = builder.add(rows, builder.mul(moved, WORD(growth.per_thing)))
            there = load_word(builder, block, _slot(name) + 1)
            enough = builder.and_(enough, builder.icmp_signed("<=", rows, there))
        return enough

    return types.boolean(WORLD, types.int64), codegen


def _slot(name: str) -> int:
    return NAMES.index(name) * WORDS_PER_TABLE
