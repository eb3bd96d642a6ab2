"""Edmonton: the published settings, read from the files where they lie, and one clear sentence where they do not."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from scenarios.library import load
from scenarios.places import city_of
from sim.city.coverage import static_coverage
from sim.city.shared import VARIABLE, located, shared_folder
from sim.errors import InputError
from sim.model import prepare

DATA = shared_folder() / "data" / "jemss_edmonton"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the Edmonton data are not there; {VARIABLE} may name them")


@pytest.fixture(scope="module")
def edmonton():
    return city_of(load("edmonton-ems"))


def test_calls_care_and_fleet_are_as_published():
    spec = load("edmonton-ems").spec("nearest")
    per_day = {name: kind.rate_per_hour * 24 for name, kind in spec.types.items()}
    assert per_day == {"high_priority": 144.0, "low_priority": 48.0}
    for kind in spec.types.values():
        delay, scene, handover = kind.stages
        assert delay.touch_min.mean == pytest.approx(40 / 60) and delay.staff == 0
        assert scene.touch_min.written() == {"exponential": {"mean": 12.0}} and scene.next == {"handover": 0.75}
        # Weibull with shape 2.5 and scale 34.3 min has mean 34.3 Gamma(1 + 1/2.5)
        assert handover.touch_min.values["shape"] == 2.5
        assert handover.touch_min.mean == pytest.approx(34.3 * math.gamma(1.4), rel=1e-7)
        assert handover.where == "hospital" and handover.keep_staff and handover.travel == "ordinary"
    assert [kind.deadlines.respond_min for kind in spec.types.values()] == [8, 12]


def test_without_the_data_there_is_one_sentence_and_nothing_is_written(tmp_path, monkeypatch):
    import gridwhistle

    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(gridwhistle.app, ["compare", "edmonton-ems"])
    assert done.exit_code == 2
    assert VARIABLE in done.output and "data/jemss_edmonton" in done.output
    assert "Traceback" not in done.output and done.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_shared_path_starts_at_the_variable_and_others_at_the_scenario(tmp_path, monkeypatch):
    (tmp_path / "data" / "x").mkdir(parents=True)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert located(Path("/base"), "$GRIDWHISTLE_SHARED/data/x") == tmp_path / "data" / "x"
    assert located(Path("/base"), "${GRIDWHISTLE_SHARED}/data/x") == tmp_path / "data" / "x"
    assert located(Path("/base"), "data/x") == Path("/base/data/x")
    with pytest.raises(InputError, match=VARIABLE):
        located(Path("/base"), "$GRIDWHISTLE_SHARED/data/y")
    monkeypatch.delenv(VARIABLE)
    assert shared_folder().name == "shared"


@needs_data
def test_the_ambulances_stand_where_the_deployment_has_them(edmonton):
    """Counted by hand in ambulances_1.csv: station (row of stations_1.csv, from 1) -> ambulances."""
    published = {2: 2, 3: 1, 4: 2, 6: 1, 7: 2, 8: 2, 9: 1, 11: 1, 12: 1, 13: 2, 15: 1}
    arm = prepare(load("edmonton-ems").spec(), edmonton).arm
    stations = edmonton.facilities.place[edmonton.facilities.of("ambulance")]
    homes, counts = np.unique(arm.staffing.staff["home"], return_counts=True)
    assert dict(zip(homes.tolist(), counts.tolist(), strict=True)) == {
        int(stations[number - 1]): units for number, units in published.items()
    }
    assert len(arm.staffing.staff) == 16 and len(arm.staffing.pools) == 1


@needs_data
def test_the_static_figures_are_the_published_ones(edmonton):
    found = static_coverage(edmonton, "ambulance", 8 - 40 / 60)
    assert found.mean_min == pytest.approx(5.238, abs=0.0005)
    assert found.share == pytest.approx(0.832, abs=0.0005)


@needs_data
@pytest.mark.slow
def test_a_few_days_of_edmonton_bring_the_published_calls(edmonton):
    scenario = load("edmonton-ems").with_changes({"horizon_days": 4, "warm_up_days": 0, "cool_down_days": 0}, "test")
    arm = prepare(scenario.spec(), edmonton)
    calls, shares, response = [], [], []
    for k in range(10):
        made = arm.run(seed=3, replication=k, log_level="counts")
        incidents = made.world.incidents
        calls.append(len(incidents))
        shares.append((incidents["type"] == 0).mean())
        response.append(made.measures["emergency_response_min"])
    expected = 192 * 4
    assert abs(np.mean(calls) - expected) < 3.3 * math.sqrt(expected / 10)
    assert abs(np.mean(shares) - 0.75) < 3.3 * math.sqrt(0.75 * 0.25 / sum(calls))
    # never quicker on average than the dispatch delay and the drive from the nearest station if all were free
    assert np.mean(response) > 5.238 + 40 / 60 - 0.2
    assert os.path.isdir(DATA)
