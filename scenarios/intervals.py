"""Intervals: of a mean, of paired differences, of paired counts of rare events, of a variance ratio.

All work on one number per replication and know nothing of measures; how far an interval must be stretched to hold is
told by `scenarios.proven`, verdicts are spoken in `scenarios.compare`. The functions over sets take arrays of many sets
at once, so that what is proven by resampling is the very code that is used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special

LEVEL = 0.95
RESAMPLES = 2000
BLOCK = 1_000_000  # numbers held at once while resampling
ROUNDING = 1e-13  # relative size of what subtraction leaves of equal numbers
Floats = NDArray[np.float64]


def mean_interval(values: np.ndarray, level: float = LEVEL, stretch: float = 1.0) -> tuple[float, float, float]:
    """Return (mean, low, high) by Student's t; NaN values are left out, bounds are NaN for fewer than two.

    Parameters
    ----------
    stretch
        Factor on the half-width.
    """
    x = np.asarray(values, dtype=float)
    x = x[~np.isnan(x)]
    if len(x) == 0:
        return math.nan, math.nan, math.nan
    mean = float(x.mean())
    if len(x) < 2 or not math.isfinite(stretch):
        return mean, math.nan, math.nan
    low, high = t_limits(x[None, :], level, stretch)
    return mean, float(low[0]), float(high[0])


def t_limits(sets: Floats, level: float = LEVEL, stretch: float = 1.0) -> tuple[Floats, Floats]:
    """Return Student's limits of the mean of each row, float[k] each.

    Parameters
    ----------
    sets
        float[k, n], n >= 2, without NaN.
    """
    n = sets.shape[1]
    mean = sets.mean(axis=1)
    half = stretch * special.stdtrit(n - 1, (1 + level) / 2) * sets.std(axis=1, ddof=1) / math.sqrt(n)
    return mean - half, mean + half


def count_limits(sets: Floats, level: float = LEVEL, stretch: float = 1.0) -> tuple[Floats, Floats]:
    """Return limits of the mean of each row of differences of counts, float[k] each.

    What one arm had more, summed over the replications, and what the other had more, are two counts of rare events.
    Each has Garwood's exact limits, widened by how clustered the events come (an overdispersed Poisson count); MOVER
    joins them to limits of the difference. So ten zeros are no proof of zero: the limits are then about 3.7 events.

    Parameters
    ----------
    sets
        float[k, n] of whole numbers.
    """
    n = sets.shape[1]
    more, less = np.maximum(sets, 0.0), np.maximum(-sets, 0.0)
    plus, minus = more.sum(axis=1), less.sum(axis=1)
    low_p, high_p = garwood(plus, _clustering(more), level)
    low_m, high_m = garwood(minus, _clustering(less), level)
    difference = plus - minus
    below = stretch * np.sqrt((plus - low_p) ** 2 + (high_m - minus) ** 2)
    above = stretch * np.sqrt((high_p - plus) ** 2 + (minus - low_m) ** 2)
    return (difference - below) / n, (difference + above) / n


def arm_count_limits(sets: Floats, level: float = LEVEL, stretch: float = 1.0) -> tuple[Floats, Floats]:
    """Return limits of the mean of each row of counts of one arm, float[k] each, by Garwood as in `count_limits`."""
    n, total = sets.shape[1], sets.sum(axis=1)
    mean = total / n
    with np.errstate(divide="ignore", invalid="ignore"):
        clustered = np.maximum(np.where(mean > 0, sets.var(axis=1, ddof=1) / mean, 1.0), 1.0)
    low, high = garwood(total, clustered, level)
    return np.maximum(mean - stretch * (total - low) / n, 0.0), mean + stretch * (high - total) / n


def garwood(count: Floats, clustered: Floats, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Return Garwood's limits of the expectation of Poisson counts, events coming in clusters of a size >= 1.

    Source: F. Garwood, Fiducial limits for the Poisson distribution, Biometrika 28 (1936).
    """
    tail, clusters = (1 - level) / 2, count / clustered
    low = np.where(clusters > 0, special.gammaincinv(np.maximum(clusters, 1e-12), tail), 0.0)
    return low * clustered, special.gammaincinv(clusters + 1.0, 1 - tail) * clustered


def _clustering(events: Floats) -> Floats:
    """Return the mean size of the cluster an event comes in, float[k] >= 1 (1 where there are no events)."""
    total = events.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, np.maximum((events**2).sum(axis=1) / total, 1.0), 1.0)


