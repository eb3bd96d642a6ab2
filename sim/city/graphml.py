"""Reading and writing OSMnx GraphML: text attributes, degrees or projected lengths, parallel arcs.

A graph as ``osmnx.save_graphml`` writes it loads as it is. Missing lengths come from coordinates, missing times from
length and the speed given, else from the register's speed for the class of road. Street shapes are not kept. What the
file's coordinates are is asked of ``sim.city.crs``, and whether its numbers can be of ``sim.city.plausible``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.city.crs import Frame, Placed, frame_of, placed, undeclared
from sim.city.edge_values import ABSENT, numeric, total
from sim.city.graphml_arcs import Edges, edges_of, measure
from sim.city.graphml_file import GraphText, read_text_graph
from sim.city.plausible import check_extent, metres
from sim.city.roads import Roads, project
from sim.city.tables import ReadReport
from sim.errors import InputError
from sim.files import give_name

if TYPE_CHECKING:
    import networkx as nx

PLACES: tuple[tuple[str, str], ...] = (
    ("x", "y"), ("X", "Y"), ("lon", "lat"), ("longitude", "latitude"), ("lng", "lat"),
)  # fmt: skip
"""Names of a node's coordinates: in the graph's own system (x, y), else degrees."""


def read_graphml(
    file: str | PathLike[str], on_bad_rows: str = "refuse", report: ReadReport | None = None
) -> tuple[Roads, ReadReport]:
    """Read an OSMnx GraphML file (plain or gzip).

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
        On a missing, damaged or cut file, one that is no directed graph, a coordinate system that is not known,
        numbers that make no city (see ``sim.city.plausible``), or rows that are refused.
    """
    path = Path(file)
    return _roads(read_text_graph(path), report or ReadReport(on_bad_rows), str(path))


def roads_from_graph(
    graph: nx.MultiDiGraph,
    *,
    on_bad_rows: str = "refuse",
    file: str | PathLike[str] | None = None,
    report: ReadReport | None = None,
) -> tuple[Roads, ReadReport]:
    """Turn a MultiDiGraph in OSMnx's conventions into Roads; see :func:`read_graphml`."""
    return _roads(GraphText.of(graph), report or ReadReport(on_bad_rows), str(file) if file is not None else "graph")


def _roads(graph: GraphText, report: ReadReport, name: str) -> tuple[Roads, ReadReport]:
    if not graph.nodes:
        raise InputError("the graph has no nodes", file=name, allowed="at least one node")
    report.rows[name] = len(graph.nodes) + len(graph.edges)
    _tell_defaults(graph, report)
    axes = next((pair for pair in PLACES if any(key in data for key in pair for data in graph.node_data)), PLACES[0])
    across, up = (_column(graph.node_data, key) for key in axes)
    frame, sure = _frame(graph, axes, across, up, name)
    kept = _usable_nodes(graph, axes, across, up, frame, report, name)
    across, up = across[kept], up[kept]
    edges = edges_of(graph, kept, report, name)
    if not sure:
        frame = _by_lengths(frame, across, up, edges, name)
    where = placed(frame, across, up, name)
    straight_m = edges.straight(where.x, where.y)
    check_extent(where.x, where.y, straight_m, name, frame.said)
    arcs = measure(edges, straight_m, _exchanged(frame, across, up, edges, name), report, name)
    lon, lat = (where.lon, where.lat) if where.lon is not None else _degrees(graph, kept, where, report)
    _tell_place(where, lon, lat, frame, report)
    roads = Roads(
        where.x, where.y, arcs.tail, arcs.head, arcs.length_m, arcs.time_min, lon, lat,
        np.array([str(graph.nodes[k]) for k in kept.tolist()]), arcs.highway,
    )  # fmt: skip
    if not roads.arcs and len(roads) > 1:
        raise InputError("no arc can be used", file=name, allowed="at least one arc")
    roads, inside = roads.connected(report.on_bad_rows, name)
    if not inside.all():
        report.notes.append(f"{(~inside).sum()} nodes outside the largest connected part dropped")
    roads.validate(name)
    return roads, report


def _tell_defaults(graph: GraphText, report: ReadReport) -> None:
    for (domain, key, value), count in graph.defaults.items():
        report.notes.append(f"{key}: {count} {domain}s take the file's default {value}")
    if graph.undirected:
        report.notes.append(f"{graph.undirected} undirected edges run both ways")


def _column(data: Sequence[dict[str, Any]], key: str) -> NDArray[np.float64]:
    return np.array([numeric(d.get(key, "")) for d in data], dtype=np.float64)


def _frame(
    graph: GraphText, axes: tuple[str, str], across: NDArray, up: NDArray, name: str
) -> tuple[Frame, bool]:  # fmt: skip
    """Return what the coordinates are, and whether the file says so."""
    if axes[0] not in ("x", "X"):
        return Frame(f"degrees ({axes[0]} and {axes[1]} of nodes)", True), True
    for key, value in graph.attributes.items():
        if key.lower() in ("crs", "srs", "epsg") and str(value).strip().lower() not in ABSENT:
            return frame_of(value, name), True
    there = np.isfinite(across) & np.isfinite(up)
    return undeclared(across[there], up[there]), False


