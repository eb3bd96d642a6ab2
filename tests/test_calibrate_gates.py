"""What the gates let pass and what they catch, and intervals that hold though the form was chosen by the same log."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmarks.calibration import CHANGE, HOURS, KINDS, START, WEEK, Kind, arrivals, judged, log_of
from calibration.arrivals import fit_arrivals
from calibration.durations import choose, fit_durations
from calibration.joint import LEVEL, SIZE, Misses, joint_test
from calibration.laws import Shape
from calibration.likelihood import Grouped, fit
from gridwhistle import app

runner = CliRunner()
CASES, EVIDENCE = Path(__file__).parent / "cases", Path(__file__).parent / "evidence"


def calibrated(log: Path, out: Path, zone: str, *extra: str):
    arguments = ["calibrate", "--log", str(log), "--zone", zone, "-n", "20", "--out", str(out), "--no-report", *extra]
    return runner.invoke(app, arguments)


def written(frame, path: Path) -> Path:
    frame.to_csv(path, index=False, date_format="%Y-%m-%d %H:%M:%S")
    return path


def strict(text: str):
    """Read JSON that knows no Infinity and no NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    return json.loads(text, parse_constant=refuse)


# ---------------------------------------------------------------- what the data do not determine
def test_a_part_that_nothing_determines_is_a_draft_with_bounded_numbers(tmp_path):
    """Three kinds of which a third never ends in the log: once a crash of the interval, then "published"."""
    as_it_is = CASES / "calibrate-overflow" / "log.csv"  # its column of states tells that cases without a date ended
    assert calibrated(as_it_is, tmp_path / "ended", "America/New_York").exit_code in (0, 1, 4)
    log = written(pd.read_csv(as_it_is).drop(columns="Status"), tmp_path / "open.csv")
    told = calibrated(log, tmp_path / "out", "America/New_York", "--json")
    assert told.exit_code == 1, told.output
    found = strict(told.stdout)
    assert strict((tmp_path / "out" / "fit.json").read_text(encoding="utf-8"))["status"] == found["status"] == "draft"
    assert any("did not converge" in reason and "do not determine" in reason for reason in found["reasons"])
    for group in found["groups"].values():
        for part in group["closing"]["parts"]:
            assert all(v is None or isinstance(v, str) or abs(v) < 1e9 for v in part.values()), part
        for row in group["closing"]["quantiles_min"]:
            assert row["low"] is None or row["low"] <= row["value"]
            assert row["high"] is None or row["value"] <= row["high"] < 1e8
    shown = calibrated(log, tmp_path / "again", "America/New_York")
    assert not re.search(r"\d{12}", shown.stdout.split("Written")[0])  # once numbers of 140 digits


def test_the_ends_of_an_undetermined_part_are_open():
    rng = np.random.default_rng(3)
    short, never = rng.lognormal(3, 0.5, 200), rng.uniform(5000, 9000, 100)
    minutes, still_open = np.concatenate([short, never]), np.arange(300) >= 200
    law = fit(Shape(("lognormal", "lognormal")), Grouped.of(minutes, still_open))
    assert not law.converged
    ends = [v for part in law.described() for k, v in part.items() if k.endswith("_high") and "share" not in k]
    assert all(v == math.inf or v < 1e9 for v in ends) and math.inf in ends
    chosen, _ = choose(minutes, still_open)
    assert not chosen.converged and "do not determine" in chosen.notes[0].en and "无法确定" in chosen.notes[0].zh
    assert any("did not converge" in one.en for one in fit_durations(minutes, still_open).problems)


def test_quantile_intervals_are_those_of_the_normal_law_where_it_is_known():
    """One lognormal part: log quantile = mu + z sigma, with variances sigma^2/n and sigma^2/2n."""
    x = np.random.default_rng(5).lognormal(5.0, 1.0, 800)
    law = fit(Shape(("lognormal",)), Grouped.of(x, np.zeros(800, bool)))
    for p, z in ((0.25, -0.6745), (0.5, 0.0), (0.9, 1.2816)):
        low, high = law.interval(p)
        half = 1.96 * math.exp(law.theta[1]) * math.sqrt((1 + z * z / 2) / 800)
        assert math.log(high[0] / low[0]) / 2 == pytest.approx(half, rel=0.06)
        assert low[0] < law.quantile(p)[0] < high[0]


# ---------------------------------------------------------------- intervals after a choice
def test_weekdays_and_hours_are_covered_though_the_form_was_chosen():
    """24 logs; 95 % intervals cover each weekday 20 times or more (fewer: 1 in 1000) and hold the weight used."""
    week, hours, simple = np.zeros(7), np.zeros(24), 0
    for seed in range(24):
        a = fit_arrivals(arrivals(Kind(), np.random.default_rng([seed, 41]), CHANGE), START, CHANGE)
        simple += "weekday" not in a.day_terms
        week += (a.weekdays_low <= WEEK / WEEK.mean()) & (a.weekdays_high >= WEEK / WEEK.mean())
        hours += (a.hours_low <= HOURS / HOURS.mean()) & (a.hours_high >= HOURS / HOURS.mean())
        assert (a.weekdays_low <= a.weekdays).all() and (a.weekdays <= a.weekdays_high).all()
        assert (a.hours_low <= a.hours).all() and (a.hours <= a.hours_high).all()
        assert a.trend_low <= a.trend_per_year <= a.trend_high and a.trend_low < a.trend_high
    assert simple >= 5  # else nothing was tested
    assert week.min() >= 20 and hours.min() >= 19, (week, hours)


