"""The event queue: a heap of timers (four children a node), and a ring of things to do at the same instant.

Timers are ordered by (time, kind, entity, stamp), so that ties break alike in every arm whatever rows
things stand in. A timer is stale when the stamp of its row has moved on; stale timers are skipped, not
counted. Consequences at the same instant (a person falls free, a case joins a queue) go through the ring
in the order in which they were caused, before the next timer.
"""

from __future__ import annotations

from sim.engine.jit import njit
from sim.engine.kinds import F, I, U, W


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
def schedule(world, time, kind, row, entity, stamp):
    """Set a timer; a time of NEVER or later sets none."""
    if time >= 1e299:
        return
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
    """Remove the first timer."""
    heap, clock = world.heap, world.clock
    n = clock[0].heap - 1
    clock[0].heap = n
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
