"""How many cases come on a day: Poisson regressions of daily counts on weekday, trend and season, and which is chosen.

Terms enter only when they predict days that were not used for the fit. Since the form is chosen by the same log, the
intervals of what was chosen are taken from the form that leaves all free, never from the chosen one. The hours of the
clock, and what the rate leaves over, are elsewhere (`calibration.arrivals`, `calibration.dispersion`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from calibration.choosing import one_error
from calibration.dispersion import Dispersion, dispersion_of

Floats = NDArray[np.float64]
STEEPEST = 2.0  # logarithm a year; a steeper growth is an edge of the log, not a trend to be carried on
HALF = 0.5  # Jeffreys' prior of a rate: an hour without a case in the log is rare, not impossible


def glm(counts: Floats, columns: Floats) -> Any:
    """Return a fitted Poisson regression with the logarithm as link."""
    from statsmodels.genmod.families import Poisson  # both take a second to import, and only fits need them
    from statsmodels.genmod.generalized_linear_model import GLM

    return GLM(counts, columns, family=Poisson()).fit(maxiter=200)


@dataclass(frozen=True)
class Days:
    """A Poisson regression of daily counts."""

    terms: tuple[str, ...]
    names: tuple[str, ...]
    beta: Floats
    covariance: Floats
    mean: Floats
    converged: bool
    columns: Floats

    @classmethod
    def of(cls, counts: Floats, table: pd.DataFrame, terms: tuple[str, ...]) -> Days:
        names, columns = _design(table, terms)
        # a weekday without any case is rare, not impossible: half a case on all of them together
        weekday = table["weekday"].to_numpy()
        none = np.bincount(weekday, counts, minlength=7) == 0
        seen = counts + np.where(none, HALF / np.maximum(np.bincount(weekday, minlength=7), 1), 0.0)[weekday]
        found = glm(seen, columns)
        beta, cov = np.asarray(found.params), np.asarray(found.cov_params())
        return cls(terms, names, beta, cov, np.exp(columns @ beta), bool(found.converged), columns)

    @property
    def freedom(self) -> int:
        return len(self.beta)

    def predict(self, table: pd.DataFrame) -> Floats:
        return np.exp(np.clip(_design(table, self.terms)[1] @ self.beta, -30, 30))

    def _rows(self) -> Floats:
        """Return the design rows of the seven weekdays at the middle of the log."""
        return _design(pd.DataFrame({"weekday": range(7), "month": 0, "year": 0.0}), self.terms)[1]

    def overdispersed(self, left: Dispersion) -> Floats:
        """Return the covariance of beta when days vary more than Poisson: float[terms, terms].

        The surplus may be clusters (variance phi times the mean) or a factor common to a day (mean + alpha mean^2);
        the larger of the two is taken for each day.
        """
        variance = np.maximum(max(left.phi, 1.0) * self.mean, self.mean + left.alpha * self.mean**2)
        middle = self.columns.T @ (self.columns * variance[:, None])
        return np.asarray(self.covariance @ middle @ self.covariance)

    def quantile(self, level: float = 0.95) -> float:
        """Return Student's quantile of an interval with the days that are left over."""
        return float(stats.t.ppf(0.5 + level / 2, max(1, len(self.mean) - self.freedom)))

    def weekdays(self) -> Floats:
        """Return the seven weights of mean 1."""
        rate = np.exp(self._rows() @ self.beta)
        return np.asarray(rate / rate.mean())

    def weekday_ends(self, left: Dispersion) -> tuple[Floats, Floats]:
        """Return the 95 % ends of the seven weights."""
        rows, weight = self._rows(), self.weekdays()
        apart = rows - weight / 7 @ rows  # slope of log(weight) in beta
        error = np.sqrt(np.einsum("ij,jk,ik->i", apart, self.overdispersed(left), apart).clip(0))
        half = self.quantile() * np.minimum(error, 2.0)  # without cases a weight is not known to more than this
        return weight * np.exp(-half), weight * np.exp(half)

    def level(self) -> float:
        return float(np.log(np.exp(self._rows() @ self.beta).mean()))

    def trend(self) -> float:
        """Return the growth of the logarithm of the rate per year; 0 without the term."""
        return float(self.beta[self.names.index("year")]) if "trend" in self.terms else 0.0

    def trend_ends(self, left: Dispersion, level: float = 0.95) -> tuple[float, float]:
        """Return the ends of the trend's interval, of a form that has one."""
        j = self.names.index("year")
        half = self.quantile(level) * math.sqrt(float(self.overdispersed(left)[j, j]))
        return float(self.beta[j] - half), float(self.beta[j] + half)

    def months(self) -> Floats:
        if "season" not in self.terms:
            return np.ones(12)
        angle = 2 * np.pi * (np.arange(1, 13) - 0.5) / 12
        j = self.names.index("cos")
        return np.exp(self.beta[j] * np.cos(angle) + self.beta[j + 1] * np.sin(angle))


