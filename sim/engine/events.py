"""The event queue: timers laid by in bins of time, the few that are due next in order, a ring of things to do now.

Timers are ordered by (instant, kind, entity, stamp), so that ties break alike in every arm whatever rows
things stand in. An *instant* is a millionth of a minute: times that a sum of decimals has made differ in their last
bits are one instant, and what happens at it goes by the order of kinds in `sim.engine.codes`, never by rounding.
Each timer keeps its own time; only the order is that of instants.

A timer far ahead is only hung on the list of its bin (a calendar queue, Brown 1988). When a bin is opened, its timers
are put in order in the short list `due`; what does not fit there, and what is set for a bin already open, goes to a
heap with four children a node. So a timer costs the same in a city of any size, and a crowd of timers in one bin
costs no more than a heap. The bins turn: the ring holds this half turn and the next, and what is farther ahead waits
on one list for each half turn, to be hung on its bin when that draws near. How wide a bin is changes speed and
nothing else.

A timer is stale when the stamp of its row has moved on; stale timers are skipped, not counted. Consequences
at the same instant (a person falls free, a case joins a queue) go through the ring in the order in which
they were caused, before the next timer.
"""

from __future__ import annotations

import numpy as np

from sim.engine.ahead import fetch_surroundings
from sim.engine.blocks import fetch_row
from sim.engine.codes import DUE_ROWS, NEVER
from sim.engine.event_kinds import fetch_subject
from sim.engine.jit import njit
from sim.engine.kinds import F, I, U, W

_LAST_MIN = 4e12  # later than this is the last bin, which is never opened
# Instants are decimal, so that every decimal of six places lies in the middle of one, and thirds, sevenths and
# sixtieths well inside; times farther apart than _APART_MIN are certainly two.
INSTANTS_PER_MIN = 1e6
_APART_MIN = 2e-6
_FAR, _MIDDLE, _NEAR = 8, 4, 2  # bins ahead at which memory is asked for timers, their subjects, what belongs to those


@njit(inline="always")
def instant(time):
    """Return the number of the instant at which something happens."""
    return np.floor(time * INSTANTS_PER_MIN + 0.5)


@njit(inline="always")
def is_earlier(a, b):
    """Return True when time ``a`` lies at an earlier instant than ``b``."""
    apart = b - a
    return apart > _APART_MIN or (apart > 0.0 and instant(a) < instant(b))


@njit
def _precedes(a, b):
    """Return True when timer ``a`` comes before timer ``b``."""
    apart = b.time - a.time
    if apart > _APART_MIN:
        return True
    if apart < -_APART_MIN:
        return False
    mine, other = instant(a.time), instant(b.time)
    if mine != other:
        return mine < other
    if a.kind != b.kind:
        return a.kind < b.kind
    if a.entity != b.entity:
        return a.entity < b.entity
    return a.stamp < b.stamp


@njit
def _copy(to, origin):
    to.time, to.entity, to.kind, to.row, to.stamp = origin.time, origin.entity, origin.kind, origin.row, origin.stamp


# ---------------------------------------------------------------- the heap
@njit((W, I, F, I, U, I))
def _before(world, i, time, kind, entity, stamp):
    """Return True when heap row ``i`` comes before the given timer."""
    e = world.heap[i]
    if is_earlier(e.time, time):
        return True
    if is_earlier(time, e.time):
        return False
    if e.kind != kind:
        return e.kind < kind
    if e.entity != entity:
        return e.entity < entity
    return e.stamp <= stamp


@njit((W, F, I, I, U, I))
def _push(world, time, kind, row, entity, stamp):
    """Put a timer into the heap."""
    heap, clock = world.heap, world.clock[0]
    i = clock.heap
    clock.heap = i + 1
    while i > 0:
        up = (i - 1) >> 2
        if _before(world, up, time, kind, entity, stamp):
            break
        _copy(heap[i], heap[up])
        i = up
    e = heap[i]
    e.time, e.entity, e.kind, e.row, e.stamp = time, entity, kind, row, stamp


@njit((W, I, I))
def _first_child(world, i, n):
    """Return the child of a node that comes first, -1 when it has none."""
    heap = world.heap
    best = 4 * i + 1
    if best >= n:
        return -1
    for child in range(best + 1, min(best + 4, n)):
        if _precedes(heap[child], heap[best]):
            best = child
    return best


