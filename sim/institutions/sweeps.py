"""Sweeps: at set times the people of a post look for trouble that nobody has told (B11).

While a sweep lasts every open incident of its types is found at a rate in proportion to how many of the post's group
are free: on patrol or at rest, not with a case and not at delegated work. Who sweeps can be called away at any time.
Chances come from a stream for everybody being free, thinned by how many are, so that it is exact. What is found is
reported through the channel ``sweep``. How often somebody was free as a chance came is counted, and read by no one in
the model, so that a sweep whose people never were can be told. That repeated campaigns wear off (I12) is not here.
"""

from __future__ import annotations

import numpy as np

from sim.cases.intake import receive
from sim.engine.codes import EV_FIND, F_OPEN, FIRST_SWEEP, L_FOUND, LOOKS, LOOKS_FREE, MOST_SWEEPS, NEVER, P_SWEEP
from sim.engine.draws import exponential, mix, uniforms
from sim.engine.events import schedule
from sim.engine.jit import njit
from sim.engine.kinds import F, I, W
from sim.engine.log import log


@njit((W, I, F))
def _minutes_before(world, s, t):
    """Return how many minutes a sweep has lasted up to time ``t``."""
    low = np.int64(world.sweeps[s].first)
    high = low + world.sweeps[s].count
    while low < high:  # the first span that begins at ``t`` or later
        middle = (low + high) >> 1
        if world.sweep_spans[middle].from_min < t:
            low = middle + 1
        else:
            high = middle
    if low == world.sweeps[s].first:
        return 0.0
    span = world.sweep_spans[low - 1]
    return span.before_min + min(t, span.to_min) - span.from_min


@njit((W, I, F))
def _time_after(world, s, minutes):
    """Return when a sweep will have lasted so many minutes; NEVER when it ends before."""
    low = np.int64(world.sweeps[s].first)
    high = low + world.sweeps[s].count
    last = high - 1
    while low < high:  # the first span before which it has lasted as long or longer
        middle = (low + high) >> 1
        if world.sweep_spans[middle].before_min < minutes:
            low = middle + 1
        else:
            high = middle
    if low == world.sweeps[s].first:
        return NEVER
    span = world.sweep_spans[low - 1]
    at = span.from_min + minutes - span.before_min
    return NEVER if low - 1 == last and at > span.to_min else at


@njit((W, I, I))
def _most(world, s, grid):
    """Return the rate per minute at which an incident in a grid is found when the whole group is free."""
    sweep, p = world.sweeps[s], world.params[0]
    pool = world.pool_of[sweep.post, grid]
    if pool < 0:
        return 0.0
    if sweep.own_per_min > 0.0:
        return sweep.own_per_min
    k = world.pools[pool]
    km = max(max(k.grids, 1) * world.grids[grid].street_km, 1e-6)
    return sweep.intensity * p.patrol_found_probability * p.patrol_speed_kmh / 60.0 * k.count / km


@njit((W, I, I, I))
def _next_chance(world, i, s, n):
    """Schedule an incident's ``n``-th chance of being found by a sweep."""
    e, clock = world.incidents[i], world.clock[0]
    most = _most(world, s, np.int64(e.grid))
    if most <= 0.0:
        return
    wait = exponential(clock.key, mix(e.entity, world.sweeps[s].entity), P_SWEEP, n) / most
    at = _time_after(world, s, _minutes_before(world, s, clock.now) + wait)
    if at < clock.horizon_min:
        schedule(world, at, EV_FIND, i, e.entity, FIRST_SWEEP + s + MOST_SWEEPS * n)


@njit((W, I))
def await_sweeps(world, i):
    """An incident has occurred: set its first chance of being found by each sweep that looks for its type."""
    for s in range(world.sweeps.shape[0]):
        if world.sweep_types[s, world.incidents[i].type]:
            _next_chance(world, i, s, 1)


@njit
def sweep_chance(world, i, stamp):
    """A chance that a sweep finds an incident has come; returns True when it is found.

    What has an open case is known already; it may be found later, if that case ends and the trouble does not.
    """
    s, n = (stamp - FIRST_SWEEP) % MOST_SWEEPS, (stamp - FIRST_SWEEP) // MOST_SWEEPS
    e, clock = world.incidents[i], world.clock[0]
    if e.fate != F_OPEN:
        return False
    _next_chance(world, i, s, n + 1)
    if e.open_case >= 0:
        return False
    k = world.pools[world.pool_of[world.sweeps[s].post, e.grid]]
    world.looks[s, LOOKS] += 1
    world.looks[s, LOOKS_FREE] += 1 if k.idle > 0 else 0
    v = uniforms(clock.key, mix(e.entity, world.sweeps[s].entity), P_SWEEP, n)[1]
    if v * k.count >= k.idle:
        return False
    log(world, L_FOUND, -2 - i, -1, e.grid, clock.sweep_channel)
    receive(world, i, clock.sweep_channel, -1)
    return True
