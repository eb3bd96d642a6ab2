"""Reading real cities: Edmonton's facts, OSMnx GraphML, and one clear sentence for every fault."""

from __future__ import annotations

import gzip
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import tifffile

from sim.city.coverage import static_coverage
from sim.city.graphml import read_graphml
from sim.city.jemss import read_jemss
from sim.city.parameters import number
from sim.city.readers import read_city
from sim.city.roads import Roads
from sim.city.spec import ReadSpec, build_city
from sim.city.travel import travel_table
from sim.city.vertices import read_vertices_edges
from sim.errors import InputError

SHARED = Path(os.environ.get("GRIDWHISTLE_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDWHISTLE_CACHE", str(tmp_path / "cache"))


def test_edmonton_is_read_whole_and_its_static_coverage_is_the_published_one() -> None:
    folder = SHARED / "data" / "jemss_edmonton"
    if not folder.is_dir():
        pytest.skip(f"the Edmonton model is not at {folder}")
    city, report = read_city(ReadSpec(format="jemss", folder=str(folder), residents=20_000, add_facilities=False))
    assert report.dropped == 0
    assert (len(city.roads), city.roads.arcs, city.roads.modes) == (51_331, 71_241, 2)
    assert city.roads.components().max() == 0
    assert len(city.facilities.of("ambulance")) == 17
    assert len(city.facilities.of("hospital")) == 5
    assert city.facilities.units.sum() == 16
    assert len(city.places) == 4096
    covered = static_coverage(city, "ambulance", 8 - 40 / 60)
    assert round(covered.mean_min, 3) == 5.238
    assert round(covered.share, 3) == 0.832
    all_stations = static_coverage(city, "ambulance", 8 - 40 / 60, staffed_only=False)
    assert all_stations.mean_min < covered.mean_min, "empty stations do not send anyone"
    assert static_coverage(city, "ambulance", 8 - 40 / 60, mode=0).mean_min > covered.mean_min


JEMSS = {
    "map.csv": "map,1\nxMin,xMax,yMin,yMax,xScale,yScale,\n10,11,50,51,70,111,\n",
    "stations.csv": 'stations,,,,,\nindex,x,y,capacity,,note\n1,10.0,50.0,2,,"a, b"\n2,10.02,50.0,1,,stray, commas\n',
    "hospitals.csv": "hospitals\nindex,x,y\n1,10.02,50.0\n",
    "ambulances.csv": "ambulances,,,free text\nindex,stationIndex,class,\n1,1,1,\n2,1,1,\n",
    "travel.csv": (
        "travelModes\ntravelModeIndex,offRoadSpeed,note\n1,1080,fast\n2,720,slow\n,,\n"
        "travelSets\ntravelSetIndex,priority,travelModeIndex\n1,highPriority,1\n1,lowPriority,2\n"
    ),
    "nodes.csv": "nodes,,,\nindex,x,y,offRoadAccess,\n1,10.00,50.0,1,\n2,10.01,50.0,0,\n3,10.02,50.0,1,\n",
    "arcs.csv": (
        "miscData\narcForm,numModes\nundirected,2\n\narcs\nindex,fromNode,toNode,distance,mode_1,mode_2,\n"
        "1,1,2,0.7,0.0005,0.001,\n2,2,3,0.7,0.0005,0.001,\n"
    ),
}
"""A hand-made model: three nodes in a row, 0.7 km apart, 0.72 and 1.44 minutes."""


def jemss(folder: Path, zipped: bool = False, **changed: str) -> Path:
    target = folder / "model"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for name, text in (JEMSS | {key.replace("_csv", ".csv"): value for key, value in changed.items()}).items():
        (target / name).write_text(text)
    values = np.array([[0.0, 3.0], [1.0, 0.0]])
    extra = [(33550, "d", 3, (0.01, 0.01, 0.0)), (33922, "d", 6, (0, 0, 0, 9.996, 50.005, 0))]
    tifffile.imwrite(target / "people.tif", values, extratags=[(*tag, True) for tag in extra])
    if zipped:
        with zipfile.ZipFile(target / "roads.zip", "w") as archive:
            for name in ("nodes.csv", "arcs.csv", "people.tif"):
                archive.write(target / name, f"deep/{name}")
                (target / name).unlink()
    return target


@pytest.mark.parametrize("zipped", [False, True])
def test_the_format_is_read_not_the_file(tmp_path: Path, zipped: bool) -> None:
    source = read_jemss(jemss(tmp_path, zipped), raster_unit="per_cell")
    roads = source.roads
    assert (len(roads), roads.arcs, roads.modes) == (3, 4, 2), "undirected arcs run both ways"
    np.testing.assert_allclose(roads.length_m, 700)
    np.testing.assert_allclose(travel_table(roads, [0, 2])[:, 0, 1], [2.88, 1.44], rtol=1e-6)
    assert roads.off_road_kmh is not None
    assert roads.off_road_kmh.tolist() == [30, 45]
    assert roads.access is not None
    assert roads.access.tolist() == [True, False, True]
    assert source.spots is not None
    assert source.spots.units.tolist() == [2, 0, 0]
    assert source.surface is not None
    assert source.surface[2].tolist() == [3.0, 1.0]


def test_static_coverage_by_hand(tmp_path: Path) -> None:
    city, _ = read_city(
        ReadSpec(format="jemss", folder=str(jemss(tmp_path)), residents=4, raster_unit="per_cell", add_facilities=False)
    )
    # Cells lie at 10.011, 50.0 (3 people; node 2 has no access, so 630 m from node 3, which is 1.44 minutes from
    # station 1) and at 10.001, 49.99 (1 person; 70 m east and 1,110 m south of node 1). Off the road one drives
    # 45 km/h, that is 750 m a minute. Station 2 stands at node 3 but holds no ambulance.
    assert city.demand is not None
    assert city.demand.off_road_m == pytest.approx([630, np.hypot(70, 1110)])
    first, second = 1.44 + 630 / 750, np.hypot(70, 1110) / 750
    assert static_coverage(city, "ambulance", 100).mean_min == pytest.approx((3 * first + second) / 4, rel=1e-6)
    assert static_coverage(city, "ambulance", second + 1e-6).share == pytest.approx(0.25)
    unstaffed = static_coverage(city, "ambulance", 100, staffed_only=False)
    assert unstaffed.mean_min == pytest.approx((3 * 630 / 750 + second) / 4, rel=1e-6)
    assert len(city.residents) == 4
    with pytest.raises(InputError, match="no such facility"):
        static_coverage(city, "fire", 5)


def broken(name: str, old: str, new: str) -> dict[str, str]:
    assert old in JEMSS[name]
    return {name.replace(".csv", "_csv"): JEMSS[name].replace(old, new, 1)}


@pytest.mark.parametrize(
    ("change", "file", "line", "field"),
    [
        (broken("nodes.csv", "10.01,", "nan,"), "nodes.csv", 4, "x"),
        (broken("nodes.csv", "2,10.01,50.0", "2,10.01,150.0"), "nodes.csv", 4, "y"),
        (broken("nodes.csv", "3,10.02", "2,10.02"), "nodes.csv", 5, "index"),
        (broken("nodes.csv", "index,x,y", "index,lon,lat"), "nodes.csv", 2, "x"),
        (broken("arcs.csv", "2,2,3,0.7", "2,2,9,0.7"), "arcs.csv", 8, "toNode"),
        (broken("arcs.csv", "2,2,3,0.7", "2,2,3,-0.7"), "arcs.csv", 8, "distance"),
        (broken("arcs.csv", "0.0005,0.001,\n2", "0.0005,zero,\n2"), "arcs.csv", 7, "mode_2"),
        (broken("arcs.csv", "2,2,3,0.7,0.0005,0.001,\n", "2,2,3,0.7"), "arcs.csv", 8, "mode_2"),
        (broken("arcs.csv", "undirected", "sideways"), "arcs.csv", 3, "arcForm"),
        (broken("arcs.csv", "2,2,3,0.7,0.0005,0.001,\n", ""), "nodes.csv", None, "on_bad_rows"),
        (broken("ambulances.csv", "2,1,1", "2,7,1"), "ambulances.csv", 4, "stationIndex"),
        (broken("stations.csv", "1,10.0,50.0", "1,ten,50.0"), "stations.csv", 3, "x"),
        (broken("travel.csv", "1,1080", "1,-3"), "travel.csv", 3, "offRoadSpeed"),
        (broken("map.csv", "70,111", "0,111"), "map.csv", 3, "xScale"),
    ],
)
def test_faults_of_a_model_folder(
    tmp_path: Path, change: dict[str, str], file: str, line: int | None, field: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_jemss(jemss(tmp_path, **change))
    assert str(caught.value.file).endswith(file)
    assert caught.value.line == line
    assert caught.value.field == field


@pytest.mark.parametrize("capacity", ["", "-1", "nan", "1.5"])
def test_without_a_table_of_ambulances_the_capacity_of_a_station_must_be_a_number_of_them(
    tmp_path: Path, capacity: str
) -> None:
    folder = jemss(tmp_path, **broken("stations.csv", "50.0,1,", f"50.0,{capacity},"))
    read_jemss(folder)  # the ambulances are counted in their own table
    (folder / "ambulances.csv").unlink()
    with pytest.raises(InputError, match="units that cannot be") as caught:
        read_jemss(folder)
    assert (Path(str(caught.value.file)).name, caught.value.line, caught.value.field) == ("stations.csv", 4, "capacity")
    source = read_jemss(folder, on_bad_rows="drop")
    assert source.spots is not None and source.spots.units.tolist() == [2, 0]


def test_bad_rows_are_counted_shown_and_dropped_on_request(tmp_path: Path) -> None:
    nodes = JEMSS["nodes.csv"] + "4,nan,50.0,1,\n5,10.5,50.5,1,\n"
    arcs = JEMSS["arcs.csv"] + "3,3,4,1,0.1,0.1,\n4,1,77,1,0.1,0.1,\n"
    source = read_jemss(jemss(tmp_path, nodes_csv=nodes, arcs_csv=arcs), on_bad_rows="drop")
    assert len(source.roads) == 3
    assert [(kind.field, kind.count, kind.examples[0]) for kind in source.report.bad] == [
        ("x", 1, (6, "nan")), ("toNode", 2, (9, "4")),
    ]  # fmt: skip
    assert source.report.dropped == 3
    assert any("1 nodes outside the largest connected part" in note for note in source.report.notes)


@pytest.mark.parametrize("name", ["nodes.csv", "arcs.csv"])
def test_missing_tables_are_named(tmp_path: Path, name: str) -> None:
    folder = jemss(tmp_path)
    (folder / name).unlink()
    with pytest.raises(InputError, match="a table is missing") as caught:
        read_jemss(folder)
    assert caught.value.field == name.removesuffix(".csv")


@pytest.mark.parametrize("name", ["roads.zip", "people.tif"])
def test_cut_files_are_named(tmp_path: Path, name: str) -> None:
    folder = jemss(tmp_path, zipped=name == "roads.zip")
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(InputError) as caught:
        read_jemss(folder)
    assert name in str(caught.value.file)


def osm_graph() -> nx.MultiDiGraph:
    graph = nx.MultiDiGraph(crs="epsg:4326", simplified="True")
    corners = {101: (120.0, 30.0), 102: (120.01, 30.0), 103: (120.01, 30.01), 104: (120.0, 30.01)}
    for node, (lon, lat) in corners.items():
        graph.add_node(node, y=str(lat), x=str(lon), street_count="2")
    street = {"osmid": "[7, 8]", "highway": "['residential', 'tertiary']", "oneway": "False"}
    for a, b in ((101, 102), (102, 103), (103, 104), (104, 101)):
        for tail, head in ((a, b), (b, a)):
            graph.add_edge(tail, head, length="1000.0", travel_time="120.0", speed_kph="30.0", **street)
    fast = {"osmid": "9", "highway": "primary", "oneway": "True"}
    graph.add_edge(101, 102, length="900.0", travel_time="60.0", speed_kph="54.0", **fast)
    return graph


def written(folder: Path, graph: nx.MultiDiGraph, name: str = "town.graphml") -> Path:
    nx.write_graphml(graph, folder / name)
    return folder / name


def test_osmnx_graphml_with_text_attributes_and_parallel_arcs(tmp_path: Path) -> None:
    roads, report = read_graphml(written(tmp_path, osm_graph()))
    assert (len(roads), roads.arcs, roads.modes, report.dropped) == (4, 9, 1, 0)
    assert travel_table(roads, [0, 1, 2, 3])[0].tolist() == [[0, 1, 3, 2], [2, 0, 2, 4], [4, 2, 0, 2], [2, 3, 2, 0]]
    assert roads.lon is not None
    assert roads.lon.tolist() == [120.0, 120.01, 120.01, 120.0]
    # a hundredth of a degree of latitude is 1,112 m on a sphere of the Earth's mean radius
    assert roads.y[2] - roads.y[1] == pytest.approx(1111.95, abs=0.01)
    assert roads.x[1] - roads.x[0] == pytest.approx(1111.95 * np.cos(np.radians(30.005)), abs=0.01)
    packed = tmp_path / "town.graphml.gz"
    packed.write_bytes(gzip.compress((tmp_path / "town.graphml").read_bytes()))
    assert np.array_equal(read_graphml(packed)[0].time_min, roads.time_min)


def test_a_networkx_round_trip_keeps_every_arc() -> None:
    roads = Roads.from_networkx(osm_graph())
    again = Roads.from_networkx(roads.to_networkx())
    for name in ("x", "y", "arc_from", "arc_to", "length_m"):
        assert np.array_equal(getattr(roads, name), getattr(again, name)), name
    np.testing.assert_allclose(roads.time_min, again.time_min, rtol=1e-6)
    assert roads.to_networkx().edges[101, 102, 0]["oneway"] is False


def test_missing_times_come_from_speed_maxspeed_or_class(tmp_path: Path) -> None:
    graph = osm_graph()
    for _, _, data in graph.edges(data=True):
        del data["travel_time"], data["speed_kph"]
    graph.edges[102, 103, 0]["maxspeed"] = "60"
    graph.edges[103, 102, 0]["maxspeed"] = "['30 mph', '50']"
    graph.edges[103, 104, 0]["highway"] = "motorway_link"
    graph.edges[104, 103, 0]["highway"] = "bridleway"
    del graph.edges[104, 101, 0]["length"]
    roads, report = read_graphml(written(tmp_path, graph))
    ends = zip(roads.arc_from.tolist(), roads.arc_to.tolist(), strict=True)
    time = dict(zip(ends, roads.time_min[0].tolist(), strict=True))
    assert time[1, 2] == pytest.approx(1.0)
    assert time[2, 1] == pytest.approx(60 / ((30 * 1.609344 + 50) / 2)), "the mean of several"
    assert time[2, 3] == pytest.approx(60 / number("road_speed_kmh_motorway"))
    assert time[3, 2] == pytest.approx(60 / number("road_speed_kmh_other"))
    mean = (number("road_speed_kmh_residential") + number("road_speed_kmh_tertiary")) / 2
    assert time[3, 0] == pytest.approx(1.11195 * 60 / mean, rel=1e-4)
    assert any("without travel_time" in note for note in report.notes)


def test_projected_graphs_keep_their_metres(tmp_path: Path) -> None:
    graph = osm_graph()
    graph.graph["crs"] = "epsg:32651"
    for _, data in graph.nodes(data=True):
        x, y = (float(data["x"]) - 120) * 96_300, (float(data["y"]) - 30) * 110_900
        data.update(lon=data["x"], lat=data["y"], x=str(500000 + x), y=str(3300000 + y))
    roads, _ = read_graphml(written(tmp_path, graph))
    assert roads.x.tolist() == pytest.approx([500000, 500963, 500963, 500000])
    assert roads.lat is not None
    assert roads.lat[0] == 30.0


def edit(change: Callable[[nx.MultiDiGraph], object]) -> nx.MultiDiGraph:
    graph = osm_graph()
    change(graph)
    return graph


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda g: g.nodes[102].update(x="nan"), "coordinate"),
        (lambda g: g.nodes[102].pop("y"), "coordinate"),
        (lambda g: g.nodes[102].update(y="95"), "coordinate"),
        (lambda g: g.edges[101, 102, 0].update(length="-4"), "length"),
        (lambda g: g.edges[101, 102, 0].update(travel_time="soon"), "time"),
        (lambda g: g.add_node(105, x="120.02", y="30.0"), "disconnected: 2 components.*components of 4, 1 nodes"),
    ],
)
def test_faults_of_a_graph_are_refused_or_dropped(
    tmp_path: Path, change: Callable[[nx.MultiDiGraph], object], said: str
) -> None:
    file = written(tmp_path, edit(change))
    with pytest.raises(InputError, match=said) as caught:
        read_graphml(file)
    assert str(caught.value.file).endswith("town.graphml")
    roads, report = read_graphml(file, on_bad_rows="drop")
    assert roads.components().max() == 0
    assert report.dropped > 0 or report.notes


