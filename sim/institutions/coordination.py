"""Coordination: escalation, referral with bounces, whistle and report-in, reminder and supervision.

The `coordinate` and `report_in` hooks decide; here their answers take effect. Protocols share truth,
judging error, reluctance and authority and differ only in who is asked when. A whistle calls departments
at once; their crews wait, busy, until the quorum is there, and are released when they have waited too
long, so that two whistles that hold each other's crews cannot wait for ever.
"""

from __future__ import annotations

import math

import numpy as np

from sim.agents.duty import fall_free
from sim.cases.closing import close_case
from sim.cases.intake import after_working
from sim.cases.stages import after_parts, conclude, outstanding
from sim.cases.tasks import (
    PARTS,
    add_task,
    cancel_pending,
    department_code,
    is_attended,
    leave_owner,
    start_stage,
)
from sim.engine.codes import (
    ACCEPT,
    C_OPEN,
    CLOSE,
    DEFER,
    ESCALATE,
    EV_CASE,
    EV_COORDINATE_LATER,
    EV_REQUEST,
    EV_RESTART,
    EV_TASK_READY,
    EV_WORK_DONE,
    HANDLE,
    K_PART,
    L_ACCEPT,
    L_BOUNCE,
    L_DEADLINE,
    L_DEFER,
    L_ESCALATE,
    L_FORCE,
    L_QUORUM,
    L_REFER,
    L_RELEASE,
    L_REMIND,
    L_SUPERVISE,
    L_WHISTLE,
    L_WORK,
    NEVER,
    NOW_COORDINATE,
    NOW_JOIN,
    NOW_REPORT_IN,
    O_FAILED,
    O_PARTLY,
    P_DESK,
    P_LAG,
    P_MINE,
    P_TEMPER,
    P_TOUCH,
    R_BOUNCED,
    R_DEADLINE,
    R_FAILED,
    R_NEEDS,
    R_NO_HOLDER,
    R_RESIDENT,
    REFER,
    SUPERVISE,
    T_DONE,
    T_HOLDING,
    T_LAG,
    T_QUEUED,
    T_REFUSED,
    T_TRANSIT,
    T_WORKING,
    WHISTLE,
)
from sim.engine.draws import draw, logistic, mix, uniform, uniforms
from sim.engine.events import at_once, schedule
from sim.engine.jit import njit
from sim.engine.kinds import F, I, W
from sim.engine.log import log
from sim.engine.queues import queue_remove

_ONE = np.uint64(1)


@njit((W, I))
def _set_mood(world, t):
    """Draw what a department's decider feels and believes at this asking (a draw named by the asking)."""
    k, clock, p = world.tasks[t], world.clock[0], world.params[0]
    e = world.incidents[world.cases[k.case].incident]
    entity = mix(e.entity, world.departments[k.dept].entity)
    k.temper = logistic(clock.key, entity, P_TEMPER, np.int64(k.asks))
    truly = (e.needs & (_ONE << np.uint64(k.dept))) != 0
    right = uniform(clock.key, entity, P_MINE, 0) < p.judging_mine_accuracy
    k.mine = 1 if truly == right else 0


# ---------------------------------------------------------------- departments' parts
@njit((W, I, I, I))
def add_part(world, case, dept, asks):
    """Make the task that asks a department for its part; the work it will take is the same in every arm."""
    c, d = world.cases[case], world.departments[dept]
    typ, entity = world.types[c.type], mix(world.incidents[c.incident].entity, d.entity)
    t = add_task(world, case, K_PART, 0, dept, np.int64(d.post), PARTS + 64 * department_code(world, dept) + asks % 64)
    k = world.tasks[t]
    k.state, k.n_staff, k.level = T_TRANSIT, typ.part_staff, d.level
    k.expected_min = typ.part_expected_min
    world.work[t].touch_left_min = draw(world, typ.part_touch, entity, P_TOUCH, 40000)
    world.work[t].lag_min = draw(world, typ.part_lag, entity, P_LAG, 40000)
    k.asks = asks
    _set_mood(world, t)
    return t


