"""The street network of a synthetic city: irregular, denser in the core, with arterials and one-way streets.

Points of a jittered lattice, its spacing set by archetype, are joined as a Gabriel graph; some links are removed and
some made one-way, never a link of the spanning tree, so that everything can be driven both ways somehow. It is
plausible in length and speed, not in the shape of any real town.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree
from scipy.spatial import Delaunay, cKDTree

from sim.city.parameters import number, stream
from sim.city.roads import Roads


@dataclass(frozen=True)
class StreetSpec:
    """Numbers that shape the network; see the register for units and sources of the defaults.

    Parameters
    ----------
    area_km2
        float[4], area of each archetype's zone, from the core outwards by ``zones``.
    spacing_m
        float[4], distance between junctions.
    local_kmh, arterial_kmh
        float[4] and float, speeds in ordinary driving.
    zones
        Archetypes from the core outwards.
    """

    area_km2: NDArray[np.float64]
    spacing_m: NDArray[np.float64]
    local_kmh: NDArray[np.float64]
    arterial_kmh: float
    zones: tuple[int, ...] = (1, 0, 2, 3)


def make_streets(spec: StreetSpec, seed: int) -> tuple[Roads, NDArray[np.int8]]:
    """Draw a street network.

    Parameters
    ----------
    spec
        Areas, spacings and speeds.
    seed
        The city's seed.

    Returns
    -------
    roads, node_archetype
        A strongly connected graph with two modes, and int8[N].
    """
    x, y, kind = _junctions(spec, seed)
    a, b = _gabriel(x, y)
    length = np.hypot(x[a] - x[b], y[a] - y[b])
    tree = _spanning(len(x), a, b, length)
    draw = stream(seed, "streets.links")
    keep = tree | (draw.random(len(a)) >= number("street_removed_share"))
    a, b, length, tree = a[keep], b[keep], length[keep], tree[keep]
    length = length * (1 + number("street_winding") * draw.random(len(a)))
    main = _arterials(x, y, a, b, length)
    one_way = ~tree & ~main & (draw.random(len(a)) < number("one_way_share"))
    turned = draw.random(len(a)) < 0.5
    a, b = np.where(turned, b, a), np.where(turned, a, b)
    both = np.flatnonzero(~one_way)
    tail, head = np.concatenate([a, b[both]]), np.concatenate([b, a[both]])
    link = np.concatenate([np.arange(len(a)), both])
    speed = np.where(main, spec.arterial_kmh, np.minimum(spec.local_kmh[kind[a]], spec.local_kmh[kind[b]]))
    minutes = (length / (speed * 1000 / 60))[link]
    times = np.stack([minutes, minutes / number("lights_speed_factor")])
    highway = np.where(main, "secondary", "residential")[link]
    roads = Roads(x, y, tail, head, length[link], times, highway=highway)
    return roads, kind


def _junctions(spec: StreetSpec, seed: int) -> tuple[NDArray, NDArray, NDArray[np.int8]]:
    draw = stream(seed, "streets.junctions")
    phase, swing = draw.random(4) * 2 * np.pi, number("outline_irregularity") * draw.random(4)
    columns: list[tuple[NDArray, NDArray, NDArray]] = []
    inner = 0.0
    for kind in spec.zones:
        if spec.area_km2[kind] <= 0:
            continue
        outer = np.sqrt(inner**2 + spec.area_km2[kind] * 1e6 / np.pi)
        step = spec.spacing_m[kind]
        reach = int(np.ceil(outer * (1 + swing.sum()) / step)) + 1
        side = np.arange(-reach, reach + 1) * step
        x, y = (axis.ravel() for axis in np.meshgrid(side, side))
        jitter = number("street_jitter") * step
        x, y = (axis + jitter * (2 * draw.random(len(axis)) - 1) for axis in (x, y))
        angle = np.arctan2(y, x)
        bend = 1 + sum(swing[k] * np.cos((k + 1) * angle + phase[k]) for k in range(4)) / 2
        radius = np.hypot(x, y) / bend
        inside = (radius >= inner) & (radius < outer)
        columns.append((x[inside], y[inside], np.full(inside.sum(), kind, np.int8)))
        inner = outer
    x, y, kind_of = (np.concatenate([column[k] for column in columns]) for k in range(3))
    if len(x) >= 4:
        return x, y, kind_of
    # A hamlet smaller than its lattice still gets a crossroads.
    kind = int(np.argmax(spec.area_km2))
    step = spec.spacing_m[kind]
    corner = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * step + draw.random((4, 2)) * step / 10
    return corner[:, 0], corner[:, 1], np.full(4, kind, np.int8)


def _gabriel(x: NDArray, y: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    # A Delaunay link stays when no third corner sees it under more than a right angle.
    triangles = Delaunay(np.column_stack([x, y])).simplices.astype(np.int64)
    a = triangles[:, [0, 1, 2]].ravel()
    b = triangles[:, [1, 2, 0]].ravel()
    c = triangles[:, [2, 0, 1]].ravel()
    dot = (x[a] - x[c]) * (x[b] - x[c]) + (y[a] - y[c]) * (y[b] - y[c])
    key = np.minimum(a, b) * len(x) + np.maximum(a, b)
    links, link_of = np.unique(key, return_inverse=True)
    blocked = np.bincount(link_of, dot < 0, len(links)) > 0
    kept = links[~blocked]
    return kept // len(x), kept % len(x)


def _spanning(nodes: int, a: NDArray, b: NDArray, length: NDArray) -> NDArray[np.bool_]:
    graph = csr_array((length, (a, b)), shape=(nodes, nodes))
    tree = minimum_spanning_tree(graph).tocoo()
    chosen = np.minimum(tree.row, tree.col).astype(np.int64) * nodes + np.maximum(tree.row, tree.col)
    return np.isin(a * nodes + b, chosen)


def _arterials(x: NDArray, y: NDArray, a: NDArray, b: NDArray, length: NDArray) -> NDArray[np.bool_]:
    # Arterials are the shortest ways between neighbouring hubs of a coarse lattice.
    spacing = number("arterial_spacing_m")
    main = np.zeros(len(a), bool)
    side = [np.arange(axis.min() + spacing / 2, axis.max(), spacing) for axis in (x, y)]
    hub_x, hub_y = (axis.ravel() for axis in np.meshgrid(*side))
    if not len(hub_x):
        return main
    away, at = cKDTree(np.column_stack([x, y])).query(np.column_stack([hub_x, hub_y]))
    hubs = np.unique(at[away < spacing / 2])
    if len(hubs) < 2:
        return main
    count = len(x)
    graph = csr_array(
        (np.concatenate([length, length]), (np.concatenate([a, b]), np.concatenate([b, a]))), shape=(count, count)
    )
    pairs = np.array(sorted(cKDTree(np.column_stack([x[hubs], y[hubs]])).query_pairs(1.5 * spacing)))
    if not len(pairs):
        return main
    used: set[int] = set()
    step = max(1, 2**23 // count)
    for first in range(0, len(hubs), step):
        block = hubs[first : first + step]
        _, before = dijkstra(graph, indices=block, return_predecessors=True, limit=3 * spacing)
        mine = pairs[(pairs[:, 0] >= first) & (pairs[:, 0] < first + step)]
        for hub, other in mine.tolist():
            used |= _walk(before[hub - first], int(hubs[hub]), int(hubs[other]), count)
    return np.isin(np.minimum(a, b) * count + np.maximum(a, b), np.fromiter(used, np.int64, len(used)))


def _walk(before: NDArray, start: int, end: int, count: int) -> set[int]:
    links, at = set(), end
    while at != start:
        previous = int(before[at])
        if previous < 0:
            return set()
        links.add(min(at, previous) * count + max(at, previous))
        at = previous
    return links
