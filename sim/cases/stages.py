"""What a finished piece of work means: what it brought to light, and whether the trouble is now over.

On the first stage the truth shows: a wrong type or address, departments that are needed after all. When
nothing more is known to be missing the work is concluded: a draw decides whether it truly settled the
incident. If it did not, the holder knows it failed or closes it as if settled (sham closing, section 6 of
the facts: reported and true differ).
"""

from __future__ import annotations

import math

import numpy as np

from sim.agents.duty import logistic
from sim.cases.closing import close_case, resolve
from sim.cases.intake import judge
from sim.cases.tasks import call_off_called, end_task, missing, start_stage
from sim.engine.codes import (
    C_OPEN,
    EV_RESTART,
    F_OPEN,
    F_RESOLVED,
    K_INTAKE,
    K_PART,
    L_FAIL,
    L_REROUTE,
    L_SHAM,
    L_STAGE,
    L_WASTED,
    NEVER,
    NOW_COORDINATE,
    NOW_JOIN,
    O_MERGED,
    O_SETTLED,
    P_DISCOVER,
    P_ROUTE,
    P_SHAM,
    P_SUCCESS,
    R_AUTHORITY,
    R_DISPATCH,
    R_FAILED,
    R_NEEDS,
    T_DONE,
    T_NEW,
    TK_BARE,
)
from sim.engine.draws import gumbel, mix, uniform, uniforms
from sim.engine.events import at_once, schedule
from sim.engine.jit import njit
from sim.engine.kinds import I, W
from sim.engine.log import log

_ONE = np.uint64(1)
_NO_SHARE = 1e-6  # shares that sum to 1 leave less than this by rounding


@njit((W, I, I))
def ask_coordination(world, case, reason):
    """Put the question of what to do with a case that its holder cannot finish alone."""
    world.cases[case].reason = reason
    at_once(world, NOW_COORDINATE, case, reason, world.cases[case].attempt)


@njit
def _success_probability(world, case):
    c = world.cases[case]
    e = world.incidents[c.incident]
    typ = world.types[e.type]
    base = min(max(typ.success_base, 1e-9), 1.0 - 1e-12)
    weeks = (world.clock[0].now - e.occurred_min) / 10080.0
    skill = world.staff[c.owner].pace if c.owner >= 0 else 1.0
    logit = math.log(base / (1.0 - base)) + typ.success_skill * (skill - 1.0)
    logit += typ.success_week * weeks + typ.success_failure * e.failures
    return max(typ.success_floor, logistic(logit))


@njit
def conclude(world, case):
    """All that is known to be needed is done: is it settled?"""
    c, clock = world.cases[case], world.clock[0]
    i = c.incident
    e = world.incidents[i]
    if world.types[c.type].kind == TK_BARE:
        resolve(world, case)
        close_case(world, case, O_SETTLED)
        return
    missing = e.needs & ~e.done
    u, v = uniforms(clock.key, e.entity, P_SUCCESS, e.failures)
    if e.fate != F_OPEN or (missing == 0 and u < _success_probability(world, case)):
        resolve(world, case)
        close_case(world, case, O_SETTLED)
        return
    c.failures += 1
    e.failures += 1
    c.spent = 1  # what was done has failed: trying again is work anew
    log(world, L_FAIL, case, c.owner, c.grid, c.level)
    if uniform(clock.key, c.entity, P_SHAM, c.failures) < world.params[0].closing_sham_probability:
        log(world, L_SHAM, case, c.owner, c.grid, c.level)
        close_case(world, case, O_SETTLED)
        return
    if missing != 0 and v < world.params[0].judging_need_found_probability:
        c.known_needs |= missing
        ask_coordination(world, case, R_NEEDS)
        return
    ask_coordination(world, case, R_FAILED)


@njit
def _discover(world, case):
    """The first look on the spot: returns True when the case is sent on because it was misfiled."""
    c, clock, p = world.cases[case], world.clock[0], world.params[0]
    e = world.incidents[c.incident]
    u, v = uniforms(clock.key, c.entity, P_DISCOVER, c.attempt)
    wrong = c.type != e.type or c.grid != e.grid
    if wrong and u < p.judging_recognise_probability:
        if c.called != 0:
            call_off_called(world, case)
        c.type, c.grid = e.type, e.grid
        c.known_type, c.dept = 1, -1
        c.known_needs = c.refused = np.uint64(0)
        c.bounces += 1
        c.attempt += 1
        log(world, L_REROUTE, case, c.owner, c.grid, c.type)
        schedule(world, clock.now - math.log(v) * p.judging_resend_min, EV_RESTART, case, c.entity, c.attempt)
        return True
    c.known_type = 1 if not wrong else c.known_type
    for d in range(world.departments.shape[0]):
        bit = _ONE << np.uint64(d)
        if (
            e.needs & bit
            and uniform(clock.key, mix(c.entity, world.departments[d].entity), P_DISCOVER, 0)
            < p.judging_need_found_probability
        ):
            c.known_needs |= bit
    return False


