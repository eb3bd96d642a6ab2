"""The real logs read as their own descriptions say, and their CSV and XES tell the same."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from caselog_files import codes, refusal, said, shared

from calibration.caselog import CaseLog, Mapping
from dashboards.texts import Texts

DAY_MIN = 1440


@pytest.fixture(scope="module")
def wabo() -> CaseLog:
    return CaseLog.read(shared("log_wabo_receipt/receipt.csv"))


@pytest.fixture(scope="module")
def wabo_xes() -> CaseLog:
    return CaseLog.read(shared("log_wabo_receipt/receipt.xes.gz"), zone="Europe/Amsterdam")


@pytest.fixture(scope="module")
def incidents() -> tuple[CaseLog, float]:
    path = shared("log_bpic2013_incidents/bpic2013_incidents.xes.gz")
    begun = time.process_time()  # of this process alone: others on the machine do not count
    return CaseLog.read(path), time.process_time() - begun


def test_permit_log_has_the_published_counts(wabo: CaseLog) -> None:
    assert len(wabo.cases) == 1434 and len(wabo.events) == 8577
    assert wabo.events["activity"].nunique() == 27 and wabo.events["resource"].nunique() == 48
    shares = wabo.cases["channel"].value_counts(normalize=True)
    assert shares["Internet"] == pytest.approx(0.872, abs=5e-4) and shares["e-mail"] == pytest.approx(0.015, abs=5e-4)
    assert wabo.cases["department"].nunique() == 3


def test_permit_log_has_the_published_cycle_times_and_late_share(wabo: CaseLog) -> None:
    days = wabo.cases["cycle_min"] / DAY_MIN
    assert days.median() == pytest.approx(0.033, abs=5e-4)
    assert days.mean() == pytest.approx(5.41, abs=5e-3)
    assert days.quantile(0.9) == pytest.approx(14.10, abs=5e-3)
    assert wabo.cases["late"].notna().sum() == 1329
    assert wabo.cases["late"].mean() == pytest.approx(0.284, abs=5e-4)
    opened = wabo.cases["opened"]
    assert len(opened) / ((opened.max() - opened.min()).total_seconds() / 86400) == pytest.approx(3.00, abs=5e-3)


def test_permit_log_is_read_with_warnings_about_its_ends(wabo: CaseLog) -> None:
    counts = {one.code: one.count for one in wabo.diagnosis.of("warn")}
    assert counts["ended_before_opened"] == 117  # the form's end date before the first event
    assert counts["ended_before_last"] == 145 - 117
    assert counts["deadline_before_opening"] == 60
    assert counts["overdue_open"] == 39
    assert "no_end_marker" in counts and not wabo.diagnosis.refused
    assert wabo.zone == "Europe/Amsterdam"  # told by the offsets alone


def test_csv_and_xes_of_the_permit_log_agree(wabo: CaseLog, wabo_xes: CaseLog) -> None:
    pd.testing.assert_frame_equal(wabo.cases, wabo_xes.cases)
    pd.testing.assert_frame_equal(wabo.events, wabo_xes.events)
    assert wabo.window == wabo_xes.window
    assert wabo.source.form == "csv" and wabo_xes.source.form == "xes"


def test_dates_of_the_form_as_bounds_of_the_case_are_refused_where_they_contradict(wabo: CaseLog) -> None:
    """The end date of the form against the first event: 117 cases would have negative durations."""
    mapping = Mapping(**{**wabo.mapping.columns(), "closed": "case:enddate", "ended": None})  # type: ignore[arg-type]
    error = refusal(shared("log_wabo_receipt/receipt.csv"), mapping)
    assert codes(error) == ["closed_before_opened"]
    assert "117 of 1,434 cases end before they start" in said(error) and "Seen: case case-" in said(error)
    dropped = CaseLog.read(shared("log_wabo_receipt/receipt.csv"), mapping, on_bad_rows="drop")
    assert len(dropped.cases) == 1434 - 117
    found = dropped.diagnosis.get("closed_before_opened")
    assert found is not None and (found.severity, found.count) == ("drop", 117)
    assert dropped.cases["open_end"].sum() == 105  # no end date: still open, censored


def test_split_of_the_permit_log_censors_what_is_open_and_forgets_the_rest(wabo: CaseLog) -> None:
    train, test = wabo.split("2011-09-01")
    cut = pd.Timestamp("2011-09-01", tz="Europe/Amsterdam").tz_convert("UTC")
    assert train.window[1] == cut == test.window[0]
    assert len(train.cases) + len(test.cases) == len(wabo.cases)
    whole = wabo.cases.set_index("case_id").loc[train.cases["case_id"]]
    open_at_cut = (whole["closed"] >= cut).to_numpy()
    assert open_at_cut.any() and (train.cases["open_end"].to_numpy() == open_at_cut).all()
    for times in (train.events["at"], train.cases["closed"], train.cases["ended"]):
        assert times.max() < cut
    minutes, censored = train.durations()
    assert (minutes[censored] <= (cut - train.window[0]).total_seconds() / 60).all() and (minutes >= 0).all()


def test_incident_log_reads_fast_and_whole(incidents: tuple[CaseLog, float]) -> None:
    log, seconds = incidents
    assert len(log.cases) == 7554 and len(log.events) == 65533
    assert log.events["activity"].nunique() == 4 and log.events["resource"].nunique() == 1440
    assert seconds < 10
    assert log.diagnosis.get("thin_window") is not None  # a few early cases stretch the window over two years


def test_a_log_of_closed_cases_only_is_told_from_its_missing_open_ones() -> None:
    path = shared("log_bpic2013_incidents/bpic2013_closed_problems.xes.gz")
    mapping = Mapping(
        case="case:concept:name", activity="concept:name", time="time:timestamp", status="lifecycle:transition",
        kind="impact", closing_statuses=("Closed",),
    )  # fmt: skip
    log = CaseLog.read(path, mapping)
    assert len(log.cases) == 1487 and len(log.events) == 6660
    minutes, censored = log.durations()
    assert not censored.any() and np.isfinite(minutes).all()
    found = log.diagnosis.get("only_closed")  # 1,487 cases of 179 days on average over 2,332 days
    assert found is not None and found.found == "114"
    assert log.diagnosis.get("no_end_marker") is None


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_screen_fits_a_terminal_of_80_columns(wabo: CaseLog, lang: str) -> None:
    from calibration.caselog.diagnosis import columns_of

    lines = wabo.screen(Texts(lang))
    assert len(lines) <= 24 and all(columns_of(line) <= 80 for line in lines)
    assert any("1,434" in line for line in lines) and any("28.4%" in line for line in lines)
