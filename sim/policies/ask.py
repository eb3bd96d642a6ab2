"""The rule that decides nothing: whoever drives the model answers, a person in a drill or a Python policy.

It stands behind every hook that may be left open, under the name ``ask``. The kernel stops at the decision,
and goes on at that very instant with the answer that `sim.kernel.answer` leaves; the trajectory is the same
as if a compiled rule had given it.
"""

from __future__ import annotations

from sim.engine.codes import ASK
from sim.engine.hooks import Answer
from sim.policies.rules import rule

OPEN_HOOKS = ("dispatch", "pick", "coordinate", "report_in", "reposition")


def ask(view, subject, slot, now):
    """Leave the decision open for whoever drives the model."""
    return Answer(ASK, 0, 0.0)


for _hook in OPEN_HOOKS:
    rule(_hook)(ask)
