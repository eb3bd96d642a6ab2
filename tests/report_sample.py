"""A small made-up study for the tests of charts and reports: known effects, no model behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from dashboards.report.data import Arm, Parameter, ReportData

REPLICATIONS, KEPT = 12, 4
HORIZON_MIN = 30 * 1440.0
BASELINE, ARM = "referral", "whistle"
EVIL = "<script>alert('x')</script>\"&"


@dataclass(frozen=True)
class Measure:
    """What charts need of a measure."""

    unit: str
    better: str
    state: str
    title: dict[str, str]
    formula: str


MEASURES = {
    "true_resolution_days": Measure(
        "days", "lower", "true", {"en": "Days to true resolution", "zh": "实际解决天数"}, "mean of min(days, 7)"
    ),
    "true_resolution_share": Measure(
        "share", "higher", "true", {"en": "Resolved", "zh": "解决率"}, "resolved / incidents"
    ),
    "reported_resolution_share": Measure(
        "share", "higher", "reported", {"en": "Resolved on record", "zh": "账面解决率"}, "closed as settled / cases"
    ),
    "cost_yuan_per_resolved": Measure(
        "yuan", "lower", "both", {"en": "Cost per resolved incident", "zh": "每件解决成本"}, "cost / resolved"
    ),
    "evacuations": Measure("1", "none", "both", {"en": "Evacuations", "zh": "疏散"}, "count"),
}  # fmt: skip


def runs(replications: int = REPLICATIONS) -> pd.DataFrame:
    """Two arms: the second is about 0.9 days sooner, 8 points better, 24 yuan dearer."""
    rng = np.random.default_rng(5)
    world = rng.normal(size=replications)
    frames = []
    for k, policy in enumerate((BASELINE, ARM)):
        noise = rng.normal(size=(4, replications))
        frames.append(
            pd.DataFrame(
                {
                    "policy": policy,
                    "replication": np.arange(replications),
                    "true_resolution_days": 3.9 - 0.9 * k + 0.2 * world + 0.05 * noise[0],
                    "true_resolution_share": 0.61 + 0.08 * k + 0.01 * world + 0.004 * noise[1],
                    "reported_resolution_share": 0.84 + 0.01 * world + 0.004 * noise[2],
                    "cost_yuan_per_resolved": 310 + 24 * k + 6 * world + 3 * noise[3],
                    "evacuations": 0.0,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def comparisons(frame: pd.DataFrame) -> pd.DataFrame:
    """Paired differences by the plain textbook formula."""
    rows = []
    for metric, measure in MEASURES.items():
        wide = frame.pivot(index="replication", columns="policy", values=metric)
        d = (wide[ARM] - wide[BASELINE]).to_numpy()
        half = stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d))
        low, high = d.mean() - half, d.mean() + half
        clear = low > 0 or high < 0
        good = (d.mean() < 0) == (measure.better == "lower")
        rows.append(
            {
                "metric": metric, "baseline": BASELINE, "arm": ARM, "mean_baseline": wide[BASELINE].mean(),
                "mean_arm": wide[ARM].mean(), "difference": d.mean(), "low": low, "high": high,
                "verdict": ("better" if good else "worse") if clear else "undecided",
                "variance_ratio": np.nan if metric == "evacuations" else 3.0, "variance_ratio_low": 2.0,
                "variance_ratio_high": 5.0, "pairs": len(d), "needed": 0 if clear else 140,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def incidents() -> pd.DataFrame:
    """Resolution times are exponential: mean 2 days under the baseline, 1 day under the arm."""
    frames = []
    for k, policy in enumerate((BASELINE, ARM)):
        for replication in range(KEPT):
            rng = np.random.default_rng(replication)
            occurred = rng.uniform(0, 20 * 1440.0, 400)
            resolved = occurred + rng.exponential(1440.0 * (2 - k), 400)
            frames.append(
                pd.DataFrame(
                    {
                        "policy": policy,
                        "replication": replication,
                        "grid": rng.integers(0, 6, 400),
                        "occurred_min": occurred,
                        "resolved_min": np.where(resolved < HORIZON_MIN, resolved, np.nan),
                        "ended_min": np.where(resolved < HORIZON_MIN, resolved, np.nan),
                        "in_cohort": occurred > 1440.0,
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def cases() -> pd.DataFrame:
    """Four cases in each kept replication, known by heart."""
    one = pd.DataFrame(
        {
            "channel": ["hotline", "hotline", "patrol", "app"],
            "level_opened": ["grid", "street", "grid", "grid"],
            "level_closed": ["grid", "street", "street", ""],
            "department": ["", "police", "", ""],
            "reported_min": [0.0, 0.0, 0.0, 0.0],
            "closed_min": [1440.0, 2880.0, 1440.0, np.nan],
            "deadline_min": [4320.0, 4320.0, 4320.0, 4320.0],
            "outcome": ["settled", "settled", "failed", "open"],
            "truly_resolved": [True, False, False, False],
        }
    )
    frames = [one.assign(policy=p, replication=r) for p in (BASELINE, ARM) for r in range(KEPT)]
    return pd.concat(frames, ignore_index=True)


def tasks() -> pd.DataFrame:
    """One grid member works 10:30-11:30 on each of 30 days."""
    start = np.arange(30) * 1440.0 + 630.0
    frames = [
        pd.DataFrame({"policy": p, "replication": r, "post": "grid_member", "department": "", "assigned_min": start,
                      "arrived_min": start + 10, "left_min": start + 60.0, "done_min": start + 60.0})
        for p in (BASELINE, ARM) for r in range(KEPT)
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def hours() -> pd.DataFrame:
    """Two posts: one on duty from 9 to 18, with an hour of work after it, one on duty at any hour."""
    hour = np.arange(24)
    day = (hour >= 9) & (hour < 18)
    day_post = pd.DataFrame({"post": "grid_member", "department": "", "hour": hour, "on_duty_min": 1200.0 * day,
                             "busy_min": np.where(hour == 18, 60.0, 300.0 * day),
                             "background_min": 600.0 * day})  # fmt: skip
    night_post = pd.DataFrame({"post": "ambulance", "department": "ambulance", "hour": hour, "on_duty_min": 600.0,
                               "busy_min": np.where(hour == 3, 660.0, 30.0), "background_min": 0.0})  # fmt: skip
    frames = [
        part.assign(policy=p, replication=r)
        for p in (BASELINE, ARM)
        for r in range(KEPT)
        for part in (day_post, night_post)
    ]
    return pd.concat(frames, ignore_index=True)


def staff() -> pd.DataFrame:
    """Two grid members; the first does a quarter of the work, the second three quarters."""
    frames = [
        pd.DataFrame({"policy": p, "replication": r, "staff": [0, 1], "post": "grid_member", "department": "",
                      "on_duty_min": [1000.0, 1000.0], "busy_min": [100.0, 300.0]})
        for p in (BASELINE, ARM) for r in range(KEPT)
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def report_data(**changes: object) -> ReportData:
    """Return a whole report's data; keyword arguments replace fields."""
    frame = runs()
    fields: dict[str, object] = {
        "title": "Whistle against referral",
        "description": "A made-up district.",
        "arms": [
            Arm(BASELINE, "One after another.", {}, "referral@1a2b3c4d"),
            Arm(ARM, "All at once.", {"rules.coordinate": "whistle"}, "whistle@9f8e7d6c"),
        ],
        "runs": frame,
        "comparisons": comparisons(frame),
        "measures": MEASURES,
        "horizon_min": HORIZON_MIN,
        "headline": "true_resolution_days",
        "cost": "cost_yuan_per_resolved",
        "cases": cases(),
        "incidents": incidents(),
        "tasks": tasks(),
        "staff": staff(),
        "hours": hours(),
        "facts": {"fact_scenario": "whistle-vs-referral", "fact_seed": "7"},
        "parameters": [
            Parameter("reporting.urgency", 0.6, "logit", 0.2, 1.2, "assumption: sized", "assumption", "Urgency."),
            Parameter("city.people_per_grid", 800, "people", 500, 1000, "FACTS D1", "official", "People."),
        ],
        "command": "gridwhistle compare whistle-vs-referral --seed 7",
        "folder": "results/x",
    }
    return ReportData(**{**fields, **changes})  # type: ignore[arg-type]
