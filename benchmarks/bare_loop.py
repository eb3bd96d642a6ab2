"""Events per second of the full model against the barest loop that could be written: an M/M/10 queue in numba.

The bare loop has a binary heap of departures, a first-come-first-served line, its draws made in the loop by a
xorshift generator, and a record of every customer (arrival, start, end, server, place in line). It decides nothing,
travels nowhere and logs nothing. An arrival and a departure are one event each. Both run in turns in this process;
the figure is the median of the ratios.
"""

from __future__ import annotations

import math
import time

import numba
import numpy as np

from benchmarks.district import District
from benchmarks.figures import Measured
from benchmarks.statistics import median_interval

SERVERS, UTILISATION = 10, 0.9
CUSTOMER = np.dtype([("arrived", "f8"), ("started", "f8"), ("ended", "f8"), ("server", "i4"), ("ahead", "i4")])


@numba.njit(inline="always")
def _uniform(state):
    """Advance xorshift64* and return a number in (0, 1)."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return (np.float64((x * np.uint64(2685821657736338717)) >> np.uint64(11)) + 0.5) * 1.1102230246251565e-16


@numba.njit
def _push(times, rows, n, at, row):
    i = n
    while i > 0:
        up = (i - 1) >> 1
        if times[up] <= at:
            break
        times[i], rows[i] = times[up], rows[up]
        i = up
    times[i], rows[i] = at, row


@numba.njit
def _pop(times, rows, n):
    """Remove the first of ``n`` entries."""
    at, row = times[n - 1], rows[n - 1]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= n - 1:
            break
        if child + 1 < n - 1 and times[child + 1] < times[child]:
            child += 1
        if times[child] >= at:
            break
        times[i], rows[i] = times[child], rows[child]
        i = child
    times[i], rows[i] = at, row


@numba.njit
def mmc(customers, servers, arrival_rate, service_rate, seed):
    """Serve a table of customers in an M/M/c queue.

    Parameters
    ----------
    customers
        ``CUSTOMER``[n], filled in.
    servers, arrival_rate, service_rate
        Number of servers; rates per minute.
    seed
        Of the draws, not 0.

    Returns
    -------
    int
        Events: n arrivals and n departures.
    """
    n = customers.shape[0]
    state = np.array([seed], np.uint64)
    times, rows = np.empty(servers + 1), np.empty(servers + 1, np.int64)
    free, frees = np.arange(servers), servers
    line = np.empty(n, np.int64)
    head = tail = busy = arrived = events = 0
    following = -math.log(_uniform(state)) / arrival_rate
    while arrived < n or busy > 0:
        events += 1
        if arrived < n and (busy == 0 or following <= times[0]):
            now, row = following, arrived
            arrived += 1
            customers[row].arrived, customers[row].ahead = now, tail - head
            following = now - math.log(_uniform(state)) / arrival_rate
            if frees == 0:
                line[tail] = row
                tail += 1
                continue
            frees -= 1
            server = free[frees]
        else:
            now, done = times[0], rows[0]
            _pop(times, rows, busy)
            busy -= 1
            customers[done].ended = now
            server = customers[done].server
            if head == tail:
                free[frees] = server
                frees += 1
                continue
            row = line[head]
            head += 1
        customers[row].started, customers[row].server = now, server
        _push(times, rows, busy, now - math.log(_uniform(state)) / service_rate, row)
        busy += 1
    return events


def bare_events_per_s(customers: int, seed: int) -> tuple[float, float]:
    """Return events per second of the bare loop and its mean wait in service times."""
    table = np.zeros(customers, CUSTOMER)
    begun = time.perf_counter()
    events = mmc(table, SERVERS, UTILISATION * SERVERS, 1.0, np.uint64(seed))
    seconds = time.perf_counter() - begun
    return events / seconds, float((table["started"] - table["arrived"]).mean())


def measure(quick: bool) -> Measured:
    """Return ``ratio_to_bare_loop`` with its interval and both rates."""
    district = District.month(quick)
    customers, rounds = (20_000, 2) if quick else (2_000_000, 15)
    mmc(np.zeros(100, CUSTOMER), SERVERS, UTILISATION * SERVERS, 1.0, np.uint64(1))
    district.run(0)
    bare, full, waits = [], [], []
    for k in range(rounds):
        rate, wait = bare_events_per_s(customers, k + 1)
        bare.append(rate)
        waits.append(wait)
        run = district.run(k + 1)
        full.append(run.events / run.seconds)
    ratio, low, high = median_interval([f / b for f, b in zip(full, bare, strict=True)])
    return {
        "ratio_to_bare_loop": ratio, "ratio_to_bare_loop_low": low, "ratio_to_bare_loop_high": high,
        "bare_loop_events_per_s": float(np.median(bare)), "bare_loop_mean_wait": float(np.mean(waits)),
        "events_per_s": float(np.median(full)),
    }  # fmt: skip
