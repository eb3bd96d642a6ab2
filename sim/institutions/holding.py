"""The holder's decision about a case that cannot simply be finished: what the `coordinate` hook's answer does.

Escalation, supervision, giving up, going on alone, and the deadline that makes a decision due. Referral to a
department is `asking`, the whistle is `whistles`.
"""

from __future__ import annotations

from sim.cases.closing import close_case
from sim.cases.stages import conclude, outstanding
from sim.cases.tasks import cancel_pending, is_attended, leave_owner, missing, start_stage
from sim.engine.codes import (
    C_OPEN,
    CLOSE,
    ESCALATE,
    EV_CASE,
    EV_COORDINATE_LATER,
    EV_RESTART,
    HANDLE,
    K_PART,
    L_DEADLINE,
    L_ESCALATE,
    L_SUPERVISE,
    NOW_COORDINATE,
    O_FAILED,
    O_PARTLY,
    P_DESK,
    R_BOUNCED,
    R_DEADLINE,
    R_DISPATCH,
    R_FAILED,
    R_NEEDS,
    R_NO_HOLDER,
    R_RESIDENT,
    REFER,
    SUPERVISE,
    T_TRANSIT,
    WHISTLE,
)
from sim.engine.draws import uniforms
from sim.engine.events import at_once, schedule
from sim.engine.jit import njit
from sim.engine.log import log
from sim.institutions.asking import ask_department, refer
from sim.institutions.whistles import blow_whistle


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
        if c.spent == 1 and reason == R_NEEDS:
            c.attempt += 1
            start_stage(world, case, 0)
        else:
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
    if reason == R_DISPATCH:  # work goes on whatever is answered; only a whistle does something
        if code == WHISTLE and 0 <= arg < world.whistles.shape[0] and missing(world, case) != 0:
            blow_whistle(world, case, arg)
        return True
    if code == ESCALATE:
        _escalate(world, case)
    elif code == REFER:
        if arg < 0 or arg >= world.departments.shape[0]:
            return False
        if reason != R_DEADLINE or (not is_attended(world, case) and cancel_pending(world, case)):
            refer(world, case, arg)
    elif code == WHISTLE:
        if arg < 0 or arg >= world.whistles.shape[0] or outstanding(world, case) == 0:
            return False
        if (c.request < 0 or (c.called != 0 and missing(world, case) != 0)) and (
            reason != R_DEADLINE or cancel_pending(world, case)
        ):
            blow_whistle(world, case, arg)
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
    free = c.request < 0 or (c.called != 0 and c.waits == 0)  # departments that come do not hold up the holder's
    if c.state == C_OPEN and free and c.open_tasks > 0 and not is_attended(world, case):
        c.reason = R_DEADLINE
        at_once(world, NOW_COORDINATE, case, R_DEADLINE, c.attempt)
