"""Tasks: a case's request to one group of staff for one stage of work.

A case has one task at a time under its holder, several when departments were whistled for together. Here
tasks are made, cancelled and lost; joining a line, travelling and working is `handling`, what a finished
stage means is `stages`. Draws of a task are named by its incident, so that the same work is required in
every arm whoever does it.
"""

from __future__ import annotations

import numpy as np

from sim.agents.duty import fall_free, turn_off_the_way
from sim.cases.offering import offer
from sim.engine.codes import (
    A_TRAVEL,
    EV_LAG_DONE,
    K_HOLDER,
    K_INTAKE,
    NEVER,
    NOW_COORDINATE,
    NOW_FREE,
    NOW_JOIN,
    OFFERED,
    P_LAG,
    P_TAKE,
    P_TOUCH,
    R_NO_HOLDER,
    S_BUSY,
    S_IDLE,
    T_ASSIGNED,
    T_CANCELLED,
    T_DONE,
    T_HOLDING,
    T_LAG,
    T_LOST,
    T_NEW,
    T_QUEUED,
    T_WORKING,
    TK_BARE,
    W_DESK,
    W_FACILITY,
)
from sim.engine.draws import draw, mix
from sim.engine.events import at_once, schedule
from sim.engine.jit import njit
from sim.engine.kinds import I, W
from sim.engine.queues import queue_remove

_ONE = np.uint64(1)
PARTS = 1 << 40  # ordinals of departments' parts lie above those of stages


@njit
def holder_post(world, case):
    """Return the post that holds the case now: its department's, or its level's by the type's ladder."""
    c = world.cases[case]
    if c.dept >= 0:
        return np.int64(world.departments[c.dept].post)
    return np.int64(world.ladder[c.type, c.level])


@njit((W, I))
def department_code(world, dept):
    """Return a number below 2^30 from a department's name, 0 for none: rows may move, names stay."""
    if dept < 0:
        return 0
    return np.int64(world.departments[dept].entity >> np.uint64(34)) | 1


@njit((W, I, I, I, I, I, I))
def add_task(world, case, kind, stage, dept, post, ordinal):
    """Append a task for a post; its group is the one that serves the case's grid. Returns the row."""
    clock, c = world.clock, world.cases[case]
    t = clock[0].tasks
    clock[0].tasks = t + 1
    k = world.tasks[t]
    typ = world.types[c.type]
    k.entity = mix(c.entity, np.uint64(ordinal))
    k.case, k.kind, k.stage, k.dept, k.grid = case, kind, stage, dept, c.grid
    k.pool = world.pool_of[post, c.grid] if post >= 0 else -1
    k.level, k.type = c.level, c.type
    k.created_min, k.queued_min = clock[0].now, NEVER
    k.assigned_min = k.arrived_min = k.started_min = k.left_min = k.done_min = NEVER
    k.temper = k.boost = k.key = 0.0
    k.left = k.right = k.up = k.first_staff = k.request = k.owner = -1
    k.stamp, k.heap_rank = 0, 0
    k.place, k.last_mile_min = c.place, world.incidents[c.incident].last_mile_min
    k.n_staff, k.n_assigned, k.n_arrived, k.state, k.capability, k.atomic = 1, 0, 0, T_NEW, -1, 1
    k.emergency, k.preemptible = typ.emergency, typ.preemptible
    k.urgency = typ.urgency
    k.lights = typ.emergency
    k.where, k.travels, k.interrupted = 0, 1, 0
    k.accepted, k.mine, k.reminders, k.asks, k.supervised = 0, 1, 0, 0, c.supervised
    k.expected_min = 0.0
    world.work[t].touch_left_min = world.work[t].lag_min = 0.0
    c.task = t
    c.open_tasks += 1
    return t


@njit
def start_intake(world, case, operators):
    """Make the task of taking a contact: an operator is busy, nobody travels."""
    c = world.cases[case]
    t = add_task(world, case, K_INTAKE, 0, -1, operators, 1)
    k = world.tasks[t]
    k.travels, k.where = 0, W_DESK
    world.work[t].touch_left_min = draw(world, world.channels[c.channel].take, c.entity, P_TAKE, 0)
    at_once(world, NOW_JOIN, t, 0, 0)


@njit
def _stage_place(world, k, stage, place):
    """Set where a stage happens and whether people must travel there."""
    k.where = stage.where
    k.travels = 0 if stage.where == W_DESK else 1
    if stage.where == W_FACILITY:
        k.place = world.facility_near[stage.facility, place]
        k.last_mile_min = 0.0


@njit((W, I, I, I))
def make_stage_task(world, case, number, post):
    """Append the task of a stage for a post that serves the case's grid, with the work that it will take."""
    c = world.cases[case]
    stage = world.stages[world.types[c.type].first_stage + number]
    ordinal = 16 + number + 64 * (c.attempt + 256 * department_code(world, np.int64(c.dept)))
    t = add_task(world, case, K_HOLDER, number, c.dept, post, ordinal)
    k, entity = world.tasks[t], world.incidents[c.incident].entity
    k.n_staff, k.capability, k.atomic = stage.n_staff, stage.capability, stage.atomic
    k.expected_min, k.lights = stage.expected_min, stage.lights
    _stage_place(world, k, stage, c.place)
    if c.owner >= 0 and world.staff[c.owner].pool == k.pool:
        k.owner = c.owner
    world.work[t].touch_left_min = draw(world, stage.touch, entity, P_TOUCH, number + 64 * c.attempt)
    world.work[t].lag_min = draw(world, stage.lag, entity, P_LAG, number + 64 * c.attempt)
    c.stage = number
    return t


