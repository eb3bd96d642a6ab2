"""Safeguards, arms that are alike, stopping by precision and folders that hold more than was asked for."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from oracles.bare import exponential, kind, model, post, stage
from typer.testing import CliRunner

from gridwhistle import app
from scenarios import Experiment, load
from scenarios.precision import FIRST_STAGE
from scenarios.safeguards import SAFEGUARDS
from scenarios.schema import Precision, Scenario
from scenarios.yaml_lines import Tree
from sim.measures import MEASURES

CASES = Path(__file__).parent / "cases"


def line(policies: dict) -> Scenario:
    sections = model(24.0, 600.0, posts={"desk": post(2)}, types={"call": kind(6.0, stage("desk", exponential(10)))})
    sections["policies"] = policies
    return Scenario.from_tree(Tree(sections))


@pytest.fixture(scope="module")
def zeros(tmp_path_factory):
    """The small district, seed 5, ten replications: coverage is the same in both arms of every one, or nearly."""
    made = Experiment(load(str(CASES / "equivalent-from-zeros" / "scenario.yaml")), replications=10, seed=5)
    return made.run(store=tmp_path_factory.mktemp("zeros") / "r", keep_cases=0)


def test_ten_zeros_are_never_equivalent(zeros):
    for metric in ("coverage_share", "emergency_response_p90_min"):
        for margin in (None, 0.001):
            assert zeros.compare(metric, margin=margin)["whistle"].verdict in ("undecided", "too_rare")


def test_safeguards_are_compared_unasked_and_adjusted_among_themselves(zeros):
    found = zeros.safeguards()
    names = [one.metric for one in found]
    assert {"loss_emergency_yuan", "overtime_h_per_staff", "untold_share"} <= set(names) <= set(SAFEGUARDS)
    assert not set(names) <= set(zeros.plan.measures)
    rows = [one["whistle"] for one in found]
    assert all(math.isnan(r.p_holm) or r.p_holm >= r.p_value for r in rows)
    assert [r.metric for r in zeros.got_worse()] == [r.metric for r in rows if r.verdict == "worse"]
    assert len(zeros.safeguard_table()) == len(rows)


def test_every_safeguard_is_a_measure_with_a_bad_direction():
    assert all(MEASURES[name].better in ("lower", "higher") for name in SAFEGUARDS)


def test_arms_alike_have_no_effect(tmp_path):
    study = Experiment(line({"one": {}, "same": {}, "more": {"posts": {"desk": {"count": 4}}}}), replications=3).run(
        store=tmp_path / "r", keep_cases=0
    )
    found = study.compare("line.desk.wait_min")
    assert found["same"].verdict == "no_effect" and found["more"].verdict != "no_effect"
    assert study.alike() == {"same"}


def test_a_change_that_nothing_shows_has_no_effect(tmp_path):
    study = Experiment(line({"one": {}, "same": {"parameters": {"rule.user_0": 1.0}}}), replications=3).run(
        store=tmp_path / "r", keep_cases=0
    )
    assert study.compare("line.desk.wait_min")["same"].verdict == "no_effect"


def test_precision_counts_pairs_and_says_whether_it_got_there(tmp_path):
    made = Experiment(load(str(CASES / "precision-missing-values" / "scenario.yaml")))
    study = made.run(store=tmp_path / "r", keep_cases=0)
    said = made.summary.precision
    assert said is not None and said.replications == len(study.runs()) // 2 <= 400
    assert said.pairs == study.compare("joint_resolution_days")["whistle"].pairs < said.replications
    assert said.reached == (said.half_width <= said.target) and (said.reached or said.replications == 400)


def test_no_spread_is_no_precision_and_no_more_than_the_most_are_done(tmp_path):
    scenario = line({"one": {}, "more": {"posts": {"desk": {"count": 3}}}})
    until = Precision(metric="line.desk.blocked_share", rel_half_width=0.1, max_reps=30)  # nobody is ever blocked
    made = Experiment(scenario, replications=2, until=until)
    study = made.run(store=tmp_path / "r", keep_cases=0)
    assert len(study.runs()) == 2 * 30
    assert made.summary.precision is not None and not made.summary.precision.reached
    few = Experiment(
        scenario, replications=50, until=Precision(metric="line.desk.wait_min", rel_half_width=0.9, max_reps=25)
    )
    assert len(few.run(store=tmp_path / "few", keep_cases=0).runs()) <= 2 * 25
    assert FIRST_STAGE <= 25


def test_a_folder_that_holds_more_is_told_and_used_whole(tmp_path):
    import yaml

    file = tmp_path / "line.yaml"
    sections = model(24.0, 600.0, posts={"desk": post(2)}, types={"call": kind(6.0, stage("desk", exponential(10)))})
    sections["policies"] = {"one": {}, "more": {"posts": {"desk": {"count": 3}}}}
    file.write_text(yaml.safe_dump(sections, allow_unicode=True))
    asked = ["compare", str(file), "--out", str(tmp_path / "r"), "--no-report", "--keep-cases", "0", "-w", "1", "-n"]
    assert CliRunner().invoke(app, [*asked, "6"]).exit_code == 0
    again = CliRunner().invoke(app, [*asked, "4"])
    assert "6 finished replications" in again.output and "paired over 6" in " ".join(again.output.split())
    told = json.loads(CliRunner().invoke(app, [*asked, "4", "--json"]).stdout)
    assert {row["pairs"] for row in told["comparison"]} <= {0, 6}
    assert {"safeguards", "got_worse", "precision"} <= set(told)
