"""From a report to a case on somebody's desk: opening, merging, taking the call, judging.

Judging errs: a case may be filed as another type, in a neighbouring grid, with departments that only seem
needed or without some that are. What was judged is the case's row; what is so is the incident's.
"""

from __future__ import annotations

import numpy as np

from sim.cases.closing import arm_incident, close_case, resolve
from sim.cases.tasks import missing, start_intake, start_stage
from sim.engine.codes import (
    C_INTAKE,
    C_OPEN,
    EV_CASE,
    EV_INTAKE,
    L_ANSWER,
    L_JUDGE,
    L_MERGE,
    L_MISJUDGE,
    L_SPLIT,
    L_WRONG_MERGE,
    NEVER,
    NOW_COORDINATE,
    O_ANSWERED,
    P_ACT,
    P_BELIEVE,
    P_CHANNEL_DELAY,
    P_MISJUDGE,
    P_SPLIT,
    R_DISPATCH,
    R_RESIDENT,
    TK_BARE,
    TK_ENQUIRY,
)
from sim.engine.draws import draw, gumbel, mix, uniform, uniforms
from sim.engine.events import at_once, schedule
from sim.engine.jit import njit
from sim.engine.kinds import I, W
from sim.engine.log import log


@njit
def worked_minutes(world, t):
    """Return working minutes between the start and time ``t``."""
    clock = world.clock[0]
    day = min(np.int64(t / 1440.0), world.office_before.shape[0] - 2)
    inside = min(max(t - day * 1440.0 - clock.office_open, 0.0), clock.office_close - clock.office_open)
    return world.office_before[day] + inside * world.office_day[day]


@njit
def after_working(world, t, minutes):
    """Return the time at which ``minutes`` of working time have passed since ``t``."""
    goal = worked_minutes(world, t) + minutes
    before, clock = world.office_before, world.clock[0]
    day = min(np.int64(t / 1440.0), before.shape[0] - 2)
    while day < before.shape[0] - 2 and before[day + 1] < goal:
        day += 1
    return max(t, day * 1440.0 + clock.office_open + goal - before[day])


@njit
def limit_after(world, typ, t, minutes):
    """Return a deadline: elapsed or working time, by the type."""
    return after_working(world, t, minutes) if typ.working_time else t + minutes


@njit((W, I, I, I))
def open_case(world, i, channel, parent):
    """Append a case for an incident; returns its row."""
    clock, e = world.clock, world.incidents[i]
    row = clock[0].cases
    clock[0].cases = row + 1
    c = world.cases[row]
    c.entity = mix(e.entity, np.uint64(1000 + e.cases))
    c.known_needs = c.done_needs = c.refused = c.called = np.uint64(0)
    c.at_once = c.waits = 0
    c.occurred_min, c.reported_min = e.occurred_min, clock[0].now
    c.judged_min = c.assigned_min = c.arrived_min = c.closed_min = NEVER
    c.deadline_min = c.respond_by_min = c.timer_min = NEVER
    c.incident, c.parent, c.grid, c.filed_grid = i, parent, e.grid, e.grid
    c.place = e.place
    c.owner = c.request = c.task = -1
    c.stamp, c.open_tasks, c.reports = 0, 0, 1
    c.touch_min = c.travel_min = c.score = 0.0
    c.type, c.severity, c.channel, c.level, c.opened_level = e.type, e.severity, channel, 0, 0
    c.dept, c.state, c.stage, c.reason, c.attempt = -1, C_INTAKE, 0, 0, 0
    c.escalations = c.bounces = c.referrals = c.whistles = c.reminders = c.supervised = 0
    c.failures = c.outcome = c.deadline_hits = c.misjudged = c.known_type = c.wasted = c.spent = 0
    c.satisfied = -1
    e.cases += 1
    e.open_case = e.last_case = row
    return row


@njit((W, I, I))
def _merge(world, i, channel):
    """Join a report to an open case, rightly or wrongly; returns True when no case of its own is needed."""
    clock, e, p = world.clock, world.incidents[i], world.params[0]
    u, v = uniforms(clock[0].key, e.entity, P_SPLIT, e.reports)
    if e.open_case >= 0:
        if u >= p.intake_split_probability:
            world.cases[e.open_case].reports += 1
            clock[0].merges += 1
            log(world, L_MERGE, e.open_case, -1, e.grid, i)
            return True
        clock[0].splits += 1
        log(world, L_SPLIT, e.open_case, -1, e.grid, i)
        return False
    other = world.last_case[e.grid, e.type]
    if other < 0 or world.cases[other].incident == i or world.cases[other].state != C_OPEN:
        return False
    if (
        clock[0].now - world.cases[other].reported_min > p.intake_merge_window_min
        or v >= p.intake_wrong_merge_probability
    ):
        return False
    world.cases[other].reports += 1
    clock[0].wrong_merges += 1
    log(world, L_WRONG_MERGE, other, -1, e.grid, i)
    e.act_min = clock[0].now + draw(world, world.types[e.type].patience, e.entity, P_ACT, e.repeats) * 60.0
    return True


@njit((W, I))
def bare_case(world, i):
    """Append the case of a bare model: no channel, no judging. Returns its row; its stages begin at once."""
    case = open_case(world, i, -1, -1)
    c, e, now = world.cases[case], world.incidents[i], world.clock[0].now
    e.first_reported_min = now
    c.state, c.judged_min, c.known_type = C_OPEN, now, 1
    c.deadline_min = now + world.types[c.type].resolve_min
    c.respond_by_min = now + world.types[c.type].respond_min
    return case


