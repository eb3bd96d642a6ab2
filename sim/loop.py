"""The loop: takes the next event, asks the hooks, calls the handlers. The one place that knows them all.

`advance` runs until a time, until a decision is open (ASKED), until a table needs room (GROW) or until a
rule answers what cannot be (BAD_ANSWER); Python answers and calls again, and the trajectory is the same as
if nothing had happened. A hook is asked as the first act of its own event, before anything changes, so that
the event can be kept and run again with the answer.
"""

from __future__ import annotations

import numpy as np
from numba import types

from sim.agents.ability import available, can_take
from sim.agents.duty import (
    close_accounts,
    move_to,
    reserve,
    schedule_roster,
    spend_idle_time,
    staff_timer,
    turn_off,
    turn_on,
    unreserve_all,
)
from sim.agents.residents import call_back, find, occur, resident_timer
from sim.cases.calling_off import shift_ends
from sim.cases.handling import (
    arrive,
    enqueue,
    leave_queue,
    line_is_full,
    offer,
    patience_ends,
    send,
    task_over,
    work_done,
)
from sim.cases.intake import judge
from sim.cases.tasks import start_stage
from sim.engine.blocks import as_view, as_world
from sim.engine.codes import (
    ACCEPT,
    ASK,
    ASKED,
    BAD_ANSWER,
    BY_SENSOR,
    C_INTAKE,
    C_OPEN,
    DEFER,
    DONE,
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
    EV_ROSTER,
    EV_STAFF,
    EV_TASK_READY,
    EV_WORK_DONE,
    FIRST_SWEEP,
    GROW,
    HOOK_COORDINATE,
    HOOK_DISPATCH,
    HOOK_PICK,
    HOOK_REPORT_IN,
    HOOK_REPOSITION,
    IDLE_ANSWER,
    MOVE,
    NEVER,
    NOW_COORDINATE,
    NOW_FREE,
    NOW_JOIN,
    NOW_REPORT_IN,
    NOW_REPOSITION,
    REFUSE,
    S_IDLE,
    SEND,
    STAY,
    T_NEW,
    T_QUEUED,
    T_TRANSIT,
    TAKE,
    WAIT,
)
from sim.engine.events import at_once, drop_first, drop_now, first_time, first_timer, next_at_once
from sim.engine.hooks import ANSWER_TYPE, HOOK, HOOK_ADDRESSES, AnswerTuple, hook_at
from sim.engine.jit import njit
from sim.engine.kinds import I, V, W
from sim.engine.queues import first_in_queue, queue_insert, queue_remove
from sim.institutions.asking import apply_report_in, task_ready
from sim.institutions.holding import apply_coordination, case_timer
from sim.institutions.sweeps import sweep_chance
from sim.institutions.whistles import request_timer

_CASE_ROOM = 8  # cases, tasks (departments called at once) and whistles that one event can add at most
_TASK_ROOM = 80


@njit((W, V, HOOK, I, I, I))
def consult(world, view, rule, hook, subject, slot):
    """Ask a rule, or take the answer that Python left; a code of ASK leaves the question open."""
    pending, clock = world.pending, world.clock
    clock[0].decisions += 1
    if pending[0].has == 1:
        pending[0].has = 0
        return AnswerTuple(pending[0].code, pending[0].arg, pending[0].value)
    answer = rule(view, np.int64(subject), np.int64(slot), clock[0].now)
    if answer.code == ASK:
        clock[0].decisions -= 1
        clock[0].asked_hook, clock[0].asked_subject, clock[0].asked_slot = hook, subject, slot
    return answer


@njit((W, I, I, ANSWER_TYPE))
def bad_answer(world, hook, subject, answer):
    """Note an answer that cannot be, for Python to report."""
    clock = world.clock
    clock[0].bad_hook, clock[0].bad_subject = hook, subject
    clock[0].bad_code, clock[0].bad_arg = answer.code, answer.arg
    return BAD_ANSWER


@njit
def set_key(world, view, priority, t):
    """Compute a task's place in line."""
    world.tasks[t].key = priority(view, np.int64(t), np.int64(0), world.clock[0].now).value


