"""Means and intervals over replications: the only statistics that charts do themselves.

The replication is the unit of inference. Every curve, quantile and ratio is taken within one replication first;
this module then averages those and gives Student intervals. Nothing here pools cases of several replications.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

Floats = NDArray[np.float64]


def mean_interval(values: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Return mean, lower and upper end over the first axis, leaving out NaN entry by entry.

    Parameters
    ----------
    values
        Shape ``(replications, ...)``.
    level
        Confidence, 0-1.

    Returns
    -------
    tuple of arrays
        Shape ``(...)`` each; the ends are NaN with fewer than two finite values.
    """
    data = np.asarray(values, dtype=float)
    present = np.isfinite(data)
    count = present.sum(axis=0)
    total = np.where(present, data, 0.0).sum(axis=0)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    squares = np.where(present, (data - mean) ** 2, 0.0).sum(axis=0)
    freedom = np.maximum(count - 1, 1)
    error = np.sqrt(squares / freedom / np.maximum(count, 1))
    half = np.where(count > 1, student.ppf(0.5 + level / 2, freedom) * error, np.nan)
    return mean, mean - half, mean + half


def paired_difference(frame: pd.DataFrame, column: str, arm: str, baseline: str) -> Floats:
    """Return arm minus baseline for every replication that has both, in order of replication."""
    wide = frame.pivot_table(index="replication", columns="policy", values=column, aggfunc="first", dropna=False)
    if arm not in wide or baseline not in wide:
        return np.empty(0)
    return (wide[arm] - wide[baseline]).dropna().to_numpy(dtype=float)


def cumulative_incidence(time: ArrayLike, event: ArrayLike, grid: ArrayLike) -> Floats:
    """Return the share that has met event 1 by each time, with censoring and one competing event.

    The estimator of Aalen and Johansen (1978); without competing events it is one minus Kaplan-Meier.

    Parameters
    ----------
    time
        Time under observation, shape ``(n,)``, at least 0.
    event
        1 for the event of interest, 2 for one that precludes it, 0 for censored, shape ``(n,)``.
    grid
        Times to report, increasing, shape ``(m,)``.

    Returns
    -------
    array
        Shape ``(m,)``, between 0 and 1; NaN when nothing is observed.
    """
    times, kinds = np.asarray(time, dtype=float), np.asarray(event)
    if times.size == 0:
        return np.full(np.shape(grid), np.nan)
    points, inverse = np.unique(times, return_inverse=True)
    wanted = np.bincount(inverse, weights=kinds == 1, minlength=points.size)
    other = np.bincount(inverse, weights=kinds == 2, minlength=points.size)
    leaving = np.bincount(inverse, minlength=points.size)
    at_risk = times.size - np.concatenate([[0], np.cumsum(leaving)[:-1]])
    stay = 1.0 - (wanted + other) / at_risk
    before = np.concatenate([[1.0], np.cumprod(stay)[:-1]])
    share = np.concatenate([[0.0], np.cumsum(before * wanted / at_risk)])
    return share[np.searchsorted(points, np.asarray(grid, dtype=float), side="right")]


def gini(values: ArrayLike) -> float:
    """Return the Gini coefficient of non-negative values: 0 all alike, towards 1 all with one; NaN when empty."""
    data = np.sort(np.asarray(values, dtype=float))
    data = data[np.isfinite(data)]
    if data.size == 0 or data.sum() <= 0:
        return float("nan")
    ranks = np.arange(1, data.size + 1)
    return float(2.0 * (ranks * data).sum() / (data.size * data.sum()) - (data.size + 1) / data.size)
