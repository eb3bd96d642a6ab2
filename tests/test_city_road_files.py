"""Road files are held against themselves: coordinate systems, units, lists, defaults, and what cannot be is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from typer.testing import CliRunner

from gridwhistle import app
from sim.city.graphml import read_graphml
from sim.city.roads import EARTH_RADIUS_M, Roads
from sim.errors import InputError

CASES = Path(__file__).parent / "cases"
DEGREE_M = np.pi / 180 * EARTH_RADIUS_M
SIDE, STEP_M = 5, 200.0
WKT1 = 'GEOGCS["GCS_North_American_1983",DATUM["D_North_American_1983",SPHEROID["GRS_1980",6378137.0,298.257222101]],'
WKT1 += 'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
DIGITS = 'LOCAL_CS["site 4326 in feet",UNIT["foot",0.3048],AXIS["E",EAST],AXIS["N",NORTH]]'


def grid(folder: Path, crs: str | None, at=lambda e, n: (e, n), names=("x", "y"), **edge) -> Path:
    """Write streets every 200 m; ``at`` turns metres east and north into the file's coordinates."""
    graph = nx.MultiDiGraph(**({} if crs is None else {"crs": crs}))
    for i in range(SIDE):
        for j in range(SIDE):
            graph.add_node(i * SIDE + j, **dict(zip(names, map(float, at(i * STEP_M, j * STEP_M)), strict=True)))
    for i in range(SIDE):
        for j in range(SIDE):
            for a, b in ((i + 1, j), (i, j + 1)):
                if a < SIDE and b < SIDE:
                    graph.add_edge(i * SIDE + j, a * SIDE + b, **{"highway": "residential", **edge})
                    graph.add_edge(a * SIDE + b, i * SIDE + j, **{"highway": "residential", **edge})
    nx.write_graphml(graph, folder / "roads.graphml")
    return folder / "roads.graphml"


def degrees(lon: float = 116.4, lat: float = 39.9):
    return lambda e, n: (lon + e / DEGREE_M / np.cos(np.radians(lat + 400 / DEGREE_M)), lat + n / DEGREE_M)


def through(code: str, lon: float, lat: float):
    """Return the coordinates of a projected system of places laid by their degrees."""
    import pyproj

    to = pyproj.Transformer.from_crs("OGC:CRS84", code, always_xy=True)
    return lambda e, n: to.transform(*degrees(lon, lat)(e, n))


def seconds(file: Path) -> np.ndarray:
    return read_graphml(file)[0].time_min[0] * 60


def wkt(code: str, version: str) -> str:
    import pyproj

    return pyproj.CRS(code).to_wkt(version)


