"""What a department is asked and answers: its part of a case, referral and bounce, coming and refusing.

The `report_in` hook decides; here its answer takes effect. What is asked and drawn is the same under every
protocol: protocols differ in who is asked when. Whistles, which call several at once, are `whistles`; what
the holder of a case decides is `holding`.
"""

from __future__ import annotations

import numpy as np

from sim.cases.intake import after_working
from sim.cases.tasks import PARTS, add_task, department_code
from sim.engine.codes import (
    ACCEPT,
    DEFER,
    EV_COORDINATE_LATER,
    EV_TASK_READY,
    K_PART,
    L_ACCEPT,
    L_BOUNCE,
    L_DEFER,
    L_REFER,
    NOW_JOIN,
    NOW_REPORT_IN,
    P_DESK,
    P_LAG,
    P_MINE,
    P_TEMPER,
    P_TOUCH,
    R_BOUNCED,
    T_REFUSED,
    T_TRANSIT,
)
from sim.engine.draws import draw, logistic, mix, uniform
from sim.engine.events import at_once, schedule
from sim.engine.jit import njit
from sim.engine.kinds import F, I, W
from sim.engine.log import log

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
def refer(world, case, dept):
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
        if q.working == 0 and q.at_once == 0 and world.whistles[q.template].appointed == 1 and clock.now < q.meet_min:
            k.state = T_TRANSIT
            k.stamp += 1
            schedule(world, q.meet_min, EV_TASK_READY, t, k.entity, k.stamp)
            return
    at_once(world, NOW_JOIN, t, 0, 0)


@njit
def bits(mask):
    """Return how many departments a mask names."""
    n = 0
    while mask != 0:
        mask &= mask - _ONE
        n += 1
    return n


@njit
def lead_task(world, r):
    """Return the task of the department that leads a whistle, -1 when none that was called does."""
    q = world.requests[r]
    if q.lead < 0:
        return -1
    return q.first_task + bits(q.called & ((_ONE << np.uint64(q.lead)) - _ONE))


@njit
def _may_set_out(world, r):
    """Return True when the quorum, and the lead department among them, have promised to come."""
    q = world.requests[r]
    lead = lead_task(world, r)
    return q.n_accepted >= q.quorum and (lead < 0 or world.tasks[lead].accepted == 1)


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
        if w.appointed == 1 and q.working == 0 and q.at_once == 0 and not _may_set_out(world, r):
            if q.meet_min <= now:  # too few have promised, or not the lead: nobody sets out, the hour is moved
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
