"""What staff do between and around cases: duty, idling, patrol, delegated work, setting out, falling free.

One person does one thing at a time. An idle person is either at rest or on patrol, and both can be sent at
once; delegated work (C18) is done in chunks that only an emergency interrupts. Duty turns by roster;
whoever is with a case when the shift ends finishes in overtime or suspends, by the type's rule.
"""

from __future__ import annotations

import math

import numpy as np

from sim.engine.codes import (
    A_BACKGROUND,
    A_MOVING,
    A_PATROL,
    A_REST,
    A_TRAVEL,
    EV_ARRIVE,
    EV_SHIFT,
    EV_STAFF,
    L_DUTY_OFF,
    L_DUTY_ON,
    L_MOVE,
    NEVER,
    NOW_FREE,
    P_BACKGROUND,
    P_DUTY,
    P_PATROL,
    P_TURNOUT,
    S_BACKGROUND,
    S_BUSY,
    S_IDLE,
    S_OFF,
    S_RESERVED,
)
from sim.engine.draws import draw, draw_with, uniform, uniforms
from sim.engine.events import at_once, schedule
from sim.engine.jit import njit
from sim.engine.kinds import B, I, W
from sim.engine.log import log
from sim.engine.travel import travel_min


@njit
def _patrol_count(world, s, change):
    if world.staff[s].activity == A_PATROL:
        world.pools[world.staff[s].pool].patrol += change


@njit
def leave_activity(world, s):
    """End what an available person is doing and account for it; the caller sets what comes next."""
    k, now = world.staff[s], world.clock[0].now
    spent = now - k.since_min
    p = world.pools[k.pool]
    if k.state == S_IDLE:
        p.idle -= 1
        if k.activity == A_PATROL:
            k.patrol_min += spent
            p.patrol -= 1
        elif k.activity == A_MOVING:
            _stop_on_the_way(world, s)
    elif k.state == S_BACKGROUND:
        p.background -= 1
        k.background_min += spent
        k.owed_min = max(0.0, k.owed_min - spent)
    k.since_min = now
    k.stamp += 1


@njit
def _stop_on_the_way(world, s):
    """Somebody called away while moving is at the nearer end of the move."""
    k, now = world.staff[s], world.clock[0].now
    if k.until_min - now < now - k.since_min:
        k.place = k.to_place


@njit((W, I, I))
def turn_off_the_way(world, s, to):
    """Somebody called off on the way to a place is at the end of the trip that is nearer in time."""
    k, now = world.staff[s], world.clock[0].now
    k.travel_min += now - k.since_min
    if k.until_min - now < now - k.since_min:
        k.place = to


@njit((W, I, I))
def become_idle(world, s, activity):
    """Make a person on duty available."""
    k = world.staff[s]
    k.state, k.activity, k.task, k.next_in_task = S_IDLE, activity, -1, -1
    k.since_min = world.clock[0].now
    world.pools[k.pool].idle += 1


@njit((W, I))
def go_off(world, s):
    """End a person's duty."""
    k, now = world.staff[s], world.clock[0].now
    k.state, k.activity, k.task, k.next_in_task = S_OFF, A_REST, -1, -1
    k.since_min = now
    k.place = k.home
    k.stamp += 1
    log(world, L_DUTY_OFF, -1, s, -1, 0.0)


@njit
def spend_idle_time(world, s):
    """Choose what an available person does next: delegated work that is owed, a patrol round, or rest."""
    k = world.staff[s]
    post, now = world.posts[k.post], world.clock[0].now
    if k.state != S_IDLE or (k.owed_min <= 0.0 and post.patrol_share <= 0.0):
        return
    leave_activity(world, s)
    ordinal = np.int64(k.duty_day) * 4096 + k.activities  # the day's n-th activity
    k.activities += 1
    if k.owed_min > 0.0:
        k.state, k.activity = S_BACKGROUND, A_BACKGROUND
        world.pools[k.pool].background += 1
        length = min(draw(world, post.background_chunk, k.entity, P_BACKGROUND, ordinal), k.owed_min)
    else:
        # one draw: the first word gives the length of the round, the second whether it is a patrol
        u, v = uniforms(world.clock[0].key, k.entity, P_PATROL, ordinal)
        become_idle(world, s, A_PATROL if v < post.patrol_share else A_REST)
        _patrol_count(world, s, 1)
        length = draw_with(world, post.patrol_round, k.entity, P_PATROL, ordinal, u, v)
    k.until_min = now + max(length, 1e-3)
    schedule(world, k.until_min, EV_STAFF, s, k.entity, k.stamp)


