"""Laws of duration that may have a point mass at nothing and several parts, for data grouped and censored.

A :class:`Shape` says which parts a law has; a :class:`Fitted` law adds its parameters, answers for probabilities
and quantiles, and writes itself the way a scenario does. Finding the parameters is `calibration.likelihood`,
choosing among shapes `calibration.durations`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from calibration.problems import Problem

Floats = NDArray[np.float64]

FAMILIES: dict[str, tuple[str, ...]] = {
    "exponential": ("mean",),
    "lognormal": ("median", "sigma"),
    "weibull": ("scale", "shape"),
    "gamma": ("scale", "shape"),
}
"""Family -> its parameters, each above 0: the first in minutes, the second without a unit."""
UNDETERMINED = 2.0  # standard error of a logarithm or logit: a 95 % interval that spans a factor of 50 either way
LONGEST_MIN = 100 * 365.25 * 1440.0  # an end later than a century is no end: the interval is open
Z = 1.959964


@dataclass(frozen=True)
class Shape:
    """Which parts a law has.

    Parameters
    ----------
    parts
        Names of `FAMILIES`.
    instant
        Whether a share of the durations is nothing at all (below the resolution of the clock).
    """

    parts: tuple[str, ...]
    instant: bool = False

    @property
    def name(self) -> str:
        """Short name, such as ``instant+lognormal+weibull``."""
        return "+".join((*(("instant",) if self.instant else ()), *self.parts))

    @property
    def freedom(self) -> int:
        """Number of free parameters."""
        return sum(len(FAMILIES[p]) for p in self.parts) + len(self.parts) - 1 + int(self.instant)

    def split(self, theta: Floats) -> tuple[Floats, list[tuple[float, float]]]:
        """Return shares (the instant one first, 0 without one) and each part's two parameters.

        Parameters
        ----------
        theta
            float64[freedom]: logits of all shares but the last, then the logarithms of the parameters.
        """
        k = len(self.parts) + int(self.instant)
        logits = np.zeros(k + 1)
        logits[1:k] = theta[: k - 1]
        logits[0] = -np.inf  # no instant part
        raised = np.exp(logits - logits.max())
        shares = raised / raised.sum()
        if self.instant:
            shares = shares[1:]
        at, parameters = k - 1, []
        for name in self.parts:
            n = len(FAMILIES[name])
            values = np.exp(np.clip(theta[at : at + n], -40.0, 40.0))
            parameters.append((float(values[0]), float(values[1]) if n > 1 else 1.0))
            at += n
        return shares, parameters

    def joined(self, shares: ArrayLike, parameters: list[tuple[float, float]]) -> Floats:
        """Return ``theta`` of shares (the instant one first when there is one) and parameters."""
        logs = np.log(np.maximum(np.asarray(shares, float), 1e-9))
        pairs = zip(self.parts, parameters, strict=True)
        values = [math.log(v) for name, pair in pairs for v in pair[: len(FAMILIES[name])]]
        return np.concatenate([logs[:-1] - logs[-1], values])


def part_cdf(name: str, pair: tuple[float, float], x: Floats) -> tuple[Floats, Floats]:
    """Return the probabilities below and above ``x`` (minutes, at least 0), each exact in its own tail."""
    a, b = pair
    if name == "lognormal":
        with np.errstate(divide="ignore"):
            z = (np.log(x) - math.log(a)) / b
        return special.ndtr(z), special.ndtr(-z)
    if name == "gamma":
        return special.gammainc(b, x / a), special.gammaincc(b, x / a)
    power = _power(x, a, 1.0 if name == "exponential" else b)
    return -np.expm1(-power), np.exp(-power)


def _power(x: Floats, scale: float, shape: float) -> Floats:
    """Return (x / scale)^shape, at most e^700."""
    with np.errstate(divide="ignore"):
        return np.exp(np.minimum(shape * np.log(x / scale), 700.0))


def part_pdf(name: str, pair: tuple[float, float], x: Floats) -> Floats:
    """Return the density per minute at ``x`` above 0."""
    a, b = pair
    if name == "lognormal":
        return np.exp(-0.5 * ((np.log(x) - math.log(a)) / b) ** 2) / (x * b * math.sqrt(2 * math.pi))
    if name == "gamma":
        return np.exp((b - 1) * np.log(x / a) - x / a - special.gammaln(b)) / a
    if name == "exponential":
        return np.exp(-x / a) / a
    power = _power(x, a, b)
    return b / x * power * np.exp(-power)


def part_mean(name: str, pair: tuple[float, float]) -> float:
    """Return the mean in minutes."""
    a, b = pair
    if name == "lognormal":
        return a * math.exp(min(b * b / 2, 600.0))
    if name == "gamma":
        return a * b
    return a if name == "exponential" else a * math.gamma(1 + 1 / b)


@dataclass(frozen=True)
class Fitted:
    """A law with its parameters and how surely they are known.

    Attributes
    ----------
    shape
        Its parts.
    theta
        float64[freedom] as `Shape.split` reads it.
    covariance
        float64[freedom, freedom] of theta, from the observed information; NaN where that is singular.
    log_likelihood, cases, ended
        Of the data it was fitted to; censored cases are ``cases - ended``.
    converged
        Whether the search ended in a maximum.
    resolution_min
        Durations up to this count as nothing.
    notes
        Why the maximum is none to rely on; empty when all is well.
    """

    shape: Shape
    theta: Floats
    covariance: Floats
    log_likelihood: float
    cases: int
    ended: int
    converged: bool
    resolution_min: float
    notes: tuple[Problem, ...] = field(default=())

    @property
    def shares(self) -> Floats:
        """Shares of the parts, the instant one first."""
        return self.shape.split(self.theta)[0]

    def cdf(self, x: ArrayLike) -> Floats:
        """Return the probability of lasting at most ``x`` minutes."""
        return mixed(self.shape, self.theta, np.asarray(x, float))[0]

    def sf(self, x: ArrayLike) -> Floats:
        """Return the probability of lasting longer than ``x`` minutes."""
        return mixed(self.shape, self.theta, np.asarray(x, float))[1]

    def pdf(self, x: ArrayLike) -> Floats:
        """Return the density per minute of the parts at ``x`` above 0 (the instant part apart)."""
        shares, pairs = self.shape.split(self.theta)
        at = np.asarray(x, float)
        parts = zip(shares[1:], self.shape.parts, pairs, strict=True)
        return np.asarray(sum(s * part_pdf(name, pair, at) for s, name, pair in parts))

    @property
    def mean_min(self) -> float:
        """Mean in minutes."""
        shares, pairs = self.shape.split(self.theta)
        parts = zip(shares[1:], self.shape.parts, pairs, strict=True)
        return float(sum(s * part_mean(name, pair) for s, name, pair in parts))

    def quantile(self, p: ArrayLike) -> Floats:
        """Return quantiles in minutes by bisection."""
        return quantiles(self.shape, self.theta, np.atleast_1d(np.asarray(p, float)))

    def interval(self, p: ArrayLike) -> tuple[Floats, Floats]:
        """Return the ends of each quantile's 95 % interval in minutes, infinite where the data leave it open.

        Closed form: the times at which the band of the distribution function (its logit plus and minus 1.96 standard
        errors, by the slopes in the parameters) holds the share. Between two parts, where the function is flat, the
        interval spans the gap. NaN where the covariance is not known.
        """
        wanted = np.atleast_1d(np.asarray(p, float))
        if not np.isfinite(self.covariance).all():
            return np.full(wanted.shape, np.nan), np.full(wanted.shape, np.nan)
        x = np.geomspace(1e-3, LONGEST_MIN, 2400)
        below, above, slopes = mixed_slopes(self.shape, self.theta, x)
        below, above = np.maximum(below, 1e-300), np.maximum(above, 1e-300)
        variance = np.einsum("in,ij,jn->n", slopes, self.covariance, slopes)
        half = Z * np.sqrt(np.maximum(variance, 0.0)) / (below * above)
        middle = np.log(below) - np.log(above)
        ends = [_ends(np.log(x), middle, half, q) for q in special.logit(wanted)]
        return np.array([low for low, _ in ends]), np.array([high for _, high in ends])

    def sample(self, rng: np.random.Generator, size: int) -> Floats:
        """Return random durations in minutes."""
        return self.quantile(rng.random(size))

    def written(self) -> Any:
        """Return the law as a scenario writes it (minutes)."""
        shares, pairs = self.shape.split(self.theta)
        parts: list[tuple[float, Any]] = [(float(shares[0]), 0.0)] if self.shape.instant else []
        parts += [(float(s), _part(n, p)) for s, n, p in zip(shares[1:], self.shape.parts, pairs, strict=True)]
        if len(parts) == 1:
            return parts[0][1]
        rounded = [round(s, 6) for s, _ in parts]
        rounded[-1] = round(1.0 - sum(rounded[:-1]), 6)
        return {"mixture": [_with_share(s, law) for s, (_, law) in zip(rounded, parts, strict=True)]}

    def described(self) -> list[dict[str, float | str]]:
        """Return one row per part: share, family and parameters, each with its 95 % ends.

        Ends of what the data do not determine are 0 (0 for a share) and infinite (1 for a share).
        """
        shares, pairs = self.shape.split(self.theta)
        low, high = self._share_ends(shares)
        error = np.sqrt(np.diag(self.covariance))
        at = len(self.shape.parts) + int(self.shape.instant) - 1
        rows: list[dict[str, float | str]] = []
        if self.shape.instant:
            rows.append({"part": "instant", "share": float(shares[0]), "share_low": low[0], "share_high": high[0]})
        for i, (name, pair) in enumerate(zip(self.shape.parts, pairs, strict=True), start=1):
            row: dict[str, float | str] = {
                "part": name, "share": float(shares[i]), "share_low": low[i], "share_high": high[i],
                "mean_min": part_mean(name, pair),
            }  # fmt: skip
            for parameter, value in zip(FAMILIES[name], pair, strict=False):
                factor = math.exp(Z * error[at]) if error[at] <= UNDETERMINED else math.inf
                row |= {parameter: value, f"{parameter}_low": value / factor, f"{parameter}_high": value * factor}
                at += 1
            rows.append(row)
        return rows

    def _share_ends(self, shares: Floats) -> tuple[list[float], list[float]]:
        """Return 95 % ends of the shares, the instant one first, by the slopes of their logits."""
        used = shares if self.shape.instant else shares[1:]
        free = len(used) - 1
        low, high = [0.0] * len(shares), [1.0] * len(shares)
        if free == 0:
            return [*low[:-1], 1.0], high
        covariance = self.covariance[:free, :free]
        for k, share in enumerate(used):
            slope = np.array([1.0 if j == k else -used[j] / (1 - share) for j in range(free)])
            error = math.sqrt(max(float(slope @ covariance @ slope), 0.0))
            if error <= UNDETERMINED:
                odds = math.log(share / (1 - share))
                at = k + len(shares) - len(used)
                low[at], high[at] = float(special.expit(odds - Z * error)), float(special.expit(odds + Z * error))
        return low, high


def _ends(log_x: Floats, middle: Floats, half: Floats, wanted: float) -> tuple[float, float]:
    """Return the times around the quantile at which a band, increasing near it, takes the wanted logit in.

    Parameters
    ----------
    log_x, middle, half
        float[n]: logarithms of minutes; logit of the distribution function there, and half the band's width.
    wanted
        The logit sought.
    """
    start = int(np.searchsorted(middle, wanted))
    under = np.flatnonzero((middle + half)[:start] < wanted)
    over = np.flatnonzero((middle - half)[start:] >= wanted)
    low, high = 0.0, math.inf
    if len(under):
        i = int(under[-1])
        low = _between(log_x, middle + half, i, wanted) if i + 1 < len(log_x) else math.exp(log_x[i])
    if len(over):
        i = start + int(over[0])
        high = _between(log_x, middle - half, i - 1, wanted) if i else math.exp(log_x[0])
    return low, high


def _between(log_x: Floats, curve: Floats, i: int, wanted: float) -> float:
    """Return where a curve takes a value between two neighbouring places, in minutes."""
    part = (wanted - curve[i]) / (curve[i + 1] - curve[i])
    return math.exp(log_x[i] + min(max(part, 0.0), 1.0) * (log_x[i + 1] - log_x[i]))


def _part(name: str, pair: tuple[float, float]) -> dict[str, dict[str, float]]:
    if name == "lognormal":
        return {"lognormal": {"median": _round(pair[0]), "sigma": _round(pair[1])}}
    if name == "exponential":
        return {"exponential": {"mean": _round(pair[0])}}
    return {name: {"shape": _round(pair[1]), "mean": _round(part_mean(name, pair))}}


def _with_share(share: float, law: Any) -> dict[str, Any]:
    return {"share": share, **(law if isinstance(law, dict) else {"constant": {"value": law}})}


def _round(value: float) -> float:
    return float(f"{value:.7g}")


def mixed(shape: Shape, theta: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Return the probabilities of at most and of more than ``x`` minutes (the instant part lies at 0)."""
    shares, pairs = shape.split(theta)
    below, above = np.where(x >= 0, shares[0], 0.0), np.where(x >= 0, 0.0, shares[0])
    safe = np.maximum(x, 0.0)
    for share, name, pair in zip(shares[1:], shape.parts, pairs, strict=True):
        low, high = part_cdf(name, pair, safe)
        below, above = below + share * low, above + share * high
    return below, above


