"""Times as they are written, zones and their clock changes, dates without a clock: all become the same moments."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from caselog_files import Row, roles, same, sample, write_csv

from calibration.caselog import CaseLog
from sim.errors import InputError

Z = "Europe/Amsterdam"

FORMS = [
    ("%Y-%m-%d %H:%M:%S", "+0000"), ("%Y-%m-%dT%H:%M:%S", "Z"), ("%Y/%m/%d %H:%M:%S", " +00:00"),
    ("%Y%m%dT%H%M%S", "Z"), ("%Y-%m-%dT%H:%M:%S.000000", "+00:00"), ("%Y-%m-%d %H:%M:%S,000", "+00"),
    ("%Y年%m月%d日 %H时%M分%S秒", ""), ("%Y年%m月%d日%H:%M", ""), ("%d.%m.%Y %H:%M", ""), ("%m/%d/%Y %I:%M:%S %p", ""),
    ("%Y-%m-%d %H:%M", ""), ("%Y%m%d%H%M%S", ""),
]  # fmt: skip


@pytest.mark.parametrize(("form", "offset"), FORMS)
def test_forms_of_time(form: str, offset: str, tmp_path: Path) -> None:
    """Enough days that day and month can be told apart by the values alone."""
    log = CaseLog.read(write_csv(tmp_path / "a.csv", sample(60, offset=offset, form=form)), zone="UTC")
    same(log, CaseLog.read(write_csv(tmp_path / "b.csv", sample(60)), zone="UTC"))


@pytest.mark.parametrize("named", ["%d/%m/%Y %H:%M", "%d-%m-%y %H:%M", "%b %d %Y %H:%M", "unix_s", "unix_ms", "excel"])
def test_forms_of_time_that_the_map_names(named: str, tmp_path: Path) -> None:
    def written(at: datetime) -> str:
        epoch = at.timestamp()
        if named == "excel":
            return f"{epoch / 86400 + 25569:.10f}".replace(".", ",")
        return {"unix_s": f"{epoch:.0f}", "unix_ms": f"{epoch * 1000:.0f}"}.get(named) or at.strftime(named)

    rows = sample()
    for row in rows:
        for name in ("time:timestamp", "case:deadline"):
            row[name] = written(datetime.fromisoformat(row[name]))
    log = CaseLog.read(write_csv(tmp_path / "a.csv", rows, ";"), roles(time_format=named), zone="UTC")
    same(log, CaseLog.read(write_csv(tmp_path / "b.csv", sample()), roles(), zone="UTC"))


def test_seconds_and_milliseconds_are_told_by_their_digits(tmp_path: Path) -> None:
    for factor in (1, 1000):
        rows = sample()
        for row in rows:
            for name in ("time:timestamp", "case:deadline"):
                row[name] = f"{datetime.fromisoformat(row[name]).timestamp() * factor:.0f}"
        same(CaseLog.read(write_csv(tmp_path / "a.csv", rows)), CaseLog.read(write_csv(tmp_path / "b.csv", sample())))


# Clock changes


def clocks(*times: str) -> list[Row]:
    rows = [{"case": "a", "activity": f"s{i}", "timestamp": t} for i, t in enumerate(times)]
    return [*rows, {"case": "b", "activity": "s0", "timestamp": "2024-06-01 12:00:00"}]


def utc(log: CaseLog, case: str = "a") -> list[str]:
    return [f"{t:%m-%d %H:%M}" for t in log.events.loc[log.events["case_id"] == case, "at"]]


def test_local_clocks_across_the_summer_time_change(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "log.csv", clocks("2024-03-30 12:00:00", "2024-03-31 12:00:00", "2024-10-27 12:00:00"))
    log = CaseLog.read(path, zone=Z)
    assert utc(log) == ["03-30 11:00", "03-31 10:00", "10-27 11:00"]
    minutes, _ = log.durations(("s0", "s1"))
    assert minutes.tolist() == [23 * 60]  # the night that lacks an hour
    assert log.diagnosis.get("nonexistent_clock") is None and log.diagnosis.get("no_zone") is None


def test_clock_times_that_do_not_exist_are_counted_and_read_an_hour_later(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "log.csv", clocks("2024-03-31 01:30:00", "2024-03-31 02:30:00", "2024-03-31 03:45:00"))
    log = CaseLog.read(path, zone=Z)
    assert utc(log) == ["03-31 00:30", "03-31 01:30", "03-31 01:45"]  # 02:30 is read as 03:30
    found = log.diagnosis.get("nonexistent_clock")
    assert found is not None and (found.severity, found.count, found.total) == ("warn", 1, 4)


def test_clock_times_that_stand_twice_follow_the_order_of_their_case(tmp_path: Path) -> None:
    times = ("2024-10-27 02:10:00", "2024-10-27 02:50:00", "2024-10-27 02:20:00", "2024-10-27 03:05:00")
    log = CaseLog.read(write_csv(tmp_path / "log.csv", clocks(*times)), zone=Z)
    assert utc(log) == ["10-27 00:10", "10-27 00:50", "10-27 01:20", "10-27 02:05"]  # 02:20 after 02:50: the second
    found = log.diagnosis.get("ambiguous_clock")
    assert found is not None and (found.severity, found.count) == ("warn", 3)


def test_no_zone_is_said_and_offsets_alone_tell_one(tmp_path: Path) -> None:
    log = CaseLog.read(write_csv(tmp_path / "a.csv", sample(offset="")))
    assert log.zone == "UTC" and log.diagnosis.get("no_zone") is not None
    log = CaseLog.read(write_csv(tmp_path / "b.csv", sample(offset="+08:00")))
    assert log.zone == "UTC+08:00"
    found = log.diagnosis.get("fixed_offset")
    assert found is not None and found.found == "+08:00"
    assert log.local(log.cases["opened"]).iloc[0].hour == 8
    stated = CaseLog.read(tmp_path / "b.csv", zone="Asia/Shanghai")
    assert stated.zone == "Asia/Shanghai" and stated.diagnosis.get("fixed_offset") is None
    same(log, stated)


def test_zone_is_inferred_from_the_change_of_offsets(tmp_path: Path) -> None:
    for zone, expected in (("America/New_York", "America/New_York"), ("Australia/Lord_Howe", "Australia/Lord_Howe")):
        times = pd.date_range("2024-01-05 10:00", periods=24, freq="14D", tz=zone)
        rows = [{"case": f"c{i % 8}", "activity": f"a{i}", "timestamp": t.isoformat()} for i, t in enumerate(times)]
        assert CaseLog.read(write_csv(tmp_path / "log.csv", rows)).zone == expected


# Dates without a clock


def test_deadlines_that_are_dates_hold_until_the_end_of_their_day(tmp_path: Path) -> None:
    rows = [{**row, "case:deadline": "2024-03-05"} for row in sample()]
    log = CaseLog.read(write_csv(tmp_path / "log.csv", rows), zone=Z)
    assert log.cases["deadline"].iloc[0] == pd.Timestamp("2024-03-06", tz=Z)
    assert log.diagnosis.get("deadline_days") is not None


def test_midnights_among_clock_times_are_a_warning(tmp_path: Path) -> None:
    rows = sample()
    rows[0]["time:timestamp"] = "2024-03-04T00:00:00+00:00"
    rows[3]["time:timestamp"] = "2024-03-04T00:00:00+00:00"
    found = CaseLog.read(write_csv(tmp_path / "log.csv", rows)).diagnosis.get("some_dates_only")
    assert found is not None and (found.severity, found.count, found.total) == ("warn", 2, 18)


def test_an_unknown_zone_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown time zone; found 'Europe/Atlantis'"):
        CaseLog.read(write_csv(tmp_path / "log.csv", sample()), zone="Europe/Atlantis")


def test_a_column_in_utc_beside_one_with_local_offsets_is_no_mixture(tmp_path: Path) -> None:
    times = pd.date_range("2024-01-05 10:00", periods=24, freq="14D", tz=Z)
    rows = [
        {"case": f"c{i % 8}", "activity": f"a{i}", "timestamp": t.isoformat(), "deadline": "2025-02-01T00:00:00Z"}
        for i, t in enumerate(times)
    ]
    log = CaseLog.read(write_csv(tmp_path / "log.csv", rows))
    assert log.zone == Z and log.cases["deadline"].iloc[0] == pd.Timestamp("2025-02-01T00:00Z")


def test_forms_of_time_by_role(tmp_path: Path) -> None:
    rows = [{**row, "case:deadline": "05.03.24"} for row in sample()]
    mapping = roles(time_format={"deadline": "%d.%m.%y"})  # type: ignore[arg-type]
    log = CaseLog.read(write_csv(tmp_path / "log.csv", rows), mapping, zone=Z)
    assert log.cases["deadline"].iloc[0] == pd.Timestamp("2024-03-06", tz=Z)
    assert log.cases["opened"].iloc[0] == pd.Timestamp("2024-03-04T08:13Z")
