"""Logs read as they stand: words that look like nothing, undated ends, reopenings, repeats, and our own export."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from caselog_files import codes, refusal, said, sample, write_csv, write_xes, xes_text

from calibration.caselog import CaseLog, Mapping
from calibration.observed import sample_of
from scenarios.commands import _write_frame, with_clock

NOTHINGS = ["NA", "None", "NULL", "nan", "-", "n/a"]


def cases_csv(path: Path, **columns: list[str]) -> Path:
    """Write a log of one row per case: a case a day, closed five hours later, with columns of its own."""
    count = len(next(iter(columns.values())))
    first = dt.datetime(2024, 3, 4, 8, 30)
    base = {
        "id": [f"A{i}" for i in range(count)],
        "opened": [str(first + dt.timedelta(days=i)) for i in range(count)],
        "closed": [str(first + dt.timedelta(days=i, hours=5)) for i in range(count)],
    }
    pd.DataFrame({**base, **columns}).to_csv(path, index=False)
    return path


def found(log: CaseLog, code: str) -> int:
    """Return how many a finding counts, 0 without it."""
    one = log.diagnosis.get(code)
    return 0 if one is None else one.count


# Words that look like nothing


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_an_id_or_a_name_is_what_stands_there(form: str, tmp_path: Path) -> None:
    path = cases_csv(tmp_path / "log.csv", id=NOTHINGS, department=NOTHINGS)
    frame = pd.read_csv(path, keep_default_na=False)
    log = CaseLog.read(_write_frame(frame, tmp_path / f"again.{form}"), zone="UTC")
    assert list(log.cases["case_id"]) == NOTHINGS == list(log.cases["department"])
    assert found(log, "doubtful_words") == 6  # of the departments; an id that stands once is nobody's doubt


def test_words_mean_nothing_where_the_map_says_so_and_among_times(tmp_path: Path) -> None:
    path = cases_csv(tmp_path / "log.csv", department=["None", "parks", "-"], closed=["2024-03-09 09:00", "NULL", "-"])
    mapping = Mapping.parse(
        "case: id\nopened: opened\nclosed: closed\ndepartment: department\nmissing_words: {department: ['None', '-']}"
    )
    log = CaseLog.read(path, mapping, zone="UTC")
    assert list(log.cases["department"]) == [None, "parks", None]
    assert list(log.cases["open_end"]) == [False, True, True]
    gone = CaseLog.read(cases_csv(path, id=["NA", "B", "C", "D"]), Mapping.parse("missing_words: [NA]"), "UTC", "drop")
    assert list(gone.cases["case_id"]) == ["B", "C", "D"]


# Closed, nobody knows when


@pytest.mark.parametrize(
    ("status", "options"),
    [("Closed", ""), ("Closed - Duplicate", ""), ("已办结", ""), ("结案", ""), ("办结", ""), ("closed_no_action", ""),
     ("Case Closed", ""), ("Auto-closed", ""), ("Archived", ""), ("Geschlossen", ""), ("Clôturé", ""), ("Cerrada", ""),
     ("закрыто", ""), ("完了", ""), ("处理完毕", ""), ("Fertig", "closing_statuses: [Fertig]")],
)  # fmt: skip
def test_closed_without_a_date_is_neither_open_nor_a_duration(status: str, options: str, tmp_path: Path) -> None:
    closed = ["2024-03-04 13:30", "", "", "2024-03-07 13:30", ""]
    path = cases_csv(tmp_path / "log.csv", status=[status] * 4 + ["未办结"], closed=closed)
    log = CaseLog.read(path, Mapping.parse(options) if options else None, zone="UTC")
    assert list(log.cases["open_end"]) == [False] * 4 + [True]
    assert list(log.cases["end_unknown"]) == [False, True, True, False, False]
    assert found(log, "closed_without_date") == 2
    minutes, censored = log.durations()
    assert list(minutes) == [300, 300, 0] and list(censored) == [False, False, True]
    got = sample_of(log)  # a case with an unknown end arrives, and is censored before it could tell anything
    assert len(got) == 5 and list(got.cycle_min[1:3]) == [-1, -1] and got.cycle_open[1:3].all()
    train, _ = log.split("2024-03-07")
    assert train.cases["end_unknown"].sum() == 2 and not train.cases["open_end"].any()


@pytest.mark.parametrize(
    "status", ["Not Closed", "Unclosed", "To be closed", "Disclosed", "Closet 5", "未结案", "Incomplete"]
)
def test_words_that_only_resemble_a_closing_close_nothing(status: str, tmp_path: Path) -> None:
    path = cases_csv(tmp_path / "log.csv", status=[status] * 5, closed=["2024-03-04 13:30", "", "", "", ""])
    log = CaseLog.read(path, zone="UTC")
    assert list(log.cases["open_end"]) == [False] + [True] * 4 and not log.cases["end_unknown"].any()


def test_a_status_of_unknown_meaning_that_mostly_stands_beside_dates_is_told(tmp_path: Path) -> None:
    closed = ["2024-03-04 13:30", "2024-03-05 13:30", "", "", ""]
    path = cases_csv(tmp_path / "log.csv", status=["Fertig"] * 3 + ["Neu"] * 2, closed=closed)
    log = CaseLog.read(path, zone="UTC")
    assert found(log, "undated_like_closed") == 1 and log.cases["open_end"].sum() == 3
    named = CaseLog.read(path, Mapping.parse("closing_statuses: [Fertig]"), zone="UTC")
    assert found(named, "closed_without_date") == 1 and named.cases["open_end"].sum() == 2


@pytest.mark.parametrize("word", ["–", "—", "#N/A", "nil", "(null)", "N.A.", "0000-00-00 00:00:00", "无", "暂无"])
def test_words_for_no_time(word: str, tmp_path: Path) -> None:
    path = cases_csv(tmp_path / "log.csv", closed=["2024-03-04 13:30", word, "2024-03-06 13:30"])
    assert list(CaseLog.read(path, zone="UTC").cases["open_end"]) == [False, True, False]
    other = cases_csv(tmp_path / "other.csv", closed=["2024-03-04 13:30", "TBD", "2024-03-06 13:30"])
    assert "missing_words" in said(refusal(other, zone="UTC"))


def test_dates_and_statuses_that_contradict_are_counted(tmp_path: Path) -> None:
    path = cases_csv(tmp_path / "log.csv", status=["Closed", "Open", "Pending", "Closed"])
    log = CaseLog.read(path, zone="UTC")
    assert found(log, "dated_open_word") == 2 and not log.cases["open_end"].any()
    by_status = CaseLog.read(path, Mapping.parse("closing_statuses: [Closed]"), zone="UTC")
    assert found(by_status, "dated_not_closed") == 2 and by_status.cases["open_end"].sum() == 2


def test_without_any_date_of_closing_nothing_can_be_learnt(tmp_path: Path) -> None:
    error = refusal(cases_csv(tmp_path / "log.csv", status=["Closed"] * 4, closed=[""] * 4), zone="UTC")
    assert codes(error) == ["no_closing_times"] and "'closed'" in said(error)


def test_what_is_censored_at_its_start_leaves_the_fit_as_it_is() -> None:
    from calibration.durations import choose

    rng = np.random.default_rng(4)
    x = np.concatenate([np.zeros(60), rng.lognormal(5, 1, 240)])
    one, _ = choose(x, np.zeros(300, bool))
    two, _ = choose(np.concatenate([x, np.zeros(200)]), np.arange(500) >= 300)
    assert two.quantile((0.1, 0.5, 0.9)) == pytest.approx(one.quantile((0.1, 0.5, 0.9)), rel=1e-3)


# Opened again


def test_an_event_after_the_closing_opens_a_case_again_unless_it_is_closed_later(tmp_path: Path) -> None:
    rows = sample(5)
    for case, activity, day in (("c0", "reopen", 20), ("c1", "reopen", 20), ("c1", "close", 21), ("c2", "archived", 22),
                                ("c3", "stamp", 22)):  # fmt: skip
        row = next(row for row in rows if row["case:concept:name"] == case)
        rows.append({**row, "concept:name": activity, "time:timestamp": f"2024-03-{day}T10:00:00+00:00"})
    base = "case: case:concept:name\nactivity: concept:name\ntime: time:timestamp\nclosing_activities: [close]\n"
    path = write_csv(tmp_path / "log.csv", rows)
    log = CaseLog.read(path, Mapping.parse(base))
    assert list(log.cases.loc[log.cases["open_end"], "case_id"]) == ["c0", "c3"] and found(log, "reopened") == 2
    named = CaseLog.read(path, Mapping.parse(base + "after_closing: [stamp]"))
    assert list(named.cases.loc[named.cases["open_end"], "case_id"]) == ["c0"]


def test_a_column_of_reopenings(tmp_path: Path) -> None:
    path = cases_csv(tmp_path / "log.csv", **{"reopened at": ["2024-03-09 10:00", "", "2024-03-06 09:00"]})
    log = CaseLog.read(path, zone="UTC")
    assert list(log.cases["open_end"]) == [True, False, False] and found(log, "reopened") == 1
    flags = CaseLog.read(cases_csv(path, reopened=["yes", "no", "2"]), zone="UTC")
    assert not flags.cases["open_end"].any() and found(flags, "reopened_sometime") == 2


# Repeats, order, and what stands in XES beside traces


def test_repeated_events_are_kept_told_and_dropped_on_demand(tmp_path: Path) -> None:
    rows = [row for row in sample() for _ in range(3 if row["concept:name"] == "work" else 1)]
    path = write_xes(tmp_path / "log.xes", rows)
    log, plain = CaseLog.read(path), CaseLog.read(write_xes(tmp_path / "plain.xes", sample()))
    assert len(log.events) == 30 and found(log, "repeated_events") == 12
    assert log.durations()[0].tolist() == plain.durations()[0].tolist()
    dropped = CaseLog.read(path, Mapping.parse("repeated_rows: drop"))
    pd.testing.assert_frame_equal(dropped.events, plain.events)


def test_overlapping_steps_in_the_order_of_their_starts(tmp_path: Path) -> None:
    rows = []
    for number in range(4):
        for name, start, end in (("a", "09:00", "09:50"), ("b", "09:10", "09:20")):
            day = f"2024-05-0{number + 1}T"
            rows.append({"case:concept:name": f"c{number}", "concept:name": name,
                         "time:timestamp": f"{day}{end}:00Z", "start_timestamp": f"{day}{start}:00Z"})  # fmt: skip
    by_xes, by_csv = (
        CaseLog.read(write_xes(tmp_path / "l.xes", rows)),
        CaseLog.read(write_csv(tmp_path / "l.csv", rows)),
    )
    pd.testing.assert_frame_equal(by_xes.events, by_csv.events)
    assert by_xes.durations()[0].tolist() == [50] * 4
    swapped = [
        rows[1],
        {**rows[0], "start_timestamp": "2024-05-01T08:00:00Z", "time:timestamp": "2024-05-01T08:30:00Z"},
    ]
    assert codes(refusal(write_xes(tmp_path / "bad.xes", swapped + rows[2:]))) == ["against_order"]


def test_events_outside_traces_nameless_traces_and_globals(tmp_path: Path) -> None:
    text = xes_text(sample()).replace('<string key="concept:name" value="c2"/>', "", 1)
    text = text.replace("</log>", '<event><string key="concept:name" value="x"/></event></log>')
    text = text.replace(
        "<classifier", '<global scope="event"><string key="cost:unit" value="EUR"/></global><classifier'
    )
    (tmp_path / "log.xes").write_text(text)
    log = CaseLog.read(
        tmp_path / "log.xes", Mapping.parse("case: case:concept:name\ntime: time:timestamp\nkind: cost:unit")
    )
    assert found(log, "loose_events") == 1 and found(log, "unnamed_traces") == 1
    assert "trace 3" in set(log.cases["case_id"]) and set(log.cases["kind"]) == {"EUR"}
    assert found(log, "global_default") == 18


@pytest.mark.parametrize("text", ['{"ocel:events": {}}', "<log><events/></log>", '{"objects": [], "events": []}'])
def test_object_centric_logs_are_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(text)
    assert codes(refusal(tmp_path / "log")) == ["ocel"]


# The hour that stands twice, and the one that is missing


@pytest.mark.parametrize(
    ("zone", "opened", "closed", "minutes"),
    [
        ("America/New_York", "2023-11-05 01:50", "2023-11-05 01:10", 20),
        ("America/New_York", "2023-11-05 01:10", "2023-11-05 01:50", 40),
        ("America/New_York", "2023-11-05 01:50", "2023-11-05 02:10", 80),  # both readings fit: the first is taken
        ("America/New_York", "2024-03-10 01:50", "2024-03-10 02:10", 20),
        ("America/New_York", "2024-03-10 02:50", "2024-03-10 03:10", 20),
        ("Australia/Lord_Howe", "2024-04-07 01:50", "2024-04-07 01:35", 15),  # the clock goes back half an hour
        ("America/Havana", "2023-11-05 00:50", "2023-11-05 00:10", 20),  # midnight stands twice
        ("America/Sao_Paulo", "2019-02-16 23:50", "2019-02-16 23:10", 20),  # back into the day before
        ("America/Sao_Paulo", "2018-11-03 23:50", "2018-11-04 00:20", 30),  # there is no midnight
        ("Asia/Beirut", "2022-03-26 23:50", "2022-03-27 01:10", 20),
        ("Antarctica/Troll", "2023-10-29 02:30", "2023-10-29 01:40", 70),  # two hours at once
        ("Pacific/Apia", "2011-12-29 23:50", "2011-12-31 00:10", 20),  # a day is left out
        ("Pacific/Apia", "2011-12-30 10:00", "2011-12-31 11:00", 60),
    ],
)
def test_one_rule_for_rows_and_events(zone: str, opened: str, closed: str, minutes: float, tmp_path: Path) -> None:
    other = ("2023-10-02 10:00", "2023-10-02 11:00")
    pd.DataFrame({"id": ["a", "b"], "opened": [opened, other[0]], "closed": [closed, other[1]]}).to_csv(
        tmp_path / "rows.csv", index=False
    )
    events = [("a", opened), ("a", closed), *((case, at) for case in "bcd" for at in other)]
    pd.DataFrame(events, columns=["case", "timestamp"]).to_csv(tmp_path / "events.csv", index=False)
    pd.DataFrame(events[::-1], columns=["case", "timestamp"]).to_csv(tmp_path / "backwards.csv", index=False)
    for name in ("rows", "events", "backwards"):
        log = CaseLog.read(tmp_path / f"{name}.csv", zone=zone)
        assert log.cases.set_index("case_id")["cycle_min"]["a"] == minutes


# Types of columns


def test_a_columns_zone_is_its_zone_and_types_say_what_the_csv_says(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.feather as feather
    import pyarrow.parquet as pq

    opened = pd.date_range("2024-01-02 09:10:30", periods=40, freq="61h", tz="America/Los_Angeles")
    frame = pd.DataFrame({"case id": range(40), "opened": opened, "closed": opened + pd.Timedelta(hours=3)})
    frame.to_csv(tmp_path / "log.csv", index=False)
    table = pa.table({
        "case id": pa.array(range(40), pa.decimal128(12, 0)), "opened": pa.array(opened),
        "closed": pa.array(opened + pd.Timedelta(hours=3)), "due": pa.array(opened.date, pa.date32()),
        "type": pa.array(["leak"] * 40, pa.large_string()).dictionary_encode(), "notes": pa.array([["x"]] * 40),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "log.parquet")
    feather.write_feather(table, tmp_path / "log.arrow", compression="uncompressed")
    straight = CaseLog.read(tmp_path / "log.csv", zone="America/Los_Angeles").cases.drop(columns=["kind", "deadline"])
    for name in ("log.parquet", "log.arrow"):
        log = CaseLog.read(tmp_path / name)
        assert log.zone == "America/Los_Angeles" and set(log.cases["kind"]) == {"leak"}
        pd.testing.assert_frame_equal(
            log.cases[["case_id", "opened", "closed", "cycle_min"]],
            straight[["case_id", "opened", "closed", "cycle_min"]],
        )
        assert found(log, "deadline_days") == 40
    error = refusal(tmp_path / "log.parquet", Mapping.parse("case: case id\nopened: opened\nkind: notes"))
    assert codes(error) == ["nested_column"]


@pytest.mark.parametrize("named", [None, "America/Los_Angeles"])
@pytest.mark.parametrize(
    ("opened_in", "closed_in"),
    [
        ("America/Los_Angeles", "America/Los_Angeles"),
        ("America/Los_Angeles", "UTC"),  # moments in UTC tell no clock of their own
        ("UTC", "America/Los_Angeles"),
        ("Etc/UTC", "America/Los_Angeles"),
        ("America/Los_Angeles", "-08:00"),  # a part of the system that never changes its clocks
        ("US/Pacific", "America/Los_Angeles"),
        ("America/Los_Angeles", None),  # clock times without a zone are of the zone that the other column states
        (None, "America/Los_Angeles"),
    ],
)
def test_each_column_of_a_parquet_file_is_read_in_its_own_zone(
    opened_in: str | None, closed_in: str | None, named: str | None, tmp_path: Path
) -> None:
    clock = pd.Timestamp("2024-01-05 09:00") + pd.to_timedelta(np.arange(60) * 3, unit="D")
    opened = pd.DatetimeIndex(clock).tz_localize("America/Los_Angeles")
    frame = pd.DataFrame({"case": [str(i) for i in range(60)]})
    for name, moments, zone in (("opened", opened, opened_in), ("closed", opened + pd.Timedelta(hours=3), closed_in)):
        frame[name] = moments.tz_localize(None) if zone is None else moments.tz_convert(zone)
    frame.to_parquet(tmp_path / "log.parquet")
    log = CaseLog.read(tmp_path / "log.parquet", zone=named)
    assert log.zone == "America/Los_Angeles" and set(log.cases["cycle_min"]) == {180.0}
    assert set(log.local(log.cases["opened"]).dt.hour) == {9}


def test_columns_of_two_places_have_no_common_clock_unless_one_is_named(tmp_path: Path) -> None:
    opened = pd.date_range("2024-01-05 09:00", periods=60, freq="3D", tz="America/Los_Angeles")
    closed = (opened + pd.Timedelta(hours=3)).tz_convert("Europe/Berlin")
    pd.DataFrame({"case": range(60), "opened": opened, "closed": closed}).to_parquet(tmp_path / "log.parquet")
    assert codes(refusal(tmp_path / "log.parquet")) == ["several_zones"]
    for zone in ("America/Los_Angeles", "Europe/Berlin"):
        log = CaseLog.read(tmp_path / "log.parquet", Mapping.parse("accept: [several_zones]"), zone=zone)
        assert log.zone == zone and set(log.cases["cycle_min"]) == {180.0}


@pytest.mark.parametrize(
    ("offset", "zone", "fits"),
    [
        ("+08:00", "Asia/Shanghai", True), ("Z", "Asia/Shanghai", True), ("+08:00", "Europe/Berlin", False),
        ("+01:00", "Europe/Berlin", True), ("+02:00", "Europe/Berlin", True), ("-05:00", "America/Chicago", True),
        ("-05:00", "America/Denver", False), ("+05:30", "Asia/Kolkata", True), ("+05:30", "Asia/Karachi", False),
        ("+08:00", "UTC+08:00", True), ("+08:00", "UTC+07:00", False),
    ],
)  # fmt: skip
def test_one_offset_that_the_stated_zone_never_has_is_refused(
    offset: str, zone: str, fits: bool, tmp_path: Path
) -> None:
    """Before, times at +08:00 with --zone Europe/Berlin were counted by Berlin's hours without a word."""
    days = pd.date_range("2024-01-05", periods=30)
    path = cases_csv(tmp_path / "log.csv", opened=[f"{d:%Y-%m-%d} 09:00:00{offset}" for d in days],
                     closed=[f"{d:%Y-%m-%d} 12:00:00{offset}" for d in days])  # fmt: skip
    if fits:
        assert CaseLog.read(path, zone=zone).zone == zone
        return
    error = refusal(path, zone=zone)
    assert codes(error) == ["other_zone"] and zone in said(error) and offset in said(error)
    log = CaseLog.read(path, Mapping.parse("accept: [other_zone]"), zone=zone)
    assert log.zone == zone and set(log.cases["cycle_min"]) == {180.0}


