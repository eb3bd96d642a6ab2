"""Coordinate systems: what the x and y of a file are, and where they lie on a plane in metres.

What a system is (degrees or a unit of length, which axes, how far its plane distorts) is asked of PROJ by the package
``pyproj``, without any network. Without that package the systems that need no table are still known; others are
refused. Whether the numbers of a file make a city is the business of ``sim.city.plausible``. Shifted systems that
look like another (GCJ-02) are not recognised.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.city.roads import project
from sim.errors import InputError

METRES: dict[str, float] = {"ft": 0.3048, "us-ft": 1200 / 3937, "m": 1.0, "km": 1000.0, "yd": 0.9144, "mi": 1609.344}
"""Metres in a unit."""

_LOCAL = {
    "local": 1.0, "local metres": 1.0, "local meters": 1.0, "metres": 1.0, "meters": 1.0, "metre": 1.0, "meter": 1.0,
    "m": 1.0, "local feet": 0.3048, "feet": 0.3048, "foot": 0.3048, "ft": 0.3048, "us-ft": 1200 / 3937,
    "local kilometres": 1000.0, "kilometres": 1000.0, "kilometers": 1000.0, "km": 1000.0,
}  # fmt: skip
_GEOGRAPHIC = frozenset({4326, 4258, 4269, 4283, 4490, 4148, 4167, 4180, 4230, 4267, 4612, 4617, 4674, 6668, 7844})
_UTM = re.compile(r"(326|327)(0[1-9]|[1-5]\d|60)|258(2[89]|3[0-8])|269(0[1-9]|1\d|2[0-3])")
_CODE = re.compile(
    r"(?:(?:\+init=)?epsg|urn:ogc:def:crs:epsg|https?://www\.opengis\.net/def/crs/epsg)[:/](?:[\w.]*[:/])?(\d+)"
)
_SHOWN = re.compile(r"epsg[ :_-]*(\d+)( *[-,(] *\D.*)?")
"""As programs show a code beside its name: ``EPSG:4326 - WGS 84``."""
_DEGREE = math.pi / 180
_EARTH_M = (6.3e6, 6.45e6)
_MOST_DISTORTED = 0.01
"""Share by which a plane may stretch lengths before they are measured on the earth instead."""


@dataclass(frozen=True)
class Frame:
    """What coordinates are.

    Parameters
    ----------
    said
        How it is named in notes.
    degrees
        True when x and y are degrees east and north as they stand.
    unit_m
        Metres in a unit, when they are lengths.
    system
        The horizontal system of pyproj, when its way to the earth is known and may matter.
    """

    said: str
    degrees: bool = False
    unit_m: float = 1.0
    system: Any = None


@dataclass(eq=False)
class Placed:
    """Where nodes lie: metres, degrees (or None), and what is to be told."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    lon: NDArray[np.float64] | None
    lat: NDArray[np.float64] | None
    notes: list[str]


def frame_of(text: Any, file: str | Path) -> Frame:
    """Return what a coordinate system is.

    Parameters
    ----------
    text
        A code (``EPSG:2263``, a URN, an address), WKT, PROJJSON, a PROJ string, or ``local metres`` (also feet,
        kilometres).
    file
        Named in errors.

    Raises
    ------
    InputError
        For what is no coordinate system, one of heights or of the centre of the earth, one not of the earth, and one
        that needs pyproj where it is not installed.
    """
    name = " ".join(str(text).split())
    if name.lower() in _LOCAL:
        unit = _LOCAL[name.lower()]
        return Frame(f"{name}, lying nowhere on earth", False, unit)
    try:
        import pyproj
    except ImportError:
        return _by_rule(name, file)
    pyproj.network.set_network_enabled(False)
    try:
        with warnings.catch_warnings():  # of the old way to write a code; it is understood all the same
            warnings.simplefilter("ignore", FutureWarning)
            system = pyproj.CRS.from_user_input(_modern(name))
    except pyproj.exceptions.CRSError:
        raise _unknown(name, file) from None
    return _of_system(system, name, file)


def _modern(name: str) -> str:
    """Return old or short spellings of a code as PROJ knows them."""
    if name.startswith("{") and ("init" in name or "proj'" in name):
        try:
            parts = dict(ast.literal_eval(name))
        except (ValueError, SyntaxError, TypeError):
            return name
        name = str(parts.get("init") or " ".join(f"+{k}" if v is True else f"+{k}={v}" for k, v in parts.items()))
    match = _CODE.fullmatch(name.lower()) or _SHOWN.fullmatch(name.lower())
    if match or name.isdigit():
        return f"EPSG:{match[1] if match else name}"
    return "OGC:CRS84" if name.upper() in ("CRS84", "CRS:84") else name