@njit((W, I, I))
def start_stage(world, case, number):
    """Begin a stage of the holder's work; returns the task, -1 when there is no group to do it."""
    c, now = world.cases[case], world.clock[0].now
    c.spent = c.waits = 0
    stage = world.stages[world.types[c.type].first_stage + number]
    post = np.int64(stage.who) if stage.who >= 0 else holder_post(world, case)
    if stage.n_staff > 0 and (post < 0 or world.pool_of[post, c.grid] < 0):
        c.reason = R_NO_HOLDER
        at_once(world, NOW_COORDINATE, case, R_NO_HOLDER, c.attempt)
        return -1
    t = make_stage_task(world, case, number, post)
    if stage.n_staff == 0:
        k, work = world.tasks[t], world.work[t]
        k.state, k.started_min = T_LAG, now
        schedule(world, now + work.touch_left_min + work.lag_min, EV_LAG_DONE, t, k.entity, k.stamp)
    elif not stage.keep_staff:
        at_once(world, NOW_JOIN, t, 0, 0)
    return t


@njit((W, I))
def leave_owner(world, case):
    """A case leaves its owner, who has room for another and is offered the line when free."""
    s = np.int64(world.cases[case].owner)
    if s < 0:
        return
    k = world.staff[s]
    k.cases_open -= 1
    falls_below = k.cases_open == k.caseload_cap - 1
    if k.state == S_IDLE and k.on_duty == 1 and falls_below and world.pools[k.pool].queue_count > 0:
        at_once(world, NOW_FREE, s, OFFERED, k.stamp)


@njit
def is_pending(state):
    """Return True for a task that nobody works on yet."""
    return state < T_ASSIGNED


@njit((W, I, I))
def end_task(world, t, state):
    """Mark a task as ended in ``state`` and take it off its case."""
    k = world.tasks[t]
    k.state = state
    k.stamp += 1
    k.done_min = world.clock[0].now
    world.cases[k.case].open_tasks -= 1


@njit
def cancel_pending(world, case):
    """Withdraw the case's latest task when nobody works on it yet; returns True when it was withdrawn."""
    t = world.cases[case].task
    if t < 0 or world.cases[case].open_tasks <= 0:
        return True
    k = world.tasks[t]
    if k.state == T_DONE or k.state == T_LOST or k.state == T_CANCELLED:
        return True
    if not is_pending(k.state) or k.n_assigned > 0:
        return False
    waited = k.state == T_QUEUED
    if waited:
        queue_remove(world, k.pool, t)
    end_task(world, t, T_CANCELLED)
    if waited:
        offer(world, np.int64(k.pool))  # it may have held up who stood behind it
    return True


@njit((W, I))
def missing(world, case):
    """Return the mask of departments that seem needed, have not done their part and are not at it."""
    c = world.cases[case]
    mask = c.known_needs & ~c.done_needs & ~c.called
    if c.dept >= 0:
        mask &= ~(_ONE << np.uint64(c.dept))  # who holds the case does its own part
    return mask


@njit((W, I))
def _send_home(world, t):
    """Everybody on a task that is called off falls free, wherever they are."""
    k = world.tasks[t]
    s = np.int64(k.first_staff)
    while s >= 0:
        staff = world.staff[s]
        following = np.int64(staff.next_in_task)
        if staff.activity == A_TRAVEL:
            turn_off_the_way(world, s, np.int64(k.place))
        fall_free(world, s)
        s = following
    k.first_staff = -1
    k.n_assigned = k.n_arrived = 0


@njit((W, I))
def call_off_called(world, case):
    """Departments that were called at once are called off: the case is over, or was another one."""
    c = world.cases[case]
    r = np.int64(c.request)
    while r >= 0:
        q = world.requests[r]
        if q.state == 0:
            q.state, q.timer_min = 1, NEVER
            q.stamp += 1
            for t in range(q.first_task, q.first_task + q.n_called):
                k = world.tasks[t]
                if k.state != T_DONE:
                    if k.state == T_QUEUED:
                        queue_remove(world, np.int64(k.pool), t)
                    _send_home(world, t)
                    end_task(world, t, T_CANCELLED)
                    offer(world, np.int64(k.pool))
        r = np.int64(q.before)
    c.called, c.request = np.uint64(0), -1


@njit
def is_attended(world, case):
    """Return True while somebody is on the way to the case, waits there or works on it."""
    t = world.cases[case].task
    if t < 0:
        return False
    s = world.tasks[t].state
    return s == T_ASSIGNED or s == T_HOLDING or s == T_WORKING or s == T_LAG


@njit
def is_bare(world, case):
    """Return True for a case of a bare model, whose life is its stages and nothing else."""
    return world.types[world.cases[case].type].kind == TK_BARE


@njit
def staff_is_on(world, s, t):
    """Return True when a member of staff still belongs to a task."""
    return world.staff[s].state == S_BUSY and world.staff[s].task == t
