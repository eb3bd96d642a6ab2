"""Bad logs of every kind: a diagnosis that fits a screen and names what matters, exit code 2, no silent repair."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from caselog_files import changed, codes, csv_text, refusal, roles, said, sample, write_csv, write_xes, xes_text

import gridwhistle
from calibration.caselog import CaseLog, LogRefused, Mapping
from calibration.caselog.build import read
from sim.errors import InputError

TIME = "time__timestamp"
Make = Callable[[Path], Path]


def table(rows: list[dict[str, str]]) -> Make:
    return lambda folder: write_csv(folder / "log.csv", rows)


def raw(content: bytes, name: str = "log.csv") -> Make:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def offsets(*each: str) -> list[dict[str, str]]:
    """Return the sample with the offsets of its rows replaced in turn."""
    rows = sample(offset="")
    return [{**row, "time:timestamp": row["time:timestamp"] + each[i % len(each)]} for i, row in enumerate(rows)]


CUT = gzip.compress(csv_text(sample(60)).encode())
DATES = sample(form="%Y-%m-%d", offset="")
DMY = sample(3, form="%d/%m/%Y %H:%M", offset="")
BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><log>&b;</log>'

BAD: dict[str, tuple[Make, str, list[str]]] = {
    "some with offset, some without": (
        table(offsets("+01:00", "")), "mixed_zones",
        ["9 of 18 times in 'time:timestamp' have no offset", "line 3", "--zone"],
    ),
    "offsets of no single zone": (
        table(offsets("+01:00", "-05:00", "+09:30")), "several_zones",
        ["+01:00 × 6", "-05:00 × 6", "+09:30 × 6", "no single zone"],
    ),
    "dates only": (table(DATES), "date_only", ["'time:timestamp'", "dates without a clock time", "2024-03-04"]),
    "no time at all in a row": (table(changed(sample(), 2, **{TIME: ""})), "no_time", ["1 of 18 rows", "line 4"]),
    "no case id": (table(changed(sample(), 2, case__concept__name=" ")), "no_case_id", ["1 of 18", "line 4"]),
    "unreadable time": (
        table(changed(sample(), 5, **{TIME: "tomorrow"})), "unparsable_time",
        ["1 of 18 times in 'time:timestamp'", "line 7: 'tomorrow'", "time_format"],
    ),
    "31 April": (
        table(changed(sample(), 5, **{TIME: "2024-04-31T10:00:00Z"})), "unparsable_time", ["line 7: '2024-04-31T10"],
    ),
    "25 o'clock": (
        table(changed(sample(), 5, **{TIME: "2024-04-30T25:00:00+00:00"})), "unparsable_time", ["line 7"],
    ),
    "ISO and day-month mixed": (
        table(changed(sample(offset=""), 5, **{TIME: "31/03/2024 10:00"})), "mixed_times",
        ["year-month-day", "day and month", "'31/03/2024 10:00'"],
    ),
    "day-month and month-day mixed": (
        table(changed(changed(DMY, 0, **{TIME: "25/03/2024 10:00"}), 1, **{TIME: "03/26/2024 10:00"})), "mixed_times",
        ["day-month and month-day", "line 2: '25/03/2024 10:00'", "line 3: '03/26/2024 10:00'"],
    ),
    "day-month or month-day": (table(DMY), "ambiguous_dates", ["'04/03/2024 08:13'", "time_format", "%d/%m/%Y"]),
    "two-digit years": (
        table(sample(form="%d-%m-%y %H:%M", offset="")), "two_digit_years", ["'04-03-24 08:13'", "%d/%m/%y"],
    ),
    "future": (
        table(changed(sample(), 5, **{TIME: "2091-03-04T08:00:00+00:00"})), "future",
        ["1 of 18 times in 'time:timestamp' lie in the future", "line 7: '2091-03-04", "Allowed: times up to 2"],
    ),
    "placeholder as an event's time": (
        table(changed(sample(), 5, **{TIME: "1970-01-01T00:00:00+00:00"})), "impossible_time",
        ["1 of 18", "line 7: '1970-01-01T00:00:00+00:00'"],
    ),
    "one case lasts a lifetime": (
        table(changed(sample(), 3, **{TIME: "1950-03-04T08:00:00+00:00"})), "impossible_duration",
        ["1 of 6 cases last longer than 20 years", "case c1", "1950-03-04"],
    ),
    "ragged rows": (
        raw(csv_text(sample()).replace("open,2024-03-04T15:13:00", "open,x,2024-03-04T15:13:00", 1).encode()), "ragged",
        ["1 of 18 rows", "line 5: 7 fields", "6 fields expected"],
    ),
    "open quotation mark": (
        raw((csv_text(sample()) + 'c9,"open,2024-03-04').encode()), "broken_csv", ["line 20", "quotation mark"],
    ),
    "column name twice": (
        raw(csv_text(sample()).replace("org:resource", "concept:name", 1).encode()), "column_twice",
        ["'concept:name' stands 2 times"],
    ),
    "header only": (raw(csv_text(sample()).splitlines()[0].encode()), "no_rows", ["no rows"]),
    "empty file": (raw(b""), "no_rows", ["no rows"]),
    "blank file": (raw(b" \n\n"), "no_rows", ["no rows"]),
    "one case": (table(sample(1)), "one_case", ["one case only, 'c0'", "case id"]),
    "no case column": (
        raw(csv_text(sample()).replace("case:concept:name", "x", 1).encode()), "no_case_column",
        ["case id", "case: COLUMN", "one of x, concept:name"],
    ),
    "no time column": (
        raw(csv_text(sample()).replace("time:timestamp", "x", 1).encode()), "no_time_column", ["opened: COLUMN"],
    ),
    "truncated gzip": (raw(CUT[: len(CUT) // 2], "log.csv.gz"), "truncated_gzip", ["cut off", "again"]),
    "gzip with a wrong checksum": (
        raw(CUT[:-8] + b"\0\0\0\0" + CUT[-4:], "log.csv.gz"), "truncated_gzip", ["CRC", "again"],
    ),
    "UTF-8 with damage": (
        raw(csv_text(changed(sample(), 0, case__channel="微信群小程序")).encode() + b"c9,\xff\xfe,,,,\n"),
        "encoding", ["damaged", "line 20: byte 0xff"],
    ),
    "replacement characters": (
        table(changed(sample(), 3, case__channel="\ufffd\ufffd")), "damaged_text", ["U+FFFD", "line 5"],
    ),
    "binary": (raw(b"\x00\x01\x02\xff\xfe\x00" * 50), "not_a_log", ["binary"]),
    "workbook": (raw(b"PK\x03\x04" + b"\x00" * 50, "log.csv"), "not_a_log", ["Excel workbook"]),
    "broken parquet": (raw(b"PAR1" + b"\x00" * 50 + b"PAR1", "log.parquet"), "broken_parquet", ["Parquet"]),
    "unclosed XML": (
        raw(xes_text(sample()).replace("</trace>\n</log>", "").encode(), "log.xes"),
        "broken_xml", ["line ", "not well formed"],
    ),
    "crossed XML": (
        raw(xes_text(sample()).replace("</event>", "</trace>", 1).encode(), "log.xes"),
        "broken_xml", ["mismatched tag"],
    ),
    "cut-off XES.gz": (
        raw(gzip.compress(xes_text(sample(50)).encode())[:-30], "l.xes.gz"), "truncated_gzip", ["cut off"],
    ),
    "XML that is not XES": (raw(b"<osm version='0.6'><node id='1'/></osm>", "log.xes"), "not_xes", ["<osm>", "<log>"]),
    "XES without traces": (raw(b"<log xes.version='1.0'></log>", "log.xes"), "no_rows", ["no rows"]),
    "entities": (raw(BOMB.encode(), "log.xes"), "unsafe_xml", ["DOCTYPE"]),
    "XES with two traces of one name": (
        raw((xes_text(sample())).replace('value="c3"', 'value="c2"').encode(), "log.xes"), "duplicate_cases",
        ["1 of 5 case ids", "'trace'", "case c2: trace 3 and trace 4"],
    ),
    "XES whose times contradict the order of its trace": (
        lambda folder: write_xes(folder / "log.xes", changed(sample(), 4, **{TIME: "2024-03-04T09:00:00+00:00"})),
        "against_order", ["1 of 18 events", "'trace'", "event 5", "sort_by_time"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_log_is_refused_with_what_matters(kind: str, tmp_path: Path) -> None:
    make, code, pieces = BAD[kind]
    error = refusal(make(tmp_path))
    assert code in codes(error)
    told = said(error)
    for piece in pieces:
        assert piece in told, told
    code_of_exit, sentence = gridwhistle._known(error)
    assert code_of_exit == 2 and sentence.startswith("gridwhistle: ")


def test_a_sound_log_is_read(tmp_path: Path) -> None:
    """What the bad logs are made of is sound, so that each fails for its own reason only."""
    log = CaseLog.read(write_csv(tmp_path / "log.csv", sample()))
    assert len(log.cases) == 6 and len(log.events) == 18 and not log.diagnosis.of("refuse", "drop")


def test_ends_before_starts(tmp_path: Path) -> None:
    rows = [{**row, "start": row["time:timestamp"]} for row in sample()]
    path = write_csv(tmp_path / "log.csv", changed(rows, 7, start="2024-03-09T08:00:00+00:00"))
    error = refusal(path, roles(start="start"))
    assert codes(error) == ["start_after_end"]
    assert "1 of 18 events end before they start ('start, time:timestamp')" in said(error) and "line 9" in said(error)


def test_a_completion_before_its_start_in_the_lifecycle(tmp_path: Path) -> None:
    rows = [{**row, "lifecycle:transition": "complete"} for row in sample()]
    begun = {**rows[4], "lifecycle:transition": "start", "time:timestamp": "2024-03-04T17:00:00+00:00"}
    error = refusal(write_csv(tmp_path / "log.csv", [*rows[:4], begun, *rows[4:]]))
    assert codes(error) == ["start_after_end"] and "c1, work" in said(error)


def test_duplicate_case_ids_in_a_table_of_cases(tmp_path: Path) -> None:
    rows = [{"id": f"A{i}", "opened": f"2024-03-0{i + 1} 08:30", "closed": f"2024-03-0{i + 1} 17:00"} for i in range(5)]
    twice = [*rows, {"id": "A2", "opened": "2024-03-07 09:00", "closed": "2024-03-07 10:00"}]
    error = refusal(write_csv(tmp_path / "log.csv", twice), zone="Europe/Paris")
    assert codes(error) == ["duplicate_cases"] and "case A2: line 4 and line 7" in said(error)
    kept = CaseLog.read(tmp_path / "log.csv", zone="Europe/Paris", on_bad_rows="drop")
    assert list(kept.cases["case_id"]) == ["A0", "A1", "A3", "A4"]


def test_a_case_with_two_openings_is_two_cases(tmp_path: Path) -> None:
    rows = [{**row, "opened": row["case:deadline"]} for row in sample()]
    path = write_csv(tmp_path / "log.csv", changed(rows, 4, opened="2024-03-01T08:00:00+00:00"))
    error = refusal(path, roles(opened="opened"))
    assert "duplicate_cases" in codes(error) and "case c1: " in said(error)


def test_case_attributes_that_differ_within_a_case(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "log.csv", changed(sample(), 4, case__channel="petition"))
    error = refusal(path)
    assert codes(error) == ["duplicate_cases"]
    assert "1 of 6 case ids" in said(error) and "case c1: hotline and petition" in said(error)


def test_a_changing_column_that_is_no_case_attribute_is_a_warning(tmp_path: Path) -> None:
    rows = [{**row, "desk": f"d{i}"} for i, row in enumerate(sample())]
    log = CaseLog.read(write_csv(tmp_path / "log.csv", rows), roles(department="desk"))
    found = log.diagnosis.get("attribute_changes")
    assert found is not None and (found.severity, found.count, found.column) == ("warn", 6, "desk")
    assert list(log.cases["department"]) == [f"d{3 * i}" for i in range(6)]


def test_all_cases_censored(tmp_path: Path) -> None:
    rows = [{**row, "end": ""} for row in sample()]
    error = refusal(write_csv(tmp_path / "log.csv", rows), roles(closed="end"))
    assert codes(error) == ["all_open"] and "No case is closed: all 6 are censored" in said(error)
    error = refusal(tmp_path / "log.csv", roles(closing_activities=("closed",)))
    assert codes(error) == ["all_open"]


def test_an_order_column_binds(tmp_path: Path) -> None:
    rows = [{**row, "seq": str(i)} for i, row in enumerate(sample())]
    path = write_csv(tmp_path / "log.csv", changed(rows, 4, seq="99"))
    error = refusal(path, roles(order="seq"))
    assert codes(error) == ["against_order"] and "'seq'" in said(error)
    log = CaseLog.read(path, roles())
    assert log.diagnosis.get("out_of_order") is None


def test_rows_in_another_order_are_only_a_warning(tmp_path: Path) -> None:
    log = CaseLog.read(write_csv(tmp_path / "log.csv", sample()[::-1]))
    straight = CaseLog.read(write_csv(tmp_path / "other.csv", sample()))
    found = log.diagnosis.get("out_of_order")
    assert found is not None and (found.severity, found.count) == ("warn", 12)
    pd.testing.assert_frame_equal(log.events, straight.events)


def test_missing_column_names_the_nearest(tmp_path: Path) -> None:
    error = refusal(write_csv(tmp_path / "log.csv", sample()), roles(resource="org:ressource", kind="Art"))
    assert codes(error) == ["missing_column", "missing_column"]
    assert "'org:ressource', wanted as 'resource'" in said(error) and "Allowed: org:resource" in said(error)


def test_offsets_that_belie_the_stated_zone(tmp_path: Path) -> None:
    rows = [
        {"case": f"c{i}", "time": f"2024-0{1 + i % 6}-10T10:00:00{'+02:00' if i % 6 >= 3 else '+01:00'}"}
        for i in range(12)
    ]
    path = write_csv(tmp_path / "log.csv", rows)
    error = refusal(path, zone="Asia/Shanghai")
    assert codes(error) == ["other_zone"] and "(Europe/" in said(error) and "Asia/Shanghai" in said(error)
    assert CaseLog.read(path, zone="Europe/Paris").zone == "Europe/Paris"


def test_an_encoding_that_the_map_names_wrongly(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "log.csv", changed(sample(), 0, case__channel="café"), encoding="cp1252")
    error = refusal(path, roles(encoding="utf-8"))
    assert codes(error) == ["encoding"] and "line 2: byte 0xe9" in said(error)
    error = refusal(path, roles(encoding="klingon"))
    assert "there is no encoding 'klingon'" in said(error)


def test_several_reasons_are_told_at_once(tmp_path: Path) -> None:
    rows = changed(changed([*sample(), sample()[4]], 2, **{TIME: "?"}), 8, case__concept__name="")
    error = refusal(write_csv(tmp_path / "log.csv", rows))
    assert codes(error) == ["no_case_id", "unparsable_time"]


def test_dropping_counts_and_shows_what_is_dropped(tmp_path: Path) -> None:
    rows = changed(changed([*sample(), sample()[4]], 2, **{TIME: "?"}), 8, case__concept__name="")
    log = CaseLog.read(write_csv(tmp_path / "log.csv", rows), on_bad_rows="drop")
    dropped = {one.code: (one.count, one.examples) for one in log.diagnosis.of("drop")}
    assert dropped == {
        "no_case_id": (1, ("line 10",)),
        "unparsable_time": (1, ("line 4: '?'",)),
    }
    assert len(log.events) == 17 and any("1 of 19 events repeat" in line for line in log.screen())


def test_not_more_than_half_is_dropped(tmp_path: Path) -> None:
    rows = [{**row, "time:timestamp": "?"} if i % 3 else row for i, row in enumerate(sample())]
    error = refusal(write_csv(tmp_path / "log.csv", rows), on_bad_rows="drop")
    assert "too_many_dropped" in codes(error) and "12 of 18 rows" in said(error)


def test_what_cannot_be_dropped_is_still_refused(tmp_path: Path) -> None:
    error = refusal(write_csv(tmp_path / "log.csv", offsets("+01:00", "")), on_bad_rows="drop")
    assert codes(error) == ["mixed_zones"]


def test_far_dates_for_none_yet_are_read_as_open(tmp_path: Path) -> None:
    rows = [{**row, "end": row["case:deadline"]} for row in sample()]
    rows = [{**row, "end": "9999-12-31T00:00:00+00:00"} if row["case:concept:name"] == "c2" else row for row in rows]
    log = CaseLog.read(write_csv(tmp_path / "log.csv", rows), roles(closed="end"))
    found = log.diagnosis.get("placeholder")
    assert found is not None and found.severity == "warn" and found.found == "9999-12-31"
    assert list(log.cases.loc[log.cases["open_end"], "case_id"]) == ["c2"]


def test_the_present_can_be_stated(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "log.csv", sample())
    with pytest.raises(InputError, match="lie in the future"):
        read(path, now=pd.Timestamp("2024-03-01", tz="UTC"))


@pytest.mark.parametrize("form", ["csv", "gz", "gb18030", "xes", "parquet"])
def test_damaged_files_are_read_or_refused_and_nothing_else(form: str, tmp_path: Path) -> None:
    """Bytes changed, lost, added and repeated at random: never anything but a log or a diagnosis."""
    rows = [{**row, "start": row["time:timestamp"], "lifecycle:transition": "complete"} for row in sample(8)]
    whole = {
        "csv": csv_text(rows).encode(), "gz": gzip.compress(csv_text(rows).encode()), "xes": xes_text(rows).encode(),
        "gb18030": csv_text([{**row, "case:channel": "市民热线来电"} for row in rows]).encode("gb18030"),
        "parquet": pd.DataFrame(rows).to_parquet(),
    }[form]  # fmt: skip
    rng = np.random.default_rng(20)
    added = [
        b",",
        b'"',
        b"\n",
        b"\xff",
        b"\x00",
        b"9999",
        b"<event>",
        b"</trace>",
        b"Z",
        b"+99:99",
        b"&a;",
        b"24:00:00",
    ]
    read_or_refused = 0
    for _ in range(25):
        data = bytearray(whole)
        for at, how in zip(rng.integers(0, len(whole) - 300, 3), rng.integers(0, 4, 3), strict=True):
            end = at + int(rng.integers(1, 40))
            piece = added[rng.integers(len(added))]
            data[at:end] = (bytes(rng.integers(0, 256, 1, np.uint8)), b"", piece, data[at:end] * 2)[how]
        (tmp_path / "log").write_bytes(data)
        try:
            CaseLog.read(tmp_path / "log", on_bad_rows="drop" if rng.random() < 0.5 else "refuse").screen()
        except LogRefused as error:
            assert len(error.sentence().splitlines()) <= 40
        read_or_refused += 1
    assert read_or_refused == 25


@pytest.mark.parametrize("missing", ["nowhere.csv", "."])
def test_no_file_and_a_folder(missing: str, tmp_path: Path) -> None:
    assert codes(refusal(tmp_path / missing)) == ["unreadable"]


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small gzip file that unpacks into much is stopped at the bound, whatever its form."""
    monkeypatch.setattr("calibration.caselog.source.MAX_TEXT_BYTES", 10_000)
    monkeypatch.setattr("calibration.caselog.source.MAX_XES_BYTES", 10_000)
    for name, text in (("a.csv.gz", csv_text(sample(400))), ("a.xes.gz", xes_text(sample(400)))):
        error = refusal(raw(gzip.compress(text.encode()), name)(tmp_path))
        assert codes(error) == ["too_large"] and "10,000 bytes" in said(error)


def test_an_unknown_choice_for_bad_rows(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="refuse, drop"):
        CaseLog.read(write_csv(tmp_path / "log.csv", sample()), on_bad_rows="ignore")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("cas: id\ntime: t", ["line 1", "unknown role", "'cas'", "case"]),
        ("case: [a]", ["line 1", "case", "name of a column"]),
        ("case: id\nclosing_statuses: done", ["line 2", "closing_statuses", "list"]),
        ("case: id\nquiet_days: -1", ["line 2", "at least 0"]),
        ("case: id\nrename: {time: {a: b}}", ["rename.time", "activity, resource"]),
        ("case: id\nrename: {channel: Desk}", ["rename.channel", "mapping"]),
        ("case: id\ndelimiter: ';;'", ["line 2", "one character"]),
        ("case: id\nsort_by_time: 1", ["line 2", "true or false"]),
        ("case: id\nzone: 5", ["line 2", "zone"]),
        ("- a", ["mapping"]),
    ],
)
def test_mistakes_in_a_map(text: str, pieces: list[str], tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        Mapping.read(path)
    for piece in pieces:
        assert piece in caught.value.sentence(), caught.value.sentence()
