"""Travel times: exact distances, laws of shortest paths, closures, places and the table on disk."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import floyd_warshall

from sim.city import travel
from sim.city.bare import bare_city
from sim.city.cache import cache_folder, prune
from sim.city.roads import Roads
from sim.city.source import Source
from sim.city.spec import SyntheticSpec, check_spec
from sim.city.synthetic import synthetic_city
from sim.city.vertices import read_vertices_edges
from sim.errors import InputError

SHARED = Path(os.environ.get("GRIDWHISTLE_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDWHISTLE_CACHE", str(tmp_path / "cache"))


def ring(seed: int, nodes: int, both_ways: bool) -> Roads:
    """A ring with chords: connected whichever way, times on a grid of 1/64 minute so that sums are exact."""
    draw = np.random.default_rng(seed)
    a = np.concatenate([np.arange(nodes), draw.integers(0, nodes, nodes)])
    b = np.concatenate([(np.arange(nodes) + 1) % nodes, draw.integers(0, nodes, nodes)])
    times = draw.integers(1, 640, len(a)) / 64
    if both_ways:
        a, b, times = np.concatenate([a, b]), np.concatenate([b, a]), np.tile(times, 2)
    x, y = draw.random((2, nodes)) * 1000
    return Roads(x, y, a, b, times * 500, times)


@given(st.integers(0, 2**32 - 1), st.integers(2, 25), st.booleans())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_laws_of_shortest_paths(seed: int, nodes: int, both_ways: bool) -> None:
    roads = ring(seed, nodes, both_ways)
    table = travel.travel_table(roads, np.arange(nodes), cache=False)[0]
    assert (np.diag(table) == 0).all()
    through = (table[:, :, None] + table[None, :, :]).min(axis=1)
    assert (table <= through + 1e-4).all(), "no detour is shorter"
    assert (table[roads.arc_from, roads.arc_to] <= roads.time_min[0] + 1e-5).all(), "no arc beats the table"
    if both_ways:
        assert np.array_equal(table, table.T)


@given(st.integers(0, 2**32 - 1), st.integers(2, 15))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_times_equal_those_of_networkx(seed: int, nodes: int) -> None:
    roads = ring(seed, nodes, False)
    table = travel.travel_table(roads, np.arange(nodes), cache=False)[0]
    graph = nx.MultiDiGraph()
    graph.add_weighted_edges_from(zip(roads.arc_from, roads.arc_to, roads.time_min[0].astype(float), strict=True))
    for a, times in nx.all_pairs_dijkstra_path_length(graph):
        for b, minutes in times.items():
            assert table[a, b] == pytest.approx(minutes, abs=1e-4)


def test_parallel_arcs_take_the_quicker_and_zero_times_are_arcs() -> None:
    roads = Roads([0, 1, 2], [0, 0, 0], [0, 0, 1, 1, 2], [1, 1, 2, 0, 0], np.ones(5), [5.0, 3.0, 0.0, 1.0, 1.0])
    table = travel.travel_table(roads, [0, 1, 2], cache=False)[0]
    assert table[0, 1] == pytest.approx(3.0)
    assert table[0, 2] == pytest.approx(3.0, abs=1e-6), "an arc of no length is still an arc"


def chicago() -> tuple[Path, Source]:
    folder = SHARED / "data" / "chicago_crime_network"
    if not folder.is_dir():
        pytest.skip(f"the Chicago network is not at {folder}")
    return folder, read_vertices_edges(folder)


def test_chicago_is_read_whole() -> None:
    _, source = chicago()
    assert len(source.roads) == 338
    assert source.roads.arcs == 2 * 503
    assert source.roads.length_m[:503].sum() / 0.3048 == pytest.approx(31150.21, abs=0.01)
    assert source.incidents is not None
    kinds = dict(zip(*np.unique(source.incidents.kind, return_counts=True), strict=True))
    assert kinds == {
        "theft": 38, "damage": 35, "assault": 21, "cartheft": 7, "trespass": 6, "burglary": 5, "robbery": 4,
    }  # fmt: skip


def test_chicago_distances_are_the_published_ones_to_every_digit() -> None:
    # The published matrix is rounded to 0.001 ft and the edge file to 0.0001 ft; only lengths taken from the
    # vertices' coordinates carry enough digits to meet every one of the 114,244 rounded distances.
    folder, source = chicago()
    roads = source.roads
    straight = np.hypot(*(axis[roads.arc_from] - axis[roads.arc_to] for axis in (roads.x, roads.y)))
    assert np.abs(straight - roads.length_m).max() / 0.3048 <= 0.5e-4 + 1e-9, "edges are straight lines"
    feet = travel.distance_table(travel.graph_matrix(roads, straight), np.arange(338)) / 0.3048
    want = np.loadtxt(folder / "shortest_path_ft.csv.gz", delimiter=",")
    assert want.shape == (338, 338)
    assert np.array_equal(np.round(feet, 3), want)
    assert want.max() == 2031.619


def test_chicago_distances_agree_with_another_algorithm_to_1e_9() -> None:
    _, source = chicago()
    matrix = travel.graph_matrix(source.roads, source.roads.length_m)
    ours = travel.distance_table(matrix, np.arange(338))
    np.testing.assert_allclose(ours, floyd_warshall(matrix), rtol=1e-9, atol=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(3, 25))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_closing_arcs_row_by_row_equals_computing_anew(seed: int, nodes: int) -> None:
    roads = ring(seed, nodes, True)
    at = np.arange(nodes)
    base = travel.travel_table(roads, at, cache=False)
    closed = np.random.default_rng(seed).choice(roads.arcs, min(3, roads.arcs), replace=False)
    quick = travel.travel_table(roads, at, closed, base=base, unreachable="inf", cache=False)
    anew = travel.travel_table(roads, at, closed, unreachable="inf", cache=False)
    np.testing.assert_allclose(quick, anew, rtol=1e-6)
    assert (anew >= base - 1e-5).all(), "closing a road makes nothing quicker"


def test_a_closure_lengthens_the_way_round() -> None:
    # a square of one-minute sides: closing 0-1 makes it three minutes round
    a, b = np.array([0, 1, 2, 3]), np.array([1, 2, 3, 0])
    roads = Roads([0, 1, 1, 0], [0, 0, 1, 1], np.r_[a, b], np.r_[b, a], np.ones(8), np.ones(8))
    assert travel.travel_table(roads, [0, 1])[0, 0, 1] == 1
    assert travel.travel_table(roads, [0, 1], [0])[0].tolist() == [[0, 3], [1, 0]]
    assert travel.path(roads, 0, 1) == [0, 1]
    assert travel.path(roads, 0, 1, closed_arcs=[0]) == [0, 3, 2, 1]


def test_what_cannot_be_reached_is_refused_by_name_or_left_infinite() -> None:
    roads = Roads([0, 1], [0, 0], [0], [1], [1.0], [1.0], node_name=np.array(["here", "there"]))
    with pytest.raises(InputError, match="node here cannot be reached from node there"):
        travel.travel_table(roads, [0, 1])
    assert np.isinf(travel.travel_table(roads, [0, 1], unreachable="inf")[0, 1, 0])
    with pytest.raises(InputError, match="cannot be reached"):
        travel.path(roads, 1, 0)
    with pytest.raises(InputError, match="row out of range"):
        travel.travel_table(roads, [0, 5])


def test_the_table_on_disk_is_used_only_for_the_same_question(tmp_path: Path) -> None:
    roads = ring(1, 12, True)
    first = travel.travel_table(roads, np.arange(12))
    files = list(cache_folder("travel").glob("*.npy"))
    assert len(files) == 1
    travel._keep(files[0].stem, first + 1)
    assert np.array_equal(travel.travel_table(roads, np.arange(12)), first + 1), "read from disk"
    slower = Roads(roads.x, roads.y, roads.arc_from, roads.arc_to, roads.length_m, roads.time_min * 2)
    np.testing.assert_allclose(travel.travel_table(slower, np.arange(12)), first * 2, rtol=1e-6)
    files[0].write_bytes(files[0].read_bytes()[:100])
    assert np.array_equal(travel.travel_table(roads, np.arange(12)), first), "a cut file is computed again"
    assert not list(cache_folder("travel").glob("*.tmp"))


def test_a_cache_forgets_the_oldest_first(tmp_path: Path) -> None:
    for age, name in enumerate(("old", "middle", "new")):
        (tmp_path / name).write_bytes(b"x" * 100)
        os.utime(tmp_path / name, (1000 + age, 1000 + age))
    prune(tmp_path, 250)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["middle", "new"]
    prune(tmp_path, 1)
    assert [file.name for file in tmp_path.iterdir()] == ["new"]


def test_a_mode_that_is_a_constant_multiple_gives_what_its_own_paths_give() -> None:
    roads = ring(3, 20, True)
    halves = np.vstack([roads.time_min, roads.time_min / 2])
    two = Roads(roads.x, roads.y, roads.arc_from, roads.arc_to, roads.length_m, halves)
    table = travel.travel_table(two, np.arange(20))
    np.testing.assert_allclose(table[1], table[0] / 2, rtol=1e-6)
    uneven = two.time_min.copy()
    uneven[1, ::2] *= 3
    other = Roads(roads.x, roads.y, roads.arc_from, roads.arc_to, roads.length_m, uneven)
    alone = Roads(roads.x, roads.y, roads.arc_from, roads.arc_to, roads.length_m, uneven[1])
    assert np.array_equal(travel.travel_table(other, np.arange(20))[1], travel.travel_table(alone, np.arange(20))[0])


def test_small_graphs_are_exact_and_large_ones_state_their_error() -> None:
    exact = synthetic_city(SyntheticSpec(residents=40_000, seed=3))
    assert exact.travel_error()["max_min"] < 1e-4
    near = synthetic_city(SyntheticSpec(residents=40_000, seed=3, max_places=60))
    assert len(near.places) <= 60
    error = near.travel_error()
    assert 0 < error["mean_min"] < 1.5
    assert error["mean_min"] <= error["p95_min"] <= error["max_min"]
    assert near.node_last_mile_min[near.places].max() == 0
    assert np.array_equal(near.node_place[near.places], np.arange(len(near.places)))
    few = synthetic_city(SyntheticSpec(residents=40_000, seed=3, max_places=30)).travel_error()
    assert few["mean_min"] > error["mean_min"], "fewer places, larger error"


def test_facilities_keep_places_of_their_own() -> None:
    city = synthetic_city(SyntheticSpec(residents=40_000, seed=3, max_places=60))
    stations = city.facilities.of("ambulance")
    assert np.array_equal(city.places[city.facilities.place[stations]], city.facilities.node[stations])


def test_memory_of_a_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(travel, "CHUNK_BYTES", 2**20)
    roads = ring(5, 4000, True)
    matrix = travel.graph_matrix(roads, roads.time_min[0])
    tracemalloc.start()
    table = travel.distance_table(matrix, np.arange(0, 4000, 10), np.arange(0, 4000, 10), dtype=np.float32)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert table.shape == (400, 400)
    assert peak < 8 * 2**20, "400 full trees at once would take 13 MB"


def test_bare_city_by_metric_and_by_matrix() -> None:
    city = bare_city([(0, 0), (3000, 4000)], metric="euclid", speed_kmh=60)
    assert city.travel.shape == (1, 2, 2)
    assert city.travel[0, 0, 1] == pytest.approx(5.0)
    assert bare_city([(0, 0), (3000, 4000)], metric="manhattan", speed_kmh=60).travel[0, 1, 0] == pytest.approx(7.0)
    assert bare_city([(0, 0), (3000, 4000)], metric="none").travel.max() == 0
    given_times = bare_city(travel_min=[[0, 2], [4, 0]], grids=2)
    assert given_times.travel[0].tolist() == [[0, 2], [4, 0]]
    assert given_times.place_grid.tolist() == [0, 1]
    assert len(given_times.residents) == 0
    assert given_times.grid_first.tolist() == [0, 0, 0]
    assert bare_city().summary()["areas"] == {"city": 1, "district": 1, "street": 1, "community": 1, "grid": 1}


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"travel_min": [[0, 1]]}, "travel_min"),
        ({"travel_min": [[0, -1], [1, 0]]}, "travel_min"),
        ({"travel_min": [[0, float("nan")], [1, 0]]}, "travel_min"),
        ({"places": [(0, 0)], "travel_min": [[0, 1], [1, 0]]}, "travel_min"),
        ({"places": [(0, 0), (1, 1)], "metric": "crow"}, "metric"),
        ({"places": [(0, 0), (1, 1)], "speed_kmh": 0}, "speed_kmh"),
        ({"places": [(0, 0), (1, 1)], "grids": 5}, "grids"),
        ({"places": [(0, float("inf"))]}, "places"),
    ],
)
def test_bare_cities_that_cannot_be(arguments: dict, field: str) -> None:
    with pytest.raises(InputError) as caught:
        bare_city(**arguments)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("section", "field"),
    [
        ({}, "city"),
        ({"bare": {}, "path": "x"}, "city"),
        ({"synthetic": {"residents": 0}}, "city.synthetic.residents"),
        ({"synthetic": {"resident": 5}}, "city.synthetic.resident"),
        ({"synthetic": {"archetype_shares": {"urbane": 1}}}, "city.synthetic.archetype_shares"),
        ({"synthetic": {"density_per_km2": {"urban": 0}}}, "city.synthetic"),
        ({"read": {"format": "graphml", "folder": "x"}}, "city.read"),
        ({"read": {"format": "shapefile", "folder": "x"}}, "city.read.format"),
    ],
)
def test_a_wrong_section_names_its_field(section: dict, field: str) -> None:
    with pytest.raises(InputError) as caught:
        check_spec(section)
    assert str(caught.value.field).startswith(field)
