"""Facilities: stations, centres, offices, hospitals, shelters and warehouses, as columns.

A facility is a place that staff start from or that people are brought to. Who works there is not said here, only
how many units stand ready when nothing else is stated.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

KINDS: tuple[str, ...] = (
    "police", "fire", "ambulance", "hospital", "street_centre", "district_centre", "community_office",
    "urban_management", "market", "housing", "labour", "civil_affairs", "emergency", "petition", "shelter",
    "warehouse",
)  # fmt: skip
"""Kinds that the synthetic builder makes; a read city may hold others."""

CAPACITY_UNITS: dict[str, str] = {
    "police": "vehicles", "fire": "vehicles", "ambulance": "vehicles", "hospital": "beds", "shelter": "persons",
    "warehouse": "person-days of supplies",
}  # fmt: skip
"""What ``capacity`` counts; service seats for kinds not named here."""


@dataclass(eq=False)
class Facilities:
    """Facilities of a city.

    Parameters
    ----------
    kind, name
        str[F].
    node
        int32[F], road node at the door.
    place
        int32[F], place index (row of the travel table); -1 until places are chosen.
    area
        int32[F], area row that an administrative facility serves, else the grid row that it lies in.
    capacity
        float64[F], see :data:`CAPACITY_UNITS`.
    units
        int32[F], units that stand ready there by default; 0 for a station without crew.
    x, y
        float64[F], metres; the door itself, which may lie off the road.
    access_m
        float64[F], distance between door and node, metres.
    """

    kind: NDArray[np.str_]
    name: NDArray[np.str_]
    node: NDArray[np.int32]
    place: NDArray[np.int32]
    area: NDArray[np.int32]
    capacity: NDArray[np.float64]
    units: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    x: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    y: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    access_m: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        count = len(self.kind)
        self.kind, self.name = np.asarray(self.kind, np.str_), np.asarray(self.name, np.str_)
        for column in ("node", "place", "area", "units"):
            values = getattr(self, column)
            setattr(self, column, np.asarray(values if len(values) else np.zeros(count), np.int32))
        for column in ("capacity", "x", "y", "access_m"):
            values = getattr(self, column)
            setattr(self, column, np.asarray(values if len(values) else np.zeros(count), np.float64))

    def __len__(self) -> int:
        return len(self.kind)

    @classmethod
    def empty(cls) -> Facilities:
        """Return a table without rows."""
        none = np.zeros(0, np.int32)
        return cls(np.zeros(0, np.str_), np.zeros(0, np.str_), none, none, none, np.zeros(0))

    def of(self, kind: str) -> NDArray[np.int32]:
        """Return int32 rows of one kind; empty when there is none."""
        return np.flatnonzero(self.kind == kind).astype(np.int32)