@pytest.mark.parametrize("per_second", [1, 1_000, 1_000_000, 1_000_000_000])
def test_whole_numbers_since_1970(per_second: int, tmp_path: Path) -> None:
    seconds = np.arange(1_704_100_000, 1_704_100_000 + 5 * 90_000, 90_000)
    frame = pd.DataFrame({"id": range(5), "opened": seconds * per_second, "closed": (seconds + 600) * per_second})
    frame.to_parquet(tmp_path / "log.parquet")
    assert CaseLog.read(tmp_path / "log.parquet").durations()[0] == pytest.approx([10] * 5, abs=1e-6)


# A way through each refusal


def test_what_the_map_accepts_is_a_warning(tmp_path: Path) -> None:
    path = cases_csv(tmp_path / "log.csv", opened=["2024-03-04", "2024-03-05"], closed=["2024-03-06", "2024-03-06"])
    error = refusal(path, zone="UTC")
    assert "date_only" in codes(error) and "accept: [date_only]" in said(error)
    log = CaseLog.read(path, Mapping.parse("accept: [date_only]"), zone="UTC")
    assert log.durations()[0].tolist() == [2880, 1440]
    rows = [{**row, "time:timestamp": row["time:timestamp"].replace("+00:00", "+00:00" if i % 2 else "")}
            for i, row in enumerate(sample())]  # fmt: skip
    mixed = write_csv(tmp_path / "mixed.csv", rows)
    assert "accept: [mixed_zones]" in said(refusal(mixed, zone="UTC"))
    assert len(CaseLog.read(mixed, Mapping.parse("accept: [mixed_zones]"), zone="UTC").cases) == 6


