"""How often cases come: a Poisson process whose rate depends on hour, weekday and time, and how far it is from one.

The rate is a product of a profile over the hours of the clock and a rate per day. For such a product the hourly
Poisson regression (GLM, log link) falls apart exactly into the shares of the hours and a regression of daily
counts (`calibration.days`), so both are fitted by themselves. Terms enter only when they predict days or cases not
used for the fit. What the rate leaves over is measured: dispersion of the days, and the gaps in operational time.
Reading logs and simulating are elsewhere.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from calibration.choosing import one_error
from calibration.days import HALF, Days, day_terms, free_ends, glm
from calibration.dispersion import Dispersion, Gaps, dispersion_of, gaps_of
from sim.errors import InputError

Floats = NDArray[np.float64]
FEWEST_DAYS, FEWEST_CASES = 21, 30


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
        ``flat``, ``waves`` or ``each``; 24 weights of mean 1 with their 95 % ends. Ends are those of the form that
        leaves each hour free, whichever form was chosen, widened to hold the weight used: a form that the log was
        asked to choose knows less than its own intervals say.
    day_terms
        Terms of the daily rate: of ``weekend``, ``weekday``, ``trend``, ``season``.
    weekdays, weekdays_low, weekdays_high
        7 weights of mean 1 from Monday; ends likewise of the form that leaves each weekday free.
    per_day
        Mean cases a day over the log.
    trend_per_year
        Growth of the logarithm of the rate per year (0 without the term), with ends of the form that has it.
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
    terms, tried_days = day_terms(counts, table)
    model = Days.of(counts, table, terms)
    dispersion = dispersion_of(counts, model.mean, model.freedom)
    weights = np.bincount(hour, minlength=24)
    low, high = _weight_ends(np.bincount(day * 24 + hour, minlength=24 * days).reshape(days, 24), hours)
    week, trend = model.weekdays(), model.trend()
    week_low, week_high, trend_low, trend_high = free_ends(counts, table, terms, dispersion)
    error = math.sqrt(max(dispersion.phi, 1.0) * len(at)) / days
    weekend = table["weekday"].to_numpy()[day] >= 5
    fitted = ArrivalFit(
        start, days, len(at), form, hours, low, high, terms, week, np.minimum(week_low, week),
        np.maximum(week_high, week), len(at) / days, len(at) / days - 1.96 * error, len(at) / days + 1.96 * error,
        trend, min(trend_low, trend), max(trend_high, trend), model.months(), model.level(), dispersion,
        Gaps(0, math.nan, math.nan, math.nan), pd.concat([tried_hours, tried_days], ignore_index=True),
        _same_profile(hour, weekend), tuple(int(h) for h in np.flatnonzero(weights == 0)), holidays,
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


# ---------------------------------------------------------------- hours of the clock
def _waves(weights: Floats, count: int = 2) -> Floats:
    """Return 24 weights of ``count`` harmonics fitted to counts by Poisson likelihood (a GLM)."""
    angle = 2 * np.pi * (np.arange(24) + 0.5) / 24
    columns = [np.ones(24), *(f((k + 1) * angle) for k in range(count) for f in (np.cos, np.sin))]
    found = glm(weights, np.column_stack(columns))
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


def _weight_ends(table: np.ndarray, weights: Floats) -> tuple[Floats, Floats]:
    """Return 95 % ends of each hour's weight: the gamma posterior of its own rate, widened to hold the weight.

    Parameters
    ----------
    table
        int[days, 24]: cases by day and hour. What hours vary more than their days' cases dealt out at random (clusters
        within the hour) inflates the posterior's variance.
    weights
        float[24]: weights of the chosen form.
    """
    counts = table.sum(axis=0)
    share = counts / counts.sum()
    expected = table.sum(axis=1, keepdims=True) * share
    surplus = float(((table - expected) ** 2).sum() / (expected * (1 - share)).sum()) if (share < 1).all() else 1.0
    inflate = max(1.0, surplus * len(table) / (len(table) - 1))
    mean = (counts.sum() + 24 * HALF) / 24
    low, high = (inflate * stats.gamma.ppf(p, (counts + HALF) / inflate) / mean for p in (0.025, 0.975))
    return np.minimum(low, weights), np.maximum(high, weights)


def _same_profile(hour: np.ndarray, weekend: np.ndarray) -> float:
    if weekend.sum() < 10 or (~weekend).sum() < 10:
        return math.nan
    table = np.array([np.bincount(hour[rows] // 3, minlength=8) for rows in (weekend, ~weekend)])
    table = table[:, table.sum(axis=0) > 0]
    return float(stats.chi2_contingency(table).pvalue) if table.shape[1] > 1 else math.nan
