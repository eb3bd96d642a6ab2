"""Probability laws as a scenario writes them, and their rows for the engine.

A law is written as a number (a constant) or as a mapping with one name: ``{exponential: {mean: 30}}``.
The unit is that of the field it stands in (``touch_min`` is minutes). This file checks laws, gives their
mean, and turns them into rows of the engine's ``laws`` table; drawing from them is `sim.engine.draws`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from scipy import special

from sim.engine.codes import (
    CONSTANT,
    ERLANG,
    EXPONENTIAL,
    LOGNORMAL,
    MIXTURE,
    TABLE,
    TABLE_LOGIT,
    TABLE_POINTS,
    UNIFORM,
    WEIBULL,
)

_FIELDS = {
    "constant": ("value",),
    "exponential": ("mean",),
    "lognormal": ("median", "sigma"),
    "weibull": ("shape", "mean"),
    "gamma": ("shape", "mean"),
    "erlang": ("k", "mean"),
    "uniform": ("low", "high"),
    "triangular": ("low", "mode", "high"),
}

MOST = 1e9
"""Largest number of a law, in the unit of its field: 1e9 minutes are 1,900 years."""


class Law:
    """A law with its parameters.

    Parameters
    ----------
    name
        One of ``constant, exponential, lognormal, weibull, gamma, erlang, uniform, triangular, mixture``.
    values
        Parameters by name; for a mixture a list of ``(share, Law)``.
    """

    __slots__ = ("name", "values")

    def __init__(self, name: str, values: Any) -> None:
        self.name, self.values = name, values

    @property
    def mean(self) -> float:
        """Mean, in the unit of the field."""
        v = self.values
        match self.name:
            case "constant":
                return float(v["value"])
            case "lognormal":
                return float(v["median"] * math.exp(v["sigma"] ** 2 / 2))
            case "uniform":
                return float((v["low"] + v["high"]) / 2)
            case "triangular":
                return float((v["low"] + v["mode"] + v["high"]) / 3)
            case "mixture":
                return float(sum(share * law.mean for share, law in v))
        return float(v["mean"])

    def written(self) -> Any:
        """Return the law as a scenario writes it."""
        if self.name == "constant":
            return self.values["value"]
        if self.name == "mixture":
            return {"mixture": [{"share": s, **_named(law)} for s, law in self.values]}
        return {self.name: dict(self.values)}

    def __repr__(self) -> str:
        return f"Law({self.written()!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Law) and self.written() == other.written()

    def __hash__(self) -> int:
        return hash(repr(self.written()))


def _named(law: Law) -> dict[str, Any]:
    return {law.name: dict(law.values)}


def _parameters(name: str, given: Any) -> dict[str, float]:
    fields = _FIELDS[name]
    if not isinstance(given, dict):
        if len(fields) == 1:
            given = {fields[0]: given}
        else:
            raise ValueError(f"the law '{name}' takes {', '.join(fields)}")
    if set(given) != set(fields):
        raise ValueError(f"the law '{name}' takes exactly {', '.join(fields)}")
    values = {}
    for field in fields:
        value = given[field]
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{field} of the law '{name}' must be a finite number")
        if abs(value) > MOST:
            raise ValueError(f"{field} of the law '{name}' is too large; allowed: at most {MOST:g} in size")
        values[field] = float(value)
    _check(name, values)
    return values


def _check(name: str, v: dict[str, float]) -> None:
    positive = {
        "exponential": ["mean"],
        "lognormal": ["median"],
        "weibull": ["shape", "mean"],
        "gamma": ["shape", "mean"],
        "erlang": ["k", "mean"],
    }
    for field in positive.get(name, []):
        if v[field] <= 0:
            raise ValueError(f"{field} of the law '{name}' must be above 0")
    if name == "lognormal" and not 0 <= v["sigma"] <= 10:
        raise ValueError("sigma of the law 'lognormal' must not be negative, and not be above 10")
    if name in ("weibull", "gamma") and not 0.05 <= v["shape"] <= 1000:
        raise ValueError(f"shape of the law '{name}' must be from 0.05 to 1000")
    if name == "erlang" and (v["k"] != int(v["k"]) or v["k"] > 64):
        raise ValueError("k of the law 'erlang' must be a whole number from 1 to 64")
    if name == "constant" and v["value"] < 0:
        raise ValueError("a constant must not be negative")
    if name in ("uniform", "triangular") and not 0 <= v["low"] <= v["high"]:
        raise ValueError(f"the law '{name}' needs 0 <= low <= high")
    if name == "triangular" and not v["low"] <= v["mode"] <= v["high"]:
        raise ValueError("the law 'triangular' needs low <= mode <= high")


def _mixture(parts: Any) -> Law:
    if not isinstance(parts, list) or not 0 < len(parts) <= 64:
        raise ValueError("a mixture is a list of {share: ..., <law>: ...}, of at most 64 parts")
    out, total = [], 0.0
    for part in parts:
        if not isinstance(part, dict) or "share" not in part or len(part) != 2:
            raise ValueError("each part of a mixture is {share: ..., <law>: ...}")
        share = part["share"]
        if isinstance(share, bool) or not isinstance(share, int | float) or not math.isfinite(share):
            raise ValueError("a share of a mixture must be a number")
        law = parse({k: v for k, v in part.items() if k != "share"})
        if law.name == "mixture" or share < 0:
            raise ValueError("a mixture's parts are plain laws with shares of at least 0")
        out.append((share, law))
        total += share
    if abs(total - 1) > 1e-9:
        raise ValueError(f"the shares of a mixture must sum to 1, not {total:g}")
    return Law("mixture", out)


def _hyperexponential(given: Any) -> Law:
    shares, means = (given.get("shares"), given.get("means")) if isinstance(given, dict) else (None, None)
    if not isinstance(shares, list) or not isinstance(means, list) or len(shares) != len(means) or len(given) != 2:
        raise ValueError("the law 'hyperexponential' takes two lists of the same length, shares and means")
    return _mixture([{"share": p, "exponential": {"mean": m}} for p, m in zip(shares, means, strict=True)])


def parse(given: Any) -> Law:
    """Read a law from what a scenario wrote.

    Raises
    ------
    ValueError
        With a clause that names the law, the parameter and what is allowed.
    """
    if isinstance(given, Law):
        return given
    if isinstance(given, int | float) and not isinstance(given, bool):
        return Law("constant", _parameters("constant", given))
    if isinstance(given, dict) and len(given) == 1:
        name, inner = next(iter(given.items()))
        if name == "mixture":
            return _mixture(inner)
        if name == "hyperexponential":
            return _hyperexponential(inner)
        if name in _FIELDS:
            return Law(name, _parameters(name, inner))
        raise ValueError(f"unknown law '{name}'; allowed: {', '.join([*_FIELDS, 'hyperexponential', 'mixture'])}")
    raise ValueError("a law is a number or a mapping with one name, such as {exponential: {mean: 30}}")


LawField = Annotated[
    Law,
    BeforeValidator(parse),
    PlainSerializer(lambda law: law.written()),
    WithJsonSchema({"description": "a number, or a mapping with one law name", "type": ["number", "object"]}),
]


def _triangular_quantile(
    low: float, mode: float, high: float, lower: NDArray[np.float64], upper: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return triangular quantiles for probabilities ``lower`` and their complements ``upper``."""
    width = max(high - low, 1e-12)
    rising = low + np.sqrt(lower * width * (mode - low))
    falling = high - np.sqrt(upper * width * (high - mode))
    return np.where(lower * width < mode - low, rising, falling)


