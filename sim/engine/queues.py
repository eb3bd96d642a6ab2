"""Waiting lines: one ordered tree of tasks per group of staff (a treap over columns of the task table).

Order is (key, created, incident, entity): smallest first, ties by age, then in the order in which incidents came
(that of the script for those of one instant), then by stable name. Inserting, removing
from anywhere and stepping in order cost O(log n); a list of a million waiting tasks is as good as one of
ten. Rules may walk a line with `first_in_queue` and `next_in_queue`.
"""

from __future__ import annotations

import numpy as np

from sim.engine.draws import mix
from sim.engine.jit import jitable, njit
from sim.engine.kinds import I, W


@njit((W, I, I))
def _precedes(world, a, b):
    tasks = world.tasks
    if tasks[a].key != tasks[b].key:
        return tasks[a].key < tasks[b].key
    if tasks[a].created_min != tasks[b].created_min:
        return tasks[a].created_min < tasks[b].created_min
    first, second = world.cases[tasks[a].case].incident, world.cases[tasks[b].case].incident
    if first != second:
        return first < second
    return tasks[a].entity < tasks[b].entity


@njit((W, I, I, I))
def _replace(world, pool, old, new):
    """Hang ``new`` where ``old`` hung."""
    pools, tasks = world.pools, world.tasks
    up = tasks[old].up
    if up < 0:
        pools[pool].queue_root = new
    elif tasks[up].left == old:
        tasks[up].left = new
    else:
        tasks[up].right = new
    if new >= 0:
        tasks[new].up = up


@njit((W, I, I))
def _rotate_up(world, pool, t):
    """Rotate ``t`` above its parent."""
    tasks = world.tasks
    up = tasks[t].up
    _replace(world, pool, up, t)
    if tasks[up].left == t:
        inner = tasks[t].right
        tasks[t].right = up
        tasks[up].left = inner
    else:
        inner = tasks[t].left
        tasks[t].left = up
        tasks[up].right = inner
    tasks[up].up = t
    if inner >= 0:
        tasks[inner].up = up


@njit((W, I, I))
def queue_insert(world, pool, t):
    """Put task ``t`` into the line of a pool by its key."""
    pools, tasks = world.pools, world.tasks
    tasks[t].left = tasks[t].right = tasks[t].up = -1
    tasks[t].heap_rank = np.int32(mix(tasks[t].entity, 77) & np.uint64(0x7FFFFFFF))
    pools[pool].queue_count += 1
    at = pools[pool].queue_root
    if at < 0:
        pools[pool].queue_root = t
        return
    while True:
        step = tasks[at].left if _precedes(world, t, at) else tasks[at].right
        if step < 0:
            break
        at = step
    if _precedes(world, t, at):
        tasks[at].left = t
    else:
        tasks[at].right = t
    tasks[t].up = at
    while tasks[t].up >= 0 and tasks[tasks[t].up].heap_rank < tasks[t].heap_rank:
        _rotate_up(world, pool, t)


@njit((W, I, I))
def queue_remove(world, pool, t):
    """Take task ``t`` out of the line of a pool."""
    pools, tasks = world.pools, world.tasks
    while tasks[t].left >= 0 and tasks[t].right >= 0:
        l, r = tasks[t].left, tasks[t].right
        _rotate_up(world, pool, l if tasks[l].heap_rank > tasks[r].heap_rank else r)
    child = tasks[t].left if tasks[t].left >= 0 else tasks[t].right
    _replace(world, pool, t, child)
    tasks[t].left = tasks[t].right = tasks[t].up = -1
    pools[pool].queue_count -= 1


@jitable
def first_in_queue(view, pool):
    """Return the first task in the line of a pool, -1 when it is empty."""
    t = view.pools[pool].queue_root
    if t < 0:
        return t
    tasks = view.tasks
    while tasks[t].left >= 0:
        t = tasks[t].left
    return t


@jitable
def next_in_queue(view, t):
    """Return the task after ``t`` in its line, -1 at the end."""
    tasks = view.tasks
    if tasks[t].right >= 0:
        t = tasks[t].right
        while tasks[t].left >= 0:
            t = tasks[t].left
        return t
    while tasks[t].up >= 0 and tasks[tasks[t].up].right == t:
        t = tasks[t].up
    return tasks[t].up
