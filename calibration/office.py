"""Office hours of a log: when its people work, and how many working minutes lie between two moments.

The hours are read off the events, not taken from a rule book. Monday to Friday are working days, as in a
scenario's calendar; holidays count as Sundays.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
MOST_HOURS = 12  # a longer span would say that work goes on all day
MOST_WEEKEND = 0.05


@dataclass(frozen=True)
class Office:
    """Opening hours on working days.

    Attributes
    ----------
    opens_h, closes_h
        Hours of the clock.
    start
        Date of minute 0 of the times given to the methods.
    holidays
        Days on which the office is closed.
    """

    opens_h: float
    closes_h: float
    start: dt.date
    holidays: frozenset[dt.date] = field(default=frozenset())

    @property
    def share(self) -> float:
        """Share of all time in which the office is open (holidays apart)."""
        return 5 / 7 * (self.closes_h - self.opens_h) / 24

    def _days(self, last: int) -> np.ndarray:
        dates = [self.start + dt.timedelta(days=d) for d in range(-1, last + 2)]
        return np.array([d.weekday() < 5 and d not in self.holidays for d in dates])

    def worked(self, at_min: ArrayLike) -> Floats:
        """Return working minutes from the day before ``start`` to each moment (clock minutes since ``start``)."""
        at = np.asarray(at_min, float)
        day = np.floor(at / 1440.0).astype(np.int64)
        open_day = self._days(int(day.max(initial=0)))
        length = (self.closes_h - self.opens_h) * 60.0
        before = np.concatenate([[0.0], np.cumsum(open_day * length)])
        row = np.clip(day + 1, 0, len(open_day) - 1)
        today = np.clip(at - day * 1440.0 - self.opens_h * 60.0, 0.0, length)
        return before[row] + np.where(open_day[row], today, 0.0)

    def between(self, from_min: ArrayLike, to_min: ArrayLike) -> Floats:
        """Return the working minutes between two moments."""
        return self.worked(to_min) - self.worked(from_min)

    def is_open(self, at_min: ArrayLike) -> np.ndarray:
        """Tell whether the office is open at each moment."""
        at = np.asarray(at_min, float)
        day = np.floor(at / 1440.0).astype(np.int64)
        hour = (at - day * 1440.0) / 60.0
        open_day = self._days(int(day.max(initial=0)))[np.clip(day + 1, 0, None)]
        return open_day & (hour >= self.opens_h) & (hour < self.closes_h)


def office_of(
    at_min: ArrayLike, start: dt.date, holidays: frozenset[dt.date] = frozenset(), share: float = 0.95
) -> Office | None:
    """Return the shortest span of whole hours that holds ``share`` of the weekday events.

    Parameters
    ----------
    at_min
        Clock minutes since ``start`` of all events.
    start, holidays
        Of the log.
    share
        How many of the events must lie in the span.

    Returns
    -------
    Office or None
        None when more than 5 % of the events fall on weekends, or the span is longer than 12 hours: work then goes on
        outside office hours, and working time has no sense.
    """
    at = np.asarray(at_min, float)
    if len(at) < 50:
        return None
    day = np.floor(at / 1440.0).astype(np.int64)
    weekend = (day + start.weekday()) % 7 >= 5
    if weekend.mean() > MOST_WEEKEND:
        return None
    hours = (
        np.bincount(((at[~weekend] - day[~weekend] * 1440.0) // 60).astype(np.int64), minlength=24) / (~weekend).sum()
    )
    for length in range(1, MOST_HOURS + 1):
        inside = np.convolve(hours, np.ones(length), "valid")
        if inside.max() >= share:
            first = int(inside.argmax())
            return Office(float(first), float(first + length), start, holidays)
    return None