def test_a_flat_profile_has_ends_too():
    at = np.sort(np.random.default_rng(2).uniform(0, 60 * 1440.0, 300))
    a = fit_arrivals(at, START, 60)
    assert a.hour_form in ("flat", "waves") and (a.hours_low < a.hours_high).all()


# ---------------------------------------------------------------- the joint test
def misses(shift: float, seed: int = 1, rows: int = 5) -> Misses:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(2, 400))
    names = ("cycle_q25", "cycle_q50", "cycle_q75", "cycle_q90", "within_day")[:rows]
    noise = [0.7 * common[i] + 0.7 * rng.normal(size=(rows, 400)) for i in (0, 1)]
    chance = 0.7 * rng.normal() + 0.7 * rng.normal(size=rows) + 0.7 * rng.normal() + 0.7 * rng.normal(size=rows)
    blank = np.zeros(rows)
    return Misses(names, chance + shift, noise[0], noise[1], blank + 1, blank, blank + 1, np.ones(rows, bool))


def test_the_joint_test_errs_as_often_as_it_says_and_finds_what_rows_show_together():
    honest = [joint_test(misses(0.0, seed)).p_value for seed in range(200)]
    assert np.mean(np.array(honest) < LEVEL) <= 0.05  # 2 % and three standard errors
    assert np.mean(np.array(honest) < 0.5) == pytest.approx(0.5, abs=0.12)
    caught = [joint_test(misses(4.5, seed)).differs for seed in range(40)]
    assert np.mean(caught) > 0.8


def test_rows_without_any_noise_do_not_break_the_test():
    given = misses(0.0)
    still = Misses(given.rows, given.miss * 0, given.held * 0, given.fitted * 0, given.spread * 0, given.drift,
                   given.level, given.moves)  # fmt: skip
    assert joint_test(still) is None
    apart = Misses(given.rows, given.miss * 0 + 1, given.held * 0, given.fitted * 0, given.spread * 0, given.drift,
                   given.level, given.moves)  # fmt: skip
    assert joint_test(apart).differs


def test_times_that_grew_by_two_fifths_are_no_longer_published(tmp_path):
    log = written(log_of(KINDS["times-1.4"], 1), tmp_path / "log.csv")
    told = calibrated(log, tmp_path / "out", "UTC", "--json")
    found = strict(told.stdout)
    assert (told.exit_code, found["status"]) in ((4, "passed_with_differences"), (1, "draft"))
    assert found["differences"] and found["heldout"]["joint"]["differs"]
    assert not (tmp_path / "out" / "scenario.yaml").exists()
    if told.exit_code == 4:
        text = (tmp_path / "out" / "scenario.differs.yaml").read_text(encoding="utf-8")
        assert "# Status: passed with differences." in text and "# Differs: taken together" in text


def test_an_honest_log_is_published_and_told_what_was_not_seen(tmp_path):
    log = written(log_of(KINDS["honest"], 1), tmp_path / "log.csv")
    told = calibrated(log, tmp_path / "out", "UTC")
    assert told.exit_code == 0 and (tmp_path / "out" / "scenario.yaml").exists(), told.output
    assert "no more than chance" in told.stdout and "what it cannot see" in " ".join(told.stdout.split())


# ---------------------------------------------------------------- stored evidence
def stored(name: str) -> dict:
    return json.loads((EVIDENCE / f"calibration-{name}.json").read_text(encoding="utf-8"))["found"]


def test_honest_logs_are_refused_no_more_often_than_is_said():
    honest = [stored(name) for name in KINDS if name.startswith("honest")]
    logs, refused = sum(one["logs"] for one in honest), sum(one["logs"] - one["published"] for one in honest)
    assert logs >= 150 and refused / logs <= SIZE, (refused, logs)


@pytest.mark.parametrize(("name", "least"), [("times-1.4", 0.95), ("rate-1.3", 0.9), ("rate-1.5-overdispersed", 0.5)])
def test_changes_are_caught_as_often_as_is_said(name, least):
    found = stored(name)
    assert 1 - found["published"] / found["logs"] >= least


def test_intervals_cover_as_they_should_over_two_hundred_logs():
    found = stored("coverage")
    for key in ("weekdays", "weekdays-overdispersed"):
        assert found[key]["logs"] >= 200 and min(found[key]["weekdays"]) >= 0.9
        assert np.mean(found[key]["hours"]) >= 0.93 and found[key]["per_day"] >= 0.9
    assert min(found["laws"]["quantiles"].values()) >= 0.9
    assert np.min(found["laws"]["parts_share_median_sigma"]) >= 0.9


@pytest.mark.slow
def test_a_proof_is_what_is_stored():
    found = stored("honest")
    for seed in (0, 7):
        assert judged(KINDS["honest"], seed)[1] == pytest.approx(found["p_values"][seed], abs=0.02)
