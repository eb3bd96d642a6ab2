"""Calling off: work or a drive is left for something more urgent, or at the end of a shift, and taken up later.

Who is at work is interrupted, who is on the way is diverted; both leave the task to their group's line and are then
offered what is first in it. Joining the line is `handling`.
"""

from __future__ import annotations

import numpy as np

from sim.agents.duty import fall_free, turn_off_the_way
from sim.cases.stages import keeps_crew
from sim.engine.codes import (
    A_TRAVEL,
    A_WORK,
    K_HOLDER,
    L_PREEMPT,
    L_SUSPEND,
    NOW_JOIN,
    PUT_BACK,
    S_BUSY,
    T_ASSIGNED,
    T_NEW,
    T_QUEUED,
    T_WORKING,
)
from sim.engine.events import at_once
from sim.engine.jit import njit
from sim.engine.kinds import I, W
from sim.engine.log import log
from sim.engine.queues import queue_remove


@njit((W, I))
def _is_on_the_way(world, s):
    """Return True for somebody who drives to a task that can be left: not with the case of the stage before."""
    t = np.int64(world.staff[s].task)
    k = world.tasks[t]
    return (
        world.staff[s].activity == A_TRAVEL
        and k.state == T_ASSIGNED
        and not (k.kind == K_HOLDER and keeps_crew(world, t))
    )


@njit((W, I, I))
def _may_leave(world, s, t):
    """Return True when a busy person may leave the present task for an urgent one and can then take it."""
    k = world.staff[s]
    if k.state != S_BUSY or k.on_duty == 0:
        return False  # who works overtime would go home, not take the urgent task
    urgent, other = world.tasks[t], world.tasks[k.task]
    if other.preemptible == 0 or other.n_staff != 1 or other.request >= 0 or other.urgency <= urgent.urgency:
        return False
    if urgent.capability >= 0 and not (k.capabilities >> np.uint32(urgent.capability)) & np.uint32(1):
        return False
    if urgent.kind == K_HOLDER and urgent.owner != s and k.cases_open >= k.caseload_cap:
        return False
    return (k.activity == A_WORK and other.state == T_WORKING) or _is_on_the_way(world, s)


@njit((W, I, I))
def _loses_less(world, s, best):
    """Return True when calling ``s`` off costs less than ``best``: lower class, still on the way, latest begun."""
    a, b = world.tasks[world.staff[s].task], world.tasks[world.staff[best].task]
    if a.urgency != b.urgency:
        return a.urgency > b.urgency
    a_drives, b_drives = a.state == T_ASSIGNED, b.state == T_ASSIGNED
    if a_drives != b_drives:
        return a_drives
    if a_drives:
        return world.staff[s].since_min > world.staff[best].since_min
    return a.started_min > b.started_min


@njit((W, I))
def _whom_to_call_off(world, t):
    """Return who of the group leaves work or a drive for an urgent task, -1 when nobody may."""
    p = world.pools[world.tasks[t].pool]
    best = -1
    for s in range(p.first, p.first + p.count):
        if _may_leave(world, s, t) and (best < 0 or _loses_less(world, s, best)):
            best = s
    return best


@njit
def interrupt_for(world, t):
    """Interrupt lower work of the group, or divert somebody on the way to it, for a task that found nobody free."""
    if world.tasks[t].n_staff != 1:
        return
    s = _whom_to_call_off(world, t)
    if s >= 0:
        left = np.int64(world.staff[s].task)
        drives = world.tasks[left].state == T_ASSIGNED
        log(world, L_PREEMPT, world.tasks[left].case, s, world.tasks[left].grid, 1.0 if drives else 0.0)
        put_back(world, left)


@njit
def put_back(world, t):
    """Take a task from its people, at work on it, waiting there or on the way; what is left is resumed later.

    It joins its line again with its old age: before all of its kind that came after it.
    """
    k, now = world.tasks[t], world.clock[0].now
    if k.state == T_WORKING:
        world.work[t].touch_left_min = max(0.0, world.work[t].touch_left_min - (now - k.arrived_min))
    elif k.state == T_QUEUED:
        queue_remove(world, np.int64(k.pool), t)
    k.interrupted += 1
    k.stamp += 1
    s = np.int64(k.first_staff)
    while s >= 0:
        following = np.int64(world.staff[s].next_in_task)
        _leave(world, s, t)
        s = following
    k.first_staff = -1
    k.n_assigned = k.n_arrived = 0
    k.state = T_NEW
    at_once(world, NOW_JOIN, t, PUT_BACK, 0)


@njit((W, I, I))
def _leave(world, s, t):
    """One of its people leaves a task that is put back."""
    k, staff, now = world.tasks[t], world.staff[s], world.clock[0].now
    c = world.cases[k.case]
    if staff.activity == A_WORK:
        c.touch_min += now - max(k.arrived_min, staff.since_min)
    elif staff.activity == A_TRAVEL:
        c.travel_min += now - staff.since_min
        turn_off_the_way(world, s, np.int64(k.place))
    if k.kind == K_HOLDER and c.owner == s:
        k.owner = s  # who owns the case may take it up again whatever the limit of cases
    fall_free(world, s)


@njit((W, I))
def is_left_at_the_end(world, t):
    """Return True for a task that its people leave when duty ends, whatever is left of it to do."""
    k = world.tasks[t]
    return world.types[world.cases[k.case].type].overtime == 1 and k.request < 0


@njit((W, I))
def somebody_is_off(world, t):
    """Return True when the duty of one of a task's people has ended."""
    s = world.tasks[t].first_staff
    while s >= 0:
        if world.staff[s].on_duty == 0:
            return True
        s = world.staff[s].next_in_task
    return False


@njit((W, I))
def shift_ends(world, s):
    """Who is with a case at the end of the shift finishes it in overtime, or suspends it, by its type.

    A crew is interrupted when the duty of one of it ends, and the work goes on when a crew is whole again. Who is on
    the way from one stage to the next suspends it on arrival.
    """
    t = np.int64(world.staff[s].task)
    k = world.tasks[t]
    if not is_left_at_the_end(world, t):
        return
    there = k.state == T_WORKING or k.state == T_QUEUED
    on_the_way = k.state == T_ASSIGNED and not (k.kind == K_HOLDER and keeps_crew(world, t))
    if there or on_the_way:
        log(world, L_SUSPEND, k.case, s, k.grid, 0.0)
        put_back(world, t)