@njit((W, I, I))
def _taken_for(world, case, true_type):
    """Return which of the types it may be mistaken for a case is taken for: one Gumbel each, named by case and type."""
    best, best_value = -1, -NEVER
    for i in range(world.types[true_type].confusions):
        name = mix(world.cases[case].entity, world.types[world.confused[true_type, i]].entity)
        value = gumbel(world.clock[0].key, name, P_MISJUDGE, 2)
        if value > best_value:
            best, best_value = i, value
    return np.int64(world.confused[true_type, best])


@njit
def _mistake(world, case):
    """Draw how the case is misfiled: another type, a neighbouring grid.

    Whether it is has two ways, one uniform each; a further type to mistake it for changes neither.
    """
    c, e, clock = world.cases[case], world.incidents[world.cases[case].incident], world.clock[0]
    ch = world.channels[c.channel]
    typ = world.types[e.type]
    if typ.confusions > 0 and uniform(clock.key, c.entity, P_MISJUDGE, 0) < typ.misjudged * ch.misjudge:
        c.type = _taken_for(world, case, np.int64(e.type))
        c.misjudged = 1
    if uniform(clock.key, c.entity, P_MISJUDGE, 1) < ch.wrong_address:
        c.grid = c.filed_grid = world.grids[e.grid].neighbour
        c.misjudged = 1
    if c.misjudged:
        log(world, L_MISJUDGE, case, -1, c.grid, c.type)


@njit
def believe_needs(world, case, seen):
    """Fill in which departments the case seems to need.

    Parameters
    ----------
    seen
        Probability that a true need is seen.
    """
    c, clock = world.cases[case], world.clock[0]
    e = world.incidents[c.incident]
    one = np.uint64(1)
    for d in range(world.departments.shape[0]):
        bit = one << np.uint64(d)
        needed = e.needs & bit != 0
        if not needed and world.believe[c.type, d] <= 0.0:
            continue
        u, v = uniforms(clock.key, mix(c.entity, world.departments[d].entity), P_BELIEVE, 0)
        if (needed and u < seen) or (not needed and v < world.believe[c.type, d]):
            c.known_needs |= bit
    if world.types[c.type].closes_level > 4 and world.types[c.type].department >= 0:
        c.known_needs |= one << np.uint64(world.types[c.type].department)


@njit
def place_case(world, case):
    """Put a judged case where its type begins, with its deadlines, and start the work."""
    c, now = world.cases[case], world.clock[0].now
    typ = world.types[c.type]
    c.deadline_min = limit_after(world, typ, c.reported_min, typ.resolve_min)
    c.respond_by_min = limit_after(world, typ, c.reported_min, typ.respond_min)
    c.dept, c.level = typ.start_dept, max(typ.start_level, 0)
    if typ.start_dept >= 0:
        c.level = world.departments[typ.start_dept].level
    elif c.channel >= 0:
        c.level = max(c.level, world.channels[c.channel].level)
    c.opened_level = c.level
    c.timer_min = max(c.deadline_min, now)
    schedule(world, c.timer_min, EV_CASE, case, c.entity, c.stamp)


@njit
def judge(world, case):
    """File a taken report: answer an enquiry, or decide type, place, needs and desk."""
    c, now = world.cases[case], world.clock[0].now
    typ = world.types[c.type]
    c.judged_min = now
    if typ.kind == TK_ENQUIRY:
        c.state = C_OPEN
        c.deadline_min = c.reported_min + typ.resolve_min
        c.respond_by_min = c.reported_min + typ.respond_min
        c.arrived_min = c.assigned_min = now
        log(world, L_ANSWER, case, -1, c.grid, 0.0)
        resolve(world, case)
        close_case(world, case, O_ANSWERED)
        return
    if typ.kind != TK_BARE:
        _mistake(world, case)
    believe_needs(world, case, world.params[0].judging_need_seen_probability)
    c.state = C_OPEN
    world.last_case[c.grid, c.type] = case
    place_case(world, case)
    log(world, L_JUDGE, case, -1, c.grid, c.level)
    if world.params[0].coordination_resident_whistle > 0.0 and c.dept < 0 and c.known_needs != 0:
        at_once(world, NOW_COORDINATE, case, R_RESIDENT, c.attempt)
    else:
        start_stage(world, case, 0)
        _ask_at_dispatch(world, case)


@njit
def _ask_at_dispatch(world, case):
    """Of an emergency that seems to need departments it is asked at dispatch whether they are called at once."""
    c, p = world.cases[case], world.params[0]
    if p.coordination_emergency_at_once <= 0.0 or missing(world, case) == 0:
        return
    if world.types[c.type].emergency == 1 or c.severity >= p.coordination_emergency_severity:
        at_once(world, NOW_COORDINATE, case, R_DISPATCH, c.attempt)


@njit((W, I, I, I))
def receive(world, i, channel, parent):
    """A report of incident ``i`` reaches a channel."""
    e = world.incidents[i]
    e.reports += 1
    if e.first_reported_min >= NEVER:
        e.first_reported_min = world.clock[0].now
    world.clock[0].reports += 1
    if _merge(world, i, channel):
        arm_incident(world, i)
        return
    e.act_min = NEVER
    case = open_case(world, i, channel, parent)
    arm_incident(world, i)
    ch = world.channels[channel]
    if ch.operators >= 0 and world.pool_of[ch.operators, e.grid] >= 0:
        start_intake(world, case, np.int64(ch.operators))
        return
    delay = draw(world, ch.delay, world.cases[case].entity, P_CHANNEL_DELAY, 0)
    if delay > 0.0:
        schedule(world, world.clock[0].now + delay, EV_INTAKE, case, world.cases[case].entity, 0)
    else:
        judge(world, case)
