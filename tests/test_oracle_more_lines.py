"""More single lines meet their exact answers: laws of service and patience, constant service, laws of waiting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from oracles import closed
from oracles.bare import UNIT, WAIT, Case, Exact, check, exponential, kind, model, post, settle_min, stage
from scipy import stats

from sim.measures.lines import line_measures
from sim.model import Result


def one_line(servers: int, load: float, law: object, cases: float, cs2: float = 1.0, **more: object) -> dict:
    """Return the sections of one post and one type of a given load."""
    types = {"call": kind(load * 60.0 / UNIT, stage("desk", law), **more.pop("type", {}))}
    hours = cases / (load * 60.0 / UNIT)
    return model(hours, settle_min(servers, load, cs2), posts={"desk": post(servers, **more)}, types=types)


def waits(result: Result) -> np.ndarray:
    """Return the waits of those who came in the window (minutes)."""
    spec, k = result.arm.spec, result.world.tasks[: int(result.world.clock["tasks"][0])]
    first, last = spec.warm_up_days * 1440.0, (spec.horizon_days - spec.cool_down_days) * 1440.0
    k = k[(k["created_min"] >= first) & (k["created_min"] < last)]
    return k["assigned_min"] - k["created_min"]


@pytest.mark.parametrize(("servers", "load"), [(1, 0.6), pytest.param(4, 3.2, marks=pytest.mark.slow)])
def test_the_whole_law_of_waiting(servers, load):
    """P(W > t) = C exp(-(c - a) t / s), and the quantiles that follow from it."""
    beyond, quantile = 2.0 * UNIT / servers, 0.9
    exact = UNIT / (servers - load) * math.log(closed.erlang_c(servers, load) / (1 - quantile))

    def read(result: Result) -> dict[str, float]:
        w = waits(result)
        return {"tail": float((w > beyond).mean()), "q90": float(np.quantile(w, quantile)),
                **line_measures(result.arm, result.world)}  # fmt: skip

    tail = closed.wait_tail(servers, load, UNIT, beyond)
    found = [Exact("tail", tail, 0.03), Exact("q90", exact, 0.03), Exact("line.desk.wait_p90_min", exact, 0.03)]
    check(Case(one_line(servers, load, exponential(UNIT), 40_000), found, read))


@pytest.mark.parametrize(
    ("servers", "load"), [(3, 2.1), *[pytest.param(c, a, marks=pytest.mark.slow) for c, a in ((1, 0.8), (10, 8.5))]]
)
def test_constant_service(servers, load):
    exact = closed.constant_service_wait(servers, load) * UNIT
    check(Case(one_line(servers, load, UNIT, 40_000, 0.5), [Exact("line.desk.wait_min", exact, WAIT)]))


def test_constant_service_and_little_room():
    exact = closed.constant_service_blocked(0.9, 3)
    check(Case(one_line(1, 0.9, UNIT, 20_000, queue_capacity=2), [Exact("line.desk.blocked_share", exact)]))


@pytest.mark.parametrize(("servers", "room", "load"), [(4, 9, 4.5), pytest.param(1, 4, 1.3, marks=pytest.mark.slow)])
def test_limited_line_above_capacity(servers, room, load):
    p = closed.limited_line(servers, room, load)
    served = load / UNIT * (1 - p["blocked"])
    sections = model(
        20_000 / (load * 6.0), 300 * UNIT, posts={"desk": post(servers, queue_capacity=room - servers)},
        types={"call": kind(load * 6.0, stage("desk", exponential(UNIT)))},
    )  # fmt: skip
    exact = [
        Exact("line.desk.blocked_share", p["blocked"]),
        Exact("line.desk.waiting_share", p["waiting"]),
        Exact("line.desk.wait_min", p["line"] / served, WAIT),
        Exact("line.desk.mean_in_line", p["line"], WAIT),
    ]
    check(Case(sections, exact))


LAWS = {
    "uniform": ({"uniform": {"low": 2, "high": 18}}, stats.uniform(2, 16)),
    "triangular": ({"triangular": {"low": 2, "mode": 4, "high": 24}}, stats.triang(2 / 22, 2, 22)),
    "gamma": ({"gamma": {"shape": 0.5, "mean": 10}}, stats.gamma(0.5, scale=20)),
    "weibull": ({"weibull": {"shape": 0.8, "mean": 10}}, stats.weibull_min(0.8, scale=10 / math.gamma(2.25))),
    "erlang": ({"erlang": {"k": 4, "mean": 10}}, stats.gamma(4, scale=2.5)),
    "lognormal": ({"lognormal": {"median": 8, "sigma": 0.6}}, stats.lognorm(0.6, scale=8)),
}


@pytest.mark.parametrize("name", [n if n == "uniform" else pytest.param(n, marks=pytest.mark.slow) for n in LAWS])
def test_one_server_first_two_moments_of_waiting(name):
    """The second moment of the wait holds the third of service, so it tells laws apart that the mean does not."""
    law, known = LAWS[name]
    moments = [float(known.moment(i)) for i in (1, 2, 3)]
    load = 0.6
    rate = load / moments[0]
    first, second = closed.any_service_wait(rate, moments)
    cs2 = moments[1] / moments[0] ** 2 - 1
    sections = model(40_000 / (rate * 60), settle_min(1, load, cs2), posts={"desk": post(1)},
                     types={"call": kind(rate * 60, stage("desk", law))})  # fmt: skip
    read = lambda r: {**line_measures(r.arm, r.world), "square": float((waits(r) ** 2).mean())}  # noqa: E731
    check(Case(sections, [Exact("line.desk.wait_min", first, WAIT), Exact("square", second, 0.05)], read))


@pytest.mark.slow
def test_a_mixture_of_laws():
    law = {"mixture": [{"share": 0.4, "exponential": {"mean": 5}}, {"share": 0.6, "erlang": {"k": 2, "mean": 9}}]}
    moments = [0.4 * 5 + 0.6 * 9, 0.4 * 2 * 25 + 0.6 * 81 * 1.5, 0.0]
    wait, _ = closed.any_service_wait(0.08, moments)
    sections = model(40_000 / 4.8, 2000.0, posts={"desk": post(1)}, types={"call": kind(4.8, stage("desk", law))})
    check(Case(sections, [Exact("line.desk.wait_min", wait, WAIT)]))


PATIENCE = {
    "constant": (15.0, lambda t: (t < 15.0).astype(float)),
    "uniform": ({"uniform": {"low": 0, "high": 30}}, lambda t: np.maximum(1 - t / 30, 0)),
    "erlang": ({"erlang": {"k": 2, "mean": 15}}, stats.gamma(2, scale=7.5).sf),
    "hyperexponential": (
        {"hyperexponential": {"shares": [0.5, 0.5], "means": [2, 28]}},
        lambda t: 0.5 * np.exp(-t / 2) + 0.5 * np.exp(-t / 28),
    ),
}


@pytest.mark.parametrize("name", [n if n == "constant" else pytest.param(n, marks=pytest.mark.slow) for n in PATIENCE])
def test_callers_of_any_patience(name):
    law, stays = PATIENCE[name]
    p = closed.impatient(0.6, UNIT, 5, stays)
    sections = model(20_000 / 36, 40 * UNIT, posts={"desk": post(5)},
                     types={"call": kind(36.0, stage("desk", exponential(UNIT)), queue_patience_min=law)})  # fmt: skip
    exact = [Exact("line.desk.abandoned_share", p["abandoned"]), Exact("line.desk.waiting_share", p["waiting"]),
             Exact("line.desk.wait_min", p["wait"], WAIT)]  # fmt: skip
    check(Case(sections, exact))


def test_two_stages_with_the_same_server_are_one_service():
    """Two exponential stages kept by one server are Erlang's law; each stage is a visit, and only the first waits."""
    wait, _ = closed.any_service_wait(4 / 60, [10.0, 150.0, 0.0])
    stages = stage("desk", exponential(5), name="one"), stage("desk", exponential(5), name="two", keep_staff=True)
    sections = model(10_000, 2000.0, posts={"desk": post(1)}, types={"call": kind(4.0, *stages)})
    exact = [Exact("line.desk.wait_min", wait / 2, WAIT), Exact("case.call.system_min", wait + 10, WAIT),
             Exact("line.desk.arrivals_per_h", 8.0)]  # fmt: skip
    check(Case(sections, exact))


@pytest.mark.slow
def test_even_arrivals():
    """D/M/1: a script brings a call every 12.5 minutes."""
    waiting, wait = closed.even_arrivals_wait(12.5, UNIT)
    script = [{"name": f"call{i}", "type": "call", "at_min": 12.5 * i} for i in range(4000)]
    sections = model(4000 * 12.5 / 60 - 2 * 48, 2880.0, posts={"desk": post(1)}, script=script,
                     types={"call": kind(0.0, stage("desk", exponential(UNIT)))})  # fmt: skip
    check(Case(sections, [Exact("line.desk.waiting_share", waiting), Exact("line.desk.wait_min", wait, 0.03)]))
