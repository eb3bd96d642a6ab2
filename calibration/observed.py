"""What a fit reads off a case log: clock times of opening, durations with their censoring, time allowed, groups.

Arrivals are counted by the clock that people live by (the log's zone, summer time included), durations by the time
that passed. Whole days only: the day in which the log begins and the one in which it ends are cut. Simulated cases
take the same form (`calibration.heldout`), so that both sides are measured by the same rule.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.caselog import CaseLog

Floats = NDArray[np.float64]
OWN_GROUP = 100  # cases before the split from which a group is fitted by itself
SEPARATE_END = 0.05
ALL, OTHER = "case", "other"


@dataclass(frozen=True)
class Sample:
    """Cases as arrays, in order of opening.

    Attributes
    ----------
    start, days
        First whole day by the clock, and the number of whole days.
    opened_min
        float64[n]: clock minutes since the midnight that begins ``start``; negative in the day cut off.
    cycle_min, cycle_open
        float64[n] minutes from opening to closing, or to the end of watching for cases still open; bool[n]. A case
        that was closed at a time nobody wrote down is censored before its first minute (-1), where it says nothing.
    tail_min, tail_open
        The same from closing to the end that the deadline is held against; NaN for cases not closed, or when the
        log has no such end of its own.
    allowed_min
        float64[n]: minutes from opening to the deadline, NaN without one.
    late
        float64[n]: 1 ended after the deadline, 0 before, NaN where there is no deadline or no end.
    watched_min
        float64[n]: minutes from opening to the end of the log.
    group
        str[n].
    """

    start: dt.date
    days: int
    opened_min: Floats
    cycle_min: Floats
    cycle_open: NDArray[np.bool_]
    tail_min: Floats
    tail_open: NDArray[np.bool_]
    allowed_min: Floats
    late: Floats
    watched_min: Floats
    group: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.opened_min)

    @property
    def has_tail(self) -> bool:
        """Whether the log has an end of its own besides closing."""
        return bool(np.isfinite(self.tail_min).any())

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Cases opened within the whole days."""
        return (self.opened_min >= 0) & (self.opened_min < self.days * 1440.0)

    def only(self, rows: NDArray[np.bool_]) -> Sample:
        """Return some of the cases."""
        arrays: dict[str, Any] = {k: v[rows] for k, v in self.__dict__.items() if isinstance(v, np.ndarray)}
        return replace(self, **arrays)


def sample_of(
    log: CaseLog, *, first: dt.date | None = None, last: dt.date | None = None, tail: bool | None = None
) -> Sample:
    """Return the cases of a log as arrays.

    Parameters
    ----------
    log
        A whole log or one side of a split.
    first, last
        First whole day, and the day after the last; by default the log's window without its broken days.
    tail
        Whether closing and end are told apart; by default when they differ in 5 % of the cases or more.
    """
    cases = log.cases
    window = [log.local(pd.Series([moment])).iloc[0] for moment in log.window]
    start = first or window[0].date() + dt.timedelta(days=1)
    end = last or window[1].date()
    clock = log.local(cases["opened"]).dt.tz_localize(None)
    minutes, still_open = _cycles(cases)
    tail_min, tail_open = _tail(log) if (tail if tail is not None else has_own_end(log)) else _no_tail(len(cases))
    return Sample(
        start,
        (end - start).days,
        _minutes(clock - pd.Timestamp(start)),
        minutes,
        still_open,
        tail_min,
        tail_open,
        _minutes(cases["deadline"] - cases["opened"]),
        np.asarray(cases["late"].astype("Float64").to_numpy(float, na_value=np.nan), np.float64),
        _minutes(log.window[1] - cases["opened"]),
        np.full(len(cases), ALL, dtype=object).astype(str),
    )


def _cycles(cases: pd.DataFrame) -> tuple[Floats, NDArray[np.bool_]]:
    """Return durations and which are censored, one entry per case.

    A case that ended between its opening and the end of the log, nobody knows when, is censored at the very start:
    what is censored there has the likelihood 1 under every law and is never at risk.
    """
    unknown, still_open = cases["end_unknown"].to_numpy(bool), cases["open_end"].to_numpy(bool)
    minutes = np.where(still_open, cases["censored_min"].to_numpy(float), cases["cycle_min"].to_numpy(float))
    return np.where(unknown, -1.0, minutes), still_open | unknown


def _minutes(spans: pd.Series) -> Floats:
    return spans.dt.total_seconds().to_numpy(np.float64) / 60.0


def has_own_end(log: CaseLog) -> bool:
    """Tell whether the end that deadlines are held against is another moment than closing."""
    both = log.cases[log.cases["closed"].notna() & log.cases["ended"].notna()]
    if not len(both):
        return False
    return bool(((both["ended"] - both["closed"]).dt.total_seconds().abs() > 60.0).mean() >= SEPARATE_END)


def _no_tail(n: int) -> tuple[Floats, NDArray[np.bool_]]:
    return np.full(n, np.nan), np.zeros(n, bool)


def _tail(log: CaseLog) -> tuple[Floats, NDArray[np.bool_]]:
    cases = log.cases
    known = cases["ended"].notna()
    until = cases["ended"].where(known, log.window[1])
    minutes = np.maximum(_minutes(until - cases["closed"]), 0.0)
    return minutes, (~known & cases["closed"].notna()).to_numpy()


def events_min(log: CaseLog, start: dt.date) -> Floats:
    """Return the clock minutes since ``start`` of all events (of openings and closings where there are none)."""
    times = log.events["at"] if len(log.events) else pd.concat([log.cases["opened"], log.cases["closed"]]).dropna()
    clock = log.local(times).dt.tz_localize(None)
    return _minutes(clock - pd.Timestamp(start))


def grouping(train: CaseLog) -> tuple[str | None, tuple[str, ...]]:
    """Return the column that divides the cases, and its values that are fitted by themselves.

    The kind, or else the department, divides them when at least two of its values have 100 cases before the split;
    all other cases form one more group.
    """
    for column in ("kind", "department"):
        counts = train.cases[column].value_counts()
        own = tuple(str(name) for name in counts.index[counts >= OWN_GROUP])
        if len(own) >= 2:
            return column, own
    return None, ()


def grouped(sample: Sample, log: CaseLog, column: str | None, own: tuple[str, ...]) -> Sample:
    """Return the sample with its cases' groups."""
    if column is None:
        return sample
    values = log.cases[column].astype("object").where(log.cases[column].notna(), "").astype(str)
    return replace(sample, group=values.where(values.isin(own), OTHER).to_numpy(dtype=str))
