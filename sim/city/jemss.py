"""Reading a folder of the JEMSS ambulance model: nodes, arcs, stations, hospitals, fleet, travel modes, raster.

Tables are found by their names wherever in the folder (or in its zip files) they lie, because cities name and nest
files differently. Times are in days, distances in kilometres, coordinates in degrees. Calls and simulation settings
are not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.city.plausible import check_extent, check_lengths, check_times
from sim.city.raster import read_raster
from sim.city.roads import Roads, project
from sim.city.source import Source, Spots
from sim.city.stations import amounts
from sim.city.tables import ReadReport, Table, read_tables, read_text, shown, zip_members
from sim.errors import InputError

MIN_PER_DAY = 1440.0

_WANTED: tuple[str, ...] = (
    "nodes", "arcs", "stations", "hospitals", "ambulances", "map", "travelModes", "travelSets", "demandRasters",
    "demandRasterCellNumPoints",
)  # fmt: skip
_HEAD = 4096


@dataclass
class _Folder:
    """Tables of a folder by name, and where its rasters lie."""

    path: Path
    tables: dict[str, Table]
    companions: dict[str, Table]
    rasters: list[tuple[Path, str | None]]

    def need(self, name: str, columns: tuple[str, ...]) -> Table:
        if name not in self.tables:
            raise InputError(
                "a table is missing", file=self.path, field=name, found=", ".join(sorted(self.tables)) or "no tables",
                allowed=f"a CSV file with a table '{name}'",
            )  # fmt: skip
        self.tables[name].require(columns)
        return self.tables[name]


@dataclass
class _Frame:
    """From degrees to metres, as the model's map table has it."""

    lon0: float
    lat0: float
    east_m: float | None
    north_m: float | None

    def metres(self, lon: NDArray, lat: NDArray) -> tuple[NDArray, NDArray]:
        if self.east_m is None or self.north_m is None:
            return project(lon, lat, self.lon0, self.lat0)
        return (np.asarray(lon) - self.lon0) * self.east_m, (np.asarray(lat) - self.lat0) * self.north_m

    def cell_m2(self, width: float, height: float) -> float:
        x, y = self.metres(np.array([self.lon0 + width]), np.array([self.lat0 + height]))
        return abs(float(x[0] * y[0]))


def read_jemss(folder: Path, on_bad_rows: str = "refuse", raster_unit: str = "per_m2") -> Source:
    """Read a JEMSS city.

    Parameters
    ----------
    folder
        Folder with the CSV files (and zips) of one city model.
    on_bad_rows
        "refuse" or "drop" rows that cannot be used.
    raster_unit
        What the population raster counts: "per_m2", "per_km2" or "per_cell"; the format does not say.

    Returns
    -------
    Source
        Mode 0 is the mode of the lowest priority, mode 1 that of the highest; stations are of kind "ambulance" with
        ``units`` the ambulances based there.

    Raises
    ------
    InputError
        On missing tables, damaged files, and rows that are refused; with file, line, field, found, allowed.
    """
    report = ReadReport(on_bad_rows)
    found = _scan(folder, report)
    nodes = found.need("nodes", ("index", "x", "y"))
    lon, lat, index, keep = _nodes(nodes, report)
    frame = _frame(found, lon, lat)
    x, y = frame.metres(lon, lat)
    access = None
    if "offRoadAccess" in nodes.columns:
        words = nodes.text("offRoadAccess")[keep]
        access = np.char.lower(words) == "true"
        access |= np.nan_to_num(np.array([_value(w) for w in words])) > 0
    ordinary, lights = _modes(found, report)
    tail, head, length_m, times = _arcs(found, index, x, y, (ordinary[0], lights[0]), report)
    speeds = np.array([ordinary[1], lights[1]])[: times.shape[0]] / 24
    roads = Roads(
        x, y, tail, head, length_m, times, lon, lat, np.array([str(int(i)) for i in index]), None, access,
        speeds if np.isfinite(speeds).all() else None,
    )  # fmt: skip
    roads, kept = roads.connected(on_bad_rows, nodes.file)
    if not kept.all():
        report.notes.append(f"{(~kept).sum()} nodes outside the largest connected part dropped")
    if roads.access is not None and not roads.access.any():
        raise InputError("no node may be joined", file=nodes.file, field="offRoadAccess", found="all 0")
    roads.validate(nodes.file)
    provenance = {"roads": "read: real network", "facilities": "read: stations and hospitals"}
    return Source(
        folder.name, roads, report, _spots(found, frame, report), _surface(found, frame, raster_unit, report), None,
        f"local metres about {frame.lon0:.5f}, {frame.lat0:.5f} degrees", provenance,
    )  # fmt: skip


