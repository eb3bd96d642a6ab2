"""The population raster: which coordinate system it names, where its cells then lie, and what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from test_city_readers import jemss

from sim.city.jemss import read_jemss
from sim.city.raster import read_raster
from sim.errors import InputError

VALUES = np.array([[0.0, 3.0], [1.0, 0.0]])
LON, LAT = [10.011, 10.001], [50.0, 49.99]
"""Centres of the two cells above 0 of the raster of `jemss`."""


def raster(path: Path, left: float, top: float, cell: tuple[float, float], keys: list[int], text: str = "") -> Path:
    """Write `VALUES` with a georeference and geo keys."""
    extra: list[Any] = [(33550, "d", 3, (*cell, 0.0), True), (33922, "d", 6, (0, 0, 0, left, top, 0), True)]
    if keys:
        extra.append((34735, "H", len(keys) + 4, (1, 1, 0, len(keys) // 4, *keys), True))
    if text:
        extra.append((34737, "s", 0, text, True))
    tifffile.imwrite(path, VALUES, extratags=extra)
    return path


def plane(code: int) -> list[int]:
    return [1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, code]


def degrees(code: int) -> list[int]:
    return [1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, code]


@pytest.mark.parametrize("keys", [[], degrees(4326), degrees(4490), [1024, 0, 1, 2, 2048, 0, 1, 32767]])
def test_degrees_are_taken_as_they_stand(tmp_path: Path, keys: list[int]) -> None:
    found = read_raster(raster(tmp_path / "r.tif", 9.996, 50.005, (0.01, 0.01), keys))
    assert found.lon == pytest.approx(LON) and found.lat == pytest.approx(LAT) and found.cell_degrees == (0.01, 0.01)
    assert ["names no coordinate system" in note for note in found.notes] == [True] * (not keys)


@pytest.mark.parametrize("how", ["code", "text"])
@pytest.mark.parametrize("code", [32632, 3857, 25832])
def test_a_plane_is_laid_on_the_earth(tmp_path: Path, code: int, how: str) -> None:
    pyproj = pytest.importorskip("pyproj")
    x, y = pyproj.Transformer.from_crs("EPSG:4326", f"EPSG:{code}", always_xy=True).transform(10.0, 50.0)
    wkt = "ESRI PE String = " + pyproj.CRS(code).to_wkt("WKT1_ESRI") + "|"
    keys = plane(code) if how == "code" else [*plane(32767), 3073, 34737, len(wkt), 0]
    found = read_raster(raster(tmp_path / "r.tif", x, y, (500.0, 500.0), keys, "" if how == "code" else wkt))
    back = pyproj.Transformer.from_crs(f"EPSG:{code}", "EPSG:4326", always_xy=True)
    lon, lat = back.transform([x + 750, x + 250], [y - 250, y - 750])
    assert found.lon == pytest.approx(lon) and found.lat == pytest.approx(lat) and found.cell_degrees is None
    # Web Mercator stretches lengths by 1.556 at 50 degrees north: a cell of 500 is 321 m wide
    assert found.cell_m2 == pytest.approx(500**2 / (1.5558**2 if code == 3857 else 1.0), rel=6e-3)


def test_homes_lie_where_the_raster_of_another_system_has_them(tmp_path: Path) -> None:
    pyproj = pytest.importorskip("pyproj")
    folder = jemss(tmp_path)
    straight = read_jemss(folder, raster_unit="per_cell").surface
    x, y = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32632", always_xy=True).transform(LON, LAT)
    cell = (x[0] - x[1], y[0] - y[1])
    raster(folder / "people.tif", x[1] - cell[0] / 2, y[0] + cell[1] / 2, cell, plane(32632))
    laid = read_jemss(folder, raster_unit="per_cell").surface
    assert straight is not None and laid is not None
    for before, after in zip(straight, laid, strict=True):
        assert after == pytest.approx(before, abs=0.5)


@pytest.mark.parametrize(
    ("keys", "text", "at", "said"),
    [
        ([], "", (565_000.0, 5_538_000.0), "names no coordinate system, and its coordinates are no degrees"),
        (degrees(4326), "", (565_000.0, 5_538_000.0), "coordinates are no degrees"),
        (plane(32767), "", (565_000.0, 5_538_000.0), "named by no code"),
        ([*plane(32767), 3073, 34737, 9, 0], "Our grid|", (565_000.0, 5_538_000.0), "found 'Our grid'"),
        ([1024, 0, 1, 3, 2048, 0, 1, 4978], "", (10.0, 50.0), "named by no code"),
        (plane(9999), "", (565_000.0, 5_538_000.0), "coordinate system"),
        (plane(32632), "", (1e12, 50.0), "do not fit the coordinate system"),
        ([1024, 0, 1, 2, 2048, 0, 1, 32767, 2054, 0, 1, 9101], "", (0.17, 0.87), "named by no code"),
    ],
)
def test_what_is_no_degrees_or_no_known_system_is_refused(
    tmp_path: Path, keys: list[int], text: str, at: tuple[float, float], said: str
) -> None:
    folder = jemss(tmp_path)
    raster(folder / "people.tif", *at, (100.0, 100.0), keys, text)
    with pytest.raises(InputError) as caught:
        read_jemss(folder)
    assert said in caught.value.sentence() and "people.tif" in caught.value.sentence()


def test_degrees_elsewhere_than_the_roads_are_refused(tmp_path: Path) -> None:
    from sim.city.readers import read_city
    from sim.city.spec import ReadSpec

    folder = jemss(tmp_path)
    raster(folder / "people.tif", 50.005, 9.996, (0.01, 0.01), degrees(4326))  # x and y exchanged
    with pytest.raises(InputError, match="lie elsewhere"):
        read_city(ReadSpec(format="jemss", folder=str(folder), residents=4, raster_unit="per_cell"))