def count_p_value(differences: Floats, stretch: float = 1.0) -> float:
    """Return the two-sided p of no difference of counts: the level at which the limits of `count_limits` touch zero."""
    rows, low, high = differences[None, :], 0.0, 40.0  # -log(1 - level)
    if differences.sum() == 0:
        return 1.0
    for _ in range(50):
        middle = (low + high) / 2
        found = count_limits(rows, -math.expm1(-middle), stretch)
        low, high = (low, middle) if found[0][0] <= 0 <= found[1][0] else (middle, high)
    return float(math.exp(-low))


def zero_limits(pairs: int, span: float | None) -> tuple[float, float]:
    """Return limits of a mean difference when all of so many differences were zero.

    At 95 % a difference occurs in at most ``1 - 0.05 ** (1 / pairs)`` of replications (the rule of three) and is at
    most `span`; without a bound on its size nothing can be said (NaN).
    """
    if span is None or pairs < 1:
        return math.nan, math.nan
    most = span * (1 - (1 - LEVEL) ** (1 / pairs))
    return -most, most


def bootstrap_interval(values: np.ndarray, level: float = LEVEL, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean; the resampling is the same on every call."""
    x = np.asarray(values, dtype=float)
    means = np.concatenate([x[rows].mean(axis=1) for rows in _resampled(len(x), resamples)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def variance_ratio(a: np.ndarray, b: np.ndarray, stretch: float = 1.0) -> tuple[float, float, float]:
    """Return (Var A + Var B) / Var(A - B) and its 95 % interval over pairs.

    Above 1 pairing helped: so many times more replications would be needed without it. Infinite when A - B
    never varies, NaN when neither arm varies or there are fewer than three pairs. The interval is Student's on the
    logarithm with the jackknife's standard error.
    """
    if len(a) < 3:
        return math.nan, math.nan, math.nan
    point, low, high = (float(x[0]) for x in ratio_limits(np.asarray(a)[None, :], np.asarray(b)[None, :], stretch))
    return (point, low, high) if math.isfinite(point) else (point, point, point)


def ratio_limits(a: Floats, b: Floats, stretch: float = 1.0) -> tuple[Floats, Floats, Floats]:
    """Return the variance ratio of each row with its limits, float[k] each; a and b are float[k, n], n >= 3.

    Source: R. G. Miller, Jackknifing variances, Annals of Mathematical Statistics 39 (1968).
    """
    n = a.shape[1]
    point = _ratio(a, b)
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = np.log(point)
        left_out = np.log(_variances_left_out(a) + _variances_left_out(b)) - np.log(_variances_left_out(a - b))
        pseudo = n * whole[:, None] - (n - 1) * left_out
        half = stretch * special.stdtrit(n - 1, (1 + LEVEL) / 2) * pseudo.std(axis=1, ddof=1) / math.sqrt(n)
        low, high = np.exp(whole - half), np.exp(whole + half)
    return point, low, high


def _variances_left_out(x: Floats) -> Floats:
    """Return the variance of each row without each of its numbers in turn, float[k, n]."""
    n = x.shape[1]
    centred = x - x.mean(axis=1, keepdims=True)
    squares = (centred**2).sum(axis=1, keepdims=True) - centred**2 * n / (n - 1)
    return np.maximum(squares, 0.0) / max(n - 2, 1)


def _ratio(a: Floats, b: Floats) -> Floats:
    """Return the variance ratio of each row; a difference constant but for rounding gives infinity."""
    above = a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)
    below = (a - b).var(axis=1, ddof=1)
    rounding = (ROUNDING * (np.abs(a).max(axis=1) + np.abs(b).max(axis=1))) ** 2
    below = np.where(below <= rounding, 0.0, below)
    above = np.where(above <= rounding, 0.0, above)
    with np.errstate(divide="ignore", invalid="ignore"):
        return above / below


def _resampled(n: int, resamples: int) -> Iterator[np.ndarray]:
    """Yield blocks of resampled row numbers, int[k, n], bounded in memory and the same on every call."""
    rng, block = np.random.default_rng(20260302), max(1, BLOCK // max(n, 1))
    for start in range(0, resamples, block):
        yield rng.integers(0, n, size=(min(block, resamples - start), n))
