"""Who may be sent: the test that every dispatch and pick shares, for built-in rules and a user's own.

It reads only the view, so a rule may call it, compiled or in Python.
"""

from __future__ import annotations

import numpy as np

from sim.engine.codes import K_HOLDER, S_BACKGROUND, S_IDLE
from sim.engine.jit import jitable


@jitable
def can_take(view, s, t):
    """Return True when a member of staff may be sent to a task now: on duty, available, able, not overloaded."""
    k, task = view.staff[s], view.tasks[t]
    if k.on_duty == 0:
        return False
    if k.state != S_IDLE and not (k.state == S_BACKGROUND and task.emergency == 1):
        return False
    if task.capability >= 0 and not (k.capabilities >> np.uint32(task.capability)) & np.uint32(1):
        return False
    return not (task.kind == K_HOLDER and task.owner != s and k.cases_open >= k.caseload_cap)


@jitable
def available(view, t):
    """Return how many people of the task's group could at most be sent now."""
    p = view.pools[view.tasks[t].pool]
    return p.idle + (p.background if view.tasks[t].emergency == 1 else 0)
