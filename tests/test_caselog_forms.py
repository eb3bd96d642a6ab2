"""Logs in every form say the same: separators, encodings, maps, CSV, Parquet and XES; and in both languages."""

from __future__ import annotations

import gzip
import re
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from caselog_files import Row, codes, csv_text, refusal, roles, said, same, sample, write_csv, write_xes, xes_text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibration.caselog import CASE_COLUMNS, EVENT_COLUMNS, CaseLog, Mapping
from calibration.caselog.kinds import KINDS, WORDS, english
from calibration.caselog.mapping import COLUMN_ROLES, guess
from dashboards.texts import Texts

Z = "Europe/Amsterdam"


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> CaseLog:
    return CaseLog.read(write_csv(tmp_path_factory.mktemp("log") / "log.csv", sample()))


def test_columns_and_types_are_as_promised(straight: CaseLog) -> None:
    assert tuple(straight.cases.columns) == CASE_COLUMNS and tuple(straight.events.columns) == EVENT_COLUMNS
    for name in ("opened", "closed", "ended", "deadline"):
        assert straight.cases[name].dtype == "datetime64[us, UTC]"
    assert straight.events["at"].dtype == straight.events["start"].dtype == "datetime64[us, UTC]"
    assert straight.cases["late"].dtype == "boolean" and straight.cases["open_end"].dtype == bool
    first = straight.cases.iloc[2]
    assert first["cycle_min"] == 322 and first["late"] is not pd.NA and not first["late"]
    assert straight.cases["late"].tolist() == [False, False, False, True, True, True]  # 330 min: 333, 344, 355 are late


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_and_marks(delimiter: str, encoding: str, straight: CaseLog, tmp_path: Path) -> None:
    same(CaseLog.read(write_csv(tmp_path / "log.txt", sample(), delimiter, encoding)), straight)


