"""Small schedules followed minute by minute: given travel, shifts with a break, interruptions, crews, batches, lags.

Every expected number was worked out on paper from the scenario alone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from oracles.bare import kind, post, prepared, stage

MOMENTS = ("created_min", "queued_min", "assigned_min", "arrived_min", "started_min", "left_min", "done_min")
NEVER = float("nan")


def calls(of: str, *times: float, **more: object) -> list[dict]:
    """Return script lines of one type at given minutes."""
    return [{"name": f"{of}{i}-{at}", "type": of, "at_min": at, **more} for i, at in enumerate(times)]


def run(types: dict, posts: dict, script: list[dict], days: float = 0.25, **more: object) -> pd.DataFrame:
    """Run a scripted day that begins at midnight of a Monday and return its tasks in order of arrival."""
    rules = {"priority": "class_fifo", **more.pop("rules", {})}
    sections = {
        "name": "by-hand", "title": {"en": "By hand", "zh": "手算"}, "bare": True, "city": {"bare": {}},
        "horizon_days": days, "shifts": {"always": {}}, "types": types, "posts": posts, "script": script,
        "rules": rules, **more,
    }  # fmt: skip
    return prepared(sections).run(1, 0, log_level="cases").tasks().to_pandas()


def assert_moments(tasks: pd.DataFrame, name: str, expected: list[float]) -> None:
    """Assert one column of all tasks."""
    np.testing.assert_allclose(tasks[name].to_numpy(float), expected, atol=1e-6, err_msg=name)


def test_the_nearest_of_two_units_by_a_given_table_of_minutes():
    """From 0: 4 to 1, 9 to 2; from 1: 6 to 0, 5 to 2; from 2: 8 to 0, 3 to 1. A unit stays where it last was."""
    script = [*calls("call", 0, place=1), *calls("call", 1, place=0), *calls("call", 2, 40, place=2)]
    script = [{**line, "name": str(i)} for i, line in enumerate(script)]
    tasks = run(
        {"call": kind(0, stage("unit", 10.0))}, {"unit": post(2, places=[0, 2])}, script,
        city={"bare": {"travel_min": [[0, 4, 9], [6, 0, 5], [8, 3, 0]]}},
        rules={"dispatch": "nearest_idle", "reposition": "stay"},
    )  # fmt: skip
    # the unit at 2 goes to 1 (3 < 4); the one at 0 is there; the third call waits for it until 11 and is 9 away;
    # at 40 the unit that ended at 2 is still there
    assert_moments(tasks, "assigned_min", [0, 1, 11, 40])
    assert_moments(tasks, "arrived_min", [3, 1, 20, 40])
    assert_moments(tasks, "done_min", [13, 11, 30, 50])


def test_lights_and_sirens_have_a_table_of_their_own():
    tables = [[[0, 6], [6, 0]], [[0, 4], [4, 0]]]
    types = {"routine": kind(0, stage("unit", 1.0)), "urgent": kind(0, stage("unit", 1.0), emergency=True)}
    script = [*calls("routine", 0, place=1), *calls("urgent", 100, place=1)]
    tasks = run(types, {"unit": post(1, places=[0])}, script, city={"bare": {"travel_min": tables}},
                rules={"reposition": "return_home"})  # fmt: skip
    assert_moments(tasks, "arrived_min", [6, 104])


def test_a_unit_called_on_its_way_home_is_at_the_nearer_end():
    """20 minutes home: called after 5 it is still there, called after 15 it is as good as home."""
    tasks = run(
        {"call": kind(0, stage("unit", 10.0))}, {"unit": post(1, places=[0])},
        [{"name": str(at), "type": "call", "at_min": at, "place": 1} for at in (0, 35, 60)],
        city={"bare": {"travel_min": [[0, 20], [20, 0]]}}, rules={"reposition": "return_home"},
    )  # fmt: skip
    assert_moments(tasks, "arrived_min", [20, 35, 80])  # done at 30; from 30 home, called at 35; done 45, called at 60
    assert_moments(tasks, "done_min", [30, 45, 90])


@pytest.mark.parametrize(
    ("overtime", "done"),
    [("finish", [510, 540, 740, 810, 1035]), ("suspend", [510, 540, 800, 830, 1935])],
)
def test_a_day_with_a_break(overtime, done):
    """On duty 8 to 12 and 13 to 17; work of half an hour at 1:00, 8:00, 11:50, 12:10 and 16:45.

    Suspended work waits for the break to end with what is left of it: 20 minutes at noon, 15 at five, which the next
    morning brings.
    """
    shifts = {"day": {"hours": [[8, 12], [13, 17]]}}
    tasks = run({"call": kind(0, stage("desk", 30.0), overtime=overtime)}, {"desk": post(1, shift="day")},
                calls("call", 60, 480, 710, 730, 1005), days=2.0, shifts=shifts)  # fmt: skip
    assert_moments(tasks, "done_min", done)
    assert_moments(tasks, "assigned_min", [480, 510, 710, 780 if overtime == "finish" else 800, 1005])


def test_interruptions_one_upon_another():
    """Low from 0, middle from 5 to 7, high from 7 to 12; then what is left of the middle one, then of the low one."""
    types = {
        "low": kind(0, stage("desk", 20.0), priority_class=2),
        "middle": kind(0, stage("desk", 10.0), priority_class=1),
        "high": kind(0, stage("desk", 5.0), priority_class=0),
    }
    script = [*calls("low", 0, 3), *calls("middle", 5), *calls("high", 7)]
    tasks = run(types, {"desk": post(1, preemptive=True)}, script)
    assert_moments(tasks, "started_min", [0, 35, 5, 7])
    assert_moments(tasks, "done_min", [35, 55, 20, 12])
    assert tasks["interrupted"].tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(("atomic", "assigned"), [(True, [0, 10, 20, 20]), (False, [0, 2, 20, 20])])
def test_crews_wait_for_all_and_nobody_overtakes(atomic, assigned):
    """Three units: two until 10; a crew of three from 2 starts at 10 either way; one and two behind it start at 20."""
    types = {
        "two": kind(0, stage("unit", 10.0, staff=2)),
        "three": kind(0, stage("unit", 10.0, staff=3, atomic=atomic)),
        "one": kind(0, stage("unit", 4.0)),
    }
    script = [*calls("two", 0), *calls("three", 2), *calls("one", 3), *calls("two", 5)]
    tasks = run(types, {"unit": post(3)}, script)
    assert_moments(tasks, "assigned_min", assigned)
    assert_moments(tasks, "started_min", [0, 10, 20, 20])
    assert_moments(tasks, "done_min", [10, 20, 24, 30])


def test_a_lag_holds_the_case_and_frees_the_server():
    stages = stage("a", 5.0, name="one", lag_min=7), stage("b", 3.0, name="two")
    tasks = run({"call": kind(0, *stages)}, {"a": post(1), "b": post(1)}, calls("call", 0, 1, 2))
    assert_moments(tasks, "started_min", [0, 5, 10, 12, 17, 22])
    assert_moments(tasks, "left_min", [5, 10, 15, 15, 20, 25])
    assert_moments(tasks, "done_min", [12, 17, 22, 15, 20, 25])


def test_five_calls_at_one_minute():
    tasks = run({"call": kind(0, stage("desk", 5.0))}, {"desk": post(2)}, calls("call", *[10.0] * 5))
    assert_moments(tasks, "queued_min", [NEVER, NEVER, 10, 10, 10])
    assert_moments(tasks, "done_min", [15, 15, 20, 20, 25])


def test_the_severe_first_and_the_deadline_first():
    severe = [{"name": str(i), "type": "call", "at_min": i / 10, "severity": s} for i, s in enumerate((2, 1, 3, 4, 2))]
    tasks = run({"call": kind(0, stage("desk", 5.0))}, {"desk": post(1)}, severe, rules={"priority": "severity"})
    assert_moments(tasks, "started_min", [0, 20, 10, 5, 15])
    limits = {"respond_min": 10, "resolve_min": 20}
    types = {"slow": kind(0, stage("desk", 5.0)), "quick": kind(0, stage("desk", 5.0), deadlines=limits)}
    script = [*calls("slow", 0, 1), *calls("quick", 3)]
    tasks = run(types, {"desk": post(1)}, script, rules={"priority": "earliest_deadline"})
    assert_moments(tasks, "started_min", [0, 10, 5])


def test_a_turnout_comes_before_the_drive_and_the_service():
    tasks = run({"call": kind(0, stage("unit", 5.0))}, {"unit": post(1, places=[0], turnout_min=2)},
                calls("call", 0, place=1), city={"bare": {"travel_min": [[0, 3], [3, 0]]}})  # fmt: skip
    assert_moments(tasks, "arrived_min", [5])
    assert_moments(tasks, "done_min", [10])
