"""Plain lines: models whose customers wait first come, first served for the first free of a few like servers.

Where nobody travels, gives up, is interrupted or comes again, a customer's start follows from the starts before
(Kiefer & Wolfowitz 1955), without events or questions. So a textbook queue is served here in one pass over its
arrivals, from the beginning of a run up to a time; the loop goes on from there. Rows and counters are what the loop
would have made of the same draws, which a test holds; anything not plain is left to the loop.
"""

from __future__ import annotations

import numpy as np
from numba import types

from sim.cases.intake import bare_case
from sim.cases.tasks import make_stage_task
from sim.engine.ahead import fetch_arrival
from sim.engine.blocks import as_world
from sim.engine.codes import (
    A_WORK,
    C_CLOSED,
    CONSTANT,
    EV_WORK_DONE,
    F_RESOLVED,
    NEVER,
    O_SETTLED,
    S_BUSY,
    S_IDLE,
    T_DONE,
    T_QUEUED,
    T_WORKING,
    TK_BARE,
    W_DESK,
)
from sim.engine.events import has_timer, is_earlier, pass_bins, schedule
from sim.engine.jit import njit
from sim.engine.kinds import B, F, I, W
from sim.engine.queues import queue_insert

MOST_SERVERS = 64  # of a line: they are searched one by one
RULES = {"dispatch": "nearest_idle", "pick": "smallest_key", "priority": "fifo"}  # the only ones that are foreseen


# ---------------------------------------------------------------- what is plain
@njit((W, I))
def _is_zero(world, law):
    return law >= 0 and world.laws[law].kind == CONSTANT and world.laws[law].a == 0.0


@njit((W, I))
def _has_plain_type(world, typ):
    """Return True for a bare type of one stage that takes one server and nothing else."""
    t = world.types[typ]
    stage = world.stages[t.first_stage]
    once = t.stages == 1 and world.routes[t.first_stage, 0] <= 0.0 and _is_zero(world, stage.lag)
    alone = stage.n_staff == 1 and stage.capability < 0 and stage.keep_staff == 0 and stage.who >= 0
    patient = t.queue_patience < 0 and t.emergency == 0
    return t.kind == TK_BARE and once and alone and patient and stage.where == W_DESK


@njit((W, I))
def _has_plain_line(world, pool):
    """Return True for a group of few servers, all at rest on duty, whose line is endless and cannot be jumped."""
    p = world.pools[pool]
    post = world.posts[p.post]
    if p.capacity >= 0 or p.preemptive == 1 or p.idle != p.count or p.count > MOST_SERVERS or post.patrol_share > 0.0:
        return False
    for s in range(p.first, p.first + p.count):
        k = world.staff[s]
        if k.state != S_IDLE or k.on_duty == 0 or k.owed_min > 0.0 or k.caseload_cap < 1:
            return False
    return True


@njit((W,))
def _all_served(world):
    """Return True when every type's post has a group in every grid."""
    for typ in range(world.types.shape[0]):
        who = world.stages[world.types[typ].first_stage].who
        for grid in range(world.grids.shape[0]):
            if world.pool_of[who, grid] < 0:
                return False
    return True


@njit((W, F))
def _is_plain(world, until):
    """Return True when a run stands at its beginning and everything in it is plain up to a time."""
    clock = world.clock[0]
    begun = clock.cursor > 0 or clock.now_count > 0 or clock.cases > 0 or has_timer(world, until)
    if begun or clock.ties > 0 or clock.log_level > 0 or clock.reposition == 1 or world.sweeps.shape[0] > 0:
        return False
    if world.rules[0].dispatch_max_travel_min <= 0.0 or world.cases.shape[0] < world.incidents.shape[0]:
        return False
    for typ in range(world.types.shape[0]):
        if not _has_plain_type(world, typ):
            return False
    for pool in range(world.pools.shape[0]):
        if not _has_plain_line(world, pool):
            return False
    return _all_served(world)


# ---------------------------------------------------------------- serving
@njit((W, I, F, types.Array(types.float64, 1, "C")))
def _first_idle(world, pool, now, free_at):
    """Return the first server of a group that is free at an arrival, -1 when all are busy."""
    p = world.pools[pool]
    for s in range(p.first, p.first + p.count):
        if not is_earlier(now, free_at[s]):  # who finishes at this instant is free for what comes at it
            return s
    return -1


@njit((W, I, types.Array(types.float64, 1, "C")))
def _next_free(world, pool, free_at):
    """Return the server of a group that falls free first; ties as the loop breaks them, by the entity of the task."""
    p = world.pools[pool]
    best: int = p.first
    for s in range(p.first + 1, p.first + p.count):
        if is_earlier(free_at[s], free_at[best]):
            best = s
        elif not is_earlier(free_at[best], free_at[s]):
            mine, other = world.tasks[world.staff[s].task].entity, world.tasks[world.staff[best].task].entity
            best = s if mine < other else best
    return best


