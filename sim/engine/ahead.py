"""Fetching ahead: rows that coming timers will need are asked of memory before their turn.

In a large city hardly any row that a timer is about lies in the processor's caches, and waiting for it takes longer
than what is done with it. The calendar of timers knows early which rows come next. Asking changes nothing: neither
what happens nor in what order.
"""

from __future__ import annotations

import numpy as np

from sim.engine.blocks import fetch_item, fetch_row
from sim.engine.event_kinds import subject_of
from sim.engine.jit import njit
from sim.engine.kinds import I, W
from sim.engine.tables import NAMES

_ARRIVALS_AHEAD = 8
_STAFF, _TASKS, _INCIDENTS, _CASES = map(NAMES.index, ("staff", "tasks", "incidents", "cases"))


@njit((W, I, I))
def fetch_surroundings(world, kind, row):
    """Ask memory for rows that belong to what a timer is about, whose own row is there by now."""
    case, incident = np.int64(-1), np.int64(-1)
    subject = subject_of(kind)
    if subject == _STAFF:
        fetch_row(world.pools, np.int64(world.staff[row].pool))
    elif subject == _TASKS:
        case = np.int64(world.tasks[row].case)
        if world.tasks[row].first_staff >= 0:
            fetch_row(world.staff, np.int64(world.tasks[row].first_staff))
    elif subject == _INCIDENTS:
        case = np.int64(world.incidents[row].open_case)
    elif subject == _CASES:
        incident = np.int64(world.cases[row].incident)
    if case >= 0:
        fetch_row(world.cases, case)
    if incident >= 0:
        fetch_row(world.incidents, incident)


@njit((W, I))
def fetch_arrival(world, i):
    """Ask memory for what a coming incident, some arrivals after ``i``, will need."""
    i += _ARRIVALS_AHEAD
    if i >= world.incidents.shape[0]:
        return
    e = world.incidents[i]
    if e.resident >= 0:
        fetch_row(world.residents, np.int64(e.resident))
    fetch_row(world.grids, np.int64(e.grid))
    fetch_item(world.last_case, np.int64(e.grid), np.int64(e.type))
