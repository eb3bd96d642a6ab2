"""Paired comparison of arms on one measure: difference, interval, verdict, and what pairing bought.

The replication is the unit: values of one replication are subtracted, then averaged; cases are never pooled.
Everything here works on arrays of one number per replication and knows nothing of models or files.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import special

Verdict = Literal["better", "worse", "equivalent", "undecided", "higher", "lower"]
Method = Literal["t", "bootstrap"]
Better = Literal["lower", "higher", "none"]

LEVEL = 0.95
RESAMPLES = 2000
BLOCK = 1_000_000  # numbers held at once while resampling
MOST_NEEDED = 1_000_000
ROUNDING = 1e-13  # relative size of what subtraction leaves of equal numbers


@dataclass(frozen=True)
class Paired:
    """One arm against the baseline on one measure.

    Attributes
    ----------
    mean_baseline, mean_arm
        Means over the pairs used, in the measure's unit.
    difference, low, high
        Mean of arm minus baseline with its 95 % interval (NaN with fewer than two pairs).
    sd_difference
        Standard deviation of the paired differences.
    pairs, missing
        Replications used, and replications in which either arm has no value.
    p_value, p_holm
        Two-sided p of "no difference"; after Holm's adjustment over the family it was reported with.
    verdict
        better, worse, equivalent or undecided; higher or lower for measures that have no good direction.
    variance_ratio, variance_ratio_low, variance_ratio_high
        (Var A + Var B) / Var(A - B) with a 95 % bootstrap interval; infinite when the arms never differ.
    needed
        Replications still needed for a verdict at the present difference and spread (0 when decided; None when
        no number would do, or it is beyond a million).
    margin
        Difference that does not matter, stated beforehand, or None.
    """

    metric: str
    baseline: str
    arm: str
    mean_baseline: float
    mean_arm: float
    difference: float
    low: float
    high: float
    sd_difference: float
    pairs: int
    missing: int
    p_value: float
    p_holm: float
    verdict: Verdict
    variance_ratio: float
    variance_ratio_low: float
    variance_ratio_high: float
    needed: int | None
    margin: float | None = None


@dataclass(frozen=True)
class Comparison:
    """All arms against the baseline on one measure.

    Attributes
    ----------
    rows
        One `Paired` per arm, the baseline left out.
    means
        Arm (the baseline too) -> (mean, low, high) of its own values, 95 % t interval.
    """

    metric: str
    baseline: str
    rows: list[Paired]
    means: dict[str, tuple[float, float, float]]

    def __getitem__(self, arm: str) -> Paired:
        return next(row for row in self.rows if row.arm == arm)

    def table(self) -> pd.DataFrame:
        """Return one row per arm."""
        return pd.DataFrame([asdict(row) for row in self.rows])

    def __str__(self) -> str:
        lines = []
        for row in self.rows:
            lines.append(
                f"{row.metric}: {row.arm} - {row.baseline} = {row.difference:.4g} ({row.low:.4g} to {row.high:.4g}),"
                f" {row.verdict}, {row.pairs} pairs"
                + (f", {row.missing} missing" if row.missing else "")
                + (f", {row.needed} more needed" if row.needed else "")
            )
        return "\n".join(lines)


def compare(
    values: Mapping[str, np.ndarray],
    metric: str,
    baseline: str,
    *,
    better: Better = "none",
    margin: float | None = None,
    method: Method = "t",
) -> Comparison:
    """Compare arms on one measure.

    Parameters
    ----------
    values
        Arm -> float[n], one value per replication in the same order for all arms; NaN where there is none.
    metric, baseline
        Name of the measure; name of the arm that the others are held against.
    better
        Which direction is good.
    margin
        Difference that does not matter (above 0), in the measure's unit.
    method
        ``t``: Student's interval of the paired differences; ``bootstrap``: percentile interval of their mean.
    """
    rows = [
        _paired(metric, baseline, arm, values[baseline], values[arm], better, margin, method)
        for arm in values
        if arm != baseline
    ]
    return Comparison(metric, baseline, rows, {arm: mean_interval(v) for arm, v in values.items()})


def mean_interval(values: np.ndarray, level: float = LEVEL) -> tuple[float, float, float]:
    """Return (mean, low, high) by Student's t; NaN values are left out, bounds are NaN for fewer than two."""
    x = np.asarray(values, dtype=float)
    x = x[~np.isnan(x)]
    if len(x) == 0:
        return math.nan, math.nan, math.nan
    mean = float(x.mean())
    if len(x) < 2:
        return mean, math.nan, math.nan
    half = float(special.stdtrit(len(x) - 1, (1 + level) / 2) * x.std(ddof=1) / math.sqrt(len(x)))
    return mean, mean - half, mean + half


