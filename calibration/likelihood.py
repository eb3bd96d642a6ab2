"""Maximum likelihood for durations that are grouped into fine cells and may be cut off by the end of the log.

Durations are counted in cells of 2 % of a decade (5 % in length) above the clock's resolution; a cell's
probability is a difference of the distribution function, so that point masses and densities are weighed
alike, every shape sees the same data, and a million cases cost what a thousand do. A case still open enters
with the probability of lasting longer than it has. Which shape is best is not decided here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy import special
from scipy.optimize import minimize

from calibration.laws import FAMILIES, UNDETERMINED, Fitted, Floats, Shape, mixed, mixed_slopes, part_cdf
from calibration.problems import Problem

CELLS_PER_DECADE = 50
TINY = 1e-100  # what is less likely is lost in rounding; its logarithm stays where it is
SEARCH = {"maxiter": 400, "gtol": 1e-5}
LEVEL, FARTHEST = 1e-4, 1e3
FLAT = Problem("the likelihood is flat around the maximum", "似然函数在极大值附近是平的")
UNSURE = Problem("the data do not determine a part", "数据无法确定其中一个成分")
AT_BOUND = Problem("a parameter ran into its bound", "有参数触及取值边界")
TOO_SHORT = Problem("a part lies below the resolution of the clock", "有成分短于时钟分辨率")
TOO_SMALL = Problem("a part has less than half a percent of the cases", "有成分所占案件不足0.5%")


@dataclass(frozen=True)
class Grouped:
    """Durations in cells.

    Attributes
    ----------
    edges
        float64[m + 1, increasing]: the cells, the first from below 0 to the resolution.
    counts
        float64[m]: ended cases in each cell.
    open_edges, open_counts
        float64[k]: ages at which cases were last seen open, and how many.
    cell
        int64[n]: cell of each case, or ``m + j`` for the open age ``j``.
    resolution_min
        Upper end of the first cell.
    """

    edges: Floats
    counts: Floats
    open_edges: Floats
    open_counts: Floats
    cell: np.ndarray
    resolution_min: float

    @classmethod
    def of(cls, minutes: ArrayLike, censored: ArrayLike, resolution_min: float = 1.0) -> Grouped:
        """Count durations.

        Parameters
        ----------
        minutes
            float[n], at least 0: duration, or age when last seen.
        censored
            bool[n]: still open at that age.
        resolution_min
            Durations up to this are not told apart from nothing.
        """
        x, still_open = np.asarray(minutes, float), np.asarray(censored, bool)
        number = np.where(x <= resolution_min, 0, 1 + _step(x, resolution_min))
        used = np.unique(number[~still_open])
        ages = np.unique(number[still_open])
        cell = np.where(still_open, len(used) + np.searchsorted(ages, number), np.searchsorted(used, number))
        counts = np.bincount(cell, minlength=len(used) + len(ages)).astype(float)
        low, high = _edge(used - 1, resolution_min), _edge(used, resolution_min)
        low = np.where(used == 0, -1.0, low)
        edges = np.column_stack([low, high])
        # an open case is known to last longer than the middle of its cell, which is its age to 2.5 %; seen open at
        # its very start only, it may even have lasted nothing
        middle = np.where(ages == 0, -1.0, _edge(ages - 0.5, resolution_min))
        return cls(edges, counts[: len(used)], middle, counts[len(used) :], cell, resolution_min)

    @property
    def ended(self) -> int:
        """Cases that ended."""
        return int(self.counts.sum())

    @property
    def cases(self) -> int:
        """All cases."""
        return len(self.cell)

    @cached_property
    def points(self) -> Floats:
        """All places where a law is asked: lower and upper edges, then open ages."""
        return np.concatenate([self.edges[:, 0], self.edges[:, 1], self.open_edges])

    def log_probability(self, shape: Shape, theta: Floats) -> Floats:
        """Return the log probability of each cell, then of each open age: float64[m + k]."""
        return np.log(self._probability(*mixed(shape, theta, self.points)))

    def _probability(self, below: Floats, above: Floats) -> Floats:
        m = len(self.counts)
        inside = np.where(below[:m] < 0.5, below[m : 2 * m] - below[:m], above[:m] - above[m : 2 * m])
        return np.maximum(np.concatenate([inside, above[2 * m :]]), TINY)

    def loss(self, shape: Shape, theta: Floats, weights: Floats) -> tuple[float, Floats]:
        """Return minus the log-likelihood and its slopes in theta."""
        m = len(self.counts)
        below, above, slopes = mixed_slopes(shape, theta, self.points)
        p = self._probability(below, above)
        inside, beyond = slopes[:, m : 2 * m] - slopes[:, :m], -slopes[:, 2 * m :]
        rise = np.concatenate([inside, beyond], axis=1) @ np.where(p > TINY, weights / p, 0.0)
        return -float(weights @ np.log(p)), -rise

    def weights(self) -> Floats:
        """Return how many cases each cell and open age has."""
        return np.concatenate([self.counts, self.open_counts])


def _step(x: Floats, resolution: float) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.floor(np.log10(np.maximum(x, resolution) / resolution) * CELLS_PER_DECADE).astype(np.int64)


def _edge(step: np.ndarray, resolution: float) -> Floats:
    return resolution * 10.0 ** (step / CELLS_PER_DECADE)


def fit(shape: Shape, data: Grouped, starts: list[Floats] | None = None) -> Fitted:
    """Return the most likely law of a shape.

    Parameters
    ----------
    shape, data
        What to fit to what.
    starts
        Where the search begins; by default several splits of the data.

    Returns
    -------
    Fitted
        With ``converged`` False when no start led to a maximum inside the bounds, a part shrank to nothing, or the
        data leave a parameter open by a factor of 50 either way.
    """
    weights = data.weights()

    bounds, n = np.array(_bounds(shape)), max(1.0, float(weights.sum()))

    def loss(theta: Floats) -> tuple[float, Floats]:
        """Minus the log-likelihood of a case and its slopes; outside the bounds a wall that leads back."""
        inside = np.clip(theta, bounds[:, 0], bounds[:, 1])
        value, slope = data.loss(shape, inside, weights)
        beyond = np.clip(theta - inside, -FARTHEST, FARTHEST)
        return value / n + float(beyond @ beyond), np.where(beyond == 0, slope / n, 2 * beyond)

    best = None
    for start in starts if starts is not None else list(_starts(shape, data)):
        # in plain NumPy: with so few parameters a compiled search would spend its time on waking threads
        found = minimize(loss, np.clip(start, bounds[:, 0], bounds[:, 1]), jac=True, method="BFGS", options=SEARCH)
        if best is None or found.fun < best.fun:
            best = found
    if best is None:
        raise ValueError("a fit needs at least one start")
    theta = _sorted(shape, np.clip(best.x, bounds[:, 0], bounds[:, 1]))
    value, slope = data.loss(shape, theta, weights)
    covariance, curved = _covariance(lambda at: data.loss(shape, at, weights)[1], theta)
    notes = _notes(shape, theta, bounds, covariance, data.resolution_min)
    good = float(np.abs(slope).max()) < LEVEL * n and curved and not notes
    return Fitted(shape, theta, covariance, -value, data.cases, data.ended, good, data.resolution_min, notes)


def _bounds(shape: Shape) -> list[tuple[float, float]]:
    shares = [(-9.0, 9.0)] * (len(shape.parts) + int(shape.instant) - 1)
    first = (math.log(1e-3), math.log(1e9))
    spread = {"lognormal": (math.log(0.05), math.log(5.0))}  # wider, it only stands in for a point mass
    return shares + [
        pair
        for name in shape.parts
        for pair in [first, spread.get(name, (math.log(0.05), math.log(40.0)))][: len(FAMILIES[name])]
    ]


def _starts(shape: Shape, data: Grouped) -> Iterator[Floats]:
    """Yield starts: the ended durations cut at several places, each piece matched by the logarithms' moments."""
    middle = np.sqrt(np.maximum(data.edges[:, 0], data.resolution_min / 2) * data.edges[:, 1])
    ages = np.maximum(data.open_edges, data.resolution_min)
    logs, weight = np.log(np.concatenate([middle, 2 * ages])), data.weights()
    if shape.instant:
        body = np.concatenate([data.edges[:, 0] >= 0, np.ones(len(ages), bool)])
        instant = max(1e-3, 0.9 * float(weight[~body].sum() / weight.sum()))
        logs, weight = (logs[body], weight[body]) if body.any() else (logs, weight)
    order = np.argsort(logs)
    logs, share_below = logs[order], np.cumsum(weight[order]) / weight.sum()
    weight = weight[order]
    cuts: dict[int, list[tuple[float, ...]]] = {
        1: [()], 2: [(0.25,), (0.5,), (0.75,)], 3: [(0.33, 0.67), (0.5, 0.8), (0.2, 0.5)],
    }  # fmt: skip
    orders = [range(len(shape.parts))]
    if len(set(shape.parts)) > 1:  # either family may be the short one
        orders.append(range(len(shape.parts) - 1, -1, -1))
    for at, order_of in [(at, order_of) for at in cuts[len(shape.parts)] for order_of in orders]:
        pieces = np.searchsorted(np.array(at), share_below - 1e-12)
        shares, pairs = [], []
        for j, name in zip(order_of, shape.parts, strict=True):
            rows = pieces == j
            mine, w = (logs[rows], weight[rows]) if rows.any() else (logs, weight)
            mean = float(np.average(mine, weights=w))
            spread = float(max(0.2, np.sqrt(np.average((mine - mean) ** 2, weights=w))))
            shares.append(max(float(w.sum() / weight.sum()), 0.02))
            pairs.append(_moments(name, mean, spread))
        if shape.instant:
            shares = [instant, *[s * (1 - instant) for s in shares]]
        yield shape.joined(shares, pairs)


