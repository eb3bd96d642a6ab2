"""Making a city from files: read the network, lay areas over it, add homes, ties and missing facilities.

What the files hold is kept; what they lack is drawn from the seed, and ``provenance`` says which is which.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.city.admin import read_admin_tree
from sim.city.areas import Areas
from sim.city.city import City, Demand, assemble
from sim.city.facilities import Facilities
from sim.city.graphml import read_graphml
from sim.city.jemss import read_jemss
from sim.city.layout import lay, regular_tree
from sim.city.parameters import number
from sim.city.placing import BY_AREA, BY_PEOPLE, make_facilities
from sim.city.plausible import check_apart, check_within_reach
from sim.city.population import make_residents
from sim.city.roads import Roads
from sim.city.shared import located
from sim.city.source import Source, Spots
from sim.city.spec import ReadSpec
from sim.city.stations import read_facilities
from sim.city.tables import ReadReport
from sim.city.ties import make_ties
from sim.city.vertices import read_vertices_edges
from sim.errors import InputError


def read_city(spec: ReadSpec, base_folder: Path = Path(".")) -> tuple[City, ReadReport]:
    """Read a city.

    Parameters
    ----------
    spec
        Format, files and what to do about bad rows.
    base_folder
        Folder that relative paths start from.

    Returns
    -------
    city, report
        The city, and what was read and dropped.

    Raises
    ------
    InputError
        On anything wrong in the files; names file, line, field, found, allowed.
    """
    source = _source(spec, Path(base_folder))
    if spec.facilities is not None:
        given = read_facilities(located(Path(base_folder), spec.facilities), source.roads, source.report)
        source.spots = _replaced(source.spots, given)
        source.provenance["facilities"] = "read: given list"
    file = None if spec.admin_tree is None else located(Path(base_folder), spec.admin_tree)
    tree = None if file is None else read_admin_tree(file, source.report)
    return city_from(source, spec, tree), source.report


def _source(spec: ReadSpec, base: Path) -> Source:
    if spec.format == "graphml":
        path = located(base, str(spec.file))
        roads, report = read_graphml(path, spec.on_bad_rows)
        crs = "local metres" if roads.lon is None else "local metres about the mean longitude and latitude"
        return Source(path.name.split(".")[0], roads, report, crs=crs, provenance={"roads": "read: real network"})
    folder = located(base, str(spec.folder))
    if spec.format == "jemss":
        return read_jemss(folder, spec.on_bad_rows, spec.raster_unit)
    return read_vertices_edges(folder, spec.on_bad_rows, spec.length_unit, spec.speed_kmh)


def city_from(source: Source, spec: ReadSpec, tree: Areas | None) -> City:
    """Make a city from what was read; see :func:`read_city`."""
    roads = source.roads
    demand = _demand(source)
    count = _count(spec, demand)
    people, door_min = _homes(roads, demand, count)
    per_grid = number("people_per_grid") if spec.people_per_grid is None else spec.people_per_grid
    name = spec.name or source.name
    given = tree
    if tree is None:
        per_community = number("grids_per_community") * per_grid
        communities = min(max(1, round(count / per_community)), len(roads))
        tree = regular_tree(communities, number("communities_per_street"), number("streets_per_district"), name, name)
    layout = lay(tree, roads, people, per_grid)
    archetype = layout.areas.archetype[layout.areas.grids]
    residents, grid_first = make_residents(count, spec.seed, layout.node_grid, people, archetype)
    ties = make_ties(residents, grid_first, archetype, spec.seed)
    grid_row = layout.areas.grids[layout.node_grid]
    facilities = _join(roads, source.spots, grid_row, source.report)
    provenance = {
        "roads": "read", "facilities": "none", **source.provenance,
        "residents": _homes_said(demand is not None, count, spec.residents is not None),
        "areas": "synthetic" if given is None else "given tree, territory synthetic",
    }  # fmt: skip
    if told := [*source.report.notes, *(f"{bad.count} rows dropped: {bad.problem}" for bad in source.report.bad)]:
        provenance["reading"] = "; ".join(told)
    if layout.grids_short:
        provenance["grids_short"] = f"{layout.grids_short} grids fewer than wished: the network has too few nodes there"
    if spec.add_facilities and count:
        facilities = _complete(facilities, roads, layout.areas, layout.node_grid, people)
        provenance["facilities"] = f"{provenance['facilities']}; other kinds synthetic"
    city = assemble(
        name=name, seed=spec.seed, areas=layout.areas, roads=roads, facilities=facilities, residents=residents,
        grid_first=grid_first, ties=ties, node_grid=layout.node_grid, provenance=provenance,
        max_places=spec.max_places, node_door_min=door_min, demand=demand, crs=source.crs,
    )  # fmt: skip
    city.incidents = source.incidents
    return city


def _count(spec: ReadSpec, demand: Demand | None) -> int:
    """Return the number of residents, given or counted by a raster; nothing else in a city's files says it."""
    if spec.residents is not None:
        return spec.residents
    counted = 0 if demand is None else round(float(demand.weight.sum()))
    if not counted:
        raise InputError(
            "the files do not say how many residents the city has", field="residents",
            found="a raster of none" if demand else "no population raster", allowed="a number of residents",
        )  # fmt: skip
    return counted


