"""The indicators of a finished run, computed vectorised from its tables.

Nothing here is counted inside the loop; definitions and units are in `sim.measures`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.assemble import Arm
from sim.engine.codes import (
    F_LAPSED,
    F_RESOLVED,
    NEVER,
    O_ABANDONED,
    O_ANSWERED,
    O_OPEN,
    O_SETTLED,
    T_CANCELLED,
    TK_ENQUIRY,
)
from sim.engine.tables import World
from sim.measures.cohort import GIVEN_UP, NAN, Cohort, cohort_of, loss_yuan, mean, over_min, share, times
from sim.measures.emergencies import emergency_measures
from sim.measures.kinds import kind_measures
from sim.measures.survival import gini, restricted_mean


def _true_state(arm: Arm, c: Cohort) -> dict[str, float]:
    e = c.incidents[c.trouble]
    limit = arm.parameters["measure.restricted_mean_days"]
    duration, over = times(e["occurred_min"], over_min(e), c.end_min)
    duration = np.where(np.isin(e["fate"], GIVEN_UP), limit * 1440.0 + 1.0, duration)
    told = e["first_reported_min"] < NEVER
    joint = told & (np.bitwise_count(e["needs"]) >= 2)
    response, there = times(e["first_reported_min"][told], e["attended_min"][told], c.end_min)
    return {
        "true_resolution_days": restricted_mean(duration / 1440.0, over, limit),
        "joint_resolution_days": restricted_mean(duration[joint] / 1440.0, over[joint], limit),
        "joint_resolution_share": share(e["fate"] == F_RESOLVED, joint),
        "true_resolution_share": share(e["fate"] == F_RESOLVED),
        "told_resolution_share": share(e["fate"] == F_RESOLVED, told),
        "response_min": restricted_mean(response, there, limit * 1440.0),
        "repeat_share": share(e["repeats"] > 0, told),
        "untold_share": share(~told),
        "lapsed_share": share(e["fate"] == F_LAPSED),
    }


def _reported_state(arm: Arm, c: Cohort, incidents: NDArray[np.void]) -> dict[str, float]:
    k = c.cases[c.real]
    closed = k["outcome"] != O_OPEN
    due = k["deadline_min"] <= c.end_min
    settled = np.isin(k["outcome"], (O_SETTLED, O_ANSWERED))
    duration, seen = times(k["reported_min"], np.where(closed, k["closed_min"], NEVER), c.end_min)
    over = over_min(incidents[k["incident"]])
    margin = arm.parameters["measure.on_time_margin"] * (k["deadline_min"] - k["reported_min"])
    asked = k["satisfied"] >= 0
    first = k["parent"] < 0
    return {
        "reported_resolution_share": share(settled, closed | due),
        "truth_gap_share": share(over > k["closed_min"], settled),
        "reported_resolution_days": restricted_mean(
            duration / 1440.0, seen, arm.parameters["measure.restricted_mean_days"]
        ),
        "on_time_share": share(closed & (k["closed_min"] <= k["deadline_min"] + margin), due),
        "true_on_time_share": share(over <= k["deadline_min"], due & first),
        "responded_share": share(k["arrived_min"] <= k["respond_by_min"], k["respond_by_min"] <= c.end_min),
        "satisfaction_share": share(k["satisfied"] == 1, asked),
        "true_satisfaction_share": share(k["score"] >= arm.parameters["satisfaction.threshold"], closed),
        "bounces_per_case": mean(k["bounces"]),
        "referrals_per_case": mean(k["referrals"]),
        "escalations_per_case": mean(k["escalations"]),
        "whistles_per_case": mean(k["whistles"]),
    }


def _whistles(world: World) -> dict[str, float]:
    q = world.requests[: int(world.clock["requests"][0])]
    if not len(q):
        return {"report_in_share": NAN, "quorum_h": NAN}
    tasks = world.tasks[: int(world.clock["tasks"][0])]
    mine = tasks[tasks["request"] >= 0]
    limit = q["first_deadline_min"][mine["request"]]  # on the whistle's own clock: working time where it counts that
    judged = (limit <= float(world.clock["now"][0])) & ~_called_off(mine, limit)
    reached = q["quorum_min"] < NEVER
    return {
        "report_in_share": share(mine["arrived_min"] <= limit, judged),
        "quorum_h": mean((q["quorum_min"] - q["blown_min"])[reached] / 60.0),
    }


def _called_off(parts: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Return which whistled parts were called off in time, before anybody had come: they could no longer come."""
    gone = (parts["state"] == T_CANCELLED) & (parts["done_min"] <= limit)
    return gone & (parts["arrived_min"] >= NEVER)