def _scan(folder: Path, report: ReadReport) -> _Folder:
    if not folder.is_dir():
        raise InputError("no such folder", file=folder, allowed="a folder that exists")
    found = _Folder(folder, {}, {}, [])
    members: list[tuple[Path, str | None]]
    for file in sorted(folder.rglob("*")):
        if file.suffix == ".zip":
            members = [(file, member) for member in zip_members(file)]
        elif file.is_file():
            members = [(file, None)]
        else:
            continue
        for path, member in members:
            suffix = Path(member or path.name).suffix.lower()
            if suffix in (".tif", ".tiff"):
                found.rasters.append((path, member))
            elif suffix == ".csv":
                _take(found, path, member, report)
    return found


def _take(found: _Folder, path: Path, member: str | None, report: ReadReport) -> None:
    text = read_text(path, member)
    titles = {line.split(",", 1)[0].strip().strip('"') for line in text[:_HEAD].splitlines()}
    if not titles & set(_WANTED):
        return
    tables = read_tables(text, shown(path, member), report)
    for name, table in tables.items():
        if name not in _WANTED:
            continue
        if name in found.tables:
            report.notes.append(f"table '{name}' of {table.file} ignored: already read from {found.tables[name].file}")
            continue
        found.tables[name] = table
        if name == "arcs" and "miscData" in tables:
            found.companions["arcs"] = tables["miscData"]


def _nodes(table: Table, report: ReadReport) -> tuple[NDArray, NDArray, NDArray, NDArray[np.bool_]]:
    index, lon, lat = (table.numbers(name) for name in ("index", "x", "y"))
    good = table.usable(report, "index", np.isfinite(index), "node without a number", "a whole number")
    fine = np.isfinite(lon) & (np.abs(lon) <= 180)
    good &= table.usable(report, "x", fine, "node has a coordinate that cannot be", "degrees, -180 to 180")
    fine = np.isfinite(lat) & (np.abs(lat) <= 90)
    good &= table.usable(report, "y", fine, "node has a coordinate that cannot be", "degrees, -90 to 90")
    first = np.zeros(len(index), bool)
    first[np.unique(index, return_index=True)[1]] = True
    good &= table.usable(report, "index", first | ~np.isfinite(index), "duplicate node", "each number once")
    if not good.any():
        raise InputError("no node can be used", file=table.file, allowed="at least one node")
    return lon[good], lat[good], index[good], good


def _frame(found: _Folder, lon: NDArray, lat: NDArray) -> _Frame:
    lon0, lat0 = float(lon.mean()), float(lat.mean())
    if "map" not in found.tables:
        return _Frame(lon0, lat0, None, None)
    table = found.need("map", ("xScale", "yScale"))
    scales = [table.numbers(name) for name in ("xScale", "yScale")]
    for name, values in zip(("xScale", "yScale"), scales, strict=True):
        if not len(values) or not np.isfinite(values[0]) or values[0] <= 0:
            raise InputError(
                "scale of the map cannot be", file=table.file, line=table.header_line + 1, field=name,
                found=table.columns[name][0] if len(values) else "nothing", allowed="km per degree, above 0",
            )  # fmt: skip
    return _Frame(lon0, lat0, float(scales[0][0]) * 1000, float(scales[1][0]) * 1000)


