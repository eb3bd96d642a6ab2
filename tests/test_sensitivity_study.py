"""A whole study: from options to runs to indices; resumed, extended, broken off by bad runs; and the command line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sensitivity_jobs import TOWN, Known
from typer.testing import CliRunner

from calibration.sensitivity.command import with_residents
from calibration.sensitivity.study import SensitivityStudy
from gridwhistle import app
from scenarios import load
from scenarios.limits import Limits
from scenarios.store import Store
from sim.errors import InputError

runner = CliRunner()
THREE = ("report_in.intercept", "report_in.load", "coordination.defer_min")


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("town") / "town.yaml"
    file.write_text(TOWN, encoding="utf-8")
    return file


def study(town: Path, **changes) -> SensitivityStudy:
    given = {"method": "sobol", "rows": 16, "parameters": THREE, "measure": "true_resolution_days", **changes}
    return SensitivityStudy(load(str(town)), **given)


def test_a_known_effect_is_found_with_its_flip_and_common_random_numbers(town, tmp_path):
    found = study(town, rows=64).run(1, tmp_path / "a", job=Known())
    assert found.order[0] == "report_in.intercept" and found.verdicts["report_in.intercept"].weight == "decisive"
    assert found.analysis.total["report_in.intercept"].value == pytest.approx(1, abs=0.1)
    # the noise of two days is common to both policies of a run and cancels; 0.1 days remain
    assert found.analysis.noise_variance == pytest.approx(0.01, rel=0.3)
    flip = next(f for f in found.flips if f.name == "report_in.intercept")
    assert flip.outcome == "flip" and flip.at.value == pytest.approx(1, abs=0.1)
    assert {f.name for f in found.flips} == set(THREE)
    assert found.verdicts["report_in.load"].weight == "inert" and found.verdicts["dummy"].weight == "floor"


def test_one_policy_is_a_level_and_has_no_flip(town, tmp_path):
    found = study(town, policies=["whistle"], rows=64).run(1, tmp_path / "a", job=Known())
    assert found.flips == [] and not found.target.is_effect
    assert found.analysis.noise_variance == pytest.approx(4.01, rel=0.4)
    assert found.analysis.noise_share.value > 0.7


def test_morris_runs_on_the_same_machinery(town, tmp_path):
    found = study(town, method="morris", rows=8).run(1, tmp_path / "a", job=Known())
    assert found.analysis.mu["report_in.intercept"].value == pytest.approx(-3, abs=0.3)
    assert found.order[0] == "report_in.intercept"


def test_resuming_gives_the_same_indices_and_longer_designs_keep_their_runs(town, tmp_path):
    whole = study(town).run(1, tmp_path / "a", job=Known())
    part = study(town, rows=8)
    part.run(1, tmp_path / "b", job=Known())
    again = study(town)
    found = again.run(1, tmp_path / "b", job=Known())
    assert again.experiment.summary.before == part.runs and again.experiment.summary.ok == again.runs - part.runs
    assert found.analysis == whole.analysis
    more = study(town, replicates=3)
    more.run(1, tmp_path / "b", job=Known())
    assert more.experiment.summary.before == again.runs
    same = study(town)
    assert same.run(1, tmp_path / "b", job=Known()).analysis == whole.analysis  # what is there beyond is left alone
    assert same.experiment.summary.ok == 0


def test_another_question_asks_the_same_runs(town, tmp_path):
    study(town).run(1, tmp_path / "a", job=Known())
    with pytest.raises(InputError, match="holds results of another"):
        study(town, parameters=THREE[:2]).run(1, tmp_path / "a", job=Known())
    with pytest.raises(InputError, match="holds results of another"):
        study(town, seed=8).run(1, tmp_path / "a", job=Known())


def test_raising_hanging_and_crashing_runs_are_named_and_the_rest_is_kept(town, tmp_path):
    bad = {"raising": (64 * 3,), "hanging": (64 * 13 + 1,), "crashing": (64 * 40,)}
    asked = study(town)
    with pytest.raises(InputError, match=r"3 of 384 runs did not finish \(row 3, replicate 0, whistle") as error:
        asked.run(2, tmp_path / "a", job=Known(**bad), limits=Limits(wall_s=2.0))
    for piece in ("row 13, replicate 1", "row 40, replicate 0", "--on-failed drop"):
        assert piece in error.value.sentence()
    summary = asked.experiment.summary
    assert summary.ok == asked.runs - 3
    assert sorted(record.state for record in summary.failures) == ["failed", "killed", "timeout"]
    assert len(Store.open(tmp_path / "a").done()) == asked.runs - 3
    again = study(town)
    found = again.run(2, tmp_path / "a", job=Known(**bad), limits=Limits(wall_s=2.0), on_failed="drop")
    assert again.experiment.summary.before == asked.runs - 3
    assert (found.missing, found.analysis.dropped, found.analysis.blocks) == (3, 3, 13)  # rows 3, 13 and 40
    mended = study(town).run(1, tmp_path / "a", job=Known())  # tried again, now well
    assert mended.analysis == study(town).run(1, tmp_path / "b", job=Known()).analysis


def test_a_measure_without_a_value_yields_no_index(town, tmp_path):
    with pytest.raises(InputError, match=r"true_resolution_days.*1 of 96 have no value \(rows 7\)"):
        study(town).run(1, tmp_path / "a", job=Known(empty=(64 * 7 + 1,)))
    found = study(town).run(1, tmp_path / "a", job=Known(empty=(64 * 7 + 1,)), on_failed="drop")
    assert found.analysis.dropped == 1 and found.missing == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"measure": "true_resolution_day"}, "true_resolution_days"),
        ({"policies": ["whistles"]}, "whistle"),
        ({"policies": ["referral", "whistle", "as-is"]}, "one or two policies"),
        ({"replicates": 1}, "cannot tell chance"),
        ({"parameters": ["type.no_such.touch_factor"]}, "unknown parameter"),
        ({"method": "fast"}, "morris, sobol"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(town, changes, says):
    with pytest.raises(InputError, match=says):
        study(town, **changes).check()


def test_residents_need_a_synthetic_city(town):
    small = with_residents(load(str(town)), 500)
    assert small.city["synthetic"] == {"residents": 500, "seed": 2, **{
        k: v for k, v in load(str(town)).city["synthetic"].items() if k not in ("residents", "seed")}}  # fmt: skip
    with pytest.raises(InputError, match="--city FOLDER"):
        with_residents(load("bare-line"), 500)


# the command line, on the real model


@pytest.fixture(scope="module")
def shown(town, tmp_path_factory) -> tuple[Path, str, dict]:
    """Results folder, what a person sees, and what a machine gets on the second call."""
    folder = tmp_path_factory.mktemp("results") / "r"
    words = ["sensitivity", str(town), "--method", "sobol", "--rows", "8", "--measure", "true_resolution_days",
             "--parameter", "report_in.load", "--parameter", "reporting.urgency=0.4..0.8", "--workers", "1",
             "--out", str(folder)]  # fmt: skip
    person = runner.invoke(app, words)
    assert person.exit_code == 0, person.output
    machine = runner.invoke(app, [*words, "--json", "--lang", "zh"])
    assert machine.exit_code == 0, machine.output
    return folder, person.stdout, json.loads(machine.stdout)


def test_the_command_prints_ranges_indices_and_plain_words(shown):
    text = " ".join(shown[1].split())
    for piece in (
        "Time until trouble is over",
        "true state",
        "report_in.load",
        "0.4 … 0.8",
        "0 … 1.5",
        "(total",
        "dummy",
        "assumption",
        "Averaged over all of these settings",
        "are chance",
        "Results:",
        "Report:",
    ):
        assert piece in text, piece


def test_the_machine_gets_everything_and_nothing_runs_twice(shown):
    folder, _, data = shown
    assert (data["campaign"]["done"], data["campaign"]["done_before"]) == (0, 8 * 5 * 2 * 2)
    assert data["policies"] == ["referral", "whistle"] and data["state"] == "true" and data["unit"] == "days"
    assert [f["name"] for f in data["factors"]] == ["report_in.load", "reporting.urgency"]
    assert data["factors"][1]["narrowed"] and data["factors"][0]["source"].startswith("assumption")
    assert 0 < data["analysis"]["noise_share"]["value"] <= 1
    assert any("一" in paragraph or "的" in paragraph for paragraph in data["answer"])
    stored = json.loads((folder / "sensitivity.json").read_text("utf-8"))
    assert stored["analysis"] == data["analysis"]
    for name in ("manifest.json", "plan.parquet", "scenario.yaml", "runs", "journal", "report.html"):
        assert (folder / name).exists()


def test_the_stored_runs_are_what_the_model_gives(shown, town):
    """Row by row: the parts hold the measure of a model run with the row's parameters and replication number."""
    from calibration.sensitivity.study import Target
    from scenarios.places import city_of
    from sim.model import prepare

    folder, _, _ = shown
    asked = SensitivityStudy(load(str(town)), "sobol", measure="true_resolution_days", rows=8,
                             parameters=["report_in.load", "reporting.urgency=0.4..0.8"])  # fmt: skip
    assert asked.target == Target("true_resolution_days", ("referral", "whistle"))
    results = asked.carry_out(1, folder)
    values = results.values("true_resolution_days")
    assert values.shape == (40, 2, 2) and asked.experiment.summary.ok == 0
    for row, replicate, arm in ((7, 1, 1), (22, 0, 0)):
        spec = asked.scenario.spec(asked.target.arms[arm])
        laid = spec.model_copy(update={"parameters": {**spec.parameters, **asked.experiment.settings[row]}})
        city = city_of(asked.scenario)
        one = prepare(laid, city, city.seed).run(seed=7, replication=int(asked.design.numbers[row, replicate]))
        assert one.measures["true_resolution_days"] == values[row, replicate, arm]
    assert len(np.unique(values)) > 60


