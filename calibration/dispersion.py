"""What a rate leaves over: how much more the days vary than it allows, and the gaps between cases in its own time.

The rate itself is `calibration.arrivals`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Dispersion:
    """How much more the days vary than a Poisson process would.

    Attributes
    ----------
    phi, phi_low, phi_high
        Pearson dispersion of daily counts (1 for Poisson) with a 95 % bootstrap interval.
    alpha, alpha_low, alpha_high
        Excess of the negative binomial (variance = mean + alpha mean^2): the variance of a daily gamma factor of mean
        1; profile-likelihood interval.
    p_value
        Of the likelihood-ratio test of alpha = 0 (boundary: half a chi-square).
    next_day
        Correlation of one day's residual with the next day's.
    """

    phi: float
    phi_low: float
    phi_high: float
    alpha: float
    alpha_low: float
    alpha_high: float
    p_value: float
    next_day: float

    @property
    def after_shocks(self) -> float:
        """Mean after-shocks per case that give the days the same dispersion: 1 - 1/sqrt(phi); 0 unless p < 0.01."""
        return float(min(0.6, 1 - 1 / math.sqrt(self.phi))) if self.p_value < 0.01 and self.phi > 1 else 0.0


@dataclass(frozen=True)
class Gaps:
    """Gaps between cases in operational time, which are Exp(1) when the rate is right (time rescaling)."""

    n: int
    ks: float
    ks_p: float
    ad: float

    @property
    def ad_p_text(self) -> str:
        """Where the Anderson-Darling statistic lies (known law: 2.492 at 5 %, 3.878 at 1 %)."""
        return "p < 0.01" if self.ad > 3.878 else "p < 0.05" if self.ad > 2.492 else "p > 0.05"


def negative_binomial(counts: Floats, mean: Floats, alpha: float) -> float:
    """Return the log-likelihood of counts with variance mean + alpha mean^2 (Poisson for alpha = 0)."""
    if alpha <= 1e-9:
        return float(stats.poisson.logpmf(counts, mean).sum())
    r = 1 / alpha
    parts = special.gammaln(counts + r) - special.gammaln(r) - special.gammaln(counts + 1)
    return float((parts - r * np.log1p(alpha * mean) + counts * np.log(alpha * mean / (1 + alpha * mean))).sum())


def dispersion_of(counts: Floats, mean: Floats, freedom: int) -> Dispersion:
    def gain(log_alpha: float) -> float:
        return negative_binomial(counts, mean, math.exp(log_alpha))

    found = optimize.minimize_scalar(lambda a: -gain(a), bounds=(-12.0, 4.0), method="bounded")
    alpha, best, poisson = math.exp(found.x), -float(found.fun), negative_binomial(counts, mean, 0.0)
    if best <= poisson:
        alpha, best = 0.0, poisson
    p_value = 0.5 * float(stats.chi2.sf(max(0.0, 2 * (best - poisson)), 1)) if alpha > 0 else 1.0
    edge = best - 1.9207
    low = 0.0
    if poisson < edge:
        low = math.exp(optimize.brentq(lambda a: gain(a) - edge, -12.0, math.log(alpha)))
    top = math.log(max(alpha, 1e-5))
    high = math.exp(optimize.brentq(lambda a: gain(a) - edge, top, 6.0)) if gain(6.0) < edge else math.inf
    squares = (counts - mean) ** 2 / np.maximum(mean, 1e-9)
    scale = len(counts) / max(1, len(counts) - freedom)
    rng = np.random.default_rng(7)
    again = squares[rng.integers(0, len(squares), (1000, len(squares)))].mean(axis=1) * scale
    residual = (counts - mean) / np.sqrt(np.maximum(mean, 1e-9))
    after = float(np.corrcoef(residual[:-1], residual[1:])[0, 1]) if residual.std() > 0 else 0.0
    ends = np.quantile(again, [0.025, 0.975])
    phi = float(squares.mean() * scale)
    return Dispersion(phi, float(ends[0]), float(ends[1]), alpha, low, high, p_value, after)


def gaps_of(gaps: Floats) -> Gaps:
    """Return how far gaps are from Exp(1)."""
    if len(gaps) < 2:
        return Gaps(len(gaps), math.nan, math.nan, math.nan)
    test = stats.kstest(gaps, "expon")
    u = np.clip(np.sort(-np.expm1(-gaps)), 1e-12, 1 - 1e-12)
    n, i = len(u), np.arange(1, len(u) + 1)
    ad = -n - float(((2 * i - 1) * (np.log(u) + np.log1p(-u[::-1]))).mean())
    return Gaps(n, float(test.statistic), float(test.pvalue), ad)