@njit
def next_stage(world, case, number):
    """Return the stage after ``number`` by the type's routing, -1 when the work is done.

    One Gumbel for each stage that may follow, named by incident, this stage and that one, and one for being done:
    a further way on takes over some cases and moves no other, as long as the others keep their odds.
    """
    c, key = world.cases[case], world.clock[0].key
    typ = world.types[c.type]
    row = typ.first_stage + number
    done = 1.0
    for j in range(typ.stages):
        if world.routes[row, j] >= 1.0:
            return j  # nothing to choose, nothing to draw
        done -= world.routes[row, j]
    if done >= 1.0:
        return -1
    subject = mix(world.incidents[c.incident].entity, world.stages[row].entity)
    best, best_value = -1, -NEVER
    if done > _NO_SHARE:
        best_value = math.log(done) + gumbel(key, subject, P_ROUTE, np.int64(c.attempt))
    for j in range(typ.stages):
        if world.routes[row, j] > 0.0:
            other = mix(subject, world.stages[typ.first_stage + j].entity)
            value = math.log(world.routes[row, j]) + gumbel(key, other, P_ROUTE, np.int64(c.attempt))
            if value > best_value:
                best, best_value = j, value
    return best


@njit
def go_on(world, case, number):
    """Start what comes after a stage, or conclude. Returns the new task or -1."""
    following = next_stage(world, case, number)
    if following < 0:
        conclude(world, case)
        return -1
    if following <= number:
        world.cases[case].attempt += 1  # a return visit has draws of its own
    return start_stage(world, case, following)


@njit
def outstanding(world, case):
    """Return the mask of departments that seem needed and have not done their part."""
    c = world.cases[case]
    return c.known_needs & ~c.done_needs


@njit
def _waits_for_called(world, case, number):
    """The work on an emergency goes on while departments come; returns True when nothing is left but theirs."""
    c = world.cases[case]
    typ = world.types[c.type]
    authority = c.dept < 0 and typ.closes_level <= 4 and c.level < typ.closes_level
    c.waits = 1 if authority or next_stage(world, case, number) < 0 else 0
    if missing(world, case) != 0:
        ask_coordination(world, case, R_NEEDS if c.waits == 1 else R_DISPATCH)
    return c.waits == 1


@njit
def _holder_done(world, t, case):
    k, c = world.tasks[t], world.cases[case]
    log(world, L_STAGE, case, c.owner, c.grid, k.stage)
    typ = world.types[c.type]
    if typ.kind != TK_BARE:
        e = world.incidents[c.incident]
        if e.fate == F_RESOLVED:
            close_case(world, case, O_MERGED)
            return -1
        if k.stage == 0 and _discover(world, case):
            return -1
        if c.dept >= 0:
            bit = _ONE << np.uint64(c.dept)
            c.done_needs |= bit
            e.done |= bit
        if outstanding(world, case) != 0:
            if c.at_once == 0:
                ask_coordination(world, case, R_NEEDS)
                return -1
            if _waits_for_called(world, case, np.int64(k.stage)):
                return -1
        if c.dept < 0 and typ.closes_level <= 4 and c.level < typ.closes_level:
            ask_coordination(world, case, R_AUTHORITY)
            return -1
    return go_on(world, case, np.int64(k.stage))


@njit
def mark_part(world, t):
    """A department has done its part, needed or not."""
    k, c = world.tasks[t], world.cases[world.tasks[t].case]
    e = world.incidents[c.incident]
    bit = _ONE << np.uint64(k.dept)
    c.done_needs |= bit
    if e.needs & bit:
        e.done |= bit
    else:
        c.wasted += 1
        log(world, L_WASTED, k.case, -1, c.grid, k.dept)


@njit((W, I))
def keeps_crew(world, t):
    """Return True for a task of a stage that the people of the stage before go on with."""
    k = world.tasks[t]
    return world.stages[world.types[world.cases[k.case].type].first_stage + k.stage].keep_staff == 1


@njit
def after_parts(world, case):
    """Every part asked for is done: more departments, the rest of the holder's stages, or the conclusion."""
    c = world.cases[case]
    if c.state != C_OPEN:
        return
    c.waits = 0
    if outstanding(world, case) != 0:
        ask_coordination(world, case, R_NEEDS)
        return
    if c.level < world.types[c.type].closes_level <= 4 and c.dept < 0:
        ask_coordination(world, case, R_AUTHORITY)
        return
    following = go_on(world, case, np.int64(c.stage))
    if following >= 0 and world.tasks[following].state == T_NEW and keeps_crew(world, following):
        at_once(world, NOW_JOIN, following, 0, 0)  # the crew of the stage before has gone: others are sought


@njit
def finish_task(world, t):
    """A task's touch and lag are over. Returns a new task that the same people go on with, or -1."""
    k = world.tasks[t]
    case = np.int64(k.case)
    end_task(world, t, T_DONE)
    if world.cases[case].state > C_OPEN:
        return -1
    if k.kind == K_INTAKE:
        judge(world, case)
        return -1
    if k.kind == K_PART:
        mark_part(world, t)
        if k.request < 0:
            world.cases[case].dept = -1
            after_parts(world, case)
        return -1
    return _holder_done(world, t, case)
