"""Splitting by time never looks ahead; durations carry their censoring; subsets keep the window."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from caselog_files import Row, roles, sample, write_csv
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.caselog import CaseLog
from sim.errors import InputError

Z = "Europe/Amsterdam"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> CaseLog:
    """Forty cases, one every seven hours, each closed after 300 to 729 minutes; times in UTC, clocks in Amsterdam."""
    return CaseLog.read(write_csv(tmp_path_factory.mktemp("log") / "log.csv", sample(40)), zone=Z)


@settings(max_examples=40, deadline=None)
@given(minute=st.integers(14, 39 * 7 * 60))
def test_the_earlier_part_knows_nothing_of_the_later(log: CaseLog, minute: int) -> None:
    cut = pd.Timestamp("2024-03-04T08:00Z") + pd.Timedelta(minutes=minute)
    train, test = log.split(cut)
    assert train.window == (log.window[0], cut) and test.window == (cut, log.window[1])
    assert list(train.cases["case_id"]) + list(test.cases["case_id"]) == list(log.cases["case_id"])
    assert (test.cases["opened"] >= cut).all() and (train.cases["opened"] < cut).all()
    for times in (train.events["at"], train.cases["closed"].dropna(), train.cases["ended"].dropna()):
        assert (times < cut).all()
    minutes, censored = train.durations()
    whole = log.cases.set_index("case_id").loc[train.cases["case_id"], "cycle_min"].to_numpy()
    until = ((cut - train.cases["opened"]).dt.total_seconds() / 60).to_numpy()
    assert (censored == (whole >= until)).all()
    np.testing.assert_allclose(minutes, np.minimum(whole, until))
    assert train.cases["late"].isna().equals(train.cases["open_end"])  # without an end, no verdict
    overdue = train.cases["open_end"] & (train.cases["deadline"] < cut)
    assert (train.cases["overdue_open"] == overdue).all()
    assert train.cases["events"].sum() == len(train.events)
    pd.testing.assert_frame_equal(test.cases, log.cases.iloc[len(train.cases) :].reset_index(drop=True))


def test_a_date_is_its_first_moment_in_the_zone_of_the_log(log: CaseLog) -> None:
    train, _ = log.split("2024-03-10")
    assert train.window[1] == pd.Timestamp("2024-03-09T23:00Z")
    assert log.split(pd.Timestamp("2024-03-10").date())[0].window == train.window


def test_a_share_cuts_at_the_midnight_before(log: CaseLog) -> None:
    train, test = log.split(share=0.7)
    local = train.window[1].tz_convert(Z)
    assert (local.hour, local.minute) == (0, 0)
    next_day = local + pd.Timedelta(days=1)
    share_before = len(train.cases) / 40
    assert share_before <= 0.7 < (log.cases["opened"] < next_day).mean() + 1e-9
    found = train.diagnosis.get("split")
    assert found is not None and found.count == train.cases["open_end"].sum()
    assert test.diagnosis.get("split") is None


@pytest.mark.parametrize(
    ("at", "share"), [("1999-01-01", 0.7), ("2024-04-01", 0.7), ("soon", 0.7), (None, 0.0), (None, 1.5)]
)
def test_a_split_that_leaves_a_side_empty_is_refused(log: CaseLog, at: str | None, share: float) -> None:
    with pytest.raises(InputError) as caught:
        log.split(at, share)
    assert "split" in caught.value.sentence()


def test_durations_between_activities_are_censored_only_while_the_case_is_open(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    rows = [
        row for row in sample(6) if not (row["case:concept:name"] in ("c2", "c5") and row["concept:name"] != "open")
    ]
    closed = {"case:concept:name": "c2", "time:timestamp": "2024-03-05T23:13:00Z", "case:deadline": ""}
    rows.append({**rows[-1], **closed, "concept:name": "close", "case:channel": "app"})
    path = write_csv(tmp_path_factory.mktemp("log") / "log.csv", rows)
    log = CaseLog.read(path, roles(closing_activities=("close",)), on_bad_rows="drop")
    minutes, censored = log.durations(("open", "work"))
    assert minutes[~censored].tolist() == [45, 46, 48, 49]  # c0, c1, c3, c4; c2 closed without work
    assert censored.sum() == 1 and minutes[censored][0] == log.cases["censored_min"].iloc[-1]


def test_the_first_completion_and_the_next_of_the_other(tmp_path_factory: pytest.TempPathFactory) -> None:
    def event(case: str, activity: str, hour: int) -> Row:
        return {"case": case, "activity": activity, "timestamp": f"2024-03-04T{hour:02d}:00:00Z"}

    rows = [event("a", "b", 7), event("a", "a", 8), event("a", "a", 9), event("a", "b", 12), event("a", "b", 15)]
    rows += [event("c", "b", 7), event("c", "a", 9)]
    log = CaseLog.read(write_csv(tmp_path_factory.mktemp("log") / "log.csv", rows))
    minutes, censored = log.durations(("a", "b"))
    assert minutes.tolist() == [240] and not censored.any()


def test_unknown_activities_and_activities_without_starts(log: CaseLog) -> None:
    with pytest.raises(InputError, match=r"no such activity.*'wrok'.*work"):
        log.durations(("open", "wrok"))
    with pytest.raises(InputError, match="no starts"):
        log.durations("work")


def test_an_interval_running_at_the_cut_is_censored_there(tmp_path_factory: pytest.TempPathFactory) -> None:
    rows = [
        {**row, "begin": row["time:timestamp"].replace(":13:", ":03:").replace(":58:", ":08:")} for row in sample(10)
    ]
    rows = [row for row in rows if row["concept:name"] == "open"]
    log = CaseLog.read(write_csv(tmp_path_factory.mktemp("log") / "log.csv", rows), roles(start="begin"))
    cut = log.events["at"].iloc[4] - pd.Timedelta(minutes=4)
    train, _ = log.split(cut)
    assert len(train.cases) == 5 and train.events["transition"].iloc[-1] == "start"
    minutes, censored = train.durations("open")
    assert minutes.tolist() == [10, 10, 10, 10, 6] and censored.tolist() == [False] * 4 + [True]


def test_a_subset_keeps_window_and_zone(log: CaseLog) -> None:
    by_app = log.subset(log.cases["channel"] == "app")
    assert len(by_app.cases) == 20 and by_app.window == log.window
    assert set(by_app.events["case_id"]) == set(by_app.cases["case_id"])
