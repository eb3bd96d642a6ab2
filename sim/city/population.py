"""Residents: one structured array, sorted by grid, drawn from a few shares and means.

Everyone is synthetic: homes follow the given weight of nodes, traits follow the register. It holds the state at the
scenario's start; how people change is told by ``sim.agents``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.city.parameters import ARCHETYPES, by_archetype, number, stream

RESIDENT = np.dtype(
    [
        ("node", "i4"), ("place", "i4"), ("grid", "i4"), ("household", "i4"), ("last_mile_min", "f4"),
        ("trust", "f4"), ("satisfaction", "f4"), ("grievance", "f4"), ("digital", "f4"), ("vulnerability", "f4"),
        ("standing", "f4"), ("age_band", "i1"), ("volunteer", "i1"),
    ],
    align=True,
)  # fmt: skip
"""One resident. node: road node of the home; place: row of the travel table that the node joins; grid: grid index;
household: id, consecutive residents share it; last_mile_min: place to door; trust, satisfaction, digital (access),
vulnerability, standing (weight of an elder's word): 0-1; grievance: 0 or more; age_band: see ``AGE_BANDS``;
volunteer: 0 or 1."""

AGE_BANDS: tuple[str, ...] = ("0-14", "15-34", "35-59", "60-74", "75+")
"""Years of age of bands 0..4."""

_AGE_NAMES = ("0_14", "15_34", "35_59", "60_74", "75_plus")


def largest_remainder(weight: NDArray[np.floating], total: int) -> NDArray[np.int64]:
    """Share a whole number out in proportion to weights.

    Parameters
    ----------
    weight
        float[n], 0 or more, not all 0 (equal shares if all are).
    total
        Whole number to share out.

    Returns
    -------
    numpy.ndarray
        int64[n] summing to ``total``, each within 1 of its exact share.
    """
    mass = np.asarray(weight, np.float64)
    mass = mass if mass.sum() > 0 else np.ones(len(mass))
    exact = mass / mass.sum() * total
    out = np.floor(exact).astype(np.int64)
    short = total - int(out.sum())
    out[np.argsort(out - exact, kind="stable")[:short]] += 1
    return out


def make_residents(
    count: int,
    seed: int,
    node_grid: NDArray[np.int32],
    node_weight: NDArray[np.floating],
    grid_archetype: NDArray[np.int8],
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Draw residents.

    Parameters
    ----------
    count
        Number of residents, 0 or more.
    seed
        The city's seed.
    node_grid
        int32[N], grid index of each road node.
    node_weight
        float[N], expected residents at each node, any scale.
    grid_archetype
        int8[G].

    Returns
    -------
    residents, grid_first
        ``RESIDENT``[count] sorted by grid, and int64[G+1] with the residents of grid g at
        ``grid_first[g]:grid_first[g + 1]``. ``place`` and ``last_mile_min`` are 0 until places are chosen.
    """
    grids = len(grid_archetype)
    people = largest_remainder(np.bincount(node_grid, node_weight, grids), count)
    first = np.concatenate([[0], np.cumsum(people)]).astype(np.int64)
    residents = np.zeros(count, RESIDENT)
    residents["grid"] = np.repeat(np.arange(grids, dtype=np.int32), people)
    if not count:
        return residents, first
    starts = _households(residents, first, seed)
    _homes(residents, starts, seed, node_grid, node_weight, grids)
    archetype = grid_archetype[residents["grid"]]
    _ages(residents, starts, archetype, seed)
    _traits(residents, archetype, seed)
    return residents, first


def _households(residents: NDArray, first: NDArray, seed: int) -> NDArray[np.bool_]:
    # A household never crosses a grid's border, so the last one of a grid may be cut short.
    draw = stream(seed, "population.households")
    mean = number("household_size_mean")
    starts = np.zeros(len(residents), bool)
    starts[first[:-1][np.diff(first) > 0]] = True
    position = 0
    while position < len(residents):
        left = int((len(residents) - position) / mean * 1.02) + 64
        ends = position + np.cumsum(1 + draw.poisson(mean - 1.0, left))
        starts[ends[ends < len(residents)]] = True
        position = int(ends[-1])
    residents["household"] = np.cumsum(starts, dtype=np.int32) - 1
    return starts


def _homes(residents: NDArray, starts: NDArray, seed: int, node_grid: NDArray, weight: NDArray, grids: int) -> None:
    order = np.argsort(node_grid, kind="stable")
    mass = np.asarray(weight, np.float64)[order]
    cumulated = np.concatenate([[0.0], np.cumsum(mass)])
    bounds = np.searchsorted(node_grid[order], np.arange(grids + 1))
    low, high = cumulated[bounds[:-1]], cumulated[bounds[1:]]
    head_grid = residents["grid"][starts]
    u = stream(seed, "population.homes").random(len(head_grid))
    at = np.searchsorted(cumulated, low[head_grid] + u * (high - low)[head_grid], side="right") - 1
    node = order[np.clip(at, bounds[head_grid], bounds[head_grid + 1] - 1)]
    residents["node"] = node[residents["household"]]


def _ages(residents: NDArray, heads: NDArray, archetype: NDArray, seed: int) -> None:
    # The first of a household is never a child; the others are children oftener, so that the share stays.
    share = np.array([number(f"age_share_{name}") for name in _AGE_NAMES])
    old = by_archetype("old_age_factor")
    u = stream(seed, "population.ages").random(len(residents), dtype=np.float32)
    head_share = heads.mean()
    for kind in range(len(ARCHETYPES)):
        mine = share * np.where(np.arange(5) >= 3, old[kind], 1.0)
        mine /= mine.sum()
        child = min(mine[0] / max(1.0 - head_share, 1e-9), 1.0)
        adult = mine[1:] / mine[1:].sum()
        for is_head, rest in ((True, 1.0), (False, 1.0 - child)):
            edges = np.cumsum(np.concatenate([[1.0 - rest], adult * rest]))[:-1].astype(np.float32)
            rows = np.flatnonzero((archetype == kind) & (heads == is_head))
            residents["age_band"][rows] = np.searchsorted(edges, u[rows], side="right")


def _beta(draw: np.random.Generator, mean: NDArray | float, concentration: float, count: int) -> NDArray[np.float32]:
    mean = np.broadcast_to(np.asarray(mean, np.float32), count)
    a = draw.standard_gamma(mean * np.float32(concentration), dtype=np.float32)
    b = draw.standard_gamma((1 - mean) * np.float32(concentration), dtype=np.float32)
    return a / np.maximum(a + b, np.float32(1e-9))


def _traits(residents: NDArray, archetype: NDArray, seed: int) -> None:
    count, age = len(residents), residents["age_band"]
    spread = number("trait_concentration")
    names = ("trust", "satisfaction")
    for name in names:
        residents[name] = _beta(stream(seed, f"population.{name}"), number(f"{name}_mean"), spread, count)
    access = np.array([number(f"digital_access_{name}") for name in _AGE_NAMES])
    factor = by_archetype("digital_factor")
    mean = np.clip(access[age] * factor[archetype], 0.01, 0.99)
    residents["digital"] = _beta(stream(seed, "population.digital"), mean, spread, count)
    need = np.array([number(f"vulnerability_{name}") for name in _AGE_NAMES])
    residents["vulnerability"] = _beta(stream(seed, "population.vulnerability"), need[age], spread, count)
    word = np.array([number(f"standing_{name}") for name in _AGE_NAMES])
    residents["standing"] = _beta(stream(seed, "population.standing"), word[age], spread, count)
    adult = (age >= 1) & (age <= 3)
    share = number("volunteer_share")
    residents["volunteer"] = adult & (stream(seed, "population.volunteer").random(count, dtype=np.float32) < share)
