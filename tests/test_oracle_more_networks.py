"""More networks meet their exact answers: tandem lines, feedback, closed networks, waves, after-shocks, a hypercube."""

from __future__ import annotations

import math

import numpy as np
import pytest
from oracles import closed
from oracles.bare import UNIT, WAIT, Case, Exact, check, delay, exponential, kind, model, post, stage
from scipy import stats

from sim.measures.lines import line_measures
from sim.model import Result


def in_system(result: Result, stage_row: int, every_min: float) -> np.ndarray:
    """Return how many are at a stage, looked at again and again within the window."""
    spec, k = result.arm.spec, result.world.tasks[: int(result.world.clock["tasks"][0])]
    k = k[k["stage"] == stage_row]
    at = np.arange(spec.warm_up_days * 1440.0, (spec.horizon_days - spec.cool_down_days) * 1440.0, every_min)
    came, gone = np.sort(k["created_min"]), np.sort(k["done_min"])
    return np.searchsorted(came, at, "right") - np.searchsorted(gone, at, "right")


@pytest.mark.slow
def test_tandem_lines_are_independent_of_each_other():
    """Burke (1956): what leaves M/M/c is Poisson, and lengths of lines in a row are independent at one instant."""
    stages = [stage("first", exponential(10), name="first"), stage("second", exponential(24), name="second"),
              stage("third", exponential(12), name="third")]  # fmt: skip
    posts = {"first": post(1), "second": post(2), "third": post(1)}
    stays = [10 / (1 - 0.6), 24 + closed.erlang_c(2, 1.44) * 24 / (2 - 1.44), 12 / (1 - 0.72)]
    empty = lambda r: float(((in_system(r, 0, 61.0) == 0) & (in_system(r, 2, 61.0) == 0)).mean())  # noqa: E731
    exact = [Exact(f"line.{p}.system_min", w, WAIT) for p, w in zip(posts, stays, strict=True)]
    exact += [Exact("case.call.system_min", sum(stays), WAIT), Exact("empty", 0.4 * 0.28, 0.03)]
    sections = model(40_000 / 3.6, 8000.0, posts=posts, types={"call": kind(3.6, *stages)})
    check(Case(sections, exact, lambda r: {**line_measures(r.arm, r.world), "empty": empty(r)}))


def test_feedback_to_the_same_line():
    """A visit in three comes back at once: M/M/1 of geometric sums (Jackson 1957)."""
    work = stage("desk", exponential(UNIT), next={"serve": 0.3})
    rate = 2.4 / 0.7
    stay = UNIT / (1 - rate / 6)
    exact = [Exact("line.desk.arrivals_per_h", rate), Exact("line.desk.system_min", stay, WAIT),
             Exact("case.call.tasks", 1 / 0.7), Exact("case.call.system_min", stay / 0.7, WAIT)]  # fmt: skip
    check(Case(model(40_000 / 2.4, 2000.0, posts={"desk": post(1)}, types={"call": kind(2.4, work)}), exact))


def closed_model(number: int, hours: float, posts: dict, *stages: dict) -> dict:
    """Return a closed network: so many jobs are there from the first minute and never leave."""
    script = [{"name": f"job{i}", "type": "job", "at_min": 0.0} for i in range(number)]
    return model(hours, 2000.0, posts=posts, types={"job": kind(0.0, *stages)}, script=script)


def test_machines_and_those_who_repair_them():
    p = closed.repairs(6, 2, 50.0, 10.0)
    run = delay("run", exponential(50), next={"repair": 1})
    sections = closed_model(6, 2000, {"crew": post(2)}, run, stage("crew", exponential(10), "repair", next={"run": 1}))
    exact = [Exact("line.crew.mean_in_system", p["down"]), Exact("line.crew.arrivals_per_h", p["rate"] * 60),
             Exact("line.crew.wait_min", p["wait"], WAIT),
             Exact("delay.job.run.mean_in_system", 6 - p["down"])]  # fmt: skip
    check(Case(sections, exact))


