"""The indicators of a finished run, computed vectorised from its tables.

Nothing here is counted inside the loop; definitions and units are in `sim.measures`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.assemble import Arm
from sim.engine.codes import (
    F_LAPSED,
    F_OPEN,
    F_RESOLVED,
    NEVER,
    O_ABANDONED,
    O_ANSWERED,
    O_MERGED,
    O_OPEN,
    O_SETTLED,
    TK_ENQUIRY,
)
from sim.engine.tables import World
from sim.measures.survival import gini, restricted_mean

NAN = float("nan")


@dataclass(frozen=True)
class Cohort:
    """Rows that measures follow.

    Attributes
    ----------
    incidents, cases
        Structured rows of the cohort's incidents and of their cases.
    trouble
        bool over ``incidents``: not an enquiry.
    real
        bool over ``cases``: a case of trouble that was neither given up at the phone nor a duplicate.
    end_min, days
        Last look; length of the window in days.
    """

    incidents: NDArray[np.void]
    cases: NDArray[np.void]
    trouble: NDArray[np.bool_]
    real: NDArray[np.bool_]
    end_min: float
    days: float


def cohort_of(arm: Arm, world: World) -> Cohort:
    """Return the incidents between warm-up and cool-down, and their cases."""
    spec = arm.spec
    first, last = spec.warm_up_days * 1440.0, (spec.horizon_days - spec.cool_down_days) * 1440.0
    now = float(world.clock["now"][0])
    incidents = world.incidents[: int(world.clock["cursor"][0])]
    inside = (incidents["occurred_min"] >= first) & (incidents["occurred_min"] < last)
    cases = world.cases[: int(world.clock["cases"][0])]
    mine = inside[cases["incident"]]
    kinds = world.types["kind"]
    chosen, selected = incidents[inside], cases[mine]
    trouble = kinds[chosen["type"]] != TK_ENQUIRY
    real = (kinds[incidents["type"][selected["incident"]]] != TK_ENQUIRY) & ~np.isin(
        selected["outcome"], (O_ABANDONED, O_MERGED)
    )
    return Cohort(chosen, selected, trouble, real, now, max((min(last, now) - first) / 1440.0, 1e-9))


def share(part: NDArray[np.bool_], whole: NDArray[np.bool_] | None = None) -> float:
    """Return the mean of ``part`` within ``whole``; NaN when it is empty."""
    chosen = part if whole is None else part[whole]
    return float(chosen.mean()) if len(chosen) else NAN


def mean(values: NDArray[np.float64]) -> float:
    """Return the mean; NaN when empty."""
    return float(values.mean()) if len(values) else NAN


def _times(begun: NDArray, ended: NDArray, end_min: float) -> tuple[NDArray, NDArray]:
    seen = ended < NEVER
    return np.maximum(np.where(seen, ended, end_min) - begun, 0.0), seen


def _true_state(arm: Arm, c: Cohort) -> dict[str, float]:
    e = c.incidents[c.trouble]
    limit = arm.parameters["measure.restricted_mean_days"]
    duration, over = _times(e["occurred_min"], e["ended_min"], c.end_min)
    lapsed = e["fate"] == F_LAPSED
    duration, over = np.where(lapsed, limit * 1440.0 + 1.0, duration), over & ~lapsed
    told = e["first_reported_min"] < NEVER
    joint = told & (np.bitwise_count(e["needs"]) >= 2)
    response, there = _times(e["first_reported_min"][told], e["attended_min"][told], c.end_min)
    return {
        "true_resolution_days": restricted_mean(duration / 1440.0, over, limit),
        "joint_resolution_days": restricted_mean(duration[joint] / 1440.0, over[joint], limit),
        "joint_resolution_share": share(e["fate"] == F_RESOLVED, joint),
        "true_resolution_share": share(e["fate"] == F_RESOLVED),
        "response_min": restricted_mean(response, there, limit * 1440.0),
        "repeat_share": share(e["repeats"] > 0, told),
        "untold_share": share(~told),
        "lapsed_share": share(lapsed),
    }


def _emergency(arm: Arm, world: World, c: Cohort) -> dict[str, float]:
    e = c.incidents
    mine = (world.types["emergency"][e["type"]] == 1) & (e["first_reported_min"] < NEVER)
    e = e[mine]
    waited, there = _times(e["first_reported_min"], e["attended_min"], c.end_min)
    limit = arm.parameters["measure.restricted_mean_days"] * 1440.0
    return {
        "emergency_response_min": restricted_mean(waited, there, limit),
        "emergency_response_p90_min": float(np.quantile(waited, 0.9)) if len(waited) else NAN,
        "coverage_share": share(there & (waited <= arm.parameters["measure.coverage_threshold_min"])),
    }


def _reported_state(arm: Arm, c: Cohort, incidents: NDArray[np.void]) -> dict[str, float]:
    k = c.cases[c.real]
    closed = k["outcome"] != O_OPEN
    due = k["deadline_min"] <= c.end_min
    settled = np.isin(k["outcome"], (O_SETTLED, O_ANSWERED))
    duration, seen = _times(k["reported_min"], np.where(closed, k["closed_min"], NEVER), c.end_min)
    over = incidents["ended_min"][k["incident"]]
    asked = k["satisfied"] >= 0
    first = k["parent"] < 0
    return {
        "reported_resolution_share": share(settled, closed | due),
        "truth_gap_share": share(over > k["closed_min"], settled),
        "reported_resolution_days": restricted_mean(
            duration / 1440.0, seen, arm.parameters["measure.restricted_mean_days"]
        ),
        "on_time_share": share(
            closed & (k["closed_min"] <= k["deadline_min"] + arm.parameters["measure.on_time_margin"]), due
        ),
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
    judged = limit <= float(world.clock["now"][0])
    reached = q["quorum_min"] < NEVER
    return {
        "report_in_share": share(mine["arrived_min"] <= limit, judged),
        "quorum_h": mean((q["quorum_min"] - q["blown_min"])[reached] / 60.0),
    }


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
    until = np.where(e["fate"] == F_OPEN, c.end_min, np.minimum(e["ended_min"], c.end_min))
    lasting = np.where(e["fate"] == F_LAPSED, c.end_min, until) - e["occurred_min"]
    loss = (world.types["loss_yuan_per_h"][e["type"]] * np.maximum(lasting, 0.0) / 60.0).sum()
    return {
        "cost_yuan_per_day": total / days,
        "cost_yuan_per_resolved": total / settled.sum() if settled.any() else NAN,
        "loss_yuan": float(loss / c.days),
    }


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
        "events": float(world.clock["events"][0]),
    }


def indicators(arm: Arm, world: World) -> dict[str, float]:
    """Return every measure of a finished run by name (NaN where a run has nothing to measure)."""
    c = cohort_of(arm, world)
    days = max(float(world.clock["now"][0]) / 1440.0, 1e-9)
    return {
        **_true_state(arm, c),
        **_emergency(arm, world, c),
        **_reported_state(arm, c, world.incidents),
        **_whistles(world),
        **_staff(world, days),
        **_money(arm, world, c, days),
        **_volume(arm, world, c, days),
    }
