"""A city of given places and given travel, with no streets and no residents.

It serves textbook models and tests: queueing oracles, hypercube examples, tables read elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.city.areas import LEVELS, Areas
from sim.city.city import City
from sim.city.facilities import Facilities
from sim.city.population import RESIDENT
from sim.city.roads import Roads
from sim.city.ties import Ties
from sim.errors import InputError

METRICS: tuple[str, ...] = ("manhattan", "euclid", "none")
"""Travel by city blocks, by straight line, or none at all."""


def bare_city(
    places: Sequence[tuple[float, float]] | None = None,
    travel_min: ArrayLike | None = None,
    metric: str = "manhattan",
    speed_kmh: float = 30.0,
    grids: int | None = None,
    name: str = "bare",
) -> City:
    """Build a city of given places and travel.

    Parameters
    ----------
    places
        (x, y) in metres; places on a line when None and ``travel_min`` is given, one place when neither is.
    travel_min
        float[P, P] or float[M, P, P], minutes from row to column; computed by ``metric`` when None.
    metric
        "manhattan", "euclid" or "none" (no time at all).
    speed_kmh
        Speed under a metric, above 0.
    grids
        1 (default): one area per level. P: one grid per place, under one area of each higher level.
    name
        Of the city.

    Returns
    -------
    City
        Without residents; place p is road node p, and its grid is grid p or 0.

    Raises
    ------
    InputError
        On an unknown metric, a speed of 0 or less, a matrix of another shape or with entries negative or not finite.
    """
    matrix = None if travel_min is None else _matrix(travel_min)
    points = _points(places, matrix)
    if matrix is None:
        matrix = _by_metric(points, metric, speed_kmh)
    if matrix.shape[1] != len(points):
        raise InputError(
            "travel matrix of another size than the places", field="travel_min", found=f"{matrix.shape[1]} rows",
            allowed=f"{len(points)} rows",
        )  # fmt: skip
    count = len(points)
    if grids not in (None, 1, count):
        raise InputError("grids cannot be shared so", field="grids", found=grids, allowed=f"1 or {count}")
    cells = count if grids == count else 1
    node_grid = np.arange(count, dtype=np.int32) if cells == count else np.zeros(count, np.int32)
    none = np.zeros(0, np.int32)
    roads = Roads(points[:, 0], points[:, 1], none, none, np.zeros(0), np.zeros((matrix.shape[0], 0), np.float32))
    return City(
        name, 0, _areas(cells, points, node_grid), roads, Facilities.empty(), np.zeros(0, RESIDENT),
        np.zeros(cells + 1, np.int64), Ties.none(0), np.arange(count, dtype=np.int32),
        np.arange(count, dtype=np.int32), np.zeros(count, np.float32), node_grid,
        {"roads": "none: travel is given", "residents": "none"}, _travel=matrix,
    )  # fmt: skip


def _matrix(given: ArrayLike) -> NDArray[np.float32]:
    try:
        matrix = np.asarray(given, np.float32)
    except (ValueError, TypeError) as error:
        raise InputError(
            "travel matrix is not a table of numbers", field="travel_min", allowed="P rows of P minutes"
        ) from error
    if matrix.ndim == 2:
        matrix = matrix[None]
    if matrix.ndim != 3 or matrix.shape[1] != matrix.shape[2] or not matrix.shape[1]:
        raise InputError(
            "travel matrix is not square", field="travel_min", found=f"shape {np.shape(given)}",
            allowed="P x P or modes x P x P",
        )  # fmt: skip
    wrong = ~(np.isfinite(matrix) & (matrix >= 0))
    if wrong.any():
        _, a, b = np.argwhere(wrong)[0]
        raise InputError(
            f"travel time from place {a} to place {b} cannot be", field="travel_min",
            found=float(matrix[wrong][0]), allowed="finite minutes, 0 or more",
        )  # fmt: skip
    return np.ascontiguousarray(matrix)


def _points(places: Sequence[tuple[float, float]] | None, matrix: NDArray | None) -> NDArray[np.float64]:
    if places is None:
        count = 1 if matrix is None else matrix.shape[1]
        return np.column_stack([np.arange(count) * 1000.0, np.zeros(count)])
    try:
        points = np.asarray(places, np.float64)
    except (ValueError, TypeError) as error:
        raise InputError("places are not pairs of numbers", field="places", allowed="(x, y) in metres") from error
    if points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
        raise InputError(
            "places are not pairs of numbers", field="places", found=f"shape {points.shape}",
            allowed="at least one (x, y) of finite metres",
        )  # fmt: skip
    return points


def _by_metric(points: NDArray, metric: str, speed_kmh: float) -> NDArray[np.float32]:
    if metric not in METRICS:
        raise InputError("unknown metric", field="metric", found=metric, allowed=METRICS)
    if not speed_kmh > 0:
        raise InputError("speed must be above 0", field="speed_kmh", found=speed_kmh, allowed="above 0 km/h")
    gap = np.abs(points[:, None, :] - points[None, :, :])
    if metric == "none":
        gap = gap * 0.0
    metres = np.hypot(gap[..., 0], gap[..., 1]) if metric == "euclid" else gap.sum(axis=-1)
    return (metres / (speed_kmh * 1000 / 60)).astype(np.float32)[None]


def _areas(grids: int, points: NDArray, node_grid: NDArray) -> Areas:
    above = [("city", 4, -1), ("district", 3, 0), ("street", 2, 1), ("community", 1, 2)]
    code = [word for word, _, _ in above] + [f"grid{k + 1}" for k in range(grids)]
    name = [LEVELS[level].capitalize() for _, level, _ in above] + [f"Grid {k + 1}" for k in range(grids)]
    level = np.array([level for _, level, _ in above] + [0] * grids)
    parent = np.array([parent for _, _, parent in above] + [3] * grids)
    centre = points.mean(axis=0)
    at = points if grids == len(points) else np.repeat(centre[None], grids, axis=0)
    x, y = (np.concatenate([np.repeat(centre[k], 4), at[:, k]]) for k in (0, 1))
    return Areas(np.array(code), np.array(name), np.array(name), level, parent, np.zeros(len(code), np.int8), x, y)
