"""Single lines: Erlang B, C and A, M/M/c/K, Pollaczek-Khinchine, priorities, units seized together; not a test.

Each function takes an anchor and how much slower the service is than it should be (1: as it should be).
"""

from __future__ import annotations

import math
from typing import Any

from oracles.bare import (
    SHARE,
    UNIT,
    WAIT,
    Case,
    Exact,
    exponential,
    kind,
    model,
    post,
    settle_min,
    stage,
)
from oracles.exact import several_units_with_line

from sim.measures.lines import line_measures
from sim.model import Result

PER_H = 60.0 / UNIT
"""Calls per hour of an offered load of one."""
TAIL = 0.05
"""Tails below this are checked by z alone."""


def hours(cases: float, load: float) -> float:
    """Return how long a load takes to bring so many calls."""
    return cases / (load * PER_H)


def erlang_b(a: dict[str, Any], slow: float = 1.0, law: Any = None, cases: float = 40_000) -> Case:
    """Return M/G/c without a line; blocking does not depend on the law of service."""
    touch = law or exponential(UNIT * slow)
    sections = model(
        hours(cases, a["a"]), 20 * UNIT, posts={"desk": post(a["c"], queue_capacity=0)},
        types={"call": kind(a["a"] * PER_H, stage("desk", touch))},
    )  # fmt: skip
    carried = a["a"] * (1 - a["B"])
    return Case(sections, [Exact("line.desk.blocked_share", a["B"]), Exact("line.desk.mean_in_system", carried)])


def longer_than_service(result: Result) -> dict[str, float]:
    """Return the line's measures and the share that waits longer than one mean service."""
    world, spec = result.world, result.arm.spec
    k = world.tasks[: int(world.clock["tasks"][0])]
    first, last = spec.warm_up_days * 1440.0, (spec.horizon_days - spec.cool_down_days) * 1440.0
    k = k[(k["created_min"] >= first) & (k["created_min"] < last)]
    tail = float((k["assigned_min"] - k["created_min"] > UNIT).mean())
    return {**line_measures(result.arm, world), "tail": tail}


def erlang_c(a: dict[str, Any], slow: float = 1.0, cases: float = 40_000) -> Case:
    """Return M/M/c."""
    sections = model(
        hours(cases, a["a"]), settle_min(a["c"], a["a"]), posts={"desk": post(a["c"])},
        types={"call": kind(a["a"] * PER_H, stage("desk", exponential(UNIT * slow)))},
    )  # fmt: skip
    tail = a["P_wait_gt_1service"]
    exact = [
        Exact("line.desk.waiting_share", a["C"]),
        Exact("line.desk.wait_min", a["Wq_in_mean_service"] * UNIT, WAIT),
        Exact("line.desk.mean_in_line", a["Lq"], WAIT),
    ]
    if tail > 1e-3:
        exact.append(Exact("tail", tail, WAIT if tail > TAIL else None))
    return Case(sections, exact, longer_than_service)


def halfin_whitt(a: dict[str, Any]) -> Case:
    """Return M/M/c with square-root staffing, by its exact chance of waiting."""
    sections = model(
        hours(200_000, a["R"]), settle_min(a["c"], a["R"]), posts={"desk": post(a["c"])},
        types={"call": kind(a["R"] * PER_H, stage("desk", exponential(UNIT)))},
    )  # fmt: skip
    return Case(sections, [Exact("line.desk.waiting_share", a["exact_c100"])])


def limited(a: dict[str, Any], slow: float = 1.0, cases: float = 40_000) -> Case:
    """Return M/M/c/K: K - c places to wait."""
    sections = model(
        hours(cases, a["lam"]), 40 * UNIT * a["K"] / a["c"],
        posts={"desk": post(a["c"], queue_capacity=a["K"] - a["c"])},
        types={"call": kind(a["lam"] * PER_H, stage("desk", exponential(UNIT / a["mu"] * slow)))},
    )  # fmt: skip
    exact = [
        Exact("line.desk.blocked_share", a["P_block"]),
        Exact("line.desk.system_min", a["W"] * UNIT, WAIT),
        Exact("line.desk.mean_in_system", a["L"], WAIT),
    ]
    if a["Wq"] > 0:
        exact.append(Exact("line.desk.wait_min", a["Wq"] * UNIT, WAIT))
    return Case(sections, exact)


def service_law(cs2: float, mean: float) -> Any:
    """Return a law of service with a squared coefficient of variation (two exponentials above 1)."""
    if cs2 == 0:
        return mean
    if cs2 < 1:
        return {"erlang": {"k": round(1 / cs2), "mean": mean}}
    if cs2 == 1:
        return exponential(mean)
    p = 0.5 * (1 + math.sqrt((cs2 - 1) / (cs2 + 1)))  # balanced means
    return {"hyperexponential": {"shares": [p, 1 - p], "means": [mean / (2 * p), mean / (2 * (1 - p))]}}


def one_server(a: dict[str, Any], slow: float = 1.0, cases: float = 40_000) -> Case:
    """Return M/G/1 (Pollaczek and Khinchine)."""
    load = a["lam"] * a["mean"]
    sections = model(
        hours(cases, a["lam"]), settle_min(1, load, a["cs2"]), posts={"desk": post(1)},
        types={"call": kind(a["lam"] * PER_H, stage("desk", service_law(a["cs2"], a["mean"] * UNIT * slow)))},
    )  # fmt: skip
    return Case(sections, [Exact("line.desk.wait_min", a["Wq"] * UNIT, WAIT)])


