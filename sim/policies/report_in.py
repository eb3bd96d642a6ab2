"""How a department answers a call: a decision under load and incentive, never a delivered message.

The utility of coming rises with severity, a near deadline, the duty list, the caller's level, reminders,
supervision, and the weight that the street's assessment has in the department's score (C11); it falls with
distance and load. The decider's own temper is a logistic draw, so coming is a binary logit; who does not
come refuses or defers. The same function answers referrals and whistles.
"""

from __future__ import annotations

import math

from sim.engine.codes import ACCEPT, DEFER, REFUSE
from sim.engine.hooks import Answer
from sim.engine.jit import jitable
from sim.engine.travel import travel_min
from sim.policies.rules import rule


@jitable
def load(view, task):
    """Return how much work waits per person of the group on duty (0 for an idle group)."""
    p = view.pools[view.tasks[task].pool]
    return (p.busy + p.queue_count) / max(1.0, float(p.on_duty))


@jitable
def utility(view, task, now):
    """Return the utility of coming, on the logit scale, without the decider's temper."""
    t, r = view.tasks[task], view.rules[0]
    c, d = view.cases[t.case], view.departments[t.dept]
    home = view.staff[view.pools[t.pool].first].home
    days_left = min(30.0, max(-30.0, (c.deadline_min - now) / 1440.0))
    u = r.report_in_intercept - d.reluctance
    u += r.report_in_severity * (c.severity - 2.0)
    u -= r.report_in_deadline * days_left / 10.0
    u -= r.report_in_distance_per_10min * travel_min(view, t.emergency == 1, home, t.place) / 10.0
    u -= r.report_in_load * load(view, task)
    u += r.report_in_duty_list * view.duty_list[t.dept, c.type]
    u += r.report_in_assessment * d.assessment_weight * (1.0 if t.request >= 0 else 0.0)
    u += r.report_in_reminder * t.reminders + r.report_in_supervision * t.supervised
    u += r.report_in_higher_level * max(0, c.level - 1)
    return u + (0.0 if t.mine == 1 else -r.report_in_mine)


@jitable
def logistic(x):
    """Return 1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + math.exp(-x))


@rule("report_in")
def by_utility(view, task, asks, now):
    """Come if the utility with the decider's temper is positive; else refuse or defer."""
    t, r = view.tasks[task], view.rules[0]
    u = utility(view, task, now)
    if u + t.temper > 0.0:
        return Answer(ACCEPT, 0, r.report_in_appointed_boost if t.request >= 0 else 0.0)
    if t.mine == 0 or logistic(t.temper) < r.report_in_refuse_share * logistic(-u):
        return Answer(REFUSE, 0, 0.0)
    return Answer(DEFER, 0, r.coordination_defer_min)


@rule("report_in")
def always_come(view, task, asks, now):
    """Come whenever called (a bound: what coordination would be without reluctance)."""
    return Answer(ACCEPT, 0, 0.0)
