"""Whistle and report-in: departments called at once, their crews' coming together, reminder and order.

Crews wait, busy, until the quorum and the lead department are there, and are released when they have waited
too long, so that two whistles that hold each other's crews cannot wait for ever. Who blows, and why, is
`holding`; how a department answers is `asking`.
"""

from __future__ import annotations

import math

import numpy as np

from sim.agents.duty import fall_free
from sim.cases.offering import offer
from sim.cases.stages import after_parts, outstanding
from sim.cases.tasks import missing
from sim.engine.codes import (
    EV_REQUEST,
    EV_TASK_READY,
    EV_WORK_DONE,
    L_FORCE,
    L_QUORUM,
    L_RELEASE,
    L_REMIND,
    L_SUPERVISE,
    L_WHISTLE,
    L_WORK,
    NEVER,
    T_DONE,
    T_HOLDING,
    T_LAG,
    T_QUEUED,
    T_REFUSED,
    T_TRANSIT,
    T_WORKING,
    WHISTLE_EMERGENCY,
)
from sim.engine.events import schedule
from sim.engine.jit import njit
from sim.engine.log import log
from sim.engine.queues import queue_remove
from sim.institutions.asking import accept, add_part, appointment, ask_department, bits, lead_task

_ONE = np.uint64(1)


LED_BY_HOME, LED_BY_FIRST = 0, 2  # by the street: its own people lead, no department is waited for


@njit
def _lead(world, case, mask, kind):
    """Return the department that leads from the start: the type's own, when it is called."""
    home = world.types[world.cases[case].type].department
    if kind == LED_BY_HOME and home >= 0 and mask & (_ONE << np.uint64(home)):
        return home
    return -1


@njit
def blow_whistle(world, case, template):
    """Blow the whistle: call every department that seems needed, at once."""
    c, clock = world.cases[case], world.clock
    w = world.whistles[template]
    together = w.kind == WHISTLE_EMERGENCY and world.params[0].coordination_emergency_at_once > 0.0
    mask = missing(world, case) if together else outstanding(world, case)
    n = bits(mask)
    if together:
        c.waits = 1 if c.open_tasks == 0 else c.waits  # nobody is at work: the case goes on when all have come
        c.at_once, c.called = 1, c.called | mask
    holders = c.task
    r = clock[0].requests
    clock[0].requests = r + 1
    q = world.requests[r]
    q.called, q.case, q.template, q.stamp = mask, case, template, 0
    q.blown_min = clock[0].now
    q.deadline_min = q.first_deadline_min = appointment(world, r, w.report_in_min)
    q.meet_min = max(clock[0].now + w.message_min, q.deadline_min - w.set_out_min) if w.appointed else clock[0].now
    q.hold_until_min = q.quorum_min = q.done_min = q.timer_min = NEVER
    q.n_called, q.quorum = n, max(1, np.int64(math.ceil(w.quorum * n - 1e-9)))
    q.n_accepted = q.n_present = q.n_done = q.reminders = q.supervisions = q.state = q.working = q.released = 0
    q.lead = _lead(world, case, mask, w.lead)
    q.first_task = clock[0].tasks
    q.before, q.at_once = c.request, 1 if together else 0
    c.request = r
    c.whistles += 1
    log(world, L_WHISTLE, case, c.owner, c.grid, n)
    for d in range(world.departments.shape[0]):
        if mask & (_ONE << np.uint64(d)):
            t = add_part(world, case, d, 0)
            k = world.tasks[t]
            k.request = r
            schedule(world, clock[0].now + w.message_min, EV_TASK_READY, t, k.entity, k.stamp)
    if together:
        c.task = holders  # they work beside the holder's people
    arm_request(world, r)


@njit
def arm_request(world, r):
    """Set a whistle's one timer: its deadline to come, or the end of holding."""
    q = world.requests[r]
    following = NEVER
    if q.state == 0:
        following = q.hold_until_min if q.n_present > 0 and q.working == 0 else NEVER
        if q.n_present < q.n_called:
            following = min(following, q.deadline_min)
    if following != q.timer_min:
        q.timer_min = following
        q.stamp += 1
        schedule(world, following, EV_REQUEST, r, world.cases[q.case].entity, q.stamp)


@njit
def _work_together(world, t):
    k, now = world.tasks[t], world.clock[0].now
    speed = world.whistles[world.requests[k.request].template].joint_speed
    k.state, k.started_min = T_WORKING, now
    k.stamp += 1
    log(world, L_WORK, k.case, k.first_staff, k.grid, k.dept)
    schedule(world, now + world.work[t].touch_left_min / speed, EV_WORK_DONE, t, k.entity, k.stamp)


@njit
def _may_start(world, r):
    """Return True when a quorum is there and the lead department is one of them."""
    q = world.requests[r]
    lead = lead_task(world, r)
    return q.n_present >= q.quorum and (lead < 0 or world.tasks[lead].state == T_HOLDING)


