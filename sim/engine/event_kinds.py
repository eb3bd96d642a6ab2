"""Kinds of timed events: what each is about, when it is overtaken, and which goes first at one instant.

The one place where a kind is declared. From it are made, in machine code, whether a timer is stale, which row is asked
of memory ahead of it, and (for people) the plan of events in the reference. What happens when one comes is for its
handler (`sim.timers`). A kind that is not declared here raises `ValueError` when its timer comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sim.engine import codes
from sim.engine.blocks import LINE_BYTES, WORD, WORDS_PER_TABLE, WORLD, fetch_line, load_word_at
from sim.engine.tables import DTYPES, NAMES, column

_NUMBER = ir.IntType(32)


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


# What compiled code looks up of a kind, without a branch: kinds come in no order that a processor could guess.
_SLOT, _BYTES, _OFFSET, _SHIFT, _HAS_STAMP, _WHILE_OFFSET, _WHILE_VALUE = range(7)
_WORDS = 8
_STAMP_BYTES = 4  # read of a row at once; a narrower column is shifted out of it


def _description(number: int) -> list[int]:
    """Return what compiled code knows of a kind; an undeclared one has no slot."""
    event = EVENTS.get(number)
    if event is None:
        return [-1] + [0] * (_WORDS - 1)
    dtype = DTYPES[event.subject]
    item, offset = column(dtype, event.stamp) if event.stamp else (np.dtype("i4"), 0)
    while_offset, while_value = -1, 0
    if event.only_while is not None:
        kind, while_offset = column(dtype, event.only_while[0])
        while_value = event.only_while[1]
        assert kind == np.dtype("i2"), "compiled code reads a state as two bytes"
    assert item.kind == "i" and item.itemsize <= _STAMP_BYTES and offset + _STAMP_BYTES <= dtype.itemsize
    shift = 8 * (_STAMP_BYTES - item.itemsize)
    slot = NAMES.index(event.subject)
    return [slot, dtype.itemsize, offset, shift, int(bool(event.stamp)), while_offset, while_value, 0]


_DESCRIPTIONS = [_description(number) for number in range(max(EVENTS) + 1)]
_MOST_LINES = max(-(-DTYPES[event.subject].itemsize // LINE_BYTES) for event in EVENTS.values())


class _Kind:
    """A kind's description as compiled code reaches it; that of an undeclared number says so (`is_known`)."""

    def __init__(self, builder: Any, number: Any) -> None:
        words = [ir.Constant(_NUMBER, word) for words in _DESCRIPTIONS for word in words]
        table = cgutils.global_constant(builder, "event_kinds", ir.Constant(ir.ArrayType(_NUMBER, len(words)), words))
        self.builder = builder
        inside = builder.icmp_unsigned("<", number, WORD(len(_DESCRIPTIONS)))
        self._at = builder.mul(builder.select(inside, number, WORD(0)), WORD(_WORDS))
        self._table = builder.bitcast(table, _NUMBER.as_pointer())
        self.is_known = builder.icmp_signed(">=", self.word(_SLOT), WORD(0))

    def word(self, which: int) -> Any:
        """Return a word of the description."""
        place = self.builder.gep(self._table, [self.builder.add(self._at, WORD(which))])
        return self.builder.sext(self.builder.load(place), WORD)

    def row(self, block: Any, row: Any) -> Any:
        """Return the address of the row that a timer of this kind is about; of a table's first when it is unknown."""
        builder = self.builder
        slot = builder.select(self.is_known, self.word(_SLOT), WORD(0))
        base = load_word_at(builder, block, builder.mul(slot, WORD(WORDS_PER_TABLE)))
        return builder.inttoptr(builder.add(base, builder.mul(row, self.word(_BYTES))), cgutils.voidptr_t)


def _held(builder: Any, address: Any, offset: Any, item: Any) -> Any:
    """Return a whole number that stands so many bytes into a row."""
    return builder.load(builder.bitcast(builder.gep(address, [offset]), item.as_pointer()))


@intrinsic
def is_stale(typingctx, world, kind, row, stamp):
    """Return True for a timer whose subject has moved on."""

    def codegen(context, builder, sig, args):
        block, number, subject, held = args
        about = _Kind(builder, number)
        with builder.if_then(builder.not_(about.is_known), likely=False):
            context.call_conv.return_user_exc(builder, ValueError, ("a timer of a kind that is not declared",))
        address = about.row(block, subject)
        shift = builder.trunc(about.word(_SHIFT), _NUMBER)
        there = builder.shl(_held(builder, address, about.word(_OFFSET), _NUMBER), shift)
        moved = builder.icmp_signed("!=", builder.sext(builder.ashr(there, shift), WORD), held)
        stale = builder.and_(moved, builder.icmp_signed("!=", about.word(_HAS_STAMP), WORD(0)))
        result = cgutils.alloca_once_value(builder, stale)
        offset = about.word(_WHILE_OFFSET)
        with builder.if_then(builder.icmp_signed(">=", offset, WORD(0)), likely=False):
            state = builder.sext(_held(builder, address, offset, ir.IntType(16)), WORD)
            other = builder.icmp_signed("!=", state, about.word(_WHILE_VALUE))
            builder.store(builder.or_(stale, other), result)
        return builder.load(result)

    return types.boolean(WORLD, types.int64, types.int64, types.int64), codegen


@intrinsic
def subject_of(typingctx, kind):
    """Return which table a kind of timer is about, as its place in `NAMES`; -1 for a kind that is not declared."""

    def codegen(context, builder, sig, args):
        return _Kind(builder, args[0]).word(_SLOT)

    return types.int64(types.int64), codegen


@intrinsic
def fetch_subject(typingctx, world, kind, row):
    """Ask memory for the row that a timer is about; nothing is read or changed."""

    def codegen(context, builder, sig, args):
        block, number, subject = args
        address = _Kind(builder, number).row(block, subject)
        for line in range(_MOST_LINES):  # a few lines behind a short row cost less than a branch
            fetch_line(builder, address, line * LINE_BYTES)
        return context.get_dummy_value()

    return types.void(WORLD, types.int64, types.int64), codegen