@pytest.mark.parametrize("damage", ["cut", "missing", "text", "undirected", "empty", "cut gz"])
def test_files_that_are_no_graph(tmp_path: Path, damage: str) -> None:
    file = written(tmp_path, osm_graph())
    data = file.read_bytes()
    if damage == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif damage == "missing":
        file.unlink()
    elif damage == "text":
        file.write_text("x,y\n1,2\n")
    elif damage == "undirected":
        nx.write_graphml(nx.Graph([(1, 2)]), file)
    elif damage == "empty":
        nx.write_graphml(nx.MultiDiGraph(), file)
    else:
        file = tmp_path / "town.graphml.gz"
        file.write_bytes(gzip.compress(data)[:200])
    with pytest.raises(InputError) as caught:
        read_graphml(file)
    assert Path(str(caught.value.file)).name == file.name


def streets(folder: Path, **changed: str) -> Path:
    files = {
        "vertices": "id,x_ft,y_ft\na,0,0\nb,100,0\nc,100,100\n",
        "edges": "id,a,b,length_ft\ne1,a,b,100\ne2,b,c,100\n",
        "crimes": "x,y,seg,tp,marks\n10,0,e1,0.1,theft\n100,90,e2,0.9,assault\n",
    }
    for name, text in (files | changed).items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def test_a_plain_network_with_incidents(tmp_path: Path) -> None:
    source = read_vertices_edges(streets(tmp_path), speed_kmh=30.48 * 60 / 1000)
    assert source.roads.length_m.tolist() == pytest.approx([30.48] * 4)
    assert travel_table(source.roads, [0, 2])[0, 0, 1] == pytest.approx(2.0)
    assert source.incidents is not None
    assert source.incidents.node.tolist() == [0, 2]
    vertices = "id,x_m,y_m\na,0,0\nb,100,0\nc,100,100\n"
    with pytest.raises(InputError, match="look like metres, where coordinates are feet"):
        read_vertices_edges(streets(tmp_path, vertices=vertices))
    edges = "id,a,b,length\ne1,a,b,100\ne2,b,c,100\n"
    in_metres = read_vertices_edges(streets(tmp_path, vertices=vertices, edges=edges))
    assert in_metres.roads.x[1] == 100