@pytest.mark.slow
def test_a_closed_network_of_two_lines():
    a, b = 1 / (1 - 0.7 * 0.5), 0.7 / (1 - 0.7 * 0.5)  # visits between two times of thinking
    through, (at_a, at_b) = closed.closed_network(5, 20.0, [a * 10, b * 6])
    sections = closed_model(
        5, 3000, {"a": post(1), "b": post(1)}, delay("think", exponential(20), next={"a": 1}),
        stage("a", exponential(10), name="a", next={"b": 0.7, "think": 0.3}),
        stage("b", exponential(6), name="b", next={"a": 0.5, "think": 0.5}),
    )  # fmt: skip
    exact = [Exact("line.a.mean_in_system", at_a), Exact("line.b.mean_in_system", at_b, WAIT),
             Exact("line.a.arrivals_per_h", through * a * 60),
             Exact("delay.job.think.mean_in_system", through * 20)]  # fmt: skip
    check(Case(sections, exact))


def test_a_day_of_hourly_rates():
    """Mt/M/inf: m' = rate - m / stay, hour by hour."""
    weights, hours = [1] * 8 + [4] * 8 + [2] * 8, (8, 12, 16, 20)
    rates = [6 * w / np.mean(weights) for w in weights]
    levels = closed.hourly_wave(rates, 90.0, hours)

    def read(result: Result) -> dict[str, float]:
        found = in_system(result, 0, 60.0)  # the window begins at midnight
        return {f"at{h}": float(found[h::24].mean()) for h in hours}

    sections = model(60 * 24, 1440.0, posts={"desk": post(1)},
                     types={"call": kind(6.0, delay("stay", exponential(90)), hours=weights)})  # fmt: skip
    check(Case(sections, [Exact(f"at{h}", m, WAIT) for h, m in zip(hours, levels, strict=True)], read))


@pytest.mark.slow
def test_the_number_in_an_infinite_line_is_poisson():
    """M/G/inf (lognormal stay): mean and variance are equal, and each number has its Poisson chance."""
    mean = 10 * math.exp(0.5)

    def read(result: Result) -> dict[str, float]:
        n = in_system(result, 0, 97.0)
        return {"mean": float(n.mean()), "variance": float(n.var()), "sixteen": float((n == 16).mean())}

    law = {"lognormal": {"median": 60, "sigma": 1}}
    sections = model(60 * 24, 2880.0, posts={"desk": post(1)}, types={"call": kind(10.0, delay("stay", law))})
    sixteen = float(stats.poisson.pmf(16, mean))
    check(Case(sections, [Exact("mean", mean), Exact("variance", mean, None), Exact("sixteen", sixteen, None)], read))


def test_after_shocks():
    """Hawkes (1971): each incident brings about half another one, so twice as many occur."""
    calls = kind(2.0, delay("stay", 5.0), excitation=0.5, excitation_delay_min=exponential(120))
    sections = model(4000, 4320.0, posts={"desk": post(1)}, types={"call": calls})
    check(Case(sections, [Exact("delay.call.stay.arrivals_per_h", 4.0)]))


def test_hypercube_of_uneven_places():
    """Two types with places of their own, three units, each place with its own order, calls lost when all are busy."""
    rates, lists = [0.5, 0.8, 0.3, 0.6], [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 2, 1]]
    lost, busy = closed.hypercube_lost(rates, 1.0, lists)
    places = {"bare": {"places": [[100.0 * i, 0.0] for i in range(4)], "metric": "none"}}
    work = stage("unit", exponential(UNIT))

    def read(result: Result) -> dict[str, float]:
        staff = result.staff().to_pandas()
        loads = (staff["busy_min"] / staff["on_duty_min"]).tolist()
        return {**line_measures(result.arm, result.world), **{f"busy{u}": x for u, x in enumerate(loads)}}

    sections = model(
        20_000 / 13.2, 600.0, city=places, posts={"unit": post(3, queue_capacity=0)}, preferences=lists,
        types={"some": kind(1.4 * 6, work), "others": kind(0.8 * 6, work)},
        type_place_rates={"some": [0.5, 0, 0.3, 0.6], "others": [0, 1, 0, 0]}, rules={"dispatch": "fixed_preference"},
    )  # fmt: skip
    exact = [Exact("line.unit.blocked_share", lost), *[Exact(f"busy{u}", x) for u, x in enumerate(busy)]]
    check(Case(sections, exact, read))