def test_ranges_beyond_the_plausible_are_taken_and_told(town, tmp_path):
    """As under `parameters`: one warning a range, by the name it was given under, in manifest and JSON too."""
    words = ["sensitivity", str(town), "--rows", "8", "--policy", "whistle", "--measure", "cases", "--workers", "1",
             "--parameter", "report_in.load=0..9", "--parameter", "priority.aging_per_h", "--days", "3", "--no-report",
             "--parameter", "reporting.urgency", "--out", str(tmp_path / "r"), "--json"]  # fmt: skip
    done = runner.invoke(app, words)
    assert done.exit_code == 0, done.output
    told = [line for line in done.stderr.splitlines() if "--parameter" in line]
    assert len(told) == 2 and "plausible range of 0 to 1.5" in told[0] and "'report_in.load=0..9'" in told[0]
    assert "varying this changes nothing" in told[1] and "priority.aging_per_h" in told[1]
    machine = json.loads(done.stdout)
    manifest = json.loads((tmp_path / "r" / "manifest.json").read_text("utf-8"))
    for warnings in (machine["warnings"], manifest["warnings"]):
        assert sum("plausible range of 0 to 1.5" in one for one in warnings) == 1
        assert sum("varying this changes nothing" in one for one in warnings) == 1
    assert [(factor["high"], factor["narrowed"]) for factor in machine["factors"]] == [
        (9, True),
        (5, False),
        (1.2, False),
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--rows", "100"], "power of two"),
        (["--parameter", "report_in.lode"], "report_in.load"),
        (["--on-failed", "impute"], "refuse, drop"),
        (["--replicates", "1"], "2 to 64"),
        (["--time-limit", "0"], "above 0"),
        (["--residents", "0"], "residents"),
    ],
)
def test_mistakes_at_the_command_line_leave_nothing_behind(town, tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, ["sensitivity", str(town), *words])
    assert result.exit_code == 2 and says in result.stderr and "Traceback" not in result.output
    assert result.stderr.count("\n") == 1 and not list(tmp_path.iterdir())


