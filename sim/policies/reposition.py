"""Repositioning rules: where somebody who falls idle waits."""

from __future__ import annotations

from sim.engine.codes import MOVE, S_IDLE, STAY
from sim.engine.hooks import Answer
from sim.engine.jit import jitable
from sim.engine.travel import travel_min
from sim.policies.rules import rule


@rule("reposition")
def stay(view, staff, slot, now):
    """Wait where the last task ended."""
    return Answer(STAY, 0, 0.0)


@rule("reposition")
def return_home(view, staff, slot, now):
    """Go back to the own post or station."""
    return Answer(MOVE, view.staff[staff].home, 0.0)


@jitable
def is_covered(view, staff, place):
    """Return True when another idle colleague already waits at a place or moves there."""
    pool = view.pools[view.staff[staff].pool]
    for o in range(pool.first, pool.first + pool.count):
        k = view.staff[o]
        if o != staff and k.state == S_IDLE and (k.place == place or (k.activity == 3 and k.to_place == place)):
            return True
    return False


@rule("reposition")
def fill_gaps(view, staff, slot, now):
    """Go to the nearest station of the group that nobody covers, if its gain is worth the move."""
    k = view.staff[staff]
    pool, place = view.pools[k.pool], k.place
    best, best_min = k.home, 1e300
    for o in range(pool.first, pool.first + pool.count):
        home = view.staff[o].home
        if not is_covered(view, staff, home):
            trip = travel_min(view, False, place, home)
            if trip < best_min:
                best, best_min = home, trip
    if best_min > 1e299:
        return Answer(MOVE, k.home, 0.0)
    if best == place or best_min < view.rules[0].reposition_min_gain_min:
        return Answer(STAY, 0, 0.0)
    return Answer(MOVE, best, best_min)