def part_slopes(name: str, pair: tuple[float, float], x: Floats) -> list[Floats]:
    """Return the slopes of the distribution function in the logarithms of the parameters, at ``x`` of at least 0."""
    a, b = pair
    safe = np.maximum(x, 1e-12)
    if name == "lognormal":
        z = (np.log(safe) - math.log(a)) / b
        density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
        return [-density / b, -z * density]
    if name == "gamma":
        step = 1e-4
        more, less, at = b * math.exp(step), b * math.exp(-step), safe / a
        low = special.gammainc(more, at) - special.gammainc(less, at)
        high = special.gammaincc(less, at) - special.gammaincc(more, at)  # the same, exact in the upper tail
        return [-safe * part_pdf(name, pair, safe), np.where(at < b, low, high) / (2 * step)]
    power = _power(safe, a, 1.0 if name == "exponential" else b)
    flow = power * np.exp(-power)
    return [-flow] if name == "exponential" else [-b * flow, b * flow * np.log(safe / a)]


def mixed_slopes(shape: Shape, theta: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the probabilities of at most and of more than ``x``, and the slopes of the first in theta.

    Returns
    -------
    tuple
        float64[n], float64[n], float64[freedom, n].
    """
    shares, pairs = shape.split(theta)
    safe = np.maximum(x, 0.0)
    parts = [part_cdf(name, pair, safe) for name, pair in zip(shape.parts, pairs, strict=True)]
    if shape.instant:
        parts = [(np.where(x >= 0, 1.0, 0.0), np.where(x >= 0, 0.0, 1.0)), *parts]
    used = shares if shape.instant else shares[1:]
    below = np.sum([s * part[0] for s, part in zip(used, parts, strict=True)], axis=0)
    above = np.sum([s * part[1] for s, part in zip(used, parts, strict=True)], axis=0)
    near = below < 0.5  # in the upper tail the differences are taken where they are not lost in rounding
    out = [s * np.where(near, p[0] - below, above - p[1]) for s, p in zip(used[:-1], parts[:-1], strict=True)]
    for share, name, pair in zip(shares[1:], shape.parts, pairs, strict=True):
        out += [np.where(safe > 0, share * slope, 0.0) for slope in part_slopes(name, pair, safe)]
    return below, above, np.array(out)


def quantiles(shape: Shape, theta: Floats, p: Floats) -> Floats:
    """Return quantiles by bisection on the logarithm of minutes; 0 within the instant part."""
    low, high = np.full(p.shape, math.log(1e-6)), np.full(p.shape, math.log(1e12))
    for _ in range(70):
        middle = (low + high) / 2
        under = mixed(shape, theta, np.exp(middle))[0] < p
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    instant = shape.split(theta)[0][0]
    return np.where(p <= instant, 0.0, np.exp((low + high) / 2))
