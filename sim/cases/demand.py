"""Demand: all incidents of a replication, drawn before the run and blind to every policy.

For each type and area a non-homogeneous Poisson stream is thinned from a constant one (Lewis & Shedler
1979); its candidates are numbered, and a candidate's number and stream name all its draws. So a further
type, area, arm or scripted incident moves no other draw. After-shocks (a branching process, Hawkes 1971) are
named by their parent. Demand is per resident and place, never per grid member or outcome.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import types as numba_types

from sim.engine.blocks import as_world
from sim.engine.buffers import BUFFERS
from sim.engine.codes import NEVER, P_DEMAND, P_EXCITE, P_INCIDENT, P_NEED
from sim.engine.draws import draw, mix, uniforms
from sim.engine.jit import njit
from sim.engine.kinds import F
from sim.engine.tables import INCIDENT

_ONE = np.uint64(1)


@dataclass(frozen=True)
class Demand:
    """Rates of an arm, ready to draw from.

    Attributes
    ----------
    stream_type, stream_grid
        int64[S]: type of each stream and its grid (-1: the whole city, placed by weight).
    stream_rate
        float64[S]: incidents per minute before profiles (each profile has mean 1).
    stream_entity
        uint64[S]: hash of type name and area code.
    hour_factor, day_factor
        float64[T, 24] and float64[T, days]: profiles per type.
    sine
        float64[T, 3]: amplitude, angular frequency per minute, phase in minutes.
    severity
        float64[T, 4]: cumulative shares.
    place_first, place_row, place_cumulative
        CSR per type: places and cumulative weights for city-wide streams.
    place_grid
        int32[P]: grid of each place.
    home_department
        int64[T]: department always needed (lawfully its matter), -1 for none.
    has_after_shocks
        Whether some type excites itself.
    """

    stream_type: np.ndarray
    stream_grid: np.ndarray
    stream_rate: np.ndarray
    stream_entity: np.ndarray
    hour_factor: np.ndarray
    day_factor: np.ndarray
    sine: np.ndarray
    severity: np.ndarray
    place_first: np.ndarray
    place_row: np.ndarray
    place_cumulative: np.ndarray
    place_grid: np.ndarray
    home_department: np.ndarray
    horizon_min: float
    has_after_shocks: bool

    def expected(self) -> float:
        """Return the expected number of incidents, after-shocks apart, from the mean rates."""
        days = math.ceil(self.horizon_min / 1440.0)
        mean_day = self.day_factor[:, :days].mean(axis=1)
        return float((self.stream_rate * mean_day[self.stream_type]).sum() * self.horizon_min)


@njit(inline="always")  # a call would count references to its arrays
def _factor(t, typ, hour_factor, day_factor, sine):
    day = min(np.int64(t / 1440.0), day_factor.shape[1] - 1)
    hour = np.int64(t / 60.0) % 24
    wave = 1.0
    if sine[typ, 0] > 0.0:
        wave += sine[typ, 0] * math.sin(sine[typ, 1] * (t - sine[typ, 2]))
    return hour_factor[typ, hour] * day_factor[typ, day] * wave


@njit
def _draw_times(
    key, stream_type, stream_rate, stream_entity, hour_factor, day_factor, hour_most, day_most, sine, horizon, out_t,
    out_e, out_s,
):  # fmt: skip
    """Fill times, entities and streams; returns how many there are (more than fit when the room is short)."""
    n = 0
    for s in range(stream_type.shape[0]):
        typ = stream_type[s]
        peak = stream_rate[s] * hour_most[typ] * day_most[typ] * (1.0 + sine[typ, 0])
        if peak <= 0.0:
            continue
        t, k = 0.0, 0
        while True:
            u, v = uniforms(key, stream_entity[s], P_DEMAND, k)
            t -= math.log(u) / peak
            if t >= horizon:
                break
            if v * peak < stream_rate[s] * _factor(t, typ, hour_factor, day_factor, sine):
                if n < out_t.shape[0]:
                    out_t[n], out_e[n], out_s[n] = t, mix(stream_entity[s], np.uint64(k)), s
                n += 1
            k += 1
    return n


@njit((F, F))
def _poisson(mean, u):
    """Return a Poisson number by inversion."""
    n, p = 0, math.exp(-mean)
    total = p
    while u > total and n < 1000:
        n += 1
        p *= mean / n
        total += p
    return n


@njit
def _needs(world, key, entity, typ, home):
    mask = np.uint64(0)
    for d in range(world.departments.shape[0]):
        p = world.need[typ, d]
        if p > 0.0 and uniforms(key, mix(entity, world.departments[d].entity), P_NEED, 0)[0] < p:
            mask |= _ONE << np.uint64(d)
    if home >= 0:
        mask |= _ONE << np.uint64(home)
    return mask


@njit
def _search(cumulative, first, last, u):
    lo, hi = first, last - 1
    goal = u * cumulative[last - 1]
    while lo < hi:
        middle = (lo + hi) // 2
        if cumulative[middle] > goal:
            hi = middle
        else:
            lo = middle + 1
    return lo


@njit
def _fill(world, key, e, typ, grid, severity, place_first, place_row, place_cumulative, place_grid, home):
    """Draw what an incident is: severity, resident, place, witnesses, needs."""
    u, v = 0.5, 0.5  # where severity and place are certain there is nothing to draw
    if severity[typ, 0] < 1.0 or place_first[typ + 1] - place_first[typ] != 1:
        u, v = uniforms(key, e.entity, P_INCIDENT, 0)
    level = 0
    while level < 3 and u > severity[typ, level]:
        level += 1
    e.type, e.severity = typ, level + 1
    e.resident, e.place, e.last_mile_min = -1, -1, 0.0
    if grid < 0 and place_first[typ + 1] > place_first[typ]:
        k = _search(place_cumulative, place_first[typ], place_first[typ + 1], v)
        e.place = place_row[k]
        grid = place_grid[e.place]
    elif grid < 0:
        r = min(np.int64(v * world.residents.shape[0]), world.residents.shape[0] - 1)
        grid = _grid_of(world, r)
        e.resident = r
    elif world.grids[grid].residents > 0:
        g = world.grids[grid]
        e.resident = g.first_resident + min(np.int64(v * g.residents), g.residents - 1)
    else:
        e.place = world.grids[grid].place
    if e.resident >= 0:
        e.place, e.last_mile_min = world.residents[e.resident].place, world.residents[e.resident].last_mile_min
    e.grid = grid
    mean = world.types[typ].witnesses
    e.witnesses = _poisson(mean, uniforms(key, e.entity, P_INCIDENT, 1)[0]) if mean > 0.0 else 0
    e.needs, e.done = _needs(world, key, e.entity, typ, home[typ]), np.uint64(0)
    _blank(e)


@njit
def _grid_of(world, resident):
    lo, hi = 0, world.grids.shape[0] - 1
    while lo < hi:
        middle = (lo + hi + 1) // 2
        if world.grids[middle].first_resident <= resident:
            lo = middle
        else:
            hi = middle - 1
    return lo


@njit
def _blank(e):
    e.first_reported_min = e.resolved_min = e.ended_min = e.attended_min = e.report_min = NEVER
    e.witness_min = e.spontaneous_min = e.grow_min = e.act_min = e.timer_min = NEVER
    e.visible_until_min, e.find_clock = 0.0, 0.0
    e.open_case = e.last_case = e.scripted = e.channel = -1
    e.stamp = e.find_count = e.witness_count = e.reports = e.failures = e.repeats = e.fate = e.cases = 0


@njit
def _fill_all(address, key, n, times, entities, streams, stream_type, stream_grid, severity, place_first, place_row,
              place_cumulative, place_grid, home, out):  # fmt: skip
    world = as_world(address)
    for i in range(n):
        e = out[i]
        world.clock[0].ties += i > 0 and times[i] == times[i - 1]
        e.occurred_min, e.entity = times[i], entities[i]
        s = streams[i]
        _fill(
            world,
            key,
            e,
            stream_type[s],
            stream_grid[s],
            severity,
            place_first,
            place_row,
            place_cumulative,
            place_grid,
            home,
        )


@njit
def _after_shocks(address, key, n, horizon, severity, place_first, place_row, place_cumulative, place_grid, home, out):
    """Append after-shocks of every incident, and theirs; returns how many there are in all."""
    world = as_world(address)
    world.clock[0].ties += 1  # not looked into
    i, total = 0, n
    while i < total and i < out.shape[0]:
        parent = out[i]
        mean = world.types[parent.type].excitation
        if mean > 0.0:
            children = _poisson(mean, uniforms(key, parent.entity, P_EXCITE, 0)[0])
            for c in range(children):
                entity = mix(parent.entity, np.uint64(5000 + c))
                at = parent.occurred_min + draw(world, world.types[parent.type].excitation_delay, entity, P_EXCITE, 1)
                if at < horizon:
                    if total < out.shape[0]:
                        e = out[total]
                        e.occurred_min, e.entity = at, entity
                        _fill(world, key, e, np.int64(parent.type), np.int64(parent.grid), severity, place_first,
                              place_row, place_cumulative, place_grid, home)  # fmt: skip
                    total += 1
        i += 1
    return total


_key = njit(numba_types.uint64(numba_types.uint64, numba_types.uint64))(
    lambda seed, replication: mix(seed, replication)
)


def replication_key(seed: int, replication: int) -> int:
    """Return the key of all draws of a replication: mix(root seed, replication)."""
    return int(_key(np.uint64(seed & 0xFFFFFFFFFFFFFFFF), np.uint64(replication & 0xFFFFFFFFFFFFFFFF)))


def draw_incidents(demand: Demand, address: int, key: int) -> np.ndarray:
    """Draw all background incidents of a replication, in order of time.

    Parameters
    ----------
    demand
        Rates of the arm.
    address
        `World.address` of a world whose static tables (types, laws, residents, grids, needs) are set.
    key
        `replication_key`.

    Returns
    -------
    numpy.ndarray
        ``INCIDENT[n]`` ordered by time, then entity.
    """
    d, k = demand, np.uint64(key)
    expected = d.expected()
    room = int(expected + 8 * math.sqrt(expected) + 64)
    most = (d.hour_factor.max(axis=1), d.day_factor.max(axis=1))
    args = (d.stream_type, d.stream_rate, d.stream_entity, d.hour_factor, d.day_factor, *most, d.sine, d.horizon_min)
    while True:
        times, entities, streams = (BUFFERS.rows(room, np.dtype(kind)) for kind in (np.float64, np.uint64, np.int64))
        n = _draw_times(k, *args, times, entities, streams)
        if n <= room:
            break
        room = n
    times, entities, streams = times[:n], entities[:n], streams[:n]
    if not (times[1:] > times[:-1]).all():  # one stream alone is in order already
        order = _order(times, entities)  # rows are filled in the order in which they stay
        times, entities, streams = times[order], entities[order], streams[order]
    places = (d.severity, d.place_first, d.place_row, d.place_cumulative, d.place_grid, d.home_department)
    out = BUFFERS.rows(n, INCIDENT)
    _fill_all(address, k, n, times, entities, streams, d.stream_type, d.stream_grid, *places, out)
    if not d.has_after_shocks:
        return out
    total = _after_shocks(address, k, n, d.horizon_min, *places, out)
    while total > len(out):
        bigger = BUFFERS.rows(2 * total, INCIDENT)
        bigger[: len(out)] = out
        out = bigger
        total = _after_shocks(address, k, n, d.horizon_min, *places, out)
    return in_order(out[:total])


def _order(times: np.ndarray, entities: np.ndarray) -> np.ndarray:
    """Return the order by time, ties by entity."""
    order = np.argsort(times, kind="stable")
    if (np.diff(times[order]) == 0).any():
        order = np.lexsort((entities, times))
    return order


def in_order(incidents: np.ndarray) -> np.ndarray:
    """Return incidents by time, ties by entity; what is already in order is not copied."""
    times = incidents["occurred_min"]
    if (np.diff(times) > 0).all():
        return np.ascontiguousarray(incidents)
    return np.ascontiguousarray(incidents[_order(times, incidents["entity"])])