@njit
def staff_timer(world, s):
    """A patrol round, a chunk of delegated work or a move ends."""
    k = world.staff[s]
    activity = k.activity
    if activity == A_MOVING:
        k.place = k.to_place
    leave_activity(world, s)
    become_idle(world, s, A_REST)
    if world.pools[k.pool].queue_count == 0 and world.clock[0].reposition == 0:
        spend_idle_time(world, s)  # nobody has to be asked
    else:
        at_once(world, NOW_FREE, s, 0, k.stamp)


@njit
def move_to(world, s, place):
    """Send an idle person to wait elsewhere."""
    k, now = world.staff[s], world.clock[0].now
    minutes = travel_min(world, False, k.place, place) / k.speed_factor
    leave_activity(world, s)
    become_idle(world, s, A_MOVING)
    k.to_place = place
    k.until_min = now + max(minutes, 1e-3)
    schedule(world, k.until_min, EV_STAFF, s, k.entity, k.stamp)
    log(world, L_MOVE, -1, s, place, minutes)


@njit
def reserve(world, s, t):
    """Take an available person for a task; nobody sets out before the task has all it needs."""
    leave_activity(world, s)
    k = world.staff[s]
    k.state, k.activity = S_RESERVED, A_TRAVEL
    k.task, k.next_in_task = t, world.tasks[t].first_staff
    world.tasks[t].first_staff = s
    world.tasks[t].n_assigned += 1


@njit
def unreserve_all(world, t):
    """Give back everybody who was reserved for a task that cannot start."""
    s = world.tasks[t].first_staff
    while s >= 0:
        following = world.staff[s].next_in_task
        become_idle(world, s, A_REST)
        world.staff[s].stamp += 1
        at_once(world, NOW_FREE, s, 1, world.staff[s].stamp)
        s = following
    world.tasks[t].first_staff = -1
    world.tasks[t].n_assigned = 0


@njit
def set_out(world, s, t, from_rest):
    """A person sets out; returns minutes until arrival (0 for work at the own desk).

    ``from_rest`` 1 counts the post's turnout; a crew that goes on to its next stage (0) is out already.
    """
    k, task, now = world.staff[s], world.tasks[t], world.clock[0].now
    pool = world.pools[k.pool]
    pool.busy += 1
    k.state, k.activity, k.since_min = S_BUSY, A_TRAVEL, now
    minutes = 0.0
    if task.travels:
        minutes = travel_min(world, task.lights == 1, k.place, task.place) + task.last_mile_min
        minutes = minutes / k.speed_factor
        if from_rest == 1:
            minutes += draw(world, world.posts[k.post].turnout, task.entity, P_TURNOUT, task.asks)
    if minutes > 0.0:
        k.until_min = now + minutes
        schedule(world, k.until_min, EV_ARRIVE, s, k.entity, k.stamp)
    return minutes


@njit((W, I))
def count_work(world, s):
    """Count the time since a busy person's last move as work, off duty as overtime, and begin a new span."""
    k, now = world.staff[s], world.clock[0].now
    spent = now - k.since_min
    k.busy_min += spent
    if k.on_duty == 0:
        k.overtime_min += now - max(k.duty_since_min, k.since_min)
    k.since_min = now


@njit
def fall_free(world, s):
    """A person ends a task; who is off duty by now goes home."""
    k = world.staff[s]
    world.pools[k.pool].busy -= 1
    count_work(world, s)
    k.stamp += 1
    if k.on_duty == 0:
        go_off(world, s)
        return
    become_idle(world, s, A_REST)
    at_once(world, NOW_FREE, s, 0, k.stamp)


@njit((W, I, I, I))
def has_duty(world, s, roster, day):
    """Return True when the roster gives this person duty on a day (a draw named by person and day)."""
    share = world.shifts[world.rosters[roster].shift].share_on
    if share >= 1.0:
        return True
    return uniform(world.clock[0].key, world.staff[s].entity, P_DUTY, day) < share


