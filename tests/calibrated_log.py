"""A case log whose making is known: simulated by the engine itself, written as a CSV file of one row per case."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

START = dt.date(2026, 3, 2)
HOURS = [0.0] * 8 + [1.0, 3.0, 4.0, 3.0, 1.5, 2.0, 3.0, 3.0, 2.0, 0.5] + [0.0] * 6
WEEKDAYS = [1.6, 1.3, 1.2, 1.2, 1.1, 0.4, 0.2]
PER_DAY, SHOCKS = 9.0, 0.3
LAW = {"mixture": [{"share": 0.4, "lognormal": {"median": 20, "sigma": 0.6}},
                   {"share": 0.6, "lognormal": {"median": 4000, "sigma": 0.9}}]}  # fmt: skip
DEADLINE_MIN = 7200.0


def truth(days: int, law: Any = None) -> dict[str, Any]:
    """Return the scenario that makes the log."""
    return {
        "name": "truth", "title": {"en": "Truth", "zh": "真值"}, "bare": True, "city": {"bare": {}},
        "horizon_days": days, "warm_up_days": 0, "cool_down_days": 0,
        "calendar": {"start": START, "zone": "Asia/Shanghai"}, "shifts": {"always": {}},
        "posts": {"desk": {"title": {"en": "Desk", "zh": "窗口"}, "kind": "operator", "per": "city", "count": 1}},
        "types": {"case": {
            "title": {"en": "Case", "zh": "案件"}, "kind": "bare", "rate_per_hour": PER_DAY / 24 * (1 - SHOCKS),
            "hours": HOURS, "weekdays": WEEKDAYS, "excitation": SHOCKS,
            "excitation_delay_min": {"exponential": {"mean": 15}},
            "stages": [{"name": "handle", "staff": 0, "touch_min": law or LAW}],
        }},
    }  # fmt: skip


def simulated(days: int, seed: int = 3, law: Any = None) -> pd.DataFrame:
    """Return the cases of one run: opened and closed (None when still open) by the clock, and their deadline."""
    from scenarios.places import city_of
    from scenarios.schema import Scenario
    from scenarios.yaml_lines import Tree
    from sim.model import prepare

    scenario = Scenario.from_tree(Tree(truth(days, law)))
    cases = prepare(scenario.spec(), city_of(scenario)).run(seed, 0, "counts").cases().to_pandas()
    opened = pd.Timestamp(START) + pd.to_timedelta(cases["occurred_min"], unit="min")
    closed = opened + pd.to_timedelta(cases["closed_min"] - cases["occurred_min"], unit="min")
    closed = closed.where(closed < pd.Timestamp(START) + pd.Timedelta(days=days))
    deadline = opened + pd.Timedelta(minutes=DEADLINE_MIN)
    made = pd.DataFrame({"case": cases["case"], "opened": opened, "closed": closed, "deadline": deadline})
    return made.sort_values("opened")


def write(frame: pd.DataFrame, path: Path) -> Path:
    """Write a log as CSV with times to the second."""
    frame.to_csv(path, index=False, date_format="%Y-%m-%d %H:%M:%S")
    return path


MAP = "case: case\nopened: opened\nclosed: closed\ndeadline: deadline\nzone: Asia/Shanghai\n"


def true_late() -> float:
    """Return the share of cases that last longer than the deadline."""
    from scipy.special import ndtr

    parts = [(p["share"], p["lognormal"]) for p in LAW["mixture"]]
    return float(sum(s * ndtr(-np.log(DEADLINE_MIN / v["median"]) / v["sigma"]) for s, v in parts))
