"""The tables of a finished run as columns: cases, incidents, tasks, staff and the log, for people and files.

One row each, names instead of codes, NaN instead of "not yet". True and reported columns stand side by side
and say which they are (`docs/reference`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.agents.hours import H_NAMES
from sim.assemble import Arm
from sim.cases.catalogue import LEVELS
from sim.engine.codes import FATES, LOG_KINDS, LOOKS, LOOKS_FREE, NEVER, OUTCOMES
from sim.engine.tables import World

_TASK_KINDS = ("intake", "holder", "part")
_TASK_TIMES = (
    "created_min", "queued_min", "assigned_min", "arrived_min", "started_min", "left_min", "done_min",
)  # fmt: skip
_TASK_STATES = (
    "new", "transit", "queued", "assigned", "holding", "working", "lag", "done", "refused", "lost", "cancelled",
)  # fmt: skip


def _names(values: list[str] | tuple[str, ...], rows: NDArray[np.integer]) -> pa.DictionaryArray:
    """Return names for rows; -1 becomes null."""
    index = pa.array(np.asarray(rows, np.int32), mask=np.asarray(rows) < 0)
    return pa.DictionaryArray.from_arrays(index, pa.array([str(v) for v in values], pa.string()))


def _minutes(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(values >= NEVER / 10, np.nan, values)


def _area_columns(arm: Arm, grid: NDArray[np.integer]) -> dict[str, Any]:
    areas = arm.city.areas
    rows = areas.grids[grid]
    out: dict[str, Any] = {"grid": pa.array(np.asarray(areas.code)[rows].astype(str)).dictionary_encode()}
    for level, name in ((1, "community"), (2, "street"), (3, "district")):
        above = areas.ancestor(rows, level)
        out[name] = pa.array(np.where(above >= 0, np.asarray(areas.code)[above], "").astype(str)).dictionary_encode()
    return out


def _where(arm: Arm, place: NDArray[np.integer]) -> dict[str, Any]:
    safe = np.maximum(place, 0)
    return {
        "x_m": np.where(place >= 0, arm.city.place_x[safe], np.nan),
        "y_m": np.where(place >= 0, arm.city.place_y[safe], np.nan),
    }


def cases_table(arm: Arm, world: World) -> pa.Table:
    """Return one row per case: reported times and outcome, and the truth of its incident beside them."""
    k = world.cases[: int(world.clock["cases"][0])]
    e = world.incidents[k["incident"]]
    types, departments = list(arm.spec.types), list(arm.spec.departments)
    return pa.table(
        {
            "case": np.arange(len(k)),
            "incident": k["incident"],
            "parent": pa.array(k["parent"], mask=k["parent"] < 0),
            "type": _names(types, e["type"]),
            "filed_type": _names(types, k["type"]),
            "severity": e["severity"],
            **_area_columns(arm, e["grid"]),
            **_where(arm, k["place"]),
            "channel": _names(list(arm.spec.channels), k["channel"]),
            "level_opened": _names(LEVELS, k["opened_level"]),
            "level_closed": _names(LEVELS, k["level"]),
            "department": _names(departments, k["dept"]),
            "occurred_min": k["occurred_min"],
            "reported_min": k["reported_min"],
            "judged_min": _minutes(k["judged_min"]),
            "assigned_min": _minutes(k["assigned_min"]),
            "arrived_min": _minutes(k["arrived_min"]),
            "closed_min": _minutes(k["closed_min"]),
            "resolved_min": _minutes(e["resolved_min"]),
            "deadline_min": _minutes(k["deadline_min"]),
            "outcome": _names(OUTCOMES, k["outcome"]),
            "truly_resolved": e["resolved_min"] < NEVER,
            "satisfied": pa.array(k["satisfied"] == 1, mask=k["satisfied"] < 0),
            "score": k["score"],
            "misjudged": k["misjudged"] == 1,
            **{
                name: k[name]
                for name in (
                    "escalations",
                    "bounces",
                    "referrals",
                    "whistles",
                    "reminders",
                    "failures",
                    "reports",
                    "wasted",
                )
            },
            "supervised": k["supervised"] == 1,
            "touch_min": k["touch_min"],
            "travel_min": k["travel_min"],
        }
    )


def incidents_table(arm: Arm, world: World) -> pa.Table:
    """Return one row per incident that has occurred: true state only."""
    e = world.incidents[: int(world.clock["cursor"][0])]
    first, last = arm.spec.warm_up_days * 1440.0, (arm.spec.horizon_days - arm.spec.cool_down_days) * 1440.0
    needs = [bin(int(n)).count("1") for n in e["needs"]]
    return pa.table(
        {
            "incident": np.arange(len(e)),
            "type": _names(list(arm.spec.types), e["type"]),
            "severity": e["severity"],
            **_area_columns(arm, e["grid"]),
            **_where(arm, e["place"]),
            "occurred_min": e["occurred_min"],
            "first_reported_min": _minutes(e["first_reported_min"]),
            "attended_min": _minutes(e["attended_min"]),
            "resolved_min": _minutes(e["resolved_min"]),
            "ended_min": _minutes(e["ended_min"]),
            "fate": _names(FATES, e["fate"]),
            "departments_needed": np.array(needs, np.int16),
            **{name: e[name] for name in ("reports", "repeats", "failures", "cases")},
            "in_cohort": (e["occurred_min"] >= first) & (e["occurred_min"] < last),
        }
    )


def tasks_table(arm: Arm, world: World) -> pa.Table:
    """Return one row per task: what one group of staff was asked to do for a case, and when."""
    k = world.tasks[: int(world.clock["tasks"][0])]
    posts, pools = list(arm.spec.posts), world.pools
    post = np.where(k["pool"] >= 0, pools["post"][np.maximum(k["pool"], 0)], -1)
    own = pools["dept"][np.maximum(k["pool"], 0)]
    department = np.where(k["dept"] >= 0, k["dept"], np.where(k["pool"] >= 0, own, -1))
    codes = np.asarray(arm.city.areas.code)[arm.city.areas.grids]
    return pa.table(
        {
            "task": np.arange(len(k)),
            "case": k["case"],
            "kind": _names(_TASK_KINDS, k["kind"]),
            "stage": k["stage"],
            "pool": k["pool"],
            "post": _names(posts, post),
            "department": _names(list(arm.spec.departments), department),
            "level": _names(LEVELS, k["level"]),
            "grid": pa.array(codes[k["grid"]].astype(str)).dictionary_encode(),
            **{
                name: _minutes(k[name])
                for name in (
                    "created_min",
                    "queued_min",
                    "assigned_min",
                    "arrived_min",
                    "started_min",
                    "left_min",
                    "done_min",
                )
            },
            "staff": k["n_staff"],
            "interrupted": k["interrupted"],
            "asks": k["asks"],
            "state": _names(_TASK_STATES, k["state"]),
        }
    )


def staff_table(arm: Arm, world: World) -> pa.Table:
    """Return one row per member of staff: duty, work, travel and overtime in minutes."""
    s, posts = world.staff, list(arm.spec.posts)
    areas = arm.city.areas
    owner = [seat.owner_area for seat in arm.staffing.seats]
    return pa.table(
        {
            "staff": [seat.name for seat in arm.staffing.seats],
            "post": _names(posts, s["post"]),
            "kind": pa.array([arm.spec.posts[seat.post].kind for seat in arm.staffing.seats]).dictionary_encode(),
            "department": _names(list(arm.spec.departments), s["dept"]),
            "area": pa.array(np.asarray(areas.code)[owner].astype(str)).dictionary_encode(),
            "pool": s["pool"],
            "on_duty_min": s["duty_min"],
            **{
                name: s[name]
                for name in ("busy_min", "travel_min", "background_min", "patrol_min", "overtime_min", "tasks_done")
            },
        }
    )


def hours_table(arm: Arm, world: World) -> pa.Table:
    """Return the minutes of the staff table by post, department and hour of the day; empty where they were not kept."""
    pools = world.pools[: len(world.hours)]
    both, row = np.unique(np.column_stack([pools["post"], pools["dept"]]), axis=0, return_inverse=True)
    minutes = np.zeros((len(both), 24, len(H_NAMES)))
    np.add.at(minutes, row.ravel(), world.hours)
    return pa.table(
        {
            "post": _names(list(arm.spec.posts), np.repeat(both[:, 0], 24)),
            "department": _names(list(arm.spec.departments), np.repeat(both[:, 1], 24)),
            "hour": np.tile(np.arange(24, dtype=np.int8), len(both)),
            **{name: minutes[:, :, i].ravel() for i, name in enumerate(H_NAMES)},
        }
    )


def looks_table(arm: Arm, world: World) -> pa.Table:
    """Return for each sweep the moments at which it could have found something, and those with somebody free."""
    return pa.table(
        {
            "sweep": pa.array([sweep.name for sweep in arm.spec.sweeps], pa.string()),
            "post": pa.array([sweep.post for sweep in arm.spec.sweeps], pa.string()),
            "looks": world.looks[:, LOOKS],
            "free_looks": world.looks[:, LOOKS_FREE],
        }
    )


def log_table(arm: Arm, world: World) -> pa.Table:
    """Return the event log: time, kind, case, incident, staff, area, value (meaning by kind: see the reference)."""
    g = world.log[: int(world.clock["log"][0])]
    case, before = g["case"], g["case"] <= -2
    incident = np.where(before, -2 - case, np.where(case >= 0, world.cases["incident"][np.maximum(case, 0)], -1))
    return pa.table(
        {
            "time_min": g["time_min"],
            "kind": _names(LOG_KINDS, g["kind"]),
            "case": pa.array(case, mask=case < 0),
            "incident": pa.array(incident, mask=incident < 0),
            "staff": pa.array(g["staff"], mask=g["staff"] < 0),
            "area": pa.array(g["area"], mask=g["area"] < 0),
            "value": g["value"],
        }
    )