def test_form_is_told_by_content_not_by_suffix(straight: CaseLog, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(gzip.compress(xes_text(sample()).encode()))  # a gzipped XES that calls itself CSV
    same(CaseLog.read(path), straight)
    path = tmp_path / "log.xes"
    path.write_text(csv_text(sample()), newline="")
    same(CaseLog.read(path), straight)


def test_parquet_with_texts_and_with_real_times(straight: CaseLog, tmp_path: Path) -> None:
    frame = pd.DataFrame(sample())
    frame.to_parquet(tmp_path / "a.parquet")
    same(CaseLog.read(tmp_path / "a.parquet"), straight)
    for name in ("time:timestamp", "case:deadline"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    frame["size"] = np.arange(len(frame), dtype=float)
    frame["case:channel"] = frame["case:channel"].astype("category")
    frame["notes"] = [["a", "b"]] * len(frame)
    frame["share"] = [None, 0.5] * (len(frame) // 2)
    frame.to_parquet(tmp_path / "b.parquet")
    same(CaseLog.read(tmp_path / "b.parquet"), straight)


def test_spreadsheet_line_and_blank_lines(straight: CaseLog, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(("sep=;\r\n" + csv_text(sample(), ";").replace("\r\n", "\r\n\r\n")).encode())
    same(CaseLog.read(path), straight)


def test_quoted_line_breaks_keep_the_line_numbers(tmp_path: Path) -> None:
    rows = [{**row, "note": "two\nlines"} for row in sample()]
    rows[5]["time:timestamp"] = "never"
    assert "line 12: 'never'" in said(refusal(write_csv(tmp_path / "log.csv", rows)))  # header, five rows of two lines


@pytest.mark.parametrize("encoding", ["gb18030", "gbk"])
def test_chinese_encodings_are_found_and_told(encoding: str, tmp_path: Path) -> None:
    names = ("市民热线来电", "网格员巡查上报")
    rows = [{**row, "case:channel": names[int(row["case:concept:name"][1:]) % 2]} for row in sample()]
    log = CaseLog.read(write_csv(tmp_path / "log.csv", rows, encoding=encoding))
    assert list(log.cases["channel"][:2]) == list(names)
    found = log.diagnosis.get("detected_encoding")
    assert found is not None and found.severity == "warn" and found.found == "gb18030"


def test_an_encoding_that_the_map_names(tmp_path: Path) -> None:
    rows = [{**row, "case:channel": "Bürgerbüro"} for row in sample()]
    path = write_csv(tmp_path / "log.csv", rows, encoding="cp1252")
    log = CaseLog.read(path, roles(encoding="cp1252"))
    assert set(log.cases["channel"]) == {"Bürgerbüro"} and log.diagnosis.get("detected_encoding") is None


# Columns and maps


def test_names_are_guessed_in_three_worlds() -> None:
    assert guess(["case:concept:name", "concept:name", "time:timestamp", "org:resource"]) == roles(
        channel=None, deadline=None
    )  # type: ignore[arg-type]
    table = guess(["Unique Key", "Created Date", "Closed Date", "Agency", "Complaint Type", "Due Date", "Status"])
    assert table.one_row_per_case and (table.opened, table.closed) == ("Created Date", "Closed Date")
    assert (table.kind, table.department, table.deadline) == ("Complaint Type", "Agency", "Due Date")
    hotline = guess(["工单编号", "受理时间", "办结时间", "类型", "渠道", "承办单位", "办理期限"])
    assert (hotline.case, hotline.opened, hotline.closed) == ("工单编号", "受理时间", "办结时间")
    assert (hotline.kind, hotline.channel, hotline.department, hotline.deadline) == (
        "类型",
        "渠道",
        "承办单位",
        "办理期限",
    )


def test_a_table_of_cases_from_a_hotline(tmp_path: Path) -> None:
    text = "工单编号;受理时间;办结时间;类型;办理期限\nA1;2024年3月5日 08:30;2024年3月5日 17:00;噪音;2024年3月5日\n"
    text += "A2;2024年3月6日 09:10;2024年3月8日 10:00;漏水;2024年3月7日\nA3;2024年3月7日 10:00;;噪音;2024年3月9日\n"
    path = tmp_path / "hotline.csv"
    path.write_bytes(text.encode("gb18030"))
    log = CaseLog.read(path, zone="Asia/Shanghai")
    cases = log.cases
    assert list(cases["kind"]) == ["噪音", "漏水", "噪音"] and len(log.events) == 0
    assert cases["cycle_min"].tolist()[:2] == [510, 2930] and cases["open_end"].tolist() == [False, False, True]
    assert cases["late"].tolist()[:2] == [False, True] and cases["late"].isna()[2]
    assert log.window == (cases["opened"][0], cases["closed"][1])
    minutes, censored = log.durations()
    assert minutes.tolist() == [510, 2930, 1440] and censored.tolist() == [False, False, True]


def test_map_is_written_and_read_back(tmp_path: Path) -> None:
    given = roles(
        closing_activities=("close",), zone=Z, quiet_days=3.0, rename={"channel": {"app": "手机"}}, sort_by_time=True
    )  # type: ignore[arg-type]
    (tmp_path / "map.yaml").write_text(given.to_yaml())
    assert Mapping.read(tmp_path / "map.yaml") == given == Mapping.parse(given.to_yaml())
    assert "kind" not in given.to_yaml()


def test_a_guess_can_be_kept_as_a_map(straight: CaseLog, tmp_path: Path) -> None:
    kept = Mapping.parse(straight.mapping.to_yaml())
    same(CaseLog.read(write_csv(tmp_path / "log.csv", sample()), kept), straight)


def test_a_map_of_options_alone_leaves_the_columns_to_the_guess(straight: CaseLog, tmp_path: Path) -> None:
    log = CaseLog.read(write_csv(tmp_path / "log.csv", sample()), Mapping.parse("zone: Europe/Amsterdam"))
    assert log.zone == Z and log.mapping.columns() == straight.mapping.columns()


def test_values_are_renamed(tmp_path: Path) -> None:
    mapping = roles(rename={"channel": {"app": "mobile"}, "activity": {"work": "handle"}})  # type: ignore[arg-type]
    log = CaseLog.read(write_csv(tmp_path / "log.csv", sample()), mapping)
    assert set(log.cases["channel"]) == {"mobile", "hotline"} and "handle" in log.activities()


def test_closing_by_activity_by_status_and_by_quiet(tmp_path: Path) -> None:
    rows = [row for row in sample() if not (row["case:concept:name"] == "c4" and row["concept:name"] == "close")]
    path = write_csv(tmp_path / "a.csv", rows)
    log = CaseLog.read(path, roles(closing_activities=("close",)))
    assert list(log.cases.loc[log.cases["open_end"], "case_id"]) == ["c4"]
    assert log.diagnosis.get("no_end_marker") is None
    rows = [{**row, "state": "done" if row["concept:name"] == "close" else "open"} for row in rows]
    by_state = roles(status="state", closing_statuses=("done",))
    stated = CaseLog.read(write_csv(tmp_path / "b.csv", rows), by_state)
    pd.testing.assert_frame_equal(stated.cases, log.cases)
    quiet = CaseLog.read(path, roles(quiet_days=0.25))
    last = quiet.window[1]
    active = quiet.events.groupby("case_id")["at"].max() > last - pd.Timedelta(days=0.25)
    assert set(quiet.cases.loc[quiet.cases["open_end"], "case_id"]) == set(active[active].index) and active.any()


# XES


def test_xes_keeps_to_first_level_attributes_and_ignores_globals(straight: CaseLog, tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "case:channel"} for row in sample()]
    log = CaseLog.read(write_xes(tmp_path / "log.xes", rows))
    assert log.cases["channel"].isna().all()  # the global's UNKNOWN is no datum of a case
    assert "nested" not in log.activities()
    prefixed = xes_text(sample()).replace("<", "<x:").replace("<x:/", "</x:").replace("<x:?", "<?")
    (tmp_path / "prefixed.xes").write_text(prefixed.replace('xmlns="', 'xmlns:x="'))
    same(CaseLog.read(tmp_path / "prefixed.xes"), straight)


EXTENSIONS = [
    '<extension name="Concept" prefix="c" uri="http://www.xes-standard.org/concept.xesext"/>',
    '<extension name="Time" prefix="t" uri="http://www.xes-standard.org/time.xesext"/>',
    '<extension name="Organizational" prefix="o" uri="http://www.xes-standard.org/org.xesext"/>',
    '<extension name="Lifecycle" prefix="l" uri="http://www.xes-standard.org/lifecycle.xesext"/>',
]


@pytest.mark.parametrize("known_by", ["name", "uri", "both", "other names"])
def test_standard_attributes_under_prefixes_of_their_own(straight: CaseLog, tmp_path: Path, known_by: str) -> None:
    """An extension's prefix is what the file declares; names, times, resources and transitions are read by it."""
    rows = [{**row, "lifecycle:transition": "complete"} for row in sample()]
    text, declared = xes_text(rows), "\n".join(EXTENSIONS)
    for usual, own in (("concept", "c"), ("time", "t"), ("org", "o"), ("lifecycle", "l")):
        text = text.replace(f'key="{usual}:', f'key="{own}:')
    if known_by == "uri":
        declared = re.sub(r'name="\w+" ', "", declared)
    elif known_by == "name":
        declared = re.sub(r' uri="[^"]+"', "", declared)
    elif known_by == "other names":
        declared = re.sub(r'name="(\w+)"', r'name="\1 extension"', declared)
    (tmp_path / "own.xes").write_text(text.replace('<global scope="trace">', f'{declared}\n<global scope="trace">', 1))
    log = CaseLog.read(tmp_path / "own.xes")
    same(log, straight)
    assert log.mapping.columns()["transition"] == "lifecycle:transition" and log.mapping.time == "time:timestamp"
    (tmp_path / "bare.xes").write_text(text)  # nothing declares them: the map names what they are
    assert codes(refusal(tmp_path / "bare.xes"))
    by_map = roles(case="case:c:name", activity="c:name", time="t:timestamp", resource="o:resource")
    same(CaseLog.read(tmp_path / "bare.xes", by_map), straight)


def test_another_extension_under_a_standard_prefix_is_not_the_standard(tmp_path: Path) -> None:
    """Where 'time' is declared as Concept's prefix and 'concept' as Time's, both are read as declared."""
    text = xes_text(sample()).replace('key="concept:', 'key="X:').replace('key="time:', 'key="concept:')
    text = text.replace('key="X:', 'key="time:')
    declared = EXTENSIONS[0].replace('"c"', '"time"') + EXTENSIONS[1].replace('"t"', '"concept"')
    (tmp_path / "a.xes").write_text(text.replace("<global", declared + "<global", 1))
    log = CaseLog.read(tmp_path / "a.xes")
    assert sorted(set(log.cases["case_id"])) == [f"c{i}" for i in range(6)] and "open" in log.activities()


def test_trace_attributes_after_the_events_and_traces_without_a_name(straight: CaseLog, tmp_path: Path) -> None:
    text = xes_text(sample())
    moved = text.replace("<trace>\n", "<trace>").replace("</trace>", '<string key="kind" value="leak"/></trace>')
    (tmp_path / "a.xes").write_text(moved)
    log = CaseLog.read(tmp_path / "a.xes", roles(kind="case:kind"))
    assert set(log.cases["kind"]) == {"leak"}
    nameless = "\n".join(line for line in text.splitlines() if not line.startswith('<string key="concept:name"'))
    (tmp_path / "b.xes").write_text(nameless)
    log = CaseLog.read(tmp_path / "b.xes")
    assert list(log.cases["case_id"]) == [f"trace {i}" for i in range(1, 7)]
    assert log.cases["cycle_min"].tolist() == straight.cases["cycle_min"].tolist()


def test_starts_and_completions_become_intervals(tmp_path: Path) -> None:
    rows: list[Row] = []
    for row in sample():
        at = datetime.fromisoformat(row["time:timestamp"])
        begun = {**row, "time:timestamp": (at - timedelta(minutes=5)).isoformat(), "lifecycle:transition": "start"}
        rows += [begun, {**row, "lifecycle:transition": "complete"}]
    rows.append({**rows[-2], "time:timestamp": "2024-03-09T08:00:00+00:00", "concept:name": "again"})
    for path in (write_xes(tmp_path / "log.xes", rows), write_csv(tmp_path / "log.csv", rows)):
        log = CaseLog.read(path)
        assert len(log.events) == 19
        minutes, censored = log.durations("work")
        assert minutes.tolist() == [5] * 6 and not censored.any()
        assert (log.events["transition"] == "start").sum() == 1
        found = log.diagnosis.get("unpaired_starts")
        assert found is not None and found.count == 1


def test_instances_of_one_activity_are_paired_by_their_name(tmp_path: Path) -> None:
    def event(instance: str, transition: str, hour: int) -> Row:
        at = f"2024-03-04T{hour:02d}:00:00+00:00"
        return {
            "case:concept:name": "a", "concept:name": "work", "concept:instance": instance,
            "lifecycle:transition": transition, "time:timestamp": at,
        }  # fmt: skip

    rows = [event("i", "start", 8), event("j", "start", 9), event("j", "complete", 10), event("i", "complete", 17)]
    other = {**event("k", "complete", 18), "case:concept:name": "b"}
    log = CaseLog.read(write_xes(tmp_path / "log.xes", [*rows, other]))
    assert sorted(log.durations("work")[0].tolist()) == [60, 540]


# What is written is what is read

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8).filter(
    lambda text: "\ufffd" not in text
) | st.sampled_from(["NA", "None", "NULL", "nan", "-", "n/a"])


# exact midnights in every row would rightly be refused as dates
TIMES_MS = st.integers(0, 3 * 365 * 86_400_000).filter(lambda ms: ms % 86_400_000 > 0)


@st.composite
def logs(draw: st.DrawFn) -> list[Row]:
    """Draw a log: any names, any times within three years, events of a case in the order of time."""
    ids = draw(st.lists(NAMES, min_size=2, max_size=6, unique=True))
    rows: list[Row] = []
    for number, name in enumerate(ids):
        seconds = sorted(draw(st.lists(TIMES_MS, min_size=1, max_size=6, unique=True)))
        channel = draw(NAMES)
        for ms in seconds:
            at = datetime(2021, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
            rows.append(
                {
                    "case:concept:name": name,
                    "case:channel": channel,
                    "concept:name": draw(NAMES),
                    "org:resource": draw(st.one_of(st.just(""), NAMES)),
                    "time:timestamp": at.isoformat(timespec="milliseconds"),
                    "n": str(number),
                }
            )
    return rows


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=logs())
def test_any_log_reads_back_equal_from_csv_and_xes(rows: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        by_csv = CaseLog.read(write_csv(Path(folder) / "log.csv", rows))
        by_xes = CaseLog.read(write_xes(Path(folder) / "log.xes.gz", rows))
    same(by_csv, by_xes)
    want = pd.DataFrame(rows)
    want["at"] = pd.to_datetime(want["time:timestamp"], utc=True, format="ISO8601")
    opened = want.groupby("case:concept:name")["at"].min()
    got = by_csv.cases.set_index("case_id")
    assert (got["opened"] == opened.reindex(got.index)).all() and got["opened"].is_monotonic_increasing
    assert (got["channel"] == want.groupby("case:concept:name")["case:channel"].first().reindex(got.index)).all()
    key = ["case:concept:name", "at"]
    left = want.sort_values(key, kind="stable")[[*key, "concept:name", "org:resource"]].to_numpy().tolist()
    events = by_csv.events.assign(resource=by_csv.events["resource"].fillna(""))
    right = events.sort_values(["case_id", "at"], kind="stable")[["case_id", "at", "activity", "resource"]]
    assert left == right.to_numpy().tolist()


# Words


def test_english_in_the_language_file_is_what_a_refusal_says() -> None:
    words = Texts("en")
    fields = {name: "x" for name in ("count", "total", "share", "column", "found", "allowed", "file", "text", "form")}
    fields |= {name: "x" for name in ("cases", "events", "first", "last", "zone", "open", "judged", "late")}
    keys = [f"caselog.{name}" for name in WORDS]
    keys += [f"caselog.findings.{code}.{part}" for code in KINDS for part in ("problem", "consequence", "remedy")]
    for key in keys:
        assert words(key, **fields) == english(key, **fields)


def test_a_refusal_speaks_chinese_where_asked(tmp_path: Path) -> None:
    rows = [{"id": f"A{i % 5}", "opened": f"2024-03-0{i % 5 + 1} 08:30", "closed": ""} for i in range(6)]
    error = refusal(write_csv(tmp_path / "log.csv", rows))
    told = error.sentence(Texts("zh"))  # type: ignore[arg-type]
    assert "6 行中有 1 行与前面的行完全相同" in told.replace("\n     ", "") and "--on-bad-rows drop" in told


def test_every_column_role_is_a_field_of_the_map() -> None:
    assert set(COLUMN_ROLES) <= set(Mapping.__dataclass_fields__)


# Columns by their names


@pytest.mark.parametrize(
    ("columns", "roles_"),
    [
        ("SR_NUMBER CREATED_DATE CLOSED_DATE SR_TYPE STATUS OWNER_DEPARTMENT",
         "case opened closed kind status department"),
        ("SRNumber CreatedDate UpdatedDate RequestType Status RequestSource ClosedDate",
         "case opened - kind status channel closed"),
        ("OBJECTID CREATED_DA CLOSED_DAT COMPLAINT_ STATUS", "- opened closed - status"),  # cut by a shapefile
        ("case_enquiry_id open_dt closed_dt type case_status sla_target_dt", "case opened closed kind status deadline"),
        ("number opened_at closed_at category assignment_group state", "case opened closed kind department status"),
        ("issue_key created resolutiondate issuetype status", "case opened closed kind status"),
        ("任务号 上报时间 结案时间 大类名称 处置部门", "case opened closed kind department"),
        ("工单号 来电时间 办结日期 诉求类型 承办单位", "case opened closed kind department"),
        ("unique_key created_date closed_date agency complaint_type", "case opened closed department kind"),
    ],
)  # fmt: skip
def test_columns_of_usual_exports_are_known_by_their_names(columns: str, roles_: str) -> None:
    want = {role: column for column, role in zip(columns.split(), roles_.split(), strict=True) if role != "-"}
    assert guess(columns.split()).columns() == want