class LawTable:
    """Collects laws into the engine's rows; equal laws share a row.

    Attributes
    ----------
    rows
        List of ``(kind, a, b, share)``; a mixture's head is followed by its parts.
    tables
        Quantile tables, each ``float64[TABLE_POINTS]`` over an even grid of logit(u).
    """

    def __init__(self) -> None:
        self.rows: list[tuple[int, float, float, float]] = []
        self.tables: list[np.ndarray] = []
        self._known: dict[Law, int] = {}

    def add(self, law: Law) -> int:
        """Return the row of a law, adding it when it is new."""
        if law in self._known:
            return self._known[law]
        if law.name == "mixture":
            parts = [self._row(part, share) for share, part in law.values]
            row = len(self.rows)
            self.rows.append((MIXTURE, float(len(parts)), 0.0, 1.0))
            self.rows.extend(parts)
        else:
            made = self._row(law, 1.0)
            row = len(self.rows)
            self.rows.append(made)
        self._known[law] = row
        return row

    def _row(self, law: Law, share: float) -> tuple[int, float, float, float]:
        v = law.values
        match law.name:
            case "constant":
                return CONSTANT, v["value"], 0.0, share
            case "exponential":
                return EXPONENTIAL, v["mean"], 0.0, share
            case "lognormal":
                return LOGNORMAL, v["median"], v["sigma"], share
            case "weibull":
                return WEIBULL, v["mean"] / math.gamma(1 + 1 / v["shape"]), 1 / v["shape"], share
            case "erlang":
                return ERLANG, v["mean"] / v["k"], v["k"], share
            case "uniform":
                return UNIFORM, v["low"], v["high"] - v["low"], share
        return TABLE, float(self._tabulate(law)), 0.0, share

    def _tabulate(self, law: Law) -> int:
        """Store the quantiles of a law that has no closed inverse (interpolation error below 1e-4 relative)."""
        grid = np.linspace(-TABLE_LOGIT, TABLE_LOGIT, TABLE_POINTS)
        lower, upper = special.expit(grid), special.expit(-grid)  # u and 1 - u, each exact in its own tail
        v = law.values
        if law.name == "gamma":
            k, scale = v["shape"], v["mean"] / v["shape"]
            points = scale * np.where(grid > 0, special.gammainccinv(k, upper), special.gammaincinv(k, lower))
        else:
            points = _triangular_quantile(v["low"], v["mode"], v["high"], lower, upper)
        self.tables.append(np.ascontiguousarray(points, dtype=np.float64))
        return len(self.tables) - 1
