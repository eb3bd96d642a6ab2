"""More orders of service meet their exact answers: three classes, growing credit, last come first, shortest first."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import closed
from oracles.bare import UNIT, WAIT, Case, Exact, check, exponential, kind, model, post, stage

from sim.measures.lines import line_measures
from sim.model import Result

RATES, FIRST, SECOND = [0.02, 0.03, 0.03], [5.0, 8.0, 12.0], [50.0, 84.0, 144.0]
SERVICE = [exponential(5), {"gamma": {"shape": 3.2, "mean": 8}}, 12]
"""Three classes: exponential, gamma with variance 20, constant; minutes, calls a minute."""


def three_classes(cases: float = 40_000, **desk: object) -> dict:
    """Return one server and three classes of different services."""
    types = {f"class{i}": kind(RATES[i] * 60, stage("desk", SERVICE[i]), priority_class=i) for i in range(len(RATES))}
    hours = cases / (sum(RATES) * 60)
    return model(hours, 3000.0, posts={"desk": post(1, **desk)}, types=types, rules={"priority": "class_fifo"})


def test_three_classes_of_different_services():
    waits = closed.by_class(RATES, FIRST, SECOND)
    check(Case(three_classes(), [Exact(f"line.desk.class{i}.wait_min", w, WAIT) for i, w in enumerate(waits)]))


@pytest.mark.slow
def test_three_classes_that_interrupt():
    stays = closed.by_class_resumed(RATES, FIRST, SECOND)
    exact = [Exact(f"line.desk.class{i}.system_min", w, WAIT) for i, w in enumerate(stays)]
    check(Case(three_classes(preemptive=True), exact))


@pytest.mark.slow
def test_two_servers_that_may_be_interrupted():
    """The urgent see M/M/2 alone, and all together M/M/2 of both: equal services make who is served irrelevant to L."""
    urgent, both = 0.6, 1.4
    alone = UNIT + closed.erlang_c(2, urgent) * UNIT / (2 - urgent)
    together = UNIT + closed.erlang_c(2, both) * UNIT / (2 - both)
    routine = (both * together - urgent * alone) / (both - urgent)
    types = {
        "urgent": kind(urgent * 6, stage("desk", exponential(UNIT)), priority_class=0),
        "routine": kind((both - urgent) * 6, stage("desk", exponential(UNIT)), priority_class=1),
    }
    sections = model(60_000 / 8.4, 5000.0, posts={"desk": post(2, preemptive=True)}, types=types,
                     rules={"priority": "class_fifo"})  # fmt: skip
    exact = [Exact("line.desk.urgent.system_min", alone, WAIT), Exact("line.desk.routine.system_min", routine, WAIT)]
    check(Case(sections, exact))


def by_severity(result: Result) -> dict[str, float]:
    """Return the mean wait of each severity, over those who came in the window."""
    world, spec = result.world, result.arm.spec
    k = world.tasks[: int(world.clock["tasks"][0])]
    first, last = spec.warm_up_days * 1440.0, (spec.horizon_days - spec.cool_down_days) * 1440.0
    k = k[(k["created_min"] >= first) & (k["created_min"] < last)]
    severity = world.cases["severity"][k["case"]]
    wait = k["assigned_min"] - k["created_min"]
    return {f"severity{s}": float(wait[severity == s].mean()) for s in np.unique(severity)}


@pytest.mark.parametrize("base", [0.0, pytest.param(1.0, marks=pytest.mark.slow)])
def test_credit_that_grows_with_waiting(base):
    """The rule `accumulating` is Kleinrock's time-dependent priority with slopes base + severity."""
    shares, rate = [0.4, 0.35, 0.25], 0.07
    slopes = [base + severity for severity in (1, 2, 3)]
    waits = closed.by_credit([rate * s for s in shares], [UNIT] * 3, slopes, rate * UNIT**2)
    sections = model(
        40_000 / (rate * 60), 5000.0, posts={"desk": post(1)}, parameters={"priority.accumulation_base": base},
        types={"call": kind(rate * 60, stage("desk", exponential(UNIT)), severity=shares)},
        rules={"priority": "accumulating"},
    )  # fmt: skip
    check(Case(sections, [Exact(f"severity{i + 1}", w, 0.03) for i, w in enumerate(waits)], by_severity))


@pytest.mark.slow
def test_last_come_first_served():
    """A rule of one's own: the mean wait is that of any order, E W^2 is 1 / (1 - load) times as large (Takacs 1963)."""
    load = 0.6
    moments = [UNIT, 2 * UNIT**2, 6 * UNIT**3]
    wait, square = closed.any_service_wait(load / UNIT, moments)

    def read(result: Result) -> dict[str, float]:
        spec, k = result.arm.spec, result.world.tasks[: int(result.world.clock["tasks"][0])]
        first, last = spec.warm_up_days * 1440.0, (spec.horizon_days - spec.cool_down_days) * 1440.0
        k = k[(k["created_min"] >= first) & (k["created_min"] < last)]
        w = k["assigned_min"] - k["created_min"]
        return {**line_measures(result.arm, result.world), "square": float((w**2).mean())}

    sections = model(
        60_000 / (load * 6), 5000.0, posts={"desk": post(1)}, rules={"priority": "oracles.own_rules:last_first"},
        types={"call": kind(load * 6, stage("desk", exponential(UNIT)))},
    )  # fmt: skip
    check(Case(sections, [Exact("line.desk.wait_min", wait, WAIT), Exact("square", square / (1 - load), 0.05)], read))


@pytest.mark.slow
def test_shortest_first():
    """A rule of one's own that goes by expected work is Cobham's priority by length."""
    rates, lengths = [0.05, 0.03, 0.012], [4.0, 10.0, 20.0]
    waits = closed.by_class(rates, lengths, [x * x for x in lengths])
    types = {f"length{i}": kind(r * 60, stage("desk", x)) for i, (r, x) in enumerate(zip(rates, lengths, strict=True))}
    sections = model(60_000 / (sum(rates) * 60), 5000.0, posts={"desk": post(1)}, types=types,
                     rules={"priority": "oracles.own_rules:shortest_first"})  # fmt: skip
    check(Case(sections, [Exact(f"line.desk.length{i}.wait_min", w, WAIT) for i, w in enumerate(waits)]))