def test_ids_of_several_columns_parts_of_a_file_and_several_forms_of_time(tmp_path: Path) -> None:
    path = cases_csv(tmp_path / "log.csv", id=["1", "2", "1", "2"], office=["n", "n", "s", "s"])
    assert "case: [COLUMN, COLUMN]" in said(refusal(path, zone="UTC"))
    both = Mapping.parse("case: [office, id]\nopened: opened\nclosed: closed")
    assert list(CaseLog.read(path, both, zone="UTC").cases["case_id"]) == ["n + 1", "n + 2", "s + 1", "s + 2"]
    assert Mapping.parse(both.to_yaml()) == both
    part = CaseLog.read(path, Mapping.parse("only: {office: s}"), zone="UTC")
    assert list(part.cases["case_id"]) == ["1", "2"]
    assert codes(refusal(path, Mapping.parse("only: {office: w}"), zone="UTC")) == ["nothing_of_it"]
    cases_csv(path, opened=["2024-03-04 08:00", "05/03/2024 08:00"], closed=["2024-03-04 09:00", "05/03/2024 09:00"])
    assert "mixed_times" in codes(refusal(path, zone="UTC"))
    forms = Mapping.parse('time_format: ["%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M"]')
    assert CaseLog.read(path, forms, zone="UTC").durations()[0].tolist() == [60, 60]