@njit
def reorder(world, view, priority, pool):
    """Recompute a whole line, for priority rules that change with time."""
    n = world.pools[pool].queue_count
    waiting = np.empty(n, np.int64)
    for i in range(n):
        waiting[i] = first_in_queue(view, pool)
        queue_remove(world, pool, waiting[i])
    for i in range(n):
        set_key(world, view, priority, waiting[i])
        queue_insert(world, pool, waiting[i])


@njit
def goes_first(world, view, t):
    """Return True when nobody in line has a better claim to who is free now."""
    k = world.tasks[t]
    head = first_in_queue(view, np.int64(k.pool))
    if head < 0:
        return True
    h = world.tasks[head]
    return k.key < h.key or k.capability != h.capability


@njit
def join(world, view, dispatch, priority, t, how):
    """A task joins its group: people are sent at once, or it waits. ``how``: 0 new, 1 put back, 2 picked."""
    k = world.tasks[t]
    pool = np.int64(k.pool)
    if k.state != T_NEW and k.state != T_TRANSIT:
        return DONE
    if world.pending[0].has == 0:  # an answered question brings the same task here again
        world.clock[0].joins += 1
    if world.pools[pool].queue_count > 0 and how != 2:
        set_key(world, view, priority, t)
    if how == 1 or available(view, t) + k.n_assigned <= 0 or (how == 0 and not goes_first(world, view, t)):
        set_key(world, view, priority, t)
        enqueue(world, t)
        return DONE
    while k.n_assigned < k.n_staff:
        answer = consult(world, view, dispatch, HOOK_DISPATCH, t, k.n_assigned)
        if answer.code == ASK:
            return ASKED
        if answer.code == WAIT:
            break
        if answer.code != SEND or not 0 <= answer.arg < world.staff.shape[0] or not can_take(view, answer.arg, t):
            return bad_answer(world, HOOK_DISPATCH, t, answer)
        reserve(world, answer.arg, t)
    complete = k.n_assigned >= k.n_staff
    if not complete:
        if k.n_assigned > 0 and (k.atomic == 1 or line_is_full(world, pool)):
            unreserve_all(world, t)
        set_key(world, view, priority, t)
        enqueue(world, t)
    if k.n_assigned > 0:
        send(world, t)
        if how == 2:
            offer(world, pool)
    return DONE


@njit
def fall_to_line(world, view, pick, priority, s, how):
    """Somebody is available: take something from the line, or spend the time."""
    k = world.staff[s]
    pool = np.int64(k.pool)
    if how != 1 and world.pools[pool].queue_count > 0:
        if world.clock[0].dynamic_priority == 1:
            reorder(world, view, priority, pool)
        answer = consult(world, view, pick, HOOK_PICK, s, 0)
        if answer.code == ASK:
            return ASKED
        if answer.code == TAKE:
            t = answer.arg
            if not 0 <= t < world.clock[0].tasks or world.tasks[t].state != T_QUEUED or not can_take(view, s, t):
                return bad_answer(world, HOOK_PICK, s, answer)
            take(world, s, t)
            return DONE
        if answer.code != IDLE_ANSWER:
            return bad_answer(world, HOOK_PICK, s, answer)
    if world.clock[0].reposition == 1:
        at_once(world, NOW_REPOSITION, s, 0, k.stamp)
    else:
        spend_idle_time(world, s)
    return DONE


@njit
def take(world, s, t):
    """Somebody takes a task from the line; one that needs more people at one instant is dispatched whole."""
    k = world.tasks[t]
    pool = np.int64(k.pool)
    missing = k.n_staff - k.n_assigned
    if missing > 1 and k.atomic == 1:
        leave_queue(world, t)
        next_at_once(world, NOW_JOIN, t, 2, 0)  # before a colleague, free at this instant too, takes what is behind it
        at_once(world, NOW_FREE, s, 1, world.staff[s].stamp)  # whoever is not needed after all spends the time
        return
    if missing == 1:
        leave_queue(world, t)
    reserve(world, s, t)
    send(world, t)
    offer(world, pool)


