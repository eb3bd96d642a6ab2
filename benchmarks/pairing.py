"""What common random numbers buy: (Var A + Var B) / Var(A - B) over pairs of replications, with bootstrap intervals.

Measured for whistle against referral and for one more unit, on the first measure that each scenario names (its
headline) and, beside it, on all others it names; and identical arms must differ by exactly nothing.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Measured
from benchmarks.statistics import variance_ratio

PAIRS, WORKERS = 200, 2
PROTOCOL = ("whistle-vs-referral", ("referral", "whistle"))
UNIT = ("one-more-unit", ("as-is", "one-more-ambulance"))


def study(scenario: Any, arms: tuple[str, ...], pairs: int, folder: Path, workers: int) -> Any:
    """Run arms with common random numbers and return the study."""
    from scenarios.experiment import Experiment

    return Experiment(scenario, list(arms), replications=pairs).run(workers, folder, keep_cases=0)


def scenario_of(name: str, quick: bool) -> Any:
    """Return a library scenario (quick: 3 days of a small city)."""
    from scenarios.library import load

    made = load(name)
    if not quick:
        return made
    small = {"synthetic": {"residents": 5_000, "seed": 1}}
    return made.with_changes({"city": small, "horizon_days": 3, "warm_up_days": 0, "cool_down_days": 0}, "benchmark")


def pairing(name: str, arms: tuple[str, str], key: str, quick: bool) -> Measured:
    """Return the ratio of a scenario's headline measure under ``key``, and of all its measures."""
    scenario = scenario_of(name, quick)
    with tempfile.TemporaryDirectory() as folder:
        found = study(scenario, arms, 6 if quick else PAIRS, Path(folder) / "results", 1 if quick else WORKERS)
        ratios = {m: variance_ratio(*found.values(m).values()) for m in scenario.experiment.measures}
        pairs = len(found.runs()) // 2
    headline = scenario.experiment.measures[0]
    value, low, high = ratios[headline]
    return {
        key: value, f"{key}_low": low, f"{key}_high": high, f"{key}_measure": headline, f"{key}_pairs": pairs,
        f"{key}_all": {m: {"ratio": r[0], "low": r[1], "high": r[2]} for m, r in ratios.items()},
    }  # fmt: skip


def identical(quick: bool) -> Measured:
    """Return the largest difference between two arms of equal content (0 when pairing is exact)."""
    scenario = scenario_of(PROTOCOL[0], quick)
    twin = scenario.content["policies"][PROTOCOL[1][0]]
    scenario = scenario.with_changes({"policies": {"twin": twin}}, "benchmark")
    with tempfile.TemporaryDirectory() as folder:
        found = study(scenario, (PROTOCOL[1][0], "twin"), 2 if quick else 4, Path(folder) / "results", 1)
        gaps = [_gap(*found.values(m).values()) for m in found.measures]
    return {"identical_arms_difference": max(gaps)}


def _gap(a: np.ndarray, b: np.ndarray) -> float:
    if (np.isnan(a) != np.isnan(b)).any():
        return math.inf
    return float(np.nanmax(np.abs(a - b), initial=0.0))


def measure_protocol(quick: bool) -> Measured:
    """Return ``pairing_ratio_protocol``."""
    return pairing(*PROTOCOL, "pairing_ratio_protocol", quick)


def measure_unit(quick: bool) -> Measured:
    """Return ``pairing_ratio_unit``."""
    return pairing(*UNIT, "pairing_ratio_unit", quick)
