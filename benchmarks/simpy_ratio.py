"""Cases per second against SimPy: the reduced district on both sides, agreeing on the main measures by z-test."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Measured
from benchmarks.statistics import median_interval, z_score

SCENARIO = Path(__file__).with_name("reduced.yaml")
SEED = 7
TESTED = ("told_share", "response_min", "resolution_min", "busy_h")


def prepared(days: float, residents: int | None = None) -> Any:
    """Return the engine's arm of the reduced scenario."""
    from scenarios.library import load
    from scenarios.places import city_of
    from sim.model import prepare

    changes: dict[str, Any] = {"horizon_days": days}
    if residents is not None:
        changes["city"] = {"synthetic": {"name": "Model district", "residents": residents, "seed": 1}}
    scenario = load(SCENARIO).with_changes(changes, "benchmark")
    return prepare(scenario.spec(), city_of(scenario)).arm


def timed_run(arm: Any, replication: int) -> tuple[float, Any]:
    """Return seconds (demand and run) and the world of one replication by the engine."""
    from sim import kernel

    begun = time.perf_counter()
    world = arm.world(SEED, replication, "counts")
    kernel.begin(world)
    kernel.run_until(arm, world, arm.spec.horizon_days * 1440.0)
    return time.perf_counter() - begun, world


def engine_run(arm: Any, replication: int) -> tuple[float, int, dict[str, float]]:
    """Return seconds (demand and run), cases and measures of one replication by the engine."""
    seconds, world = timed_run(arm, replication)
    return seconds, int(world.clock["cases"][0]), engine_measures(arm, world)


def engine_measures(arm: Any, world: Any) -> dict[str, float]:
    """Return the measures of `SimpyDistrict.measures` from the engine's tables."""
    from sim.engine.codes import NEVER

    e = world.incidents[: int(world.clock["cursor"][0])]
    found: dict[str, float] = {}
    for i, name in enumerate(arm.spec.types):
        mine = e[e["type"] == i]
        told = mine[mine["first_reported_min"] < NEVER]
        there, over = told[told["attended_min"] < NEVER], told[told["ended_min"] < NEVER]
        found[f"{name}.told_share"] = len(told) / len(mine)
        found[f"{name}.response_min"] = float((there["attended_min"] - there["first_reported_min"]).mean())
        found[f"{name}.resolution_min"] = float((over["ended_min"] - over["occurred_min"]).mean())
    for i, post in enumerate(arm.spec.posts):
        found[f"{post}.busy_h"] = float(world.staff["busy_min"][world.staff["post"] == i].sum() / 60.0)
    return found


def simpy_run(arm: Any, seed: int) -> tuple[float, int, dict[str, float]]:
    """Return seconds (demand and run), cases and measures of one replication by SimPy; building is not timed."""
    from benchmarks.simpy_district import SimpyDistrict

    model = SimpyDistrict(arm, seed)
    begun = time.perf_counter()
    model.run()
    return time.perf_counter() - begun, model.cases, model.measures()


def measure(quick: bool) -> Measured:
    """Return ``ratio_to_simpy`` with its interval, the z-scores of the main measures and both rates."""
    arm = prepared(6.0, 10_000) if quick else prepared(30.0)
    return compared(
        lambda k: engine_run(arm, k), lambda k: simpy_run(arm, 1000 + k), 4 if quick else 16, 5, "ratio_to_simpy",
        "simpy_largest_z",
    )  # fmt: skip


def compared(engine: Callable, other: Callable, rounds: int, each: int, key: str, z_key: str) -> Measured:
    """Run both sides in turns and compare rates and measures.

    Parameters
    ----------
    engine, other
        ``replication -> (seconds, cases, measures)``.
    rounds, each
        Rounds; replications of the quicker side in a round (of the other, one).
    key, z_key
        Names of the ratio and of the largest |z|.
    """
    engine(0)
    ratios, ours, theirs = [], [], []
    rates: dict[str, list[float]] = {"engine": [], "simpy": []}
    for k in range(rounds):
        mine = [engine(1 + k * each + j) for j in range(each)]
        seconds, cases, measures = other(k)
        rates["engine"].append(sum(m[1] for m in mine) / sum(m[0] for m in mine))
        rates["simpy"].append(cases / seconds)
        ratios.append(rates["engine"][-1] / rates["simpy"][-1])
        ours += [m[2] for m in mine]
        theirs.append(measures)
    z = {n: z_score([m[n] for m in ours], [m[n] for m in theirs]) for n in ours[0]}
    means = {n: [float(np.mean([m[n] for m in side])) for side in (ours, theirs)] for n in ours[0]}
    value, low, high = median_interval(ratios)
    return {
        key: value, f"{key}_low": low, f"{key}_high": high, z_key: max(abs(v) for v in z.values()),
        f"{key}_z": z, f"{key}_means": means, f"{key}_cases_per_s": {n: float(np.median(v)) for n, v in rates.items()},
    }  # fmt: skip
