"""Units and places: the hypercube model, two-unit cities, distances to the nearest unit, random patrol; not a test."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from oracles.bare import UNIT, Case, Exact, delay, exponential, kind, model, post, stage
from oracles.queues import PER_H

from sim.measures.lines import line_measures
from sim.model import Result


def _atoms(count: int) -> dict[str, Any]:
    return {"bare": {"places": [[100.0 * i, 0.0] for i in range(count)], "metric": "none"}}


def _hypercube(rates: list[float], mu: float, lists: list[list[int]], capacity: int | None, cases: float, slow: float):
    """Return the sections of units chosen by a given list of each place."""
    return model(
        cases / (sum(rates) * PER_H), 60 * UNIT, city=_atoms(len(rates)), demand_weights=rates, preferences=lists,
        posts={"unit": post(len(lists[0]), queue_capacity=capacity)},
        types={"call": kind(sum(rates) * PER_H, stage("unit", exponential(UNIT / mu * slow)))},
        rules={"dispatch": "fixed_preference"},
    )  # fmt: skip


def three_units(a: dict[str, Any], slow: float = 1.0, cases: float = 40_000) -> Case:
    """Return Larson and Odoni's three units with a line (Urban Operations Research, 5.4.3)."""
    lists = [[u - 1 for u in row] for row in a["pref_units_1based"]]
    sections = _hypercube(a["lam"], a["mu"], lists, None, cases, slow)
    exact = [Exact(f"busy{i}", w) for i, w in enumerate(a["workloads"])]
    exact += [Exact(f"state{p}", v) for p, v in a["P"].items() if p != "111"]
    exact += [
        Exact("state111", a["P_delay"]),  # the anchor gives all busy and nobody waiting; a line adds the rest
        Exact("line.unit.waiting_share", a["P_delay"]),
        Exact("to0by0", a["f_11"]),
        Exact("interarea", a["interarea_fraction"]),
    ]
    return Case(sections, exact, lambda result: {**_states(result), "interarea": _interarea(result, lists)})


def two_units_lost(a: dict[str, Any], mu: float, slow: float = 1.0, cases: float = 40_000) -> Case:
    """Return two units, two areas, no line: each area prefers its own unit."""
    rates = a["lam"] if "lam" in a else [a["lam1"], a["lam2"]]
    sections = _hypercube(rates, mu, [[0, 1], [1, 0]], 0, cases, slow)
    exact = [Exact(f"busy{i}", w) for i, w in enumerate(a.get("w") if "P" in a else a["workloads"])]
    exact += [Exact(f"to{j}by{i}", a["f"][i][j]) for i in range(2) for j in range(2)]
    exact += [Exact(f"state{p}", v) for p, v in a.get("P", {}).items()]
    if "P_loss" in a:
        exact.append(Exact("line.unit.blocked_share", a["P_loss"]))
    return Case(sections, exact, _states)


def _sent(result: Result) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return unit, place and task of everything that somebody was sent to in the window."""
    world, spec = result.world, result.arm.spec
    k = world.tasks[: int(world.clock["tasks"][0])]
    first, last = spec.warm_up_days * 1440.0, (spec.horizon_days - spec.cool_down_days) * 1440.0
    k = k[(k["created_min"] >= first) & (k["created_min"] < last) & (k["assigned_min"] < 1e200)]
    return world.cases["owner"][k["case"]], k["place"], k


def _interarea(result: Result, lists: list[list[int]]) -> float:
    unit, place, _ = _sent(result)
    return float((unit != np.array(lists)[place, 0]).mean())


def _states(result: Result) -> dict[str, float]:
    """Return time shares of the units' joint states (last digit: unit 0), loads, and who served which place."""
    unit, place, k = _sent(result)
    units = len(result.world.staff)
    time = np.concatenate([k["assigned_min"], k["done_min"]])
    change = np.concatenate([1 << unit, -(1 << unit)])
    order = np.argsort(time, kind="stable")
    lasts, state = np.diff(time[order]), np.cumsum(change[order])[:-1]
    share = np.bincount(state, weights=lasts, minlength=1 << units) / lasts.sum()
    out = {f"state{code:0{units}b}": float(share[code]) for code in range(1 << units)}
    for i in range(units):
        out[f"busy{i}"] = float(share[[code for code in range(1 << units) if code >> i & 1]].sum())
        for j in range(int(place.max()) + 1):
            out[f"to{j}by{i}"] = float(((unit == i) & (place == j)).mean())
    return {**line_measures(result.arm, result.world), **out}


def lattice(side_m: float, count: int) -> np.ndarray:
    """Return the centres of count x count equal cells of a square (metres)."""
    at = (np.arange(count) + 0.5) * side_m / count
    return np.column_stack([np.tile(at, count), np.repeat(at, count)])


