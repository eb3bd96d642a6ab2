"""Handling: joining a line, being sent, arriving, working, leaving the line. Being interrupted is `calling_off`.

These are the moves between a task and the people of its group. Whom to send and what to take next is asked
of the hooks by `sim.loop`; here the answers take effect. Units seized together start together; a task that
needs more people than are free keeps its place, and nobody overtakes it.
"""

from __future__ import annotations

import numpy as np

from sim.agents.duty import count_work, set_out
from sim.agents.residents import hang_up
from sim.cases.calling_off import interrupt_for, is_left_at_the_end, put_back, somebody_is_off
from sim.cases.closing import lose_case
from sim.cases.offering import offer
from sim.cases.stages import finish_task, keeps_crew
from sim.cases.tasks import end_task
from sim.engine.codes import (
    A_HOLD,
    A_WORK,
    EV_LAG_DONE,
    EV_PATIENCE,
    EV_TASK_READY,
    EV_WORK_DONE,
    K_HOLDER,
    K_INTAKE,
    K_PART,
    L_ARRIVE,
    L_ASSIGN,
    L_LAG,
    L_QUEUE,
    L_WORK,
    NEVER,
    NOW_JOIN,
    P_PATIENCE,
    S_BUSY,
    T_ASSIGNED,
    T_LAG,
    T_LOST,
    T_NEW,
    T_QUEUED,
    T_TRANSIT,
    T_WORKING,
)
from sim.engine.draws import draw
from sim.engine.events import at_once, schedule
from sim.engine.jit import njit
from sim.engine.kinds import I, W
from sim.engine.log import log
from sim.engine.queues import queue_insert, queue_remove
from sim.institutions.whistles import come_together, free_crew, part_finished, part_work_done


# ---------------------------------------------------------------- the line
@njit
def enqueue(world, t):
    """Put a task with its key into its group's line; a line without a free place loses it."""
    k, now = world.tasks[t], world.clock[0].now
    pool = np.int64(k.pool)
    p = world.pools[pool]
    if line_is_full(world, pool):
        if k.kind == K_PART:
            _come_later(world, t)
        else:
            lose(world, t)
        return
    k.state = T_QUEUED
    if k.queued_min >= NEVER:
        k.queued_min = now
    queue_insert(world, pool, t)
    log(world, L_QUEUE, k.case, -1, k.grid, p.queue_count)
    patience = _patience(world, t)
    if patience < NEVER:
        schedule(world, k.created_min + patience, EV_PATIENCE, t, k.entity, k.stamp)
    if k.urgency >= 0 and (p.preemptive == 1 or k.emergency == 1):
        interrupt_for(world, t)


@njit((W, I))
def line_is_full(world, pool):
    """Return True when a group's line has no free place."""
    p = world.pools[pool]
    return 0 <= p.capacity <= p.queue_count


@njit
def _come_later(world, t):
    """A department without a waiting place looks at the request again later."""
    k = world.tasks[t]
    k.state = T_TRANSIT
    k.stamp += 1
    at = world.clock[0].now + world.params[0].coordination_defer_min
    schedule(world, at, EV_TASK_READY, t, k.entity, k.stamp)


@njit
def _patience(world, t):
    k = world.tasks[t]
    c = world.cases[k.case]
    if k.interrupted > 0 or k.n_assigned > 0:
        return NEVER
    if k.kind == K_INTAKE:
        return draw(world, world.channels[c.channel].patience, c.entity, P_PATIENCE, 0)
    if k.kind == K_HOLDER and k.stage == 0 and c.attempt == 0:
        return draw(world, world.types[c.type].queue_patience, c.entity, P_PATIENCE, 1)
    return NEVER


@njit
def lose(world, t):
    """A task is lost: no waiting place, or the caller left."""
    k = world.tasks[t]
    end_task(world, t, T_LOST)
    if k.kind == K_INTAKE:
        hang_up(world, np.int64(k.case))
    else:
        lose_case(world, np.int64(k.case))


@njit
def patience_ends(world, t):
    """A caller has waited long enough."""
    k = world.tasks[t]
    pool = np.int64(k.pool)
    if k.n_assigned > 0:
        return  # somebody is already with the caller, who stays
    queue_remove(world, pool, t)
    lose(world, t)
    offer(world, pool)


@njit
def leave_queue(world, t):
    """Take a task out of its line before it is served."""
    if world.tasks[t].state == T_QUEUED:
        queue_remove(world, np.int64(world.tasks[t].pool), t)
        world.tasks[t].stamp += 1
        world.tasks[t].state = T_NEW


# ---------------------------------------------------------------- being sent
@njit
def send(world, t):
    """Everybody reserved for a task sets out."""
    k, now = world.tasks[t], world.clock[0].now
    c = world.cases[k.case]
    if k.assigned_min >= NEVER:
        k.assigned_min = now
    if k.kind != K_INTAKE and c.assigned_min >= NEVER:
        c.assigned_min = now
    if k.n_assigned >= k.n_staff:
        k.state = T_ASSIGNED
        k.stamp += 1
    _own(world, t)
    s = k.first_staff
    while s >= 0:
        following = world.staff[s].next_in_task
        if world.staff[s].state != S_BUSY:
            log(world, L_ASSIGN, k.case, s, k.grid, k.pool)
            if set_out(world, s, t, 1) <= 0.0:
                arrive(world, s)
        s = following


