"""Kinds of timed events: what each is about, when it is overtaken, and which goes first at one instant.

The one place where a kind is declared. From it are made, in machine code, whether a timer is stale, which row is asked
of memory ahead of it, and (for people) the plan of events in the reference. What happens when one comes is for its
handler (`sim.timers`). A kind that is not declared here raises `ValueError` when its timer comes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sim.engine import codes
from sim.engine.blocks import LINE_BYTES, WORD, WORDS_PER_TABLE, WORLD, fetch_line, load_word
from sim.engine.tables import DTYPES, NAMES, column


@dataclass(frozen=True)
class EventKind:
    """What a timer of a kind is about.

    Attributes
    ----------
    subject
        Table whose row the timer is about.
    happens
        What happens, for people.
    stamp
        Column of that row which must still hold what it held when the timer was set, else the timer is overtaken;
        empty: never overtaken.
    only_while
        Column and value that the row must have too.
    """

    subject: str
    happens: str
    stamp: str = ""
    only_while: tuple[str, int] | None = None


_OPEN = ("state", codes.C_OPEN)
EVENTS: dict[int, EventKind] = {
    codes.EV_WORK_DONE: EventKind("tasks", "the work at a task is done", "stamp"),
    codes.EV_LAG_DONE: EventKind("tasks", "papers or an answer that a task waited for are there", "stamp"),
    codes.EV_STAFF: EventKind("staff", "a round of patrol, a chunk of delegated work or a move ends", "stamp"),
    codes.EV_ARRIVE: EventKind("staff", "somebody arrives", "stamp"),
    codes.EV_SHIFT: EventKind("shifts", "a shift turns: its people come on or go off duty, or a date begins"),
    codes.EV_PATIENCE: EventKind("tasks", "who waits in a line gives up", "stamp"),
    codes.EV_OCCUR: EventKind("incidents", "an incident of the script or of the drawn demand occurs"),
    codes.EV_RESIDENT: EventKind("incidents", "a resident or a witness acts, or trouble grows or ends", "stamp"),
    codes.EV_FIND: EventKind("incidents", "a patrol, a sensor or a sweep has a chance to find it"),
    codes.EV_INTAKE: EventKind("cases", "a case that nobody has to take is judged"),
    codes.EV_TASK_READY: EventKind("tasks", "a task is due: at a desk, at a department, at a meeting", "stamp"),
    codes.EV_RESTART: EventKind("cases", "a case is taken up again from its first stage", "attempt", _OPEN),
    codes.EV_COORDINATE_LATER: EventKind("cases", "the holder is asked again what to do", "attempt", _OPEN),
    codes.EV_CALLBACK: EventKind("cases", "the resident is called back", "stamp"),
    codes.EV_REQUEST: EventKind("requests", "a whistle's deadline, reminder or reserved meeting comes", "stamp"),
    codes.EV_CASE: EventKind("cases", "a case's deadline comes", "stamp"),
}
"""Kind -> what it is about, in the order in which kinds go at one instant."""


def _chosen(
    context: Any, builder: Any, kind: Any, result: Any, of: Callable[[EventKind], Any], otherwise: Any = None
) -> Any:
    """Choose among kinds in machine code: ``of`` gives a value; an undeclared kind raises or is ``otherwise``."""
    end, unknown = builder.append_basic_block("chosen"), builder.append_basic_block("unknown")
    choice = builder.switch(kind, unknown)
    found = []
    for number, event in EVENTS.items():
        block = builder.append_basic_block(f"kind.{number}")
        choice.add_case(WORD(number), block)
        builder.position_at_end(block)
        value = of(event)
        found.append((value, builder.block))
        builder.branch(end)
    builder.position_at_end(unknown)
    if otherwise is None:
        context.call_conv.return_user_exc(builder, ValueError, ("a timer of a kind that is not declared",))
    else:
        found.append((otherwise, unknown))
        builder.branch(end)
    builder.position_at_end(end)
    phi = builder.phi(result)
    for value, block in found:
        phi.add_incoming(value, block)
    return phi


def _row(builder: Any, block: Any, table: str, row: Any) -> Any:
    """Return the address of a row."""
    base = load_word(builder, block, NAMES.index(table) * WORDS_PER_TABLE)
    return builder.inttoptr(builder.add(base, builder.mul(row, WORD(DTYPES[table].itemsize))), cgutils.voidptr_t)


def _column(context: Any, builder: Any, event: EventKind, address: Any, name: str) -> Any:
    """Return a whole number of a row as a word."""
    dtype, offset = column(DTYPES[event.subject], name)
    item = context.get_data_type(getattr(types, dtype.name))
    place = builder.bitcast(builder.gep(address, [WORD(offset)]), item.as_pointer())
    return builder.sext(builder.load(place), WORD)


@intrinsic
def is_stale(typingctx, world, kind, row, stamp):
    """Return True for a timer whose subject has moved on."""

    def codegen(context, builder, sig, args):
        block, number, subject, held = args

        def of(event: EventKind) -> Any:
            stale = context.get_constant(types.boolean, False)
            if not event.stamp:
                return stale
            address = _row(builder, block, event.subject, subject)
            stale = builder.icmp_signed("!=", _column(context, builder, event, address, event.stamp), held)
            if event.only_while is None:
                return stale
            name, value = event.only_while
            here = _column(context, builder, event, address, name)
            return builder.or_(stale, builder.icmp_signed("!=", here, WORD(value)))

        return _chosen(context, builder, number, context.get_value_type(types.boolean), of)

    return types.boolean(WORLD, types.int64, types.int64, types.int64), codegen


@intrinsic
def subject_of(typingctx, kind):
    """Return which table a kind of timer is about, as its place in `NAMES`; -1 for a kind that is not declared."""

    def codegen(context, builder, sig, args):
        return _chosen(context, builder, args[0], WORD, lambda event: WORD(NAMES.index(event.subject)), WORD(-1))

    return types.int64(types.int64), codegen


@intrinsic
def fetch_subject(typingctx, world, kind, row):
    """Ask memory for the row that a timer is about; nothing is read or changed."""

    def codegen(context, builder, sig, args):
        block, number, subject = args

        def of(event: EventKind) -> Any:
            address = _row(builder, block, event.subject, subject)
            for offset in range(0, DTYPES[event.subject].itemsize, LINE_BYTES):
                fetch_line(builder, address, offset)
            return WORD(0)

        _chosen(context, builder, number, WORD, of, WORD(0))
        return context.get_dummy_value()

    return types.void(WORLD, types.int64, types.int64), codegen
