"""Reading a plain street network: vertices.csv and edges.csv, with crimes.csv as recorded incidents.

The network of the spatstat "chicago" data set in CSV form, and anything shaped like it: undirected edges between
numbered vertices. Units stand in the header (``x_ft``, ``length_m``) or are given.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.city.crs import METRES
from sim.city.plausible import check_extent, check_lengths
from sim.city.roads import Roads
from sim.city.source import Incidents, Source
from sim.city.tables import ReadReport, Table, read_table
from sim.errors import InputError


def read_vertices_edges(
    folder: Path, on_bad_rows: str = "refuse", length_unit: str | None = None, speed_kmh: float = 30.0
) -> Source:
    """Read a folder with vertices.csv (id, x, y), edges.csv (id, a, b, length) and, if there, crimes.csv.

    Parameters
    ----------
    folder
        The folder.
    on_bad_rows
        "refuse" or "drop" rows that cannot be used.
    length_unit
        "ft", "m" or "km", where the header's names carry no unit; None takes the unit of the vertices.
    speed_kmh
        One speed for every street, km/h.

    Returns
    -------
    Source
        Every edge becomes two arcs: edge k is arc k and, backwards, arc k + E. Incidents are None without crimes.csv.

    Raises
    ------
    InputError
        On missing files, wrong headers, disconnected streets and rows that are refused.
    """
    if not folder.is_dir():
        raise InputError("no such folder", file=folder, allowed="a folder that exists")
    report = ReadReport(on_bad_rows)
    vertices = read_table(folder / "vertices.csv", ("id",), report)
    length_unit = length_unit or _unit(vertices, "x")
    x, y = (_measured(vertices, axis, length_unit) for axis in ("x", "y"))
    names = vertices.text("id")
    good = vertices.usable(report, _column(vertices, "x"), np.isfinite(x), "vertex has no x", "a finite number")
    good &= vertices.usable(report, _column(vertices, "y"), np.isfinite(y), "vertex has no y", "a finite number")
    first = np.zeros(len(names), bool)
    first[np.unique(names, return_index=True)[1]] = True
    good &= vertices.usable(report, "id", first, "duplicate vertex", "each id once")
    if not good.any():
        raise InputError("no vertex can be used", file=vertices.file, allowed="at least one vertex")
    x, y, names = x[good], y[good], names[good]
    edges, tail, head, length_m = _edges(folder, names, x, y, length_unit, report)
    count = len(tail)
    tails, heads = np.concatenate([tail, head]), np.concatenate([head, tail])
    lengths = np.tile(length_m, 2)
    minutes = (lengths / (speed_kmh * 1000 / 60)).astype(np.float32)
    roads = Roads(x, y, tails, heads, lengths, minutes, node_name=names)
    whole, kept = roads.connected(on_bad_rows, edges.file)
    incidents = None
    if (folder / "crimes.csv").exists():
        if kept.all():
            incidents = _crimes(folder, edges, roads, count, length_unit, report)
        else:
            report.notes.append("crimes not read: parts of the network were dropped")
    if not kept.all():
        report.notes.append(f"{(~kept).sum()} vertices outside the largest connected part dropped")
    whole.validate(edges.file)
    provenance = {"roads": f"read: real network, one speed of {speed_kmh:g} km/h assumed"}
    return Source(folder.name, whole, report, None, None, incidents, "local metres as in the file", provenance)


def _column(table: Table, start: str) -> str:
    for name in table.columns:
        if name == start or name.rsplit("_", 1)[0] == start:
            return name
    raise InputError(
        "wrong header", file=table.file, line=table.header_line, field=start, found=", ".join(table.columns),
        allowed=f"{start}, {start}_ft or {start}_m",
    )  # fmt: skip


def _unit(table: Table, start: str) -> str | None:
    name = _column(table, start)
    return name.rsplit("_", 1)[1] if "_" in name else None


def _measured(table: Table, start: str, unit: str | None) -> NDArray[np.float64]:
    name = _column(table, start)
    suffix = _unit(table, start) or unit
    if suffix is None:
        raise InputError(
            "the header names no unit", file=table.file, line=table.header_line, field=name, found=name,
            allowed=f"{start}_m, {start}_ft or {start}_km, or length_unit in a scenario's city",
        )  # fmt: skip
    if suffix not in METRES:
        raise InputError("unknown unit", file=table.file, line=table.header_line, field=name, allowed=sorted(METRES))
    return table.numbers(name) * METRES[suffix]


def _edges(
    folder: Path, names: NDArray, x: NDArray, y: NDArray, unit: str | None, report: ReadReport
) -> tuple[Table, NDArray, NDArray, NDArray]:
    table = read_table(folder / "edges.csv", ("a", "b"), report)
    row = {name: k for k, name in enumerate(names.tolist())}
    ends = [np.array([row.get(name, -1) for name in table.text(end).tolist()], np.int64) for end in ("a", "b")]
    good = np.ones(len(table), bool)
    for name, values in zip(("a", "b"), ends, strict=True):
        good &= table.usable(report, name, values >= 0, "edge names a missing vertex", "a vertex id")
    length_m = _measured(table, "length", unit)
    fine = np.isfinite(length_m) & (length_m >= 0)
    good &= table.usable(report, _column(table, "length"), fine, "edge has a length that cannot be", "0 or more")
    straight = np.where(good, np.hypot(x[ends[0]] - x[ends[1]], y[ends[0]] - y[ends[1]]), 0.0)
    check_extent(x, y, straight, table.file, "lengths in the unit of the header")
    can = check_lengths(straight, length_m, good, table.file, _column(table, "length"), report)
    good &= table.usable(
        report, _column(table, "length"), can | ~good, "edge is shorter than the straight line between its ends",
        "the straight line, or more",
    )  # fmt: skip
    if not good.any():
        raise InputError("no edge can be used", file=table.file, allowed="at least one edge")
    return table.keep(good), ends[0][good], ends[1][good], length_m[good]


def _crimes(folder: Path, edges: Table, roads: Roads, count: int, unit: str | None, report: ReadReport) -> Incidents:
    table = read_table(folder / "crimes.csv", ("seg", "tp", "marks"), report)
    x, y = (_measured(table, axis, unit) for axis in ("x", "y"))
    names = edges.text("id") if "id" in edges.columns else np.arange(1, count + 1).astype(np.str_)
    row = {name: k for k, name in enumerate(names.tolist())}
    arc = np.array([row.get(name, -1) for name in table.text("seg").tolist()], np.int32)
    position = table.numbers("tp")
    good = table.usable(report, "seg", arc >= 0, "incident on a missing edge", "an edge id")
    fine = np.isfinite(position) & (position >= 0) & (position <= 1)
    good &= table.usable(report, "tp", fine, "position along the edge cannot be", "0 to 1")
    fine = np.isfinite(x) & np.isfinite(y)
    good &= table.usable(report, _column(table, "x"), fine, "incident has no place", "numbers")
    arc, position = arc[good], position[good]
    node = np.where(position <= 0.5, roads.arc_from[arc], roads.arc_to[arc])
    return Incidents(x[good], y[good], table.text("marks")[good], arc, position, node.astype(np.int32))
