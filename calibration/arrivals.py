"""How often cases come: a Poisson process whose rate depends on hour, weekday and time, and how far it is from one.

The rate is a product of a profile over the hours of the clock and a rate per day. For such a product the hourly
Poisson regression (GLM, log link) falls apart exactly into the shares of the hours and a regression of daily
counts, so both are fitted by themselves. Terms enter only when they predict days or cases not used for the fit.
What the rate leaves over is measured: dispersion of the days, and the gaps in operational time. Reading logs and
simulating are elsewhere.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from calibration.choosing import one_error
from calibration.dispersion import Dispersion, Gaps, dispersion_of, gaps_of
from sim.errors import InputError

Floats = NDArray[np.float64]
FEWEST_DAYS, FEWEST_CASES = 21, 30
STEEPEST = 2.0  # logarithm a year; a steeper growth is an edge of the log, not a trend to be carried on
HALF = 0.5  # Jeffreys' prior of a rate: an hour without a case in the log is rare, not impossible


def rate_posterior(count: float, exposure: float, shape: float = HALF, rate: float = 0.0) -> tuple[float, float]:
    """Return mean and standard deviation of a Poisson rate after ``count`` events in ``exposure``.

    Parameters
    ----------
    count, exposure
        Events seen, and over how long.
    shape, rate
        Of the gamma law held before; the default is Jeffreys' prior.

    Examples
    --------
    >>> mean, sd = rate_posterior(137, 50, shape=2, rate=1)
    >>> round(mean, 4), round(sd, 4)
    (2.7255, 0.2312)
    """
    return (count + shape) / (exposure + rate), math.sqrt(count + shape) / (exposure + rate)


@dataclass(frozen=True)
class ArrivalFit:
    """The fitted rate of cases.

    Attributes
    ----------
    start, days
        First whole day of the log in its clock's zone, and how many days.
    cases
        Cases in them.
    hour_form, hours, hours_low, hours_high
        ``flat``, ``waves`` or ``each``; 24 weights of mean 1 with their 95 % ends.
    day_terms
        Terms of the daily rate: of ``weekend``, ``weekday``, ``trend``, ``season``.
    weekdays, weekdays_low, weekdays_high
        7 weights of mean 1 from Monday.
    per_day
        Mean cases a day over the log.
    trend_per_year
        Growth of the logarithm of the rate per year (0 without the term), with ends.
    months
        12 factors around the trend (1 without the term).
    level
        Logarithm of the rate of an average weekday at the middle of the log.
    dispersion, gaps
        What the rate leaves over.
    candidates
        Every form tried with its score.
    weekend_hours_p
        p value of equal hour profiles on weekdays and weekends (NaN without cases on one of them).
    empty_hours
        Hours of the clock without any case.
    """

    start: dt.date
    days: int
    cases: int
    hour_form: str
    hours: Floats
    hours_low: Floats
    hours_high: Floats
    day_terms: tuple[str, ...]
    weekdays: Floats
    weekdays_low: Floats
    weekdays_high: Floats
    per_day: float
    per_day_low: float
    per_day_high: float
    trend_per_year: float
    trend_low: float
    trend_high: float
    months: Floats
    level: float
    dispersion: Dispersion
    gaps: Gaps
    candidates: pd.DataFrame
    weekend_hours_p: float
    empty_hours: tuple[int, ...]
    holidays: frozenset[dt.date] = frozenset()

    def daily(self, start: dt.date, days: int) -> Floats:
        """Return expected cases of each of ``days`` days from ``start``."""
        dates = [start + dt.timedelta(days=d) for d in range(days)]
        years = np.array([(d - self.start).days - (self.days - 1) / 2 for d in dates]) / 365.25
        weekday = self.weekdays[[_weekday(d, self.holidays) for d in dates]]
        month = self.months[[d.month - 1 for d in dates]]
        return weekday * month * np.exp(self.level + self.trend_per_year * years)

    def rescaled(self, opened_min: ArrayLike, start: dt.date, days: int) -> Gaps:
        """Return the gaps of cases in operational time (opened: clock minutes since ``start``)."""
        hourly = (self.daily(start, days)[:, None] * self.hours[None, :] / 24.0).ravel()
        before = np.concatenate([[0.0], np.cumsum(hourly)])
        at = np.sort(np.asarray(opened_min, float)) / 60.0
        whole = np.clip(at.astype(np.int64), 0, len(hourly) - 1)
        passed = before[whole] + (at - whole) * hourly[whole]
        return gaps_of(np.diff(np.concatenate([[0.0], passed])))


def fit_arrivals(
    opened_min: ArrayLike,
    start: dt.date,
    days: int,
    holidays: frozenset[dt.date] = frozenset(),
    file: str | None = None,
) -> ArrivalFit:
    """Fit the rate of cases.

    Parameters
    ----------
    opened_min
        float[n]: clock minutes since the midnight that begins ``start``; cases outside the days are left out.
    start, days
        The whole days observed.
    holidays
        Days that count as Sundays.
    file
        Named when there is too little data.

    Raises
    ------
    InputError
        Fewer than 21 days or 30 cases.
    """
    at = np.asarray(opened_min, float)
    at = at[(at >= 0) & (at < days * 1440.0)]
    if days < FEWEST_DAYS or len(at) < FEWEST_CASES:
        raise InputError(
            "too little to fit arrivals", file=file, found=f"{len(at)} cases in {days} whole days",
            allowed=f"at least {FEWEST_CASES} cases in {FEWEST_DAYS} days before the split",
        )  # fmt: skip
    day, hour = (at // 1440.0).astype(np.int64), (at // 60.0).astype(np.int64) % 24
    counts = np.bincount(day, minlength=days).astype(float)
    table = _calendar(start, days, holidays)
    form, hours, tried_hours = _hours(hour, day)
    terms, tried_days = _day_terms(counts, table)
    model = _Days.of(counts, table, terms)
    dispersion = dispersion_of(counts, model.mean, model.freedom)
    weights = np.bincount(hour, minlength=24)
    low, high = _weight_ends(weights, hours, form)
    inflate = math.sqrt(max(dispersion.phi, 1.0))
    week, week_low, week_high = model.weekdays(inflate)
    error = inflate * math.sqrt(len(at)) / days
    weekend = table["weekday"].to_numpy()[day] >= 5
    fitted = ArrivalFit(
        start, days, len(at), form, hours, low, high, terms, week, week_low, week_high, len(at) / days,
        len(at) / days - 1.96 * error, len(at) / days + 1.96 * error, *model.trend(inflate), model.months(),
        model.level(), dispersion, Gaps(0, math.nan, math.nan, math.nan),
        pd.concat([tried_hours, tried_days], ignore_index=True), _same_profile(hour, weekend),
        tuple(int(h) for h in np.flatnonzero(weights == 0)), holidays,
    )  # fmt: skip
    return replace(fitted, gaps=fitted.rescaled(at, start, days))


def _weekday(date: dt.date, holidays: frozenset[dt.date]) -> int:
    return 6 if date in holidays else date.weekday()


def _calendar(start: dt.date, days: int, holidays: frozenset[dt.date]) -> pd.DataFrame:
    dates = [start + dt.timedelta(days=d) for d in range(days)]
    return pd.DataFrame(
        {
            "weekday": [_weekday(d, holidays) for d in dates],
            "month": [d.month for d in dates],
            "year": (np.arange(days) - (days - 1) / 2) / 365.25,
        }
    )


def _glm(counts: Floats, columns: Floats) -> Any:
    """Return a fitted Poisson regression with the logarithm as link."""
    from statsmodels.genmod.families import Poisson  # both take a second to import, and only fits need them
    from statsmodels.genmod.generalized_linear_model import GLM

    return GLM(counts, columns, family=Poisson()).fit(maxiter=200)


# ---------------------------------------------------------------- hours of the clock
def _waves(weights: Floats, count: int = 2) -> Floats:
    """Return 24 weights of ``count`` harmonics fitted to counts by Poisson likelihood (a GLM)."""
    angle = 2 * np.pi * (np.arange(24) + 0.5) / 24
    columns = [np.ones(24), *(f((k + 1) * angle) for k in range(count) for f in (np.cos, np.sin))]
    found = _glm(weights, np.column_stack(columns))
    return np.asarray(found.fittedvalues) / np.mean(found.fittedvalues)


def _hour_weights(form: str, weights: Floats) -> Floats:
    if form == "flat":
        return np.ones(24)
    if form == "waves":
        return _waves(weights)
    smooth = weights + HALF
    return smooth / smooth.mean()


_HOUR_FREEDOM = {"flat": 0, "waves": 4, "each": 23}


def _hours(hour: np.ndarray, day: np.ndarray) -> tuple[str, Floats, pd.DataFrame]:
    """Choose the form of the hour profile by five-fold scores over days."""
    fold = day % 5
    scores: dict[str, Floats] = {}
    for form in _HOUR_FREEDOM:
        score = np.empty(len(hour))
        for k in range(5):
            rest = np.bincount(hour[fold != k], minlength=24).astype(float)
            score[fold == k] = np.log(_hour_weights(form, rest) / 24.0)[hour[fold == k]]
        scores[form] = score
    chosen, table = one_error(scores, _HOUR_FREEDOM, "hours")
    return chosen, _hour_weights(chosen, np.bincount(hour, minlength=24).astype(float)), table


def _weight_ends(counts: np.ndarray, weights: Floats, form: str) -> tuple[Floats, Floats]:
    """Return 95 % ends of each hour's weight from the gamma posterior of its rate (none for a flat profile)."""
    if form == "flat":
        return weights, weights
    mean = (counts.sum() + 24 * HALF) / 24
    return stats.gamma.ppf(0.025, counts + HALF) / mean, stats.gamma.ppf(0.975, counts + HALF) / mean


