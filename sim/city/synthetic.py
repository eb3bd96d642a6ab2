"""A synthetic city of any size from a seed and a few numbers.

Streets, territory, facilities, residents and ties come one after the other, each from its own random stream. Every
number not given is the register's default. It imitates sizes, densities and distances, not a real town.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.city.areas import Areas
from sim.city.city import City, assemble
from sim.city.layout import Layout, lay, regular_tree
from sim.city.parameters import ARCHETYPES, by_archetype, number, stream
from sim.city.placing import make_facilities
from sim.city.population import make_residents
from sim.city.roads import Roads
from sim.city.spec import SyntheticSpec
from sim.city.streets import StreetSpec, make_streets
from sim.city.ties import make_ties


def synthetic_city(spec: SyntheticSpec, tree: Areas | None = None) -> City:
    """Build a synthetic city.

    Parameters
    ----------
    spec
        Size, seed and whatever departs from the register's defaults.
    tree
        An administrative tree to lay over it; a regular one when None.

    Returns
    -------
    City
        Deterministic in ``spec``; every part from its own stream.
    """
    shares = archetype_shares(spec)
    roads, kind = make_streets(streets_of(spec), spec.seed)
    people = node_people(spec.residents * shares, kind, spec.seed)
    layout = _lay(spec, roads, people, kind, tree)
    grids = layout.areas.grids
    residents, grid_first = make_residents(
        spec.residents, spec.seed, layout.node_grid, people, layout.areas.archetype[grids]
    )
    ties = make_ties(residents, grid_first, layout.areas.archetype[grids], spec.seed)
    facilities = make_facilities(roads, layout.areas, layout.node_grid, people, spec.facilities)
    provenance = {
        "roads": "synthetic", "residents": "synthetic", "facilities": "synthetic",
        "areas": "synthetic" if tree is None else "given tree, territory synthetic",
        "grids_short": str(layout.grids_short),
    }  # fmt: skip
    return assemble(
        name=spec.name, seed=spec.seed, areas=layout.areas, roads=roads, facilities=facilities, residents=residents,
        grid_first=grid_first, ties=ties, node_grid=layout.node_grid, provenance=provenance,
        max_places=spec.max_places,
    )  # fmt: skip


def streets_of(spec: SyntheticSpec) -> StreetSpec:
    """Return areas, distances and speeds of the streets that a spec asks for."""
    return StreetSpec(
        area_km2=spec.residents * archetype_shares(spec) / _overridden("density_per_km2", spec.density_per_km2),
        spacing_m=_overridden("street_spacing_m", spec.street_spacing_m),
        local_kmh=_overridden("local_speed_kmh", spec.local_speed_kmh),
        arterial_kmh=number("arterial_speed_kmh") if spec.arterial_speed_kmh is None else spec.arterial_speed_kmh,
    )


def archetype_shares(spec: SyntheticSpec) -> NDArray[np.float64]:
    """Return float64[4], shares of residents by archetype, summing to 1."""
    share = _overridden("archetype_share", spec.archetype_shares, missing=0.0 if spec.archetype_shares else None)
    return share / share.sum()


def _overridden(name: str, given: Mapping[Any, float] | None, missing: float | None = None) -> NDArray[np.float64]:
    values = by_archetype(name) if missing is None else np.full(4, missing)
    for kind, value in (given or {}).items():
        values[ARCHETYPES.index(kind)] = value
    return values


def node_people(residents: NDArray[np.float64], kind: NDArray[np.int8], seed: int) -> NDArray[np.float64]:
    """Return float64[N], expected residents at each node: an even share of its zone, times lognormal unevenness.

    Parameters
    ----------
    residents
        float64[4], residents by archetype.
    kind
        int8[N], archetype of each node; a zone without nodes gives its people to the others.
    seed
        The city's seed.
    """
    rough = np.exp(number("density_sigma") * stream(seed, "population.density").standard_normal(len(kind)))
    zone = np.bincount(kind, rough, 4)
    people = rough * (residents / np.maximum(zone, 1e-300))[kind]
    return people * (residents.sum() / people.sum())


def _lay(
    spec: SyntheticSpec, roads: Roads, people: NDArray[np.float64], kind: NDArray[np.int8], tree: Areas | None
) -> Layout:
    per_grid = number("people_per_grid") if spec.people_per_grid is None else spec.people_per_grid
    if tree is None:
        per_community = _given(spec.grids_per_community, "grids_per_community") * per_grid
        communities = min(max(1, round(spec.residents / per_community)), len(roads))
        tree = regular_tree(
            communities,
            _given(spec.communities_per_street, "communities_per_street"),
            _given(spec.streets_per_district, "streets_per_district"),
            spec.name,
            spec.name_zh or spec.name,
        )
    return lay(tree, roads, people, per_grid, kind)


def _given(value: float | None, name: str) -> float:
    return number(name) if value is None else value
