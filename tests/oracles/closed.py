"""Closed forms and small balance equations of queueing theory, one function each; not a test.

Times are in the unit that the arguments have. Each docstring names where the formula stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from scipy import integrate, optimize, stats


def stationary(chain: np.ndarray) -> np.ndarray:
    """Return the stationary law of a transition matrix (rows add up to 1) or of a generator (rows add up to 0)."""
    size = len(chain)
    balance = (chain - np.eye(size)).T if abs(chain.sum(axis=1) - 1).max() < 1e-9 else chain.T.copy()
    balance[-1] = 1.0
    return np.linalg.solve(balance, np.eye(size)[-1])


def erlang_c(servers: int, load: float) -> float:
    """Return the chance of waiting in M/M/c (Erlang 1917)."""
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked / (1.0 - load / servers * (1.0 - blocked))


def wait_tail(servers: int, load: float, service: float, beyond: float) -> float:
    """Return P(W > t) of M/M/c: C exp(-(c - a) t / s) (Gross and Harris, Fundamentals of Queueing Theory, 2.3)."""
    return erlang_c(servers, load) * math.exp(-(servers - load) * beyond / service)


def constant_service_wait(servers: int, load: float, most: int = 300) -> float:
    """Return the mean wait of M/D/c in services: the line's chain at steps of one service (Crommelin 1932)."""
    arrivals = stats.poisson.pmf(np.arange(most), load)
    chain = np.zeros((most, most))
    for n in range(most):
        left = max(n - servers, 0)
        chain[n, left:] = arrivals[: most - left]
    chain /= chain.sum(axis=1, keepdims=True)
    line = np.maximum(np.arange(most) - servers, 0) @ stationary(chain)
    return float(line / load)


def constant_service_blocked(load: float, room: int) -> float:
    """Return the share lost in M/D/1/K: the chain left behind at departures (Gross and Harris, 5.1.6)."""
    arrivals = stats.poisson.pmf(np.arange(room), load)
    chain = np.zeros((room, room))
    for n in range(room):
        left = max(n - 1, 0)
        chain[n, left : room - 1] = arrivals[: room - 1 - left]
        chain[n, -1] = 1.0 - chain[n].sum()
    return float(1.0 - 1.0 / (stationary(chain)[0] + load))


def limited_line(servers: int, room: int, load: float) -> dict[str, float]:
    """Return blocking, waiting share and line length of M/M/c/K."""
    weights = np.cumprod([1.0, *[load / min(n, servers) for n in range(1, room + 1)]])
    p, over = weights / weights.sum(), np.maximum(np.arange(room + 1) - servers, 0)
    return {"blocked": float(p[-1]), "waiting": float(p[servers:room].sum()), "line": float(over @ p)}


def any_service_wait(rate: float, moments: Sequence[float]) -> tuple[float, float]:
    """Return E W and E W^2 of M/G/1 from three moments of service (Pollaczek and Khinchine; Takacs 1962)."""
    first, second, third = moments
    idle = 1.0 - rate * first
    wait = rate * second / (2.0 * idle)
    return wait, 2.0 * wait**2 + rate * third / (3.0 * idle)


def impatient(rate: float, service: float, servers: int, stays: Callable[[np.ndarray], np.ndarray]) -> dict[str, float]:
    """Return M/M/c+G: shares that leave and that wait, and the mean time in line.

    ``stays`` is the survival function of patience. Baccelli and Hebuterne (1981), in the form of Zeltyn and
    Mandelbaum, Call centers with impatient customers (Queueing Systems 51, 2005), section 4.
    """
    t = np.linspace(0.0, 60.0 * service, 600_001)
    stayed = integrate.cumulative_trapezoid(stays(t), t, initial=0.0)
    weight = np.exp(rate * stayed - servers * t / service)
    j, j_h = integrate.simpson(weight, x=t), integrate.simpson(stayed * weight, x=t)
    below = integrate.quad(lambda u: math.exp(-u) * (1 + u / (rate * service)) ** (servers - 1), 0, np.inf)[0] / rate
    return {
        "abandoned": (1 + (rate - servers / service) * j) / (rate * (below + j)),
        "waiting": j / (below + j),
        "wait": j_h / (below + j),
    }


def by_class(rates: Sequence[float], first: Sequence[float], second: Sequence[float]) -> list[float]:
    """Return waits by class of M/G/1, not interrupted (Cobham 1954)."""
    busy = np.cumsum([0.0, *[r * m for r, m in zip(rates, first, strict=True)]])
    rest = sum(r * m / 2.0 for r, m in zip(rates, second, strict=True))
    return [float(rest / ((1 - busy[i]) * (1 - busy[i + 1]))) for i in range(len(rates))]


