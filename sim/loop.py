"""The loop: takes the next event and hands it to whoever handles it. The one place that lets time pass.

`advance` runs until a time, until a decision is open (ASKED), until a table needs room (GROW) or until a
rule answers what cannot be (BAD_ANSWER); Python answers and calls again, and the trajectory is the same as
if nothing had happened.
"""

from __future__ import annotations

import numpy as np
from numba import types

from sim.agents.duty import close_accounts, note_next_turn, schedule_shift, turn_on
from sim.agents.residents import occur
from sim.engine.ahead import fetch_arrival
from sim.engine.blocks import as_view, as_world
from sim.engine.codes import DONE, EV_OCCUR, EV_SHIFT, GROW, NEVER, TURN_OFF
from sim.engine.event_kinds import is_stale
from sim.engine.events import drop_first, first_time, first_timer, is_earlier
from sim.engine.hooks import HOOK_ADDRESSES, hook_at
from sim.engine.jit import njit
from sim.engine.room import has_room
from sim.instants import do_now
from sim.timers import people_turned, timer


@njit
def is_arrival_next(world, arrival, first):
    """Return True when the next incident comes before the first timer, found by `first_time`."""
    if is_earlier(arrival, first):
        return True
    return not is_earlier(first, arrival) and first_timer(world).kind > EV_OCCUR


@njit
def run_until(world, view, dispatch, pick, priority, coordinate, report_in, reposition, until):
    """Take events in order until a time; see `advance`."""
    clock = world.clock
    while True:
        if not has_room(world, clock[0].group):
            return GROW
        # whoever falls free as a shift turns is asked what to do when the shift has turned
        if clock[0].now_count > 0 and is_earlier(clock[0].now, clock[0].turn_min):
            status = do_now(world, view, dispatch, pick, priority, coordinate, report_in, reposition)
            if status != DONE:
                return status
            continue
        arrival = NEVER
        if clock[0].cursor < world.incidents.shape[0]:
            arrival = world.incidents[clock[0].cursor].occurred_min
        first = first_time(world, min(arrival, until))
        if is_earlier(until, min(arrival, first)):
            clock[0].now = max(clock[0].now, until)
            return DONE
        if is_arrival_next(world, arrival, first):
            clock[0].now = arrival
            clock[0].cursor += 1
            clock[0].events += 1
            fetch_arrival(world, clock[0].cursor)
            occur(world, clock[0].cursor - 1)
            continue
        e = first_timer(world)
        kind, row, stamp = e.kind, np.int64(e.row), e.stamp
        if kind == EV_SHIFT and not has_room(world, people_turned(world, row)):
            clock[0].burst = people_turned(world, row)
            return GROW
        drop_first(world)
        if is_stale(world, kind, row, stamp):
            continue
        clock[0].now = first
        clock[0].events += 1
        timer(world, kind, row, stamp)


_SIGNATURE = types.int64(types.int64, HOOK_ADDRESSES, types.float64)


@njit(_SIGNATURE, nogil=True)
def advance(address, hooks, until):
    """Run a world until a time.

    Parameters
    ----------
    address
        `World.address`.
    hooks
        `hook_addresses` of the rules in `HOOK_NAMES`.
    until
        Minutes since the start; events at this very time are still taken.

    Returns
    -------
    int
        DONE, ASKED, GROW (for an event that moves as many as `clock.burst` says) or BAD_ANSWER.
    """
    world = as_world(address)
    view = as_view(world)
    return run_until(
        world, view, hook_at(hooks, 0), hook_at(hooks, 1), hook_at(hooks, 2), hook_at(hooks, 3), hook_at(hooks, 4),
        hook_at(hooks, 5), until,
    )  # fmt: skip


@njit(types.float64(types.int64, types.float64), nogil=True)
def next_timer_min(address, limit):
    """Return the time of a world's first timer, stale or not; NEVER when none comes up to ``limit``."""
    return first_time(as_world(address), limit)


@njit(types.void(types.int64), nogil=True)
def start_shifts(address):
    """Set the first turns of all shifts and bring on duty whoever works when the run begins."""
    world = as_world(address)
    for i in range(world.shifts.shape[0]):
        shift = world.shifts[i]
        on, day, at = TURN_OFF, 0, 0.0
        while shift.cursor < shift.count and world.turns[shift.first + shift.cursor].at_min <= 0.0:
            turn = world.turns[shift.first + shift.cursor]
            on, day, at = turn.on, turn.day, turn.at_min
            shift.cursor += 1
        if on != TURN_OFF:
            for r in range(shift.first_roster, shift.first_roster + shift.rosters):
                turn_on(world, r, day, at >= 0.0)  # a turn that began before the run owes what it owed then
        if shift.rosters > 0:
            schedule_shift(world, i)
    note_next_turn(world)


@njit(types.void(types.int64), nogil=True)
def settle_accounts(address):
    """Count duty, work and rest up to now, for reading; the trajectory does not change."""
    close_accounts(as_world(address))