@pytest.mark.parametrize(
    ("changed", "file", "line", "field"),
    [
        ({"vertices": "id,x_ft,y_ft\na,0,0\nb,,0\nc,100,100\n"}, "vertices.csv", 3, "x_ft"),
        ({"vertices": "id,x_ft,y_ft\na,0,0\na,1,0\nc,100,100\n"}, "vertices.csv", 3, "id"),
        ({"vertices": "id,east,north\na,0,0\n"}, "vertices.csv", 1, "x"),
        ({"vertices": ""}, "vertices.csv", None, None),
        ({"edges": "id,a,b,length_ft\ne1,a,b,100\ne2,b,z,100\n"}, "edges.csv", 3, "b"),
        ({"edges": "id,a,b,length_ft\ne1,a,b,100\ne2,b,c,-1\n"}, "edges.csv", 3, "length_ft"),
        ({"edges": "id,a,b,length_ft\ne1,a,b,100\n"}, "edges.csv", None, "on_bad_rows"),
        ({"edges": "id,a,b,length_ft\ne1,a,b,100\ne2,b\n"}, "edges.csv", 3, "length_ft"),
        ({"crimes": "x,y,seg,tp,marks\n10,0,e9,0.1,theft\n"}, "crimes.csv", 2, "seg"),
        ({"crimes": "x,y,seg,tp,marks\n10,0,e1,1.1,theft\n"}, "crimes.csv", 2, "tp"),
    ],
)
def test_faults_of_a_plain_network(
    tmp_path: Path, changed: dict[str, str], file: str, line: int | None, field: str | None
) -> None:
    with pytest.raises(InputError) as caught:
        read_vertices_edges(streets(tmp_path, **changed))
    assert str(caught.value.file).endswith(file)
    assert caught.value.line == line
    assert caught.value.field == field