@njit((W, I, I, B))
def _begin_date(world, s, day, owes):
    """The first turn of a date: the day's delegated work is owed, on top of what is left of days before."""
    k = world.staff[s]
    if k.duty_day != day:  # activities of a later turn of the same date count on
        k.duty_day, k.activities = day, 0
    if owes and k.owed_day != day:
        k.owed_day = day
        k.owed_min += world.posts[k.post].background_per_day


@njit((W, I, I, B))
def _come_on(world, s, day, owes):
    k, now = world.staff[s], world.clock[0].now
    if k.state == S_BUSY:
        k.overtime_min += now - max(k.duty_since_min, k.since_min)
    k.on_duty, k.duty_since_min = 1, now
    _begin_date(world, s, day, owes)
    world.pools[k.pool].on_duty += 1
    log(world, L_DUTY_ON, -1, s, -1, day)
    if k.state == S_OFF:
        become_idle(world, s, A_REST)
        k.place = k.home
        k.stamp += 1
        at_once(world, NOW_FREE, s, 0, k.stamp)


@njit
def _end_duty(world, s):
    k, now = world.staff[s], world.clock[0].now
    k.on_duty = 0
    k.duty_min += now - k.duty_since_min
    k.duty_since_min = now
    world.pools[k.pool].on_duty -= 1
    if k.state == S_IDLE or k.state == S_BACKGROUND:
        leave_activity(world, s)
        go_off(world, s)
    return k.state == S_BUSY


@njit
def schedule_shift(world, i):
    """Set the timer of a shift's next turn."""
    shift = world.shifts[i]
    if shift.cursor < shift.count:
        schedule(world, world.turns[shift.first + shift.cursor].at_min, EV_SHIFT, i, shift.entity, 0)


@njit((W,))
def note_next_turn(world):
    """Note when a shift turns next, before which whoever falls free may be asked at once."""
    first = NEVER
    for i in range(world.shifts.shape[0]):
        shift = world.shifts[i]
        if shift.rosters > 0 and shift.cursor < shift.count:
            first = min(first, world.turns[shift.first + shift.cursor].at_min)
    world.clock[0].turn_min = first


@njit((W, I, I, B))
def turn_on(world, r, day, owes):
    """Bring a roster's people on duty; ``owes``: the turn begins now, and with it the work that the day owes."""
    roster = world.rosters[r]
    for s in range(roster.first, roster.first + roster.count):
        if world.staff[s].on_duty == 0 and has_duty(world, s, r, day):
            _come_on(world, s, day, owes)


@njit((W, I, I))
def turn_date(world, r, day):
    """Duty goes on into another date: the people of a roster who are on duty owe that day's work too."""
    roster = world.rosters[r]
    for s in range(roster.first, roster.first + roster.count):
        k = world.staff[s]
        if k.on_duty == 0:
            continue
        _begin_date(world, s, day, True)
        if k.state == S_IDLE and k.activity == A_REST and k.owed_min > 0.0:
            at_once(world, NOW_FREE, s, 0, k.stamp)


@njit
def turn_off(world, s):
    """End one person's duty; returns True when that person is with a case."""
    if world.staff[s].on_duty == 0:
        return False
    return _end_duty(world, s)


@njit
def close_accounts(world):
    """Count what is still going on at the end of a run into duty, work and rest."""
    now = world.clock[0].now
    for s in range(world.staff.shape[0]):
        k = world.staff[s]
        spent = now - k.since_min
        if k.on_duty == 1:
            k.duty_min += now - k.duty_since_min
            k.duty_since_min = now
        if k.state == S_BUSY:
            k.busy_min += spent
            if k.on_duty == 0:
                k.overtime_min += now - max(k.duty_since_min, k.since_min)
        elif k.state == S_BACKGROUND:
            k.background_min += spent
            k.owed_min = max(0.0, k.owed_min - spent)
        elif k.activity == A_PATROL and k.state == S_IDLE:
            k.patrol_min += spent
        k.since_min = now if k.activity != A_MOVING else k.since_min


@njit
def logistic(x):
    """Return 1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + math.exp(-x))
