"""Where the facilities of a synthetic city stand.

Stations spread by people (one to so many residents), offices by area (one to each community, street or district).
It places buildings; staff and vehicles are the scenario's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.city.areas import Areas
from sim.city.facilities import Facilities
from sim.city.parameters import number
from sim.city.partition import partition
from sim.city.roads import Roads

BY_PEOPLE: tuple[str, ...] = ("police", "fire", "ambulance", "hospital", "shelter")
"""Kinds of which there is one to ``city.people_per_<kind>`` residents."""

BY_AREA: dict[str, int] = {
    "community_office": 1, "street_centre": 2, "urban_management": 2, "district_centre": 3, "market": 3,
    "housing": 3, "labour": 3, "civil_affairs": 3, "emergency": 3, "petition": 3, "warehouse": 3,
}  # fmt: skip
"""Kinds of which there is one to each area of a level."""


def make_facilities(
    roads: Roads,
    areas: Areas,
    node_grid: NDArray[np.int32],
    people: NDArray[np.floating],
    counts: Mapping[Any, int] | None = None,
    kinds: tuple[str, ...] = (*BY_PEOPLE, *BY_AREA),
) -> Facilities:
    """Place facilities.

    Parameters
    ----------
    roads, areas, node_grid
        The network and the areas laid over it.
    people
        float[N], expected residents at each node.
    counts
        Number of facilities of a kind in ``BY_PEOPLE``, in place of the register's ratio; 0 for none.
    kinds
        Kinds to place.

    Returns
    -------
    Facilities
        In the order of ``kinds``; ``place`` is filled in by :func:`sim.city.city.assemble`.
    """
    given = counts or {}
    rows: list[tuple[str, str, int, int, float]] = []
    grid_row = areas.grids[node_grid]
    for kind in kinds:
        if kind in BY_PEOPLE:
            count = given.get(kind, max(1, round(float(people.sum()) / number(f"people_per_{kind}"))))
            nodes = _spread(roads, people, count)
            capacity = _capacity(kind, float(people.sum()) / max(1, len(nodes)))
            rows += [
                (kind, f"{_title(kind)} {k + 1}", node, int(grid_row[node]), capacity) for k, node in enumerate(nodes)
            ]
        else:
            rows += _one_per_area(kind, BY_AREA[kind], roads, areas, grid_row, people)
    kind_column, name, node_column, area, room = (list(column) for column in zip(*rows, strict=True))
    node = np.array(node_column, np.int32)
    units = [round(number(f"units_per_{k}")) if k in ("police", "fire", "ambulance") else 1 for k in kind_column]
    return Facilities(
        np.array(kind_column), np.array(name), node, np.full(len(node), -1), np.array(area), np.array(room),
        np.array(units), roads.x[node], roads.y[node], np.zeros(len(node)),
    )  # fmt: skip


def _title(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


def _capacity(kind: str, people: float) -> float:
    if kind in ("police", "fire", "ambulance"):
        return float(round(number(f"units_per_{kind}")))
    if kind in ("hospital", "shelter"):
        word = "beds" if kind == "hospital" else "shelter_places"
        return float(round(number(f"{word}_per_1000") * people / 1000))
    if kind == "warehouse":
        return float(round(number("supply_days_per_1000") * people / 1000))
    return float(round(number("office_seats")))


def _spread(roads: Roads, people: NDArray, count: int) -> list[int]:
    if count <= 0:
        return []
    count = min(count, len(roads))
    weight = people + people.sum() * 1e-12 + 1e-300
    label = partition(roads.x, roads.y, weight, np.ones(count))
    return _middle_nodes(roads, weight, label, count)


def _middle_nodes(roads: Roads, weight: NDArray, label: NDArray, parts: int) -> list[int]:
    total = np.bincount(label, weight, parts)
    cx, cy = (np.bincount(label, weight * axis, parts) / np.maximum(total, 1e-300) for axis in (roads.x, roads.y))
    away = np.hypot(roads.x - cx[label], roads.y - cy[label])
    order = np.lexsort((np.arange(len(label)), away, label))
    return order[np.unique(label[order], return_index=True)[1]].tolist()


def _one_per_area(
    kind: str, level: int, roads: Roads, areas: Areas, grid_row: NDArray, people: NDArray
) -> list[tuple[str, str, int, int, float]]:
    row = areas.ancestor(grid_row, level)
    held = np.unique(row[row >= 0])
    if not len(held):
        return []
    inside = np.flatnonzero(row >= 0)
    label = np.searchsorted(held, row[inside])
    weight = people[inside] + people.sum() * 1e-12 + 1e-300
    local = roads.subset(row >= 0)
    nodes = inside[_middle_nodes(local, weight, label, len(held))].tolist()
    size = np.bincount(label, people[inside], len(held))
    return [
        (kind, f"{areas.name[area]} {_title(kind).lower()}", int(node), int(area), _capacity(kind, float(number_of)))
        for area, node, number_of in zip(held.tolist(), nodes, size.tolist(), strict=True)
    ]
