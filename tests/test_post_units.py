"""A list of stations brings its own fleet: units are read with the facilities, and a post may take its count there."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from law_scenes import job, titled
from scenario_texts import write

from scenarios import load
from sim.assemble import assemble
from sim.city.city import City
from sim.city.readers import read_city
from sim.city.spec import ReadSpec, build_city
from sim.errors import InputError
from sim.spec import ModelSpec

LIST = "kind,name,x_m,y_m,units\nfire,East,90,0,3\nfire,West,0,10,0\nfire,Hill,55,45,1\nhospital,General,0,0,0\n"


def town(folder: Path, stations: str | None = LIST, degrees: bool = False, **changes) -> ReadSpec:
    """Write a network of 12 by 12 streets and a list of facilities; return how to read them."""
    grid = nx.convert_node_labels_to_integers(nx.grid_2d_graph(12, 12).to_directed(), label_attribute="at")
    graph = nx.MultiDiGraph(crs="epsg:4326" if degrees else "epsg:32651")
    step = (0.001, 0.001) if degrees else (10.0, 10.0)
    for node, data in grid.nodes(data=True):
        x, y = (n * s for n, s in zip(data["at"], step, strict=True))
        graph.add_node(node, x=120 + x if degrees else x, y=30 + y if degrees else y)
    graph.add_edges_from(
        (a, b, {"length": 112.0 if degrees else 10.0, "highway": "residential"}) for a, b in grid.edges
    )
    nx.write_graphml(graph, folder / "town.graphml")
    if stations is not None:
        (folder / "stations.csv").write_text(stations)
        changes["facilities"] = "stations.csv"
    return ReadSpec(format="graphml", file="town.graphml", residents=400, add_facilities=False, **changes)


def seated(city: City, **post) -> dict[int, int]:
    """Return place -> units of a post that takes its count from the facilities."""
    engine = {"title": titled("engine"), "kind": "unit", "per": "facility:fire", "count": "units", **post}
    spec = {"horizon_days": 1, "types": {"job": job(1.0, stage={"who": "engine"})}, "posts": {"engine": engine},
            "shifts": {"always": {}}}  # fmt: skip
    arm = assemble(ModelSpec.model_validate(spec), city)
    homes, counts = np.unique(arm.staffing.staff["home"], return_counts=True)
    return dict(zip(homes.tolist(), counts.tolist(), strict=True))


def test_units_of_a_list_become_the_fleet(tmp_path):
    city, report = read_city(town(tmp_path), tmp_path)
    f = city.facilities
    assert f.name.tolist() == ["East", "West", "Hill", "General"] and f.units.tolist() == [3, 0, 1, 0]
    doors = np.column_stack([city.roads.x, city.roads.y])[f.node]
    assert np.abs(doors - [[90, 0], [0, 10], [55, 45], [0, 0]]).max() <= 5.0 + 1e-9
    assert seated(city) == {int(f.place[0]): 3, int(f.place[2]): 1}
    assert seated(city, count=1.0) == {int(p): 1 for p in f.place[:3]}, "a number is still the same everywhere"
    assert report.rows[str(tmp_path / "stations.csv")] == 4
    assert city.provenance["facilities"] == "read: given list"


def test_one_more_unit_on_the_list_moves_nobody_elses_draws(tmp_path):
    city, _ = read_city(town(tmp_path), tmp_path)
    more, _ = read_city(town(tmp_path, LIST.replace("East,90,0,3", "East,90,0,4")), tmp_path)

    def names(c: City) -> set[int]:
        engine = {"title": titled("engine"), "kind": "unit", "per": "facility:fire", "count": "units"}
        spec = {"types": {"job": job(1.0, stage={"who": "engine"})}, "posts": {"engine": engine}, "horizon_days": 1,
                "shifts": {"always": {}}}  # fmt: skip
        return set(assemble(ModelSpec.model_validate(spec), c).staffing.staff["entity"].tolist())

    assert names(city) < names(more) and len(names(more)) == 5


def test_degrees_are_laid_over_a_network_of_degrees(tmp_path):
    text = "kind,lon,lat,units\nfire,120.003,30.007,2\n"
    city, _ = read_city(town(tmp_path, text, degrees=True), tmp_path)
    node = int(city.facilities.node[0])
    assert city.roads.lon is not None and city.roads.lat is not None
    assert (city.roads.lon[node], city.roads.lat[node]) == pytest.approx((120.003, 30.007))
    assert city.facilities.access_m[0] < 0.01 and city.facilities.name.tolist() == ["Fire 1"]
    with pytest.raises(InputError, match="no degrees"):
        read_city(town(tmp_path, text), tmp_path)


def test_units_are_kept_by_a_saved_city_and_refused_when_damaged(tmp_path):
    city, _ = read_city(town(tmp_path), tmp_path)
    city.save(tmp_path / "saved")
    assert City.load(tmp_path / "saved").facilities.units.tolist() == [3, 0, 1, 0]
    city.facilities.units[1] = -2
    city.save(tmp_path / "damaged")
    with pytest.raises(InputError, match="units that cannot be") as caught:
        City.load(tmp_path / "damaged")
    assert caught.value.field == "units" and caught.value.found == -2


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("East,90,0,3", "East,90,0,", 2, "units"),
        ("Hill,55,45,1", "Hill,55,45,-1", 4, "units"),
        ("Hill,55,45,1", "Hill,55,45,nan", 4, "units"),
        ("Hill,55,45,1", "Hill,55,45,1.5", 4, "units"),
        ("Hill,55,45,1", "Hill,55,45,two", 4, "units"),
        ("Hill,55,45,1", "Hill,55,,1", 4, "y_m"),
        ("fire,West", ",West", 3, "kind"),
        ("x_m,y_m", "x,y", 1, "x_m"),
        ("kind,name", "sort,name", 1, "kind"),
        ("Hill,55,45,1", "Hill,55", 4, "units"),
    ],
)
def test_faults_of_a_list_are_one_sentence(tmp_path, old, new, line, field):
    assert old in LIST
    with pytest.raises(InputError) as caught:
        read_city(town(tmp_path, LIST.replace(old, new)), tmp_path)
    error = caught.value
    assert (Path(str(error.file)).name, error.line, error.field) == ("stations.csv", line, field)
    assert "\n" not in error.sentence()


def test_headers_in_capitals_are_read_and_what_means_nothing_is_told(tmp_path):
    text = LIST.replace("kind,name,x_m,y_m,units", "Kind,Name,X_M,Y (m),UNITS").replace("fire,East", "Fire,East")
    city, report = read_city(town(tmp_path, text), tmp_path)
    assert city.facilities.units.tolist() == [3, 0, 1, 0] and city.facilities.kind.tolist()[:2] == ["Fire", "fire"]
    assert any("of their own (Fire), beside police, fire" in note for note in report.notes)
    more = LIST.replace("units\n", "units,opened\n").replace("0,3\n", "0,3,1990\n")
    more = more.replace("10,0\n", "10,0,1\n").replace("45,1\n", "45,1,1\n").replace("0,0,0\n", "0,0,0,1\n")
    _, report = read_city(town(tmp_path, more), tmp_path)
    assert any("not read: opened" in note for note in report.notes)
    with pytest.raises(InputError, match="two columns have one name"):
        read_city(town(tmp_path, LIST.replace("kind,name,x_m,y_m,units", "kind,name,x_m,x_m,units")), tmp_path)


def test_rows_with_bad_units_are_dropped_on_request(tmp_path):
    text = LIST.replace("Hill,55,45,1", "Hill,55,45,-1")
    city, report = read_city(town(tmp_path, text, on_bad_rows="drop"), tmp_path)
    assert city.facilities.name.tolist() == ["East", "West", "General"]
    assert [(bad.field, bad.count) for bad in report.bad] == [("units", 1)]


def test_a_list_without_units_cannot_be_a_fleet(tmp_path):
    city, _ = read_city(town(tmp_path, "kind,x_m,y_m\nfire,0,0\nfire,50,50\n"), tmp_path)
    with pytest.raises(InputError, match="state no units") as caught:
        seated(city)
    assert caught.value.field == "posts.engine.count"
    assert "all 0" in str(caught.value.found)


def test_kinds_that_the_list_names_replace_those_of_the_other_files(tmp_path):
    section = {"read": {**town(tmp_path).model_dump(), "add_facilities": True}}
    city = build_city(section, tmp_path)
    kinds, counts = np.unique(city.facilities.kind, return_counts=True)
    found = dict(zip(kinds.tolist(), counts.tolist(), strict=True))
    assert found["fire"] == 3 and found["hospital"] == 1 and found["street_centre"] >= 1


SCENARIO = """name: fleet
title: {en: Fleet, zh: 车队}
bare: true
city: {read: {format: graphml, file: town.graphml, facilities: stations.csv, residents: 400}}
shifts: {always: {}}
posts:
  engine:
    title: {en: Engine, zh: 消防车}
    kind: unit
    per: facility:fire
    count: units
types:
  call:
    title: {en: Call, zh: 来电}
    kind: bare
    rate_per_hour: 1
    stages: [{name: serve, who: engine, touch_min: 5}]
"""


def test_a_scenario_runs_with_the_fleet_of_its_list(tmp_path):
    town(tmp_path)
    model = load(write(tmp_path, SCENARIO)).model()
    model.run(days=1)
    assert len(model.world.staff) == 4


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("count: units", "count: many", 11, "units"),
        ("count: units", "count: -2", 11, "at least 0"),
        ("per: facility:fire", "per: city", 7, "facility:<kind>"),
    ],
)
def test_a_count_that_cannot_be_is_one_sentence(tmp_path, old, new, line, said):
    with pytest.raises(InputError) as caught:
        load(write(tmp_path, SCENARIO.replace(old, new))).spec()
    assert caught.value.line == line and said in caught.value.sentence() and "\n" not in caught.value.sentence()