def _same_profile(hour: np.ndarray, weekend: np.ndarray) -> float:
    if weekend.sum() < 10 or (~weekend).sum() < 10:
        return math.nan
    table = np.array([np.bincount(hour[rows] // 3, minlength=8) for rows in (weekend, ~weekend)])
    table = table[:, table.sum(axis=0) > 0]
    return float(stats.chi2_contingency(table).pvalue) if table.shape[1] > 1 else math.nan


# ---------------------------------------------------------------- days
@dataclass(frozen=True)
class _Days:
    """A Poisson regression of daily counts."""

    terms: tuple[str, ...]
    names: tuple[str, ...]
    beta: Floats
    covariance: Floats
    mean: Floats
    converged: bool

    @classmethod
    def of(cls, counts: Floats, table: pd.DataFrame, terms: tuple[str, ...]) -> _Days:
        names, columns = _design(table, terms)
        # a weekday without any case is rare, not impossible: half a case on all of them together
        weekday = table["weekday"].to_numpy()
        none = np.bincount(weekday, counts, minlength=7) == 0
        seen = counts + np.where(none, HALF / np.maximum(np.bincount(weekday, minlength=7), 1), 0.0)[weekday]
        found = _glm(seen, columns)
        beta, cov = np.asarray(found.params), np.asarray(found.cov_params())
        return cls(terms, names, beta, cov, np.exp(columns @ beta), bool(found.converged))

    @property
    def freedom(self) -> int:
        return len(self.beta)

    def predict(self, table: pd.DataFrame) -> Floats:
        return np.exp(np.clip(_design(table, self.terms)[1] @ self.beta, -30, 30))

    def _rows(self) -> Floats:
        """Return the design rows of the seven weekdays at the middle of the log."""
        return _design(pd.DataFrame({"weekday": range(7), "month": 0, "year": 0.0}), self.terms)[1]

    def weekdays(self, inflate: float) -> tuple[Floats, Floats, Floats]:
        rows = self._rows()
        log = rows @ self.beta
        mean = np.exp(log).mean()
        share = np.exp(log) / np.exp(log).sum()
        apart = rows - share @ rows  # slope of log(weight) in beta
        error = inflate * np.sqrt(np.einsum("ij,jk,ik->i", apart, self.covariance, apart).clip(0))
        weight = np.exp(log) / mean
        half = 1.96 * np.minimum(error, 2.0)  # a weekday without cases: its weight is not known to more than this
        return weight, weight * np.exp(-half), weight * np.exp(half)

    def level(self) -> float:
        return float(np.log(np.exp(self._rows() @ self.beta).mean()))

    def trend(self, inflate: float) -> tuple[float, float, float]:
        if "trend" not in self.terms:
            return 0.0, 0.0, 0.0
        j = self.names.index("year")
        half = 1.96 * inflate * math.sqrt(self.covariance[j, j])
        return float(self.beta[j]), float(self.beta[j] - half), float(self.beta[j] + half)

    def months(self) -> Floats:
        if "season" not in self.terms:
            return np.ones(12)
        angle = 2 * np.pi * (np.arange(1, 13) - 0.5) / 12
        j = self.names.index("cos")
        return np.exp(self.beta[j] * np.cos(angle) + self.beta[j + 1] * np.sin(angle))


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


def _day_terms(counts: Floats, table: pd.DataFrame) -> tuple[tuple[str, ...], pd.DataFrame]:
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
            model = _Days.of(counts[~rows], table[~rows], form)
            scores[name][rows], freedom[name] = _day_scores(model, counts[rows], table[rows]), model.freedom
    chosen, told = one_error(scores, freedom, "days")
    base = () if chosen == "level" else (chosen,)
    cut = max(14, int(0.75 * len(counts)))
    onward = [(), ("trend",)] + ([("season",), ("trend", "season")] if len(counts) >= 730 else [])
    names = {"+".join((*base, *form)) or "level": (*base, *form) for form in onward}
    scores, freedom = {}, {}
    for name, form in names.items():
        model = _Days.of(counts[:cut], table[:cut], form)
        if model.converged and abs(model.trend(1.0)[0]) <= STEEPEST:
            scores[name], freedom[name] = _day_scores(model, counts[cut:], table[cut:]), model.freedom
    if not scores:
        return base, told
    last, told_last = one_error(scores, freedom, "days ahead")
    return names[last], pd.concat([told, told_last], ignore_index=True)


def _day_scores(model: _Days, counts: Floats, table: pd.DataFrame) -> Floats:
    mean = np.maximum(model.predict(table), 1e-6)
    return np.asarray(counts * np.log(mean) - mean - special.gammaln(counts + 1))
