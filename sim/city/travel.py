"""Travel times: shortest paths on the road graph, tabulated between places.

``travel_table`` gives minutes between every two places under present conditions and keeps tables on disk;
``choose_places`` and ``nearest_place`` reduce a large graph to a bounded set of places and ``place_error`` says
what that costs. It does not know queues on roads: a closed arc is gone, an open one has its given time.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from sim.city.cache import cache_folder, prune
from sim.city.partition import partition
from sim.city.roads import Roads
from sim.errors import InputError
from sim.files import give_name

CODE_VERSION = "travel-1"
"""Part of the cache key; changed whenever tables would come out differently."""

CHUNK_BYTES = 128 * 2**20
"""Memory that one block of shortest-path trees may take."""

TINY_MIN = 1e-9
"""Stands for a time of zero: a sparse matrix forgets zeros, and no sum of these reaches a millisecond."""


def graph_matrix(
    roads: Roads, weight: NDArray[np.floating], closed_arcs: ArrayLike = (), reverse: bool = False
) -> csr_array:
    """Return the sparse matrix of a graph, the cheapest of parallel arcs kept.

    Parameters
    ----------
    roads
        The graph.
    weight
        float[E], 0 or more.
    closed_arcs
        Arc rows to leave out.
    reverse
        Turn every arc round.

    Returns
    -------
    scipy.sparse.csr_array
        float64, N by N.
    """
    open_arc = np.ones(roads.arcs, bool)
    open_arc[np.asarray(closed_arcs, np.int64)] = False
    arcs = np.flatnonzero(open_arc & (roads.arc_from != roads.arc_to))
    tail, head = (roads.arc_to, roads.arc_from) if reverse else (roads.arc_from, roads.arc_to)
    cost = np.maximum(np.asarray(weight, np.float64)[arcs], TINY_MIN)
    key = tail[arcs].astype(np.int64) * len(roads) + head[arcs]
    order = np.lexsort((cost, key))
    first = order[np.unique(key[order], return_index=True)[1]]
    shape = (len(roads), len(roads))
    return csr_array((cost[first], (tail[arcs][first], head[arcs][first])), shape=shape)


def distance_table(
    matrix: csr_array, nodes: ArrayLike, targets: ArrayLike | None = None, *, dtype: type = np.float64
) -> NDArray:
    """Return shortest-path costs from nodes to targets, in blocks of bounded memory.

    Parameters
    ----------
    matrix
        From :func:`graph_matrix`.
    nodes, targets
        Node rows; ``targets`` defaults to ``nodes``.
    dtype
        Of the result.

    Returns
    -------
    numpy.ndarray
        [nodes, targets]; inf where there is no way.
    """
    sources = np.asarray(nodes, np.int64)
    wanted = sources if targets is None else np.asarray(targets, np.int64)
    out: NDArray = np.empty((len(sources), len(wanted)), dtype)
    step = max(1, CHUNK_BYTES // (8 * max(1, matrix.shape[0])))
    for first in range(0, len(sources), step):
        block = slice(first, first + step)
        out[block] = dijkstra(matrix, indices=sources[block])[:, wanted]
    return out


def travel_table(
    roads: Roads,
    nodes: ArrayLike,
    closed_arcs: ArrayLike = (),
    *,
    base: NDArray[np.float32] | None = None,
    unreachable: str = "refuse",
    cache: bool = True,
) -> NDArray[np.float32]:
    """Return travel times between places under present conditions.

    Parameters
    ----------
    roads
        The graph.
    nodes
        int[P], node row of each place.
    closed_arcs
        Arc rows that cannot be driven now.
    base
        float32[M, P, P], the table without closures; when given, only rows that a closure touches are recomputed.
    unreachable
        "refuse" raises when a place cannot be reached; "inf" leaves inf, for closures that cut a place off.
    cache
        Keep the table on disk under a hash of graph, nodes and closures.

    Returns
    -------
    numpy.ndarray
        float32[M, P, P], minutes from row place to column place.

    Raises
    ------
    InputError
        When ``unreachable`` is "refuse" and some pair has no way; names both nodes.
    """
    at = np.asarray(nodes, np.int64)
    closed = np.unique(np.asarray(closed_arcs, np.int64))
    _check_rows(roads, at, closed)
    key = _table_key(roads, at, closed)
    table = _cached(key, (roads.modes, len(at), len(at))) if cache else None
    if table is None:
        if base is not None and len(closed):
            table = _close(roads, at, closed, base)
        else:
            table = _full_table(roads, at, closed)
        if cache:
            _keep(key, table)
    if unreachable == "refuse":
        _refuse_unreachable(roads, at, table)
    return table


def _full_table(roads: Roads, nodes: NDArray, closed: NDArray) -> NDArray[np.float32]:
    table = np.empty((roads.modes, len(nodes), len(nodes)), np.float32)
    for mode in range(roads.modes):
        factor = _constant_factor(roads, mode)
        if factor is not None:
            np.multiply(table[0], np.float32(factor), out=table[mode])
            continue
        matrix = graph_matrix(roads, roads.time_min[mode], closed)
        table[mode] = distance_table(matrix, nodes, dtype=np.float32)
    return table


def _constant_factor(roads: Roads, mode: int) -> float | None:
    # Where a mode is everywhere the same multiple of mode 0, so are its shortest paths: half the work.
    if mode == 0 or not roads.arcs or not (roads.time_min[0] > 0).all():
        return None
    ratio = roads.time_min[mode].astype(np.float64) / roads.time_min[0]
    return float(np.median(ratio)) if np.ptp(ratio) <= 1e-6 * ratio.max() else None


def _close(roads: Roads, nodes: NDArray, closed: NDArray, base: NDArray[np.float32]) -> NDArray[np.float32]:
    table = base.copy()
    for mode in range(roads.modes):
        weight = roads.time_min[mode]
        rows, columns = _touched(roads, nodes, closed, weight, base[mode])
        if len(rows):
            matrix = graph_matrix(roads, weight, closed)
            table[mode, rows] = distance_table(matrix, nodes[rows], nodes, dtype=np.float32)
        if len(columns):
            matrix = graph_matrix(roads, weight, closed, reverse=True)
            table[mode][:, columns] = distance_table(matrix, nodes[columns], nodes, dtype=np.float32).T
    return table


def _touched(
    roads: Roads, nodes: NDArray, closed: NDArray, weight: NDArray, base: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns that together hold every pair whose quickest way may use a closed arc.

    A pair (s, t) uses an arc only if s to its tail, the arc, and its head to t add up to the quickest time. A side
    street is the way of many to few, so for each arc the fewer of rows and columns are taken.
    """
    to_tail = distance_table(graph_matrix(roads, weight, reverse=True), roads.arc_from[closed], nodes)
    from_head = distance_table(graph_matrix(roads, weight), roads.arc_to[closed], nodes)
    rows, columns = np.zeros(len(nodes), bool), np.zeros(len(nodes), bool)
    limit = base * np.float32(1 + 2e-6) + np.float32(1e-5)
    for arc, before, after in zip(closed.tolist(), to_tail, from_head, strict=True):
        through = (before + float(weight[arc])).astype(np.float32)[:, None] + after.astype(np.float32)
        tight = through <= limit
        mine, theirs = tight.any(axis=1), tight.any(axis=0)
        if (mine & ~rows).sum() <= (theirs & ~columns).sum():
            rows |= mine
        else:
            columns |= theirs
    return np.flatnonzero(rows), np.flatnonzero(columns & ~rows.all())


