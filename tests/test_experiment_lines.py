"""An experiment on a bare model names measures of its lines: shown, compared, stopped by, and checked beforehand."""

from __future__ import annotations

import pytest
from scenario_texts import line_of, write

from dashboards.report.gather import gather
from scenarios import Experiment, load
from scenarios.places import city_of
from sim.errors import InputError
from sim.measures import MEASURES
from sim.measures.line_names import CASE_MEASURES, LINE_MEASURES, line_names, measure_of
from sim.measures.lines import line_measures
from sim.model import prepare

TEXT = """name: clerks
title: {en: One clerk or two, zh: 一名或两名办事员}
bare: true
city: {bare: {}}
horizon_days: 6
warm_up_days: 0.5
cool_down_days: 0.5
shifts: {always: {}}
posts:
  desk: {title: {en: Desk, zh: 窗口}, kind: operator, per: city, count: 2}
  expert: {title: {en: Expert, zh: 专家}, kind: operator, per: city, count: 1}
ladder: {grid: expert}
types:
  call:
    title: {en: Call, zh: 来电}
    kind: bare
    rate_per_hour: 8
    stages:
      - {name: ring, staff: 0, touch_min: 3}
      - {name: serve, who: desk, touch_min: {exponential: {mean: 10}}, next: {ask: 0.1}}
      - {name: ask, touch_min: 5}
rules: {priority: fifo}
policies:
  two: {title: {en: Two, zh: 二}}
  three:
    title: {en: Three, zh: 三}
    posts:
      desk: {count: 3}
      helper: {title: {en: Helper, zh: 助手}, kind: operator, per: city, count: 1}
experiment:
  arms: [two, three]
  replications: 8
  measures: [line.desk.wait_min, line.desk.call.waiting_share, delay.call.ring.system_min, case.call.tasks, utilisation]
  equivalence: {line.desk.wait_min: 0.1}
  precision: {metric: line.desk.wait_min, rel_half_width: 0.05, max_reps: 12}
"""


def test_what_may_be_named_is_what_a_run_brings_forth(tmp_path):
    scenario = load(write(tmp_path, TEXT))
    spec = scenario.spec("two")
    result = prepare(spec, city_of(scenario)).run(1, 0)
    assert set(line_measures(result.arm, result.world)) == set(line_names(spec))
    for name in line_names(spec):
        measure = measure_of(name)
        assert measure is not None and measure.title.zh and measure.formula.en and measure.formula.zh, name
    assert {name.rpartition(".")[2] for name in line_names(spec)} == {*LINE_MEASURES, *CASE_MEASURES}


def test_an_experiment_shows_compares_and_stops_by_them(tmp_path):
    experiment = Experiment(load(write(tmp_path, TEXT)))
    study = experiment.run(1, tmp_path / "results", keep_cases=0)
    assert (experiment.summary.before, experiment.summary.ok) == (0, len(study.runs())), "nothing was there before"
    assert study.runs()["replication"].nunique() == 12, "too wide after 8"
    table = study.comparison_table().set_index("metric")
    assert list(table.index) == load(write(tmp_path, TEXT)).experiment.measures
    assert table.loc["line.desk.wait_min", "verdict"] == "better", "waiting less is better"
    assert table.loc["delay.call.ring.system_min", "mean_baseline"] == pytest.approx(3.0)
    assert table.loc["case.call.tasks", "mean_arm"] == pytest.approx(2.1, abs=0.05)
    data = gather(study, "zh")
    assert data.headline == "line.desk.wait_min"
    assert data.measures["line.desk.wait_min"].title.zh == "等待时间（desk）"
    assert not any(name.startswith("line.") for name in data.measures if name not in study.plan.measures)


@pytest.mark.parametrize(
    ("old", "new", "field", "near"),
    [
        ("[line.desk.wait_min,", "[line.desk.wait_mins,", "experiment.measures[0]", "line.desk.wait_min"),
        ("delay.call.ring.", "delay.call.serve.", "experiment.measures[2]", "delay.call.ring.system_min"),
        ("case.call.tasks", "case.call.utilisation", "experiment.measures[3]", "line.desk.utilisation"),
        ("{metric: line.desk", "{metric: line.dsk", "experiment.precision.metric", "line.desk.wait_min"),
        ("{line.desk.wait_min: 0.1}", "{line.desk.wait: 0.1}", "experiment.equivalence.line.desk.wait",
         "line.desk.wait_min"),
    ],
)  # fmt: skip
def test_unknown_names_are_told_with_near_ones(tmp_path, old, new, field, near):
    assert old in TEXT
    text = TEXT.replace(old, new)
    with pytest.raises(InputError, match="unknown measure") as caught:
        Experiment(load(write(tmp_path, text))).check()
    assert caught.value.field == field and near in caught.value.allowed
    assert caught.value.line == line_of(text, new.strip("[{,"))


def test_a_line_of_any_arm_may_be_named(tmp_path):
    text = TEXT.replace("[line.desk.wait_min,", "[line.helper.utilisation,")
    Experiment(load(write(tmp_path, text))).check()
    # a measure that only an arm left out has is no mistake: the table says that it is not measured in these runs
    Experiment(load(write(tmp_path, text)), policies=["two"]).check()
    unknown = TEXT.replace("[line.desk.wait_min,", "[line.nobody.utilisation,")
    with pytest.raises(InputError, match="unknown measure"):
        Experiment(load(write(tmp_path, unknown)), policies=["two"]).check()


def test_a_full_model_has_no_such_measures():
    scenario = load("whistle-vs-referral")
    assert line_names(scenario.spec()) == []
    wished = scenario.with_changes({"experiment": {"measures": ["line.operator.wait_min"]}}, "test")
    with pytest.raises(InputError, match="unknown measure"):
        Experiment(wished).check()


def test_names_that_are_no_measure_mean_nothing():
    for name in ("line.wait_min", "line.desk.speed", "delay.call.ring.tasks", "desk.wait_min", "case.call.wait_min"):
        assert measure_of(name) is None
    assert measure_of("utilisation") is MEASURES["utilisation"]