@njit((W,))
def _pop(world):
    """Remove the first timer of the heap."""
    heap, clock = world.heap, world.clock[0]
    n = clock.heap - 1
    clock.heap = n
    last = heap[n]
    i = 0
    while True:
        child = _first_child(world, i, n)
        if child < 0 or not _precedes(heap[child], last):
            break
        _copy(heap[i], heap[child])
        i = child
    _copy(heap[i], last)


# ---------------------------------------------------------------- the bins
@njit((W, F))
def _bin_of(world, time):
    """Return the bin of a time; what happens at one instant is in one bin, since a bin is 2**bin_bits instants."""
    return np.int64(min(time, _LAST_MIN) * INSTANTS_PER_MIN + 0.5) >> world.clock[0].bin_bits


@njit
def _hang(world, number, i):
    """Hang timer ``i`` (counted from 1) on the list of its bin, or of its half turn when that is far ahead."""
    bins, far = world.bins, world.far
    half = bins.shape[0] >> 1
    turn = number // half
    if turn <= world.clock[0].bin // half + 1:
        place = number & (bins.shape[0] - 1)
        world.later[i - 1].following = bins[place]
        bins[place] = i
    else:
        place = turn & (far.shape[0] - 1)
        world.later[i - 1].following = far[place]
        far[place] = i


@njit((W, I, F, I, I, U, I))
def _lay_by(world, number, time, kind, row, entity, stamp):
    """Keep a timer for its bin; links count from 1, 0 is the end."""
    clock, later = world.clock[0], world.later
    i = clock.later_free
    if i > 0:
        clock.later_free = later[i - 1].following
    else:
        clock.later += 1
        i = clock.later
    e = later[i - 1]
    e.time, e.entity, e.kind, e.row, e.stamp = time, entity, kind, row, stamp
    _hang(world, number, i)


@njit((W, I))
def _bring_near(world, turn):
    """Hang the timers of a half turn, this one or the next, on the lists of their bins."""
    later, far = world.later, world.far
    place = turn & (far.shape[0] - 1)
    i = np.int64(far[place])
    far[place] = 0
    while i > 0:
        following = np.int64(later[i - 1].following)
        _hang(world, _bin_of(world, later[i - 1].time), i)
        i = following


@njit((W, F, I, I, U, I))
def schedule(world, time, kind, row, entity, stamp):
    """Set a timer; a time of NEVER or later sets none."""
    if time >= 1e299:
        return
    clock = world.clock[0]
    clock.timers += 1
    number = _bin_of(world, time)
    if number <= clock.bin:
        _push(world, time, kind, row, entity, stamp)
    else:
        _lay_by(world, number, time, kind, row, entity, stamp)


@njit
def _look_ahead(world):
    """Ask memory for the first timers of the bins that come after the next ones, and for what they are about."""
    later, bins, number = world.later, world.bins, world.clock[0].bin
    last = bins.shape[0] - 1
    i = np.int64(bins[(number + _FAR) & last])
    if i > 0:
        fetch_row(later, i - 1)
    i = np.int64(bins[(number + _MIDDLE) & last])
    if i > 0:
        fetch_subject(world, later[i - 1].kind, later[i - 1].row)
        i = np.int64(later[i - 1].following)
        if i > 0:
            fetch_row(later, i - 1)
    i = np.int64(bins[(number + _NEAR) & last])
    if i > 0:
        fetch_surroundings(world, later[i - 1].kind, later[i - 1].row)
        i = np.int64(later[i - 1].following)
        if i > 0:
            fetch_subject(world, later[i - 1].kind, later[i - 1].row)
            i = np.int64(later[i - 1].following)
            if i > 0:
                fetch_row(later, i - 1)