@pytest.mark.slow
def test_ctrl_c_leaves_with_130_and_the_same_command_goes_on(town, tmp_path):
    words = [sys.executable, "-c", "import gridwhistle; gridwhistle.main()", "sensitivity", str(town), "--rows", "16",
             "--measure", "true_resolution_days", "--workers", "2", "--no-report", "--out", str(tmp_path / "r"),
             "--json"]  # fmt: skip
    begun = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not _ended(tmp_path / "r" / "journal") and time.monotonic() < deadline:
        time.sleep(0.05)
    begun.send_signal(signal.SIGINT)
    _, said = begun.communicate(timeout=120)
    assert begun.returncode == 130 and "the same command goes on from there" in said
    before = len(Store.open(tmp_path / "r").done())
    assert 0 < before < 16 * 11 * 4
    again = subprocess.run(words, capture_output=True, text=True, timeout=600)
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout)
    assert (found["campaign"]["done_before"], found["campaign"]["done"]) == (before, 16 * 11 * 4 - before)
    whole = study(town, parameters=()).run(2, tmp_path / "other")
    assert found["analysis"]["mean"]["value"] == whole.analysis.mean.value
    assert found["analysis"]["noise_variance"] == whole.analysis.noise_variance


def _ended(journal: Path) -> bool:
    return any('"event": "ok"' in file.read_text("utf-8") for file in journal.glob("*.jsonl"))
