"""Paired comparison of arms on one measure: difference, interval, verdict, and what pairing bought.

The replication is the unit: values of one replication are subtracted, then averaged; cases are never pooled.
Everything here works on arrays of one number per replication and knows nothing of models or files. How an interval is
computed is `scenarios.intervals`, what is proven of it `scenarios.proven`, how many more are needed `scenarios.power`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import special

from scenarios.intervals import (
    LEVEL,
    arm_count_limits,
    bootstrap_interval,
    count_limits,
    count_p_value,
    mean_interval,
    variance_ratio,
    zero_limits,
)
from scenarios.power import replications_needed
from scenarios.proven import Proof

Verdict = Literal["better", "worse", "equivalent", "undecided", "higher", "lower", "no_effect", "too_rare"]
Method = Literal["t", "bootstrap"]
Better = Literal["lower", "higher", "none"]

ALPHA = 1 - LEVEL


@dataclass(frozen=True)
class Paired:
    """One arm against the baseline on one measure.

    Attributes
    ----------
    mean_baseline, mean_arm
        Means over the pairs used, in the measure's unit.
    difference, low, high
        Mean of arm minus baseline with its 95 % interval (NaN where none holds: fewer than two pairs, or fewer than
        what is proven to do).
    sd_difference
        Standard deviation of the paired differences.
    pairs, missing
        Replications used, and replications in which either arm has no value.
    p_value, p_holm
        Two-sided p of "no difference"; after Holm's adjustment over the family it was reported with. NaN where there
        is no verdict to reach.
    verdict
        better, worse, equivalent or undecided; higher or lower for measures that have no good direction; no_effect
        where the arms are alike; too_rare where no interval of so few pairs holds.
    variance_ratio, variance_ratio_low, variance_ratio_high
        (Var A + Var B) / Var(A - B) with its 95 % interval (NaN where none holds); infinite when the arms never differ.
    needed
        Replications still needed until a verdict comes with 80 % (0 when decided or too rare; None when no number is
        known, or it is beyond a million).
    margin
        Difference that does not matter, stated beforehand, or None.
    enough
        Replications from which on a verdict can be had, for a verdict of too_rare (None: beyond all that was tried).
    interval_method
        ``t``, ``count``, ``bootstrap``, ``zeros`` (all differences were zero) or ``none``.
    stretch
        Factor on the half-width.
    coverage
        Share of such intervals that held the truth when sets were drawn from a pool (NaN: not tried). Well above
        0.95 the interval is wider than it need be.
    p_equivalent
        One-sided p of "the difference is not within the margin", adjusted (Holm) like p_holm; NaN without a margin.
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
    enough: int | None = None
    interval_method: str = "t"
    stretch: float = 1.0
    coverage: float = math.nan
    p_equivalent: float = math.nan


@dataclass(frozen=True)
class Comparison:
    """All arms against the baseline on one measure.

    Attributes
    ----------
    rows
        One `Paired` per arm, the baseline left out.
    means
        Arm (the baseline too) -> (mean, low, high) of its own values, 95 % interval; bounds NaN where none holds.
    proof
        What is known of the measure's intervals, or None.
    """

    metric: str
    baseline: str
    rows: list[Paired]
    means: dict[str, tuple[float, float, float]]
    proof: Proof | None = None

    def __getitem__(self, arm: str) -> Paired:
        return next(row for row in self.rows if row.arm == arm)

    def table(self) -> pd.DataFrame:
        """Return one row per arm."""
        return pd.DataFrame([asdict(row) for row in self.rows])

    def __str__(self) -> str:
        return "\n".join(_sentence(row) for row in self.rows)


def _sentence(row: Paired) -> str:
    head = f"{row.metric}: {row.arm} - {row.baseline} = {row.difference:.4g}"
    interval = "" if math.isnan(row.low) else f" ({row.low:.4g} to {row.high:.4g})"
    said = {
        "no_effect": "this change had no effect",
        "too_rare": f"too rare to judge with {row.pairs} replications"
        + (f", about {row.enough} would do" if row.enough else ""),
    }.get(row.verdict, row.verdict)
    return (
        f"{head}{interval}, {said}, {row.pairs} pairs"
        + (f", {row.missing} missing" if row.missing else "")
        + (f", about {row.needed} more needed" if row.needed else "")
    )


