"""The event queue: timers laid by in bins of time, a small heap of what is due next, a ring of things to do now.

Timers are ordered by (time, kind, entity, stamp), so that ties break alike in every arm whatever rows
things stand in. A timer far ahead is only hung on the list of its bin (a calendar queue, Brown 1988); when
its bin is opened it goes to a heap with four children a node, which therefore holds a handful and stays in
the nearest cache however large the city is. The bins turn: a list also holds timers of later rounds. How
wide a bin is changes speed and nothing else. A timer is stale when the stamp of its row has moved on; stale
timers are skipped, not counted. Consequences at the same instant (a person falls free, a case joins a queue)
go through the ring in the order in which they were caused, before the next timer.
"""

from __future__ import annotations

import numpy as np

from sim.engine.codes import NEVER
from sim.engine.jit import njit
from sim.engine.kinds import F, I, U, W

_LAST_BIN = 4e18


@njit((W, F))
def _bin_of(world, time):
    return np.int64(min(time * world.clock[0].bins_per_min, _LAST_BIN))


@njit((W, I, F, I, U, I))
def _before(world, i, time, kind, entity, stamp):
    """Return True when heap row ``i`` comes before the given event."""
    e = world.heap[i]
    if e.time != time:
        return e.time < time
    if e.kind != kind:
        return e.kind < kind
    if e.entity != entity:
        return e.entity < entity
    return e.stamp <= stamp


@njit((W, I, F, U, I, I, I))
def _put(world, i, time, entity, kind, row, stamp):
    e = world.heap[i]
    e.time, e.entity, e.kind, e.row, e.stamp = time, entity, kind, row, stamp


@njit((W, I, I))
def _copy(world, to, origin):
    a, b = world.heap[to], world.heap[origin]
    a.time, a.entity, a.kind, a.row, a.stamp = b.time, b.entity, b.kind, b.row, b.stamp


@njit((W, F, I, I, U, I))
def _push(world, time, kind, row, entity, stamp):
    """Put a timer into the heap."""
    clock = world.clock
    i = clock[0].heap
    clock[0].heap = i + 1
    while i > 0:
        up = (i - 1) >> 2
        if _before(world, up, time, kind, entity, stamp):
            break
        _copy(world, i, up)
        i = up
    _put(world, i, time, entity, kind, row, stamp)


@njit((W, I, F, I, I, U, I))
def _lay_by(world, number, time, kind, row, entity, stamp):
    """Hang a timer on the list of its bin; links count from 1, 0 is the end."""
    clock, later, bins = world.clock[0], world.later, world.bins
    i = clock.later_free
    if i > 0:
        clock.later_free = later[i - 1].following
    else:
        clock.later += 1
        i = clock.later
    place = number & (bins.shape[0] - 1)
    e = later[i - 1]
    e.time, e.entity, e.kind, e.row, e.stamp, e.following = time, entity, kind, row, stamp, bins[place]
    bins[place] = i


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


@njit((W,))
def _open_next_bin(world):
    """Bring the timers of the next bin to the heap; those of later rounds stay on its list."""
    clock, later, bins = world.clock[0], world.later, world.bins
    clock.bin += 1
    place = clock.bin & (bins.shape[0] - 1)
    i, kept = np.int64(bins[place]), 0
    while i > 0:
        e = later[i - 1]
        following = np.int64(e.following)
        if _bin_of(world, e.time) <= clock.bin:
            _push(world, e.time, e.kind, e.row, e.entity, e.stamp)
            e.following = clock.later_free
            clock.later_free = i
        else:
            e.following = kept
            kept = i
        i = following
    bins[place] = kept


@njit((W, F))
def first_time(world, limit):
    """Return the time of the first timer, which then heads the heap; NEVER when none comes up to ``limit``."""
    clock = world.clock[0]
    if clock.heap == 0 and clock.timers > 0:
        last = _bin_of(world, limit)
        while clock.heap == 0 and clock.bin < last:
            _open_next_bin(world)
    return world.heap[0].time if clock.heap > 0 else NEVER


@njit((W, I, I))
def _first_child(world, i, n):
    """Return the child of a node that comes first, -1 when it has none."""
    heap = world.heap
    best = 4 * i + 1
    if best >= n:
        return -1
    for child in range(best + 1, min(best + 4, n)):
        if heap[child].time < heap[best].time:
            best = child
        elif heap[child].time == heap[best].time:
            b = heap[best]
            if _before(world, child, b.time, b.kind, b.entity, b.stamp):
                best = child
    return best


@njit((W,))
def drop_first(world):
    """Remove the first timer, which `first_time` has brought to the head of the heap."""
    heap, clock = world.heap, world.clock
    n = clock[0].heap - 1
    clock[0].heap = n
    clock[0].timers -= 1
    last = heap[n]
    time, entity, kind, row, stamp = last.time, last.entity, last.kind, last.row, last.stamp
    i = 0
    while True:
        child = _first_child(world, i, n)
        if child < 0 or not _before(world, child, time, kind, entity, stamp):
            break
        _copy(world, i, child)
        i = child
    _put(world, i, time, entity, kind, row, stamp)


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
