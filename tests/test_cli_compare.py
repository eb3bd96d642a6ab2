"""The command line end to end on a small bare queue: run, compare, resume, export."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from scenario_texts import BARE, write
from typer.testing import CliRunner

from gridwhistle import app
from scenarios import Experiment, Precision, Study, load

runner = CliRunner()


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    """Run each test in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def done(*arguments: str) -> str:
    result = runner.invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def compared(*arguments: str) -> dict:
    return json.loads(done("compare", *arguments, "--no-report", "--json"))


def test_compare_prints_a_table_and_says_where_results_lie(tmp_path):
    result = runner.invoke(app, ["compare", str(write(tmp_path)), "--workers", "1", "--no-report"])
    assert result.exit_code == 0, result.output
    for piece in ("indicator", "One clerk", "Two clerks", "95% interval", "verdict", "variance ratio", "Results: "):
        assert piece in result.stdout
    folder = Path(result.stdout.split("Results: ")[1].split()[0])
    assert folder.parts[0] == "results" and folder.name.startswith("small-queue-")
    for name in ("manifest.json", "plan.parquet", "scenario.yaml", "runs", "events", "journal"):
        assert (folder / name).exists()
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["seed"] == 7 and manifest["dependencies"]["numpy"] and "+" in manifest["code_version"]


def test_the_table_shows_what_the_parts_hold(tmp_path):
    found = compared(str(write(tmp_path)), "--replications", "6", "--workers", "1")
    runs = Study.open(found["results"]).runs()
    assert len(runs) == 12 and list(runs["policy"][:2]) == ["one", "two"]
    for row in found["comparison"]:
        wide = runs.pivot(index="replication", columns="policy", values=row["metric"]).dropna()
        assert row["pairs"] == len(wide) and row["missing"] == 6 - len(wide)
        if len(wide):
            assert row["difference"] == pytest.approx((wide["two"] - wide["one"]).mean())


def test_one_and_two_workers_agree_and_a_second_call_does_nothing_again(tmp_path):
    file = str(write(tmp_path))
    one = compared(file, "--workers", "1", "--out", "a")
    two = compared(file, "--workers", "2", "--out", "b")
    assert one["content_hash"] == two["content_hash"]
    again = compared(file, "--workers", "1", "--out", "a")
    assert (again["runs"]["done_before"], again["runs"]["done"]) == (8, 0)
    more = compared(file, "--workers", "1", "--out", "a", "--replications", "6")
    assert (more["runs"]["done_before"], more["runs"]["done"]) == (8, 4)
    fresh = compared(file, "--workers", "1", "--out", "a", "--fresh")
    assert fresh["results"] == "a-2" and fresh["content_hash"] == one["content_hash"]


def test_another_seed_is_another_folder(tmp_path):
    file = str(write(tmp_path))
    one, other = compared(file, "--workers", "1"), compared(file, "--workers", "1", "--seed", "8")
    assert one["results"] != other["results"] and one["content_hash"] != other["content_hash"]
    result = runner.invoke(app, ["compare", file, "--seed", "9", "--out", one["results"], "--no-report"])
    assert result.exit_code == 2 and "another scenario, seed or version" in result.stderr


def test_equal_policies_differ_by_exactly_nothing(tmp_path):
    text = BARE.replace("clerk: {count: 2}", "clerk: {count: 1}")
    found = compared(str(write(tmp_path, text)), "--workers", "1")
    assert all(row["difference"] == 0 for row in found["comparison"] if row["pairs"])
    assert {row["verdict"] for row in found["comparison"] if row["pairs"] > 1} == {"no_effect"}


def test_run_prints_means_and_changes_days(tmp_path):
    file = str(write(tmp_path))
    shown = done("run", file, "--policy", "two", "--days", "1", "--lang", "zh")
    assert "两名办事员" in shown and "指标" in shown
    found = json.loads(done("run", file, "--replications", "3", "--json"))
    assert found["policies"] == ["one"] and all(len(v["one"]) == 3 for v in found["measures"].values())


def test_export_writes_tables_that_read_back(tmp_path):
    found = compared(str(write(tmp_path)), "--workers", "1")
    for form, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet), ("json", pd.read_json)):
        files = json.loads(done("export", found["results"], "--format", form, "--out", form, "--json"))["files"]
        assert any(file.endswith("scenario.yaml") for file in files)
        assert len(read(Path(form) / f"runs.{form}")) == 8
        assert len(read(Path(form) / f"comparison.{form}")) == len(found["comparison"])


def test_the_kept_scenario_gives_the_same_numbers_again(tmp_path):
    found = compared(str(write(tmp_path)), "--workers", "1", "--out", "a")
    again = compared(str(Path("a") / "scenario.yaml"), "--workers", "1", "--out", "b")
    assert again["content_hash"] == found["content_hash"]


def test_the_same_from_python(tmp_path):
    scenario = load(write(tmp_path))
    study = Experiment(scenario, policies=["one", "two"], replications=4, seed=7).run(workers=1, store=tmp_path / "r")
    metric = study.measures[0]
    comparison = study.compare(metric)
    assert comparison.baseline == "one" and comparison["two"].pairs + comparison["two"].missing == 4
    counted = study.sql("SELECT policy, count(*) AS n FROM runs GROUP BY policy ORDER BY policy")
    assert counted.to_dict("list") == {"policy": ["one", "two"], "n": [4, 4]}
    assert set(study.cases()["policy"]) == {"one", "two"}
    assert Study.open(tmp_path / "r").content_hash() == study.content_hash()
    assert Study.open(tmp_path / "r").scenario.hash == scenario.hash


def test_precision_goes_on_until_the_interval_is_narrow_or_the_limit_is_reached(tmp_path):
    scenario = load(write(tmp_path))
    for limit in (6, 200):
        until = Precision(metric="response_min", rel_half_width=0.25, max_reps=limit)
        study = Experiment(scenario, replications=4, until=until).run(store=tmp_path / str(limit))
        row = study.compare("response_min")["two"]
        assert 4 <= row.pairs <= limit
        narrow = (row.high - row.low) / 2 <= 0.25 * abs(row.mean_baseline)
        assert narrow or row.pairs == limit


def test_report_is_written_beside_the_results(tmp_path):
    found = json.loads(done("compare", str(write(tmp_path)), "--workers", "1", "--json"))
    page = Path(found["report"]).read_text("utf-8")
    assert Path(found["report"]).parent == Path(found["results"])
    assert "Two clerks" in page and "plotly" in page
