"""Rules of a user's own, as a scenario names them (`module:function`); not a test."""

from __future__ import annotations

from sim.policies import WAIT, Answer, rule


@rule("priority")
def last_first(view, task, slot, now):
    """Last come, first served."""
    return Answer(WAIT, 0, -view.tasks[task].created_min)


@rule("priority")
def shortest_first(view, task, slot, now):
    """The shortest expected work first."""
    return Answer(WAIT, 0, view.tasks[task].expected_min)
