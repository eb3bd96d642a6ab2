"""The statistics of the figures: bootstrap intervals of medians and variance ratios, z-scores, fitted exponents."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 4000
_SEED = 20260302


def median_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the median and its 95 % bootstrap interval (the value itself when there is one only)."""
    x = np.asarray(values, float)
    drawn = np.median(x[np.random.default_rng(_SEED).integers(0, len(x), (RESAMPLES, len(x)))], axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(np.median(x)), float(low), float(high)


def variance_ratio(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return (Var A + Var B) / Var(A - B) of paired values and its 95 % percentile bootstrap interval over pairs.

    Infinite where the arms never differ; NaN with fewer than three pairs that have both values.
    """
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    if len(a) < 3:
        return math.nan, math.nan, math.nan
    index = np.random.default_rng(_SEED).integers(0, len(a), (RESAMPLES, len(a)))
    found = _ratio(a[None], b[None])[0]
    low, high = np.quantile(_ratio(a[index], b[index]), (0.025, 0.975), method="inverted_cdf")
    return float(found), float(low), float(high)


def _ratio(a: NDArray, b: NDArray) -> NDArray[np.float64]:
    apart = (a - b).var(axis=1, ddof=1)
    together = a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)
    return np.where(apart > 0, together / np.where(apart > 0, apart, 1.0), np.inf)


def z_score(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the z-score of the difference of two independent means (0 when both are one constant).

    With few replications a spread is itself uncertain; Welch's t (Welch 1947) is turned into the z of the same
    probability, so that the usual bar keeps its meaning.
    """
    from scipy import stats

    x, y = np.asarray(a, float), np.asarray(b, float)
    va, vb = x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)
    gap = float(x.mean() - y.mean())
    if va + vb <= 0:
        return 0.0 if gap == 0 else math.copysign(math.inf, gap)
    freedom = (va + vb) ** 2 / (va**2 / (len(x) - 1) + vb**2 / (len(y) - 1))
    tail = stats.t.sf(abs(gap) / math.sqrt(va + vb), freedom)
    return math.copysign(float(stats.norm.isf(tail)), gap)


def exponent(n: Sequence[float], seconds: Sequence[float]) -> tuple[float, float, float]:
    """Return the exponent p of seconds ~ n**p by least squares on logarithms, with its 95 % t-interval."""
    from scipy import stats

    fit = stats.linregress(np.log(n), np.log(seconds))
    half = stats.t.ppf(0.975, len(n) - 2) * fit.stderr if len(n) > 2 else math.inf
    return float(fit.slope), float(fit.slope - half), float(fit.slope + half)
