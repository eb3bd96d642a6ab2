"""What a run kept, `export` writes and `calibrate` reads: the fit recovers the run's own rates and durations."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from calibration.caselog import CaseLog, Mapping
from gridwhistle import app
from scenarios.export_map import clock_zone
from scenarios.library import load

runner = CliRunner()
PER_DAY = {"repair": 12.0, "advice": 6.0}
MEDIAN_MIN, SIGMA = {"repair": 300.0, "advice": 30.0}, {"repair": 0.7, "advice": 0.5}
NORMAL = {0.25: -0.674490, 0.5: 0.0, 0.75: 0.674490}
TRUTH = """\
name: truth
title: {en: Truth, zh: 真值}
bare: true
city: {bare: {}}
horizon_days: 120
warm_up_days: 0
cool_down_days: 0
calendar: {start: 2026-03-02, zone: Europe/Berlin}
shifts: {always: {}}
posts:
  desk: {title: {en: Desk, zh: 窗口}, kind: operator, per: city, count: 1}
types:
  repair:
    title: {en: Repair, zh: 修理}
    kind: bare
    rate_per_hour: 0.5
    stages: [{name: handle, staff: 0, touch_min: {lognormal: {median: 300, sigma: 0.7}}}]
  advice:
    title: {en: Advice, zh: 咨询}
    kind: bare
    rate_per_hour: 0.25
    stages: [{name: handle, staff: 0, touch_min: {lognormal: {median: 30, sigma: 0.5}}}]
"""


def carried_out(*words: str) -> Any:
    done = runner.invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the results in `out` and the three exports."""
    root = tmp_path_factory.mktemp("trip")
    (root / "truth.yaml").write_text(TRUTH, encoding="utf-8")
    carried_out(
        "run", str(root / "truth.yaml"), "-n", "2", "--keep-cases", "2", "--workers", "1", "--out", str(root / "out")
    )
    for form in ("csv", "parquet", "json"):
        carried_out("export", str(root / "out"), "--format", form, "--out", str(root / form))
    return root


def own(folder: Path) -> pd.DataFrame:
    """Return the cases of the first replication as the run kept them."""
    cases = pd.read_csv(folder / "csv" / "cases.csv")
    return cases[cases["replication"] == 0]


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_the_map_that_export_writes_reads_the_cases_as_they_were(folder: Path, form: str) -> None:
    log = CaseLog.read(folder / form / f"cases.{form}", Mapping.read(folder / form / "map.yaml"))
    want = own(folder)
    assert len(log.cases) == len(want) and log.zone == "UTC+01:00"  # Berlin's clocks change within the 120 days
    assert not log.diagnosis.refused and log.diagnosis.get("no_zone") is None
    minutes = (want["closed_min"] - want["reported_min"]).dropna().sort_values().to_numpy()
    assert np.sort(log.cases["cycle_min"].dropna().to_numpy()) == pytest.approx(minutes, abs=1e-5)
    assert int(log.cases["open_end"].sum()) == int(want["closed_min"].isna().sum())
    assert log.cases["kind"].value_counts().to_dict() == want["type"].value_counts().to_dict()