def metres(metric: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return distances between points."""
    gap = np.abs(a[:, None, :] - b[None, :, :])
    return np.hypot(gap[..., 0], gap[..., 1]) if metric == "euclid" else gap.sum(axis=-1)


SPEED_KMH = 6e5
"""So fast that every unit is at home whenever a call comes; 1 km takes 1e-4 min."""


def nearest_on_grid(metric: str, cells: int = 4, fine: int = 9, lights: float = 1.0) -> tuple[Case, float]:
    """Return units at the centres of square cells, and the constant k of E[D] = k sqrt(A/n) that must come out.

    ``fine`` x ``fine`` places in a cell (odd, so that the centre is a place) stand for all points; k is exact for
    these places and tends to the anchor's as they become more.
    """
    side = 1000.0 * cells
    places = lattice(side, cells * fine)
    homes = lattice(side, cells)
    slots = metres("euclid", homes, places).argmin(axis=1)
    k = float(metres(metric, places, homes).min(axis=1).mean() / 1000.0)
    sections = model(
        1200.0, 60.0, city={"bare": {"places": places.tolist(), "metric": metric, "speed_kmh": SPEED_KMH}},
        posts={"unit": post(cells * cells, places=slots.tolist())},
        types={"call": kind(6.0, stage("unit", 0.0))}, rules={"dispatch": "nearest_idle", "reposition": "return_home"},
    )  # fmt: skip
    return Case(sections, [Exact("km", k)], kilometres), k


def kilometres(result: Result) -> dict[str, float]:
    """Return mean kilometres travelled to a call."""
    k = result.world.tasks[: int(result.world.clock["tasks"][0])]
    k = k[k["arrived_min"] < 1e200]
    return {"km": float((k["arrived_min"] - k["assigned_min"]).mean() * SPEED_KMH / 60.0)}


def between_random_points(metric: str, fine: int = 20) -> tuple[Case, float]:
    """Return one unit that stays where it last was: each trip joins two random points of a square of 1 km."""
    places = lattice(1000.0, fine)
    k = float(metres(metric, places, places).mean() / 1000.0)
    sections = model(
        1200.0, 60.0, city={"bare": {"places": places.tolist(), "metric": metric, "speed_kmh": SPEED_KMH}},
        posts={"unit": post(1)}, types={"call": kind(6.0, stage("unit", 0.0))},
    )  # fmt: skip
    return Case(sections, [Exact("km", k)], kilometres), k


def random_patrol(a: dict[str, Any], slow: float = 1.0) -> Case:
    """Return one member patrolling D km of streets for trouble that shows for T minutes and that nobody tells.

    What patrol finds is handed to a stage without staff, so that the member goes on patrolling. A member who passes
    sees half of it here and walks twice as fast, which is the same hazard s/D.
    """
    trouble = {
        "title": {"en": "Trouble", "zh": "问题"}, "kind": "order", "rate_per_hour": 4.0, "patrol_visible": True,
        "visible_min": float(a["T_min"]), "start": "grid", "stages": [delay("end", 0.0)],
        "success": {"base": 1.0, "floor": 1.0},
    }  # fmt: skip
    sections = model(
        5000.0, 1440.0, types={"trouble": trouble}, ladder={"grid": "member"},
        posts={"member": post(1, per="grid", kind="grid_member", patrol_share=1.0)},
        channels={"patrol": {"title": {"en": "Patrol", "zh": "巡查"}}},
        parameters={"patrol.speed_kmh": 2 * a["s_kmh"] / slow, "patrol.street_km_per_grid": a["D_km"],
                    "patrol.found_probability": 0.5},
    )  # fmt: skip
    return Case(sections, [Exact("found", a["random"])], _found)


def _found(result: Result) -> dict[str, float]:
    return {"found": 1.0 - result.measures["untold_share"]}


def torus_m(side_m: float, count: int) -> np.ndarray:
    """Return Manhattan distances between lattice points of a square without edges."""
    at = lattice(side_m, count)
    gap = np.abs(at[:, None, :] - at[None, :, :])
    return np.minimum(gap, side_m - gap).sum(axis=-1)


def nearest_of_random(units: int, distance_m: np.ndarray) -> float:
    """Return the exact mean distance to the nearest of units placed independently and uniformly at random."""
    values, counts = np.unique(np.round(distance_m[0], 6), return_counts=True)
    farther = 1.0 - np.cumsum(counts) / counts.sum()
    survival = np.concatenate([[1.0], np.maximum(farther, 0.0) ** units])
    return float((np.diff(np.concatenate([[0.0], values])) * survival[:-1]).sum())


def constant(mean_m: float, area_m2: float, units: int) -> float:
    """Return k of E[D] = k sqrt(A/n)."""
    return mean_m / math.sqrt(area_m2 / units)
