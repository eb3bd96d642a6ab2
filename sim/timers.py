"""Timers: what happens when one comes, by its kind. What a kind is about is declared in `sim.engine.event_kinds`."""

from __future__ import annotations

from sim.agents.duty import note_next_turn, schedule_shift, staff_timer, turn_date, turn_off, turn_on
from sim.agents.residents import call_back, find, resident_timer
from sim.cases.calling_off import shift_ends
from sim.cases.handling import arrive, patience_ends, task_over, work_done
from sim.cases.intake import judge
from sim.cases.tasks import start_stage
from sim.engine.codes import (
    BY_SENSOR,
    C_INTAKE,
    EV_ARRIVE,
    EV_CALLBACK,
    EV_CASE,
    EV_COORDINATE_LATER,
    EV_FIND,
    EV_INTAKE,
    EV_LAG_DONE,
    EV_PATIENCE,
    EV_REQUEST,
    EV_RESIDENT,
    EV_RESTART,
    EV_SHIFT,
    EV_STAFF,
    EV_TASK_READY,
    EV_WORK_DONE,
    FIRST_SWEEP,
    NOW_COORDINATE,
    TURN_DATE,
    TURN_ON,
)
from sim.engine.events import at_once
from sim.engine.jit import njit
from sim.engine.kinds import I, W
from sim.institutions.asking import task_ready
from sim.institutions.holding import case_timer
from sim.institutions.sweeps import sweep_chance
from sim.institutions.whistles import request_timer


@njit
def turn_roster(world, r, turn):
    """A roster's people come on or go off duty."""
    if turn.on == TURN_ON:
        turn_on(world, r, turn.day, True)
        return
    if turn.on == TURN_DATE:
        turn_date(world, r, turn.day)
        return
    roster = world.rosters[r]
    for s in range(roster.first, roster.first + roster.count):
        if turn_off(world, s):
            shift_ends(world, s)


@njit
def people_turned(world, i):
    """Return how many people come on or go off duty when a shift turns."""
    shift, people = world.shifts[i], 0
    for r in range(shift.first_roster, shift.first_roster + shift.rosters):
        people += world.rosters[r].count
    return people


@njit
def shift_turns(world, i):
    """A shift begins or ends for all its rosters; each turn is an event of its own at this instant."""
    shift = world.shifts[i]
    turn = world.turns[shift.first + shift.cursor]
    shift.cursor += 1
    for r in range(shift.first_roster, shift.first_roster + shift.rosters):
        turn_roster(world, r, turn)
    world.clock[0].events += shift.rosters - 1
    schedule_shift(world, i)
    note_next_turn(world)


@njit((W, I, I, I))
def timer(world, kind, row, stamp):
    """Handle a timer."""
    if kind == EV_RESIDENT:
        resident_timer(world, row)
    elif kind == EV_STAFF:
        staff_timer(world, row)
    elif kind == EV_ARRIVE:
        arrive(world, row)
    elif kind == EV_WORK_DONE:
        work_done(world, row)
    elif kind == EV_LAG_DONE:
        task_over(world, row)
    elif kind == EV_FIND:
        found = find(world, row, stamp == BY_SENSOR) if stamp < FIRST_SWEEP else sweep_chance(world, row, stamp)
        if not found:
            world.clock[0].events -= 1  # a chance that found nothing changes nothing
    elif kind == EV_SHIFT:
        shift_turns(world, row)
    elif kind == EV_INTAKE:
        if world.cases[row].state == C_INTAKE:
            judge(world, row)
    elif kind == EV_CASE:
        case_timer(world, row)
    elif kind == EV_TASK_READY:
        task_ready(world, row)
    elif kind == EV_PATIENCE:
        patience_ends(world, row)
    elif kind == EV_REQUEST:
        request_timer(world, row)
    elif kind == EV_CALLBACK:
        call_back(world, row)
    elif kind == EV_RESTART:
        start_stage(world, row, 0)
    elif kind == EV_COORDINATE_LATER:
        at_once(world, NOW_COORDINATE, row, world.cases[row].reason, world.cases[row].attempt)
    else:
        raise ValueError("a timer of a kind that nobody handles")
