"""Sobol indices of a noisy model, corrected for the noise that replicates show.

The first index of a factor is the share of the answer's variance that goes away, on average, once the factor is
known; the total index is the share that remains while only it is unknown. Both are shares of the variance that
parameters cause, chance taken out; how large chance is beside it is the noise share. Needs a
:class:`~calibration.sensitivity.designs.SobolDesign` and at least two replicates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.sensitivity.designs import DUMMY_NAME, SobolDesign
from calibration.sensitivity.estimates import (
    Analysed,
    Estimate,
    convergence,
    estimate,
    estimates,
    noise_share,
    rank_stability,
    resampled,
)
from calibration.sensitivity.evaluations import Evaluations, only

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SobolIndices(Analysed):
    """What a Sobol study found; a block is a base point.

    Attributes
    ----------
    first, total
        First and total index of each, by name; empty when there is no signal. An estimate may lie below 0 though no
        index does: then it scatters around 0.
    """

    first: dict[str, Estimate]
    total: dict[str, Estimate]


def sobol_indices(given: Evaluations) -> SobolIndices:
    """Estimate first and total indices from the answers of a Sobol design.

    With row means, ``s2`` the variance within rows and R replicates: ``V = Var(row means) - s2 / R``, total index
    ``[mean((A - AB_i)^2) / 2 - s2 / R] / V`` (Jansen 1999), first index
    ``[mean(B AB_i) - m_i^2] / [mean((B^2 + AB_i^2) / 2) - m_i^2 - s2 / R]`` with ``m_i = mean((B + AB_i) / 2)``
    (Janon et al. 2014): B and AB_i have independent noise, so their product needs no correction.

    Parameters
    ----------
    given
        Answers of a Sobol design with at least two replicates.

    Raises
    ------
    InputError
        Answers of another design, or a single replicate.
    """
    design = only(SobolDesign, given)
    means, within = given.means, given.within
    shifted = means - means.mean()
    noise = within / given.values.shape[2]  # noise variance of a row mean, one number per block
    terms = _terms(shifted, noise)
    weights = resampled(len(means))
    point, draws = _indices(terms.mean(axis=0)[None, :], design.factors), _indices(weights @ terms, design.factors)
    s2 = float(within.mean())
    variance = estimate(float(point.variance[0]), draws.variance)
    signal = bool(variance.value > 0 and variance.low > 0) and not given.constant
    share = noise_share(s2, variance.value, weights @ within, draws.variance)
    names = (*design.names, DUMMY_NAME)
    total = dict(zip(names, estimates(point.total[0], draws.total), strict=True)) if signal else {}
    first = dict(zip(names, estimates(point.first[0], draws.first), strict=True)) if signal else {}
    stability = rank_stability(point.total[0, :-1], draws.total[:, :-1], 1.0) if signal else np.nan
    widest = max((e.half_width for name, e in total.items() if name != DUMMY_NAME), default=np.inf)
    return SobolIndices(
        names=names, first=first, total=total, mean=estimate(float(means.mean()), weights @ means.mean(axis=1)),
        signal_variance=variance, noise_variance=s2, noise_share=share, signal=signal, rank_stability=stability,
        convergence="constant" if given.constant else convergence(float(widest), stability, signal),
        blocks=len(means), dropped=given.dropped,
        replicates=given.values.shape[2], constant=given.constant,
    )  # fmt: skip


@dataclass(frozen=True)
class _Found:
    """Indices of several resamplings: variance float[n], first and total float[n, factors + 1]."""

    variance: Floats
    first: Floats
    total: Floats


def _terms(y: Floats, noise: Floats) -> Floats:
    """Return what the estimators average, one row per block, so that resampling is one matrix product.

    Columns: y, y squared (both over the rows of the block), noise; then for each factor (A - AB)^2 / 2, B AB,
    (B + AB) / 2 and (B^2 + AB^2) / 2.
    """
    a, b, ab = y[:, :1], y[:, 1:2], y[:, 2:]
    each = ((a - ab) ** 2 / 2.0, b * ab, (b + ab) / 2.0, (b**2 + ab**2) / 2.0)
    return np.column_stack([y.mean(axis=1), (y**2).mean(axis=1), noise, *each])


def _indices(mean_terms: Floats, factors: int) -> _Found:
    """Return the indices of each row of averaged terms."""
    mean, square, noise = mean_terms[:, :1], mean_terms[:, 1:2], mean_terms[:, 2:3]
    jansen, product, middle, halves = np.split(mean_terms[:, 3:], 4, axis=1)
    variance = square - mean**2 - noise
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.where(variance > 0, (jansen - noise) / variance, np.nan)
        own = halves - middle**2 - noise
        first = np.where(own > 0, (product - middle**2) / own, np.nan)
    return _Found(variance[:, 0], first, total)
