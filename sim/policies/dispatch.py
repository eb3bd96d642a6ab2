"""Dispatch rules: whom to send to a task that has just come, among the people of its group.

All of them send a case's owner again when free (one person follows a case), respect
``dispatch.max_travel_min``, and answer WAIT when nobody suits.
"""

from __future__ import annotations

from sim.agents.ability import can_take
from sim.engine.codes import SEND, WAIT
from sim.engine.hooks import Answer
from sim.engine.jit import jitable
from sim.engine.travel import travel_min
from sim.policies.rules import rule

_FAR = 1e300


@jitable
def trip_min(view, s, task):
    """Return minutes that a member of staff would travel to a task."""
    t = view.tasks[task]
    if t.travels == 0:
        return 0.0
    return travel_min(view, t.lights == 1, view.staff[s].place, t.place) / view.staff[s].speed_factor


@jitable
def owner_if_free(view, task):
    """Return the case's owner when it can be sent, else -1."""
    s = view.tasks[task].owner
    if s >= 0 and view.staff[s].pool == view.tasks[task].pool and can_take(view, s, task):
        return s
    return -1


@jitable
def skill_for(view, s, task):
    """Return the skill of a member of staff in what the task asks (1 is average)."""
    capability = view.tasks[task].capability
    if capability < 0:
        return view.staff[s].pace * 1.0
    return view.skill[s, capability] * 1.0


@jitable
def sent(s, score):
    """Return the answer that sends a member of staff, or waits."""
    if s < 0:
        return Answer(WAIT, 0, 0.0)
    return Answer(SEND, s, score)


@rule("dispatch")
def nearest_idle(view, task, slot, now):
    """Send whoever is nearest in travel time."""
    pool = view.pools[view.tasks[task].pool]
    best, best_score = owner_if_free(view, task), view.rules[0].dispatch_max_travel_min
    if best >= 0:
        return sent(best, 0.0)
    for s in range(pool.first, pool.first + pool.count):
        if can_take(view, s, task):
            score = trip_min(view, s, task)
            if score < best_score:
                best, best_score = s, score
    return sent(best, best_score)


@rule("dispatch")
def least_loaded(view, task, slot, now):
    """Send whoever owns the fewest open cases and has worked least, travel time last."""
    pool, rules = view.pools[view.tasks[task].pool], view.rules[0]
    best, best_score = owner_if_free(view, task), _FAR
    if best >= 0:
        return sent(best, 0.0)
    for s in range(pool.first, pool.first + pool.count):
        if can_take(view, s, task) and trip_min(view, s, task) < rules.dispatch_max_travel_min:
            score = rules.dispatch_load_weight * view.staff[s].cases_open + view.staff[s].busy_min / 60.0
            score += trip_min(view, s, task) * 1e-3
            if score < best_score:
                best, best_score = s, score
    return sent(best, best_score)


@rule("dispatch")
def home_grid_first(view, task, slot, now):
    """Send somebody whose own grid it is; only if there is none, the nearest of the others."""
    pool = view.pools[view.tasks[task].pool]
    best, best_score = owner_if_free(view, task), view.rules[0].dispatch_max_travel_min
    if best >= 0:
        return sent(best, 0.0)
    best_is_home = False
    for s in range(pool.first, pool.first + pool.count):
        if can_take(view, s, task):
            score, is_home = trip_min(view, s, task), view.staff[s].grid == view.tasks[task].grid
            if (is_home and not best_is_home) or (is_home == best_is_home and score < best_score):
                best, best_score, best_is_home = s, score, is_home
    return sent(best, best_score)


@rule("dispatch")
def best_skilled(view, task, slot, now):
    """Send the most skilled for what is asked; each minute of travel costs a little skill."""
    pool, rules = view.pools[view.tasks[task].pool], view.rules[0]
    best, best_score = -1, _FAR
    for s in range(pool.first, pool.first + pool.count):
        if can_take(view, s, task) and trip_min(view, s, task) < rules.dispatch_max_travel_min:
            score = trip_min(view, s, task) / 60.0 - rules.dispatch_skill_weight * skill_for(view, s, task)
            if score < best_score:
                best, best_score = s, score
    return sent(best, best_score)


@rule("dispatch")
def shortest_completion(view, task, slot, now):
    """Send whoever is expected to have finished first: travel plus the expected work at that skill."""
    pool, rules = view.pools[view.tasks[task].pool], view.rules[0]
    best, best_score = -1, _FAR
    for s in range(pool.first, pool.first + pool.count):
        if can_take(view, s, task):
            trip = trip_min(view, s, task)
            score = trip + view.tasks[task].expected_min / max(skill_for(view, s, task), 0.1)
            if trip < rules.dispatch_max_travel_min and score < best_score:
                best, best_score = s, score
    return sent(best, best_score)


@jitable
def hole_min(view, s, task):
    """Return how far the nearest other free colleague is from where this one would leave."""
    pool = view.pools[view.tasks[task].pool]
    nearest = 60.0
    for o in range(pool.first, pool.first + pool.count):
        if o != s and can_take(view, o, task):
            nearest = min(nearest, travel_min(view, True, view.staff[o].place, view.staff[s].place))
    return nearest


@rule("dispatch")
def coverage_keeping(view, task, slot, now):
    """Send somebody near whose leaving opens the smallest hole in coverage."""
    pool, rules = view.pools[view.tasks[task].pool], view.rules[0]
    best, best_score = -1, _FAR
    for s in range(pool.first, pool.first + pool.count):
        if can_take(view, s, task):
            trip = trip_min(view, s, task)
            if trip < rules.dispatch_max_travel_min:
                score = trip + rules.dispatch_coverage_weight * hole_min(view, s, task)
                if score < best_score:
                    best, best_score = s, score
    return sent(best, best_score)


@rule("dispatch")
def fixed_preference(view, task, slot, now):
    """Send the first free one of the place's list of preferences (the hypercube model's rule)."""
    pool, place = view.pools[view.tasks[task].pool], view.tasks[task].place
    for k in range(view.preference.shape[1]):
        slot_of = view.preference[place, k]
        s = pool.first + slot_of
        if 0 <= slot_of < pool.count and can_take(view, s, task):
            return sent(s, float(k))
    return Answer(WAIT, 0, 0.0)
