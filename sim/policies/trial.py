"""A very small city on which rules and protocols are tried: six places, five departments, everything scarce.

It is made so that a few days of it hold every situation that a rule can meet: nobody free, long lines, tasks
for two crews at once, emergencies, bounces, failures, shift ends, owners at their limit. It stands for no
real place and its results mean nothing; `sim.policies.check` takes its states from it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sim.assemble import Arm, assemble
from sim.city.bare import bare_city
from sim.city.city import City
from sim.spec import ModelSpec

_PLACES = [(0, 0), (1000, 0), (2000, 0), (0, 1500), (1000, 1500), (2500, 1500)]
_DEPARTMENTS = ("water", "roads", "property", "enforcement", "fire")


def _title(name: str) -> dict[str, str]:
    return {"en": name, "zh": name}


def _exponential(mean: float) -> dict[str, dict[str, float]]:
    return {"exponential": {"mean": mean}}


@cache
def trial_city() -> City:
    """Return six places, each a grid of its own, without streets or residents."""
    return bare_city(_PLACES, speed_kmh=20.0, grids=len(_PLACES), name="trial")


def _posts() -> dict[str, dict[str, Any]]:
    unit = {"kind": "unit", "per": "city", "count": 2, "turnout_min": _exponential(4.0)}
    posts: dict[str, dict[str, Any]] = {
        "member": {"kind": "grid_member", "per": "grid", "count": 1, "serves": "community", "shift": "day",
                   "background_min_per_day": 60.0, "patrol_share": 0.4, "caseload_cap": 3,
                   "capabilities": {"look": 1.0}, "skill_sd": 0.3},
        "team": {"kind": "cadre", "per": "street", "count": 2, "shift": "day", "caseload_cap": 4,
                 "capabilities": {"look": 1.1}},
        "centre": {"kind": "coordinator", "per": "district", "count": 1, "capabilities": {"look": 1.0}},
        "operator": {"kind": "operator", "per": "city", "count": 1},
        **{name: {**unit, "department": name, "capabilities": {name: 1.0}, "skill_sd": 0.3}
           for name in _DEPARTMENTS},
    }  # fmt: skip
    posts["fire"] |= {"count": 3, "preemptive": True}
    return {name: {"title": _title(name), **post} for name, post in posts.items()}


def _types(rate: float) -> dict[str, dict[str, Any]]:
    """Return four troubles and an enquiry; ``rate`` scales how often they come by themselves."""
    told = {"report": {"hotline": 2.5, "app": 0.5}, "severity": [0.3, 0.4, 0.2, 0.1], "repeat_share": 0.5}
    patience = {"patience_h": _exponential(30.0), "petition_share": 0.2}
    limits = {"deadlines": {"respond_min": 240.0, "resolve_min": 1440.0}}
    types: dict[str, dict[str, Any]] = {
        "leak": {"kind": "order", "rate_per_hour": 0.30, "needs": {"water": 0.8, "roads": 0.5, "property": 0.4},
                 "believed_needs": {"enforcement": 0.15}, "closes_at": "street", "witnesses": 0.5,
                 "stages": [{"name": "look", "touch_min": _exponential(20.0), "capability": "look"},
                            {"name": "finish", "touch_min": _exponential(15.0), "keep_staff": True}],
                 "part": {"touch_min": _exponential(50.0)}, "success": {"base": 0.7},
                 "seems": {"misjudged": 0.2, "as_types": ["stall"]}, "ladder": {}},
        "stall": {"kind": "order", "rate_per_hour": 0.20, "needs": {"enforcement": 0.9, "property": 0.5},
                  "closes_at": "grid", "patrol_visible": True, "overtime": "suspend",
                  "stages": [{"name": "talk", "touch_min": _exponential(40.0)}],
                  "part": {"touch_min": _exponential(60.0), "staff": 2}, "success": {"base": 0.6}},
        "quarrel": {"kind": "dispute", "rate_per_hour": 0.20, "closes_at": "community", "start": "community",
                    "stages": [{"name": "hear", "touch_min": _exponential(60.0), "lag_min": _exponential(600.0)},
                               {"name": "settle", "touch_min": _exponential(45.0)}],
                    "success": {"base": 0.5}},
        "blaze": {"kind": "emergency", "rate_per_hour": 0.08, "start": "fire", "closes_at": None, "department": "fire",
                  "emergency": True, "grows_per_h": 0.3,
                  "stages": [{"name": "fight", "staff": 2, "capability": "fire", "touch_min": _exponential(70.0)}]},
        "question": {"kind": "enquiry", "rate_per_hour": 1.0, "report": {"hotline": 2.0}, "closes_at": "grid",
                     "stages": [{"name": "answer"}]},
    }  # fmt: skip
    for name, kind in types.items():
        kind["title"] = _title(name)
        kind["rate_per_hour"] *= rate
        if name != "question":
            types[name] = {**told, **patience, **limits, **kind}
    return types


def trial_spec(
    days: float = 10.0,
    rate: float = 1.0,
    script: list[dict[str, Any]] | None = None,
    rules: dict[str, str] | None = None,
    parameters: dict[str, float] | None = None,
) -> ModelSpec:
    """Return the trial's model.

    Parameters
    ----------
    days
        Horizon, days.
    rate
        Factor on how often troubles come by themselves (0: only the script's).
    script
        Scripted incidents.
    rules
        Hook -> rule name, for what differs from the defaults.
    parameters
        Register name -> value.
    """
    limits = {"report_in_min": 180.0, "hold_min": 60.0, "reconvene_min": 400.0}
    whistle = {**limits, "appointed": False, "working_time": False}
    return ModelSpec.model_validate(
        {
            "horizon_days": days,
            "types": _types(rate),
            "departments": {name: {"title": _title(name), "post": name, "desk_delay_min": _exponential(120.0),
                                   "duty_types": ["leak"] if name == "water" else []} for name in _DEPARTMENTS},
            "posts": _posts(),
            "shifts": {"always": {}, "day": {"hours": [(8.0, 18.0)]}},
            "channels": {
                "hotline": {"title": _title("hotline"), "operators": "operator", "take_min": _exponential(12.0),
                            "patience_min": _exponential(25.0), "callback": 0.7, "wrong_address": 0.05},
                "app": {"title": _title("app"), "delay_min": _exponential(60.0), "callback": 0.5},
                "patrol": {"title": _title("patrol")},
                "petition_office": {"title": _title("petition"), "level": "street"},
            },
            "whistles": {name: {"title": _title(name), "kind": name, **whistle}
                         for name in ("hard_problem", "joint_enforcement", "emergency")},
            "ladder": {"grid": "member", "community": "team", "street": "team", "district": "centre"},
            "preferences": [[(p + k) % 3 for k in range(3)] for p in range(len(_PLACES))],
            "script": script or [],
            "rules": rules or {},
            "parameters": parameters or {},
        }
    )  # fmt: skip


def trial_arm(**changes: Any) -> Arm:
    """Return the trial's arm; ``changes`` as in `trial_spec`."""
    return assemble(trial_spec(**changes), trial_city())


def trial_script(count: int = 24) -> list[dict[str, Any]]:
    """Return incidents of two days in a fixed pattern: every type in every grid, needs of one to three departments."""
    needs = (["water"], ["water", "roads"], ["water", "roads", "property"], ["enforcement", "property"])
    kinds = ("leak", "stall", "leak", "quarrel", "leak", "blaze")
    return [
        {"name": f"trial {n}", "type": kinds[n % len(kinds)], "at_min": 480.0 + 97.0 * n, "place": n % len(_PLACES),
         "severity": 1 + n % 4, "needs": needs[n % len(needs)] if kinds[n % len(kinds)] != "quarrel" else [],
         "channel": "app"}
        for n in range(count)
    ]  # fmt: skip