@njit((W, I))
def ask_department(world, t):
    """Put a request before its department."""
    _set_mood(world, t)
    at_once(world, NOW_REPORT_IN, t, 0, world.tasks[t].stamp)


@njit
def _refer(world, case, dept):
    c, clock = world.cases[case], world.clock[0]
    c.referrals += 1
    c.dept = dept
    t = add_part(world, case, dept, np.int64(c.referrals))
    k = world.tasks[t]
    entity = mix(world.incidents[c.incident].entity, world.departments[dept].entity)
    delay = draw(world, world.departments[dept].desk_delay, entity, P_DESK, np.int64(c.referrals))
    log(world, L_REFER, case, c.owner, c.grid, dept)
    schedule(world, clock.now + delay, EV_TASK_READY, t, k.entity, k.stamp)


@njit
def _refuse(world, t):
    k, clock, p = world.tasks[t], world.clock[0], world.params[0]
    case = np.int64(k.case)
    c = world.cases[case]
    k.state = T_REFUSED
    k.stamp += 1
    c.refused |= _ONE << np.uint64(k.dept)
    log(world, L_BOUNCE, case, -1, c.grid, k.dept)
    if k.request >= 0:
        return  # a refused whistle is not sent back: the reminder asks again
    c.bounces += 1
    k.done_min = clock.now
    c.open_tasks -= 1
    c.dept = -1
    c.reason = R_BOUNCED
    schedule(world, clock.now + p.coordination_bounce_return_min, EV_COORDINATE_LATER, case, c.entity, c.attempt)


@njit
def appointment(world, r, minutes):
    """Return the time ``minutes`` from now in the whistle's kind of time (working or elapsed)."""
    now = world.clock[0].now
    if world.whistles[world.requests[r].template].working:
        return after_working(world, now, minutes)
    return now + minutes


@njit((W, I, F))
def accept(world, t, boost):
    """A department promises to come: at once, or at the appointed hour."""
    k, clock = world.tasks[t], world.clock[0]
    log(world, L_ACCEPT, k.case, -1, k.grid, k.dept)
    k.boost, k.accepted = boost, 1
    k.state = T_TRANSIT  # also of one that had refused: a line takes no refused task
    if k.request >= 0:
        q = world.requests[k.request]
        q.n_accepted += 1
        if q.working == 0 and world.whistles[q.template].appointed == 1 and clock.now < q.meet_min:
            k.state = T_TRANSIT
            k.stamp += 1
            schedule(world, q.meet_min, EV_TASK_READY, t, k.entity, k.stamp)
            return
    at_once(world, NOW_JOIN, t, 0, 0)


@njit
def task_ready(world, t):
    """A request reaches its department's desk, or the hour that a department promised has come."""
    k, now = world.tasks[t], world.clock[0].now
    if k.accepted == 0:
        ask_department(world, t)
        return
    if k.request >= 0:
        r = np.int64(k.request)
        q = world.requests[r]
        w = world.whistles[q.template]
        if w.appointed == 1 and q.working == 0 and q.n_accepted < q.quorum:
            if q.meet_min <= now:  # too few have promised: nobody sets out, the hour is moved
                q.meet_min = max(appointment(world, r, w.reconvene_min), now + 1.0)
            schedule(world, q.meet_min, EV_TASK_READY, t, k.entity, k.stamp)
            return
    at_once(world, NOW_JOIN, t, 0, 0)


@njit((W, I, I, F, F))
def apply_report_in(world, t, code, minutes, boost):
    """A department has answered: it comes, comes later, or refuses."""
    k, clock, p = world.tasks[t], world.clock[0], world.params[0]
    k.asks += 1
    if code == ACCEPT:
        accept(world, t, boost)
    elif code == DEFER:
        log(world, L_DEFER, k.case, -1, k.grid, k.dept)
        k.state = T_TRANSIT
        k.stamp += 1
        wait = minutes if minutes > 0.0 else p.coordination_defer_min
        schedule(world, clock.now + max(wait, 1.0), EV_TASK_READY, t, k.entity, k.stamp)
    else:
        _refuse(world, t)


# ---------------------------------------------------------------- whistles
@njit
def _bits(mask):
    n = 0
    while mask != 0:
        mask &= mask - _ONE
        n += 1
    return n


