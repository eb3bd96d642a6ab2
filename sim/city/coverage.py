"""Static coverage: how soon the nearest station reaches people if every unit is free.

A check of geography alone; queues, turnout and busy units are the simulation's business.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.city.city import City
from sim.city.parameters import number
from sim.city.roads import LIGHTS
from sim.city.travel import distance_table, graph_matrix
from sim.errors import InputError


class Coverage(NamedTuple):
    """Result of :func:`static_coverage`.

    Parameters
    ----------
    mean_min
        Mean time from the nearest station, minutes, weighted by people.
    share
        Share of people reached within the threshold, 0-1.
    """

    mean_min: float
    share: float


def static_coverage(
    city: City, facility_kind: str, threshold_min: float, *, mode: int = LIGHTS, staffed_only: bool = True
) -> Coverage:
    """Return mean time and share covered from the nearest facility of a kind.

    Travel runs from the door to the nearest joinable node, over the roads, and off the road to the demand point;
    demand is the population raster where one was read, else residents at their nodes.

    Parameters
    ----------
    city
        The city.
    facility_kind
        Such as "ambulance".
    threshold_min
        Minutes within which one counts as covered.
    mode
        Travel mode, lights and sirens by default.
    staffed_only
        Count only facilities where units are based.

    Returns
    -------
    Coverage

    Raises
    ------
    InputError
        When there is no such facility or nobody to cover.
    """
    rows = city.facilities.of(facility_kind)
    if staffed_only:
        rows = rows[city.facilities.units[rows] > 0]
    if not len(rows):
        raise InputError(
            "no such facility", field="facility_kind", found=facility_kind,
            allowed=sorted(set(city.facilities.kind.tolist())) or "none in this city",
        )  # fmt: skip
    node, weight, off_road_m = _people(city)
    roads, used = city.roads, city.roads.mode(mode)
    per_m = 60 / 1000 / (number("off_road_kmh") if roads.off_road_kmh is None else float(roads.off_road_kmh[used]))
    matrix = graph_matrix(roads, roads.time_min[used])
    targets, at = np.unique(node, return_inverse=True)
    table = distance_table(matrix, city.facilities.node[rows], targets)
    nearest = (table + city.facilities.access_m[rows, None] * per_m).min(axis=0)
    minutes = nearest[at] + off_road_m * per_m
    total = weight.sum()
    return Coverage(float((minutes * weight).sum() / total), float(weight[minutes <= threshold_min].sum() / total))


def _people(city: City) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    if city.demand is not None:
        return city.demand.node.astype(np.int64), city.demand.weight, city.demand.off_road_m
    weight = city.node_weight()
    node = np.flatnonzero(weight)
    if not len(node):
        raise InputError("nobody to cover", field="residents", found=0, allowed="a city with residents or a raster")
    return node, weight[node], np.zeros(len(node))
