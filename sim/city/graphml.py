"""Reading and writing OSMnx GraphML: text attributes, degrees or projected metres, parallel arcs.

A graph as ``osmnx.save_graphml`` writes it loads as it is. Missing lengths come from coordinates, missing times from
length and the speed given, else from the register's speed for the class of road. Street shapes are not kept.
"""

from __future__ import annotations

import ast
import gzip
import os
import re
import tempfile
import zlib
from os import PathLike
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from sim.city.parameters import number
from sim.city.roads import Roads, project
from sim.city.tables import ReadReport
from sim.errors import InputError

CLASSES: tuple[str, ...] = ("motorway", "trunk", "primary", "secondary", "tertiary", "residential", "service", "other")
"""Classes of road with a default speed ``city.road_speed_kmh_<class>``."""

_GEOGRAPHIC = re.compile(r"4326|4258|4269|4490|CRS84|longlat", re.IGNORECASE)
_SPEED = re.compile(r"(\d+(?:\.\d+)?)\s*(mph|mp/h|knots)?", re.IGNORECASE)


def read_graphml(
    file: str | PathLike[str], on_bad_rows: str = "refuse", report: ReadReport | None = None
) -> tuple[Roads, ReadReport]:
    """Read an OSMnx GraphML file (plain or .gz).

    Parameters
    ----------
    file
        The file.
    on_bad_rows
        "refuse" or "drop" nodes and arcs that cannot be used, and all outside the largest connected part.

    Returns
    -------
    roads, report
        The graph, and what was read and dropped.

    Raises
    ------
    InputError
        On a missing, damaged or cut file, one that is no directed graph, or rows that are refused.
    """
    path = Path(file)
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as stream:
                graph = nx.read_graphml(stream, force_multigraph=True)
        else:
            graph = nx.read_graphml(path, force_multigraph=True)
    except FileNotFoundError as error:
        raise InputError("no such file", file=path, allowed="a GraphML file that exists") from error
    except ParseError as error:
        raise InputError(
            "not a complete GraphML file", file=path, line=error.position[0], found=error.msg, allowed="whole XML"
        ) from error
    except (OSError, EOFError, zlib.error, nx.NetworkXError, LookupError, ValueError, TypeError) as error:
        raise InputError("not a readable GraphML file", file=path, found=str(error)[:120]) from error
    if not graph.is_directed():
        raise InputError("the graph is not directed", file=path, field="edgedefault", allowed="directed")
    return roads_from_graph(graph, on_bad_rows=on_bad_rows, file=path, report=report)


def roads_from_graph(
    graph: nx.MultiDiGraph,
    *,
    on_bad_rows: str = "refuse",
    file: str | PathLike[str] | None = None,
    report: ReadReport | None = None,
) -> tuple[Roads, ReadReport]:
    """Turn a MultiDiGraph in OSMnx's conventions into Roads; see :func:`read_graphml`."""
    report = report or ReadReport(on_bad_rows)
    name = str(file) if file is not None else "graph"
    if not graph.number_of_nodes():
        raise InputError("the graph has no nodes", file=name, allowed="at least one node")
    nodes = list(graph.nodes)
    across, up = (_floats([graph.nodes[n].get(key) for n in nodes]) for key in ("x", "y"))
    good = np.isfinite(across) & np.isfinite(up)
    geographic = _is_geographic(graph, across, up)
    if geographic:
        good &= (np.abs(across) <= 180) & (np.abs(up) <= 90)
    wrong = np.flatnonzero(~good)
    report.note_bad(
        "node has a coordinate that cannot be", name, "x, y", wrong + 1,
        [f"node {nodes[k]}: {across[k]}, {up[k]}" for k in wrong.tolist()], "finite numbers",
    )  # fmt: skip
    nodes = [nodes[k] for k in np.flatnonzero(good).tolist()]
    across, up = across[good], up[good]
    if not len(nodes):
        raise InputError("no node can be used", file=name, allowed="at least one node with coordinates")
    report.rows[name] = graph.number_of_nodes() + graph.number_of_edges()
    lon, lat = (across, up) if geographic else _degrees(graph, nodes)
    x, y = project(across, up, float(across.mean()), float(up.mean())) if geographic else (across, up)
    tail, head, length_m, times, highway = _arcs(graph, nodes, x, y, report, name)
    roads = Roads(
        x, y, tail, head, length_m, times, lon, lat, np.array([str(n) for n in nodes]), np.array(highway, np.str_)
    )
    if not roads.arcs and len(roads) > 1:
        raise InputError("no arc can be used", file=name, allowed="at least one arc")
    roads, kept = roads.connected(report.on_bad_rows, name)
    if not kept.all():
        report.notes.append(f"{(~kept).sum()} nodes outside the largest connected part dropped")
    roads.validate(name)
    return roads, report