def _unknown(name: str, file: str | Path) -> InputError:
    return InputError(
        "the coordinate system is not known", file=file, field="crs", found=name[:80],
        allowed="a code such as EPSG:4326, WKT, a PROJ string, or local metres",
    )  # fmt: skip


def _of_system(system: Any, name: str, file: str | Path) -> Frame:
    while system.is_bound:
        system = system.source_crs
    if system.is_compound:  # heights beside the plane do not matter
        return _of_system(system.sub_crs_list[0], name, file)
    said = name if len(name) <= 24 else "given in full"
    said = said if system.name in (said, "unknown") else f"{said} ({system.name})"
    axes = system.axis_info
    flat = system.is_geographic or system.is_projected or system.is_engineering
    if len(axes) < 2 or system.is_geocentric or not flat:
        raise InputError(
            "the coordinate system has no x and y on a map", file=file, field="crs",
            found=f"{said}: {system.type_name}", allowed="a geographic, projected or local system",
        )  # fmt: skip
    unit = float(axes[0].unit_conversion_factor)
    if system.is_engineering:
        return Frame(said, False, unit) if "degree" not in axes[0].unit_name else Frame(said, True)
    if not _EARTH_M[0] < system.ellipsoid.semi_major_metre < _EARTH_M[1]:
        raise InputError("the coordinate system is not of the earth", file=file, field="crs", found=said)
    if system.is_geographic:
        plain = abs(unit - _DEGREE) < 1e-12 and system.prime_meridian.longitude == 0 and not system.is_derived
        plain &= {axis.direction for axis in axes[:2]} == {"north", "east"}
        return Frame(said, True, system=None if plain else system)
    return Frame(said, False, unit, system)


def _by_rule(name: str, file: str | Path) -> Frame:
    """Return what a system is without asking PROJ: common degrees, and metres of zones whose scale is nearly 1."""
    short, words = _modern(name), set(name.lower().split())
    code = int(short[5:]) if short.startswith("EPSG:") and short[5:].isdigit() else 0
    if code in _GEOGRAPHIC or short == "OGC:CRS84":
        return Frame(name, True)
    if code and _UTM.fullmatch(str(code)):
        return Frame(name)
    if "+proj=longlat" in words and not any(word.startswith(("+pm", "+to_meter", "+units")) for word in words):
        return Frame(name, True)
    metres = "+units=m" in words and not any(word.startswith(("+to_meter", "+axis")) for word in words)
    if metres and words & {"+proj=utm", "+proj=tmerc"}:
        return Frame(name)
    raise InputError(
        "this coordinate system needs the package pyproj", file=file, field="crs", found=name[:80],
        allowed="pip install 'gridwhistle[crs]', or degrees (EPSG:4326), or metres of a UTM zone",
    )  # fmt: skip


def undeclared(x: NDArray[np.float64], y: NDArray[np.float64]) -> Frame:
    """Return what coordinates without a system are taken for: degrees where all could be, else metres."""
    if (np.abs(x) <= 180).all() and (np.abs(y) <= 90).all():
        return Frame("degrees (no coordinate system named)", True)
    return Frame("metres (no coordinate system named)")


def placed(frame: Frame, x: NDArray[np.float64], y: NDArray[np.float64], file: str | Path) -> Placed:
    """Return where coordinates lie on a plane in metres.

    Degrees are laid about their mean by :func:`sim.city.roads.project`. Lengths keep their own plane, unless it
    stretches them by more than a hundredth at the middle of the city or is turned: then they go by the degrees.

    Raises
    ------
    InputError
        When coordinates do not fit the system.
    """
    if frame.system is None:
        return _about_mean(x, y, []) if frame.degrees else Placed(x * frame.unit_m, y * frame.unit_m, None, None, [])
    import pyproj

    to_degrees = pyproj.Transformer.from_crs(frame.system, "OGC:CRS84", always_xy=True)
    middle = np.array([np.median(x), np.median(y)])
    step = 1e-3 if frame.degrees else 100 / frame.unit_m
    near = [to_degrees.transform(*(middle + np.array(off) * step)) for off in ((0, 0), (1, 0), (0, 1))]
    if not np.isfinite(near).all():
        raise _unfit(f"{middle[0]:.10g}, {middle[1]:.10g} in {frame.said}", file)
    notes = _outside(frame, near[0])
    if not frame.degrees:
        stretch, turned = _stretch(near, step * frame.unit_m)
        if max(abs(k - 1) for k in stretch) <= _MOST_DISTORTED and not turned:
            return Placed(x * frame.unit_m, y * frame.unit_m, None, None, notes)
        if not turned:
            notes.append(f"{frame.said} stretches lengths here by {stretch[0]:.4g}: measured on the earth instead")
    lon, lat = to_degrees.transform(x, y)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise _unfit(frame.said, file)
    return _about_mean(np.asarray(lon), np.asarray(lat), notes)