@njit
def _lead(world, case, mask, kind):
    home = world.types[world.cases[case].type].department
    if kind == 0 and home >= 0 and mask & (_ONE << np.uint64(home)):
        return home
    return -1


@njit
def _whistle(world, case, template):
    """Blow the whistle: call every department that seems needed, at once."""
    c, clock = world.cases[case], world.clock
    w = world.whistles[template]
    mask = outstanding(world, case)
    n = _bits(mask)
    r = clock[0].requests
    clock[0].requests = r + 1
    q = world.requests[r]
    q.called, q.case, q.template, q.stamp = mask, case, template, 0
    q.blown_min = clock[0].now
    q.deadline_min = appointment(world, r, w.report_in_min)
    q.meet_min = max(clock[0].now + w.message_min, q.deadline_min - w.set_out_min) if w.appointed else clock[0].now
    q.hold_until_min = q.quorum_min = q.done_min = q.timer_min = NEVER
    q.n_called, q.quorum = n, max(1, np.int64(math.ceil(w.quorum * n - 1e-9)))
    q.n_accepted = q.n_present = q.n_done = q.reminders = q.supervisions = q.state = q.working = q.released = 0
    q.lead = _lead(world, case, mask, w.lead)
    q.first_task = clock[0].tasks
    c.request = r
    c.whistles += 1
    log(world, L_WHISTLE, case, c.owner, c.grid, n)
    for d in range(world.departments.shape[0]):
        if mask & (_ONE << np.uint64(d)):
            t = add_part(world, case, d, 0)
            k = world.tasks[t]
            k.request = r
            schedule(world, clock[0].now + w.message_min, EV_TASK_READY, t, k.entity, k.stamp)
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
def come_together(world, t):
    """A called department is there: work starts with the quorum, and late-comers join at once."""
    k, now = world.tasks[t], world.clock[0].now
    q = world.requests[k.request]
    q.n_present += 1
    if q.working == 0 and q.n_present >= q.quorum:
        q.working = 1
        q.quorum_min = now
        log(world, L_QUORUM, k.case, -1, k.grid, q.n_present)
        for other in range(q.first_task, q.first_task + q.n_called):
            if world.tasks[other].state == T_HOLDING:
                _work_together(world, other)
    if q.working == 1:
        _work_together(world, t)
    else:
        k.state = T_HOLDING
        if q.hold_until_min >= NEVER:
            # who has waited in vain before waits longer, so that crews from far apart meet in the end
            q.hold_until_min = now + world.whistles[q.template].hold_min * (1.0 + q.released)
    arm_request(world, np.int64(k.request))


@njit
def _work_together(world, t):
    k, now = world.tasks[t], world.clock[0].now
    speed = world.whistles[world.requests[k.request].template].joint_speed
    k.state, k.started_min = T_WORKING, now
    k.stamp += 1
    log(world, L_WORK, k.case, k.first_staff, k.grid, k.dept)
    schedule(world, now + world.work[t].touch_left_min / speed, EV_WORK_DONE, t, k.entity, k.stamp)


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
    if world.whistles[q.template].stay == 0:
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
    for other in range(q.first_task, q.first_task + q.n_called):
        if world.tasks[other].state != T_DONE:
            return
    q.state = 1
    q.done_min = world.clock[0].now
    world.cases[q.case].request = -1
    arm_request(world, r)
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
            k.waited_min += now - k.arrived_min
            free_crew(world, t)
            q.n_present -= 1
            log(world, L_RELEASE, q.case, -1, k.grid, k.dept)
        elif k.state == T_QUEUED and k.n_assigned == 0:
            queue_remove(world, np.int64(k.pool), t)
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


# ---------------------------------------------------------------- the holder's decision
@njit
def _next_level(world, case):
    """Return the next higher level that has somebody to hold the case, -1 when there is none."""
    c = world.cases[case]
    for level in range(c.level + 1, 5):
        post = world.ladder[c.type, level]
        if post >= 0 and world.pool_of[post, c.grid] >= 0:
            return level
    return -1


