"""What the measures of lines count, on runs small enough to follow by hand, and every example of the how-to page."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from oracles.bare import delay, kind, post, prepared, stage

from scenarios import load
from scenarios.places import city_of
from sim.measures.lines import LINE_MEASURES, line_measures, line_table
from sim.model import prepare

PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "bare-scenarios.md"
HORIZON_MIN = 100.0


def by_hand(times: dict[str, list[float]], types: dict, posts: dict, **more):
    """Run calls that come at given minutes for 100 minutes."""
    script = [{"name": f"{t}{i}", "type": t, "at_min": at} for t, ats in times.items() for i, at in enumerate(ats)]
    head = {"name": "by-hand", "title": {"en": "By hand", "zh": "手算"}, "bare": True, "city": {"bare": {}}}
    rest = {"horizon_days": HORIZON_MIN / 1440.0, "shifts": {"always": {}}, "rules": {"priority": "class_fifo"}}
    sections = {**head, **rest, "posts": posts, "types": types, "script": script, **more}
    result = prepared(sections).run(1, 0, log_level="counts")
    return result, line_measures(result.arm, result.world)


def close(found: dict[str, float], **expected: float) -> None:
    """Assert measures of the line 'desk'."""
    for name, value in expected.items():
        assert found[f"line.desk.{name}"] == pytest.approx(value, abs=1e-9), name


def test_waiting_and_finding_no_place():
    calls = {"call": [0.0, 5.0, 6.0, 30.0]}
    _, found = by_hand(calls, {"call": kind(0, stage("desk", 10.0))}, {"desk": post(1, queue_capacity=1)})
    close(found, wait_min=5 / 3, wait_served_min=5 / 3, waiting_share=1 / 4, blocked_share=1 / 4, lost_share=1 / 4,
          abandoned_share=0.0, mean_in_line=0.05, mean_in_system=0.35, system_min=35 / 3, utilisation=0.3,
          arrivals_per_h=2.4)  # fmt: skip


def test_giving_up_counts_as_waiting_but_not_as_served():
    calls = {"call": [0.0, 5.0, 9.0]}
    types = {"call": kind(0, stage("desk", 10.0), queue_patience_min=3.0)}
    _, found = by_hand(calls, types, {"desk": post(1)})
    close(found, wait_min=(0 + 3 + 1) / 3, wait_served_min=0.5, waiting_share=2 / 3, abandoned_share=1 / 3,
          blocked_share=0.0, mean_in_line=0.04, system_min=21 / 2, utilisation=0.2)  # fmt: skip


def test_an_interruption_is_no_wait_to_be_served():
    types = {
        "urgent": kind(0, stage("desk", 10.0), priority_class=0),
        "routine": kind(0, stage("desk", 20.0), priority_class=1),
    }
    _, found = by_hand({"routine": [0.0], "urgent": [5.0]}, types, {"desk": post(1, preemptive=True)})
    assert found["line.desk.routine.wait_min"] == 0.0
    assert found["line.desk.routine.waiting_share"] == 0.0
    assert found["line.desk.urgent.wait_min"] == pytest.approx(0.0)
    assert found["line.desk.urgent.system_min"] == pytest.approx(10.0)
    assert found["line.desk.routine.system_min"] == pytest.approx(30.0)
    assert found["line.desk.utilisation"] == pytest.approx(0.3)


def test_a_call_of_two_units_waits_for_both_and_nobody_overtakes():
    types = {"one": kind(0, stage("desk", 10.0)), "two": kind(0, stage("desk", 10.0, staff=2))}
    _, found = by_hand({"one": [0.0, 6.0], "two": [5.0]}, types, {"desk": post(2)})
    assert found["line.desk.two.wait_min"] == pytest.approx(5.0)  # until the first call ends at 10
    assert found["line.desk.one.wait_min"] == pytest.approx((0.0 + 14.0) / 2)  # the second waits behind, until 20
    assert found["line.desk.utilisation"] == pytest.approx((10 + 2 * 10 + 10) / 200)


def test_delays_have_rows_of_their_own():
    types = {"call": kind(0, delay("drive", 7.0), stage("desk", 10.0))}
    result, found = by_hand({"call": [0.0, 1.0]}, types, {"desk": post(1)})
    assert found["delay.call.drive.system_min"] == pytest.approx(7.0)
    assert found["delay.call.drive.mean_in_system"] == pytest.approx(0.14)
    close(found, wait_min=4.5, arrivals_per_h=1.2)
    assert found["case.call.system_min"] == pytest.approx((17 + 26) / 2)
    assert found["case.call.tasks"] == 2.0
    table = line_table(result.arm, result.world).to_pandas()
    assert set(LINE_MEASURES) < set(table.columns)
    assert table[["post", "type", "stage"]].fillna("").to_numpy().tolist() == [
        ["desk", "", ""], ["desk", "call", ""], ["", "call", "drive"],
    ]  # fmt: skip


def test_the_window_leaves_out_warm_up_and_cool_down():
    calls = {"call": [0.0, 5.0, 40.0, 45.0, 90.0]}
    window = {"warm_up_days": 20 / 1440, "cool_down_days": 20 / 1440}
    _, found = by_hand(calls, {"call": kind(0, stage("desk", 10.0))}, {"desk": post(1)}, **window)
    close(found, wait_min=2.5, waiting_share=0.5, mean_in_line=5 / 60, mean_in_system=(10 + 15) / 60, utilisation=0.5)


def test_a_full_model_has_a_table_but_no_measures_of_lines():
    types = {"order": {**kind(0, stage("desk", 10.0)), "kind": "order", "start": "grid"}}
    result, found = by_hand({"order": [0.0]}, types, {"desk": post(1)}, ladder={"grid": "desk"},
                            channels={"phone": {"title": {"en": "Phone", "zh": "电话"}}},
                            script=[{"name": "a", "type": "order", "at_min": 1.0, "channel": "phone"}])  # fmt: skip
    assert found == {}
    assert line_table(result.arm, result.world).num_rows == 2


def examples() -> list:
    """Return name, text and what is said to be exact of each YAML block of the page."""
    found = []
    text = PAGE.read_text(encoding="utf-8")
    for block in re.finditer(r"```yaml\n(.*?)```(.*?)(?=```yaml|\Z)", text, re.S):
        name = re.search(r"^name: (\S+)", block[1], re.M)[1]
        said = re.search(r"^(Exact|Near): (.*?)(?:\n\n|\Z)", block[2], re.S | re.M)
        values = re.findall(r"`([\w.]+)` = ([\d.]*\d)", said[2])
        found.append(pytest.param(block[1], said[1], {k: float(v) for k, v in values}, id=name))
    return found


@pytest.mark.parametrize(("text", "word", "values"), examples())
def test_every_example_of_the_page_gives_what_the_page_says(tmp_path, text, word, values):
    file = tmp_path / "queue.yaml"
    file.write_text(text, encoding="utf-8")
    scenario = load(file)
    made = prepare(scenario.spec(), city_of(scenario))
    rows = []
    for r in range(20):
        result = made.run(scenario.seed, r, log_level="counts")
        rows.append({**result.measures, **line_measures(result.arm, result.world)})
    assert values
    for name, exact in values.items():
        found = np.array([row[name] for row in rows])
        error = max(found.std(ddof=1) / math.sqrt(len(found)), 1e-6 * exact)
        assert abs(found.mean() - exact) < (4.0 * error if word == "Exact" else 0.02 * exact), (name, found.mean())


@pytest.mark.parametrize("name", ["bare-line", "bare-hypercube"])
def test_the_shipped_bare_scenarios_compare_their_policies(name):
    scenario = load(name)
    waits = {}
    for policy in scenario.arms:
        result = prepare(scenario.spec(policy), city_of(scenario)).run(7, 0, log_level="counts")
        found = line_measures(result.arm, result.world)
        waits[policy] = next(v for k, v in found.items() if k.endswith("waiting_share"))
    if name == "bare-line":
        assert waits["three-desks"] == pytest.approx(0.4444, rel=0.1)
        assert waits["four-desks"] < 0.25
    else:
        assert waits["by-list"] == pytest.approx(0.2368, rel=0.1)
