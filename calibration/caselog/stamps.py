"""Times as people and programs write them, read into clock time and offset; and what makes them doubtful.

ISO 8601 with and without offset, year-month-day with other separators (Chinese too), day-month-year and
month-day-year with four-digit years, compact digits, seconds or milliseconds since 1970, Excel days, or a form that
the map names. Never guesses where a guess can be wrong without showing: day and month that both fit, two-digit
years. Zones are settled in `calibration.caselog.zones`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from calibration.caselog.diagnosis import Findings
from calibration.caselog.rows import NO_TIME_WORDS, Rows

Form = str | tuple[str, ...]  # as a map names it: one form, or several to be tried in turn
CLOCK = "datetime64[us]"
NAT = np.datetime64("NaT", "us")
OFFSET = r"(?:\s*(Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2}))?"
TIME = r"(?:[T\s]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?\s*([AaPp]\.?[Mm]\.?)?)?"
FORMS: dict[str, re.Pattern[str]] = {
    "year-month-day": re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){TIME}{OFFSET}"),
    "day and month": re.compile(rf"(\d{{1,2}})[-/.](\d{{1,2}})[-/.](\d{{4}}){TIME}{OFFSET}"),
    "two-digit years": re.compile(rf"(\d{{1,2}})[-/.](\d{{1,2}})[-/.](\d{{2}}){TIME}{OFFSET}"),
}
# "(x)?" never matches: it keeps the numbers of the groups those of TIME, where AM and PM stand
COMPACT = re.compile(rf"(\d{{4}})(\d{{2}})(\d{{2}})(?:T?(\d{{2}})(\d{{2}})(\d{{2}})?(?:[.,](\d+))?)?(x)?{OFFSET}")
DIGITS = {
    "seconds since 1970": re.compile(r"\d{9,10}(?:[.,]\d+)?"),
    "milliseconds since 1970": re.compile(r"\d{13}(?:[.,]\d+)?"),
    "microseconds since 1970": re.compile(r"\d{16}"),
    "nanoseconds since 1970": re.compile(r"\d{19}"),
}
PER_SECOND = {"unix_s": 1, "unix_ms": 1_000, "unix_us": 1_000_000, "unix_ns": 1_000_000_000}
UNITS_S = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0}
SINCE = re.compile(r"(seconds|minutes|hours|days)\s+since\s+(.+)")
BARE = re.compile(r"-?\d{1,8}(?:[.,]\d+)?(?:[eE][+-]?\d+)?")
EXCEL_ZERO = np.datetime64("1899-12-30", "us")
CHINESE = str.maketrans(
    {"年": "-", "月": "-", "日": " ", "时": ":", "分": ":", "秒": "", "：": ":", "／": "/", "　": " "}
)
OLDEST, NEWEST = np.datetime64("1900-01-02", "us"), np.datetime64("2100-01-01", "us")
EPOCH_DAY = np.datetime64("1970-01-01", "us")


@dataclass
class Stamps:
    """One column of times.

    Attributes
    ----------
    column
        Its name.
    clock
        Clock time as written (datetime64[us], NaT where there is none or it cannot be read); with an offset it is
        the clock at that offset.
    offset_min
        Minutes east of UTC, NaN where the text has no offset.
    date_only
        True where only a date is written.
    empty, unread
        True where there is nothing; where there is something that is no time.
    zone
        IANA name of the zone that the file itself states for the column, if it does.
    """

    column: str
    clock: np.ndarray
    offset_min: np.ndarray
    date_only: np.ndarray
    empty: np.ndarray
    unread: np.ndarray
    zone: str | None = None

    def keep(self, rows: np.ndarray) -> Stamps:
        """Return the stamps of some rows."""
        return Stamps(
            self.column, self.clock[rows], self.offset_min[rows], self.date_only[rows], self.empty[rows],
            self.unread[rows], self.zone,
        )  # fmt: skip

    def pick(self, mask: np.ndarray) -> None:
        """Treat the times under a mask as absent."""
        self.clock = np.where(mask, NAT, self.clock)
        self.offset_min = np.where(mask, np.nan, self.offset_min)
        self.empty = self.empty | mask


def read_stamps(rows: Rows, column: str, time_format: Form | None, findings: Findings) -> Stamps:
    """Read one column of times; trouble with its form is told, unread texts are marked."""
    values = rows.columns[column]
    if pd.api.types.is_datetime64_any_dtype(values):
        return _native(column, values, rows.zones.get(column))
    codes, texts = pd.factorize(values, use_na_sentinel=True)
    read = _named(texts, time_format) if time_format else _told(texts, column, rows, values, findings)
    nothing: tuple[Any, ...] = (NAT, np.nan, False)  # what code -1, an empty cell, points to
    clock, offset, dates = (np.append(part, none) for part, none in zip(read, nothing, strict=True))
    none = [not (t := str(text).strip(" :-/–—")) or t.casefold() in NO_TIME_WORDS for text in texts]  # '-' says: none
    blank = np.append(none, True).astype(bool)
    empty = blank[codes]
    clock, offset, dates = clock[codes], offset[codes], dates[codes].astype(bool)
    return Stamps(column, clock, offset, dates, empty, np.isnat(clock) & ~empty)


def _native(column: str, values: pd.Series, zone: str | None) -> Stamps:
    """Take real times as they are: the clock of their zone, and its offset at each moment."""
    empty, none = values.isna().to_numpy(), np.zeros(len(values), bool)
    if values.dt.tz is None:
        return Stamps(column, values.to_numpy().astype(CLOCK), np.full(len(values), np.nan), none, empty, none.copy())
    utc = values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype(CLOCK)
    clock = values.dt.tz_localize(None).to_numpy().astype(CLOCK)
    offset = np.where(empty, np.nan, (clock - utc).astype(np.int64) / 60e6)
    return Stamps(column, clock, offset, none, empty, none.copy(), zone)


Read = tuple[np.ndarray, np.ndarray, np.ndarray]


def _told(texts: pd.Index, column: str, rows: Rows, values: pd.Series, findings: Findings) -> Read:
    """Read texts by the form most of them have; other forms beside it are trouble, not a second guess."""
    plain = (t if t.isascii() else t.translate(CHINESE) for t in map(str, texts))
    normal = pd.Series([t.strip(" :-") for t in plain], dtype=object)
    fits: dict[str, np.ndarray] = {}
    left = np.ones(len(normal), bool)
    for name, pattern in (*FORMS.items(), *DIGITS.items(), ("compact", COMPACT)):  # no text fits two of them
        fits[name] = np.zeros(len(normal), bool)
        fits[name][left] = normal[left].str.fullmatch(pattern.pattern).to_numpy(bool)
        left &= ~fits[name]
    used = {name: int(mask.sum()) for name, mask in fits.items() if mask.any()}
    empty_read = _nothing(len(normal))
    if not used:
        _tell_bare(normal, column, rows, values, texts, findings)
        return empty_read
    if len(used) > 1:
        _refuse_mixed(used, fits, column, rows, values, texts, findings)
        return empty_read
    (form,) = used
    if form == "two-digit years":
        _refuse(findings, "two_digit_years", column, rows, values, texts[fits[form]])
        return empty_read
    if form.endswith("since 1970"):
        unit = {"seconds": "s", "milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}[form.split()[0]]
        return _epoch(normal.where(fits[form]), PER_SECOND[f"unix_{unit}"])
    parts = normal.str.extract(f"^{FORMS.get(form, COMPACT).pattern}$")
    if form != "day and month":
        return _assembled(parts, 0, 1, 2)
    return _day_and_month(parts, column, rows, values, texts, findings)


def _day_and_month(
    parts: pd.DataFrame, column: str, rows: Rows, values: pd.Series, texts: pd.Index, findings: Findings
) -> Read:
    first, second = (pd.to_numeric(parts[i]).to_numpy(float) for i in (0, 1))
    day_first, month_first = first > 12, second > 12
    if texts.str.match(r"\s*\d+\.\d").all():  # with dots the day always stands first
        return _assembled(parts, 2, 1, 0)
    if day_first.any() and month_first.any():
        found = "day-month and month-day"
        some = [*texts[day_first][:1], *texts[month_first][:1]]
        told = rows.where(_rows_of(values, some), values)
        findings.refuse("mixed_times", column=column, found=found, examples=told, allowed="one form in the column")
        return _nothing(len(parts))
    if not day_first.any() and not month_first.any():
        _refuse(findings, "ambiguous_dates", column, rows, values, texts)
        return _nothing(len(parts))
    return _assembled(parts, 2, 1, 0) if day_first.any() else _assembled(parts, 2, 0, 1)


def _assembled(parts: pd.DataFrame, year: int, month: int, day: int) -> Read:
    """Build clock times from extracted parts; impossible ones (31 April, 25 o'clock) stay NaT."""
    number = {i: pd.to_numeric(parts[i]).to_numpy(float) for i in range(6)}
    y, m, d = number[year], number[month], number[day]
    date_only = np.isnan(number[3]) & ~np.isnan(y)
    hour, minute, second = (np.nan_to_num(number[i]) for i in (3, 4, 5))
    half = parts[7].str[:1].str.lower().to_numpy(object)
    pm, am = half == "p", half == "a"
    wrong_half = (pm | am) & ((hour < 1) | (hour > 12))
    hour = np.where(pm & (hour < 12), hour + 12, np.where(am & (hour == 12), 0, hour))
    midnight = (hour == 24) & (minute == 0) & (second == 0)
    ok = (m >= 1) & (m <= 12) & (d >= 1) & (d <= 31) & ((hour < 24) | midnight) & (minute < 60) & (second < 60)
    ok &= ~wrong_half & (y >= 1)
    months = ((np.where(ok, y, 1970) - 1970) * 12 + np.where(ok, m, 1) - 1).astype(np.int64)
    start = months.astype("datetime64[M]").astype("datetime64[D]")
    date = start + (np.where(ok, d, 1).astype(np.int64) - 1)
    ok &= date.astype("datetime64[M]").astype(np.int64) == months
    fraction_us = (parts[6].fillna("0").str[:6].str.ljust(6, "0")).astype(np.int64).to_numpy()
    within_us = ((np.where(ok, hour, 0) * 60 + np.where(ok, minute, 0)) * 60 + np.where(ok, second, 0)) * 1_000_000
    clock = date.astype(CLOCK) + (within_us.astype(np.int64) + fraction_us).astype("timedelta64[us]")
    return np.where(ok, clock, NAT), np.where(ok, _offsets(parts[8]), np.nan), date_only & ok


def _offsets(texts: pd.Series) -> np.ndarray:
    """Return minutes east of UTC, NaN where no offset is written; beyond ±15 h it is none."""
    plain = texts.str.replace(":", "", regex=False)
    plain = plain.where(~plain.isin(["Z", "z", "UTC", "GMT"]), "+0000")
    sign = np.where(plain.str[:1].to_numpy(object) == "-", -1.0, 1.0)
    hours = pd.to_numeric(plain.str[1:3]).to_numpy(float)
    minutes = pd.to_numeric(plain.str[3:5], errors="coerce").fillna(0).to_numpy(float)
    made = sign * (hours * 60 + minutes)
    return np.where(np.abs(made) <= 15 * 60, made, np.nan)


def _tell_bare(
    normal: pd.Series, column: str, rows: Rows, values: pd.Series, texts: pd.Index, findings: Findings
) -> None:
    """Refuse bare numbers by name: minutes (or hours, days) since a start that the file does not tell."""
    there = normal[(normal != "") & ~normal.str.casefold().isin(NO_TIME_WORDS)]
    if len(there) and there.str.fullmatch(BARE.pattern).all():
        _refuse(findings, "bare_numbers", column, rows, values, texts[there.index])


def _epoch(texts: pd.Series, per_second: int) -> Read:
    plain = texts.fillna("").astype(str).str.replace(",", ".", regex=False)
    numbers = pd.to_numeric(plain, errors="coerce").to_numpy(float)
    absent = ~(np.abs(numbers) / per_second < 1e11)
    clock = np.where(absent, 0, np.round(np.nan_to_num(numbers) * (1_000_000 / per_second))).astype(np.int64)
    none = np.zeros(len(texts), bool)
    return np.where(absent, NAT, clock.astype(CLOCK)), np.where(absent, np.nan, 0.0), none


def _since(texts: pd.Index, unit: str, begins: str) -> Read:
    """Read numbers of a unit of time that has passed since a moment; without an offset it is a clock time."""
    away: Any = pd.to_datetime([begins])[0].utcoffset()
    zero = pd.to_datetime([begins]).tz_localize(None).to_numpy().astype(CLOCK)[0]
    plain = pd.Series(texts, dtype=object).astype(str).str.replace(",", ".", regex=False)
    seconds = pd.to_numeric(plain, errors="coerce").to_numpy(float) * UNITS_S[unit]
    ok = np.abs(seconds) < 1e11
    us = np.round(np.where(ok, seconds, 0.0) * 1e6).astype(np.int64)
    offset = np.full(len(texts), np.nan if away is None else away.total_seconds() / 60)
    return np.where(ok, zero + us.astype("timedelta64[us]"), NAT), np.where(ok, offset, np.nan), np.zeros(len(ok), bool)


def form_problem(form: str) -> str | None:
    """Say what is wrong with the form of times that a map names; None when all is well."""
    found = SINCE.fullmatch(form.strip())
    if found is None:
        return None
    try:
        pd.Timestamp(found[2])
    except ValueError:
        return f"no date follows 'since': '{found[2]}'"
    return None


def _named(texts: pd.Index, time_format: Form) -> Read:
    """Read texts by the form that the map names, or by the first of several that fits."""
    if isinstance(time_format, tuple):
        read = _nothing(len(texts))
        for form in time_format:
            open_yet = np.isnat(read[0])
            for whole, part in zip(read, _named(texts[open_yet], form), strict=True):
                whole[open_yet] = part
        return read
    if counted := SINCE.fullmatch(time_format.strip()):
        return _since(texts, counted[1], counted[2])
    if time_format in PER_SECOND:
        return _epoch(pd.Series(texts, dtype=object), PER_SECOND[time_format])
    if time_format == "excel":
        days = pd.to_numeric(pd.Series(texts, dtype=object).str.replace(",", ".", regex=False), errors="coerce")
        ok = days.notna().to_numpy() & (days.abs() < 3_000_000).to_numpy()
        us = np.round(days.where(ok, 0).to_numpy(float) * 86_400_000).astype(np.int64) * 1000
        clock = np.where(ok, EXCEL_ZERO + us.astype("timedelta64[us]"), NAT)
        return clock, np.full(len(texts), np.nan), (days % 1 == 0).to_numpy() & ok
    clock, offset, dates = _nothing(len(texts))
    for i, text in enumerate(texts):
        try:
            found = datetime.strptime(str(text), time_format)
        except ValueError:
            continue
        away = found.utcoffset()
        clock[i] = np.datetime64(found.replace(tzinfo=None), "us")
        offset[i] = np.nan if away is None else away.total_seconds() / 60
    dates[:] = not re.search(r"%[HIcXsT]", time_format)
    return clock, offset, dates


def _nothing(count: int) -> Read:
    return np.full(count, NAT), np.full(count, np.nan), np.zeros(count, bool)


def _rows_of(values: pd.Series, some: list[object]) -> list[int]:
    return [int(np.flatnonzero((values == one).to_numpy())[0]) for one in some]


def _refuse(findings: Findings, code: str, column: str, rows: Rows, values: pd.Series, some: pd.Index) -> None:
    found = ", ".join(repr(str(one)) for one in some[:2])
    findings.refuse(code, column=column, found=found, examples=rows.where(_rows_of(values, list(some[:2])), values))


def _refuse_mixed(
    used: dict[str, int], fits: dict[str, np.ndarray], column: str, rows: Rows, values: pd.Series, texts: pd.Index,
    findings: Findings,
) -> None:  # fmt: skip
    found = ", ".join(f"{name} ({count:,} values)" for name, count in used.items())
    some = [texts[fits[name]][0] for name in used]
    told = rows.where(_rows_of(values, some), values)
    findings.refuse("mixed_times", column=column, found=found, examples=told, allowed="one form in the column")