@dataclass(eq=False)
class Degrees:
    """Points on the earth.

    Attributes
    ----------
    lon, lat
        float64[n].
    plain
        True where x and y are degrees as they stand.
    cell_m2
        Otherwise the area of a cell at the middle of the points.
    notes
        What is to be told.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    plain: bool
    cell_m2: float | None
    notes: list[str]


def degrees_of(
    text: str, x: NDArray[np.float64], y: NDArray[np.float64], cell: tuple[float, float], file: str | Path
) -> Degrees:
    """Return where points of a grid lie on the earth.

    Parameters
    ----------
    text
        The coordinate system.
    x, y
        float64[n], in its unit.
    cell
        Width and height of a cell in its unit.

    Raises
    ------
    InputError
        For an unknown system, one that lies nowhere on the earth, and points that do not fit it.
    """
    frame = frame_of(text, file)
    if frame.system is None and frame.degrees:
        return Degrees(x, y, True, None, [])
    if frame.system is None:
        raise InputError(
            "where this coordinate system lies on the earth is not known", file=file, field="crs", found=frame.said,
            allowed="degrees (EPSG:4326), or a system that PROJ knows: pip install 'gridwhistle[crs]'",
        )  # fmt: skip
    import pyproj

    to_degrees = pyproj.Transformer.from_crs(frame.system, "OGC:CRS84", always_xy=True)
    lon, lat = to_degrees.transform(x, y)
    middle, half = (np.median(x), np.median(y)), (cell[0] / 2, cell[1] / 2)
    corners = to_degrees.transform(
        middle[0] + half[0] * np.array([-1, 1, 1, -1]), middle[1] + half[1] * np.array([-1, -1, 1, 1])
    )
    if not (np.isfinite(lon).all() and np.isfinite(lat).all() and np.isfinite(corners).all()):
        raise _unfit(f"{middle[0]:.10g}, {middle[1]:.10g} in {frame.said}", file)
    area_m2 = abs(pyproj.Geod(ellps="WGS84").polygon_area_perimeter(*corners)[0])
    notes = _outside(frame, (float(np.median(lon)), float(np.median(lat))))
    return Degrees(np.asarray(lon), np.asarray(lat), False, area_m2, notes)


def _unfit(found: str, file: str | Path) -> InputError:
    return InputError(
        "coordinates do not fit the coordinate system", file=file, field="crs", found=found,
        allowed="x east and y north in its unit",
    )  # fmt: skip


def _about_mean(lon: NDArray, lat: NDArray, notes: list[str]) -> Placed:
    across = np.where(lon < 0, lon + 360, lon) if np.ptp(lon) > 180 else lon  # a city on the 180th meridian
    x, y = project(across, lat, float(across.mean()), float(lat.mean()))
    return Placed(x, y, lon, lat, notes)


def _stretch(near: list[tuple[float, float]], step_m: float) -> tuple[tuple[float, float], bool]:
    """Return how much longer the plane is than the earth, east and north, and whether its axes are turned."""
    import pyproj

    (lon, lat), east, north = near
    earth = pyproj.Geod(ellps="WGS84")
    (to_east, _, east_m), (to_north, _, north_m) = (earth.inv(lon, lat, *end) for end in (east, north))
    turned = abs((to_east - 90 + 180) % 360 - 180) > 45 or abs((to_north + 180) % 360 - 180) > 45
    return (step_m / max(east_m, 1e-9), step_m / max(north_m, 1e-9)), turned


def _outside(frame: Frame, at: tuple[float, float]) -> list[str]:
    area, (lon, lat) = frame.system.area_of_use, at
    if area is None or area.west > area.east:
        return []
    away = max(area.west - lon, lon - area.east, area.south - lat, lat - area.north)
    where = f"{area.west:g} to {area.east:g} east, {area.south:g} to {area.north:g} north"
    if away <= 3:
        return []
    return [f"the coordinates lie at {lon:.3f} east, {lat:.3f} north, outside of where {frame.said} is used ({where})"]
