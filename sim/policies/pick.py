"""Pick rules: what somebody who falls free takes from the line of the group.

A task that needs more people at one instant than are free holds the head of the line: nobody overtakes it.
"""

from __future__ import annotations

from sim.agents.ability import available, can_take
from sim.engine.codes import IDLE_ANSWER, TAKE
from sim.engine.hooks import Answer
from sim.engine.jit import jitable
from sim.engine.queues import first_in_queue, next_in_queue
from sim.engine.travel import travel_min
from sim.policies.rules import rule


@jitable
def can_start(view, task):
    """Return True when enough of the group are free to start a task, or it lets people go ahead."""
    t = view.tasks[task]
    return t.atomic == 0 or t.n_staff - t.n_assigned <= available(view, task)


@rule("pick")
def smallest_key(view, staff, slot, now):
    """Take the first in line that this person can do."""
    t = first_in_queue(view, view.staff[staff].pool)
    while t >= 0:
        if can_take(view, staff, t):
            return Answer(TAKE, t, 0.0) if can_start(view, t) else Answer(IDLE_ANSWER, 0, 0.0)
        t = next_in_queue(view, t)
    return Answer(IDLE_ANSWER, 0, 0.0)


@rule("pick")
def nearest_waiting(view, staff, slot, now):
    """Take the nearest waiting task of the most urgent class in line."""
    pool, best, best_min = view.staff[staff].pool, -1, 1e300
    t = first_in_queue(view, pool)
    urgency = -1
    while t >= 0:
        if can_take(view, staff, t):
            if not can_start(view, t):
                break
            if urgency < 0:
                urgency = view.tasks[t].urgency
            if view.tasks[t].urgency == urgency:
                trip = travel_min(view, view.tasks[t].lights == 1, view.staff[staff].place, view.tasks[t].place)
                if trip < best_min:
                    best, best_min = t, trip
        t = next_in_queue(view, t)
    if best < 0:
        return Answer(IDLE_ANSWER, 0, 0.0)
    return Answer(TAKE, best, best_min)