def _usable_nodes(
    graph: GraphText, axes: tuple[str, str], across: NDArray, up: NDArray, frame: Frame, report: ReadReport, name: str
) -> NDArray[np.int64]:
    there = np.isfinite(across) & np.isfinite(up)
    good = there.copy()
    if frame.degrees and frame.system is None:
        good &= (np.abs(across) <= 180) & (np.abs(up) <= 90)
        if good.sum() * 2 < there.sum():
            raise _no_degrees(across[there], up[there], axes, frame, name)
    wrong = np.flatnonzero(~good)
    report.note_bad(
        "node has a coordinate that cannot be", name, ", ".join(axes), [graph.node_line[k] for k in wrong.tolist()],
        [f"node {graph.nodes[k]}: {_said(graph.node_data[k], axes)}" for k in wrong.tolist()],
        "finite numbers" + (", degrees -180 to 180 and -90 to 90" if frame.degrees else ""),
    )  # fmt: skip
    rows = np.flatnonzero(good)
    seen: set[Any] = set()
    again: list[int] = []
    for k in rows.tolist():
        if graph.nodes[k] in seen:
            again.append(k)
        seen.add(graph.nodes[k])
    report.note_bad(
        "duplicate node", name, "id", [graph.node_line[k] for k in again], [graph.nodes[k] for k in again],
        "each id once",
    )  # fmt: skip
    kept = np.setdiff1d(rows, again)
    if not len(kept):
        raise InputError("no node can be used", file=name, allowed="at least one node with coordinates")
    return kept


def _said(data: dict[str, Any], axes: tuple[str, str]) -> str:
    return ", ".join(str(data.get(key, "nothing")) for key in axes)


def _no_degrees(across: NDArray, up: NDArray, axes: tuple[str, str], frame: Frame, name: str) -> InputError:
    exchanged = (np.abs(across) <= 90).mean() > 0.5 and (np.abs(up) <= 180).mean() > 0.5
    hint = f"{axes[0]} and {axes[1]} exchanged ({axes[0]} is the longitude)" if exchanged else "metres or feet"
    return InputError(
        f"coordinates are no degrees, as {frame.said} has them; they look like {hint}", file=name,
        field=", ".join(axes), found=f"{across[0]:.10g}, {up[0]:.10g}", allowed="-180 to 180 east, -90 to 90 north",
    )  # fmt: skip


def _by_lengths(frame: Frame, across: NDArray, up: NDArray, edges: Edges, name: str) -> Frame:
    """Return degrees or metres, whichever lengths the file gives fit: it names no coordinate system."""
    length_m = np.array([total(data.get("length")) for data in edges.data])
    if not frame.degrees or not np.isfinite(length_m).any():
        return frame
    flat = Frame("metres (no coordinate system named; so the lengths say)")
    apart = []
    for choice in (frame, flat):
        where = placed(choice, across, up, name)
        straight_m = edges.straight(where.x, where.y)
        seen = np.isfinite(length_m) & (straight_m > 0) & (length_m > 0)
        apart.append(float(np.median(np.abs(np.log(length_m[seen] / straight_m[seen])))) if seen.any() else np.inf)
    return flat if apart[1] < apart[0] else frame


def _exchanged(frame: Frame, across: NDArray, up: NDArray, edges: Edges, name: str) -> NDArray[np.float64] | None:
    """Return metres between the ends of arcs if x and y stood in the wrong order, where they could."""
    if not frame.degrees or (np.abs(across) > 90).any():
        return None
    where = placed(frame, up, across, name)
    return edges.straight(where.x, where.y)


def _degrees(
    graph: GraphText, kept: NDArray[np.int64], where: Placed, report: ReadReport
) -> tuple[NDArray | None, NDArray | None]:
    """Return the degrees that a projected OSMnx graph keeps beside the metres, when they are degrees."""
    lon, lat = (_column(graph.node_data, key)[kept] for key in ("lon", "lat"))
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return None, None
    if (np.abs(lon) <= 180).all() and (np.abs(lat) <= 90).all():
        x, y = project(lon, lat, float(lon.mean()), float(lat.mean()))
        from_middle = np.hypot(where.x - where.x.mean(), where.y - where.y.mean())
        if np.median(np.abs(np.hypot(x, y) - from_middle)) <= 0.05 * from_middle.max() + 1:
            return lon, lat
    report.notes.append("lon and lat of nodes are not the degrees of x and y: not used")
    return None, None


def _tell_place(where: Placed, lon: NDArray | None, lat: NDArray | None, frame: Frame, report: ReadReport) -> None:
    report.notes += where.notes
    middle = ""
    if lon is not None and lat is not None:
        middle = f" about {float(np.median(lon)):.4f} east, {float(np.median(lat)):.4f} north"
    size = f"{metres(float(np.ptp(where.x)))} by {metres(float(np.ptp(where.y)))}"
    unit = "" if frame.degrees or frame.unit_m == 1 else f", a unit is {frame.unit_m:.7g} m"
    report.notes.append(f"coordinates: {frame.said}{unit}; the network is {size}{middle}")


def write_graphml(roads: Roads, file: str | PathLike[str]) -> None:
    """Write a graph in OSMnx's conventions, whole or not at all."""
    import networkx as nx  # slow to import, needed by few

    graph = roads.to_networkx()
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as stream:
        nx.write_graphml(graph, stream)
    give_name(Path(stream.name), path)
