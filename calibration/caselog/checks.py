"""What is looked for in rows, times and cases: each check says what it found and which rows or cases it concerns.

A check returns a mask of what cannot be used; `calibration.caselog.build` takes it out, and the findings decide
whether that is a refusal or the user's choice. Warnings return nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from calibration.caselog.diagnosis import Findings, percent
from calibration.caselog.log import minutes_of, zone_of
from calibration.caselog.rows import Rows
from calibration.caselog.stamps import EPOCH_DAY, NEWEST, OLDEST, Stamps

LONGEST_DAYS = 20 * 365.25
SOME_MIDNIGHTS = 0.05
EXPECTED_OPEN = 5
LONGEST_QUIET_DAYS = 30.0
DAY = pd.Timedelta(days=1)
MAIN = ("time", "opened")  # without these a row has no place in time
OUTCOMES = ("closed", "ended", "reopened", "deadline")  # may be absent, and some systems write a far date for absent


def row_checks(
    rows: Rows, case: pd.Series, stamps: dict[str, Stamps], repeats: str | None, findings: Findings
) -> np.ndarray:
    """Check case ids, times and repetitions; return which rows cannot be used.

    Parameters
    ----------
    repeats
        What the map says of rows that repeat an earlier one: ``keep``, ``drop`` or None.
    """
    bad = case.isna().to_numpy()
    if bad.any():
        findings.bad("no_case_id", count=int(bad.sum()), total=len(rows), examples=rows.where(np.flatnonzero(bad)))
    main = next(role for role in MAIN if role in stamps)
    bad = bad | _absent(rows, stamps[main], bad, findings)
    for role, column in stamps.items():
        bad = bad | _unread(rows, column, findings)
        bad = bad | _impossible(rows, role, column, findings)
    return np.asarray(bad | _repeated(rows, case, "time" in stamps, bad, repeats, findings), bool)


def _repeated(
    rows: Rows, case: pd.Series, events: bool, bad: np.ndarray, repeats: str | None, findings: Findings
) -> np.ndarray:
    """Tell rows that repeat an earlier one exactly, and return those that go.

    An event that stands twice changes neither the opening nor the closing nor the duration of its case: where clocks
    are coarse it may well have happened twice, so it is kept and told. A case that stands twice is no second case.
    """
    again = rows.repeated & ~bad
    if not again.any() or (not events and repeats == "keep"):
        return np.zeros(len(again), bool)
    counts = {"count": int(again.sum()), "total": len(rows), "examples": rows.where(np.flatnonzero(again), case)}
    if repeats == "drop":
        findings.add("drop", "repeats_dropped", **counts)
    elif events:
        findings.warn("repeated_events", **counts)
        return np.zeros(len(again), bool)
    else:
        findings.bad("duplicates", **counts)
    return again


def _absent(rows: Rows, column: Stamps, bad: np.ndarray, findings: Findings) -> np.ndarray:
    absent = column.empty & ~bad
    if absent.any():
        told = rows.where(np.flatnonzero(absent))
        findings.bad("no_time", count=int(absent.sum()), total=len(rows), column=column.column, examples=told)
    return absent


def _unread(rows: Rows, column: Stamps, findings: Findings) -> np.ndarray:
    if column.unread.any():
        told = rows.where(np.flatnonzero(column.unread), rows.columns[column.column])
        findings.bad(
            "unparsable_time", count=int(column.unread.sum()), total=len(rows), column=column.column, examples=told
        )
    return column.unread


def _impossible(rows: Rows, role: str, column: Stamps, findings: Findings) -> np.ndarray:
    """Mark times that no office can have written; for outcomes these stand for 'none yet'."""
    there = ~np.isnat(column.clock)
    odd = there & ((column.clock < OLDEST) | (column.clock >= NEWEST) | (column.clock == EPOCH_DAY))
    if not odd.any():
        return odd
    told = rows.where(np.flatnonzero(odd), rows.columns[column.column])
    counts = {"count": int(odd.sum()), "total": int(there.sum()), "column": column.column, "examples": told}
    if role in OUTCOMES:
        seen = [str(t)[:10] for t in np.unique(column.clock[odd])[:3]]
        findings.warn("placeholder", found=", ".join(seen), **counts)
        column.pick(odd)
        return np.zeros(len(odd), bool)
    findings.bad("impossible_time", **counts)
    return odd


def check_dates(
    rows: Rows, stamps: dict[str, Stamps], times: dict[str, pd.Series], zone: str, findings: Findings
) -> None:
    """Refuse times that are dates only, by the clock as written or in the zone; warn where some may be."""
    for role, column in stamps.items():
        there = ~np.isnat(column.clock)
        count = int(there.sum())
        local = times[role].dt.tz_convert(zone_of(zone)).dt.tz_localize(None)  # a midnight need not exist in the zone
        in_zone = (local == local.dt.normalize()).to_numpy()
        at_midnight = there & ((column.clock == column.clock.astype("datetime64[D]")) | in_zone)
        if not count or not at_midnight.any():
            continue
        if role == "deadline":
            if column.date_only.any():
                findings.note("deadline_days", count=int(column.date_only.sum()), total=count, column=column.column)
            continue
        told = rows.where(np.flatnonzero(at_midnight), rows.columns[column.column])
        counts = {"count": int(at_midnight.sum()), "total": count, "column": column.column, "examples": told}
        if at_midnight.sum() == count and role not in ("ended", "reopened"):
            findings.refuse("date_only", **counts)
        elif at_midnight.sum() > max(1, SOME_MIDNIGHTS * count) or column.date_only[there].any():
            findings.warn("some_dates_only", **counts)


def check_future(
    rows: Rows, times: dict[str, pd.Series], columns: dict[str, str], now: pd.Timestamp, findings: Findings
) -> np.ndarray:
    """Return rows with times after the present (a day's grace for clocks and zones)."""
    bad = np.zeros(len(rows), bool)
    for role, at in times.items():
        if role == "deadline":
            continue
        ahead = (at > now + DAY).to_numpy()
        if ahead.any():
            told = rows.where(np.flatnonzero(ahead), rows.columns[columns[role]])
            findings.bad(
                "future", count=int(ahead.sum()), total=int(at.notna().sum()), column=columns[role], examples=told,
                allowed=f"times up to {now:%Y-%m-%d}",
            )  # fmt: skip
            bad |= ahead
    return bad


def check_starts(rows: Rows, times: dict[str, pd.Series], columns: dict[str, str], findings: Findings) -> np.ndarray:
    """Return events that end before they start."""
    if "start" not in times or "time" not in times:
        return np.zeros(len(rows), bool)
    bad = (times["start"] > times["time"]).to_numpy()
    if bad.any():
        shown = rows.columns[columns["start"]].astype(str) + " to " + rows.columns[columns["time"]].astype(str)
        told = rows.where(np.flatnonzero(bad), shown)
        column = f"{columns['start']}, {columns['time']}"
        findings.bad("start_after_end", count=int(bad.sum()), total=len(rows), column=column, examples=told)
    return bad


def check_order(
    rows: Rows, case: np.ndarray, times: dict[str, pd.Series], order: pd.Series | None, column: str | None,
    findings: Findings,
) -> np.ndarray:  # fmt: skip
    """Compare times with the order of events; return events that contradict it.

    Steps may overlap, so a case may stand in the order in which its events began, or in that in which they were
    done; only what contradicts both is told.

    Parameters
    ----------
    times
        ``time`` of completion, and ``start`` where the log has one.
    order
        Sequence numbers; None: the order of the rows.
    column
        What states the order and so binds; None: mere position in the file, which does not.
    """
    number = pd.to_numeric(order, errors="coerce") if order is not None else pd.Series(np.arange(len(rows)))
    at = times["time"]
    behind = _behind(case, at, number)
    if behind.any() and "start" in times:
        begun = _behind(case, times["start"].fillna(at), number)
        behind &= np.isin(case, np.unique(case[begun]))  # a case in the order of its starts contradicts nothing
    if not behind.any():
        return behind
    told = rows.where(np.flatnonzero(behind), at.astype(str))
    if column is not None:
        findings.bad("against_order", count=int(behind.sum()), total=len(rows), column=column, examples=told)
        return behind
    findings.warn("out_of_order", count=int(behind.sum()), total=len(rows), examples=told)
    return np.zeros(len(rows), bool)


def _behind(case: np.ndarray, at: pd.Series, number: pd.Series) -> np.ndarray:
    """Return which rows have an earlier time than a row before them in their case."""
    frame = pd.DataFrame({"case": case, "at": at.astype(np.int64).to_numpy(), "number": number.to_numpy(float)})
    frame = frame.sort_values(["case", "number"], kind="stable")
    highest = frame["at"].groupby(frame["case"]).cummax()
    behind = np.zeros(len(frame), bool)
    behind[frame.index.to_numpy()] = (frame["at"] < highest).to_numpy()
    return behind


def case_checks(cases: pd.DataFrame, columns: dict[str, str], findings: Findings) -> np.ndarray:
    """Check opening against closing; return which cases cannot be used."""
    cycle = cases["closed"] - cases["opened"]
    negative = (cycle < pd.Timedelta(0)).to_numpy()
    named = f"{columns.get('opened', 'first event')}, {columns.get('closed', 'last event')}"
    if negative.any():
        told = _cases(cases[negative], "opened", "closed")
        findings.bad("closed_before_opened", count=int(negative.sum()), total=len(cases), column=named, examples=told)
    forever = (cycle > LONGEST_DAYS * DAY).to_numpy()
    if forever.any():
        told = _cases(cases[forever], "opened", "closed")
        findings.bad(
            "impossible_duration", count=int(forever.sum()), total=len(cases), column=named, examples=told,
            allowed="20 years",
        )  # fmt: skip
    return np.asarray(negative | forever, bool)


def case_warnings(cases: pd.DataFrame, columns: dict[str, str], findings: Findings) -> None:
    """Say what is odd about ends and deadlines."""
    if "ended" in columns:
        early = cases["ended"] < cases["opened"]
        if early.any():
            told = _cases(cases[early], "opened", "ended")
            findings.warn(
                "ended_before_opened", count=int(early.sum()), total=len(cases), column=columns["ended"], examples=told
            )
        before = ~early & (cases["ended"] < cases["closed"])
        if before.any():
            told = _cases(cases[before], "ended", "closed")
            findings.warn(
                "ended_before_last", count=int(before.sum()), total=len(cases), column=columns["ended"], examples=told
            )
    passed = cases["deadline"] < cases["opened"]
    if passed.any():
        told = _cases(cases[passed], "opened", "deadline")
        findings.warn("deadline_before_opening", count=int(passed.sum()), total=len(cases), examples=told)
    if cases["overdue_open"].any():
        late = int(cases["late"].fillna(False).sum()) + int(cases["overdue_open"].sum())
        judged = int(cases["late"].notna().sum()) + int(cases["overdue_open"].sum())
        findings.warn(
            "overdue_open", count=int(cases["overdue_open"].sum()), total=int(cases["deadline"].notna().sum()),
            found=percent(late / judged),
        )  # fmt: skip


def check_closing(cases: pd.DataFrame, events: pd.DataFrame, marked: bool, findings: Findings) -> None:
    """Refuse a log without closed cases; warn where closing is not marked, or only closed cases were exported."""
    if cases["open_end"].all():
        findings.refuse("all_open", count=len(cases), total=len(cases))
        return
    if cases["closed"].isna().all():
        findings.refuse("no_closing_times", count=int(cases["end_unknown"].sum()), total=len(cases))
        return
    first, last = cases["opened"].min(), _last(cases, events)
    if not marked:
        gaps = events["at"].diff()[events["case_id"].eq(events["case_id"].shift())]
        usual = float(minutes_of(gaps).quantile(0.95)) / 1440 if len(gaps) else 1.0
        days = min(max(1.0, usual), LONGEST_QUIET_DAYS)
        recent = int((cases["closed"] > last - days * DAY).sum() + cases["open_end"].sum())
        findings.warn("no_end_marker", count=recent, total=len(cases), found=f"{days:.3g}")
        return
    span_min = max((last - first).total_seconds() / 60, 1.0)
    expected = float(cases["cycle_min"].sum()) / span_min
    if not cases["open_end"].any() and expected >= EXPECTED_OPEN:
        findings.warn("only_closed", total=len(cases), found=f"{expected:.0f}")


def check_window(cases: pd.DataFrame, findings: Findings) -> None:
    """Warn when a few cases stretch the window far beyond the period in which nearly all open."""
    low, high = cases["opened"].quantile([0.01, 0.99])
    whole = cases["opened"].max() - cases["opened"].min()
    if len(cases) >= 50 and whole > 1.5 * (high - low) and whole - (high - low) > 30 * DAY:
        outside = int(((cases["opened"] < low) | (cases["opened"] > high)).sum())
        findings.warn("thin_window", count=outside, total=len(cases), found=f"{low:%Y-%m-%d} – {high:%Y-%m-%d}")


def _last(cases: pd.DataFrame, events: pd.DataFrame) -> pd.Timestamp:
    known = [cases[name].max() for name in ("opened", "closed")] + ([events["at"].max()] if len(events) else [])
    return max(one for one in known if not pd.isna(one))


def _cases(cases: pd.DataFrame, first: str, second: str) -> list[str]:
    some = cases.head(3)
    return [
        f"case {name}: {first} {a:%Y-%m-%d %H:%M:%S}, {second} {b:%Y-%m-%d %H:%M:%S} (UTC)"
        for name, a, b in zip(some["case_id"], some[first], some[second], strict=True)
    ]
