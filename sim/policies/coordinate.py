"""Coordination protocols as rules: what a holder does with a case that it cannot finish alone.

*Sequential referral* sends the case to one department after another; each may bounce it. *Whistle and
report-in* (C1) calls all departments that seem needed at once, from the level that may whistle. Both stand
behind the same hook and face the same departments. Further protocols are further functions.
"""

from __future__ import annotations

import numpy as np

from sim.engine.codes import (
    CLOSE,
    ESCALATE,
    HANDLE,
    R_AUTHORITY,
    R_DEADLINE,
    R_DISPATCH,
    R_FAILED,
    R_NO_HOLDER,
    R_RESIDENT,
    REFER,
    SUPERVISE,
    WHISTLE,
)
from sim.engine.hooks import Answer
from sim.engine.jit import jitable
from sim.policies.rules import rule

_ONE = np.uint64(1)


@jitable
def open_needs(view, case):
    """Return the mask of departments that seem needed and have not done their part."""
    c = view.cases[case]
    return np.uint64(c.known_needs) & ~np.uint64(c.done_needs)


@jitable
def count_needs(view, case):
    """Return how many departments seem needed and have not done their part."""
    mask, n = open_needs(view, case), 0
    for d in range(view.departments.shape[0]):
        if mask & (_ONE << np.uint64(d)):
            n += 1
    return n


@jitable
def is_top(view, case):
    """Return True when no higher level holds cases of this type."""
    c = view.cases[case]
    for level in range(c.level + 1, 5):
        post = view.ladder[c.type, level]
        if post >= 0 and view.pool_of[post, c.grid] >= 0:
            return False
    return True


@jitable
def next_department(view, case):
    """Return whom to refer to next: the home department first, those that refused last, -1 for none."""
    c, mask = view.cases[case], open_needs(view, case)
    home = view.types[c.type].department
    best, best_rank = -1, 9
    for d in range(view.departments.shape[0]):
        bit = _ONE << np.uint64(d)
        if not mask & bit:
            continue
        rank = 0 if d == home else 1
        if np.uint64(c.refused) & bit:
            rank += 4
        if rank < best_rank:
            best, best_rank = d, rank
    return best


@jitable
def up_or_on(view, case):
    """Hand the case up, or at the top try again while that can help."""
    c = view.cases[case]
    if not is_top(view, case):
        return Answer(ESCALATE, 0, 0.0)
    if c.failures + c.bounces < 2 * view.rules[0].coordination_max_bounces:
        return Answer(HANDLE, 0, 0.0)
    return Answer(CLOSE, 0, 0.0)


@jitable
def sequential_step(view, case):
    """Refer to the next department, from the level that may; hand up after too many bounces."""
    c, rules = view.cases[case], view.rules[0]
    limit = rules.coordination_max_bounces
    if c.dept < 0 and c.level < rules.coordination_refer_level and not is_top(view, case):
        return Answer(ESCALATE, 0, 0.0)
    if c.bounces > 0 and c.bounces % max(1, int(limit)) == 0 and c.escalations * limit < c.bounces:
        if not is_top(view, case):
            return Answer(ESCALATE, 0, 0.0)
        if c.supervised == 0:
            return Answer(SUPERVISE, 0, 0.0)
    if c.bounces > 4 * limit:
        return Answer(CLOSE, 0, 0.0)
    d = next_department(view, case)
    return Answer(REFER, d, 0.0) if d >= 0 else Answer(HANDLE, 0, 0.0)


@jitable
def is_emergency(view, case):
    """Return True for what is whistled as an emergency: by the type's own flag or by severity."""
    c, rules = view.cases[case], view.rules[0]
    by_type = rules.coordination_emergency_at_once > 0.0 and view.types[c.type].emergency == 1
    return by_type or c.severity >= rules.coordination_emergency_severity


@rule("coordinate")
def sequential_referral(view, case, reason, now):
    """Refer to one department at a time, from the level that may; hand up what gets stuck."""
    if reason == R_DEADLINE:
        return Answer(SUPERVISE, 0, 0.0) if is_top(view, case) else Answer(ESCALATE, 0, 0.0)
    if reason == R_FAILED or reason == R_NO_HOLDER or reason == R_AUTHORITY:
        return up_or_on(view, case)
    if reason == R_RESIDENT or reason == R_DISPATCH:
        return Answer(HANDLE, 0, 0.0)
    return sequential_step(view, case)


@jitable
def whistle_kind(view, case, joint):
    """Return the row of the whistle to blow: emergency by severity, joint enforcement or hard problem."""
    wanted = 1 if joint else 0
    if is_emergency(view, case):
        wanted = 2
    for row in range(view.whistles.shape[0]):
        if view.whistles[row].kind == wanted:
            return row
    return 0


@rule("coordinate")
def whistle_and_report(view, case, reason, now):
    """Whistle for all departments at once, once the case is at a level that may; below it, hand up."""
    c, rules = view.cases[case], view.rules[0]
    needed = count_needs(view, case)
    if reason == R_DEADLINE:
        return Answer(SUPERVISE, 0, 0.0) if is_top(view, case) else Answer(ESCALATE, 0, 0.0)
    if reason == R_FAILED or reason == R_NO_HOLDER or reason == R_AUTHORITY or view.whistles.shape[0] == 0:
        return up_or_on(view, case)
    if needed == 0:
        return Answer(HANDLE, 0, 0.0)
    joint = view.types[c.type].closes_level > 4
    if reason == R_DISPATCH or (rules.coordination_emergency_at_once > 0.0 and is_emergency(view, case)):
        return Answer(WHISTLE, whistle_kind(view, case, joint), 0.0)  # at once, from whatever level
    if needed < rules.coordination_whistle_min_departments and reason != R_RESIDENT:
        return sequential_step(view, case)
    if reason == R_RESIDENT:
        return Answer(WHISTLE, whistle_kind(view, case, joint), 0.0)
    if c.dept < 0 and c.level < rules.coordination_whistle_level and not is_top(view, case):
        return Answer(ESCALATE, 0, 0.0)
    return Answer(WHISTLE, whistle_kind(view, case, joint), 0.0)
