"""Roads that are closed for a time, and the travel times that hold meanwhile.

A closure names arcs by a circle on the map. When it begins and ends the run is held, the travel table
under present conditions is put in its place, and the run goes on; whoever is on the way arrives as planned.
Where no way is left, `travel.blocked_min` is added to the ordinary time (on foot, or through the cordon).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sim.cases.catalogue import MOST_MIN, Part
from sim.city.city import City
from sim.city.spec import MOST_METRES
from sim.errors import InputError


class Closure(Part):
    """Roads around a point that are closed between two times."""

    name: str
    from_min: float = Field(ge=0, le=MOST_MIN, description="minutes since the scenario's start")
    until_min: float = Field(gt=0, le=MOST_MIN, description="minutes since the scenario's start")
    x_m: float = Field(ge=-MOST_METRES, le=MOST_METRES, description="centre, metres in the city's coordinates")
    y_m: float = Field(ge=-MOST_METRES, le=MOST_METRES, description="centre, metres in the city's coordinates")
    radius_m: float = Field(ge=1, le=1e6, description="arcs with their middle inside this circle are closed")

    @model_validator(mode="after")
    def _order(self) -> Closure:
        if self.until_min <= self.from_min:
            raise ValueError("a closure must end after it begins")
        return self


def closed_arcs(city: City, closure: Closure, field: str = "closures") -> NDArray[np.intp]:
    """Return the arcs that a closure closes.

    Raises
    ------
    InputError
        When there is no road inside the circle.
    """
    roads = city.roads
    x = (roads.x[roads.arc_from] + roads.x[roads.arc_to]) / 2
    y = (roads.y[roads.arc_from] + roads.y[roads.arc_to]) / 2
    arcs = np.flatnonzero(np.hypot(x - closure.x_m, y - closure.y_m) <= closure.radius_m)
    if not len(arcs):
        raise InputError(
            "no road lies inside the closure", field=field, found=closure.name, allowed="a circle over a road"
        )
    return arcs


def travel_changes(city: City, closures: list[Closure], blocked_min: float) -> list[tuple[float, NDArray[np.float32]]]:
    """Return when travel times change, and the table that holds from then on (float32[M, P, P], minutes).

    Equal sets of closed roads share one table.
    """
    if not closures:
        return []
    arcs = [closed_arcs(city, c, f"closures.{i}") for i, c in enumerate(closures)]
    tables: dict[frozenset[int], NDArray[np.float32]] = {frozenset(): city.travel}
    out = []
    for at in sorted({t for c in closures for t in (c.from_min, c.until_min)}):
        open_now = frozenset(i for i, c in enumerate(closures) if c.from_min <= at < c.until_min)
        if open_now not in tables:
            closed = np.unique(np.concatenate([arcs[i] for i in sorted(open_now)]))
            table = city.travel_with(closed, unreachable="inf")
            tables[open_now] = np.where(np.isfinite(table), table, city.travel + np.float32(blocked_min)).astype(
                np.float32
            )
        out.append((at, np.ascontiguousarray(tables[open_now])))
    return out
