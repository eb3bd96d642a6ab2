"""The calendar in minutes: working days, office time and the turns of shifts over a horizon.

Deadlines in working time read the office table; rosters read the turns. Dates exist only here; the engine
knows minutes since the start.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import numpy as np

from sim.agents.posts import Shift
from sim.engine.codes import TURN_DATE, TURN_OFF, TURN_ON
from sim.engine.names import entity
from sim.engine.tables import SHIFT, TURN
from sim.institutions.parts import Calendar

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEDNESDAY, _SUNDAY = 2, 6
EXTRA_DAYS = 400  # deadlines may lie beyond the horizon


def weekday_of(calendar: Calendar, day: int) -> int:
    """Return the weekday that a day counts as: holidays as Sunday, make-up days as Wednesday."""
    date = calendar.start + dt.timedelta(days=day)
    if date in calendar.holidays:
        return _SUNDAY
    if date in calendar.workdays:
        return _WEDNESDAY
    return date.weekday()


def is_working(calendar: Calendar, day: int) -> bool:
    """Return True on days when offices are open."""
    return weekday_of(calendar, day) < 5


def office_table(calendar: Calendar, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Return working minutes before each day (float64[days + EXTRA_DAYS + 2]) and whether it is worked (uint8)."""
    open_day = np.array([is_working(calendar, d) for d in range(days + EXTRA_DAYS + 2)], np.uint8)
    length = (calendar.office_hours[1] - calendar.office_hours[0]) * 60.0
    before = np.concatenate([[0.0], np.cumsum(open_day * length)])
    return np.ascontiguousarray(before), open_day


def _duty_days(shift: Shift, calendar: Calendar, days: int) -> list[int]:
    wanted = {_DAYS.index(d) for d in shift.days}
    out = []
    for day in range(-1, days + 1):
        date = calendar.start + dt.timedelta(days=day)
        if date in calendar.holidays and not shift.holidays:
            continue
        if weekday_of(calendar, day) in wanted or (date in calendar.holidays and date.weekday() in wanted):
            out.append(day)
    return out


def _turns(shift: Shift, calendar: Calendar, days: int, dated: bool) -> list[tuple[float, int, int]]:
    """Return (time, what, day) in order.

    Intervals that touch are one unless the roster draws day by day. With ``dated`` the begin of each of them stays a
    turn of its own, at which duty goes on, into another date as a rule.
    """
    spans: list[list[float]] = []
    dates: list[tuple[float, int, int]] = []
    for day in _duty_days(shift, calendar, days):
        for start, end in sorted(shift.hours):
            a, b = day * 1440.0 + start * 60.0, day * 1440.0 + end * 60.0
            if spans and a <= spans[-1][1] and shift.share_on >= 1.0:
                spans[-1][1] = max(spans[-1][1], b)
                if dated:
                    dates.append((a, TURN_DATE, day))
            else:
                spans.append([a, b, day])
    out = [(a, TURN_ON, int(day)) for a, _, day in spans] + [(b, TURN_OFF, int(day)) for _, b, day in spans]
    out = [
        turn for turn in out + dates if turn[1] == TURN_OFF or turn[0] < days * 1440.0
    ]  # none begins as the run ends
    return sorted(out, key=lambda turn: (turn[0], turn[1]))


def shift_tables(
    shifts: dict[str, Shift], calendar: Calendar, days: int, dated: Collection[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Return the engine's ``shifts`` (rosters to be filled in) and ``turns``, shifts in the order of the mapping.

    Parameters
    ----------
    shifts, calendar, days
        Patterns by name; dates; length of the run in days.
    dated
        Shifts for which a new date matters though duty goes on: those of posts that owe work by the day.
    """
    rows = np.zeros(len(shifts), SHIFT)
    turns: list[tuple[float, int, int]] = []
    for row, (name, shift) in zip(rows, shifts.items(), strict=True):
        mine = _turns(shift, calendar, days, name in dated)
        row["entity"], row["share_on"] = entity("shift", name), shift.share_on
        row["first"], row["count"] = len(turns), len(mine)
        turns.extend(mine)
    table = np.zeros(len(turns), TURN)
    for i, (at, on, day) in enumerate(turns):
        table[i] = (at, day, on)
    return rows, table
