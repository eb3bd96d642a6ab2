"""Calibration from end to end: a log made by the engine gives its parameters back, and what is not so is refused."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import datetime as dt
import json
import re
from html import escape
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from calibrated_log import DEADLINE_MIN, HOURS, MAP, PER_DAY, SHOCKS, WEEKDAYS, simulated, true_late, write
from terminal_widths import assert_whole, tables_of
from typer.testing import CliRunner

from calibration.command import Options, Outcome, calibrate, split_of, summary
from calibration.heldout import compare
from calibration.measured import STATISTICS, closed_by, quantile
from calibration.office import Office
from calibration.overlay import overlay, text_of
from calibration.said import Span, named
from calibration.told import Teller
from dashboards.charts.base import Chart
from dashboards.report.calibration import charts, page
from dashboards.texts import Texts
from gridwhistle import app
from scenarios.console import Console
from scenarios.library import load
from sim.errors import InputError

runner = CliRunner()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("calibrated")
    (made / "map.yaml").write_text(MAP, encoding="utf-8")
    write(simulated(260), made / "log.csv")
    return made


@pytest.fixture(scope="module")
def outcome(folder) -> Outcome:
    options = Options(folder / "log.csv", folder / "map.yaml", replications=40, out=folder / "out")
    return calibrate(options, Console(Texts("en"), "en", machine=True))


def test_the_engines_own_parameters_come_back(outcome):
    group = outcome.fit.groups["case"]
    a, law = group.arrivals, group.cycle.law
    assert a.per_day_low < PER_DAY < a.per_day_high
    week, hours = np.array(WEEKDAYS) / np.mean(WEEKDAYS), np.array(HOURS) / np.mean(HOURS)
    assert np.abs(a.weekdays - week).max() < 0.3 and np.corrcoef(a.hours, hours)[0, 1] > 0.97
    # clusters of mean size 1 / (1 - n) give days a dispersion of 1 / (1 - n)^2
    assert a.dispersion.phi_low < 1 / (1 - SHOCKS) ** 2 < a.dispersion.phi_high
    assert a.dispersion.after_shocks == pytest.approx(SHOCKS, abs=0.12)
    assert law.shape.name == "lognormal+lognormal" and group.cycle.recent == 1.0 and group.cycle.office is None
    for part, share, median, sigma in zip(law.described(), (0.4, 0.6), (20, 4000), (0.6, 0.9), strict=True):
        assert part["share"] == pytest.approx(share, abs=0.05)
        assert part["median"] == pytest.approx(median, rel=0.12)
        assert part["sigma"] == pytest.approx(sigma, rel=0.12)


def test_cases_open_at_the_split_are_censored_there(outcome):
    seen = outcome.fit.seen
    assert seen.cycle_open.sum() > 5
    end = seen.days * 1440.0
    assert (seen.opened_min + seen.cycle_min <= end + 1e-6).all()


def test_what_was_held_out_is_predicted_and_the_scenario_published(outcome):
    table = outcome.held.table.set_index("statistic")
    assert outcome.made.status == "published" and not outcome.held.reasons
    good = table["verdict"].isin(["agrees", "within_noise"])
    assert good.sum() >= len(table) - 2, table[~good]
    # censored at the log's end, long cases are the likelier open: the rate of the ended lies below the law's
    assert table.loc["late_share", "simulated"] == pytest.approx(true_late(), abs=0.04)
    assert table.loc["late_share", "low"] < table.loc["late_share", "observed"] < table.loc["late_share", "high"]


def test_the_scenario_says_where_every_fitted_number_comes_from(outcome, folder):
    file = folder / "out" / "scenario.yaml"
    scenario = load(file)
    kind = scenario.spec().types["case"]
    source = outcome.fit.log.source
    fitted = {"rate_per_hour", "hours", "weekdays", "excitation", "stages", "deadlines"}
    assert fitted <= set(kind.provenance)
    for field in fitted:
        where = kind.provenance[field]
        assert source.sha256 in where and source.name in where and "2026-03-0" in where and where.endswith("; local")
    assert kind.deadlines.resolve_min == pytest.approx(DEADLINE_MIN, abs=1)
    assert kind.rate_per_hour * 24 / (1 - kind.excitation) == pytest.approx(PER_DAY, rel=0.1)
    assert str(scenario.content["calendar"]["start"]) == str(outcome.fit.held.start)
    assert not list((folder / "out").glob(".*"))


def test_the_same_log_gives_the_same_scenario_and_the_same_test(outcome):
    again = compare(outcome.fit, 40, 7)
    pd.testing.assert_frame_equal(again.table, outcome.held.table)
    made = overlay(outcome.fit, outcome.fit.held.start, outcome.fit.held.days, reasons=outcome.made.draft_reasons)
    assert text_of(made, outcome.fit) == text_of(outcome.made, outcome.fit)


def test_an_overlay_on_a_shipped_scenario_loads_and_keeps_it(outcome, folder):
    made = overlay(outcome.fit, outcome.fit.held.start, 10, "bare-line", folder=folder)
    path = folder / "on-base.yaml"
    path.write_text(text_of(made, outcome.fit), encoding="utf-8")
    spec = load(path).spec()
    assert set(spec.types) == {"call", "case"} and spec.horizon_days == load("bare-line").spec().horizon_days
    city = overlay(outcome.fit, outcome.fit.held.start, 10, "ordinary-district", folder=folder)
    path.write_text(text_of(city, outcome.fit), encoding="utf-8")
    assert "case" in load(path).spec().types and len(load(path).spec().types) > 24


def test_for_machines_everything_is_json(outcome):
    told = json.loads(json.dumps(summary(outcome), default=str))
    assert told["status"] == "published" and told["log"]["cases"] == len(outcome.fit.log.cases)
    assert {row["statistic"] for row in told["heldout"]["statistics"]} <= set(STATISTICS)
    scores = told["groups"]["case"]["arrivals"]["held_out_score_per_day"]
    assert scores["negative_binomial"] > scores["poisson"] > scores["flat_poisson"]


def test_a_log_that_changes_its_ways_is_written_as_a_draft_with_reasons(folder, tmp_path):
    log = simulated(260)
    late = log["opened"] > log["opened"].quantile(0.72)
    log.loc[late, "closed"] = log.loc[late, "opened"] + 8 * (log.loc[late, "closed"] - log.loc[late, "opened"])
    write(log[log["closed"].isna() | (log["closed"] < pd.Timestamp("2026-11-17"))], tmp_path / "log.csv")
    arguments = ["--map", str(folder / "map.yaml"), "-n", "20", "--out", str(tmp_path / "out"), "--no-report"]
    result = runner.invoke(app, ["calibrate", "--log", str(tmp_path / "log.csv"), *arguments])
    assert result.exit_code == 1, result.output
    assert "DRAFT" in result.stdout and "closed by: observed" in result.stdout, result.stdout
    text = (tmp_path / "out" / "scenario.draft.yaml").read_text(encoding="utf-8")
    assert "# Status: draft." in text and not (tmp_path / "out" / "scenario.yaml").exists()
    assert "DRAFT" in yaml.safe_load(text)["description"]["en"]
    assert load(tmp_path / "out" / "scenario.draft.yaml").spec()


def test_mistakes_leave_with_code_2_and_write_nothing(folder, tmp_path):
    base = [
        "calibrate",
        "--log",
        str(folder / "log.csv"),
        "--map",
        str(folder / "map.yaml"),
        "--out",
        str(tmp_path / "out"),
    ]
    for extra, said in (
        (["--split", "soon"], "neither a share nor a date"),
        (["--split", "1.5"], "impossible share"),
        (["--split", "2026-03-10"], "too few cases before the split"),
        (["--split", "2026-03-20"], "too little to fit arrivals"),
        (["--split", "2031-01-01"], "one side without cases"),
        (["--scenario", "no-such"], "no scenario of that name"),
        (["--on-bad-rows", "ignore"], "unknown choice"),
    ):
        result = runner.invoke(app, [*base, *extra])
        assert result.exit_code == 2 and said in result.output, (extra, result.output)
    result = runner.invoke(app, ["calibrate", "--log", str(tmp_path / "none.csv")])
    assert result.exit_code == 2 and "none.csv" in result.output
    assert not (tmp_path / "out").exists()


def test_splits_are_dates_or_shares():
    assert split_of("0.6") == (None, 0.6) and split_of("2011-09-01")[0] == "2011-09-01"
    with pytest.raises(InputError, match="neither a share nor a date"):
        split_of("2011-13-01")


# ---------------------------------------------------------------- how both sides are measured
def test_times_are_measured_with_the_open_cases_in():
    minutes, still_open = np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, False])
    # by hand: 1 of 4 ends, then 1 of 2, then the last
    assert closed_by(minutes, still_open, np.array([0.5, 1.0, 3.0, 4.0])) == pytest.approx([0, 0.25, 0.625, 1.0])
    assert quantile(minutes, still_open, 0.5) == 3.0 and quantile(minutes, still_open, 0.25) == 1.0
    assert quantile(np.array([5.0, 6.0]), np.array([True, True]), 0.5) == 6.0


def test_noise_is_that_of_the_log_itself(outcome):
    """Half-splits by days: the noise of a mean is 1.96 standard errors, whatever the simulation does."""
    held = outcome.fit.held
    counts = outcome.held.daily["observed"].to_numpy()
    weekday = (np.arange(held.days) + held.start.weekday()) % 7
    within = np.concatenate([counts[weekday == d] - counts[weekday == d].mean() for d in range(5)])
    work = counts[weekday < 5]
    expected = 1.96 * within.std() / np.sqrt(len(work))
    found = outcome.held.table.set_index("statistic").loc["per_workday", "noise"]
    assert found == pytest.approx(expected, rel=0.3)


# ---------------------------------------------------------------- what is shown
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_tables_are_whole_at_every_width(outcome, lang):
    for one in tables_of(lambda console: Teller(console).outcome(outcome), lang):
        assert_whole(*one, range(60, 201, 4))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_charts_are_figure_table_and_sentence(outcome, lang):
    drawn = charts(outcome, lang)
    assert len({c.name for c in drawn}) == len(drawn) == 6
    for chart in drawn:
        assert isinstance(chart, Chart) and len(chart.table) and chart.sentence and chart.description
        assert "{" not in chart.title + chart.sentence + chart.description
    misses = next(c for c in drawn if c.name == "calibrated-misses")
    assert misses.figure.data[0].x[-1] == pytest.approx(min(20.0, outcome.held.table["misses"].iloc[0]))


def test_where_numbers_come_from_is_said_in_both_languages_and_the_scenarios_text_by_codes(outcome):
    written = outcome.made.data["types"]["case"]["provenance"]
    origins = outcome.made.origins["case"]
    assert set(origins) == set(written) >= {"rate_per_hour", "hours", "weekdays", "stages", "deadlines", "overtime"}
    for field, origin in origins.items():
        assert written[field].endswith(f": {origin.of('en', codes=True)}; {origin.confidence}")
        assert not re.search("[A-Za-z]", origin.of("zh")), origin.of("zh")
        assert not re.search("[\u4e00-\u9fff]", origin.of("en")), origin.of("en")
    assert "lognormal+lognormal" in written["stages"]
    law = outcome.fit.groups["case"].cycle.law
    assert f"median {law.quantile(0.5)[0]:.4g} (95 % " in written["stages"]  # bare minutes, as programs read them
    assert "对数正态 + 对数正态分布" in origins["stages"].of("zh")
    assert "lognormal + lognormal" in origins["stages"].of("en")
    for lang in ("en", "zh"):
        told = page(outcome, Texts(lang)).split('id="provenance"')[1].split("</section>")[0]
        assert escape(origins["stages"].of(lang), quote=True) in told


def test_whatever_was_chosen_among_has_a_name(outcome):
    group = outcome.fit.groups["case"]
    for table in (group.arrivals.candidates, group.cycle.candidates):
        for code in {*table["what"], *table["form"]}:
            assert named(code, "en") and (code.endswith("%") or not re.search("[A-Za-z]", named(code, "zh"))), code


def test_working_time_is_never_told_in_days():
    assert [Span(4000.0, working).of("en") for working in (True, False)] == ["66.7 h", "2.8 days"]
    assert Span(30.0, True).of("zh") == "30分钟" and Span(4000.0).of("zh", codes=True) == "4000"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_report_is_one_file_that_asks_nobody(outcome, lang):
    html = page(outcome, Texts(lang))
    assert "default-src 'none'" in html and "<script src" not in html and "<link" not in html
    assert outcome.fit.log.source.sha256 in html and outcome.command.split()[1] in html
    for row in outcome.held.table.itertuples():
        assert getattr(STATISTICS[row.statistic].title, lang) in html


@pytest.mark.slow
def test_the_real_log_of_permits_gives_one_answer_as_csv_and_as_xes(tmp_path):
    root = (
        Path(os.environ.get("GRIDWHISTLE_SHARED", Path(__file__).parents[2] / "shared")) / "data" / "log_wabo_receipt"
    )
    if not root.is_dir():
        pytest.skip("the permit log is not here (GRIDWHISTLE_SHARED)")
    found = []
    for name in ("receipt.csv", "receipt.xes.gz"):
        console = Console(Texts("en"), "en", machine=True)
        found.append(calibrate(Options(root / name, replications=20, out=tmp_path / name), console))
    csv, xes = (summary(one) for one in found)
    pd.testing.assert_frame_equal(found[0].held.table, found[1].held.table)
    assert csv["groups"] == xes["groups"] and csv["split"] == xes["split"]
    assert csv["split"]["before"] == 998 and csv["groups"]["case"]["closing"]["working_time"]
    assert csv["groups"]["case"]["end"]["with_time_left"]
    late = found[0].held.table.set_index("statistic").loc["late_share"]
    assert late["verdict"] in ("agrees", "within_noise", "differs") and csv["status"] == "draft"


def test_kinds_and_office_hours_are_told_apart_and_played(tmp_path):
    """Two kinds that pass in office hours only, one quick and one slow, made with plain arithmetic."""
    rng = np.random.default_rng(21)
    start, n = dt.date(2026, 3, 2), 1300
    office = Office(9.0, 17.0, start)
    day = np.sort(rng.integers(0, 28, n) * 7 + rng.choice(5, n, p=[0.3, 0.2, 0.2, 0.2, 0.1]))
    opened = np.sort(day * 1440.0 + rng.uniform(540, 1020, n))
    slow = rng.random(n) < 0.35
    worked = np.where(slow, rng.lognormal(np.log(1500.0), 0.5, n), rng.lognormal(np.log(60.0), 0.6, n))
    grid = np.arange(0.0, 300 * 1440.0, 1.0)
    closed = np.interp(office.worked(opened) + worked, office.worked(grid), grid)
    moments = [pd.Timestamp(start) + pd.to_timedelta(at, unit="min") for at in (opened, closed)]
    log = pd.DataFrame({"case": np.arange(n), "opened": moments[0], "closed": moments[1]})
    log["kind"] = np.where(slow, "building permit", "notice")
    log["closed"] = log["closed"].where(log["closed"] < pd.Timestamp(start) + pd.Timedelta(days=196))
    write(log, tmp_path / "log.csv")
    (tmp_path / "map.yaml").write_text("case: case\nopened: opened\nclosed: closed\nkind: kind\nzone: UTC\n")
    options = Options(tmp_path / "log.csv", tmp_path / "map.yaml", replications=30, out=tmp_path / "out")
    made = calibrate(options, Console(Texts("en"), "en", machine=True))
    assert set(made.fit.groups) == {"building permit", "notice"} and made.fit.column == "kind"
    for name, median in (("building permit", 1500.0), ("notice", 60.0)):
        cycle = made.fit.groups[name].cycle
        assert cycle.office is not None and (cycle.office.opens_h, cycle.office.closes_h) == (9.0, 17.0)
        assert cycle.law.quantile(0.5)[0] == pytest.approx(median, rel=0.12)
    assert made.held.busiest_desk < made.held.desks
    table = made.held.table.set_index("statistic")
    good = table["verdict"].isin(["agrees", "within_noise"])
    assert good.sum() >= len(table) - 2 and made.made.status == "published", table[~good]
    spec = load(tmp_path / "out" / "scenario.yaml").spec()
    assert set(spec.types) == {"building_permit", "notice"} and spec.calendar.office_hours == (9.0, 17.0)


def test_compiling_is_announced_before_the_held_out_days_are_simulated(folder, tmp_path, monkeypatch):
    from calibration import command

    class Reached(Exception):
        pass

    order = []

    def simulated(*_):
        order.append("simulated")
        raise Reached

    monkeypatch.setattr(command, "compile_engine", lambda console: order.append("compiled"))
    monkeypatch.setattr(command, "compare", simulated)
    monkeypatch.setattr(command, "fit_log", lambda *_: SimpleNamespace(held=SimpleNamespace(days=3)))
    options = Options(folder / "log.csv", folder / "map.yaml", replications=40, out=tmp_path / "out")
    with pytest.raises(Reached):
        calibrate(options, Console(Texts("en"), "en", machine=True))
    assert order == ["compiled", "simulated"]