def compare(
    values: Mapping[str, np.ndarray],
    metric: str,
    baseline: str,
    *,
    better: Better = "none",
    margin: float | None = None,
    method: Method = "t",
    proof: Proof | None = None,
    alike: frozenset[str] = frozenset(),
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
        ``t``: Student's interval of the paired differences, or that of counts where the proof says so;
        ``bootstrap``: percentile interval of their mean.
    proof
        What is known of the measure's intervals; without it none is stretched or withheld.
    alike
        Arms known to be the baseline under another name: all their replications are the same on every measure.
    """
    known = _Known(metric, baseline, better, margin, method, proof)
    rows = [_paired(known, arm, values[baseline], values[arm], arm in alike) for arm in values if arm != baseline]
    means = {arm: arm_interval(one, proof) for arm, one in values.items()}
    return Comparison(metric, baseline, rows, means, proof)


def arm_interval(values: np.ndarray, proof: Proof | None = None) -> tuple[float, float, float]:
    """Return (mean, low, high) of one arm's values; bounds are NaN where no interval of so many holds."""
    x = np.asarray(values, dtype=float)
    x = x[~np.isnan(x)]
    if proof is None or len(x) < 2:
        return mean_interval(x)
    if not proof.arm.holds(len(x)):
        return mean_interval(x, stretch=math.inf)
    stretch = proof.arm.at(len(x))[0]
    if proof.form != "count":
        return mean_interval(x, stretch=stretch)
    low, high = arm_count_limits(x[None, :], LEVEL, stretch)
    return float(x.mean()), float(low[0]), float(high[0])


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
    difference: float,
    low: float,
    high: float,
    p: float,
    better: Better,
    margin: float | None,
    level: float = LEVEL,
    p_equivalent: float = 0.0,
) -> Verdict:
    """Return the verdict.

    Equivalent when the whole interval lies within the margin and `p_equivalent` (adjusted) is below 1 - level, never
    without a margin; else better or worse when p is below 1 - level; else undecided.
    """
    if math.isnan(low) or math.isnan(p):
        return "undecided"
    if margin is not None and -margin < low and high < margin and p_equivalent < 1 - level:
        return "equivalent"
    if p >= 1 - level:
        return "undecided"
    if better == "none":
        return "higher" if difference > 0 else "lower"
    return "better" if (difference > 0) == (better == "higher") else "worse"


def verdict_word(verdict: str, low: float, high: float, method: str = "") -> str:
    """Return the key of the words for a verdict: who sees an interval without zero must be told why it is undecided.

    An interval is that of one difference; a verdict may be adjusted for all that were compared (Holm). Where every
    single difference was zero (`method` is ``zeros``) no difference was seen, which is not yet equivalence.
    """
    if verdict == "undecided" and method == "zeros":
        return "no_difference"
    return "undecided_adjusted" if verdict == "undecided" and (low > 0 or high < 0) else verdict


def adjusted(comparisons: Sequence[Comparison], better: Mapping[str, Better]) -> list[Comparison]:
    """Return the comparisons with Holm's adjustment over all their rows, verdicts judged anew.

    Claims of equivalence are a family of their own, over the rows that have a margin.
    """
    rows = [row for one in comparisons for row in one.rows]
    p_holm, p_equivalent = holm([r.p_value for r in rows]), holm([r.p_equivalent for r in rows])
    undecided = max(int((p_holm >= ALPHA).sum()), 1)
    open_margins = max(int((p_equivalent >= ALPHA).sum()), 1)
    pairs, out = iter(zip(p_holm, p_equivalent, strict=True)), []
    for one in comparisons:
        changed = []
        for row in one.rows:
            p, q = next(pairs)
            anew = _judged_anew(row, float(p), float(q), better.get(one.metric, "none"))
            changed.append(replace(anew, needed=_needed(anew, one.proof, undecided, open_margins)))
        out.append(Comparison(one.metric, one.baseline, changed, one.means, one.proof))
    return out


@dataclass(frozen=True)
class _Known:
    """What all rows of a comparison share."""

    metric: str
    baseline: str
    better: Better
    margin: float | None
    method: Method
    proof: Proof | None


def _judged_anew(row: Paired, p: float, p_equivalent: float, better: Better) -> Paired:
    if row.verdict in ("no_effect", "too_rare"):
        return row
    q = 0.0 if math.isnan(p_equivalent) else p_equivalent
    verdict = judge(row.difference, row.low, row.high, p, better, row.margin, p_equivalent=q)
    return replace(row, p_holm=p, p_equivalent=p_equivalent, verdict=verdict)


