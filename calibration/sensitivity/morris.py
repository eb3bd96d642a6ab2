"""Elementary effects of a noisy model: which factors move the answer at all, corrected for noise.

An elementary effect is the change of the answer when one factor moves, per whole range of the factor. Its mean size
(mu star) screens, its spread (sigma) shows bends and interactions. Chance alone has a mean size above zero, which an
inert factor would show too: the floor. Needs a :class:`~calibration.sensitivity.designs.MorrisDesign` and at least
two replicates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.sensitivity.designs import DUMMY_NAME, STEP, MorrisDesign
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

ROUGHER = 2.0  # sizes that only screen may be half as precise, beside the largest, as shares


@dataclass(frozen=True, kw_only=True)
class MorrisEffects(Analysed):
    """What a Morris study found, in the answer's unit per whole range of a factor.

    The signal's variance is that of all row means; a block is a trajectory.

    Attributes
    ----------
    mu
        Mean elementary effect: direction and size where the factor works one way.
    mu_star
        Mean size of the elementary effects, noise taken out: the sign of an effect is read off some replicates and
        its size off the others, so that chance averages to 0. It may be too small for faint effects, never too
        large.
    mu_star_raw
        Mean size with the noise in it.
    sigma
        Spread of the elementary effects, noise taken out (0 where noise explains all of it).
    floor
        What `mu_star_raw` would be of a factor that does nothing.
    """

    mu: dict[str, Estimate]
    mu_star: dict[str, Estimate]
    mu_star_raw: dict[str, float]
    sigma: dict[str, float]
    floor: float


def morris_effects(given: Evaluations) -> MorrisEffects:
    """Estimate elementary effects from the answers of a Morris design.

    Parameters
    ----------
    given
        Answers of a Morris design with at least two replicates.

    Raises
    ------
    InputError
        Answers of another design, or a single replicate.
    """
    design = only(MorrisDesign, given)
    values, within, replicates = given.values, given.within, given.values.shape[2]
    effects = elementary_effects(design, given)
    mean_effects = effects.mean(axis=2)
    weights = resampled(len(values))
    s2 = float(within.mean())
    per_effect = 2.0 * s2 / (replicates * STEP**2)  # noise variance of an elementary effect of row means
    sizes = _sizes(effects)
    mu_star, mu_star_draws = sizes.mean(axis=0), weights @ sizes
    names = (*design.names, DUMMY_NAME)
    spread = mean_effects.var(axis=0, ddof=1) - per_effect
    found = estimates(mu_star, mu_star_draws)
    variance, share = _variances(given, weights)
    signal = any(e.low > 0 for e in found[:-1]) and not given.constant
    largest = max(float(mu_star[:-1].max()), np.finfo(float).tiny)
    stability = rank_stability(mu_star[:-1], mu_star_draws[:, :-1], largest) if signal else np.nan
    widest = max(e.half_width for e in found[:-1]) / largest
    return MorrisEffects(
        names=names,
        mu=dict(zip(names, estimates(mean_effects.mean(axis=0), weights @ mean_effects), strict=True)),
        mu_star=dict(zip(names, found, strict=True)),
        mu_star_raw=dict(zip(names, np.abs(mean_effects).mean(axis=0).tolist(), strict=True)),
        sigma=dict(zip(names, np.sqrt(np.maximum(spread, 0.0)).tolist(), strict=True)),
        floor=math.sqrt(2.0 / math.pi * per_effect),
        mean=estimate(float(values.mean()), weights @ values.mean(axis=(1, 2))),
        signal_variance=variance, noise_variance=s2, noise_share=share, signal=signal, rank_stability=stability,
        convergence="constant" if given.constant else convergence(widest / ROUGHER, stability, signal),
        blocks=len(values), dropped=given.dropped,
        replicates=replicates, constant=given.constant,
    )  # fmt: skip


def elementary_effects(design: MorrisDesign, given: Evaluations) -> Floats:
    """Return the elementary effects of each replicate: float[trajectories, factors + 1, replicates], dummy last."""
    order, direction = design.order[given.kept], design.direction[given.kept]
    steps = np.diff(given.values, axis=1) / (direction * STEP)[:, :, None]
    out = np.empty_like(steps)
    np.put_along_axis(out, order[:, :, None], steps, axis=1)
    return out


def _sizes(effects: Floats) -> Floats:
    """Return the size of each effect with the noise's upward pull taken out: float[trajectories, factors + 1].

    The size in one replicate, signed by the mean of the others, averaged over replicates: noise in the one and
    in the others is independent, so that it averages to 0.
    """
    replicates = effects.shape[2]
    others = (effects.sum(axis=2, keepdims=True) - effects) / (replicates - 1)
    return (np.sign(others) * effects).mean(axis=2)


def _variances(given: Evaluations, weights: Floats) -> tuple[Estimate, Estimate]:
    """Return the variance of the answer between rows, noise taken out, and the noise share."""
    means, within = given.means, given.within
    y, noise = means - means.mean(), within / given.values.shape[2]
    terms = np.column_stack([y.mean(axis=1), (y**2).mean(axis=1), noise, within])

    def both(mean_terms: Floats) -> tuple[Floats, Floats]:
        mean, square, of_mean, of_run = mean_terms.T
        return square - mean**2 - of_mean, of_run

    (variance, of_run), (variances, of_runs) = both(terms.mean(axis=0)[None, :]), both(weights @ terms)
    share = noise_share(float(of_run[0]), float(variance[0]), of_runs, variances)
    return estimate(float(variance[0]), variances), share
