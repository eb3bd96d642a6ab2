"""Synthetic cities: the same from the same seed, whole at every size, and like what was asked for."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.city.admin import read_admin_tree
from sim.city.city import City
from sim.city.facilities import KINDS
from sim.city.parameters import number, stream
from sim.city.population import largest_remainder
from sim.city.spec import SyntheticSpec, build_city
from sim.city.synthetic import synthetic_city
from sim.city.ties import HOUSEHOLD, LONG, NEIGHBOUR, clustering

SHARED = Path(os.environ.get("GRIDWHISTLE_SHARED", Path(__file__).parents[2] / "shared"))
RESIDENTS = 60_000


@pytest.fixture(scope="module")
def city() -> City:
    return synthetic_city(SyntheticSpec(residents=RESIDENTS, seed=11))


def same(a: City, b: City) -> bool:
    arrays = [(a.residents, b.residents), (a.ties.to, b.ties.to), (a.ties.first, b.ties.first), (a.places, b.places)]
    arrays += [(getattr(a.roads, n), getattr(b.roads, n)) for n in ("x", "y", "arc_from", "arc_to", "time_min")]
    arrays += [(getattr(a.areas, n), getattr(b.areas, n)) for n in ("code", "parent", "archetype", "x")]
    arrays += [(getattr(a.facilities, n), getattr(b.facilities, n)) for n in ("kind", "node", "area", "capacity")]
    return all(np.array_equal(x, y) for x, y in arrays)


def test_the_same_seed_gives_the_same_city_and_another_another(city: City) -> None:
    assert same(city, synthetic_city(SyntheticSpec(residents=RESIDENTS, seed=11)))
    assert not same(city, synthetic_city(SyntheticSpec(residents=RESIDENTS, seed=12)))


def test_streams_depend_on_seed_and_stage_alone() -> None:
    assert stream(1, "a").random() == stream(1, "a").random()
    assert len({stream(1, "a").random(), stream(1, "b").random(), stream(2, "a").random()}) == 3


def test_more_stations_move_no_home(city: City) -> None:
    other = synthetic_city(SyntheticSpec(residents=RESIDENTS, seed=11, facilities={"police": 9, "ambulance": 0}))
    assert len(other.facilities.of("police")) == 9
    assert len(other.facilities.of("ambulance")) == 0
    for name in ("node", "household", "trust", "age_band"):
        assert np.array_equal(city.residents[name], other.residents[name])
    assert np.array_equal(city.ties.to, other.ties.to)


def test_residents_are_whole_and_sorted_by_grid(city: City) -> None:
    r = city.residents
    assert len(r) == RESIDENTS
    assert r.dtype.isalignedstruct
    assert (np.diff(r["grid"]) >= 0).all()
    assert city.grid_first[-1] == RESIDENTS
    assert len(city.grid_first) == len(city.areas.grids) + 1
    assert np.array_equal(np.repeat(np.arange(len(city.areas.grids)), np.diff(city.grid_first)), r["grid"])
    assert np.array_equal(city.node_grid[r["node"]], r["grid"]), "a home lies in its grid"
    assert np.array_equal(city.node_place[r["node"]], r["place"])
    for name in ("trust", "satisfaction", "digital", "vulnerability", "standing"):
        assert (r[name] >= 0).all()
        assert (r[name] <= 1).all()
    assert set(np.unique(r["age_band"])) <= set(range(5))


def test_a_household_has_one_home_and_an_adult(city: City) -> None:
    r = city.residents
    heads = np.flatnonzero(np.diff(r["household"], prepend=-1))
    assert np.array_equal(r["household"][heads], np.arange(len(heads)))
    assert np.array_equal(r["node"], r["node"][heads][r["household"]])
    assert (r["age_band"][heads] > 0).all()
    size = np.bincount(r["household"])
    # 1 + Poisson(mean - 1): the mean of n households within 4 standard errors
    assert abs(size.mean() - number("household_size_mean")) < 4 * np.sqrt(1.67 / len(size)) + 0.02


def test_shares_of_ages_and_traits_are_those_of_the_register() -> None:
    spec = SyntheticSpec(residents=RESIDENTS, seed=5, archetype_shares={"urban": 1})
    r = synthetic_city(spec).residents
    for band, name in enumerate(("0_14", "15_34", "35_59", "60_74", "75_plus")):
        share = number(f"age_share_{name}")
        z = ((r["age_band"] == band).mean() - share) / np.sqrt(share * (1 - share) / len(r))
        assert abs(z) < 4.5, name
    sd = r["trust"].std()
    assert abs(r["trust"].mean() - number("trust_mean")) < 4.5 * sd / np.sqrt(len(r))
    assert (r["grievance"] == 0).all()
    assert r["digital"][r["age_band"] == 1].mean() > r["digital"][r["age_band"] == 4].mean() + 0.3


def test_grids_have_about_the_people_asked_for(city: City) -> None:
    size = np.diff(city.grid_first)
    assert 700 < size.mean() < 900
    assert size.min() > 0
    spec = SyntheticSpec(residents=RESIDENTS, seed=11, people_per_grid=400)
    assert np.diff(synthetic_city(spec).grid_first).mean() == pytest.approx(400, rel=0.12)


def test_grids_are_contiguous_rectangles_of_nodes(city: City) -> None:
    for grid in range(0, len(city.areas.grids), 7):
        mine = city.node_grid == grid
        x, y = city.roads.x, city.roads.y
        box = (x >= x[mine].min()) & (x <= x[mine].max()) & (y >= y[mine].min()) & (y <= y[mine].max())
        assert np.array_equal(box, mine), "no node of another grid inside the grid's box"


def test_every_kind_of_facility_is_there_and_offices_serve_each_area(city: City) -> None:
    kinds = set(city.facilities.kind.tolist())
    assert kinds == set(KINDS)
    offices = city.facilities.of("community_office")
    assert sorted(city.facilities.area[offices]) == city.areas.rows(1).tolist()
    home = city.areas.ancestor(city.areas.grids[city.node_grid[city.facilities.node[offices]]], 1)
    assert np.array_equal(home, city.facilities.area[offices]), "an office stands in its community"
    assert (city.facilities.capacity > 0).all()


def test_streets_are_one_network_with_two_modes(city: City) -> None:
    roads = city.roads
    assert roads.components().max() == 0
    assert roads.modes == 2
    assert (roads.time_min[1] < roads.time_min[0]).all()
    kmh = roads.length_m / roads.time_min[0] * 0.06
    assert set(np.round(np.unique(np.round(kmh, 3)))) <= {18.0, 25.0, 35.0, 40.0}
    assert 2.0 < roads.arcs / len(roads) < 5.0
    assert roads.highway is not None
    assert 0.02 < (roads.highway == "secondary").mean() < 0.5


def test_density_follows_the_archetype() -> None:
    town = synthetic_city(SyntheticSpec(residents=20_000, seed=2, archetype_shares={"urban": 1}))
    village = synthetic_city(SyntheticSpec(residents=20_000, seed=2, archetype_shares={"rural": 1}))
    for one, density in ((town, 10_000), (village, 600)):
        extent = np.ptp(one.roads.x) * np.ptp(one.roads.y) * np.pi / 4 / 1e6
        assert 20_000 / extent == pytest.approx(density, rel=0.45)
    assert set(village.areas.archetype[village.areas.grids]) == {2}
    assert village.travel.mean() > 2 * town.travel.mean()


def test_ties_are_mutual_and_of_the_size_and_clustering_asked_for(city: City) -> None:
    ties, n = city.ties, len(city.residents)
    ends = np.repeat(np.arange(n), np.diff(ties.first))
    forth, back = ends * np.int64(n) + ties.to, ties.to * np.int64(n) + ends
    assert np.array_equal(np.sort(back), forth), "every tie stands at both ends, once"
    assert (ends != ties.to).all()
    assert ties.mean_degree(NEIGHBOUR) == pytest.approx(number("neighbour_ties_mean"), rel=0.03)
    assert ties.mean_degree(LONG) == pytest.approx(number("long_ties_mean"), rel=0.02)
    same_home = city.residents["household"][ends] == city.residents["household"][ties.to]
    assert np.array_equal(same_home, ties.kind == HOUSEHOLD)
    near = ties.kind == NEIGHBOUR
    assert (city.residents["grid"][ends[near]] == city.residents["grid"][ties.to[near]]).all()
    kind = city.areas.archetype[city.areas.grids][city.residents["grid"]]
    draw = np.random.default_rng(0)
    dense = clustering(ties, draw.choice(np.flatnonzero(kind == 0), 800, replace=False))
    old = clustering(ties, draw.choice(np.flatnonzero(kind > 0), 800, replace=False))
    assert dense == pytest.approx(number("ties_clustering_dense"), abs=0.04)
    assert old == pytest.approx(number("ties_clustering_old"), abs=0.04)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.integers(0, 10_000))
def test_shared_out_numbers_add_up_and_are_off_by_less_than_one(weights: list[float], total: int) -> None:
    out = largest_remainder(np.array(weights), total)
    assert out.sum() == total
    mass = np.array(weights) if sum(weights) > 0 else np.ones(len(weights))
    assert (np.abs(out - mass / mass.sum() * total) < 1 + 1e-6).all()


@given(st.integers(1, 3000), st.integers(0, 1000), st.sampled_from(["urban", "compound", "rural", "pastoral"]))
@settings(max_examples=20, deadline=None)
def test_any_small_city_is_whole(residents: int, seed: int, kind: str) -> None:
    one = synthetic_city(SyntheticSpec(residents=residents, seed=seed, archetype_shares={kind: 1}))
    assert len(one.residents) == residents
    assert one.roads.components().max() == 0
    one.areas.validate()
    one.roads.validate()
    assert one.facilities.place.min() >= 0


def test_hangzhou_over_a_synthetic_network_gives_every_community_people() -> None:
    file = SHARED / "data" / "admin_hangzhou" / "areas.csv"
    if not file.exists():
        pytest.skip(f"the tree of Hangzhou is not at {file}")
    spec = SyntheticSpec(residents=1_000_000, seed=1, name="杭州", communities_per_street=1)
    one = synthetic_city(spec, read_admin_tree(file))
    level = one.areas.level
    assert [int((level == k).sum()) for k in (4, 3, 2, 1)] == [1, 13, 196, 3320]
    above = one.areas.ancestor(one.areas.grids, 1)
    people = np.bincount(above, np.diff(one.grid_first), len(one.areas))[one.areas.rows(1)]
    assert people.min() > 0
    assert one.areas.name[one.areas.grids[0]].endswith("grid 1")
    assert one.areas.name_zh[one.areas.grids[0]].endswith("第1网格")


def test_built_cities_are_shared_within_a_process_and_kept_read_only(tmp_path: Path) -> None:
    section = {"synthetic": {"residents": 5000, "seed": 3}}
    one = build_city(section, tmp_path)
    assert build_city(section, tmp_path) is one
    with pytest.raises(ValueError, match="read-only"):
        one.residents["trust"][0] = 1


@pytest.mark.slow
def test_a_million_residents_with_ties_within_a_minute() -> None:
    start = time.perf_counter()
    one = synthetic_city(SyntheticSpec(residents=1_000_000, seed=1))
    took_s = time.perf_counter() - start
    print(f"a million residents in {took_s:.1f} s")
    assert len(one.residents) == 1_000_000
    assert took_s < 60
