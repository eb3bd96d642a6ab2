"""Times that were not seen to the end: Kaplan-Meier and the restricted mean, within one replication."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def kaplan_meier(duration: NDArray[np.float64], ended: NDArray[np.bool_]) -> tuple[NDArray, NDArray]:
    """Return event times and the share still open after each (Kaplan & Meier 1958).

    Parameters
    ----------
    duration
        float64[n], time to the end or to the last look, at least 0.
    ended
        bool[n], True where the end was seen.
    """
    order = np.argsort(duration, kind="stable")
    times, seen = duration[order], ended[order]
    unique, first = np.unique(times, return_index=True)
    at_risk = len(times) - first
    ends = np.add.reduceat(seen.astype(float), first) if len(times) else np.zeros(0)
    keep = ends > 0
    share = np.cumprod(1.0 - ends / np.maximum(at_risk, 1))
    return unique[keep], share[keep]


def restricted_mean(duration: NDArray[np.float64], ended: NDArray[np.bool_], limit: float) -> float:
    """Return the mean of min(time, limit) under censoring: the area below the survival curve up to ``limit``.

    NaN when there is nothing to average.
    """
    if not len(duration):
        return float("nan")
    times, share = kaplan_meier(duration, ended)
    inside = times < limit
    steps = np.concatenate([[0.0], times[inside], [limit]])
    heights = np.concatenate([[1.0], share[inside]])
    return float((np.diff(steps) * heights).sum())


def gini(values: NDArray[np.float64]) -> float:
    """Return the Gini coefficient of values of at least 0 (0 equal, towards 1 concentrated); NaN when empty."""
    if not len(values) or values.sum() <= 0:
        return float("nan")
    ordered = np.sort(values)
    n = len(ordered)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * ordered.sum()))
