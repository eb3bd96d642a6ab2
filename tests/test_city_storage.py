"""Saved cities come back the same, damaged ones are refused, and exports are read by others."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from sim.city import spec as spec_module
from sim.city.admin import read_admin_tree
from sim.city.bare import bare_city
from sim.city.city import City, Demand
from sim.city.export import FILES, export_city
from sim.city.graphml import read_graphml
from sim.city.source import Incidents
from sim.city.spec import SyntheticSpec, build_city
from sim.city.synthetic import synthetic_city
from sim.errors import InputError


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> City:
    monkeypatch.setenv("GRIDWHISTLE_CACHE", str(tmp_path / "cache"))
    one = synthetic_city(SyntheticSpec(residents=8000, seed=4, name="试验市"))
    node = np.array([1, 2], np.int32)
    at = one.roads.x[node], one.roads.y[node]
    one.demand = Demand(*at, np.array([5.0, 6.0]), node, np.array([1.0, 2.0]))
    one.incidents = Incidents(*at, np.array(["theft", "fire"]), node, np.array([0.1, 0.9]), node)
    one.roads.access = np.ones(len(one.roads), bool)
    one.roads.off_road_kmh = np.array([30.0, 40.0])
    return one


def assert_same(a: object, b: object, where: str = "city") -> None:
    assert type(a) is type(b), where
    if dataclasses.is_dataclass(a):
        for field in dataclasses.fields(a):
            assert_same(getattr(a, field.name), getattr(b, field.name), f"{where}.{field.name}")
    elif isinstance(a, np.ndarray):
        assert isinstance(b, np.ndarray)
        assert a.dtype.kind == b.dtype.kind
        assert np.array_equal(a, b), where
    else:
        assert a == b, where


def test_a_saved_city_comes_back_bit_for_bit(city: City, tmp_path: Path) -> None:
    assert city.travel.shape[0] == 2
    city.save(tmp_path / "town")
    assert_same(city, City.load(tmp_path / "town"))
    city.save(tmp_path / "town")
    assert_same(city, City.load(tmp_path / "town"))
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == [], "nothing left lying about"


def test_a_bare_city_comes_back_with_its_travel(tmp_path: Path) -> None:
    bare = bare_city(travel_min=[[0, 2], [4, 0]], grids=2)
    bare.save(tmp_path / "bare")
    again = build_city({"path": "bare"}, tmp_path)
    assert again.travel.tolist() == bare.travel.tolist()
    assert_same(bare, again)


@pytest.mark.parametrize("name", ["residents.parquet", "ties_to.npy", "areas.parquet", "arcs.parquet", "city.json"])
@pytest.mark.parametrize("damage", ["cut", "changed", "missing"])
def test_damaged_files_are_refused_by_name(city: City, tmp_path: Path, name: str, damage: str) -> None:
    city.save(tmp_path / "town")
    file = tmp_path / "town" / name
    data = bytearray(file.read_bytes())
    if damage == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif damage == "missing":
        file.unlink()
    else:
        data[len(data) // 2 : len(data) // 2 + 3] = b"\x00\x01\x02"
        file.write_bytes(data)
    with pytest.raises(InputError) as caught:
        City.load(tmp_path / "town")
    assert str(caught.value.file).endswith(name)


def test_other_versions_and_other_folders_are_refused(city: City, tmp_path: Path) -> None:
    city.save(tmp_path / "town")
    manifest = tmp_path / "town" / "city.json"
    text = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps(text | {"version": 99}), encoding="utf-8")
    with pytest.raises(InputError, match="another version"):
        City.load(tmp_path / "town")
    with pytest.raises(InputError, match="not a saved city"):
        City.load(tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep me")
    with pytest.raises(InputError, match="holds something else"):
        city.save(tmp_path / "notes")
    assert (tmp_path / "notes" / "mine.txt").read_text() == "keep me"


def test_exports_are_read_back(city: City, tmp_path: Path) -> None:
    files = export_city(city, tmp_path / "out")
    assert [file.name for file in files] == list(FILES)
    roads, report = read_graphml(tmp_path / "out" / "streets.graphml")
    assert report.dropped == 0
    assert roads.modes == 2
    assert np.array_equal(roads.x, city.roads.x)
    order, back = (np.lexsort((r.length_m, r.arc_to, r.arc_from)) for r in (city.roads, roads))
    assert np.array_equal(city.roads.arc_from[order], roads.arc_from[back])
    assert np.array_equal(city.roads.length_m[order], roads.length_m[back])
    np.testing.assert_allclose(city.roads.time_min[:, order], roads.time_min[:, back], rtol=1e-6)
    areas = read_admin_tree(tmp_path / "out" / "areas.csv")
    assert np.array_equal(areas.code, city.areas.code)
    assert np.array_equal(areas.parent, city.areas.parent)
    people = [line.split(",")[-1] for line in (tmp_path / "out" / "areas.csv").read_text("utf-8").splitlines()[1:]]
    assert int(people[0]) == 8000, "the city row counts everybody"


def test_large_synthetic_cities_are_kept_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDWHISTLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(spec_module, "DISK_CACHE_RESIDENTS", 1000)
    section = {"synthetic": {"residents": 3000, "seed": 9}}
    first = build_city(section)
    spec_module._built.clear()
    second = build_city(section)
    assert second is not first
    assert_same(first, second)
    folder = next((tmp_path / "cache" / "cities").iterdir())
    (folder / "places.npy").unlink()
    spec_module._built.clear()
    assert_same(first, build_city(section), "a damaged copy is built again")