def _staff(world: World, days: float) -> dict[str, float]:
    s = world.staff
    on = s["duty_min"] > 0
    duty = s["duty_min"].sum()
    return {
        "utilisation": float((s["busy_min"] + s["background_min"]).sum() / duty) if duty > 0 else NAN,
        "case_utilisation": float(s["busy_min"].sum() / duty) if duty > 0 else NAN,
        "workload_gini": gini(s["busy_min"][on] / s["duty_min"][on]),
        "overtime_h_per_staff": float(s["overtime_min"].sum() / 60.0 / max(len(s), 1) / days * 30.0),
    }


def cost_yuan(arm: Arm, world: World) -> float:
    """Return what a whole run cost: wages, overtime, vehicles, whistles, referrals and call-backs."""
    s, p = world.staff, arm.parameters
    wage, vehicle = world.posts["wage"][s["post"]], world.posts["vehicle"][s["post"]]
    hours = (s["duty_min"] + p["cost.overtime_factor"] * s["overtime_min"]) / 60.0
    cases = world.cases[: int(world.clock["cases"][0])]
    talks = p["cost.whistle_yuan"] * cases["whistles"].sum() + p["cost.referral_yuan"] * cases["referrals"].sum()
    calls = p["cost.callback_yuan"] * (cases["satisfied"] >= 0).sum()
    return float((wage * hours + vehicle * s["busy_min"] / 60.0).sum() + talks + calls)


def _money(arm: Arm, world: World, c: Cohort, days: float) -> dict[str, float]:
    total = cost_yuan(arm, world)
    incidents = world.incidents[: int(world.clock["cursor"][0])]
    settled = (incidents["fate"] == F_RESOLVED) & (world.types["kind"][incidents["type"]] != TK_ENQUIRY)
    e = c.incidents[c.trouble]
    lost, urgent = loss_yuan(world, e, c.end_min) / c.days, world.types["emergency"][e["type"]] == 1
    return {
        "cost_yuan_per_day": total / days,
        "cost_yuan_per_resolved": total / settled.sum() if settled.any() else NAN,
        "loss_yuan": float(lost.sum()),
        "loss_emergency_yuan": float(lost[urgent].sum()),
        "loss_other_yuan": float(lost[~urgent].sum()),
    }


def _petitions(world: World, c: Cohort) -> float:
    """Return contacts at the petition office per 1,000 told troubles; NaN where there is no such office."""
    office, told = int(world.clock["petition_channel"][0]), c.incidents["first_reported_min"] < NEVER
    if office < 0 or not (told & c.trouble).any():
        return NAN
    of_trouble = world.types["kind"][world.incidents["type"][c.cases["incident"]]] != TK_ENQUIRY
    return float(((c.cases["channel"] == office) & of_trouble).sum() / (told & c.trouble).sum() * 1000.0)


def _volume(arm: Arm, world: World, c: Cohort, days: float) -> dict[str, float]:
    cases = world.cases[: int(world.clock["cases"][0])]
    names = list(arm.spec.channels)
    people = max(1, len(arm.city.residents))
    lines = [names.index(n) for n in ("hotline", "app") if n in names]
    manned = [i for i, channel in enumerate(arm.spec.channels.values()) if channel.operators]
    waited = np.isin(c.cases["channel"], manned)
    return {
        "incidents": float(len(c.incidents)),
        "cases": float(len(c.cases)),
        "contacts_per_1000_day": float(np.isin(cases["channel"], lines).sum() / people * 1000.0 / days),
        "abandoned_share": share(c.cases["outcome"] == O_ABANDONED, waited),
        "petitions_per_1000": _petitions(world, c),
        "events": float(world.clock["events"][0]),
    }


def indicators(arm: Arm, world: World) -> dict[str, float]:
    """Return every measure of a finished run by name (NaN where a run has nothing to measure)."""
    c = cohort_of(arm, world)
    days = max(float(world.clock["now"][0]) / 1440.0, 1e-9)
    return {
        **_true_state(arm, c),
        **emergency_measures(arm, world, c),
        **kind_measures(arm, world, c),
        **_reported_state(arm, c, world.incidents),
        **_whistles(world),
        **_staff(world, days),
        **_money(arm, world, c, days),
        **_volume(arm, world, c, days),
    }
