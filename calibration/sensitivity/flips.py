"""Where a verdict flips: the value of one parameter at which the effect, averaged over all others, changes sign.

The effect is fitted over the rows of the design as a sum of one smooth curve per parameter, polynomials that average
to zero over their parameter's range. The curve of one parameter plus the mean is then the effect as a function of
that parameter with all others spread over their ranges. Interactions are not drawn: a flip says what holds on
average, not in every corner.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from calibration.sensitivity.estimates import Estimate, estimate, resampled
from calibration.sensitivity.evaluations import Evaluations
from calibration.sensitivity.factors import Factor

Floats = NDArray[np.float64]
Outcome = Literal["flip", "unsure", "none"]

DEGREE = {"sobol": 3, "morris": 2}
MOST_TERMS = 60
GRID = 201
CHANCE = 0.05


@dataclass(frozen=True)
class Flip:
    """What happens to the sign of an effect along one parameter.

    Attributes
    ----------
    name
        The parameter.
    outcome
        ``flip``: the sign changes at `at`, and the effect is clearly below zero somewhere in the range and clearly
        above it elsewhere; ``none``: it does not change within the range, nor in 95 % of the bootstrap draws;
        ``unsure``: anything else.
    at
        Lowest value at which it changes, in the parameter's unit, with the interval over those bootstrap draws that
        have one; None when the fitted effect keeps its sign.
    again
        Further values at which the fitted effect changes its sign.
    chance
        Share of bootstrap draws in which the sign changes somewhere in the range.
    values, effect
        The fitted curve: parameter values and the effect with its interval at each.
    """

    name: str
    outcome: Outcome
    at: Estimate | None
    again: list[float]
    chance: float
    values: Floats
    effect: list[Estimate]


def flips(given: Evaluations, factors: Sequence[Factor], names: Sequence[str]) -> list[Flip]:
    """Return the flip along each named parameter, in the order of the names.

    Parameters
    ----------
    given
        Answers of any design; the answer is a difference whose sign is the verdict.
    factors
        All factors of the design, in its order.
    names
        Those to look at.
    """
    degree = max(1, min(DEGREE[given.design.method], MOST_TERMS // len(factors)))
    fitted = _fits(given.unit, given.means, degree)
    order = [factor.name for factor in factors]
    return [_flip(factors[order.index(name)], *fitted, order.index(name), degree) for name in names]


def _fits(unit: Floats, means: Floats, degree: int) -> tuple[Floats, Floats]:
    """Return coefficients of the additive fit, float[terms], and of each bootstrap draw, float[1000, terms]."""
    blocks, rows, factors = unit.shape
    base = _basis(unit, degree).reshape(blocks, rows, factors * degree)
    terms = np.concatenate([np.ones((blocks, rows, 1)), base], axis=2)
    gram = np.einsum("brp,brq->bpq", terms, terms)
    right = np.einsum("brp,br->bp", terms, means)
    weights = resampled(blocks)
    size = gram.shape[1]
    grams = (weights @ gram.reshape(blocks, -1)).reshape(-1, size, size)
    ridge = 1e-9 * rows * np.eye(size)
    point = np.linalg.solve(gram.mean(axis=0) + ridge, right.mean(axis=0))
    draws = np.linalg.solve(grams + ridge, (weights @ right)[:, :, None])[:, :, 0]
    return np.asarray(point, dtype=np.float64), np.asarray(draws, dtype=np.float64)


def _basis(unit: Floats, degree: int) -> Floats:
    """Return Legendre polynomials 1 to `degree` on 0 to 1 (each averages to zero): float[..., degree]."""
    return np.asarray(legendre.legvander(2.0 * unit - 1.0, degree)[..., 1:], dtype=np.float64)


def _flip(factor: Factor, point: Floats, draws: Floats, index: int, degree: int) -> Flip:
    grid = np.linspace(0.0, 1.0, GRID)
    base = _basis(grid, degree)
    columns = slice(1 + index * degree, 1 + (index + 1) * degree)
    curve = point[0] + base @ point[columns]
    curves = draws[:, :1] + draws[:, columns] @ base.T
    where, places = _crossing(curve[None, :], grid)[0], _crossing(curves, grid)
    chance = float(np.isfinite(places).mean())
    values = factor.values(grid)
    at, again = None, [float(factor.values(place)) for place in _crossings(curve, grid)[1:]]
    if math.isfinite(where):
        at = estimate(float(factor.values(np.array(where))), factor.values(places[np.isfinite(places)]))
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    outcome: Outcome = "unsure"
    if at is not None and (low > 0).any() and (high < 0).any():
        outcome = "flip"
    elif at is None and chance <= CHANCE:
        outcome = "none"
    step = slice(None, None, 5)
    band = [Estimate(float(v), float(lo), float(hi)) for v, lo, hi in zip(curve, low, high, strict=True)][step]
    return Flip(factor.name, outcome, at, again, chance, values[step], band)


def _crossing(curves: Floats, grid: Floats) -> Floats:
    """Return where each curve first changes sign, by linear interpolation: float[curves], NaN where it never does."""
    sign = np.sign(curves)
    change = sign[:, 1:] * sign[:, :-1] < 0
    has = change.any(axis=1)
    first = np.argmax(change, axis=1)
    rows = np.arange(len(curves))
    left, right = curves[rows, first], curves[rows, first + 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = left / (left - right)
    return np.where(has, grid[first] + part * (grid[1] - grid[0]), np.nan)


def _crossings(curve: Floats, grid: Floats) -> Floats:
    """Return all places where one curve changes sign, by linear interpolation."""
    left, right = curve[:-1], curve[1:]
    at = np.flatnonzero(np.sign(left) * np.sign(right) < 0)
    return grid[at] + left[at] / (left[at] - right[at]) * (grid[1] - grid[0])
