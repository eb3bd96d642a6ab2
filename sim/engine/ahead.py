"""Fetching ahead: rows that coming timers will need are asked of memory before their turn.

In a large city hardly any row that a timer is about lies in the processor's caches, and waiting for it takes longer
than what is done with it. The calendar of timers knows early which rows come next. Asking changes nothing: neither
what happens nor in what order.
"""

from __future__ import annotations

import numpy as np

from sim.engine.blocks import fetch_item, fetch_row
from sim.engine.codes import (
    EV_ARRIVE,
    EV_CALLBACK,
    EV_CASE,
    EV_COORDINATE_LATER,
    EV_FIND,
    EV_INTAKE,
    EV_LAG_DONE,
    EV_PATIENCE,
    EV_RESIDENT,
    EV_RESTART,
    EV_STAFF,
    EV_TASK_READY,
    EV_WORK_DONE,
)
from sim.engine.jit import njit
from sim.engine.kinds import I, W

_ARRIVALS_AHEAD = 8


@njit
def is_of_staff(kind):
    """Return True for timers about a row of staff."""
    return kind == EV_STAFF or kind == EV_ARRIVE


@njit
def is_of_task(kind):
    """Return True for timers about a task."""
    return kind == EV_WORK_DONE or kind == EV_LAG_DONE or kind == EV_TASK_READY or kind == EV_PATIENCE


@njit
def _is_of_incident(kind):
    return kind == EV_RESIDENT or kind == EV_FIND


@njit
def _is_of_case(kind):
    return (
        kind == EV_CASE or kind == EV_CALLBACK or kind == EV_RESTART or kind == EV_INTAKE or kind == EV_COORDINATE_LATER
    )


@njit((W, I, I))
def fetch_subject(world, kind, row):
    """Ask memory for the row that a timer is about."""
    if is_of_staff(kind):
        fetch_row(world.staff, row)
    elif is_of_task(kind):
        fetch_row(world.tasks, row)
    elif _is_of_incident(kind):
        fetch_row(world.incidents, row)
    elif _is_of_case(kind):
        fetch_row(world.cases, row)


@njit((W, I, I))
def fetch_surroundings(world, kind, row):
    """Ask memory for rows that belong to what a timer is about, whose own row is there by now."""
    case, incident = np.int64(-1), np.int64(-1)
    if is_of_staff(kind):
        fetch_row(world.pools, np.int64(world.staff[row].pool))
    elif is_of_task(kind):
        case = np.int64(world.tasks[row].case)
        if world.tasks[row].first_staff >= 0:
            fetch_row(world.staff, np.int64(world.tasks[row].first_staff))
    elif _is_of_incident(kind):
        case = np.int64(world.incidents[row].open_case)
    elif _is_of_case(kind):
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
