"""From clock times to UTC across the changes of a zone's clock, alike for rows of cases and rows of events.

A time without an offset can mean two moments when the clock is put back, and none when it is put forward. One rule
for both, over all times of a case in their sequence (opened, then the events as they follow one another, each begun
before it is done, then closed): in autumn a clock time that stands twice is the first, unless the time before it in
its case lies after that; then it is the second. In spring a clock time that does not exist is read with the offset
before the change, an hour later by the clock, unless the time after it in its case lies before that; then with the
offset after the change. Which zone it is, is settled in `calibration.caselog.zones`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration.caselog.diagnosis import Findings
from calibration.caselog.log import UTC_TIME, zone_of
from calibration.caselog.stamps import Stamps

SEQUENCE = ("opened", "start", "time", "closed", "ended", "reopened", "deadline")
# what comes before a role, and after it, within one row; a start is bound by its own completion alone
BEFORE = {"time": ("opened", "start"), "closed": ("opened",), "ended": ("opened",), "reopened": ("closed", "opened"),
          "deadline": ("opened",)}  # fmt: skip
AFTER = {"opened": ("closed", "time"), "start": ("time",), "closed": (), "time": ("closed",)}
MINUTE_US = 60_000_000
STEP = pd.Timedelta(hours=26)  # longer than any change, a left-out day too; shorter than the distance of two


@dataclass
class Readings:
    """One column: its first reading, the other one, and where they differ because an hour stands twice or is missing.

    ``first`` and ``other`` are int64 microseconds since 1970 in UTC (the least number where there is none).
    """

    first: np.ndarray
    other: np.ndarray
    twice: np.ndarray
    missing: np.ndarray


ABSENT = np.iinfo(np.int64).min


def to_utc(
    stamps: dict[str, Stamps], zone: str, case: np.ndarray, order: np.ndarray | None, findings: Findings
) -> dict[str, pd.Series]:
    """Return every column in UTC; local clock times are resolved in the zone by the rules above.

    Parameters
    ----------
    stamps
        Columns of times by role.
    case
        Case number of each row.
    order
        Sequence numbers of the rows within their case, where a column states them; else the order of the file.
    """
    read = {role: _readings(column, zone) for role, column in stamps.items()}
    _told(stamps, read, zone, findings)
    chosen = {role: one.first.copy() for role, one in read.items()}
    if any(one.twice.any() or one.missing.any() for one in read.values()):
        walk, before, after = _neighbours(chosen.get("time"), case, order)
        for role in reversed([role for role in SEQUENCE if role in read]):
            _missing_hour(role, read[role], chosen, after)
        for role in [role for role in SEQUENCE if role in read]:
            _second_hour(role, read[role], chosen, before, walk)
    return {
        role: pd.Series(at.view("datetime64[us]")).dt.tz_localize("UTC").astype(UTC_TIME) for role, at in chosen.items()
    }


def _readings(stamps: Stamps, zone: str) -> Readings:
    has_offset = ~np.isnan(stamps.offset_min)
    there = ~np.isnat(stamps.clock)
    shift = np.where(has_offset, np.nan_to_num(stamps.offset_min), 0).astype(np.int64) * MINUTE_US
    first = np.where(there, stamps.clock.astype(np.int64) - shift, ABSENT)
    made = Readings(first, first.copy(), np.zeros(len(first), bool), np.zeros(len(first), bool))
    local = ~has_offset & there
    if not local.any() or zone == "UTC":
        return made
    clock, place = pd.Series(stamps.clock[local]), zone_of(zone)
    gap = clock.dt.tz_localize(place, ambiguous=True, nonexistent="NaT").isna().to_numpy()
    early = clock.dt.tz_localize(place, ambiguous=True, nonexistent="shift_forward").dt.tz_convert("UTC")
    late = clock.dt.tz_localize(place, ambiguous=False, nonexistent="shift_forward").dt.tz_convert("UTC")
    a, b = _us(early), _us(late)
    if gap.any():  # the offset before the change is that of three hours earlier, the one after of three hours later
        there_gap = clock[gap]
        a[gap] = _us((there_gap - STEP).dt.tz_localize(place, ambiguous=True).dt.tz_convert("UTC") + STEP)
        b[gap] = _us((there_gap + STEP).dt.tz_localize(place, ambiguous=True).dt.tz_convert("UTC") - STEP)
    made.first[local], made.other[local] = a, b
    made.missing[local] = gap
    made.twice[local] = ~gap & (a != b)
    return made


def _us(times: pd.Series) -> np.ndarray:
    return times.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)


def _told(stamps: dict[str, Stamps], read: dict[str, Readings], zone: str, findings: Findings) -> None:
    """Count the clock times of a repeated or a missing hour, over all columns."""
    local = sum(int((~np.isnat(s.clock) & np.isnan(s.offset_min)).sum()) for s in stamps.values())
    for code, name in (("nonexistent_clock", "missing"), ("ambiguous_clock", "twice")):
        count = sum(int(getattr(one, name).sum()) for one in read.values())
        if count:
            findings.warn(code, count=count, total=local, found=zone)


def _neighbours(
    at: np.ndarray | None, case: np.ndarray, order: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return all rows case by case in their sequence, and per row the one before and after it in its case (-1: none).

    Without stated numbers the sequence is that of the file; a file that is written backwards is read so.
    """
    none = np.full(len(case), -1, np.int64)
    if at is None:
        return np.arange(len(case)), none, none.copy()
    number = np.arange(len(case), dtype=float) if order is None else order
    if order is None and _backwards(at, case):
        number = -number
    walk = np.lexsort((np.arange(len(case)), number, case))
    same = case[walk[1:]] == case[walk[:-1]]
    before, after = none, none.copy()
    before[walk[1:][same]] = walk[:-1][same]
    after[walk[:-1][same]] = walk[1:][same]
    return walk, before, after


def _backwards(at: np.ndarray, case: np.ndarray) -> bool:
    walk = np.argsort(case, kind="stable")
    same = (case[walk[1:]] == case[walk[:-1]]) & (at[walk[1:]] != ABSENT) & (at[walk[:-1]] != ABSENT)
    steps = (at[walk[1:]] > at[walk[:-1]])[same].astype(int) - (at[walk[1:]] < at[walk[:-1]])[same].astype(int)
    return bool(steps.sum() < 0)


def _second_hour(
    role: str, read: Readings, chosen: dict[str, np.ndarray], before: np.ndarray, walk: np.ndarray
) -> None:
    """Take the second reading of a repeated hour where what comes before lies after the first."""
    mine = chosen[role]
    for row in map(int, walk[read.twice[walk]]):  # a few rows of one night a year, each after its predecessor
        floor = max((int(chosen[one][row]) for one in BEFORE.get(role, ()) if one in chosen), default=ABSENT)
        if role == "time" and before[row] >= 0:
            floor = max(floor, int(mine[before[row]]))
        if read.first[row] < floor <= read.other[row]:
            mine[row] = read.other[row]


def _missing_hour(role: str, read: Readings, chosen: dict[str, np.ndarray], after: np.ndarray) -> None:
    """Take the earlier reading of a missing hour where what comes after lies before the later one."""
    mine = chosen[role]
    for row in map(int, np.flatnonzero(read.missing)):
        later = [int(chosen[one][row]) for one in AFTER.get(role, ()) if one in chosen]
        if role == "time" and after[row] >= 0:
            later.append(int(mine[after[row]]))
        ceiling = min((one for one in later if one != ABSENT), default=None)
        if ceiling is not None and read.other[row] <= ceiling < read.first[row]:
            mine[row] = read.other[row]
