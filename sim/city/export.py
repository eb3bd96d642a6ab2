"""Writing a city in forms that other programs read: GraphML in OSMnx's conventions, and CSV.

One way only: a whole city comes back from ``sim.city.storage``, its streets and its area tree from these.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import numpy as np

from sim.city.areas import LEVELS
from sim.city.city import City
from sim.city.graphml import write_graphml
from sim.city.parameters import ARCHETYPES
from sim.errors import InputError
from sim.files import give_name
from sim.spreadsheet import neutral

FILES: tuple[str, ...] = ("nodes.csv", "arcs.csv", "areas.csv", "facilities.csv", "streets.graphml")
"""Files that :func:`export_city` writes."""


def export_city(city: City, folder: str | PathLike[str]) -> list[Path]:
    """Write nodes, arcs, areas and facilities as CSV and the streets as GraphML.

    ``areas.csv`` is read back by ``sim.city.admin``, ``streets.graphml`` by ``sim.city.graphml`` and OSMnx. Residents
    are written as a count per grid in ``areas.csv``, never one by one.

    Returns
    -------
    list of Path
        The files written; none when writing fails.

    Raises
    ------
    InputError
        When ``folder`` is a file.
    """
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise InputError("not a folder", file=target, allowed="a folder")
    target.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".export-", dir=target))
    try:
        _nodes(city, work / "nodes.csv")
        _arcs(city, work / "arcs.csv")
        _areas(city, work / "areas.csv")
        _facilities(city, work / "facilities.csv")
        write_graphml(city.roads, work / "streets.graphml")
        for name in FILES:
            give_name(work / name, target / name)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return [target / name for name in FILES]


def _write(file: Path, header: list[str], rows: Iterable[Iterable[object]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([neutral(cell) for cell in row] for row in rows)


def _nodes(city: City, file: Path) -> None:
    roads = city.roads
    codes = city.areas.code[city.areas.grids][city.node_grid].tolist()
    names = [roads.name_of(k) for k in range(len(roads))]
    header, columns = ["node", "x_m", "y_m", "grid"], [names, roads.x.tolist(), roads.y.tolist(), codes]
    if roads.lon is not None and roads.lat is not None:
        header += ["lon", "lat"]
        columns += [roads.lon.tolist(), roads.lat.tolist()]
    _write(file, header, zip(*columns, strict=True))


def _arcs(city: City, file: Path) -> None:
    roads = city.roads
    names = np.array([roads.name_of(k) for k in range(len(roads))])
    header = ["from", "to", "length_m", *(f"time_min_{mode}" for mode in range(roads.modes))]
    columns = [names[roads.arc_from].tolist(), names[roads.arc_to].tolist(), roads.length_m.tolist()]
    columns += [times.tolist() for times in roads.time_min]
    _write(file, header, zip(*columns, strict=True))


def _areas(city: City, file: Path) -> None:
    areas = city.areas
    people = np.zeros(len(areas), np.int64)
    for level in range(len(LEVELS)):
        above = areas.ancestor(areas.grids, level)
        np.add.at(people, above[above >= 0], np.diff(city.grid_first)[above >= 0])
    parent = [str(areas.code[p]) if p >= 0 else "" for p in areas.parent.tolist()]
    levels = [LEVELS[k] for k in areas.level.tolist()]
    kinds = [ARCHETYPES[k] for k in areas.archetype.tolist()]
    columns = [areas.code, areas.name, levels, parent, areas.name_zh, kinds, areas.x.tolist(), areas.y.tolist()]
    header = ["code", "name", "level", "parent", "name_zh", "archetype", "x_m", "y_m", "residents"]
    _write(file, header, zip(*columns, people.tolist(), strict=True))


def _facilities(city: City, file: Path) -> None:
    f = city.facilities
    nodes = [city.roads.name_of(k) for k in f.node.tolist()]
    codes = city.areas.code[f.area].tolist() if len(f) else []
    columns = [f.kind, f.name, nodes, codes, f.capacity.tolist(), f.units.tolist(), f.x.tolist(), f.y.tolist()]
    _write(file, ["kind", "name", "node", "area", "capacity", "units", "x_m", "y_m"], zip(*columns, strict=True))
