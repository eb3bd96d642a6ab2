"""The road network: nodes with coordinates, directed arcs with length and travel time per mode.

It holds the graph and its conversion from and to networkx in OSMnx's conventions. Shortest paths are in
``sim.city.travel``; the shape of a street between its end nodes is not kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from sim.city.spec import MOST_METRES
from sim.errors import InputError

if TYPE_CHECKING:
    import networkx as nx

ORDINARY, LIGHTS = 0, 1
"""Travel modes: ordinary driving, and lights and sirens."""

LOCAL_CRS = "+proj=tmerc +lat_0=0 +lon_0=0 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m"
"""Written for a city that lies nowhere on Earth, so that a reader of projected graphs takes x, y as metres."""

EARTH_RADIUS_M = 6_371_008.8
"""Mean Earth radius (IUGG 1980), for the local projection."""


@dataclass(eq=False)
class Roads:
    """A directed road graph.

    Parameters
    ----------
    x, y
        float64[N], metres in a local projection.
    arc_from, arc_to
        int32[E], node rows.
    length_m
        float64[E], metres, 0 or more.
    time_min
        float32[M, E], minutes per travel mode (0 ordinary, 1 lights and sirens); M is 1 when one time is known.
    lon, lat
        float64[N] degrees, or None when the city lies nowhere.
    node_name
        str[N], the source's own identifiers, or None for 0..N-1.
    highway
        str[E], class of road as OpenStreetMap names them, or None.
    access
        bool[N], whether a place off the road may join here; None means everywhere.
    off_road_kmh
        float64[M], speed between a door and its node, km/h; None means that doors are at nodes.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    arc_from: NDArray[np.int32]
    arc_to: NDArray[np.int32]
    length_m: NDArray[np.float64]
    time_min: NDArray[np.float32]
    lon: NDArray[np.float64] | None = None
    lat: NDArray[np.float64] | None = None
    node_name: NDArray[np.str_] | None = None
    highway: NDArray[np.str_] | None = None
    access: NDArray[np.bool_] | None = None
    off_road_kmh: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        self.x, self.y = np.asarray(self.x, np.float64), np.asarray(self.y, np.float64)
        self.arc_from, self.arc_to = np.asarray(self.arc_from, np.int32), np.asarray(self.arc_to, np.int32)
        self.length_m = np.asarray(self.length_m, np.float64)
        self.time_min = np.atleast_2d(np.asarray(self.time_min, np.float32))

    def __len__(self) -> int:
        return len(self.x)

    @property
    def arcs(self) -> int:
        """Number of arcs."""
        return len(self.arc_from)

    def street_m(self) -> float:
        """Return the metres of road, of which both directions are one: the longer way between two nodes, summed."""
        forward = self.arc_from <= self.arc_to
        ends = np.sort(np.stack([self.arc_from, self.arc_to]), axis=0).astype(np.int64)
        _, pair = np.unique(ends[0] * len(self) + ends[1], return_inverse=True)
        pairs = int(pair.max(initial=-1)) + 1
        ways = [np.bincount(pair[way], self.length_m[way], pairs) for way in (forward, ~forward)]
        return float(np.maximum(*ways).sum())

    @property
    def modes(self) -> int:
        """Number of travel modes."""
        return self.time_min.shape[0]

    def mode(self, wanted: int) -> int:
        """Return ``wanted``, or the last mode there is when the graph has fewer."""
        return min(wanted, self.modes - 1)

    def name_of(self, node: int) -> str:
        """Return the source's identifier of a node."""
        return str(node) if self.node_name is None else str(self.node_name[node])

    @cached_property
    def _join_tree(self) -> tuple[cKDTree, NDArray[np.int64]]:
        nodes = np.arange(len(self)) if self.access is None else np.flatnonzero(self.access)
        return cKDTree(np.column_stack([self.x[nodes], self.y[nodes]])), nodes

    def nearest_node(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the nearest nodes that may be joined, and how far they are.

        Parameters
        ----------
        x, y
            Metres, any equal shape.

        Returns
        -------
        nodes, distance_m
            int32 and float64 of that shape.
        """
        tree, nodes = self._join_tree
        distance_m, found = tree.query(np.stack(np.broadcast_arrays(x, y), axis=-1))
        return nodes[found].astype(np.int32), np.asarray(distance_m)

    def validate(self, file: str | PathLike[str] | None = None) -> None:
        """Refuse a graph that cannot be driven on.

        Raises
        ------
        InputError
            On no nodes, coordinates that are not finite, arcs naming missing nodes, lengths or times that are
            negative or not finite.
        """
        if not len(self):
            raise InputError("the road network has no nodes", file=file, allowed="at least one node")
        bad = np.flatnonzero(~((np.abs(self.x) <= MOST_METRES) & (np.abs(self.y) <= MOST_METRES)))
        if len(bad):
            raise InputError(
                f"node {self.name_of(bad[0])} has a coordinate that cannot be", file=file, field="x, y",
                found=f"{self.x[bad[0]]}, {self.y[bad[0]]}", allowed=f"metres, at most {MOST_METRES:g} in size",
            )  # fmt: skip
        for column, ends in (("from", self.arc_from), ("to", self.arc_to)):
            bad = np.flatnonzero((ends < 0) | (ends >= len(self)))
            if len(bad):
                raise InputError(
                    f"arc {bad[0]} names a missing node", file=file, field=column, found=int(ends[bad[0]]),
                    allowed=f"0..{len(self) - 1}",
                )  # fmt: skip
        for column, values in (("length_m", self.length_m[None, :]), ("time_min", self.time_min)):
            good = np.isfinite(values) & (values >= 0)
            if not good.all():
                mode, arc = np.argwhere(~good)[0]
                raise InputError(
                    f"arc {arc} has a value that cannot be", file=file, field=column,
                    found=float(values[mode, arc]), allowed="finite, 0 or more",
                )  # fmt: skip

    def components(self) -> NDArray[np.int32]:
        """Return int32[N], the strongly connected component of each node; 0 is the largest."""
        ones = np.ones(self.arcs, np.int8)
        graph = csr_array((ones, (self.arc_from, self.arc_to)), shape=(len(self), len(self)))
        count, label = connected_components(graph, directed=True, connection="strong")
        size = np.bincount(label, minlength=count)
        rank = np.empty(count, np.int32)
        rank[np.argsort(-size, kind="stable")] = np.arange(count, dtype=np.int32)
        return rank[label]

    def subset(self, keep: NDArray[np.bool_]) -> Roads:
        """Return the graph of the nodes kept and the arcs between them."""
        row = np.where(keep, np.cumsum(keep) - 1, -1)
        arcs = keep[self.arc_from] & keep[self.arc_to]

        def nodes(values):
            return None if values is None else values[keep]

        return Roads(
            self.x[keep], self.y[keep], row[self.arc_from[arcs]], row[self.arc_to[arcs]], self.length_m[arcs],
            self.time_min[:, arcs], nodes(self.lon), nodes(self.lat), nodes(self.node_name),
            None if self.highway is None else self.highway[arcs], nodes(self.access), self.off_road_kmh,
        )  # fmt: skip

    def connected(
        self, on_bad_rows: str = "refuse", file: str | PathLike[str] | None = None
    ) -> tuple[Roads, NDArray[np.bool_]]:
        """Return a strongly connected graph.

        Parameters
        ----------
        on_bad_rows
            "refuse" or "drop" the nodes outside the largest strongly connected component.
        file
            Named in the error.

        Returns
        -------
        roads, kept
            The graph, and bool[N] of the nodes kept.

        Raises
        ------
        InputError
            When the roads fall apart and ``on_bad_rows`` is "refuse"; names the sizes of the components.
        """
        label = self.components()
        if label.max(initial=0) == 0:
            return self, np.ones(len(self), bool)
        sizes = np.bincount(label)
        if on_bad_rows != "drop":
            shown = ", ".join(map(str, sizes[:8])) + (f" and {len(sizes) - 8} more" if len(sizes) > 8 else "")
            lost = int(np.flatnonzero(label == 1)[0])
            raise InputError(
                f"the roads are disconnected: {len(sizes)} components from which one cannot drive to all others and "
                f"back (node {self.name_of(lost)} is not in the largest)",
                file=file, field="on_bad_rows", found=f"components of {shown} nodes",
                allowed="one component, or on_bad_rows: drop",
            )  # fmt: skip
        kept = label == 0
        return self.subset(kept), kept

    def to_networkx(self) -> nx.MultiDiGraph:
        """Return the graph in OSMnx's conventions.

        Nodes carry x, y (degrees when known, else metres), arcs ``length`` m, ``travel_time`` s, ``speed_kph``,
        ``oneway``, ``osmid`` and, where a second mode is known, ``travel_time_lights`` s.
        """
        geographic = self.lon is not None and self.lat is not None
        import networkx as nx  # slow to import, needed by few

        graph = nx.MultiDiGraph(crs="epsg:4326" if geographic else LOCAL_CRS, created_with="GridWhistle")
        names = [int(text) if text.isdigit() else text for text in map(self.name_of, range(len(self)))]
        across, up = (self.lon, self.lat) if geographic else (self.x, self.y)
        assert across is not None and up is not None
        for row, name in enumerate(names):
            graph.add_node(name, x=float(across[row]), y=float(up[row]))
        both = set(zip(self.arc_from.tolist(), self.arc_to.tolist(), strict=True))
        time_s = self.time_min.astype(np.float64) * 60
        for arc, (a, b) in enumerate(zip(self.arc_from.tolist(), self.arc_to.tolist(), strict=True)):
            length_m, seconds = float(self.length_m[arc]), float(time_s[0, arc])
            one_way = (b, a) not in both
            data: dict[str, Any] = {"osmid": arc, "length": length_m, "travel_time": seconds, "oneway": one_way}
            if seconds > 0:
                data["speed_kph"] = length_m / seconds * 3.6
            if self.modes > 1:
                data["travel_time_lights"] = float(time_s[1, arc])
            if self.highway is not None:
                data["highway"] = str(self.highway[arc])
            graph.add_edge(names[a], names[b], **data)
        return graph

    @classmethod
    def from_networkx(
        cls, graph: nx.MultiDiGraph, *, on_bad_rows: str = "refuse", file: str | PathLike[str] | None = None
    ) -> Roads:
        """Read a MultiDiGraph in OSMnx's conventions; see ``sim.city.graphml.roads_from_graph``."""
        from sim.city.graphml import roads_from_graph

        return roads_from_graph(graph, on_bad_rows=on_bad_rows, file=file)[0]


def project(lon: ArrayLike, lat: ArrayLike, lon0: float, lat0: float) -> tuple[NDArray, NDArray]:
    """Project degrees on a plane touching the Earth at (lon0, lat0).

    Equirectangular on a sphere, as OSMnx measures lengths: within 0.6 % of the ellipsoid, and the plane itself adds
    less than 0.1 % within 50 km at moderate latitudes; both are below what the speeds are known to.

    Returns
    -------
    x, y
        float64 metres east and north of (lon0, lat0).
    """
    metres_per_degree = np.pi / 180 * EARTH_RADIUS_M
    x = (np.asarray(lon, np.float64) - lon0) * np.cos(np.radians(lat0)) * metres_per_degree
    return x, (np.asarray(lat, np.float64) - lat0) * metres_per_degree
