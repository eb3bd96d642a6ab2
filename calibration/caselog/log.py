"""The case log as a fit wants it: one table of cases, one of events, one window of time, and what is odd about them.

A :class:`CaseLog` is plain data in UTC with the zone of its clocks beside it. It can be split by time without
looking ahead and gives durations with their censoring. It does not read files (`calibration.caselog.build`) and
fits nothing.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from calibration.caselog.diagnosis import Diagnosis, Finding, Words, percent, wrapped
from calibration.caselog.kinds import english
from calibration.caselog.mapping import Mapping
from sim.errors import InputError

UTC_TIME: Final = "datetime64[us, UTC]"
CASE_COLUMNS = (
    "case_id", "opened", "closed", "ended", "deadline", "open_end", "end_unknown", "kind", "channel", "department",
    "events", "cycle_min", "censored_min", "late", "overdue_open",
)  # fmt: skip
EVENT_COLUMNS = ("case_id", "activity", "at", "start", "resource", "transition", "order")


@dataclass(frozen=True)
class Source:
    """Where a log came from: what provenance has to name.

    Attributes
    ----------
    name
        File name without folders.
    sha256
        Hash of the file as it lies on disk (compressed if it is).
    form
        ``csv``, ``json``, ``parquet``, ``arrow`` or ``xes``.
    size_bytes
        Size on disk.
    """

    name: str
    sha256: str
    form: str
    size_bytes: int


@dataclass(frozen=True)
class CaseLog:
    """A case log, read and checked.

    Attributes
    ----------
    cases
        One row per case, sorted by opening: ``case_id`` text; ``opened``, ``closed``, ``ended``, ``deadline`` UTC
        (NaT where there is none); ``open_end`` True when the case was still open at the window's end;
        ``end_unknown`` True when it was closed, but nobody wrote down when; ``kind``, ``channel``, ``department``
        text or None; ``events`` count; ``cycle_min`` minutes from opened to closed (NaN
        when open); ``censored_min`` minutes from opened to the window's end (NaN when closed); ``late`` nullable
        boolean, ended after the deadline (NA without a deadline or an end); ``overdue_open`` True when there is no
        end yet and the deadline lies before the window's end. ``ended`` is the moment that the deadline is held
        against: its own column where the log has one, else ``closed``.
    events
        One row per event, sorted by case (in the order of `cases`), time and order in the file: ``case_id``,
        ``activity`` text, ``at`` UTC of completion, ``start`` UTC (NaT when unknown), ``resource`` text or None,
        ``transition`` text (``complete`` unless the log says otherwise; ``start`` for a start whose completion is
        not in the log), ``order`` 0, 1, ... within the case. Empty for a log of one row per case.
    window
        First opening and last moment recorded, UTC. A case open at the end is censored there.
    zone
        IANA name of the clocks' zone (or ``UTC+02:00`` style where only an offset is known).
    mapping
        Columns by role, as given or as guessed.
    diagnosis
        What was odd, and how things were read.
    source
        The file.
    """

    cases: pd.DataFrame
    events: pd.DataFrame
    window: tuple[pd.Timestamp, pd.Timestamp]
    zone: str
    mapping: Mapping
    diagnosis: Diagnosis
    source: Source

    @classmethod
    def read(
        cls,
        path: str | PathLike[str],
        mapping: Mapping | None = None,
        zone: str | None = None,
        on_bad_rows: Literal["refuse", "drop"] = "refuse",
    ) -> CaseLog:
        """Read a log from CSV, JSON, Parquet, Arrow or XES, gzipped or not; the form is told by the content.

        Parameters
        ----------
        path
            The file.
        mapping
            Columns by role; guessed from the columns' names when None.
        zone
            IANA zone of clock times without offset, and of the hours by which arrivals are counted; wins over
            the mapping's. When None it is inferred from the offsets where they tell it.
        on_bad_rows
            ``refuse`` a log that holds unusable rows, or ``drop`` and count them.

        Raises
        ------
        InputError
            `LogRefused` with a diagnosis that fits one screen.
        """
        from calibration.caselog.build import read  # here, since it builds what this module defines

        return read(path, mapping, zone, on_bad_rows)

    def split(self, at: str | dt.date | None = None, share: float = 0.7) -> tuple[CaseLog, CaseLog]:
        """Divide by time of opening; the earlier part knows nothing that happened after the cut.

        Parameters
        ----------
        at
            Date or time of the cut in the log's zone; a date means its first moment. None: by `share`.
        share
            Share of the cases, 0 to 1, that open before the cut; the cut is then moved to the midnight before.

        Returns
        -------
        tuple of CaseLog
            Cases opened before the cut, those still open there censored there, their later events and ends
            removed; and cases opened at or after it, as in the whole log.

        Raises
        ------
        InputError
            When the cut leaves either side without cases.
        """
        cut = self._cut(at, share)
        before = self.cases["opened"] < cut
        if not before.any() or before.all():
            first, last = (f"{t.tz_convert(zone_of(self.zone)):%Y-%m-%d}" for t in self.window)
            raise InputError(
                "the split leaves one side without cases", file=self.source.name, field="split",
                found=str(at if at is not None else share), allowed=f"a date between {first} and {last}",
            )  # fmt: skip
        return self._until(cut, before), self._since(cut, ~before)

    def durations(self, of: str | tuple[str, str] = "case") -> tuple[np.ndarray, np.ndarray]:
        """Return durations and which of them are censored.

        Parameters
        ----------
        of
            ``"case"``: opening to closing; cases that were closed at an unknown time are left out.
            ``(a, b)``: in each case from the first completion of activity `a` to
            the next completion of `b`; a case that has `a` but not `b` is censored at the window's end if it is
            open, and left out if it was closed without `b`. The name of one activity: its own busy intervals,
            where the log has starts.

        Returns
        -------
        tuple of ndarray
            Minutes (float64, at least 0) and censored (bool), one entry per case or interval.

        Raises
        ------
        InputError
            When an activity is not in the log, or has no starts.
        """
        if of == "case":
            known = self.cases[~self.cases["end_unknown"]]
            censored = known["open_end"].to_numpy(bool)
            whole, cut = known["cycle_min"].to_numpy(float), known["censored_min"].to_numpy(float)
            return np.where(censored, cut, whole), censored
        if isinstance(of, str):
            return self._intervals(of)
        return self._between(*of)

    def screen(self, words: Words = english) -> list[str]:
        """Return lines of text that tell what was read and what is odd about it, in the language of `words`."""
        local = [t.tz_convert(zone_of(self.zone)) for t in self.window]
        late, judged = self.cases["late"].mean(), int(self.cases["late"].notna().sum())
        head = words(
            "caselog.read", file=self.source.name, form=self.source.form, cases=f"{len(self.cases):,}",
            events=f"{len(self.events):,}", first=f"{local[0]:%Y-%m-%d}", last=f"{local[1]:%Y-%m-%d}", zone=self.zone,
        )  # fmt: skip
        share = percent(float(late)) if judged else "–"
        open_end = int(self.cases["open_end"].sum())
        lines = wrapped(head, "", "  ")
        lines += wrapped(words("caselog.open", open=f"{open_end:,}", judged=f"{judged:,}", late=share), "", "  ")
        for one in self.diagnosis.findings:
            text = f"{one.text('problem', words)} {one.text('consequence', words)}"
            lines += wrapped(text, f"  [{words(f'caselog.severities.{one.severity}')}] ", "    ")
        return lines

    def activities(self) -> list[str]:
        """Return the names of the activities, most frequent first."""
        return [str(name) for name in self.events["activity"].value_counts().index]

    def local(self, times: pd.Series) -> pd.Series:
        """Return UTC times as clock times in the log's zone (zone-aware)."""
        return times.dt.tz_convert(zone_of(self.zone))

    def subset(self, chosen: np.ndarray | pd.Series) -> CaseLog:
        """Return the log of some cases, window and all else unchanged.

        Parameters
        ----------
        chosen
            Boolean, one per row of `cases`.
        """
        cases = self.cases[np.asarray(chosen, bool)].reset_index(drop=True)
        return replace(self, cases=cases, events=_events_of(self.events, cases))

    def _cut(self, at: str | dt.date | None, share: float) -> pd.Timestamp:
        if at is not None:
            return self._moment(at)
        if not 0 < share < 1:
            raise InputError("impossible share", field="split", found=share, allowed="above 0 and below 1")
        middle = self.local(self.cases["opened"]).iloc[int(share * len(self.cases))]
        day = pd.Timestamp(middle.date()).tz_localize(zone_of(self.zone), ambiguous=True, nonexistent="shift_forward")
        return day.tz_convert("UTC").as_unit("us")

    def _moment(self, at: str | dt.date) -> pd.Timestamp:
        try:
            found = pd.Timestamp(at)
        except ValueError:
            raise InputError(
                "not a date", field="split", found=at, allowed="a date such as 2011-09-01, or a share such as 0.7"
            ) from None
        if found.tzinfo is None:
            found = found.tz_localize(zone_of(self.zone), ambiguous=True, nonexistent="shift_forward")
        return found.tz_convert("UTC").as_unit("us")

    def _until(self, cut: pd.Timestamp, before: pd.Series) -> CaseLog:
        cases = self.cases[before].reset_index(drop=True)
        open_now = int(cases["open_end"].sum())
        cases = with_outcomes(cases.assign(**{name: _known(cases[name], cut) for name in ("closed", "ended")}), cut)
        events = _events_of(self.events, cases)
        known = events[events["at"] < cut].reset_index(drop=True)
        running = events[(events["at"] >= cut) & (events["start"] < cut)]  # begun but not yet done at the cut
        begun = running.assign(at=running["start"], transition="start")
        known = pd.concat([known, begun], ignore_index=True) if len(begun) else known
        known = ordered_events(known, cases)
        cases["events"] = known.groupby("case_id").size().reindex(cases["case_id"], fill_value=0).to_numpy()
        told = Finding(
            "note", "split", int(cases["open_end"].sum()) - open_now, len(cases), found=f"{len(events) - len(known):,}"
        )
        return replace(
            self, cases=cases, events=known, window=(self.window[0], cut),
            diagnosis=Diagnosis([*self.diagnosis.findings, told]),
        )  # fmt: skip

    def _since(self, cut: pd.Timestamp, after: pd.Series) -> CaseLog:
        cases = self.cases[after].reset_index(drop=True)
        return replace(self, cases=cases, events=_events_of(self.events, cases), window=(cut, self.window[1]))

    def _completions(self, activity: str) -> pd.DataFrame:
        events = self.events
        done = events["transition"] == "complete"
        done = done if done.any() else events["transition"] != "start"  # a log with transitions of its own
        found = events[(events["activity"] == activity) & done]
        if not (events["activity"] == activity).any():
            raise InputError(
                "no such activity in the log", file=self.source.name, field="activity", found=activity,
                allowed=self.activities()[:12] or "a log with activities",
            )  # fmt: skip
        return found

    def _intervals(self, activity: str) -> tuple[np.ndarray, np.ndarray]:
        done = self._completions(activity)
        done = done[done["start"].notna()]
        begun = self.events[(self.events["activity"] == activity) & (self.events["transition"] == "start")]
        if not len(done) and not len(begun):
            raise InputError(
                "the activity has no starts in the log", file=self.source.name, field="activity", found=activity,
                allowed="an activity with starts, or a pair of activities",
            )  # fmt: skip
        open_cases = set(self.cases.loc[self.cases["open_end"], "case_id"])
        begun = begun[begun["case_id"].isin(open_cases)]
        ends = [minutes_of(done["at"] - done["start"]), minutes_of(self.window[1] - begun["at"])]
        minutes = np.concatenate([one.to_numpy(float) for one in ends])
        return minutes, np.arange(len(minutes)) >= len(done)

    def _between(self, first: str, second: str) -> tuple[np.ndarray, np.ndarray]:
        start = self._completions(first).drop_duplicates("case_id")[["case_id", "at", "order"]]
        later = self._completions(second)[["case_id", "at", "order"]]
        both = start.merge(later, on="case_id", suffixes=("", "_end"))
        both = both[both["order_end"] > both["order"]].drop_duplicates("case_id")
        open_cases = set(self.cases.loc[self.cases["open_end"], "case_id"])
        waiting = start[~start["case_id"].isin(both["case_id"]) & start["case_id"].isin(open_cases)]
        parts = [minutes_of(both["at_end"] - both["at"]), minutes_of(self.window[1] - waiting["at"])]
        minutes = np.concatenate([one.to_numpy(float) for one in parts])
        return minutes, np.arange(len(minutes)) >= len(both)


