"""Kinds of timed events are declared once, and a timer of an undeclared or unhandled kind fails loudly."""

from __future__ import annotations

import numpy as np
import pytest
from numba import types

from sim import kernel
from sim.engine import codes
from sim.engine.blocks import as_world
from sim.engine.event_kinds import EVENTS, is_stale, subject_of
from sim.engine.events import schedule
from sim.engine.jit import njit
from sim.engine.tables import DTYPES, NAMES
from sim.timers import timer
from tests.law_scenes import at, job, queue_arm

NUMBERS = {name: number for name, number in vars(codes).items() if name.startswith("EV_")}


@njit(types.boolean(types.int64, types.int64, types.int64, types.int64))
def stale(address, kind, row, stamp):
    return is_stale(as_world(address), kind, row, stamp)


@njit(types.int64(types.int64))
def subject(kind):
    return subject_of(kind)


@njit(types.void(types.int64, types.float64, types.int64, types.int64))
def set_timer(address, time, kind, row):
    schedule(as_world(address), time, kind, row, np.uint64(1), 0)


@njit(types.void(types.int64, types.int64))
def handle(address, kind):
    timer(as_world(address), kind, 0, 0)


def world_of():
    arm = queue_arm({"job": job()}, script=at(1.0, 2.0), days=1.0)
    world = arm.world(1, 0)
    kernel.begin(world)
    assert kernel.run_until(arm, world, 600.0) is None
    return arm, world


def test_each_kind_is_declared_once_and_in_the_order_of_one_instant():
    assert set(EVENTS) == set(NUMBERS.values()) and len(set(NUMBERS.values())) == len(NUMBERS)
    assert list(EVENTS) == sorted(EVENTS)
    for event in EVENTS.values():
        fields = DTYPES[event.subject].fields
        assert event.happens and (not event.stamp or event.stamp in fields)
        assert event.only_while is None or event.only_while[0] in fields


@pytest.mark.parametrize("kind", EVENTS)
def test_a_timer_is_stale_exactly_when_its_stamp_has_moved_on(kind):
    event, (_, world) = EVENTS[kind], world_of()
    assert NAMES[subject(kind)] == event.subject
    if len(world.tables[event.subject]) == 0:
        world._set(event.subject, np.zeros(1, DTYPES[event.subject]))
    if not event.stamp:
        assert not stale(world.address, kind, 0, 12345)
        return
    row = world.tables[event.subject][0]
    row[event.stamp] = 7
    if event.only_while:
        row[event.only_while[0]] = event.only_while[1]
    assert not stale(world.address, kind, 0, 7) and stale(world.address, kind, 0, 6)
    if event.only_while:
        row[event.only_while[0]] = event.only_while[1] + 1
        assert stale(world.address, kind, 0, 7)


@pytest.mark.parametrize("kind", [0, 5, 55, 161, -1, 10**6])
def test_an_undeclared_kind_fails_loudly(kind):
    arm, world = world_of()
    with pytest.raises(ValueError, match="not declared"):
        stale(world.address, kind, 0, 0)
    with pytest.raises(ValueError, match="nobody handles"):
        handle(world.address, kind)
    set_timer(world.address, 700.0, kind, 0)
    with pytest.raises(ValueError, match="not declared"):
        kernel.run_until(arm, world, 800.0)