@pytest.mark.parametrize(
    ("crs", "at"),
    [
        ("EPSG:4326", degrees()),
        ("EPSG:4283", degrees(151.2, -33.87)),
        ("EPSG:4490", degrees()),
        ("EPSG:4269", degrees(-73.9, 40.7)),
        ("EPSG:7844", degrees(151.2, -33.87)),
        ("4326", degrees()),
        ("{'init': 'epsg:4326'}", degrees()),
        ("{'proj': 'longlat', 'datum': 'WGS84', 'no_defs': True}", degrees()),
        ("EPSG:4326 - WGS 84", degrees()),
        ("epsg 4326", degrees()),
        ("urn:ogc:def:crs:EPSG::4283", degrees(151.2, -33.87)),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", degrees()),
        ("http://www.opengis.net/def/crs/EPSG/0/4490", degrees()),
        ("+proj=longlat +ellps=GRS80 +no_defs", degrees()),
        (WKT1, degrees(-73.9, 40.7)),
        (wkt("EPSG:4283", "WKT2_2019"), degrees(151.2, -33.87)),
        (wkt("EPSG:2263", "WKT1_GDAL"), lambda e, n: (980_000 + e / 0.3048006096, 200_000 + n / 0.3048006096)),
        ("EPSG:2263", lambda e, n: (980_000 + e / 0.3048006096, 200_000 + n / 0.3048006096)),
        ("EPSG:2263+5703", lambda e, n: (980_000 + e / 0.3048006096, 200_000 + n / 0.3048006096)),
        ("EPSG:3857", through("EPSG:3857", 116.4, 39.9)),
        ("EPSG:32650", lambda e, n: (448_000 + e, 4_417_000 + n)),
        (wkt("EPSG:32650", "WKT2_2019"), lambda e, n: (448_000 + e, 4_417_000 + n)),
        ("+proj=utm +zone=50 +datum=WGS84 +units=km", lambda e, n: (448 + e / 1000, 4417 + n / 1000)),
        (DIGITS, lambda e, n: (e / 0.3048, n / 0.3048)),
        ("local metres", lambda e, n: (e, n)),
        ("local feet", lambda e, n: (e / 0.3048, n / 0.3048)),
        (None, degrees()),
        (None, lambda e, n: (448_000 + e, 4_417_000 + n)),
    ],
)
def test_streets_of_200_m_take_24_s_in_every_coordinate_system(tmp_path: Path, crs: str | None, at) -> None:
    roads, report = read_graphml(grid(tmp_path, crs, at))
    assert np.abs(roads.length_m - 200).max() < 0.6
    assert np.abs(roads.time_min[0] * 60 - 24).max() < 0.1
    assert any(note.startswith("coordinates: ") for note in report.notes)


