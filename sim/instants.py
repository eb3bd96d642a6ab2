"""This instant: the things to do before the clock goes on, and the hooks that are asked about them.

A case joins a line, somebody falls free, a holder or a department has to decide. A hook is asked as the first act of
its own turn, before anything changes, so that the turn can be kept (ASKED) and taken again with the answer.
"""

from __future__ import annotations

import numpy as np

from sim.agents.ability import available, can_take
from sim.agents.duty import move_to, reserve, spend_idle_time, unreserve_all
from sim.cases.handling import enqueue, leave_queue, line_is_full, send
from sim.cases.offering import offer
from sim.engine.codes import (
    ACCEPT,
    ASK,
    ASKED,
    BAD_ANSWER,
    C_OPEN,
    DEFER,
    DONE,
    HOOK_COORDINATE,
    HOOK_DISPATCH,
    HOOK_PICK,
    HOOK_REPORT_IN,
    HOOK_REPOSITION,
    IDLE_ANSWER,
    IN_VAIN,
    MOVE,
    NOW_COORDINATE,
    NOW_FREE,
    NOW_JOIN,
    NOW_REPORT_IN,
    NOW_REPOSITION,
    OFFERED,
    PICKED,
    REFUSE,
    S_BACKGROUND,
    S_IDLE,
    SEND,
    STAY,
    T_NEW,
    T_QUEUED,
    T_TRANSIT,
    TAKE,
    WAIT,
)
from sim.engine.events import at_once, drop_now, next_at_once
from sim.engine.hooks import ANSWER_TYPE, HOOK, AnswerTuple
from sim.engine.jit import njit
from sim.engine.kinds import I, V, W
from sim.engine.queues import first_in_queue, queue_insert, queue_remove
from sim.institutions.asking import apply_report_in
from sim.institutions.holding import apply_coordination


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


@njit((W, V, HOOK, HOOK, I, I))
def join(world, view, dispatch, priority, t, how):
    """A task joins its group, NEW, PUT_BACK or PICKED: people are sent at once, or it waits."""
    k = world.tasks[t]
    pool = np.int64(k.pool)
    if k.state != T_NEW and k.state != T_TRANSIT:
        return DONE
    if world.pending[0].has == 0:  # an answered question brings the same task here again
        world.clock[0].joins += 1
    if world.pools[pool].queue_count > 0 and how != PICKED:
        set_key(world, view, priority, t)
    if available(view, t) + k.n_assigned <= 0 or (how != PICKED and not goes_first(world, view, t)):
        set_key(world, view, priority, t)
        enqueue(world, t)
        if available(view, t) > 0:
            offer(world, pool)  # whoever cannot take what is first may be able to take this
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
        if how == PICKED:
            offer(world, pool)
    return DONE


@njit
def fall_to_line(world, view, pick, priority, s, how):
    """Somebody is available: take something from the line, or spend the time."""
    k = world.staff[s]
    pool = np.int64(k.pool)
    if how != IN_VAIN and world.pools[pool].queue_count > 0:
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
    if how == OFFERED:
        return DONE  # nothing for this one, who goes on resting, patrolling or moving
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
        next_at_once(world, NOW_JOIN, t, PICKED, 0)  # before a colleague, free now too, takes what is behind it
        at_once(world, NOW_FREE, s, IN_VAIN, world.staff[s].stamp)  # whoever is not needed after all spends the time
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


@njit((W, I))
def may_be_asked(world, s):
    """Return True for who is idle, or at delegated work that an emergency may interrupt."""
    state = world.staff[s].state
    return state == S_IDLE or state == S_BACKGROUND


@njit((W, V, HOOK, HOOK, HOOK, HOOK, HOOK, HOOK))
def do_now(world, view, dispatch, pick, priority, coordinate, report_in, reposition):
    """Do the first thing of this instant. Returns DONE, ASKED (it stays first) or BAD_ANSWER."""
    e = world.now[world.clock[0].now_head]
    kind, row, arg, stamp = e.kind, np.int64(e.row), np.int64(e.arg), e.stamp
    status = DONE
    if kind == NOW_JOIN:
        status = join(world, view, dispatch, priority, row, arg)
    elif kind == NOW_FREE:
        if world.staff[row].stamp == stamp and may_be_asked(world, row):
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