_FIXED = re.compile(r"UTC([+-])(0\d|1[0-4]):([0-5]\d)")


def zone_of(name: str) -> dt.tzinfo:
    """Return the zone of an IANA name, or of a fixed offset written ``UTC+02:00``.

    Raises
    ------
    InputError
        For a zone that is not known.
    """
    from zoneinfo import ZoneInfo

    if fixed := _FIXED.fullmatch(name):
        offset = dt.timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
        return dt.timezone(offset if fixed[1] == "+" else -offset)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InputError(
            "unknown time zone",
            field="zone",
            found=name,
            allowed="an IANA name such as Europe/Amsterdam, or an offset such as UTC+08:00",
        ) from None


def minutes_of(times: Any) -> pd.Series:
    """Return a column of time differences in minutes (float64, NaN where there is none)."""
    return pd.Series(times).dt.total_seconds() / 60


def with_outcomes(cases: pd.DataFrame, end: pd.Timestamp) -> pd.DataFrame:
    """Return cases with what follows from their times: open_end, cycle_min, censored_min, late, overdue_open.

    Parameters
    ----------
    cases
        With opened, closed, ended, deadline (UTC), end_unknown.
    end
        The window's end, where what is open is censored.
    """
    open_end = cases["closed"].isna() & ~cases["end_unknown"]
    known = cases["deadline"].notna() & cases["ended"].notna()
    late = (cases["ended"] > cases["deadline"]).astype("boolean").mask(~known)
    made = cases.assign(
        open_end=open_end,
        cycle_min=minutes_of(cases["closed"] - cases["opened"]),
        censored_min=minutes_of(end - cases["opened"]).where(open_end),
        late=late,
        overdue_open=cases["ended"].isna() & ~cases["end_unknown"] & (cases["deadline"] < end),
    )
    return made[[name for name in CASE_COLUMNS if name in made]]


def ordered_events(events: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Return events sorted by case (as `cases` are), time and order so far, with the order written anew."""
    place = pd.Series(np.arange(len(cases)), index=cases["case_id"])
    made = events.assign(_case=events["case_id"].map(place)).sort_values(["_case", "at", "order"], kind="stable")
    made["order"] = made.groupby("_case").cumcount().to_numpy(np.int64)
    return made[list(EVENT_COLUMNS)].reset_index(drop=True)


def _known(times: pd.Series, cut: pd.Timestamp) -> pd.Series:
    return times.where(times < cut)


def _events_of(events: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    return events[events["case_id"].isin(set(cases["case_id"]))].reset_index(drop=True)