@pytest.mark.parametrize(
    ("crs", "at", "edge", "said"),
    [
        ("nonsense", degrees(), {}, "coordinate system is not known"),
        ("EPSG:99999", degrees(), {}, "coordinate system is not known"),
        ("EPSG:4978", degrees(), {}, "no x and y on a map"),
        ("EPSG:5703", degrees(), {}, "no x and y on a map"),
        ("EPSG:4326", lambda e, n: (448_000 + e, 4_417_000 + n), {}, "look like metres or feet"),
        ("EPSG:4326", lambda e, n: degrees()(e, n)[::-1], {}, "x and y exchanged"),
        ("EPSG:4326", lambda e, n: degrees(2.35, 48.85)(e, n)[::-1], {"length": 200.0}, "x and y exchanged"),
        ("EPSG:32650", degrees(), {}, "0.00938 by 0.00719|which is no city"),
        ("EPSG:32650", lambda e, n: (448 + e / 1000, 4417 + n / 1000), {}, "which is no city"),
        ("EPSG:4326", lambda e, n: (e / 10, n / 10), {}, "which is no city"),
        ("local metres", lambda e, n: (e * 1e300, n * 1e300), {}, "which is no city"),
        ("EPSG:32650", lambda e, n: (448_000 + e, 4_417_000 + n), {"length": 0.2}, "kilometres"),
        ("EPSG:32650", lambda e, n: (448_000 + e, 4_417_000 + n), {"length": 656.168}, "look like feet"),
        ("EPSG:32650", lambda e, n: (448_000 + e, 4_417_000 + n), {"length": 0.1242742}, "look like miles"),
        ("local metres", lambda e, n: (e / 0.3048, n / 0.3048), {"length": 200.0}, "where coordinates are feet"),
        ("local metres", lambda e, n: (e, n), {"travel_time": 0.4}, "look like minutes"),
        ("local metres", lambda e, n: (e, n), {"travel_time": 24000.0}, "look like milliseconds"),
        ("local metres", lambda e, n: (e, n), {"travel_time": 0.0}, "km/h"),
        ("local metres", lambda e, n: (e, n), {"speed_kph": 500.0}, "speeds are 500"),
        ("local metres", lambda e, n: (e, n), {"speed_kph": "fast"}, "speed that cannot be"),
        ("local metres", lambda e, n: (e, n), {"length": "[100.0, 'nan']"}, "length that cannot be"),
    ],
)
def test_what_cannot_be_is_refused_with_what_it_looks_like(tmp_path: Path, crs: str, at, edge: dict, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_graphml(grid(tmp_path, crs, at, **edge))
    assert str(caught.value.file).endswith("roads.graphml")


def test_without_pyproj_common_systems_are_known_and_others_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyproj", None)
    for crs, at in (("epsg:4326", degrees()), ("EPSG:32650", lambda e, n: (448_000 + e, 4_417_000 + n))):
        assert np.abs(seconds(grid(tmp_path, crs, at)) - 24).max() < 0.1
    with pytest.raises(InputError, match="needs the package pyproj"):
        read_graphml(grid(tmp_path, "EPSG:2263"))


@pytest.mark.parametrize(
    ("case", "arc", "right"),
    [
        ("feet-crs/roads", None, 24.0), ("geographic-crs/roads", None, 24.0), ("key-default/roads", None, 8.0),
        ("speed-not-needed/roads", None, 24.0), ("travel-time-list/roads", ("0", "1"), 84.0),
    ],
)  # fmt: skip
def test_cases_that_were_read_wrongly(case: str, arc: tuple[str, str] | None, right: float) -> None:
    roads, _ = read_graphml(CASES / f"graphml-{case}.graphml")
    assert roads.node_name is not None
    ends = list(zip(roads.node_name[roads.arc_from], roads.node_name[roads.arc_to], strict=True))
    chosen = [k for k, pair in enumerate(ends) if arc is None or pair == arc]
    assert chosen and np.abs(roads.time_min[0][chosen] * 60 - right).max() < 0.01


@pytest.mark.parametrize(("pair", "right"), [("ab", 16.269), ("cd", 18.0)])
def test_the_order_within_lists_does_not_matter(pair: str, right: float) -> None:
    one, other = (seconds(CASES / "graphml-list-order" / f"{name}.graphml") for name in pair)
    assert np.array_equal(one, other)
    assert one == pytest.approx(right, abs=1e-3)


@pytest.mark.parametrize(
    ("edge", "right", "told"),
    [
        ({"travel_time": "[8.0, 16.0]"}, 24, "added up"),
        ({"travel_time": "8;16"}, 24, "added up"),
        ({"travel_time": "8|16"}, 24, "added up"),
        ({"travel_time": "[np.float64(8.0), np.float64(16.0)]"}, 24, "added up"),
        ({"length": "[150.0, 50.0]"}, 24, "added up"),
        ({"maxspeed": "30 mph"}, 720 / 48.28032, "maxspeed"),
        ({"maxspeed": "RU:urban"}, 24, "'RU:urban'"),
        ({"maxspeed": "walk"}, 24, "'walk'"),
        ({"maxspeed": "none"}, 24, "class of road"),
        ({"maxspeed": "['walk', '60']"}, 12, "walk"),
        ({"speed_kph": "nan"}, 24, "class of road"),
        ({"speed_kph": "None", "length": "None"}, 24, "without length"),
        ({"travel_time": 24.0, "speed_kph": 18.641}, 24, "look like miles per hour"),
        ({"oneway": "-1"}, 24, "as the file draws them"),
        ({"time_min": 0.4}, 24, "not read: time_min"),
        ({"highway": "Primary"}, 14.4, "class of road"),
        ({"highway": "primary, residential"}, 18, "several classes"),
        ({"highway": "footway"}, 24, "without a speed of its own ('footway')"),
    ],
)
def test_values_of_edges_as_users_bring_them(tmp_path: Path, edge: dict, right: float, told: str) -> None:
    roads, report = read_graphml(grid(tmp_path, "local metres", **edge))
    assert roads.time_min[0] * 60 == pytest.approx(right, rel=1e-4)
    assert any(told in note for note in report.notes), report.notes


def test_lon_and_lat_in_place_of_x_and_y_are_degrees(tmp_path: Path) -> None:
    assert np.abs(seconds(grid(tmp_path, None, degrees(), ("lon", "lat"))) - 24).max() < 0.1


def test_lines_are_lines_of_the_file(tmp_path: Path) -> None:
    file = grid(tmp_path, "local metres", length=200.0)
    lines = file.read_text().splitlines()
    at = next(k for k, text in enumerate(lines) if "<edge " in text)
    value = next(k for k in range(at, len(lines)) if ">200.0<" in lines[k])
    lines[value] = lines[value].replace("200.0", "20.0")
    file.write_text("\n".join(lines))
    with pytest.raises(InputError, match="shorter than the straight line") as caught:
        read_graphml(file)
    assert caught.value.line == at + 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('edgedefault="directed"', 'edgedefault="undirected"', "not directed"),
        ('<node id="1"', '<node id="0"', "duplicate node"),
        ('target="1"', 'target="nowhere"', "node that cannot be used"),
        ("</graph>", '</graph><graph edgedefault="directed"/>', "more than one graph"),
        ("<graphml", "<gml", "not a GraphML file|not a complete"),
    ],
)
def test_graphs_that_cannot_be_read(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = grid(tmp_path, "local metres")
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=said):
        read_graphml(file)