# What is exported is read


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_an_export_of_cases_comes_back_with_its_durations(form: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    reported = np.sort(rng.uniform(0, 20_000, 120))
    frame = pd.DataFrame({
        "run_id": "r", "policy": "as-is", "replication": np.repeat([0, 1], 60), "case": np.tile(np.arange(60), 2),
        "type": "leak", "reported_min": reported, "closed_min": reported + rng.lognormal(5, 1, 120),
    })  # fmt: skip
    frame.loc[5, "closed_min"] = np.nan
    path = _write_frame(with_clock(frame, dt.date(2026, 3, 2)), tmp_path / f"cases.{form}")
    assert "only: {COLUMN: VALUE}" in said(refusal(path))  # two replications are two worlds
    want = frame[frame["replication"] == 0]
    by_clock = CaseLog.read(path, Mapping.parse("only: {replication: 0}"))
    by_minutes = CaseLog.read(path, Mapping.parse(
        "case: case\nopened: reported_min\nclosed: closed_min\nkind: type\nzone: UTC\nonly: {replication: 0}\n"
        "time_format: minutes since 2026-03-02"
    ))  # fmt: skip
    for log in (by_clock, by_minutes):
        assert len(log.cases) == 60 and list(log.cases.loc[log.cases["open_end"], "case_id"]) == ["5"]
        known = (want["closed_min"] - want["reported_min"]).dropna()
        assert log.cases["cycle_min"].dropna().to_numpy() == pytest.approx(known.to_numpy(), abs=1e-6)
        assert log.cases["opened"].iloc[0] == pd.Timestamp("2026-03-02", tz="UTC") + pd.Timedelta(
            round(reported[0] * 60e6), "us"
        )


def test_bare_minutes_are_refused_with_the_form_that_reads_them(tmp_path: Path) -> None:
    path = cases_csv(tmp_path / "log.csv", opened=["20.12", "84.9"], closed=["176.6", "88.9"])
    error = refusal(path, zone="UTC")
    assert codes(error) == ["bare_numbers", "bare_numbers"] and "minutes since" in said(error)