def _replaced(read: Spots | None, given: Spots) -> Spots:
    """Return the facilities of a list, with those of the network's own files whose kinds it does not name."""
    if read is None:
        return given
    kept = ~np.isin(read.kind, given.kind)
    return Spots(*(np.concatenate([vars(read)[name][kept], vars(given)[name]]) for name in vars(given)))


def _homes_said(raster: bool, count: int, given: bool) -> str:
    if not count:
        return "none"
    spread = "spread by the population raster" if raster else "spread by length of street"
    return f"synthetic, {spread}; number {'given' if given else 'from the raster'}"


def _demand(source: Source) -> Demand | None:
    if source.surface is None:
        return None
    x, y, weight = source.surface
    node, off_road_m = source.roads.nearest_node(x, y)
    width_m = float(np.hypot(np.ptp(source.roads.x), np.ptp(source.roads.y)))
    check_apart(off_road_m, width_m, "places of the population raster", None, source.report)
    return Demand(x, y, weight, node, off_road_m)


def _homes(roads: Roads, demand: Demand | None, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return float64[N] expected residents at nodes, and float64[N] minutes from node to door."""
    if demand is None:
        # Street frontage stands in for homes where nothing better is known.
        weight = np.bincount(roads.arc_from, roads.length_m, len(roads))
        weight += np.bincount(roads.arc_to, roads.length_m, len(roads))
        weight = weight if weight.sum() > 0 else np.ones(len(roads))
        return weight * (count / weight.sum()), None
    weight = np.bincount(demand.node, demand.weight, len(roads))
    metres = np.bincount(demand.node, demand.weight * demand.off_road_m, len(roads)) / np.maximum(weight, 1e-300)
    speed_kmh = number("off_road_kmh") if roads.off_road_kmh is None else float(roads.off_road_kmh[0])
    return weight * (count / weight.sum()), metres / (speed_kmh * 1000 / 60)


def _join(roads: Roads, spots: Spots | None, grid_row: NDArray[np.int32], report: ReadReport) -> Facilities:
    if spots is None:
        return Facilities.empty()
    node, access_m = roads.nearest_node(spots.x, spots.y)
    width_m = float(np.hypot(np.ptp(roads.x), np.ptp(roads.y)))
    check_apart(access_m, width_m, "facilities", None, report)
    check_within_reach(access_m, width_m, spots.kind, spots.name, None)
    return Facilities(
        spots.kind, spots.name, node, np.full(len(node), -1), grid_row[node], spots.capacity, spots.units, spots.x,
        spots.y, access_m,
    )  # fmt: skip


def _complete(
    read: Facilities, roads: Roads, areas: Areas, node_grid: NDArray[np.int32], people: NDArray[np.float64]
) -> Facilities:
    missing = tuple(kind for kind in (*BY_PEOPLE, *BY_AREA) if kind not in set(read.kind.tolist()))
    if not missing:
        return read
    made = make_facilities(roads, areas, node_grid, people, kinds=missing)
    columns = ("kind", "name", "node", "place", "area", "capacity", "units", "x", "y", "access_m")
    return Facilities(*(np.concatenate([getattr(read, c), getattr(made, c)]) for c in columns))