def bootstrap_interval(values: np.ndarray, level: float = LEVEL, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean; the resampling is the same on every call."""
    x = np.asarray(values, dtype=float)
    means = np.concatenate([x[rows].mean(axis=1) for rows in _resampled(len(x), resamples)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def variance_ratio(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Return (Var A + Var B) / Var(A - B) and its 95 % bootstrap interval over pairs.

    Above 1 pairing helped: so many times more replications would be needed without it. Infinite when A - B
    never varies, NaN when neither arm varies or there are fewer than three pairs.
    """
    if len(a) < 3:
        return math.nan, math.nan, math.nan
    point = _ratio(a[None, :], b[None, :])[0]
    if not math.isfinite(point):
        return float(point), float(point), float(point)
    ratios = np.concatenate([_ratio(a[rows], b[rows]) for rows in _resampled(len(a), RESAMPLES)])
    ratios = ratios[~np.isnan(ratios)]
    low, high = np.quantile(ratios, [0.025, 0.975], method="lower") if len(ratios) else (math.nan, math.nan)
    return float(point), float(low), float(high)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Return Holm's adjusted p values, in the given order; NaN stays NaN and does not count."""
    p = np.asarray(p_values, dtype=float)
    out = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    out[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return out


def judge(
    difference: float, low: float, high: float, p: float, better: Better, margin: float | None, level: float = LEVEL
) -> Verdict:
    """Return the verdict.

    Equivalent when the whole interval lies within the margin (with no margin: only when the arms never
    differ); else better or worse when p is below 1 - level; else undecided.
    """
    if math.isnan(low) or math.isnan(p):
        return "undecided"
    if low == high == 0 or (margin is not None and -margin < low and high < margin):
        return "equivalent"
    if p >= 1 - level:
        return "undecided"
    if better == "none":
        return "higher" if difference > 0 else "lower"
    return "better" if (difference > 0) == (better == "higher") else "worse"


def verdict_word(verdict: str, low: float, high: float) -> str:
    """Return the key of the words for a verdict: who sees an interval without zero must be told why it is undecided.

    An interval is that of one difference; a verdict may be adjusted for all that were compared (Holm).
    """
    return "undecided_adjusted" if verdict == "undecided" and (low > 0 or high < 0) else verdict


def still_needed(difference: float, sd: float, pairs: int, margin: float | None) -> int | None:
    """Return how many more replications bring the half-width below what a verdict needs.

    That is the distance of the difference from zero, or from the margin if that is farther. None when no
    number would do (no difference and no margin) or more than a million would be needed.
    """
    target = max(abs(difference), (margin or 0.0) - abs(difference))
    if not target > 0 or math.isnan(sd):
        return None
    n = max(pairs, 2)
    for _ in range(50):
        wanted = math.ceil((special.stdtrit(n - 1, (1 + LEVEL) / 2) * sd / target) ** 2) + 1
        if wanted > MOST_NEEDED:
            return None
        if wanted == n:
            break
        n = max(wanted, 2)
    return max(n - pairs, 1)


def adjusted(comparisons: Sequence[Comparison], better: Mapping[str, Better]) -> list[Comparison]:
    """Return the comparisons with Holm's adjustment over all their rows, verdicts judged anew."""
    rows = [row for one in comparisons for row in one.rows]
    p_holm = iter(holm([row.p_value for row in rows]))
    out = []
    for one in comparisons:
        changed = [_judged_anew(row, float(next(p_holm)), better.get(one.metric, "none")) for row in one.rows]
        out.append(Comparison(one.metric, one.baseline, changed, one.means))
    return out


def _judged_anew(row: Paired, p: float, better: Better) -> Paired:
    verdict = judge(row.difference, row.low, row.high, p, better, row.margin)
    needed = still_needed(row.difference, row.sd_difference, row.pairs, row.margin) if verdict == "undecided" else 0
    return Paired(**{**asdict(row), "p_holm": p, "verdict": verdict, "needed": needed})


def _paired(
    metric: str,
    baseline: str,
    arm: str,
    a: np.ndarray,
    b: np.ndarray,
    better: Better,
    margin: float | None,
    method: Method,
) -> Paired:
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    n, d = len(a), b - a
    difference, low, high = mean_interval(d)
    if method == "bootstrap" and n >= 2:
        low, high = bootstrap_interval(d)
    sd = float(d.std(ddof=1)) if n >= 2 else math.nan
    p = _p_value(difference, sd, n)
    verdict = judge(difference, low, high, p, better, margin)
    if method == "bootstrap" and verdict not in ("equivalent",):
        verdict = judge(difference, low, high, 0.0 if low > 0 or high < 0 else 1.0, better, margin)
    needed = still_needed(difference, sd, n, margin) if verdict == "undecided" else 0
    ratio = variance_ratio(a, b)
    means = (float(a.mean()), float(b.mean())) if n else (math.nan, math.nan)
    return Paired(
        metric, baseline, arm, *means, difference, low, high, sd, n, int(len(both) - n), p, p, verdict, *ratio,
        needed, margin,
    )  # fmt: skip


def _p_value(difference: float, sd: float, n: int) -> float:
    if n < 2:
        return math.nan
    if sd == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * special.stdtr(n - 1, -abs(difference) / (sd / math.sqrt(n))))


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
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