@njit
def reposition_idle(world, view, reposition, s):
    """Ask where somebody who fell idle should wait."""
    answer = consult(world, view, reposition, HOOK_REPOSITION, s, 0)
    if answer.code == ASK:
        return ASKED
    if answer.code == MOVE and 0 <= answer.arg < world.travel.shape[1]:
        if answer.arg != world.staff[s].place:
            move_to(world, s, answer.arg)
            return DONE
    elif answer.code != STAY:
        return bad_answer(world, HOOK_REPOSITION, s, answer)
    spend_idle_time(world, s)
    return DONE


@njit
def coordinate_case(world, view, coordinate, case, reason):
    """Ask the holder what to do with a case that cannot be finished alone."""
    world.cases[case].reason = reason
    answer = consult(world, view, coordinate, HOOK_COORDINATE, case, reason)
    if answer.code == ASK:
        return ASKED
    if not apply_coordination(world, case, reason, answer.code, answer.arg):
        return bad_answer(world, HOOK_COORDINATE, case, answer)
    return DONE


@njit
def report_in_task(world, view, report_in, t):
    """Ask a department whether it comes."""
    answer = consult(world, view, report_in, HOOK_REPORT_IN, t, world.tasks[t].asks)
    if answer.code == ASK:
        return ASKED
    if answer.code == ACCEPT:
        apply_report_in(world, t, ACCEPT, 0.0, answer.value)
    elif answer.code == DEFER:
        apply_report_in(world, t, DEFER, answer.value, 0.0)
    elif answer.code == REFUSE:
        apply_report_in(world, t, REFUSE, 0.0, 0.0)
    else:
        return bad_answer(world, HOOK_REPORT_IN, t, answer)
    return DONE


@njit
def do_now(world, view, dispatch, pick, priority, coordinate, report_in, reposition):
    """Do the first thing of this instant. Returns DONE, ASKED (it stays first) or BAD_ANSWER."""
    e = world.now[world.clock[0].now_head]
    kind, row, arg, stamp = e.kind, np.int64(e.row), np.int64(e.arg), e.stamp
    status = DONE
    if kind == NOW_JOIN:
        status = join(world, view, dispatch, priority, row, arg)
    elif kind == NOW_FREE:
        if world.staff[row].stamp == stamp and world.staff[row].state == S_IDLE:
            status = fall_to_line(world, view, pick, priority, row, arg)
    elif kind == NOW_COORDINATE:
        if world.cases[row].attempt == stamp and world.cases[row].state == C_OPEN:
            status = coordinate_case(world, view, coordinate, row, arg)
    elif kind == NOW_REPORT_IN:
        if world.tasks[row].stamp == stamp and world.cases[world.tasks[row].case].state == C_OPEN:
            status = report_in_task(world, view, report_in, row)
    elif kind == NOW_REPOSITION and world.staff[row].stamp == stamp and world.staff[row].state == S_IDLE:
        status = reposition_idle(world, view, reposition, row)
    if status == DONE:
        drop_now(world)
    return status


@njit
def roster_turn(world, r):
    """A roster's people come on or go off duty."""
    roster = world.rosters[r]
    turn = world.turns[world.shifts[roster.shift].first + roster.cursor]
    roster.cursor += 1
    if turn.on == 1:
        turn_on(world, r, turn.day)
    else:
        for s in range(roster.first, roster.first + roster.count):
            if turn_off(world, s):
                shift_ends(world, s)
    schedule_roster(world, r)


@njit
def is_stale(world, kind, row, stamp):
    """Return True for a timer whose subject has moved on."""
    if kind == EV_STAFF or kind == EV_ARRIVE:
        return world.staff[row].stamp != stamp
    if kind == EV_WORK_DONE or kind == EV_LAG_DONE or kind == EV_TASK_READY or kind == EV_PATIENCE:
        return world.tasks[row].stamp != stamp
    if kind == EV_RESIDENT:
        return world.incidents[row].stamp != stamp
    if kind == EV_CASE or kind == EV_CALLBACK:
        return world.cases[row].stamp != stamp
    if kind == EV_RESTART or kind == EV_COORDINATE_LATER:
        return world.cases[row].attempt != stamp or world.cases[row].state != C_OPEN
    if kind == EV_REQUEST:
        return world.requests[row].stamp != stamp
    return False


