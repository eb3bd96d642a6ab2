"""From a file to a case log: read rows, give columns their roles, settle times, take out what cannot be used, and
make the tables of cases and events.

The order matters: what is wrong with the file stops at once; what is wrong with columns or rows is gathered, so that
one diagnosis names all of it. Nothing is repaired silently.
"""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.caselog import checks
from calibration.caselog.clockchange import to_utc
from calibration.caselog.columnar import read_columnar
from calibration.caselog.diagnosis import Findings
from calibration.caselog.endings import Endings, flags, is_flag
from calibration.caselog.log import UTC_TIME, CaseLog, ordered_events, with_outcomes
from calibration.caselog.mapping import COLUMN_ROLES, RENAMED_ROLES, TIME_ROLES, Mapping, guess, nearest
from calibration.caselog.pairing import paired
from calibration.caselog.prepare import prepared
from calibration.caselog.records import read_records
from calibration.caselog.rows import Rows, text_series
from calibration.caselog.source import Bytes
from calibration.caselog.stamps import Stamps, read_stamps
from calibration.caselog.table import read_csv
from calibration.caselog.xes import read_xes
from calibration.caselog.zones import Clocks, settle_zone
from sim.errors import InputError

ATTRIBUTES = ("kind", "channel", "department")
DAY = pd.Timedelta(days=1)
INSTANCE = "concept:instance"


def read(
    path: str | PathLike[str],
    mapping: Mapping | None = None,
    zone: str | None = None,
    on_bad_rows: str = "refuse",
    now: pd.Timestamp | None = None,
) -> CaseLog:
    """Read, check and build a log; see `CaseLog.read`.

    Parameters
    ----------
    now
        The moment after which times lie in the future; the present when None.
    """
    if on_bad_rows not in ("refuse", "drop"):
        raise InputError("unknown choice", field="on_bad_rows", found=on_bad_rows, allowed=["refuse", "drop"])
    findings = Findings(path, on_bad_rows == "drop", mapping.accept if mapping else ())
    content = Bytes(Path(path), findings)
    rows = _rows(content, mapping, findings)
    if not len(rows):
        findings.stop("no_rows")
    roles = _roles(rows, mapping, findings)
    roles = replace(roles, zone=zone) if zone else roles
    rows = prepared(rows, roles, findings)
    made = _Builder(rows, roles, findings, now or pd.Timestamp.now("UTC"))
    cases, events, clocks = made.tables()
    last = made.last(cases, events)
    diagnosis = findings.settle()
    window = (cases["opened"].min(), last)
    return CaseLog(cases, events, window, clocks.zone, roles, diagnosis, content.source())


def _rows(content: Bytes, mapping: Mapping | None, findings: Findings) -> Rows:
    if content.form == "xes":
        return read_xes(content, findings)
    if content.form in ("parquet", "arrow"):
        return read_columnar(content, findings)
    if content.form == "json":
        return read_records(content, findings)
    return read_csv(content, mapping.encoding if mapping else None, mapping.delimiter if mapping else None, findings)


def _roles(rows: Rows, mapping: Mapping | None, findings: Findings) -> Mapping:
    """Return the mapping, guessed if need be, with every column of it in the file."""
    here = list(rows.columns)
    if mapping is not None and not mapping.columns():  # options only: the columns are guessed
        options = {k: getattr(mapping, k) for k in mapping.__dataclass_fields__ if k not in COLUMN_ROLES}
        mapping, guessed = replace(guess(here), **options), True
    else:
        mapping, guessed = (mapping, False) if mapping is not None else (guess(here), True)
    wanted = [(role, column) for role, column in mapping.columns().items() if role != "case"]
    wanted += [("case", column) for column in mapping.case_columns] + [("only", column) for column in mapping.only]
    for role, column in wanted:
        if column in rows.nested:
            findings.refuse("nested_column", column=role, found=column, allowed=rows.nested[column])
        elif column not in rows.columns:
            findings.refuse("missing_column", column=role, found=column, allowed=", ".join(nearest(column, here)))
    shown = ", ".join(here[:12]) + (f", ... ({len(here) - 12} more)" if len(here) > 12 else "")
    if mapping.case is None and rows.trace is None:
        findings.refuse("no_case_column", allowed=f"one of {shown}")
    if mapping.time is None and mapping.opened is None:
        findings.refuse("no_time_column", allowed=f"one of {shown}")
    findings.settle()
    if guessed:
        findings.note(
            "guessed_map", found=", ".join(f"{role} = {column}" for role, column in mapping.columns().items())
        )
    return mapping


