"""Laying an area tree over a road network, and making one where none is given.

Every leaf of the tree gets a contiguous territory of nodes holding its share of the people; leaves above the grid
level are split into grids. A tree without coordinates gets plausible territories, not the true ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.city.areas import Areas
from sim.city.partition import partition
from sim.city.roads import Roads


@dataclass(eq=False)
class Layout:
    """A tree with territory.

    Parameters
    ----------
    areas
        The tree, down to grids.
    node_grid
        int32[N], grid index of each road node.
    grids_made
        Number of grids that were split off because the tree given had none there.
    grids_short
        Number of grids wished for but not made, because their area has fewer nodes than grids.
    """

    areas: Areas
    node_grid: NDArray[np.int32]
    grids_made: int
    grids_short: int


def regular_tree(
    communities: int, communities_per_street: float, streets_per_district: float, name: str, name_zh: str
) -> Areas:
    """Return a tree of evenly filled streets and districts, down to communities.

    Parameters
    ----------
    communities
        Number of communities, 1 or more.
    communities_per_street, streets_per_district
        Wished means.
    name, name_zh
        Of the city.

    Returns
    -------
    Areas
        Rows in the order city, districts, streets, communities.
    """
    streets = max(1, round(communities / communities_per_street))
    districts = max(1, round(streets / streets_per_district))
    street_of = np.arange(communities) * streets // communities
    district_of = np.arange(streets) * districts // streets
    in_street = np.arange(communities) - np.searchsorted(street_of, street_of) + 1
    in_district = np.arange(streets) - np.searchsorted(district_of, district_of) + 1
    code, title, title_zh = ["C"], [name], [name_zh]
    for d in range(districts):
        code.append(f"C-{d + 1:02d}")
        title.append(f"District {d + 1}")
        title_zh.append(f"第{d + 1}区")
    street_codes = [f"C-{d + 1:02d}-{k:02d}" for d, k in zip(district_of, in_district, strict=True)]
    code += street_codes
    title += [f"Street {d + 1}.{k}" for d, k in zip(district_of, in_district, strict=True)]
    title_zh += [f"第{d + 1}区第{k}街道" for d, k in zip(district_of, in_district, strict=True)]
    numbered = [(s, k) for s, k in zip(street_of, in_street, strict=True)]
    code += [f"{street_codes[s]}-{k:02d}" for s, k in numbered]
    title += [f"Community {district_of[s] + 1}.{in_district[s]}.{k}" for s, k in numbered]
    title_zh += [f"{title_zh[1 + districts + s]}第{k}社区" for s, k in numbered]
    level = np.repeat([4, 3, 2, 1], [1, districts, streets, communities])
    parent = np.concatenate([[-1], np.zeros(districts, int), 1 + district_of, 1 + districts + street_of])
    return Areas(np.array(code), np.array(title), np.array(title_zh), level, parent)


def lay(
    tree: Areas,
    roads: Roads,
    people: NDArray[np.floating],
    people_per_grid: float | NDArray[np.floating],
    node_archetype: NDArray[np.int8] | None = None,
) -> Layout:
    """Lay a tree over a network.

    Parameters
    ----------
    tree
        A validated tree; its leaves may be at any level.
    roads
        The network.
    people
        float[N], expected residents at each node (or any weight, then leaves are not split further).
    people_per_grid
        Wished residents per grid; one number or one per node.
    node_archetype
        int8[N]; all urban when None. What the tree states goes before it.

    Returns
    -------
    Layout
        With centres and archetypes filled in.

    Raises
    ------
    InputError
        When the network has fewer nodes than the tree has leaves.
    """
    kind = np.zeros(len(roads), np.int8) if node_archetype is None else node_archetype
    stated = tree.inherited()
    mass = np.asarray(people, np.float64)
    node_leaf = _territories(tree, roads, mass + mass.sum() * 1e-12 + 1e-300)
    areas, node_row, made, short = _split_leaves(tree, roads, mass, node_leaf, people_per_grid)
    node_grid = areas.grid_index[node_row]
    _describe(areas, roads, mass, node_grid, np.where(stated[node_leaf] >= 0, stated[node_leaf], kind))
    return Layout(areas, node_grid, made, short)


def _territories(tree: Areas, roads: Roads, mass: NDArray) -> NDArray[np.int32]:
    leaves = _leaf_counts(tree)
    order = np.argsort(tree.parent, kind="stable")
    bounds = np.searchsorted(tree.parent[order], np.arange(len(tree) + 1))
    node_row = np.zeros(len(roads), np.int32)
    stack = [(tree.root, np.arange(len(roads)))]
    while stack:
        row, nodes = stack.pop()
        children = order[bounds[row] : bounds[row + 1]]
        if not len(children):
            node_row[nodes] = row
            continue
        label = partition(roads.x[nodes], roads.y[nodes], mass[nodes], leaves[children], leaves[children])
        sort = np.argsort(label, kind="stable")
        cuts = np.searchsorted(label[sort], np.arange(1, len(children)))
        for child, part in zip(children.tolist(), np.split(nodes[sort], cuts), strict=True):
            stack.append((child, part))
    return node_row


def _leaf_counts(tree: Areas) -> NDArray[np.int64]:
    has_child = np.zeros(len(tree), bool)
    has_child[tree.parent[tree.parent >= 0]] = True
    count = (~has_child).astype(np.int64)
    for level in range(4):
        rows = np.flatnonzero((tree.level == level) & (tree.parent >= 0))
        np.add.at(count, tree.parent[rows], count[rows])
    return count


def _split_leaves(
    tree: Areas, roads: Roads, mass: NDArray, node_leaf: NDArray, people_per_grid: float | NDArray
) -> tuple[Areas, NDArray[np.int32], int, int]:
    node_row, short = node_leaf.copy(), 0
    parents: list[int] = []
    names: list[tuple[str, str, str]] = []
    grids_at = mass / np.asarray(people_per_grid, np.float64)
    order = np.argsort(node_leaf, kind="stable")
    leaves, first = np.unique(node_leaf[order], return_index=True)
    for leaf, nodes in zip(leaves.tolist(), np.split(order, first[1:]), strict=True):
        if tree.level[leaf] == 0:
            continue
        wished = max(1, round(float(grids_at[nodes].sum())))
        parts = min(wished, len(nodes))
        short += wished - parts
        label = partition(roads.x[nodes], roads.y[nodes], mass[nodes], np.ones(parts))
        node_row[nodes] = len(tree) + len(parents) + label
        for k in range(1, parts + 1):
            parents.append(leaf)
            code, name, name_zh = (str(column[leaf]) for column in (tree.code, tree.name, tree.name_zh))
            names.append((f"{code}-G{k:02d}", f"{name} grid {k}", f"{name_zh}第{k}网格"))
    made = len(parents)
    extra = list(zip(*names, strict=True)) if made else [(), (), ()]
    areas = Areas(
        np.concatenate([tree.code, np.array(extra[0], np.str_)]),
        np.concatenate([tree.name, np.array(extra[1], np.str_)]),
        np.concatenate([tree.name_zh, np.array(extra[2], np.str_)]),
        np.concatenate([tree.level, np.zeros(made, np.int8)]),
        np.concatenate([tree.parent, np.array(parents, np.int32)]),
    )
    areas.validate()
    return areas, node_row, made, short


def _describe(areas: Areas, roads: Roads, mass: NDArray, node_grid: NDArray, node_archetype: NDArray) -> None:
    # Centres weigh people where there are any; the archetype is that of most people, else of most nodes.
    weight = mass + mass.sum() * 1e-9 / max(1, len(mass)) + 1e-300
    for level in range(5):
        rows = areas.rows(level)
        if not len(rows):
            continue
        row = areas.ancestor(areas.grids, level)[node_grid]
        inside = row >= 0
        total = np.bincount(row[inside], weight[inside], len(areas))
        for column, at in ((areas.x, roads.x), (areas.y, roads.y)):
            sums = np.bincount(row[inside], weight[inside] * at[inside], len(areas))
            column[rows] = (sums / np.maximum(total, 1e-300))[rows]
        by_kind = np.stack(
            [np.bincount(row[inside & (node_archetype == k)], weight[inside & (node_archetype == k)], len(areas))
             for k in range(4)]
        )  # fmt: skip
        areas.archetype[rows] = by_kind.argmax(axis=0)[rows]