def _check_rows(roads: Roads, nodes: NDArray, closed: NDArray) -> None:
    for what, rows, top in (("nodes", nodes, len(roads)), ("closed_arcs", closed, roads.arcs)):
        bad = rows[(rows < 0) | (rows >= top)]
        if len(bad):
            raise InputError("row out of range", field=what, found=int(bad[0]), allowed=f"0..{top - 1}")


def _refuse_unreachable(roads: Roads, nodes: NDArray, table: NDArray[np.float32]) -> None:
    if np.isfinite(table).all():
        return
    _, a, b = np.argwhere(~np.isfinite(table))[0]
    raise InputError(
        f"node {roads.name_of(nodes[b])} cannot be reached from node {roads.name_of(nodes[a])}",
        field="travel", found="no way", allowed="a strongly connected network between all places",
    )  # fmt: skip


def _table_key(roads: Roads, nodes: NDArray, closed: NDArray) -> str:
    text = hashlib.sha256(CODE_VERSION.encode())
    for array in (roads.arc_from, roads.arc_to, roads.time_min, nodes, closed):
        text.update(str((array.dtype.str, array.shape)).encode())
        text.update(np.ascontiguousarray(array).tobytes())
    text.update(str(len(roads)).encode())
    return text.hexdigest()


def _cached(key: str, shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    file = cache_folder("travel") / f"{key}.npy"
    try:
        with file.open("rb") as stream:
            table = np.load(stream, allow_pickle=False)
            digest = stream.read()
    except (OSError, ValueError, EOFError):
        return None  # missing or damaged: computing it again is always right
    if digest != hashlib.sha256(np.ascontiguousarray(table).data).digest():
        return None
    return table if table.shape == shape and table.dtype == np.float32 else None


def _keep(key: str, table: NDArray[np.float32]) -> None:
    folder = cache_folder("travel")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".tmp", delete=False) as file:
            np.save(file, table, allow_pickle=False)
            file.write(hashlib.sha256(np.ascontiguousarray(table).data).digest())
        give_name(Path(file.name), folder / f"{key}.npy")
        prune(folder)
    except OSError:
        return  # a full or read-only disk costs time, never the result


