"""Ties between people, and the organisation: two of the three networks (roads are the third).

Social ties are households, neighbours along a ring of doors inside a grid, and a few long ties, kept as a sparse
table. Ties say who hears from whom; they carry no contact rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.city.areas import LEVELS, Areas
from sim.city.parameters import number, stream

if TYPE_CHECKING:
    import networkx as nx

HOUSEHOLD, NEIGHBOUR, LONG = 0, 1, 2
"""Kinds of ties."""


@dataclass(eq=False)
class Ties:
    """Social ties in compressed rows.

    Parameters
    ----------
    first
        int64[n+1]; the ties of resident r are at ``first[r]:first[r + 1]``.
    to
        int32[T], the resident at the other end; every tie stands at both ends.
    kind
        int8[T], household, neighbour or long.
    """

    first: NDArray[np.int64]
    to: NDArray[np.int32]
    kind: NDArray[np.int8]

    @classmethod
    def none(cls, count: int) -> Ties:
        """Return the empty network of ``count`` residents."""
        return cls(np.zeros(count + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int8))

    def of(self, resident: int) -> NDArray[np.int32]:
        """Return int32 rows of the residents tied to one."""
        return self.to[self.first[resident] : self.first[resident + 1]]

    def mean_degree(self, kind: int) -> float:
        """Return the mean number of ties of one kind per resident."""
        return float((self.kind == kind).sum() / max(1, len(self.first) - 1))


def make_ties(
    residents: NDArray[np.void], grid_first: NDArray[np.int64], grid_archetype: NDArray[np.int8], seed: int
) -> Ties:
    """Draw social ties.

    Neighbours stand on a ring of doors within each grid, each tied to the next k/2 on either side; a share of these
    is then moved to a random resident of the same grid so that clustering falls from the ring's
    3(k-2)/(4(k-1)) by the cube of what stays (Watts and Strogatz 1998; Barrat and Weigt 2000) to the value wished.

    Parameters
    ----------
    residents, grid_first
        From :func:`sim.city.population.make_residents`.
    grid_archetype
        int8[G]; urban grids are "dense", all others "old-style" (FACTS section 5, assumption).
    seed
        The city's seed.

    Returns
    -------
    Ties
        Symmetric, without self-ties or doubles.
    """
    count = len(residents)
    if count < 2:
        return Ties.none(count)
    keys = [_keys(*pair, kind, count) for pair, kind in (
        (_household_pairs(residents["household"]), HOUSEHOLD),
        (_neighbour_pairs(residents, grid_first, grid_archetype, seed), NEIGHBOUR),
        (_long_pairs(count, seed), LONG),
    )]  # fmt: skip
    key = np.concatenate(keys)
    del keys
    key.sort()
    # Sorted by (from, to, kind): the first of equal pairs is the closest kind.
    new = np.ones(len(key), bool)
    np.not_equal(key[1:] >> 2, key[:-1] >> 2, out=new[1:])
    key = key[new]
    kind = (key & 3).astype(np.int8)
    key >>= 2
    first = np.searchsorted(key, np.arange(count + 1, dtype=np.int64) * count)
    return Ties(first.astype(np.int64), (key % count).astype(np.int32), kind)


def _keys(a: NDArray, b: NDArray, kind: int, count: int) -> NDArray[np.int64]:
    real = a != b
    a, b = a[real].astype(np.int64), b[real].astype(np.int64)
    return np.concatenate([a * count + b, b * count + a]) * 4 + kind


def _household_pairs(household: NDArray) -> tuple[NDArray, NDArray]:
    # Members are consecutive rows: pair each with the next, the next but one, and so on while any share a home.
    lefts, rights, step = [], [], 1
    while step < len(household):
        left = np.flatnonzero(household[step:] == household[:-step])
        if not len(left):
            break
        lefts.append(left)
        rights.append(left + step)
        step += 1
    none = np.zeros(0, np.int64)
    return np.concatenate([*lefts, none]), np.concatenate([*rights, none])


def _neighbour_pairs(residents: NDArray, first: NDArray, grid_archetype: NDArray, seed: int) -> tuple[NDArray, NDArray]:
    draw = stream(seed, "ties.neighbours")
    count, mean = len(residents), number("neighbour_ties_mean")
    # Doors in order of grid, then node, then chance: next on the ring is next door, seldom the same household.
    shuffle = draw.permutation(count)
    wide = residents["grid"].astype(np.int64) * (int(residents["node"].max()) + 1) + residents["node"]
    ring = shuffle[np.argsort(wide[shuffle], kind="stable")]
    grid = residents["grid"][ring]
    size, start = np.diff(first)[grid], first[grid]
    keep = _kept_share(mean, grid_archetype)[grid]
    position = np.arange(count) - start
    lefts, rights = [], []
    for step in range(1, int(np.ceil(mean / 2)) + 1):
        present = np.ones(count, bool)
        if step > mean / 2:
            present = draw.random(count, dtype=np.float32) < mean / 2 - (step - 1)
        moved = draw.random(count, dtype=np.float32) >= keep
        other = np.where(moved, (draw.random(count) * size).astype(np.int64), (position + step) % size) + start
        lefts.append(ring[present])
        rights.append(ring[other[present]])
    return np.concatenate(lefts), np.concatenate(rights)


def _kept_share(mean: float, grid_archetype: NDArray) -> NDArray[np.float64]:
    ring = 3 * (mean - 2) / (4 * (mean - 1)) if mean > 2 else 0.0
    wished = np.where(grid_archetype == 0, number("ties_clustering_dense"), number("ties_clustering_old"))
    return np.clip(wished / ring, 0.0, 1.0) ** (1 / 3) if ring > 0 else np.ones(len(grid_archetype))


def _long_pairs(count: int, seed: int) -> tuple[NDArray, NDArray]:
    draw = stream(seed, "ties.long")
    pairs = round(count * number("long_ties_mean") / 2)
    return draw.integers(0, count, pairs), draw.integers(0, count, pairs)


def clustering(ties: Ties, sample: NDArray[np.integer], kind: int = NEIGHBOUR) -> float:
    """Return the mean local clustering of sampled residents over ties of one kind.

    Parameters
    ----------
    ties
        The network.
    sample
        Resident rows; those with fewer than two ties count as 0.
    kind
        Kind of ties looked at.

    Returns
    -------
    float
        0-1.
    """
    values = []
    for person in sample.tolist():
        friends = _of_kind(ties, person, kind)
        if len(friends) < 2:
            values.append(0.0)
            continue
        closed = sum(int(np.isin(_of_kind(ties, friend, kind), friends).sum()) for friend in friends.tolist())
        values.append(closed / (len(friends) * (len(friends) - 1)))
    return float(np.mean(values)) if values else 0.0


def _of_kind(ties: Ties, person: int, kind: int) -> NDArray[np.int32]:
    rows = slice(ties.first[person], ties.first[person + 1])
    return ties.to[rows][ties.kind[rows] == kind]


def organisation(areas: Areas) -> nx.DiGraph:
    """Return who may send to whom along the area tree.

    Parameters
    ----------
    areas
        The tree.

    Returns
    -------
    networkx.DiGraph
        Nodes are area codes with ``name``, ``name_zh``, ``level``; an arc child to parent has relation "escalate",
        an arc parent to child "assign". Departments are added by the scenario.
    """
    import networkx as nx  # slow to import, needed by few

    graph = nx.DiGraph()
    for row in range(len(areas)):
        graph.add_node(
            str(areas.code[row]), name=str(areas.name[row]), name_zh=str(areas.name_zh[row]),
            level=LEVELS[areas.level[row]],
        )  # fmt: skip
    for row in np.flatnonzero(areas.parent >= 0).tolist():
        child, parent = str(areas.code[row]), str(areas.code[areas.parent[row]])
        graph.add_edge(child, parent, relation="escalate")
        graph.add_edge(parent, child, relation="assign")
    return graph