def test_a_tree_is_laid_over_a_read_network(tmp_path: Path) -> None:
    graph = nx.convert_node_labels_to_integers(nx.grid_2d_graph(12, 12).to_directed(), label_attribute="at")
    multi = nx.MultiDiGraph(crs="epsg:32651")
    multi.add_nodes_from((n, {"x": d["at"][0] * 100.0, "y": d["at"][1] * 100.0}) for n, d in graph.nodes(data=True))
    multi.add_edges_from((a, b, {"length": 100.0, "highway": "residential"}) for a, b in graph.edges)
    written(tmp_path, multi)
    (tmp_path / "tree.csv").write_text(
        "code,name,level,parent\nR,Town,city,\nD,East,district,R\nS,Hill,street,D\nA,Oak,community,S\nB,Elm,community,S\n"
    )
    section = {"read": {"format": "graphml", "file": "town.graphml", "residents": 8000, "admin_tree": "tree.csv"}}
    city = build_city(section, tmp_path)
    assert city.summary()["areas"] == {"city": 1, "district": 1, "street": 1, "community": 2, "grid": 10}
    assert city.provenance["areas"] == "given tree, territory synthetic"
    above = city.areas.ancestor(city.areas.grids, 1)[city.node_grid]
    assert np.bincount(above)[[3, 4]].tolist() == [72, 72]
    assert city.areas.name[city.areas.grids[0]] in ("Oak grid 1", "Elm grid 1")
    assert np.diff(city.grid_first).mean() == 800
    with pytest.raises(InputError, match="fewer nodes than areas"):
        rows = "".join(f"C{k},C{k},community,S\n" for k in range(200))
        (tmp_path / "tree.csv").write_text(f"code,name,level,parent\nR,T,city,\nD,E,district,R\nS,H,street,D\n{rows}")
        build_city(section, tmp_path)