@njit
def _own(world, t):
    """The first of the holder's people to take a case owns it."""
    k = world.tasks[t]
    c = world.cases[k.case]
    if k.kind == K_HOLDER and c.owner < 0:
        c.owner = k.first_staff
        world.staff[c.owner].cases_open += 1


@njit
def _first_arrival(world, k, c, s):
    now = world.clock[0].now
    if k.arrived_min >= NEVER:
        k.arrived_min = now
    if c.arrived_min >= NEVER:
        c.arrived_min = now
    e = world.incidents[c.incident]
    if e.attended_min >= NEVER:
        e.attended_min = now
    log(world, L_ARRIVE, k.case, s, k.grid, k.stage)


@njit
def begin(world, t):
    """Work starts (or goes on after an interruption)."""
    k, now = world.tasks[t], world.clock[0].now
    k.state = T_WORKING
    if k.started_min >= NEVER:
        k.started_min = now
    k.stamp += 1
    s = k.first_staff
    while s >= 0:
        world.staff[s].activity = A_WORK
        s = world.staff[s].next_in_task
    log(world, L_WORK, k.case, k.first_staff, k.grid, k.stage)
    schedule(world, now + world.work[t].touch_left_min, EV_WORK_DONE, t, k.entity, k.stamp)


@njit((W, I))
def arrive(world, s):
    """A person reaches the place of the task."""
    staff, now = world.staff[s], world.clock[0].now
    t = np.int64(staff.task)
    k = world.tasks[t]
    c = world.cases[k.case]
    moved = now - staff.since_min
    if k.travels:
        staff.place = k.place
    staff.travel_min += moved
    count_work(world, s)
    staff.activity = A_HOLD
    c.travel_min += moved
    k.n_arrived += 1
    if k.kind != K_INTAKE:
        _first_arrival(world, k, c, s)
    if k.n_arrived >= k.n_staff:
        if k.request < 0 or k.left_min >= NEVER:  # a called crew that was let go and comes again has come in time
            k.arrived_min = now
        if k.request >= 0:
            come_together(world, t)
        elif (staff.on_duty == 0 or k.n_staff > 1) and is_left_at_the_end(world, t) and somebody_is_off(world, t):
            put_back(world, t)  # duty ended on the way between two stages
        else:
            begin(world, t)


@njit
def work_done(world, t):
    """The touch of a task is over: people fall free unless they go on with the next stage."""
    k = world.tasks[t]
    if k.request >= 0:
        part_work_done(world, t)
    else:
        k.state = T_LAG
    k.stamp += 1
    lag = world.work[t].lag_min
    keeps = k.kind == K_HOLDER and _next_keeps(world, t) and lag <= 0.0
    if not keeps and k.request < 0:
        free_crew(world, t)
    if lag > 0.0:
        log(world, L_LAG, k.case, -1, k.grid, k.stage)
        schedule(world, world.clock[0].now + lag, EV_LAG_DONE, t, k.entity, k.stamp)
    else:
        task_over(world, t)


@njit
def _next_keeps(world, t):
    """Return True when some stage after this one is done by the same people."""
    k = world.tasks[t]
    typ = world.types[world.cases[k.case].type]
    row = typ.first_stage + k.stage
    for j in range(typ.stages):
        if world.routes[row, j] > 0.0 and world.stages[typ.first_stage + j].keep_staff == 1:
            return True
    return False


@njit
def task_over(world, t):
    """Touch and lag are over: what follows, and who goes on with it."""
    k = world.tasks[t]
    crew = k.first_staff
    request = k.request
    following = finish_task(world, t)
    if request >= 0:
        part_finished(world, t)
        return
    if crew < 0:
        if following >= 0 and keeps_crew(world, following):
            at_once(world, NOW_JOIN, following, 0, 0)
        return
    if following >= 0 and keeps_crew(world, following):
        _hand_crew(world, t, following)
    else:
        free_crew(world, t)


@njit
def _hand_crew(world, t, following):
    """The same people go on with the next stage, moving to its place if it is elsewhere."""
    k, n, now = world.tasks[t], world.tasks[following], world.clock[0].now
    n.first_staff, n.n_assigned, n.n_staff = k.first_staff, k.n_assigned, k.n_assigned
    n.pool = k.pool
    k.first_staff, k.left_min = -1, now
    n.assigned_min, n.state = now, T_ASSIGNED
    s = n.first_staff
    while s >= 0:
        after = world.staff[s].next_in_task
        staff = world.staff[s]
        world.cases[k.case].touch_min += now - max(k.started_min, staff.since_min)
        count_work(world, s)
        world.pools[staff.pool].busy -= 1
        staff.task = following
        staff.stamp += 1
        if set_out(world, s, following, 0) <= 0.0:
            arrive(world, s)
        s = after
