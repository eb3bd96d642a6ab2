"""What a reader hands over: a network and whatever else the files hold, before areas and people are added.

Each format's reader returns one of these; ``sim.city.readers`` makes the city from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.city.roads import Roads
from sim.city.tables import ReadReport


@dataclass(eq=False)
class Spots:
    """Facilities by coordinates, before they are joined to nodes.

    Parameters
    ----------
    kind, name
        str[F].
    x, y
        float64[F], metres.
    capacity
        float64[F], 0 when unknown.
    units
        int32[F], units based there.
    """

    kind: NDArray[np.str_]
    name: NDArray[np.str_]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    capacity: NDArray[np.float64]
    units: NDArray[np.int32]


@dataclass(eq=False)
class Incidents:
    """Recorded incidents of a read city.

    Parameters
    ----------
    x, y
        float64[I], metres.
    kind
        str[I].
    arc
        int32[I], the arc on which it lies, in the direction the file gives; -1 unknown.
    position
        float64[I], share of the arc from its first node, 0-1.
    node
        int32[I], the nearer end.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    kind: NDArray[np.str_]
    arc: NDArray[np.int32]
    position: NDArray[np.float64]
    node: NDArray[np.int32]


@dataclass(eq=False)
class Source:
    """What the files of a city hold.

    Parameters
    ----------
    name
        Of the city, from the files.
    roads, report
        The network, and how reading went.
    spots
        Facilities, or None.
    surface
        (x, y, weight) of a population surface, metres and people, or None.
    incidents
        Recorded incidents, or None.
    crs
        Note on coordinates.
    provenance
        What is real.
    """

    name: str
    roads: Roads
    report: ReadReport
    spots: Spots | None = None
    surface: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None = None
    incidents: Incidents | None = None
    crs: str = "local metres"
    provenance: dict[str, str] = field(default_factory=dict)