class _Builder:
    """Holds the rows while they are checked and cut down."""

    def __init__(self, rows: Rows, mapping: Mapping, findings: Findings, now: pd.Timestamp) -> None:
        self.rows, self.mapping, self.findings, self.now = rows, mapping, findings, now
        self.columns = mapping.columns()
        self.flag = self._flag()
        self.case = rows.columns[self.columns["case"]] if mapping.case else _trace_names(rows)
        self.whole = len(rows)
        self.told_few = False  # that less than half is left is told once
        self.doubled: set[str] = set()  # case ids that stand for several cases

    def _flag(self) -> str | None:
        """Return the column that tells only whether a case was opened again; it plays no part as a time then."""
        column = self.columns.get("reopened")
        if column is None or not is_flag(self.rows.columns[column]):
            return None
        del self.columns["reopened"]
        return column

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame, Clocks]:
        """Return cases, events and the zone."""
        times, clocks = self._times()
        events = self._events(times)
        cases = self._cases(times, events)
        bad = checks.case_checks(cases, self.columns, self.findings)
        bad |= cases["case_id"].isin(self.doubled).to_numpy()
        cases = cases[~bad].reset_index(drop=True)
        self._enough(cases)
        cases = cases.sort_values(["opened", "case_id"], kind="stable").reset_index(drop=True)
        events = ordered_events(events[events["case_id"].isin(set(cases["case_id"]))], cases)
        cases = with_outcomes(self._quiet(cases, events), self.last(cases, events))
        checks.check_closing(cases, events, self._marked(), self.findings)
        checks.case_warnings(cases, self.columns, self.findings)
        checks.check_window(cases, self.findings)
        return cases, events, clocks

    def last(self, cases: pd.DataFrame, events: pd.DataFrame) -> pd.Timestamp:
        """Return the last moment recorded: the end of the window."""
        known = [cases[name].max() for name in ("opened", "closed", "ended")]
        known += [events[name].max() for name in ("at", "start")] if len(events) else []
        return max(one for one in known if not pd.isna(one))

    def _times(self) -> tuple[dict[str, pd.Series], Clocks]:
        """Read all columns of times, take out rows that cannot be used, return the rest in UTC."""
        known = {role: self.columns[role] for role in TIME_ROLES if role in self.columns}
        form = self.mapping.form_of
        stamps = {role: read_stamps(self.rows, name, form(role), self.findings) for role, name in known.items()}
        self.findings.settle()  # where the form of times is in doubt, all that follows would be noise
        repeats = self.mapping.repeated_rows
        bad = checks.row_checks(self.rows, self.case, stamps, repeats, self.findings)
        stamps = self._cut(~bad, stamps)
        clocks = settle_zone(list(stamps.values()), self.rows, self.mapping.zone, self.findings)
        codes = pd.factorize(self.case)[0]
        times = to_utc(stamps, clocks.zone, codes, self._numbers(), self.findings)
        if "deadline" in times:  # one that is a date holds until the end of its day
            times["deadline"] += DAY * pd.Series(stamps["deadline"].date_only).astype(int)
        checks.check_dates(self.rows, stamps, times, clocks.zone, self.findings)
        bad = checks.check_future(self.rows, times, self.columns, self.now, self.findings)
        bad |= checks.check_starts(self.rows, times, self.columns, self.findings)
        if "time" in times:
            order, named = self._stated_order()
            bad |= checks.check_order(self.rows, codes, times, order, named, self.findings)
        self._cut(~bad, {})
        return {role: at[~bad].reset_index(drop=True) for role, at in times.items()}, clocks

    def _numbers(self) -> np.ndarray | None:
        """Return the sequence numbers of a column, where the map names one."""
        if not self.mapping.order:
            return None
        return pd.to_numeric(self.rows.columns[self.mapping.order], errors="coerce").to_numpy(float)

    def _stated_order(self) -> tuple[pd.Series | None, str | None]:
        """Return the sequence that binds and its name: a column, or the order within an XES trace."""
        if self.mapping.order:
            return self.rows.columns[self.mapping.order], self.mapping.order
        return None, "trace" if self.rows.ordered and not self.mapping.sort_by_time else None

    def _cut(self, keep: np.ndarray, stamps: dict[str, Stamps]) -> dict[str, Stamps]:
        self.rows = self.rows.kept(keep)
        self.case = self.case[keep].reset_index(drop=True)
        if not len(self.rows):
            self.findings.settle()
            self.findings.stop("no_rows")
        repeats = self.findings.diagnosis.get("repeats_dropped")  # asked for in so many words
        wanted = repeats.count if repeats is not None else 0
        if len(self.rows) < (self.whole - wanted) / 2 and not self.told_few:
            self.told_few = True
            self.findings.refuse("too_many_dropped", count=self.whole - len(self.rows), total=self.whole)
            self.findings.settle()
        return {role: column.keep(keep) for role, column in stamps.items()}

    def _values(self, role: str) -> pd.Series:
        """Return the texts of a role, renamed as the map says; None where there are none."""
        column = self.columns.get(role)
        if column is None:
            return text_series([None] * len(self.rows))
        names = self.mapping.rename.get(role, {}) if role in RENAMED_ROLES else {}
        values = self.rows.columns[column]
        if not names:
            return values
        changed = int(values.isin(list(names)).sum())
        self.findings.note("renamed", count=changed, total=len(values), column=column)
        return values.map(lambda one: names.get(one, one)).astype(object)

    def _events(self, times: dict[str, pd.Series]) -> pd.DataFrame:
        none = pd.Series(pd.NaT, index=self.case.index, dtype=UTC_TIME)
        if "time" not in times:
            return _no_events()
        transition = self._values("transition").map(lambda one: one.lower() if one else "complete").astype(object)
        frame = pd.DataFrame({
            "case_id": self.case,
            "activity": self._values("activity").map(lambda one: one or "event").astype(object),
            "at": times["time"], "start": times.get("start", none), "resource": self._values("resource"),
            "transition": transition, "order": np.arange(len(self.rows), dtype=np.int64),
        })  # fmt: skip
        if (transition == "start").any():
            instance = self.rows.columns.get(INSTANCE)
            frame = paired(frame, instance, self.rows, self.findings)
        return frame

    def _cases(self, times: dict[str, pd.Series], events: pd.DataFrame) -> pd.DataFrame:
        by_case = self.case
        order = pd.Index(pd.unique(by_case), name="case_id")
        self._same_cases(times)
        made = pd.DataFrame(index=order)
        grouped = {role: at.groupby(by_case, sort=False) for role, at in times.items()}
        begun = events[["at", "start"]].min(axis=1).groupby(events["case_id"]).min()
        made["opened"] = grouped["opened"].first() if "opened" in times else begun
        made["closed"], made["end_unknown"] = self._endings(times, events, order).settle()
        made["ended"] = grouped["ended"].last() if "ended" in times else made["closed"]
        none = pd.Series(pd.NaT, index=order, dtype=UTC_TIME)
        made["deadline"] = grouped["deadline"].first() if "deadline" in times else none
        for name in ("opened", "closed", "ended", "deadline"):
            made[name] = made[name].astype(UTC_TIME)
        for role in ATTRIBUTES:
            first = self._values(role).groupby(by_case, sort=False).first().reindex(order)
            made[role] = first.astype(object).where(first.notna(), None)
        made["events"] = events.groupby("case_id").size().reindex(order, fill_value=0) if len(events) else 0
        unopened = made["opened"].isna()
        if unopened.any():
            told = [f"case {name}" for name in made.index[unopened][:3]]
            column = self.columns.get("opened", "")
            self.findings.bad("no_time", count=int(unopened.sum()), total=len(made), column=column, examples=told)
        return made[~unopened].reset_index()

    def _endings(self, times: dict[str, pd.Series], events: pd.DataFrame, order: pd.Index) -> Endings:
        """Gather what the log says of its cases' ends."""
        latest = {
            role: times[role].groupby(self.case, sort=False).max() for role in ("closed", "reopened") if role in times
        }
        flagged = flags(self.rows.columns[self.flag]).groupby(self.case).any() if self.flag else None
        return Endings(
            order, events, latest.get("closed"), latest.get("reopened"), flagged, self._last_status(times),
            self.mapping, self.columns, self.findings,
        )  # fmt: skip

    def _last_status(self, times: dict[str, pd.Series]) -> pd.Series | None:
        if "status" not in self.columns:
            if self.mapping.closing_statuses:
                self.findings.stop(
                    "missing_column", column="status", found="(none named)", allowed="a column, with 'closing_statuses'"
                )
            return None
        values, case = self._values("status"), self.case
        if "time" in times:  # the last in time, whatever the order of the file
            walk = times["time"].argsort(kind="stable").to_numpy()
            values, case = values.iloc[walk], case.iloc[walk]
        return values.groupby(case, sort=False).last()

    def _same_cases(self, times: dict[str, pd.Series]) -> None:
        """Tell case ids that stand for several cases, and take those rows out."""
        bad = np.zeros(len(self.rows), bool)
        for name, values, binding in self._case_attributes(times):
            several = values.groupby(self.case).nunique()
            several = several[several > 1]
            if not len(several):
                continue
            of_these = self.case.isin(set(several.index)).to_numpy()
            told = self._differences(values, list(several.index[:3]))
            counts = {"count": len(several), "total": int(self.case.nunique()), "column": name, "examples": told}
            if binding:
                self.findings.bad("duplicate_cases", **counts)
                bad |= of_these
            else:
                self.findings.warn("attribute_changes", **counts)
        self.doubled = set(self.case[bad])

    def _case_attributes(self, times: dict[str, pd.Series]) -> list[tuple[str, pd.Series, bool]]:
        """Return name, values and whether a difference within a case means two cases."""
        found: list[tuple[str, pd.Series, bool]] = []
        if self.rows.trace is not None:
            found.append(("trace", text_series([f"trace {i:,}" for i in self.rows.trace]), True))
        if self.mapping.one_row_per_case:
            word = self.rows.word
            return [*found, (word, text_series([f"{word} {i:,}" for i in self.rows.place]), True)]
        for role in ("opened", "closed", "ended", "deadline", *ATTRIBUTES):
            if role in self.columns:
                column = self.columns[role]
                values = times[role] if role in times else self.rows.columns[column]
                found.append((column, values, role == "opened" or column.startswith("case:")))
        return found

    def _differences(self, values: pd.Series, names: list[str]) -> list[str]:
        told = []
        for name in names:
            some = pd.unique(values[self.case == name].dropna())[:2]
            told.append(f"case {name}: " + " and ".join(str(one) for one in some))
        return told

    def _enough(self, cases: pd.DataFrame) -> None:
        if not len(cases):
            self.findings.settle()
            self.findings.stop("no_rows")
        if len(cases) == 1 and not self.findings.diagnosis.refused:
            self.findings.stop("one_case", found=str(cases["case_id"].iloc[0]))

    def _marked(self) -> bool:
        one = self.mapping
        return bool(one.closed or one.closing_activities or one.closing_statuses)

    def _quiet(self, cases: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
        """Open again what was active shortly before the log's end, where the map asks for it."""
        days = self.mapping.quiet_days
        if days is None or self._marked():
            return cases
        active = cases["closed"] > self.last(cases, events) - days * DAY
        ended = cases["ended"].mask(active) if "ended" not in self.columns else cases["ended"]
        return cases.assign(closed=cases["closed"].mask(active), ended=ended)


def _trace_names(rows: Rows) -> pd.Series:
    """Name the cases of an XES file whose traces have no names."""
    return text_series([f"trace {i}" for i in rows.trace] if rows.trace is not None else [])


def _no_events() -> pd.DataFrame:
    times = pd.Series([], dtype=UTC_TIME)
    texts = pd.Series([], dtype=object)
    return pd.DataFrame({
        "case_id": texts, "activity": texts, "at": times, "start": times, "resource": texts, "transition": texts,
        "order": pd.Series([], dtype=np.int64),
    })  # fmt: skip