def by_class_resumed(rates: Sequence[float], first: Sequence[float], second: Sequence[float]) -> list[float]:
    """Return times in the system by class of M/G/1, interrupted and resumed (Kleinrock, Queueing Systems II, 3.4)."""
    busy = np.cumsum([0.0, *[r * m for r, m in zip(rates, first, strict=True)]])
    out = []
    for i in range(len(rates)):
        rest = sum(rates[j] * second[j] / 2.0 for j in range(i + 1))
        out.append(float(first[i] / (1 - busy[i]) + rest / ((1 - busy[i]) * (1 - busy[i + 1]))))
    return out


def by_credit(rates: Sequence[float], means: Sequence[float], slopes: Sequence[float], rest: float) -> list[float]:
    """Return waits of classes whose priority grows at rates ``slopes``, smallest first (Kleinrock 1964; II, 3.7)."""
    load = [r * m for r, m in zip(rates, means, strict=True)]
    waits: list[float] = []
    for p, slope in enumerate(slopes):
        ahead = sum(load[i] * waits[i] * (1 - slopes[i] / slope) for i in range(p))
        behind = sum(load[i] * (1 - slope / slopes[i]) for i in range(p + 1, len(slopes)))
        waits.append((rest / (1 - sum(load)) - ahead) / (1 - behind))
    return waits


def even_arrivals_wait(gap: float, service: float) -> tuple[float, float]:
    """Return the share that waits and the mean wait of D/M/1: s = exp(-(1 - s) gap / service)."""
    s = optimize.brentq(lambda x: x - math.exp(-(1 - x) * gap / service), 1e-9, 1 - 1e-6)
    return float(s), float(service * s / (1 - s))


def repairs(machines: int, crews: int, runs: float, repair: float) -> dict[str, float]:
    """Return M/M/c//N: machines down, breakdowns per unit of time, mean wait (Palm 1947)."""
    weights = [1.0]
    for n in range(machines):
        weights.append(weights[-1] * (machines - n) / runs / (min(n + 1, crews) / repair))
    p, n = np.array(weights) / sum(weights), np.arange(machines + 1)
    down = float(n @ p)
    rate = (machines - down) / runs
    return {"down": down, "rate": rate, "wait": float(np.maximum(n - crews, 0) @ p) / rate}


def closed_network(jobs: int, think: float, demands: Sequence[float]) -> tuple[float, list[float]]:
    """Return throughput and line lengths by mean value analysis (Reiser and Lavenberg 1980)."""
    lengths, through = [0.0] * len(demands), 0.0
    for n in range(1, jobs + 1):
        stays = [d * (1 + q) for d, q in zip(demands, lengths, strict=True)]
        through = n / (think + sum(stays))
        lengths = [through * s for s in stays]
    return through, lengths


def hourly_wave(per_hour: Sequence[float], stay_min: float, hours: Sequence[int]) -> list[float]:
    """Return the periodic mean of Mt/M/inf at hours of the day, where the rate is a step function of the hour."""
    keep = math.exp(-60.0 / stay_min)
    level = [rate / 60.0 * stay_min for rate in per_hour]

    def day(start: float) -> list[float]:
        out = [start]
        for goal in level:
            out.append(goal + (out[-1] - goal) * keep)
        return out

    start = day(0.0)[-1] / (1.0 - keep**24)  # after one day m = a + b m
    return [day(start)[h] for h in hours]


def hypercube_lost(rates: Sequence[float], service: float, lists: Sequence[Sequence[int]]) -> tuple[float, list[float]]:
    """Return the share lost and each unit's load in Larson's hypercube (1974) without a line."""
    units = len(lists[0])
    states = list(product((0, 1), repeat=units))
    row = {state: i for i, state in enumerate(states)}
    chain = np.zeros((len(states), len(states)))
    for state in states:
        for rate, order in zip(rates, lists, strict=True):
            sent = next((u for u in order if not state[u]), None)
            if sent is not None:
                chain[row[state], row[tuple(1 if u == sent else x for u, x in enumerate(state))]] += rate
        for u in range(units):
            if state[u]:
                chain[row[state], row[tuple(0 if k == u else x for k, x in enumerate(state))]] += 1.0 / service
    chain -= np.diag(chain.sum(axis=1))
    p = stationary(chain)
    return float(p[-1]), [float(sum(p[row[s]] for s in states if s[u])) for u in range(units)]