def _is_geographic(graph: nx.MultiDiGraph, across: NDArray, up: NDArray) -> bool:
    crs = str(graph.graph.get("crs", ""))
    if crs:
        return bool(_GEOGRAPHIC.search(crs)) and "+proj=tmerc" not in crs and "+proj=utm" not in crs
    return bool((np.abs(across) <= 180).all() and (np.abs(up) <= 90).all())


def _degrees(graph: nx.MultiDiGraph, nodes: list) -> tuple[NDArray | None, NDArray | None]:
    # A projected OSMnx graph keeps the degrees beside the metres.
    lon, lat = (_floats([graph.nodes[n].get(key) for n in nodes]) for key in ("lon", "lat"))
    return (lon, lat) if np.isfinite(lon).all() and np.isfinite(lat).all() else (None, None)


def _floats(values: list[Any]) -> NDArray[np.float64]:
    return np.array([_float(value) for value in values], dtype=np.float64)


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _arcs(graph: nx.MultiDiGraph, nodes: list, x: NDArray, y: NDArray, report: ReadReport, name: str) -> tuple:
    row = {node: k for k, node in enumerate(nodes)}
    edges = list(graph.edges(data=True))
    tail = np.array([row.get(a, -1) for a, _, _ in edges], np.int64)
    head = np.array([row.get(b, -1) for _, b, _ in edges], np.int64)
    data = [d for _, _, d in edges]
    said = [f"{a} -> {b}" for a, b, _ in edges]
    usable = (tail >= 0) & (head >= 0)
    _report_arcs(report, name, "from, to", ~usable, said, "arc names a node that cannot be used", "a node of the graph")
    straight = np.hypot(x[tail] - x[head], y[tail] - y[head])
    length_m, good = _given_or(data, "length", straight)
    found = _found(said, data, "length")
    _report_arcs(report, name, "length", usable & ~good, found, "arc has a length that cannot be")
    usable &= good
    highway = [_first(d.get("highway")) or "" for d in data]
    speed = np.array([_speed_kmh(d, kind) for d, kind in zip(data, highway, strict=True)])
    good = np.isfinite(speed) & (speed > 0)
    found = _found(said, data, "speed_kph")
    _report_arcs(report, name, "speed_kph", usable & ~good, found, "arc has a speed that cannot be")
    usable &= good
    with np.errstate(divide="ignore", invalid="ignore"):
        computed = length_m / (speed / 3.6)
    seconds, good = _given_or(data, "travel_time", computed)
    found = _found(said, data, "travel_time")
    _report_arcs(report, name, "travel_time", usable & ~good, found, "arc has a time that cannot be")
    usable &= good
    times = [seconds / 60]
    if any("travel_time_lights" in d for d in data):
        lights, good = _given_or(data, "travel_time_lights", seconds)
        usable &= good
        times.append(lights / 60)
    missing = sum("travel_time" not in d for d in data)
    if missing:
        report.notes.append(f"{missing} arcs without travel_time: computed from length and speed")
    keep = np.flatnonzero(usable)
    return (
        tail[keep], head[keep], length_m[keep], np.stack(times)[:, keep], [highway[k] for k in keep.tolist()],
    )  # fmt: skip


def _given_or(data: list[dict], key: str, otherwise: NDArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    given = np.array([key in d for d in data], bool)
    values = np.where(given, _floats([_first(d.get(key)) for d in data]), otherwise)
    return values, np.isfinite(values) & (values >= 0)


def _found(said: list[str], data: list[dict], key: str) -> list[str]:
    return [f"arc {arc}: {d.get(key)}" for arc, d in zip(said, data, strict=True)]


def _report_arcs(
    report: ReadReport, name: str, column: str, wrong: NDArray, said: list[str], problem: str,
    allowed: str = "a finite number, 0 or more",
) -> None:  # fmt: skip
    rows = np.flatnonzero(wrong)
    report.note_bad(problem, name, column, rows + 1, [said[k] for k in rows.tolist()], allowed)


def _first(value: Any) -> Any:
    # OSMnx writes merged attributes as the text of a list.
    if isinstance(value, str) and value.startswith("["):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            return None
    if isinstance(value, list | tuple):
        return value[0] if value else None
    return value


def _speed_kmh(data: dict, highway: str) -> float:
    if "speed_kph" in data:
        return _float(_first(data["speed_kph"]))
    match = _SPEED.match(str(_first(data.get("maxspeed")) or ""))
    if match and float(match.group(1)) > 0:
        unit = (match.group(2) or "").lower()
        return float(match.group(1)) * {"": 1.0, "knots": 1.852}.get(unit, 1.609344)
    kind = str(highway).removesuffix("_link")
    kind = {"unclassified": "residential", "living_street": "service"}.get(kind, kind)
    return number(f"road_speed_kmh_{kind if kind in CLASSES else 'other'}")


def write_graphml(roads: Roads, file: str | PathLike[str]) -> None:
    """Write a graph in OSMnx's conventions, whole or not at all."""
    graph = roads.to_networkx()
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as stream:
        nx.write_graphml(graph, stream)
    os.replace(stream.name, path)
