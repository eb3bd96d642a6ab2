"""Priority rules: a waiting task's place in line; smaller keys come first.

All keep interrupted work at its old place, by age since creation. Keys are built so that a class weighs
more than any age that a run can reach (a class step is 1e11 min, a severity step 1e9 min).
"""

from __future__ import annotations

from sim.engine.codes import WAIT
from sim.engine.hooks import Answer
from sim.policies.rules import rule


@rule("priority")
def fifo(view, task, slot, now):
    """First come, first served."""
    return Answer(WAIT, 0, view.tasks[task].created_min)


@rule("priority")
def class_fifo(view, task, slot, now):
    """By urgency class (emergencies, then the type's priority class), first come first served within it."""
    t = view.tasks[task]
    return Answer(WAIT, 0, t.urgency * 1e11 + t.created_min)


@rule("priority")
def severity(view, task, slot, now):
    """By urgency class, then severity (a supervised case counts one more), then age."""
    t = view.tasks[task]
    weight = view.cases[t.case].severity + t.supervised + t.boost
    return Answer(WAIT, 0, t.urgency * 1e11 - weight * 1e9 + t.created_min)


@rule("priority")
def earliest_deadline(view, task, slot, now):
    """By urgency class, then the deadline that comes first."""
    t = view.tasks[task]
    deadline = min(view.cases[t.case].deadline_min, 1e9)
    return Answer(WAIT, 0, t.urgency * 1e11 + deadline)


@rule("priority", dynamic=True)
def accumulating(view, task, slot, now):
    """Credit grows while waiting, faster for severe cases; the largest credit goes first."""
    t, rules = view.tasks[task], view.rules[0]
    rate = rules.priority_accumulation_base + rules.priority_aging_per_h * view.cases[t.case].severity
    return Answer(WAIT, 0, t.urgency * 1e11 - rate * (now - t.created_min) / 60.0)