def choose_places(
    roads: Roads, must_have_nodes: ArrayLike, weights: ArrayLike, max_places: int = 4096
) -> NDArray[np.int32]:
    """Choose the nodes between which travel times are tabulated.

    Parameters
    ----------
    roads
        The graph.
    must_have_nodes
        Node rows of facilities and posts; duplicates count once, in order of first mention.
    weights
        float[N], demand at each node (for example residents); nodes of weight 0 are no demand.
    max_places
        Bound on the number of places.

    Returns
    -------
    numpy.ndarray
        int32[P]: the must-have nodes first, then demand nodes. All demand nodes when they fit (then travel is
        exact); otherwise one per part of a balanced partition of the demand by space.

    Raises
    ------
    InputError
        When the must-have nodes alone are more than ``max_places``.
    """
    must = np.asarray(must_have_nodes, np.int64)
    must = must[np.sort(np.unique(must, return_index=True)[1])] if len(must) else must
    if len(must) > max_places:
        raise InputError(
            "facilities and posts alone are more than the places allowed", field="max_places", found=max_places,
            allowed=f"at least {len(must)}",
        )  # fmt: skip
    weight = np.array(weights, np.float64)
    weight[must] = 0.0
    rest = np.flatnonzero(weight > 0)
    room = max_places - len(must)
    if len(rest) > room:
        rest = _one_per_part(roads, rest, weight[rest], room) if room else rest[:0]
    chosen = np.concatenate([must, rest])
    if not len(chosen):
        chosen = np.arange(min(len(roads), max_places))
    return chosen.astype(np.int32)


def _one_per_part(roads: Roads, nodes: NDArray, weight: NDArray, parts: int) -> NDArray:
    label = partition(roads.x[nodes], roads.y[nodes], weight, np.ones(parts))
    total = np.bincount(label, weight, parts)
    cx = np.bincount(label, weight * roads.x[nodes], parts) / total
    cy = np.bincount(label, weight * roads.y[nodes], parts) / total
    away = np.hypot(roads.x[nodes] - cx[label], roads.y[nodes] - cy[label])
    order = np.lexsort((nodes, away, label))
    first = np.unique(label[order], return_index=True)[1]
    return nodes[np.sort(order[first])]