def free_ends(counts: Floats, table: pd.DataFrame, terms: tuple[str, ...], left: Dispersion) -> tuple[Any, ...]:
    """Return 95 % ends that do not lean on the form that was chosen.

    Parameters
    ----------
    counts, table
        float[days], and the days' ``weekday, month, year``.
    terms
        Of the chosen form; what it has besides the week stays.
    left
        What that form leaves over.

    Returns
    -------
    tuple
        float[7] and float[7]: ends of the weekdays' weights where each weekday is free; then the ends of the trend a
        year where there is one.
    """
    season = tuple(term for term in terms if term == "season")
    trend = tuple(term for term in terms if term == "trend")
    week = Days.of(counts, table, ("weekday", *trend, *season))
    moving = week if trend else Days.of(counts, table, ("weekday", "trend", *season))
    return *week.weekday_ends(left), *moving.trend_ends(left)


def _design(table: pd.DataFrame, terms: tuple[str, ...]) -> tuple[tuple[str, ...], Floats]:
    names, columns = ["one"], [np.ones(len(table))]
    weekday = table["weekday"].to_numpy()
    if "weekend" in terms:
        names.append("weekend")
        columns.append((weekday >= 5).astype(float))
    if "weekday" in terms:
        names += [f"day{d}" for d in range(1, 7)]
        columns += [(weekday == d).astype(float) for d in range(1, 7)]
    if "trend" in terms:
        names.append("year")
        columns.append(table["year"].to_numpy(float))
    if "season" in terms:
        angle = 2 * np.pi * (table["month"].to_numpy(float) - 0.5) / 12
        inside = (table["month"].to_numpy() > 0).astype(float)
        names += ["cos", "sin"]
        columns += [np.cos(angle) * inside, np.sin(angle) * inside]
    return tuple(names), np.column_stack(columns)


def day_terms(counts: Floats, table: pd.DataFrame) -> tuple[tuple[str, ...], pd.DataFrame]:
    """Choose the terms of the daily rate.

    Weekdays by five-fold scores over weeks; what carries on into the future (trend, season) by predicting the last
    quarter of the days from the first three.
    """
    week = np.arange(len(counts)) // 7 % 5
    weekly: list[tuple[str, ...]] = [(), ("weekend",), ("weekday",)]
    scores, freedom = {}, {}
    for form in weekly:
        name = "+".join(form) or "level"
        scores[name], freedom[name] = np.empty(len(counts)), 0
        for k in range(5):
            rows = week == k
            model = Days.of(counts[~rows], table[~rows], form)
            scores[name][rows], freedom[name] = _day_scores(model, counts[rows], table[rows]), model.freedom
    chosen, told = one_error(scores, freedom, "days")
    base = () if chosen == "level" else (chosen,)
    cut = max(14, int(0.75 * len(counts)))
    onward = [(), ("trend",)] + ([("season",), ("trend", "season")] if len(counts) >= 730 else [])
    names = {"+".join((*base, *form)) or "level": (*base, *form) for form in onward}
    scores, freedom = {}, {}
    for name, form in names.items():
        model = Days.of(counts[:cut], table[:cut], form)
        if model.converged and abs(model.trend()) <= STEEPEST:
            scores[name], freedom[name] = _day_scores(model, counts[cut:], table[cut:]), model.freedom
    if not scores:
        return base, told
    last, told_last = one_error(scores, freedom, "days ahead")
    if not _carries(Days.of(counts, table, names[last]), counts):
        last = next(name for name, form in names.items() if form == base)
        told_last = told_last.assign(chosen=told_last["form"] == last)
    return names[last], pd.concat([told, told_last], ignore_index=True)


def _carries(model: Days, counts: Floats) -> bool:
    """Tell whether a trend may be carried on: no edge of the log, nor what chance puts into one log of a hundred."""
    trend = model.trend()
    if trend == 0.0:
        return True
    low, high = model.trend_ends(dispersion_of(counts, model.mean, model.freedom), 0.99)
    return abs(trend) <= STEEPEST and not low <= 0 <= high


def _day_scores(model: Days, counts: Floats, table: pd.DataFrame) -> Floats:
    mean = np.maximum(model.predict(table), 1e-6)
    return np.asarray(counts * np.log(mean) - mean - special.gammaln(counts + 1))