@njit
def _give_up(world, case):
    """Nobody is left to turn to."""
    c, clock = world.cases[case], world.clock[0]
    u = uniforms(clock.key, c.entity, P_DESK, 60000)[0]
    some = c.done_needs != 0 or u < world.params[0].closing_partly_share
    close_case(world, case, O_PARTLY if some else O_FAILED)


@njit
def _escalate(world, case):
    c, clock = world.cases[case], world.clock[0]
    level = _next_level(world, case)
    if level < 0:
        if c.reason == R_DEADLINE:
            return
        _give_up(world, case)
        return
    if not cancel_pending(world, case):
        return
    c.level, c.dept = level, -1
    c.escalations += 1
    c.attempt += 1
    leave_owner(world, case)
    c.owner = -1
    log(world, L_ESCALATE, case, -1, c.grid, level)
    delay = world.params[0].coordination_escalate_min
    # who is handed a case because departments are needed asks them; nobody looks at the place again
    asks = (c.reason == R_NEEDS or c.reason == R_BOUNCED) and outstanding(world, case) != 0
    schedule(world, clock.now + delay, EV_COORDINATE_LATER if asks else EV_RESTART, case, c.entity, c.attempt)


@njit
def _handle_alone(world, case, reason):
    c = world.cases[case]
    if reason == R_FAILED:
        c.attempt += 1
        start_stage(world, case, 0)
    elif reason == R_NO_HOLDER:
        _give_up(world, case)
    elif reason == R_RESIDENT:
        start_stage(world, case, 0)
    elif reason != R_DEADLINE:
        c.known_needs = c.done_needs
        conclude(world, case)


@njit
def _supervise(world, case):
    """A higher level puts its weight behind the case; a department that waits is asked again at once."""
    c = world.cases[case]
    c.supervised = 1
    log(world, L_SUPERVISE, case, -1, c.grid, 0.0)
    t = c.task
    if t >= 0 and c.open_tasks > 0:
        k = world.tasks[t]
        k.supervised = 1
        if k.state == T_TRANSIT and k.kind == K_PART and k.asks > 0 and k.request < 0:
            k.stamp += 1
            ask_department(world, t)


@njit
def apply_coordination(world, case, reason, code, arg):
    """Carry out what the `coordinate` rule decided. Returns False for an answer that cannot be."""
    c = world.cases[case]
    if code == ESCALATE:
        _escalate(world, case)
    elif code == REFER:
        if arg < 0 or arg >= world.departments.shape[0]:
            return False
        if reason != R_DEADLINE or (not is_attended(world, case) and cancel_pending(world, case)):
            _refer(world, case, arg)
    elif code == WHISTLE:
        if arg < 0 or arg >= world.whistles.shape[0] or outstanding(world, case) == 0:
            return False
        if c.request < 0 and (reason != R_DEADLINE or cancel_pending(world, case)):
            _whistle(world, case, arg)
    elif code == SUPERVISE:
        before = c.supervised
        _supervise(world, case)
        if before == 0 and (reason == R_NEEDS or reason == R_BOUNCED):
            at_once(world, NOW_COORDINATE, case, reason, c.attempt)  # with that weight behind it, decide again
        elif reason != R_DEADLINE:
            _handle_alone(world, case, reason)
    elif code == CLOSE:
        if cancel_pending(world, case):
            _give_up(world, case)
    elif code == HANDLE:
        _handle_alone(world, case, reason)
    else:
        return False
    return True


@njit
def case_timer(world, case):
    """A case's deadline has passed: it is marked, and unless somebody is with it the holder must decide."""
    c, clock, p = world.cases[case], world.clock[0], world.params[0]
    c.deadline_hits += 1
    log(world, L_DEADLINE, case, c.owner, c.grid, c.deadline_hits)
    c.timer_min = clock.now + p.coordination_reminder_interval_min * 2.0 ** min(c.deadline_hits, 12)
    schedule(world, c.timer_min, EV_CASE, case, c.entity, c.stamp)
    if c.state == C_OPEN and c.request < 0 and c.open_tasks > 0 and not is_attended(world, case):
        c.reason = R_DEADLINE
        at_once(world, NOW_COORDINATE, case, R_DEADLINE, c.attempt)
