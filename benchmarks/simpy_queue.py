"""Customers per second against SimPy on a simple queue: M/M/10 at utilisation 0.9, as a bare scenario and in SimPy."""

from __future__ import annotations

import random
import time
from collections.abc import Generator
from typing import Any

from benchmarks.figures import Measured
from benchmarks.simpy_ratio import compared, timed_run

SERVERS, SERVICE_MIN, RATE_PER_HOUR = 10, 10.0, 54.0
MEASURES = ("wait_min", "in_service_min")


def scenario(days: float) -> dict[str, Any]:
    """Return the bare scenario's text as data."""
    service = {"exponential": {"mean": SERVICE_MIN}}
    stages = [{"name": "serve", "who": "server", "where": "desk", "touch_min": service}]
    kind = {"title": {"en": "Customer", "zh": "顾客"}, "kind": "bare", "rate_per_hour": RATE_PER_HOUR, "stages": stages}
    post = {"title": {"en": "Server", "zh": "服务台"}, "kind": "unit", "per": "city", "count": SERVERS}
    return {
        "name": "simple-queue", "title": {"en": "M/M/10", "zh": "M/M/10"}, "bare": True, "city": {"bare": {}},
        "horizon_days": days, "types": {"customer": kind}, "posts": {"server": post}, "shifts": {"always": {}},
        "rules": {"priority": "fifo"},
    }  # fmt: skip


def prepared(days: float) -> Any:
    """Return the engine's arm of the queue."""
    from scenarios.places import city_of
    from scenarios.schema import Scenario
    from scenarios.yaml_lines import Tree
    from sim.model import prepare

    made = Scenario.from_tree(Tree(scenario(days), {(): ("benchmark", 1)}))
    return prepare(made.spec(), city_of(made)).arm


def engine_run(arm: Any, replication: int) -> tuple[float, int, dict[str, float]]:
    """Return seconds (demand and run), customers and measures of one replication by the engine."""
    from sim.engine.codes import NEVER

    seconds, world = timed_run(arm, replication)
    n = int(world.clock["cases"][0])
    k = world.cases[:n]
    done = k[k["closed_min"] < NEVER]
    wait, stay = done["assigned_min"] - done["reported_min"], done["closed_min"] - done["assigned_min"]
    return seconds, n, {"wait_min": float(wait.mean()), "in_service_min": float(stay.mean())}


def simpy_run(days: float, seed: int) -> tuple[float, int, dict[str, float]]:
    """Return seconds, customers and measures of one replication by SimPy; each customer is recorded."""
    import simpy

    draw, env, records = random.Random(seed), simpy.Environment(), []
    servers = simpy.Resource(env, SERVERS)

    def customer() -> Generator:
        arrived = env.now
        with servers.request() as asked:
            yield asked
            started = env.now
            yield env.timeout(draw.expovariate(1.0 / SERVICE_MIN))
        records.append((arrived, started, env.now))

    def arrivals() -> Generator:
        while True:
            yield env.timeout(draw.expovariate(RATE_PER_HOUR / 60.0))
            env.process(customer())

    env.process(arrivals())
    begun = time.perf_counter()
    env.run(until=days * 1440.0)
    seconds = time.perf_counter() - begun
    wait = sum(s - a for a, s, _ in records) / len(records)
    return seconds, len(records), {"wait_min": wait, "in_service_min": sum(e - s for _, s, e in records) / len(records)}


def measure(quick: bool) -> Measured:
    """Return ``ratio_to_simpy_queue`` with its interval, z-scores of wait and service, and both rates."""
    days = 5.0 if quick else 100.0
    arm = prepared(days)
    return compared(
        lambda k: engine_run(arm, k), lambda k: simpy_run(days, 1000 + k), 4 if quick else 12, 5,
        "ratio_to_simpy_queue", "simpy_queue_largest_z",
    )  # fmt: skip
