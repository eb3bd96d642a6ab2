"""Maps: the city's own roads on equal axes, and areas coloured by what truly happened there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dashboards.charts.base import Chart
from dashboards.charts.citymap import city_figure, difference_map, drawn_level, resolution_map
from dashboards.charts.ground import important_segments
from sim.city.city import City
from sim.city.spec import CitySpec, build_city

ARMS = ["referral", "whistle"]
HORIZON_MIN = 20 * 1440.0


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> City:
    spec = CitySpec.model_validate({"synthetic": {"residents": 12_000, "seed": 3}})
    return build_city(spec, tmp_path_factory.mktemp("city"))


def _incidents(city: City, shift_days: dict[int, float]) -> pd.DataFrame:
    """Two incidents a grid and replication, 3 days long; the arm changes grids by ``shift_days`` and a little noise."""
    grids = np.arange(len(city.areas.grids))
    frames = []
    for arm in ARMS:
        for replication in range(5):
            noise = np.random.default_rng(replication).normal(0, 0.02, len(grids)) if arm == ARMS[1] else 0.0
            change = np.array([shift_days.get(int(g), 0.0) for g in grids]) if arm == ARMS[1] else 0.0
            days = 3.0 + change + noise
            for start in (0.0, 1440.0):
                frames.append(
                    pd.DataFrame(
                        {
                            "policy": arm,
                            "replication": replication,
                            "grid": grids,
                            "occurred_min": start,
                            "resolved_min": start + days * 1440,
                        }
                    )
                )
    return pd.concat(frames, ignore_index=True)


def _parts(chart: Chart, part: str) -> list:
    return [t for t in chart.figure.data if t.meta and t.meta.get("part") == part]


def test_city_map_is_equal_in_both_directions_and_shows_every_facility(city):
    chart = city_figure(city)
    assert chart.figure.layout.yaxis.scaleanchor == "x" and chart.figure.layout.yaxis.scaleratio == 1
    drawn = sum(len(t.x) for t in _parts(chart, "facilities"))
    assert drawn == len(city.facilities)
    one = _parts(chart, "facilities")[0]
    rows = city.facilities.of(one.meta["kind"])
    assert list(one.x) == pytest.approx(city.facilities.x[rows] / 1000, abs=1e-3)
    assert f"{len(city.residents):,}" in chart.title


def test_roads_are_thinned_to_the_fastest(city):
    start, end, order = important_segments(city.roads, 50)
    assert len(order) == 50
    pairs = {tuple(sorted(p)) for p in zip(city.roads.arc_from.tolist(), city.roads.arc_to.tolist(), strict=True)}
    assert len(start) == len(end) == len(pairs)
    speed = city.roads.length_m / city.roads.time_min[0]
    by_pair = {
        tuple(sorted(p)): s
        for p, s in zip(zip(city.roads.arc_from.tolist(), city.roads.arc_to.tolist(), strict=True), speed, strict=True)
    }
    kept = {tuple(sorted((int(start[i]), int(end[i])))) for i in order}
    slowest_kept = min(by_pair[p] for p in kept)
    assert all(by_pair[p] <= slowest_kept + 0.2 for p in pairs - kept)


def test_resolution_map_counts_days_by_area(city):
    incidents = _incidents(city, {0: -1.0})
    table = resolution_map(incidents, city, ARMS, HORIZON_MIN).table.set_index(["policy", "area"])
    first = int(city.areas.grids[0])
    assert drawn_level(city.areas) == 0
    assert table.loc[(ARMS[0], first), "days"] == pytest.approx(3.0)
    assert table.loc[(ARMS[1], first), "days"] == pytest.approx(2.0, abs=0.05)
    assert table.loc[(ARMS[0], first), "incidents"] == 2


def test_unresolved_counts_the_limit_and_the_limit_is_never_censored(city):
    incidents = _incidents(city, {})
    incidents["resolved_min"] = np.nan
    long = resolution_map(incidents, city, ARMS, HORIZON_MIN, limit_days=7.0)
    short = resolution_map(incidents, city, ARMS, 4 * 1440.0, limit_days=7.0)
    assert long.table["days"].unique().tolist() == [7.0]
    assert short.table["days"].unique().tolist() == [3.0], "followed three days only, from the last incident on"


def test_difference_map_marks_what_is_clear_and_which_way(city):
    grids = city.areas.grids
    chart = difference_map(_incidents(city, {0: -1.0, 1: 0.5}), city, ARMS[1], ARMS[0], HORIZON_MIN)
    table = chart.table.set_index("area")
    assert table.loc[grids[0], "days"] == pytest.approx(-1.0, abs=0.05) and table.loc[grids[0], "clear"]
    assert table.loc[grids[1], "days"] == pytest.approx(0.5, abs=0.05) and table.loc[grids[1], "clear"]
    hollow = next(t for t in _parts(chart, "areas") if not t.meta["clear"])
    assert hollow.marker.symbol == "circle-open" and len(hollow.x) == (~table["clear"]).sum()
    scale = chart.figure.layout.coloraxis
    assert scale.cmin == -scale.cmax


def test_one_replication_leaves_nothing_clear(city):
    incidents = _incidents(city, {0: -1.0})
    table = difference_map(incidents[incidents["replication"] == 0], city, ARMS[1], ARMS[0], HORIZON_MIN).table
    assert not table["clear"].any() and table["low"].isna().all()


def test_grid_codes_serve_as_well_as_indices(city):
    by_index = _incidents(city, {0: -1.0})
    by_code = by_index.assign(grid=city.areas.code[city.areas.grids][by_index["grid"].to_numpy()])
    one, two = (resolution_map(f, city, ARMS, HORIZON_MIN).table for f in (by_index, by_code))
    pd.testing.assert_frame_equal(one, two)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_maps_speak_both_languages(city, lang):
    incidents = _incidents(city, {0: -1.0})
    for chart in (
        city_figure(city, lang),
        resolution_map(incidents, city, ARMS, HORIZON_MIN, lang),
        difference_map(incidents, city, ARMS[1], ARMS[0], HORIZON_MIN, lang),
    ):
        assert chart.title and chart.sentence and "{" not in chart.title + chart.sentence + chart.description