def test_calibrate_recovers_the_rates_and_durations_of_the_run(folder: Path, tmp_path: Path) -> None:
    log, map_file = str(folder / "csv" / "cases.csv"), str(folder / "csv" / "map.yaml")
    words = ["calibrate", "--log", log, "--map", map_file, "--replications", "20", "--out", str(tmp_path / "cal")]
    found = json.loads(carried_out(*words, "--no-report", "--json").stdout)
    assert found["status"] == "published" and set(found["groups"]) == set(PER_DAY)
    seen, days = own(folder), found["split"]["days_before"]
    until_min = (pd.Timestamp(found["split"]["at"]) - pd.Timestamp("2026-03-02")) / pd.Timedelta(minutes=1)
    seen = seen[seen["reported_min"].between(until_min - days * 1440.0, until_min)]
    for name, group in found["groups"].items():
        value, low, high = group["arrivals"]["per_day"]
        own_rate = (seen["type"] == name).sum() / days
        assert value == pytest.approx(own_rate, rel=1e-6)
        assert abs(value - PER_DAY[name]) < 3.3 * (high - low) / (2 * 1.96), name
        quantiles = {row["p"]: row for row in group["closing"]["quantiles_min"]}
        for p, z in NORMAL.items():
            true = MEDIAN_MIN[name] * np.exp(SIGMA[name] * z)
            se = np.log(quantiles[p]["high"] / quantiles[p]["low"]) / (2 * 1.96)
            assert 0 < se < 0.1 and abs(np.log(quantiles[p]["value"] / true)) < 3.3 * se, (name, p)
    made = load(str(tmp_path / "cal" / "scenario.yaml"))
    assert made.spec().calendar.zone == "UTC+01:00" and set(made.spec().types) == set(PER_DAY)


def test_one_replication_is_read_without_any_map(folder: Path, tmp_path: Path) -> None:
    alone = tmp_path / "one.csv"
    own(folder).to_csv(alone, index=False)
    log = CaseLog.read(alone)
    assert len(log.cases) == len(own(folder)) and set(log.cases["kind"]) == set(PER_DAY)


def test_the_map_names_a_policy_and_replication_that_are_there(folder: Path) -> None:
    said = yaml.safe_load((folder / "csv" / "map.yaml").read_text("utf-8"))
    assert said["only"] == {"policy": "as-is", "replication": 0} and said["opened"] == "reported_at"
    assert "channel" not in said  # a bare model has none: an empty column is no role


@pytest.mark.parametrize(
    ("zone", "start", "days", "found"),
    [
        ("Asia/Shanghai", dt.date(2026, 3, 2), 400, "Asia/Shanghai"),
        ("Europe/Berlin", dt.date(2026, 1, 5), 30, "Europe/Berlin"),
        ("Europe/Berlin", dt.date(2026, 3, 2), 120, "UTC+01:00"),
        ("Europe/Berlin", dt.date(2026, 7, 1), 120, "UTC+02:00"),
        ("America/St_Johns", dt.date(2026, 2, 1), 90, "UTC-03:30"),
        ("Australia/Lord_Howe", dt.date(2026, 3, 2), 90, "UTC+11:00"),
        ("America/Edmonton", dt.date(2026, 3, 7), 1, "UTC-07:00"),
        ("UTC+05:30", dt.date(2026, 3, 2), 400, "UTC+05:30"),
        ("UTC", dt.date(2026, 3, 2), 400, "UTC"),
        ("Asia/Shanghai", dt.date(2200, 12, 31), 36_525, "Asia/Shanghai"),
    ],
)
def test_every_simulated_time_exists_once_in_the_zone_of_the_map(
    zone: str, start: dt.date, days: float, found: str
) -> None:
    assert clock_zone(zone, start, days) == found


def test_a_log_with_one_offset_becomes_a_scenario_that_loads(folder: Path, tmp_path: Path) -> None:
    """Offsets without a zone give the zone UTC+08:00, which a calendar takes."""
    from pydantic import ValidationError

    from sim.institutions.parts import Calendar

    rows = own(folder)[["case", "reported_at", "closed_at"]]
    rows = rows.assign(**{name: rows[name] + "+08:00" for name in ("reported_at", "closed_at")})
    rows.to_csv(tmp_path / "log.csv", index=False)
    zone = CaseLog.read(tmp_path / "log.csv").zone
    assert zone == "UTC+08:00" and Calendar(zone=zone).zone == zone
    for wrong in ("UTC+99:99", "UTC+8", "+08:00", "UTC+08:60", "Mars/Base"):
        with pytest.raises(ValidationError, match="no such time zone"):
            Calendar(zone=wrong)
        done = runner.invoke(app, ["calibrate", "--log", str(tmp_path / "log.csv"), "--zone", wrong])
        assert done.exit_code == 2 and "unknown time zone" in done.stderr and "Traceback" not in done.output