def _moments(name: str, mean: float, spread: float) -> tuple[float, float]:
    """Return a family's parameters whose logarithm has about this mean and spread."""
    if name == "lognormal":
        return math.exp(mean), spread
    if name == "exponential":
        return math.exp(mean + 0.577), 1.0
    if name == "gamma":  # trigamma(k) = spread^2 by its first two terms
        shape = (1 + math.sqrt(1 + 2 * spread**2)) / (2 * spread**2)
        return math.exp(mean - float(special.digamma(shape))), shape
    shape = min(max(1.28 / spread, 0.2), 8.0)
    return math.exp(mean + 0.577 / shape), shape


def _sorted(shape: Shape, theta: Floats) -> Floats:
    """Return the same law with parts of one family in order of length, so that fits can be compared."""
    if len(set(shape.parts)) > 1 or len(shape.parts) < 2:
        return theta
    shares, pairs = shape.split(theta)
    order = np.argsort([pair[0] for pair in pairs])
    kept = [float(shares[0])] if shape.instant else []
    return shape.joined(kept + [float(shares[1 + i]) for i in order], [pairs[i] for i in order])


def _covariance(slope: Callable[[Floats], Floats], theta: Floats) -> tuple[Floats, bool]:
    """Return the inverse of the second derivative (differences of slopes), and whether it is a proper minimum."""
    step = 1e-4
    rows = [(slope(theta + e) - slope(theta - e)) / (2 * step) for e in np.eye(len(theta)) * step]
    second = (np.array(rows) + np.array(rows).T) / 2
    values = np.linalg.eigvalsh(second) if np.isfinite(second).all() else np.array([0.0])
    if values.min() <= 1e-8 * max(values.max(), 1.0):
        return np.full(second.shape, np.nan), False
    return np.linalg.inv(second), True


def _notes(shape: Shape, theta: Floats, bounds: Floats, covariance: Floats, resolution: float) -> tuple[Problem, ...]:
    """Return why a maximum is none to rely on: flat, undetermined, at a bound, or with a part that is not one."""
    error = np.sqrt(np.diag(covariance))
    notes = [] if np.isfinite(error).all() else [FLAT]
    if (error > UNDETERMINED).any():
        notes.append(UNSURE)
    if any(t <= low + 1e-6 or t >= high - 1e-6 for t, (low, high) in zip(theta, bounds, strict=True)):
        notes.append(AT_BOUND)
    shares, pairs = shape.split(theta)
    at = np.array([resolution])
    if len(pairs) > 1 and any(part_cdf(n, pair, at)[0][0] > 0.9 for n, pair in zip(shape.parts, pairs, strict=True)):
        notes.append(TOO_SHORT)
    if (shares[0 if shape.instant else 1 :] < 0.005).any():
        notes.append(TOO_SMALL)
    return tuple(notes)