@njit((W,))
def _gather_next_bin(world):
    """Take the timers of the next bin from its list, behind the ordered half of `due`; returns how many."""
    clock, later, bins, due = world.clock[0], world.later, world.bins, world.due
    clock.bin += 1
    if clock.bin & ((bins.shape[0] >> 1) - 1) == 0:
        _bring_near(world, clock.bin // (bins.shape[0] >> 1) + 1)
    _look_ahead(world)
    place = clock.bin & (bins.shape[0] - 1)
    i, n = np.int64(bins[place]), 0
    bins[place] = 0
    while i > 0:
        e = later[i - 1]
        following = np.int64(e.following)
        fetch_subject(world, e.kind, e.row)
        if n < DUE_ROWS:
            _copy(due[DUE_ROWS + n], e)
            n += 1
        else:
            _push(world, e.time, e.kind, e.row, e.entity, e.stamp)
        e.following = clock.later_free
        clock.later_free = i
        i = following
    return n


@njit((W, F))
def has_timer(world, limit):
    """Return True unless all timers were only laid by so far, for later than ``limit``; opens no bin."""
    clock, later = world.clock[0], world.later
    if clock.heap > 0 or clock.due < clock.due_end:
        return True
    first = NEVER
    for i in range(clock.later):
        first = min(first, later[i].time)
    return not is_earlier(limit, first)


@njit((W, F))
def pass_bins(world, time):
    """Go to the bin of a time before which no timer waits (`has_timer`)."""
    clock = world.clock[0]
    clock.bin = max(clock.bin, _bin_of(world, time))
    turn = clock.bin // (world.bins.shape[0] >> 1)
    _bring_near(world, turn)
    _bring_near(world, turn + 1)


@njit((W, I))
def _settle_tie(world, i):
    """Move timer ``i`` of the ordered ones forward past those of the same instant that it precedes."""
    due = world.due
    while i > 0 and _precedes(due[i], due[i - 1]):
        _copy(due[DUE_ROWS], due[i])
        _copy(due[i], due[i - 1])
        _copy(due[i - 1], due[DUE_ROWS])
        i -= 1


@njit((W, I))
def _put_in_order(world, n):
    """Put ``n`` gathered timers in order: each goes where the number of earlier ones says.

    Counting costs n * n / 2 comparisons of times but no branch that could be guessed wrong, which for the few
    timers of a bin is several times quicker than a heap.
    """
    due = world.due
    for i in range(n):
        rank, time = np.int32(0), due[DUE_ROWS + i].time
        for j in range(i):
            earlier = np.int32(due[DUE_ROWS + j].time <= time)
            rank += earlier
            due[DUE_ROWS + j].following += 1 - earlier
        due[DUE_ROWS + i].following = rank
    for i in range(n):
        _copy(due[due[DUE_ROWS + i].following], due[DUE_ROWS + i])
    for i in range(1, n):
        if due[i].time - due[i - 1].time <= _APART_MIN:
            _settle_tie(world, i)


@njit((W, F))
def first_time(world, limit):
    """Return the time of the first timer, which `first_timer` then gives; NEVER when none comes up to ``limit``."""
    clock, due = world.clock[0], world.due
    if clock.due == clock.due_end and clock.heap == 0:
        if clock.timers == 0:
            return NEVER
        last = _bin_of(world, limit)
        while clock.due == clock.due_end and clock.bin < last:
            clock.due = 0
            clock.due_end = _gather_next_bin(world)
            _put_in_order(world, clock.due_end)
        if clock.due == clock.due_end:
            return NEVER
    clock.due_heads = clock.due < clock.due_end and (clock.heap == 0 or not _precedes(world.heap[0], due[clock.due]))
    return due[clock.due].time if clock.due_heads else world.heap[0].time


@njit
def first_timer(world):
    """Return the first timer, found by `first_time`; valid until another is set or it is dropped."""
    clock = world.clock[0]
    return world.due[clock.due] if clock.due_heads else world.heap[0]


@njit((W,))
def drop_first(world):
    """Remove the first timer, found by `first_time`."""
    clock = world.clock[0]
    clock.timers -= 1
    if clock.due_heads:
        clock.due += 1
    else:
        _pop(world)


# ---------------------------------------------------------------- this instant
@njit((W, I, I, I, I))
def at_once(world, kind, row, arg, stamp):
    """Add something to do at this instant, after what is already to be done."""
    ring, clock = world.now, world.clock
    n = ring.shape[0]
    i = clock[0].now_head + clock[0].now_count
    if i >= n:
        i -= n
    e = ring[i]
    e.kind, e.row, e.arg, e.stamp = kind, row, arg, stamp
    clock[0].now_count += 1


@njit((W, I, I, I, I))
def next_at_once(world, kind, row, arg, stamp):
    """Add something to do right after what is being done now, before all else of this instant."""
    ring, clock = world.now, world.clock
    head = clock[0].now_head
    before = head - 1 if head > 0 else ring.shape[0] - 1
    a, b = ring[before], ring[head]
    a.kind, a.row, a.arg, a.stamp = b.kind, b.row, b.arg, b.stamp
    b.kind, b.row, b.arg, b.stamp = kind, row, arg, stamp
    clock[0].now_head = before
    clock[0].now_count += 1


@njit((W,))
def drop_now(world):
    """Remove the first thing to do at once."""
    clock = world.clock
    head = clock[0].now_head + 1
    clock[0].now_head = 0 if head >= world.now.shape[0] else head
    clock[0].now_count -= 1
