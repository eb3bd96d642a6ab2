"""Networks of stages: Jackson networks, an escalation chain, a daily wave into infinitely many servers; not a test."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles.bare import UNIT, WAIT, Case, Exact, delay, exponential, kind, model, post, settle_min, stage
from oracles.queues import PER_H

from sim.measures.lines import line_measures
from sim.model import Result


def jackson(a: dict[str, Any], slow: float = 1.0, window: float = 20_000) -> Case:
    """Return an open network of M/M/c nodes: a post for each node, a type for each node that calls come to."""
    nodes = range(len(a["mu"]))
    types = {}
    for source in nodes:
        if a["gamma"][source] > 0:
            order = [source, *(j for j in nodes if j != source)]  # the first stage of a list is where a case begins
            types[f"from{source}"] = kind(a["gamma"][source] * PER_H, *(_node(a, j, slow) for j in order))
    settle = sum(settle_min(a["c"][j], a["lam"][j] / a["mu"][j]) / a["mu"][j] for j in nodes)
    posts = {f"node{j}": post(a["c"][j]) for j in nodes}
    exact = [Exact(f"line.node{j}.arrivals_per_h", a["lam"][j] * PER_H) for j in nodes]
    exact += [Exact(f"line.node{j}.system_min", a["W_node"][j] * UNIT, WAIT) for j in nodes]
    exact += [Exact(f"line.node{j}.mean_in_system", a["L"][j], WAIT) for j in nodes]
    exact.append(Exact("sojourn", a["W_system"] * UNIT, WAIT))
    return Case(model(window / PER_H, settle, posts=posts, types=types), exact, _with_sojourn)


def _node(a: dict[str, Any], j: int, slow: float) -> dict[str, Any]:
    onward = {f"node{k}": p for k, p in enumerate(a["P"][j]) if p > 0}
    return stage(f"node{j}", exponential(UNIT / a["mu"][j] * slow), name=f"node{j}", next=onward)


def _with_sojourn(result: Result) -> dict[str, float]:
    """Return the lines and the mean minutes that a case of any type spends in the network."""
    world, spec = result.world, result.arm.spec
    c = world.cases[: int(world.clock["cases"][0])]
    first, last = spec.warm_up_days * 1440.0, (spec.horizon_days - spec.cool_down_days) * 1440.0
    mine = c[(c["occurred_min"] >= first) & (c["occurred_min"] < last) & (c["closed_min"] < 1e200)]
    return {
        **line_measures(result.arm, world),
        "sojourn": float((mine["closed_min"] - mine["occurred_min"]).mean()),
    }


def escalation(a: dict[str, Any], slow: float = 1.0) -> Case:
    """Return a case that climbs levels and may come down again; nobody is scarce, so each level is a delay."""
    levels = range(len(a["Q"]))
    stages = [
        delay(
            f"level{j}", exponential(a["mean_stage_days"][j] * 1440.0 * slow),
            next={f"level{k}": p for k, p in enumerate(a["Q"][j]) if p > 0},
        )
        for j in levels
    ]  # fmt: skip
    sections = model(2000.0, 100 * 1440.0, posts={"desk": post(1)}, types={"dispute": kind(4.0, *stages)})
    exact = [Exact("days", a["expected_days"])]
    exact += [Exact(f"visits{j}", v) for j, v in enumerate(a["visits_from_level1"])]
    exact += [Exact(f"ends{j}", p) for j, p in enumerate(a["p_resolve_level"])]
    return Case(sections, exact, _by_level)


def _by_level(result: Result) -> dict[str, float]:
    """Return visits to each level per case, the share that ends at each, and the mean days of a case."""
    world, spec = result.world, result.arm.spec
    c = world.cases[: int(world.clock["cases"][0])]
    k = world.tasks[: int(world.clock["tasks"][0])]
    first, last = spec.warm_up_days * 1440.0, (spec.horizon_days - spec.cool_down_days) * 1440.0
    inside = (c["occurred_min"] >= first) & (c["occurred_min"] < last)
    visits = np.bincount(k["stage"][inside[k["case"]]], minlength=3) / inside.sum()
    ends = np.bincount(c["stage"][inside], minlength=3) / inside.sum()
    days = line_measures(result.arm, world)["case.dispute.system_min"] / 1440.0
    by_level = {f"visits{j}": float(v) for j, v in enumerate(visits)}
    return {"days": days, **by_level, **{f"ends{j}": float(p) for j, p in enumerate(ends)}}


def daily_wave(a: dict[str, Any], slow: float = 1.0, servers: int | None = None) -> Case:
    """Return Mt/M/inf with a sine of one day: nobody is busy, or so many servers that nobody waits."""
    service = exponential(120.0 * slow)
    work = delay("serve", service) if servers is None else stage("desk", service)
    wave = {"amplitude": 0.6, "period_h": 24.0, "phase_h": 0.0}
    sections = model(
        120 * 24.0, 2 * 1440.0, posts={"desk": post(servers or 1)}, types={"call": kind(10.0, work, sine=wave)}
    )
    return Case(sections, [Exact(f"at{hour}", v) for hour, v in a["values"].items()], _by_hour)


def _by_hour(result: Result) -> dict[str, float]:
    """Return the mean number in the system at four hours of the day."""
    world, spec = result.world, result.arm.spec
    k = world.tasks[: int(world.clock["tasks"][0])]
    came, gone = np.sort(k["created_min"]), np.sort(k["done_min"])
    out = {}
    for hour in (0, 6, 12, 18):
        at = np.arange(2, int(spec.horizon_days) - 2) * 1440.0 + hour * 60.0
        here = np.searchsorted(came, at, "right") - np.searchsorted(gone, at, "right")
        out[f"at{hour}"] = float(here.mean())
    return out
