"""From a study on disk to a report: labels, facts, provenance and the command come from the study itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from report_sample import ARM, BASELINE, cases, hours, incidents, staff, tasks

from dashboards.report import write_report
from dashboards.report.figures import charts
from dashboards.report.gather import gather
from scenarios import library
from scenarios.experiment import Experiment
from scenarios.runs import Outcome, Run
from scenarios.study import Study
from sim import register
from sim.errors import InputError

REPLICATIONS = 6
TABLES = {"cases": cases, "incidents": incidents, "tasks": tasks, "staff": staff, "hours": hours}


@dataclass(frozen=True)
class MadeUp:
    """Stands where the model stands: known measures, the sample's tables."""

    def __call__(self, run: Run, keep: bool) -> Outcome:
        rng = np.random.default_rng(run.replication)
        whistle = run.policy == ARM
        measures = {
            "true_resolution_days": 4.0 - whistle + 0.1 * rng.normal() + 0.01 * whistle * rng.normal(),
            "true_resolution_share": 0.6 + 0.05 * whistle,
            "cost_yuan_per_resolved": 300.0 + rng.normal() + 20 * whistle,
        }
        return Outcome(measures, {name: _rows(make(), run) for name, make in TABLES.items()} if keep else {})


def _rows(frame: pd.DataFrame, run: Run) -> pa.Table:
    mine = frame[(frame["policy"] == run.policy) & (frame["replication"] == run.replication)]
    return pa.Table.from_pandas(mine.drop(columns=["policy", "replication"]), preserve_index=False)


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    scenario = library.load("whistle-vs-referral").with_changes(
        {"city": {"synthetic": {"residents": 12_000, "seed": 3}}, "parameters": {"report_in.intercept": 2.75}}
    )
    made = Experiment(scenario, [BASELINE, ARM], replications=REPLICATIONS, seed=11)
    return made.run(store=Path(tmp_path_factory.mktemp("results")) / "study", keep_cases=4, job=MadeUp())


def test_arms_are_called_by_their_titles_everywhere(study):
    data = gather(study, "zh")
    titles = [study.scenario.policy_title(p, "zh") for p in (BASELINE, ARM)]
    assert data.labels == titles
    for table in (data.runs, data.cases, data.incidents, data.tasks, data.staff, data.hours):
        assert table is not None and set(table["policy"]) == set(titles)
    assert set(data.comparisons["arm"]) == {titles[1]} and set(data.comparisons["baseline"]) == {titles[0]}


def test_differences_are_the_studys_own(study):
    data, own = gather(study, "en"), study.comparison_table()
    columns = ["metric", "difference", "low", "high", "verdict", "pairs"]
    pd.testing.assert_frame_equal(data.comparisons[columns], own[columns])
    row = data.comparisons.set_index("metric").loc["true_resolution_days"]
    assert row["difference"] == pytest.approx(-1.0, abs=0.05)
    assert (data.headline, data.cost) == ("true_resolution_days", "cost_yuan_per_resolved")


def test_what_differs_between_the_arms_is_what_the_policies_say(study):
    arm = gather(study, "en").arms[1]
    assert arm.changes["rules.coordinate"] == "whistle_and_report"
    assert arm.policy_id == study.scenario.policy_id(ARM)


def test_every_register_entry_is_there_and_changed_ones_are_marked(study):
    found = {p.name: p for p in gather(study, "en").parameters}
    assert set(found) == set(register.load())
    assert found["report_in.intercept"].changed and found["report_in.intercept"].value == 2.75
    untouched = found["city.people_per_grid"] if "city.people_per_grid" in found else found["reporting.urgency"]
    assert not untouched.changed and untouched.value == register.default(untouched.name)


def test_posts_are_called_as_the_scenario_calls_them(study):
    post = study.scenario.spec(BASELINE).posts["ambulance"]
    data = gather(study, "zh")
    assert data.titles["posts.ambulance"] == post.title.zh
    chart = next(c for c in charts(data, "zh") if c.name == "load_post")
    assert post.title.zh in chart.title


def test_facts_and_command(study):
    data = gather(study, "en")
    assert data.facts["fact_seed"] == "11" and data.facts["fact_replications"] == str(REPLICATIONS)
    assert "12,000 synthetic residents" in data.facts["fact_city"]
    assert f"--policy {BASELINE} --policy {ARM} --replications {REPLICATIONS} --seed 11" in data.command
    assert "scenario.yaml" in data.command, "a changed scenario is not the library's"
    assert data.kept == 4 and data.failed == 0


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_writes(study, tmp_path, lang):
    content = write_report(study, tmp_path / "report.html", lang).read_text("utf-8")
    for chart in ("differences", "resolution", "cost", "flow", "load_post", "workload", "city", "map"):
        assert f'id="chart-{chart}"' in content


def test_nothing_finished_is_one_sentence(tmp_path):
    scenario = library.load("whistle-vs-referral")

    def fails(run: Run, keep: bool) -> Outcome:
        raise ValueError("no")

    empty = Experiment(scenario, [BASELINE, ARM], replications=1).run(store=tmp_path / "empty", job=fails)
    with pytest.raises(InputError, match="nothing to report"):
        write_report(empty, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