@njit
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
    elif kind == EV_ROSTER:
        roster_turn(world, row)
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


@njit
def has_room(world, room):
    """Return True when no table can overflow in the next event."""
    c = world.clock[0]
    return (
        c.timers + room <= world.heap.shape[0]
        and c.later + room <= world.later.shape[0]
        and c.now_count + room <= world.now.shape[0]
        and c.log + room <= world.log.shape[0]
        and c.cases + _CASE_ROOM <= world.cases.shape[0]
        and c.tasks + _TASK_ROOM <= world.tasks.shape[0]
        and c.tasks + _TASK_ROOM <= world.work.shape[0]
        and c.requests + _CASE_ROOM <= world.requests.shape[0]
    )


@njit
def run_until(world, view, dispatch, pick, priority, coordinate, report_in, reposition, until, room):
    """Take events in order until a time; see `advance`."""
    clock = world.clock
    while True:
        if not has_room(world, room):
            return GROW
        if clock[0].now_count > 0:
            status = do_now(world, view, dispatch, pick, priority, coordinate, report_in, reposition)
            if status != DONE:
                return status
            continue
        arrival = NEVER
        if clock[0].cursor < world.incidents.shape[0]:
            arrival = world.incidents[clock[0].cursor].occurred_min
        first = first_time(world, min(arrival, until))
        if min(arrival, first) > until:
            clock[0].now = max(clock[0].now, until)
            return DONE
        if arrival <= first:
            clock[0].now = arrival
            clock[0].cursor += 1
            clock[0].events += 1
            occur(world, clock[0].cursor - 1)
            continue
        e = first_timer(world)
        kind, row, stamp = e.kind, np.int64(e.row), e.stamp
        drop_first(world)
        if is_stale(world, kind, row, stamp):
            continue
        clock[0].now = first
        clock[0].events += 1
        timer(world, kind, row, stamp)


_SIGNATURE = types.int64(types.int64, HOOK_ADDRESSES, types.float64, types.int64)


@njit(_SIGNATURE, nogil=True)
def advance(address, hooks, until, room):
    """Run a world until a time.

    Parameters
    ----------
    address
        `World.address`.
    hooks
        `hook_addresses` of the rules in `HOOK_NAMES`.
    until
        Minutes since the start; events at this very time are still taken.
    room
        Free rows that an event may need in the heap, the ring and the log.

    Returns
    -------
    int
        DONE, ASKED, GROW or BAD_ANSWER.
    """
    world = as_world(address)
    view = as_view(world)
    return run_until(
        world, view, hook_at(hooks, 0), hook_at(hooks, 1), hook_at(hooks, 2), hook_at(hooks, 3), hook_at(hooks, 4),
        hook_at(hooks, 5), until, room,
    )  # fmt: skip


@njit(types.float64(types.int64, types.float64), nogil=True)
def next_timer_min(address, limit):
    """Return the time of a world's first timer, stale or not; NEVER when none comes up to ``limit``."""
    return first_time(as_world(address), limit)


@njit(types.void(types.int64), nogil=True)
def start_rosters(address):
    """Set the first turns of all rosters and bring on duty whoever works when the run begins."""
    world = as_world(address)
    for r in range(world.rosters.shape[0]):
        roster = world.rosters[r]
        shift = world.shifts[roster.shift]
        on, day = 0, 0
        while roster.cursor < shift.count and world.turns[shift.first + roster.cursor].at_min <= 0.0:
            on, day = world.turns[shift.first + roster.cursor].on, world.turns[shift.first + roster.cursor].day
            roster.cursor += 1
        if on == 1:
            turn_on(world, r, day)
        schedule_roster(world, r)


@njit(types.void(types.int64), nogil=True)
def settle_accounts(address):
    """Count duty, work and rest up to now, for reading; the trajectory does not change."""
    close_accounts(as_world(address))
