"""The city: areas, roads, facilities, people, ties and travel joined into one thing.

Built by ``synthetic``, ``readers`` or ``bare`` through :func:`assemble`; written and read by ``storage``. It has no
clock, no staff and no cases.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.city.areas import LEVELS, Areas
from sim.city.facilities import Facilities
from sim.city.roads import Roads
from sim.city.source import Incidents
from sim.city.ties import Ties
from sim.city.travel import choose_places, nearest_place, place_error, travel_table

PLACE_ORDER: tuple[str, ...] = ("hospital", "district_centre", "street_centre", "community_office", "shelter")
"""Order in which facilities claim places when there are too many; kinds not named here come first."""


@dataclass(eq=False)
class Demand:
    """Where calls come from in a read city, finer than its nodes.

    Parameters
    ----------
    x, y
        float64[D], metres.
    weight
        float64[D], people (or any weight) there.
    node
        int32[D], the node joined.
    off_road_m
        float64[D], distance to it, metres.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    weight: NDArray[np.float64]
    node: NDArray[np.int32]
    off_road_m: NDArray[np.float64]


@dataclass(eq=False)
class City:
    """A city.

    Parameters
    ----------
    name, seed
        What it is called, and the seed that it was drawn from (0 for nothing drawn).
    areas, roads, facilities, ties
        Its parts.
    residents
        ``RESIDENT``[R], sorted by grid; may be empty.
    grid_first
        int64[G+1], residents of grid g at ``grid_first[g]:grid_first[g + 1]``.
    places
        int32[P], road node of each place.
    node_place, node_last_mile_min
        int32[N] place that a node joins; float32[N] minutes from it.
    node_grid
        int32[N], grid index of each node.
    provenance
        What is real and what is synthetic, in words.
    demand
        Demand surface, when one was read.
    crs
        Note on coordinates.
    incidents
        Recorded incidents, when some were read.
    """

    name: str
    seed: int
    areas: Areas
    roads: Roads
    facilities: Facilities
    residents: NDArray[np.void]
    grid_first: NDArray[np.int64]
    ties: Ties
    places: NDArray[np.int32]
    node_place: NDArray[np.int32]
    node_last_mile_min: NDArray[np.float32]
    node_grid: NDArray[np.int32]
    provenance: dict[str, str] = field(default_factory=dict)
    demand: Demand | None = None
    crs: str = "local metres"
    incidents: Incidents | None = None
    _travel: NDArray[np.float32] | None = None

    @property
    def place_x(self) -> NDArray[np.float64]:
        """float64[P], metres."""
        return self.roads.x[self.places]

    @property
    def place_y(self) -> NDArray[np.float64]:
        """float64[P], metres."""
        return self.roads.y[self.places]

    @property
    def place_grid(self) -> NDArray[np.int32]:
        """int32[P], grid index of each place."""
        return self.node_grid[self.places]

    @property
    def travel(self) -> NDArray[np.float32]:
        """float32[M, P, P], minutes between places; computed at first use and kept on disk."""
        if self._travel is None:
            self._travel = travel_table(self.roads, self.places)
        return self._travel

    def travel_with(self, closed_arcs: ArrayLike, unreachable: str = "inf") -> NDArray[np.float32]:
        """Return the travel table while some arcs are closed; see :func:`sim.city.travel.travel_table`."""
        if not len(np.asarray(closed_arcs)):
            return self.travel
        return travel_table(self.roads, self.places, closed_arcs, base=self.travel, unreachable=unreachable)

    @cached_property
    def grid_place(self) -> NDArray[np.int32]:
        """int32[G], the place joined by the node nearest each grid's centre."""
        grids = len(self.areas.grids)
        away = np.hypot(
            self.roads.x - self.areas.x[self.areas.grids][self.node_grid],
            self.roads.y - self.areas.y[self.areas.grids][self.node_grid],
        )
        order = np.lexsort((np.arange(len(self.roads)), away, self.node_grid))
        present, first = np.unique(self.node_grid[order], return_index=True)
        out = np.zeros(grids, np.int32)
        out[present] = self.node_place[order[first]]
        return out

    def travel_error(self, sources: int = 64) -> dict[str, float]:
        """Return what joining homes to places costs in accuracy; see :func:`sim.city.travel.place_error`."""
        weights = self.node_weight() if len(self.residents) else None
        return place_error(
            self.roads, self.places, self.travel, self.node_place, self.node_last_mile_min, weights=weights,
            sources=sources,
        )  # fmt: skip

    def node_weight(self) -> NDArray[np.float64]:
        """float64[N], residents at each node."""
        return np.bincount(self.residents["node"], minlength=len(self.roads)).astype(np.float64)

    def title(self, lang: str) -> str:
        """Return the city's name in ``en`` or ``zh``; its one name where it has no other."""
        if lang != "zh":
            return self.name
        named = np.flatnonzero(self.areas.name == self.name)
        return str(self.areas.name_zh[named[0]]) if len(named) else self.name

    def summary(self) -> dict[str, Any]:
        """Return counts that describe the city, ready for JSON."""
        kinds, counts = np.unique(self.facilities.kind, return_counts=True)
        return {
            "name": self.name,
            "seed": self.seed,
            "residents": len(self.residents),
            "areas": {level: int((self.areas.level == k).sum()) for k, level in reversed(list(enumerate(LEVELS)))},
            "nodes": len(self.roads),
            "arcs": self.roads.arcs,
            "road_km": round(self.roads.street_m() / 1000, 3),
            "modes": self.roads.modes if self._travel is None else int(self._travel.shape[0]),
            "places": len(self.places),
            "exact_travel": bool((self.node_last_mile_min == 0).all() or self._homes_are_places()),
            "facilities": {str(kind): int(count) for kind, count in zip(kinds, counts, strict=True)},
            "ties": len(self.ties.to),
            "crs": self.crs,
            "provenance": dict(self.provenance),
        }

    def _homes_are_places(self) -> bool:
        homes = np.unique(self.residents["node"]) if len(self.residents) else np.zeros(0, np.int64)
        return bool(len(homes) and (self.node_last_mile_min[homes] == 0).all())

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the city to a folder; see :func:`sim.city.storage.save_city`."""
        from sim.city.storage import save_city

        save_city(self, folder)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> City:
        """Read a city that :meth:`save` wrote; see :func:`sim.city.storage.load_city`."""
        from sim.city.storage import load_city

        return load_city(folder)


def assemble(
    *,
    name: str,
    seed: int,
    areas: Areas,
    roads: Roads,
    facilities: Facilities,
    residents: NDArray[np.void],
    grid_first: NDArray[np.int64],
    ties: Ties,
    node_grid: NDArray[np.int32],
    provenance: dict[str, str],
    max_places: int = 4096,
    node_door_min: NDArray[np.floating] | None = None,
    demand: Demand | None = None,
    crs: str = "local metres",
) -> City:
    """Choose places, join nodes, facilities and homes to them, and return the city.

    Parameters
    ----------
    node_door_min
        float[N], minutes between a node and the doors that join it; none when None.
    max_places
        Bound on the number of places.

    Returns
    -------
    City
        ``place`` and ``last_mile_min`` of residents and ``place`` of facilities are filled in; the travel table is
        not computed yet.
    """
    must = _must_have(facilities, max_places)
    weight = np.bincount(residents["node"], minlength=len(roads)) if len(residents) else np.zeros(len(roads))
    if not len(residents) and not len(must):
        weight = np.ones(len(roads))
    places = choose_places(roads, must, weight, max_places)
    node_place, last_mile = nearest_place(roads, places)
    if len(residents):
        residents["place"] = node_place[residents["node"]]
        door = 0.0 if node_door_min is None else np.asarray(node_door_min, np.float32)[residents["node"]]
        residents["last_mile_min"] = last_mile[residents["node"]] + door
    facilities.place = node_place[facilities.node].astype(np.int32)
    return City(
        name, seed, areas, roads, facilities, residents, grid_first, ties, places, node_place, last_mile, node_grid,
        provenance, demand, crs,
    )  # fmt: skip


def _must_have(facilities: Facilities, max_places: int) -> NDArray[np.int32]:
    # Three quarters of the room at most: homes must not be left without places of their own.
    rank = {kind: k + 1 for k, kind in enumerate(PLACE_ORDER)}
    order = np.argsort([rank.get(str(kind), 0) for kind in facilities.kind], kind="stable")
    nodes = facilities.node[order]
    nodes = nodes[np.sort(np.unique(nodes, return_index=True)[1])] if len(nodes) else nodes
    return nodes if len(nodes) <= max_places * 3 // 4 else nodes[: max_places * 3 // 4]
