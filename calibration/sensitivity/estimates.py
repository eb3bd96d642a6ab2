"""What both kinds of analysis share: an estimate with its interval, resampling of blocks, and convergence.

A block carries both levels of chance, where its points lie and what its replicates drew, so blocks are resampled
whole. Drawing replicates again within them would count the noise twice (docs: background/noise-corrected-indices).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Convergence = Literal["settled", "ranking", "open", "noise", "constant"]

DRAWS = 1000
LEVEL = 0.95
SETTLED_WIDTH = 0.1
STABLE = 0.9
APART = 0.1


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, in the unit that its owner names."""

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2.0


@dataclass(frozen=True, kw_only=True)
class Analysed:
    """What every analysis tells beside its indices.

    Attributes
    ----------
    names
        The factors, the dummy last.
    mean
        Mean of the answer over the ranges of all factors, in the answer's unit.
    signal_variance, noise_variance
        Variance that the factors cause, and variance between runs of equal parameters, in the unit squared.
    noise_share
        ``noise / (noise + signal)``: the share of the differences between single runs that is chance.
    signal
        False when what the factors cause cannot be told from 0.
    rank_stability, convergence
        Whether more blocks would change the picture.
    constant
        Whether all runs gave the same answer, so that nothing changes it at all.
    blocks, dropped, replicates
        Blocks used and left out; runs of each row.
    """

    names: tuple[str, ...]
    mean: Estimate
    signal_variance: Estimate
    noise_variance: float
    noise_share: Estimate
    signal: bool
    rank_stability: float
    convergence: Convergence
    blocks: int
    dropped: int
    replicates: int
    constant: bool = False


def resampled(blocks: int) -> Floats:
    """Return the weights of blocks in each bootstrap draw: float[1000, blocks], rows add up to 1; always the same."""
    rng = np.random.default_rng([blocks, DRAWS])
    return rng.multinomial(blocks, np.full(blocks, 1.0 / blocks), size=DRAWS) / blocks


def estimate(value: float, draws: Floats) -> Estimate:
    """Return an estimate with the percentile interval of its bootstrap draws (those that exist, 100 at least)."""
    finite = draws[np.isfinite(draws)]
    if not math.isfinite(value) or len(finite) < DRAWS / 10:
        return Estimate(value, math.nan, math.nan)
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


def estimates(values: Floats, draws: Floats) -> list[Estimate]:
    """Return one estimate per column: values float[n], draws float[1000, n]."""
    return [estimate(float(v), draws[:, i]) for i, v in enumerate(values)]


def noise_share(noise: float, signal: float, noise_draws: Floats, signal_draws: Floats) -> Estimate:
    """Return noise / (noise + signal) with its interval; a variance below 0 counts as 0, and nothing at all as 0."""
    noises = np.concatenate([[noise], noise_draws])
    whole = noises + np.maximum(np.concatenate([[signal], signal_draws]), 0.0)
    found = np.divide(noises, whole, out=np.zeros_like(whole), where=whole > 0)
    return estimate(float(found[0]), found[1:])


def rank_stability(values: Floats, draws: Floats, whole: float) -> float:
    """Return the share of bootstrap draws that keep the order of all factors which clearly differ.

    Factors that lie closer together than a tenth of the whole may change places without changing what is learnt.

    Parameters
    ----------
    values, draws
        float[n] and float[1000, n], the dummy left out.
    whole
        What a tenth is taken of: 1 for shares, the largest size for effects.

    Returns
    -------
    float
        0 to 1; NaN when no two factors differ by a tenth.
    """
    upper, lower = np.nonzero(values[:, None] - values[None, :] > APART * whole)
    if len(upper) == 0:
        return math.nan
    return float(np.mean((draws[:, upper] > draws[:, lower]).all(axis=1)))


def convergence(widest: float, stability: float, signal: bool) -> Convergence:
    """Return whether sizes and ranking have settled, the ranking only, neither; or whether there is only noise.

    Parameters
    ----------
    widest
        The widest half-width, as a share of the whole.
    stability
        See `rank_stability`.
    """
    if not signal:
        return "noise"
    if not math.isfinite(widest):
        return "open"
    if widest <= SETTLED_WIDTH and not stability < STABLE:  # no order to lose is an order kept
        return "settled"
    return "ranking" if stability >= STABLE else "open"