def lognormal_server(cases: float = 40_000) -> Case:
    """Return M/G/1 with lognormal service of mean 30 and standard deviation 20 min, 1.5 calls an hour."""
    sigma2 = math.log(1 + (20 / 30) ** 2)
    law = {"lognormal": {"median": 30 * math.exp(-sigma2 / 2), "sigma": math.sqrt(sigma2)}}
    sections = model(cases / 1.5, 5000.0, posts={"desk": post(1)}, types={"call": kind(1.5, stage("desk", law))})
    return Case(sections, [Exact("line.desk.wait_min", 65.0, WAIT)])


def impatient(a: dict[str, Any], slow: float = 1.0, cases: float = 40_000) -> Case:
    """Return M/M/c+M (Erlang A)."""
    service, patience = exponential(UNIT * slow), exponential(UNIT / a["theta"])
    sections = model(
        hours(cases, a["lam"]), 40 * UNIT / min(1.0, a["theta"]), posts={"desk": post(a["c"])},
        types={"call": kind(a["lam"] * PER_H, stage("desk", service), queue_patience_min=patience)},
    )  # fmt: skip
    exact = [
        Exact("line.desk.waiting_share", a["P_wait"]),
        Exact("line.desk.abandoned_share", a["P_abandon"]),
        Exact("line.desk.wait_min", a["Wq"] * UNIT, WAIT),
        Exact("line.desk.mean_in_line", a["Lq"], WAIT),
        Exact("line.desk.mean_in_system", a["Lq"] + a["c"] * a["util"]),
    ]
    return Case(sections, exact)


def by_class(a: dict[str, Any], slow: float = 1.0, cases: float = 60_000) -> Case:
    """Return M/M/c with non-preemptive priorities, a type for each class."""
    load, service = sum(a["lams"]) / a["mu"], exponential(UNIT / a["mu"] * slow)
    types = {
        f"class{i}": kind(rate * PER_H, stage("desk", service), priority_class=i) for i, rate in enumerate(a["lams"])
    }
    sections = model(
        hours(cases, sum(a["lams"])), 2 * settle_min(a["c"], load), posts={"desk": post(a["c"])}, types=types,
        rules={"priority": "class_fifo"},
    )  # fmt: skip
    exact = [Exact(f"line.desk.class{i}.wait_min", w * UNIT, WAIT) for i, w in enumerate(a["Wq"])]
    return Case(sections, [*exact, Exact("line.desk.wait_min", a["Wq_overall"] * UNIT, WAIT)])


def two_classes_of_work(a: dict[str, Any], slow: float = 1.0, cases: float = 60_000) -> Case:
    """Return M/G/1 with two classes of constant service, the shorter first (MIT quiz 2, 2003)."""
    types = {
        f"class{i}": kind(rate * 60.0, stage("desk", a["E_S"][i] * slow), priority_class=i)
        for i, rate in enumerate(a["lams_per_min"])
    }
    sections = model(
        cases / (sum(a["lams_per_min"]) * 60.0), 2000.0, posts={"desk": post(1)}, types=types,
        rules={"priority": "class_fifo"},
    )  # fmt: skip
    return Case(sections, [Exact(f"line.desk.class{i}.wait_min", w, WAIT) for i, w in enumerate(a["Wq"])])


def preemptive(a: dict[str, Any], slow: float = 1.0, cases: float = 60_000) -> Case:
    """Return M/M/1 with preemptive-resume priorities."""
    load, service = sum(a["lams"]) / a["mu"], exponential(UNIT / a["mu"] * slow)
    types = {
        f"class{i}": kind(rate * PER_H, stage("desk", service), priority_class=i) for i, rate in enumerate(a["lams"])
    }
    sections = model(
        hours(cases, sum(a["lams"])), 2 * settle_min(1, load), posts={"desk": post(1, preemptive=True)}, types=types,
        rules={"priority": "class_fifo"},
    )  # fmt: skip
    return Case(sections, [Exact(f"line.desk.class{i}.system_min", w * UNIT, WAIT) for i, w in enumerate(a["W"])])


def several_units_lost(a: dict[str, Any], slow: float = 1.0, cases: float = 60_000) -> Case:
    """Return units seized several at a time, without a line (Kaufman 1981, Roberts 1981)."""
    types = {
        f"class{i}": kind(c["a"] * PER_H, stage("crew", exponential(UNIT * slow), staff=c["b"]))
        for i, c in enumerate(a["classes"])
    }
    sections = model(
        hours(cases, sum(c["a"] for c in a["classes"])), 20 * UNIT, types=types,
        posts={"crew": post(a["C"], queue_capacity=0)},
    )  # fmt: skip
    return Case(sections, [Exact(f"line.crew.class{i}.blocked_share", b, SHARE) for i, b in enumerate(a["block"])])


def several_units_waiting(units: int, classes: list[tuple[float, int]], slow: float = 1.0) -> Case:
    """Return units seized several at a time, with a line in order of arrival that nobody overtakes."""
    types = {
        f"class{i}": kind(load * PER_H, stage("crew", exponential(UNIT * slow), staff=staff))
        for i, (load, staff) in enumerate(classes)
    }
    total = sum(load for load, _ in classes)
    sections = model(hours(60_000, total), 200 * UNIT, types=types, posts={"crew": post(units)})
    waits = several_units_with_line(units, classes)
    return Case(sections, [Exact(f"line.crew.class{i}.wait_min", w * UNIT, WAIT) for i, w in enumerate(waits)])
