"""The way somebody drives: the quickest path on the city's own roads, under the closures of that hour.

The kernel knows minutes between places and no streets. Where the two agree (and they do: the minutes are the
length of these very paths) a trip can be drawn along them. It keeps a bounded number of ways, and computes
those of one source together.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from sim.city.city import City
from sim.city.closures import Closure, closed_arcs
from sim.city.travel import graph_matrix

KEPT_BYTES = 32 * 2**20
MOST_MATRICES = 6
_UNREACHED = -9999


@dataclass(frozen=True)
class Way:
    """A way over the roads.

    Attributes
    ----------
    nodes
        int32[K], node rows from the first to the last.
    share
        float32[K], share of the driving time passed at each node, 0 to 1.
    open_roads
        False when no way was left under the closures and the ordinary one is shown.
    """

    nodes: NDArray[np.int32]
    share: NDArray[np.float32]
    open_roads: bool = True

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.nodes.nbytes + self.share.nbytes + 200


Trip = tuple[int, int, int, int]
"""Era, travel mode, place from, place to."""


class Ways:
    """Ways between places of a city.

    Parameters
    ----------
    city
        Its roads and places.
    closures
        Roads closed for a time.
    """

    def __init__(self, city: City, closures: Sequence[Closure] = ()) -> None:
        self.city = city
        times = sorted({t for c in closures for t in (c.from_min, c.until_min)})
        self.eras: list[float] = [0.0, *times]
        arcs = [closed_arcs(city, c) for c in closures]
        self.closed: list[NDArray[np.intp]] = []
        for at in self.eras:
            now = [a for a, c in zip(arcs, closures, strict=True) if c.from_min <= at < c.until_min]
            self.closed.append(np.unique(np.concatenate(now)) if now else np.zeros(0, np.intp))
        if times and times[0] <= 0.0:  # closed from the first minute: the era before it has no length
            self.closed[0] = self.closed[1]
        self._kept: OrderedDict[Trip, Way] = OrderedDict()
        self._bytes = 0
        self._matrices: dict[tuple[int, int, bool], csr_array] = {}

    def era(self, at_min: float) -> int:
        """Return which set of closures is in force at a time."""
        return int(np.searchsorted(self.eras, at_min, side="right")) - 1

    def between(self, trips: Sequence[Trip]) -> list[Way]:
        """Return the ways of trips, in order; equal trips share one."""
        found: dict[Trip, Way] = {}
        missing: list[Trip] = []
        for trip in dict.fromkeys(trips):
            if trip in self._kept:
                self._kept.move_to_end(trip)
                found[trip] = self._kept[trip]
            else:
                missing.append(trip)
        for tree, others in _grouped(missing).items():
            for other, way in zip(others, self._ways(*tree, others), strict=True):
                era, mode, end, backward = tree
                trip = (era, mode, other, end) if backward else (era, mode, end, other)
                found[trip] = way
                self._keep(trip, way)
        return [found[trip] for trip in trips]

    def _keep(self, trip: Trip, way: Way) -> None:
        self._kept[trip] = way
        self._bytes += way.nbytes
        while self._bytes > KEPT_BYTES and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.nbytes

    def _matrix(self, era: int, mode: int, backward: bool) -> csr_array:
        key = (era, mode, backward)
        if key not in self._matrices:
            if len(self._matrices) >= MOST_MATRICES:
                self._matrices.pop(next(iter(self._matrices)))
            roads = self.city.roads
            self._matrices[key] = graph_matrix(roads, roads.time_min[mode], self.closed[era], reverse=backward)
        return self._matrices[key]

    def _ways(self, era: int, mode: int, end: int, backward: bool, others: list[int]) -> list[Way]:
        """Return the ways from one place to others, or (backward) from others to it: one search for all."""
        mode = self.city.roads.mode(mode)
        root, ends = int(self.city.places[end]), self.city.places[others]
        # The table tells how far the search must go; a little more, since it is rounded to float32.
        limit = np.inf
        if era == 0 and mode < len(self.city.travel):
            table = self.city.travel[mode, others, end] if backward else self.city.travel[mode, end, others]
            limit = float(table.max()) * (1 + 1e-5) + 1e-3
        matrix = self._matrix(era, mode, backward)
        minutes, before = dijkstra(matrix, indices=root, return_predecessors=True, limit=limit)
        return [
            _way(minutes, before, root, leaf, backward)
            if np.isfinite(minutes[leaf])
            else self._off_road(era, mode, end, other, backward)
            for other, leaf in zip(others, ends.tolist(), strict=True)
        ]

    def _off_road(self, era: int, mode: int, end: int, other: int, backward: bool) -> Way:
        """Return the usual way where closures leave none, a straight line where there never was one."""
        if era != 0:
            usual = self._ways(0, mode, end, backward, [other])[0]
            return Way(usual.nodes, usual.share, False)
        pair = [self.city.places[end], self.city.places[other]]
        return Way(np.array(pair[::-1] if backward else pair, np.int32), np.array([0, 1], np.float32), False)


def _grouped(trips: Sequence[Trip]) -> dict[tuple[int, int, int, bool], list[int]]:
    """Return searches that cover all trips: each trip from its source or its target, whichever serves more trips."""
    sources = Counter((era, mode, source) for era, mode, source, _ in trips)
    targets = Counter((era, mode, target) for era, mode, _, target in trips)
    out: dict[tuple[int, int, int, bool], list[int]] = defaultdict(list)
    for era, mode, source, target in trips:
        backward = targets[era, mode, target] > sources[era, mode, source]
        out[era, mode, target if backward else source, backward].append(source if backward else target)
    return out


def _way(minutes: NDArray[np.float64], before: NDArray[np.int32], root: int, leaf: int, backward: bool) -> Way:
    nodes = [leaf]
    while nodes[-1] != root and before[nodes[-1]] != _UNREACHED:
        nodes.append(int(before[nodes[-1]]))
    total = float(minutes[leaf])
    way = np.array(nodes if backward else nodes[::-1], np.int32)
    passed = total - minutes[way] if backward else minutes[way]
    share = passed / total if total > 0 else np.linspace(0, 1, len(way))
    return Way(way, share.astype(np.float32))
