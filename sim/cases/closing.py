"""How a case ends on paper and what the resident then thinks: closing, satisfaction, call-back, what comes next.

Closing is *reported* state. Whether the trouble is over is the incident's own row; the two meet only in the
resident's judgement and in the call-back. Satisfaction has three parts (attitude, process, result; D30),
each in -1..1, and bad weighs more than good (H9).
"""

from __future__ import annotations

import numpy as np

from sim.cases.tasks import call_off_called, cancel_pending, leave_owner
from sim.engine.codes import (
    C_CLOSED,
    EV_CALLBACK,
    EV_RESIDENT,
    F_LOST,
    F_OPEN,
    F_RESOLVED,
    L_CLOSE,
    L_LOST,
    L_SETTLE,
    NEVER,
    O_ABANDONED,
    O_LOST,
    O_MERGED,
    O_PARTLY,
    P_ACT,
    P_CALLBACK,
    P_JUDGE_RESULT,
    TK_BARE,
)
from sim.engine.draws import draw, normal_quantile, uniform, uniforms
from sim.engine.events import schedule
from sim.engine.jit import njit
from sim.engine.kinds import I, W
from sim.engine.log import log


@njit((W, I))
def arm_incident(world, i):
    """Set the incident's one timer to the next thing its people do or it does by itself."""
    e = world.incidents[i]
    following = NEVER
    if e.fate == F_OPEN:
        following = min(e.report_min, e.witness_min, e.spontaneous_min, e.grow_min, e.act_min)
    if following != e.timer_min:
        e.timer_min = following
        e.stamp += 1
        schedule(world, following, EV_RESIDENT, i, e.entity, e.stamp)


@njit((W, I, I))
def end_incident(world, i, fate):
    """The trouble is over, truly."""
    e = world.incidents[i]
    e.fate = fate
    e.ended_min = world.clock[0].now
    if fate == F_RESOLVED:
        e.resolved_min = e.ended_min
    arm_incident(world, i)


@njit
def resolve(world, case):
    """The work on a case truly settled its incident."""
    i = world.cases[case].incident
    if world.incidents[i].fate == F_OPEN:
        end_incident(world, i, F_RESOLVED)
        log(world, L_SETTLE, case, world.cases[case].owner, world.cases[case].grid, world.cases[case].level)


@njit
def _sided(value, bad_weight):
    return value if value >= 0.0 else value * bad_weight


@njit
def satisfaction(world, case):
    """Return the resident's score of a closed case, about -1..1 and lower where bad weighs more."""
    c, p = world.cases[case], world.params[0]
    waited = (c.closed_min - c.reported_min) / world.types[c.type].resolve_min
    attitude = 1.0 - min(2.0, waited)
    process = 1.0 - min(2.0, 0.5 * (c.bounces + 0.5 * c.referrals + c.misjudged))
    fate = world.incidents[c.incident].fate
    result = 1.0 if fate == F_RESOLVED else (-0.3 if c.outcome == O_PARTLY else -1.0)
    bad = p.satisfaction_bad_weight
    total = p.satisfaction_attitude_weight + p.satisfaction_process_weight + p.satisfaction_result_weight
    score = (
        p.satisfaction_attitude_weight * _sided(attitude, bad)
        + p.satisfaction_process_weight * _sided(process, bad)
        + p.satisfaction_result_weight * _sided(result, bad)
    ) / total
    u = uniform(world.clock[0].key, c.entity, P_JUDGE_RESULT, 0)
    return score + p.satisfaction_spread * normal_quantile(u)


@njit
def _plan_next(world, i):
    """A resident whose trouble is not over acts again when patience ends."""
    e = world.incidents[i]
    if e.fate != F_OPEN or e.open_case >= 0:
        return
    patience = draw(world, world.types[e.type].patience, e.entity, P_ACT, e.repeats) * 60.0
    e.act_min = world.clock[0].now + patience * world.params[0].repeat_delay_factor ** e.repeats
    arm_incident(world, i)


@njit((W, I, I))
def close_case(world, case, outcome):
    """Close a case as reported; its incident, if not over, goes on."""
    c, clock = world.cases[case], world.clock[0]
    if c.state == C_CLOSED:
        return
    if c.called != 0:
        call_off_called(world, case)
    cancel_pending(world, case)
    c.state, c.outcome, c.closed_min = C_CLOSED, outcome, clock.now
    c.stamp += 1
    c.attempt += 1
    leave_owner(world, case)
    e = world.incidents[c.incident]
    if e.open_case == case:
        e.open_case = -1
    log(world, L_CLOSE, case, c.owner, c.grid, outcome)
    if world.types[c.type].kind == TK_BARE:
        return  # nobody judges and nobody calls back
    if outcome == O_ABANDONED or outcome == O_LOST or outcome == O_MERGED:
        if outcome != O_ABANDONED:
            _plan_next(world, c.incident)
        return
    c.score = satisfaction(world, case)
    u, v = uniforms(clock.key, c.entity, P_CALLBACK, 0)
    if c.channel >= 0 and u < world.channels[c.channel].callback:
        delay = -np.log(v) * world.params[0].callback_delay_min
        schedule(world, clock.now + delay, EV_CALLBACK, case, c.entity, c.stamp)
    _plan_next(world, c.incident)


@njit
def lose_case(world, case):
    """A task found no waiting place or its caller left: in a loss system the incident is gone."""
    clock, c = world.clock, world.cases[case]
    clock[0].lost += 1
    log(world, L_LOST, case, -1, c.grid, 0.0)
    if world.types[c.type].kind == TK_BARE:
        end_incident(world, np.int64(c.incident), F_LOST)
    close_case(world, case, O_LOST)