def nearest_place(roads: Roads, place_nodes: ArrayLike, mode: int = 0) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the place that each node joins and the time from that place to the node.

    Parameters
    ----------
    roads
        The graph.
    place_nodes
        int[P], node rows of the places.
    mode
        Travel mode of the last mile.

    Returns
    -------
    node_place, node_last_mile_min
        int32[N] place index and float32[N] minutes; 0 at the places themselves.

    Raises
    ------
    InputError
        When a node cannot be reached from any place.
    """
    places = np.asarray(place_nodes, np.int64)
    place_of = np.full(len(roads), -1, np.int32)
    place_of[places[::-1]] = np.arange(len(places), dtype=np.int32)[::-1]
    matrix = graph_matrix(roads, roads.time_min[roads.mode(mode)])
    minutes, _, source = dijkstra(matrix, indices=np.unique(places), min_only=True, return_predecessors=True)
    if not np.isfinite(minutes).all():
        lost = int(np.flatnonzero(~np.isfinite(minutes))[0])
        raise InputError(f"node {roads.name_of(lost)} cannot be reached from any place", field="travel")
    return place_of[source], minutes.astype(np.float32)


def place_error(
    roads: Roads,
    place_nodes: ArrayLike,
    travel: NDArray[np.float32],
    node_place: NDArray[np.int32],
    node_last_mile_min: NDArray[np.float32],
    *,
    weights: ArrayLike | None = None,
    sources: int = 64,
) -> dict[str, float]:
    """Say what joining nodes to their nearest place costs in accuracy.

    Trips run from places (where staff start) to nodes; the approximation is place to place plus last mile, exact
    is the shortest path. It never underestimates.

    Parameters
    ----------
    roads, place_nodes, travel, node_place, node_last_mile_min
        As from the functions above; mode 0 is compared.
    weights
        float[N], demand at nodes; equal when None.
    sources
        Number of places, evenly spread over the list, from which trips are compared.

    Returns
    -------
    dict
        ``mean_min``, ``p95_min``, ``max_min`` (excess minutes, weighted by demand) and ``mean_share`` (of the exact
        mean time).
    """  # fmt: skip
    places = np.asarray(place_nodes, np.int64)
    weight = np.ones(len(roads)) if weights is None else np.asarray(weights, np.float64)
    nodes = np.flatnonzero(weight > 0)
    start = np.unique(np.linspace(0, len(places) - 1, min(sources, len(places))).astype(np.int64))
    exact = distance_table(graph_matrix(roads, roads.time_min[0]), places[start], nodes)
    near = travel[0][np.ix_(start, node_place[nodes])] + node_last_mile_min[nodes]
    excess = np.maximum(near - exact, 0.0)
    share = np.broadcast_to(weight[nodes] / weight[nodes].sum() / len(start), excess.shape)
    order = np.argsort(excess, axis=None)
    rank = np.cumsum(share.ravel()[order])
    p95 = excess.ravel()[order][min(np.searchsorted(rank, 0.95), excess.size - 1)]
    mean_exact = float((exact * share).sum())
    mean = float((excess * share).sum())
    return {
        "mean_min": mean, "p95_min": float(p95), "max_min": float(excess.max()),
        "mean_share": mean / mean_exact if mean_exact > 0 else 0.0,
    }  # fmt: skip


def path(roads: Roads, a: int, b: int, mode: int = 0, closed_arcs: Sequence[int] = ()) -> list[int]:
    """Return the node rows of a quickest way from a to b, both ends included.

    Raises
    ------
    InputError
        When there is no way.
    """
    matrix = graph_matrix(roads, roads.time_min[roads.mode(mode)], closed_arcs)
    minutes, before = dijkstra(matrix, indices=a, return_predecessors=True)
    if not np.isfinite(minutes[b]):
        raise InputError(
            f"node {roads.name_of(b)} cannot be reached from node {roads.name_of(a)}", field="path", found="no way"
        )
    way = [int(b)]
    while way[-1] != a:
        way.append(int(before[way[-1]]))
    return way[::-1]


def nearest_node(roads: Roads, x: ArrayLike, y: ArrayLike) -> NDArray[np.int32]:
    """Return the nearest joinable nodes to points in metres; see :meth:`Roads.nearest_node`."""
    return roads.nearest_node(x, y)[0]
