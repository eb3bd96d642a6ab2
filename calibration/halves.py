"""The noise of a log itself: how far two random halves of it lie apart, by days for arrivals and by cases for times.

Half the distance of two halves scatters as the whole log does. Days are halved weekday by weekday; a change that
lasts for weeks is in both halves and is therefore no noise. What is made of it is `calibration.heldout` and
`calibration.joint`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from calibration.measured import STATISTICS, of_arrivals, of_durations, on_scale
from calibration.observed import Sample

Floats = NDArray[np.float64]
HALVES = 400


def half_splits(held: Sample, mine: Sample, seed: int) -> dict[str, Floats]:
    """Return each statistic in the two halves of random splits: float64[splits, 2].

    Parameters
    ----------
    held, mine
        Cases whose arrivals are halved by days, and cases whose durations are halved by cases.
    seed
        Of the splits.
    """
    rng = np.random.default_rng([seed, 11])
    out: list[list[dict[str, float]]] = []
    weekday = (np.arange(held.days) + held.start.weekday()) % 7
    for _ in range(HALVES):
        first = _half_of(weekday, rng)
        cases = rng.permutation(len(mine)) < len(mine) // 2
        out.append(
            [
                {**of_arrivals(held, first), **of_durations(mine.only(cases))},
                {**of_arrivals(held, ~first), **of_durations(mine.only(~cases))},
            ]
        )
    return {name: np.array([[h.get(name, math.nan) for h in pair] for pair in out]) for name in STATISTICS}


def _half_of(weekday: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return half of the days, as many of each weekday as can be."""
    chosen = np.zeros(len(weekday), bool)
    for d in range(7):
        rows = rng.permutation(np.flatnonzero(weekday == d))
        chosen[rows[: (len(rows) + int(rng.integers(2))) // 2]] = True
    return chosen


def apart_by(name: str, halves: Floats) -> Floats:
    """Return half the distance of the two halves of each split, where both have a number."""
    return np.diff(on_scale(name, halves[np.isfinite(halves).all(axis=1)]), axis=1)[:, 0] / 2