def _modes(found: _Folder, report: ReadReport) -> tuple[tuple[int, float], tuple[int, float]]:
    """Return (mode number, off-road km per day) of ordinary travel and of lights and sirens."""
    if "travelModes" not in found.tables:
        return (1, np.nan), (1, np.nan)
    modes = found.need("travelModes", ("travelModeIndex", "offRoadSpeed"))
    speed = dict(zip(modes.numbers("travelModeIndex"), modes.numbers("offRoadSpeed"), strict=True))
    bad = [k for k, v in speed.items() if not (np.isfinite(v) and v > 0)]
    if bad or not speed:
        raise InputError(
            "off-road speed cannot be", file=modes.file, line=modes.header_line + 1, field="offRoadSpeed",
            found=speed.get(bad[0]) if bad else "no modes", allowed="km per day, above 0",
        )  # fmt: skip
    if "travelSets" not in found.tables:
        order = sorted(speed, key=lambda k: speed[k])
        return (int(order[0]), speed[order[0]]), (int(order[-1]), speed[order[-1]])
    sets = found.need("travelSets", ("travelSetIndex", "priority", "travelModeIndex"))
    set_index = sets.numbers("travelSetIndex")
    if not len(set_index):
        raise InputError(
            "no travel set", file=sets.file, line=sets.header_line, field="travelSetIndex", allowed="at least one row"
        )
    first = set_index == set_index[0]
    if not first.all():
        report.notes.append("travel sets of other times of day ignored: the first is used throughout")
    mode_of = dict(zip(sets.text("priority")[first].tolist(), sets.numbers("travelModeIndex")[first], strict=True))
    high = mode_of.get("highPriority", max(speed, key=lambda k: speed[k]))
    low = mode_of.get("lowPriority", min(speed, key=lambda k: speed[k]))
    for mode in (high, low):
        if mode not in speed:
            raise InputError(
                "travel set names a missing mode", file=sets.file, line=int(sets.lines[0]), field="travelModeIndex",
                found=mode, allowed=sorted(speed),
            )  # fmt: skip
    return (int(low), speed[low]), (int(high), speed[high])