def _needed(row: Paired, proof: Proof | None, undecided: int = 1, open_margins: int = 1) -> int | None:
    """Return the replications still needed; `undecided` and `open_margins` count the rows that share the level."""
    if row.verdict != "undecided":
        return 0
    return replications_needed(
        row.difference, row.sd_difference, row.pairs, row.margin, alpha=ALPHA / undecided,
        alpha_margin=min(ALPHA / 2, ALPHA / open_margins),
        stretch=(lambda n: proof.paired.at(n)[0]) if proof is not None else (lambda n: 1.0),
    )  # fmt: skip


def _paired(known: _Known, arm: str, a: np.ndarray, b: np.ndarray, alike: bool) -> Paired:
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    n, d, proof = len(a), b - a, known.proof
    difference = float(d.mean()) if n else math.nan
    sd = float(d.std(ddof=1)) if n >= 2 else math.nan
    row = Paired(
        known.metric, known.baseline, arm, float(a.mean()) if n else math.nan, float(b.mean()) if n else math.nan,
        difference, math.nan, math.nan, sd, n, int(len(both) - n), math.nan, math.nan, "undecided",
        *_ratio_of(a, b, proof), None, known.margin, interval_method="none",
    )  # fmt: skip
    if alike and n:
        return replace(row, low=0.0, high=0.0, p_value=math.nan, verdict="no_effect", needed=0)
    if n < 2:
        return row
    if not d.any():
        low, high = zero_limits(n, None if proof is None else proof.span)
        row = replace(row, low=low, high=high, p_value=1.0, p_holm=1.0, interval_method="zeros")
        return _first_judged(row, known, sd=0.0)
    if proof is not None and not proof.paired.holds(n):
        return replace(row, verdict="too_rare", enough=proof.paired.enough, needed=0)
    stretch, coverage = proof.paired.at(n) if proof is not None else (1.0, math.nan)
    row = replace(row, stretch=stretch, coverage=coverage, **_limits(d, known, stretch))
    return _first_judged(row, known, sd)


def _first_judged(row: Paired, known: _Known, sd: float) -> Paired:
    """Return a row with its verdict as if it stood alone."""
    q = _p_equivalent(row, sd)
    alone = 0.0 if math.isnan(q) else q
    verdict = judge(row.difference, row.low, row.high, row.p_value, known.better, row.margin, p_equivalent=alone)
    row = replace(row, p_equivalent=q, verdict=verdict)
    return replace(row, needed=_needed(row, known.proof))


def _limits(d: np.ndarray, known: _Known, stretch: float) -> dict[str, Any]:
    """Return interval, p and method of differences that are not all zero."""
    n, difference = len(d), float(d.mean())
    if known.method == "bootstrap":
        low, high = bootstrap_interval(d)
        p = 0.0 if low > 0 or high < 0 else 1.0
        return {"low": low, "high": high, "p_value": p, "p_holm": p, "interval_method": "bootstrap"}
    if known.proof is not None and known.proof.form == "count":
        ends = count_limits(d[None, :], LEVEL, stretch)
        p = count_p_value(d, stretch)
        return {"low": float(ends[0][0]), "high": float(ends[1][0]), "p_value": p, "p_holm": p,
                "interval_method": "count"}  # fmt: skip
    _, low, high = mean_interval(d, stretch=stretch)
    p = _p_value(difference, float(d.std(ddof=1)), n, stretch)
    return {"low": low, "high": high, "p_value": p, "p_holm": p, "interval_method": "t"}


def _p_equivalent(row: Paired, sd: float) -> float:
    """Return the larger p of two one-sided tests that the difference lies beyond the margin; NaN without one.

    For intervals that are not Student's, the one that would just lie within the margin is not sought: their p is 0.025
    when the interval lies within, else 1.
    """
    if row.margin is None or math.isnan(row.low):
        return math.nan
    if row.interval_method != "t" or sd == 0:
        return ALPHA / 2 if -row.margin < row.low and row.high < row.margin else 1.0
    nearest = row.margin - abs(row.difference)
    return float(special.stdtr(row.pairs - 1, -nearest / (row.stretch * sd / math.sqrt(row.pairs))))


def _p_value(difference: float, sd: float, n: int, stretch: float = 1.0) -> float:
    if sd == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * special.stdtr(n - 1, -abs(difference) / (stretch * sd / math.sqrt(n))))


def _ratio_of(a: np.ndarray, b: np.ndarray, proof: Proof | None) -> tuple[float, float, float]:
    """Return the variance ratio with its interval, or alone where no interval of so few pairs holds."""
    if proof is None:
        return variance_ratio(a, b)
    if proof.ratio.holds(len(a)):
        return variance_ratio(a, b, proof.ratio.at(len(a))[0])
    point = variance_ratio(a, b)[0]
    return (point, point, point) if math.isinf(point) else (point, math.nan, math.nan)