def test_residents_are_asked_for_and_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = grid(tmp_path, "local metres")
    asked = CliRunner().invoke(app, ["city", "read", str(file), "--out", "town"])
    assert asked.exit_code == 2 and "--residents" in asked.output
    assert not (tmp_path / "town").exists()
    none = CliRunner().invoke(app, ["city", "read", str(file), "--out", "town", "--residents", "0"])
    assert none.exit_code == 0, none.output
    laid = CliRunner().invoke(
        app, ["compare", "whistle-vs-referral", "--city", "town", "--out", "out", "--workers", "1"]
    )
    assert laid.exit_code == 2 and "no residents" in laid.output and "catalogue" not in laid.output


def test_kilometres_of_road_count_both_directions_once(tmp_path: Path) -> None:
    """40 blocks of 200 m, each with an arc there and one back: 8 km of road, not 16."""
    roads, _ = read_graphml(grid(tmp_path, "EPSG:32650", lambda e, n: (500_000 + e, 4_400_000 + n)))
    assert (roads.arcs, roads.length_m.sum()) == (80, 16_000) and roads.street_m() == pytest.approx(8_000)
    one_way = roads.subset(np.arange(len(roads)) < 2)
    assert one_way.arcs == 2 and one_way.street_m() == pytest.approx(200)
    half = Roads(np.array([0.0, 100.0]), np.zeros(2), np.array([1]), np.array([0]), np.array([100.0]), np.ones((1, 1)))
    assert half.street_m() == pytest.approx(100)


@pytest.mark.parametrize(("places", "said"), [
    (["police,500200,4400200,A", "fire,117.0,39.75,B"], "fire B: 4,4"),
    (["police,500200,4400200,A", "fire,500400,4490200,B"], ""),
])  # fmt: skip
def test_one_facility_of_another_coordinate_system_is_refused(tmp_path: Path, places: list[str], said: str) -> None:
    """Degrees among metres: thousands of kilometres off, which a note alone let pass; a far village is told."""
    roads = grid(tmp_path, "EPSG:32650", lambda e, n: (500_000 + e, 4_400_000 + n))
    listed = tmp_path / "facilities.csv"
    listed.write_text("\n".join(["kind,x_m,y_m,name", *places]), encoding="utf-8")
    call = ["city", "read", str(roads), "--residents", "500", "--facilities", str(listed), "--out", str(tmp_path / "c")]
    found = CliRunner().invoke(app, call)
    if said:
        assert found.exit_code == 2 and said in found.output and not (tmp_path / "c").exists(), found.output
    else:
        assert found.exit_code == 0 and "more than 5 km" in " ".join(found.output.split()), found.output
