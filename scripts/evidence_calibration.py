"""Proofs of calibration's gates and intervals: false alarms, power, coverage, each over synthetic logs of known truth.

The logs and what is counted in them are in `benchmarks.calibration`; this file registers one proof for each kind of
log and one for coverage, so that a change of the fit, the held-out test or the intervals makes them stale.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.calibration import KINDS, coverage, gates, judged
from scripts.evidence import proof

PARTS = ("arrivals", "choosing", "days", "dispersion", "durations", "fits", "laws", "likelihood", "observed", "office")
JUDGES = ("halves", "heldout", "joint", "measured")
FITTED = (*[f"calibration.{name}" for name in PARTS], "benchmarks.calibration")
JUDGED = (*FITTED, *[f"calibration.{name}" for name in JUDGES])
LOGS = {
    "honest": 80, "honest-overdispersed": 64, "honest-mixture": 48, "times-1.2": 24, "times-1.4": 32,
    "times-1.4-mixture": 24, "rate-1.3": 32, "rate-1.5-overdispersed": 32,
}  # fmt: skip
COVERED = 200
AGREE = 5e-4  # p values are stored to four digits


def _sample(kind: str) -> Callable[[dict[str, Any], int], list[str]]:
    def sample(found: dict[str, Any], number: int) -> list[str]:
        """Judge one log again, which the commit chooses."""
        log = number % len(found["p_values"])
        _, p_value = judged(KINDS[kind], log)
        held = found["p_values"][log]
        return (
            [] if abs(p_value - held) <= AGREE else [f"calibration-{kind}: log {log} has p {p_value:.4f}, not {held}"]
        )

    return sample


def _register(kind: str, logs: int) -> None:
    @proof(f"calibration-{kind}", estimators=JUDGED, seeds=(0, logs - 1), sample=_sample(kind))
    def gate(folder: Path) -> dict[str, Any]:
        return gates(kind, logs)


for _kind, _logs in LOGS.items():
    _register(_kind, _logs)


@proof("calibration-coverage", estimators=FITTED, seeds=(0, COVERED - 1))
def intervals(folder: Path) -> dict[str, Any]:
    """How often 95 % intervals of weekdays, hours, parameters and quantiles hold the truth."""
    return coverage(COVERED)