@njit
def come_together(world, t):
    """A called department is there: work starts with quorum and lead, and late-comers join at once."""
    k, now, r = world.tasks[t], world.clock[0].now, np.int64(world.tasks[t].request)
    q = world.requests[r]
    q.n_present += 1
    k.state = T_HOLDING
    if q.lead < 0 and world.whistles[q.template].lead == LED_BY_FIRST:
        q.lead = k.dept
    if q.at_once == 1:
        if q.quorum_min >= NEVER and q.n_present >= q.quorum:
            q.quorum_min, q.working = now, 1
            log(world, L_QUORUM, k.case, -1, k.grid, q.n_present)
        _work_together(world, t)  # in an emergency nobody waits for a meeting
    elif q.working == 1:
        _work_together(world, t)
    elif _may_start(world, r):
        q.working = 1
        q.quorum_min = now
        log(world, L_QUORUM, k.case, -1, k.grid, q.n_present)
        for other in range(q.first_task, q.first_task + q.n_called):
            if world.tasks[other].state == T_HOLDING:
                _work_together(world, other)
    elif q.hold_until_min >= NEVER:
        # who has waited in vain before waits longer, so that crews from far apart meet in the end
        q.hold_until_min = now + world.whistles[q.template].hold_min * (1.0 + q.released)
    arm_request(world, r)


@njit
def free_crew(world, t):
    """Everybody on a task falls free; their time goes to the case."""
    k, now = world.tasks[t], world.clock[0].now
    k.left_min = now
    s = k.first_staff
    while s >= 0:
        following = world.staff[s].next_in_task
        world.staff[s].tasks_done += 1
        if k.started_min < NEVER:
            world.cases[k.case].touch_min += now - max(k.started_min, world.staff[s].since_min)
        fall_free(world, s)
        s = following
    k.first_staff = -1
    k.n_assigned = k.n_arrived = 0


@njit
def part_work_done(world, t):
    """A whistled part's touch is over: its crew leaves now or when all who are there are done."""
    k = world.tasks[t]
    q = world.requests[k.request]
    q.n_done += 1
    k.state = T_LAG
    if world.whistles[q.template].stay == 0 or q.at_once == 1:
        free_crew(world, t)
    elif q.n_done >= q.n_present:
        for other in range(q.first_task, q.first_task + q.n_called):
            state = world.tasks[other].state
            if (state == T_LAG or state == T_DONE) and world.tasks[other].first_staff >= 0:
                free_crew(world, other)


@njit
def part_finished(world, t):
    """A whistled part is through: when all are, the case goes on."""
    r = np.int64(world.tasks[t].request)
    q = world.requests[r]
    c = world.cases[q.case]
    if q.state == 1:
        return  # called off meanwhile
    c.called &= ~(_ONE << np.uint64(world.tasks[t].dept))
    for other in range(q.first_task, q.first_task + q.n_called):
        if world.tasks[other].state != T_DONE:
            return
    q.state = 1
    q.done_min = world.clock[0].now
    if c.called == 0:
        c.request = -1
    arm_request(world, r)
    if q.at_once == 0 or (c.called == 0 and c.waits == 1):
        after_parts(world, np.int64(q.case))


@njit
def _release(world, r):
    """Crews have waited too long for the quorum: all leave, and come again at a new hour."""
    q, now = world.requests[r], world.clock[0].now
    w = world.whistles[q.template]
    q.meet_min = max(appointment(world, r, w.reconvene_min), now + 1.0)
    for t in range(q.first_task, q.first_task + q.n_called):
        k = world.tasks[t]
        if k.state == T_HOLDING:
            free_crew(world, t)
            q.n_present -= 1
            log(world, L_RELEASE, q.case, -1, k.grid, k.dept)
        elif k.state == T_QUEUED and k.n_assigned == 0:
            queue_remove(world, np.int64(k.pool), t)
            offer(world, np.int64(k.pool))  # it may have held up who stood behind it
        elif k.accepted == 0 or k.state != T_TRANSIT:
            continue  # who has promised for another hour is given the new one too, else they would never meet
        k.state = T_TRANSIT
        k.stamp += 1
        schedule(world, q.meet_min, EV_TASK_READY, t, k.entity, k.stamp)
    q.hold_until_min = NEVER
    q.released += 1


@njit
def _has_silent(world, r):
    """Return True when a called department has not promised to come."""
    q = world.requests[r]
    for t in range(q.first_task, q.first_task + q.n_called):
        k = world.tasks[t]
        if k.accepted == 0 and (k.state == T_TRANSIT or k.state == T_REFUSED):
            return True
    return False


@njit
def _remind(world, r):
    """The deadline to come has passed: reminder, then supervision, then order."""
    q, p = world.requests[r], world.params[0]
    c = world.cases[q.case]
    q.deadline_min = max(appointment(world, r, p.coordination_reminder_interval_min), world.clock[0].now + 1.0)
    if not _has_silent(world, r):
        return
    q.reminders += 1
    c.reminders += 1
    log(world, L_REMIND, q.case, -1, c.grid, q.reminders)
    if q.reminders > p.coordination_supervise_after_reminders:
        q.supervisions += 1
        c.supervised = 1
        log(world, L_SUPERVISE, q.case, -1, c.grid, q.supervisions)
    forced = q.supervisions > p.coordination_force_after_supervisions
    for t in range(q.first_task, q.first_task + q.n_called):
        k = world.tasks[t]
        if k.accepted == 0 and (k.state == T_TRANSIT or k.state == T_REFUSED):
            k.reminders += 1
            k.supervised = c.supervised
            k.stamp += 1
            if forced:
                log(world, L_FORCE, q.case, -1, k.grid, k.dept)
                accept(world, t, 0.0)
            else:
                ask_department(world, t)


@njit
def request_timer(world, r):
    """A whistle's timer has come."""
    q, now = world.requests[r], world.clock[0].now
    q.timer_min = NEVER
    if q.state == 0 and q.working == 0 and q.n_present > 0 and q.hold_until_min <= now:
        _release(world, r)
    elif q.state == 0 and q.deadline_min <= now and q.n_present < q.n_called:
        _remind(world, r)
    arm_request(world, r)