def _arcs(
    found: _Folder, index: NDArray, x: NDArray, y: NDArray, modes: tuple[int, int], report: ReadReport
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    wanted = list(dict.fromkeys(modes))
    table = found.need("arcs", ("fromNode", "toNode", *(f"mode_{mode}" for mode in wanted)))
    order = np.argsort(index)
    ends, good = [], np.ones(len(table), bool)
    for name in ("fromNode", "toNode"):
        values = table.numbers(name)
        at = np.clip(np.searchsorted(index[order], values), 0, len(index) - 1)
        known = index[order][at] == values
        good &= table.usable(report, name, known, "arc names a missing node", "a node's index")
        ends.append(order[at])
    straight = np.hypot(x[ends[0]] - x[ends[1]], y[ends[0]] - y[ends[1]])
    length_m = straight
    if "distance" in table.columns:
        length_m = table.numbers("distance") * 1000
        fine = np.isfinite(length_m) & (length_m >= 0)
        good &= table.usable(report, "distance", fine, "arc has a length that cannot be", "km, 0 or more")
        can = check_lengths(np.where(good, straight, 0.0), length_m, good, table.file, "distance", report)
        problem = "arc is shorter than the straight line between its ends"
        good &= table.usable(report, "distance", can | ~good, problem, "km, the straight line or more")
    check_extent(x, y, np.where(good, straight, 0.0), table.file, "degrees")
    times = []
    for mode in wanted:
        days = table.numbers(f"mode_{mode}")
        fine = np.isfinite(days) & (days > 0)
        good &= table.usable(report, f"mode_{mode}", fine, "arc has a time that cannot be", "days, above 0")
        none, seconds = np.zeros(len(days)), np.where(fine, days, 0.0) * MIN_PER_DAY * 60
        quick = check_times(length_m, seconds, good, none, none > 0, table.file, f"mode_{mode}", report, "days")
        problem = "arc is driven faster than 300 km/h"
        good &= table.usable(report, f"mode_{mode}", quick | ~good, problem, "days")
        times.append(days * MIN_PER_DAY)
    if not good.any():
        raise InputError("no arc can be used", file=table.file, allowed="at least one arc")
    tail, head, length_m, minutes = ends[0][good], ends[1][good], length_m[good], np.stack(times)[:, good]
    form = _arc_form(found, table)
    if form == "undirected":
        tail, head = np.concatenate([tail, head]), np.concatenate([head, tail])
        length_m, minutes = np.tile(length_m, 2), np.tile(minutes, 2)
    return tail, head, length_m, minutes


def _arc_form(found: _Folder, arcs: Table) -> str:
    misc = found.companions.get("arcs")
    if misc is None:
        raise InputError("a table is missing", file=arcs.file, field="miscData", allowed="one with arcForm")
    misc.require(("arcForm",))
    form = misc.text("arcForm")[0] if len(misc) else ""
    if form not in ("directed", "undirected"):
        raise InputError(
            "unknown form of arcs", file=arcs.file, line=misc.header_line + 1, field="arcForm", found=str(form),
            allowed=["directed", "undirected"],
        )  # fmt: skip
    return str(form)


def _spots(found: _Folder, frame: _Frame, report: ReadReport) -> Spots | None:
    parts = []
    fleet = _fleet(found, report)
    for name, kind in (("stations", "ambulance"), ("hospitals", "hospital")):
        if name not in found.tables:
            report.notes.append(f"no table '{name}'")
            continue
        table = found.need(name, ("index", "x", "y"))
        lon, lat = table.numbers("x"), table.numbers("y")
        fine = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
        good = table.usable(report, "x", fine, f"{kind} has a coordinate that cannot be", "degrees")
        capacity = table.numbers("capacity") if "capacity" in table.columns else np.zeros(len(table))
        if kind == "ambulance" and fleet is None:  # then it is the number of ambulances
            capacity, fine = amounts(table, "capacity", report, "station has units that cannot be", whole=True)
            good &= fine
        x, y = frame.metres(lon[good], lat[good])
        index, capacity = table.numbers("index")[good], np.nan_to_num(capacity[good])
        units = np.zeros(len(x), np.int32)
        if kind == "ambulance":
            units[:] = [fleet.get(float(i), 0) for i in index] if fleet is not None else capacity
        parts.append((
            np.full(len(x), kind), np.array([f"{name[:-1].capitalize()} {i:g}" for i in index]), x, y, capacity, units,
        ))  # fmt: skip
    if not parts:
        return None
    return Spots(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _fleet(found: _Folder, report: ReadReport) -> dict[float, int] | None:
    if "ambulances" not in found.tables:
        report.notes.append("no table 'ambulances': every station is taken to be staffed to its capacity")
        return None
    table = found.need("ambulances", ("index", "stationIndex"))
    at = table.numbers("stationIndex")
    known = found.need("stations", ("index",)).numbers("index") if "stations" in found.tables else at
    known_station = np.isin(at, known)
    good = table.usable(report, "stationIndex", known_station, "ambulance of a missing station", "a station's index")
    values, counts = np.unique(at[good], return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _surface(found: _Folder, frame: _Frame, unit: str, report: ReadReport) -> tuple[NDArray, NDArray, NDArray] | None:
    if not found.rasters:
        report.notes.append("no population raster")
        return None
    path, member = _chosen_raster(found, report)
    points = (1, 1)
    if "demandRasterCellNumPoints" in found.tables:
        table = found.need("demandRasterCellNumPoints", ("rows", "cols"))
        counts = [table.numbers(name) for name in ("rows", "cols")]
        if all(len(c) and np.isfinite(c[0]) and c[0] >= 1 for c in counts):
            points = (int(counts[0][0]), int(counts[1][0]))
    raster = read_raster(path, member, points)
    report.notes.extend(raster.notes)
    x, y = frame.metres(raster.lon, raster.lat)
    area_m2 = frame.cell_m2(*raster.cell_degrees) if raster.cell_degrees is not None else raster.cell_m2 or 0.0
    people = raster.value * {"per_m2": area_m2, "per_km2": area_m2 / 1e6, "per_cell": 1.0}[unit]
    return x, y, people


def _chosen_raster(found: _Folder, report: ReadReport) -> tuple[Path, str | None]:
    named: list[str] = []
    if "demandRasters" in found.tables:
        names = found.need("demandRasters", ("rasterFilename",)).text("rasterFilename").tolist()
        named = [name.replace("\\", "/").rsplit("/", 1)[-1] for name in names]
    for wanted in named:
        for path, member in found.rasters:
            if Path(member or path.name).name == wanted:
                if len(set(named)) > 1:
                    report.notes.append(f"several demand rasters named: {wanted} used for homes")
                return path, member
    path, member = found.rasters[0]
    if len(found.rasters) > 1 or named:
        report.notes.append(f"raster {shown(path, member)} used")
    return path, member


def _value(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")