@njit((W, I))
def _wait(world, t):
    """A task stands in line at the end of the pass."""
    k = world.tasks[t]
    k.state, k.key, k.queued_min = T_QUEUED, k.created_min, k.created_min
    queue_insert(world, np.int64(k.pool), t)


@njit((W, I, I, F, B))
def _start(world, t, s, start, waited):
    """A server begins a task."""
    k, staff = world.tasks[t], world.staff[s]
    c = world.cases[k.case]
    if waited:
        k.key = k.queued_min = k.created_min
        k.stamp = 1
    k.stamp += 2  # sent, begun
    k.state, k.first_staff, k.n_assigned, k.n_arrived = T_WORKING, s, 1, 1
    k.assigned_min = k.arrived_min = k.started_min = start
    c.assigned_min = c.arrived_min = world.incidents[c.incident].attended_min = start
    c.owner = s
    staff.task, staff.since_min = t, start
    staff.stamp += 1
    world.clock[0].decisions += 1


@njit((W, I, I, F))
def _finish(world, t, s, finish):
    """A server has done a task, and its case is settled."""
    k, staff = world.tasks[t], world.staff[s]
    c = world.cases[k.case]
    e, spent = world.incidents[c.incident], finish - staff.since_min
    k.state, k.first_staff, k.n_assigned, k.n_arrived = T_DONE, -1, 0, 0
    k.stamp += 2  # worked, ended
    k.left_min = k.done_min = finish
    c.touch_min += spent
    c.open_tasks, c.state, c.outcome, c.closed_min = 0, C_CLOSED, O_SETTLED, finish
    c.stamp += 1
    c.attempt += 1
    e.fate, e.ended_min, e.resolved_min, e.open_case = F_RESOLVED, finish, finish, -1
    staff.busy_min += spent
    staff.tasks_done += 1
    staff.stamp += 1
    staff.since_min = finish
    world.clock[0].events += 1


@njit((W, I, F, types.Array(types.float64, 1, "C")))
def _serve(world, i, until, free_at):
    """An arrival: make its rows, and what becomes of it up to ``until``."""
    case = bare_case(world, i)
    who = world.stages[world.types[world.cases[case].type].first_stage].who
    t = make_stage_task(world, case, 0, np.int64(who))
    now, pool = world.clock[0].now, np.int64(world.tasks[t].pool)
    s = _first_idle(world, pool, now, free_at)
    start, waited = now, s < 0
    if waited:
        s = _next_free(world, pool, free_at)
        start = free_at[s]
        if is_earlier(until, start):
            _wait(world, t)
            return
    _start(world, t, s, start, waited)
    free_at[s] = start + world.work[t].touch_left_min
    if not is_earlier(until, free_at[s]):
        _finish(world, t, s, free_at[s])


@njit((W, F, types.Array(types.float64, 1, "C")))
def _hand_over(world, until, free_at):
    """Leave every server as the loop expects to find it: at rest, or at work with a timer."""
    pass_bins(world, until)
    for s in range(world.staff.shape[0]):
        k = world.staff[s]
        if not is_earlier(until, free_at[s]):
            k.task = -1
            continue
        task, pool = world.tasks[k.task], world.pools[k.pool]
        k.state, k.activity, k.cases_open = S_BUSY, A_WORK, 1
        pool.idle -= 1
        pool.busy += 1
        schedule(world, free_at[s], EV_WORK_DONE, np.int64(k.task), task.entity, np.int64(task.stamp))


@njit(types.boolean(types.int64, types.float64), nogil=True)
def serve_plain(address, until):
    """Run a world from its beginning up to a time, if it is plain.

    Parameters
    ----------
    address
        `World.address`; nobody has anything left to do at this instant.
    until
        Minutes since the start; what happens at this very time is included.

    Returns
    -------
    bool
        False when something in it is not plain; nothing has changed then.
    """
    world = as_world(address)
    if not _is_plain(world, until):
        return False
    clock = world.clock[0]
    free_at = np.full(world.staff.shape[0], -NEVER)
    while clock.cursor < world.incidents.shape[0] and not is_earlier(until, world.incidents[clock.cursor].occurred_min):
        clock.now = world.incidents[clock.cursor].occurred_min
        clock.cursor += 1
        clock.events += 1
        clock.joins += 1
        fetch_arrival(world, clock.cursor)
        _serve(world, clock.cursor - 1, until, free_at)
    clock.now = until
    _hand_over(world, until, free_at)
    return True
