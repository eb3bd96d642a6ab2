"""The event queue: timers leave it in one order only, whatever order they came in; the ring keeps its order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import types

from sim.engine.blocks import as_world
from sim.engine.codes import DUE_ROWS, NEVER
from sim.engine.events import at_once, drop_first, drop_now, first_time, next_at_once, schedule
from sim.engine.jit import njit
from sim.engine.tables import DTYPES, NAMES, NDIM, World

I8, U8, F8 = types.int64, types.uint64, types.float64
KIND = 1000  # a kind above the model's own: these timers are about no row of any table


@njit(types.void(I8, F8, I8, I8, U8, I8))
def put(address, time, kind, row, entity, stamp):
    schedule(as_world(address), time, KIND + kind, row, entity, stamp)


@njit(types.void(I8))
def drop(address):
    drop_first(as_world(address))


@njit(types.float64(I8, F8))
def first(address, limit):
    return first_time(as_world(address), limit)


@njit(types.void(I8, I8, I8))
def now(address, row, following):
    if following == 1:
        next_at_once(as_world(address), 0, row, 0, 0)
    else:
        at_once(as_world(address), 0, row, 0, 0)


@njit(types.void(I8))
def now_done(address):
    drop_now(as_world(address))


def empty_world(room: int, bins: int = 2, bin_bits: int = 20, far: int = 2) -> World:
    sizes = {"clock": 1, "heap": room, "later": room, "bins": bins, "far": far, "due": 2 * DUE_ROWS, "now": room}
    world = World({n: np.zeros((sizes.get(n, 0),) + (0,) * (NDIM[n] - 1), DTYPES[n]) for n in NAMES})
    world.clock["bin_bits"] = bin_bits
    return world


def take_first(world: World, limit: float = 1e12) -> tuple[float, int, int, int] | None:
    """Remove the first timer up to a limit and return (time, kind, entity, stamp)."""
    if math.floor(first(world.address, limit) * 1e6 + 0.5) > math.floor(limit * 1e6 + 0.5):
        return None
    clock = world.clock[0]
    e = (world.due[clock["due"]] if clock["due_heads"] else world.heap[0]).copy()
    drop(world.address)
    return float(e["time"]), int(e["kind"]) - KIND, int(e["entity"]), int(e["stamp"])


def in_turn(timer: tuple[float, int, int, int]) -> tuple[float, int, int, int]:
    """Return what timers are ordered by: a millionth of a minute is one instant."""
    time, *others = timer
    return (math.floor(time * 1e6 + 0.5), *others)


TIMES = (0.0, 1.0, 1.5, 7.0, 0.1 + 0.2, 0.3, 1.0000004, 1.0000006)
timers = st.lists(
    st.tuples(st.sampled_from(TIMES) | st.floats(0, 1e6), st.integers(0, 3), st.integers(0, 5),
              st.integers(0, 2**64 - 1) | st.integers(0, 2), st.integers(0, 3)),
    max_size=80,
)  # fmt: skip
# few and many bins, narrower and wider than the gaps between timers; few lists of half turns, so that they go round
calendars = st.sampled_from([(2, 43, 1), (2, 27, 4), (4, 28, 2), (64, 27, 8), (16, 20, 1), (256, 30, 64), (8, 26, 4)])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(timers=timers, seed=st.integers(0, 1000), calendar=calendars)
def test_timers_leave_by_time_kind_entity_and_stamp(timers, seed, calendar):
    world = empty_world(len(timers) + 1, *calendar)
    for i in np.random.default_rng(seed).permutation(len(timers)):
        time, kind, row, entity, stamp = timers[i]
        put(world.address, time, kind, row, np.uint64(entity), stamp)
    assert world.clock[0]["timers"] == len(timers)
    left = []
    while world.clock[0]["timers"] > 0:
        left.append(take_first(world))
    assert list(map(in_turn, left)) == sorted(in_turn((t, k, e, s)) for t, k, _, e, s in timers)
    assert sorted(left) == sorted((t, k, e, s) for t, k, _, e, s in timers), "a timer has another time"


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    steps=st.lists(st.tuples(st.booleans(), st.floats(0, 400.0), st.integers(0, 9)), max_size=120), calendar=calendars
)
def test_timers_set_while_time_goes_on_leave_in_order(steps, calendar):
    """Against a sorted list: timers set between the leaving of others, looked for up to passing limits."""
    world, expected, now_min = empty_world(len(steps) + 1, *calendar), [], 0.0
    for k, (sets, ahead, kind) in enumerate(steps):
        if sets:
            put(world.address, now_min + ahead, kind, 0, np.uint64(k), 0)
            expected = sorted([*expected, (now_min + ahead, kind, k, 0)], key=in_turn)
            continue
        limit = now_min + ahead
        due = expected.pop(0) if expected and in_turn(expected[0])[0] <= in_turn((limit, 0, 0, 0))[0] else None
        assert take_first(world, limit) == due
        now_min = limit if due is None else due[0]
    assert world.clock[0]["timers"] == len(expected)


def test_nothing_is_found_before_its_time_or_in_an_empty_queue():
    world = empty_world(4, 4, 21)
    assert first(world.address, math.inf) == NEVER
    put(world.address, 90.0, 0, 0, np.uint64(1), 0)
    assert first(world.address, 50.0) == NEVER and first(world.address, 90.0) == 90.0


def test_a_timer_of_never_is_not_set():
    world = empty_world(4)
    put(world.address, 1e300, 0, 0, np.uint64(1), 0)
    assert world.clock[0]["timers"] == 0 and first(world.address, math.inf) == NEVER


@pytest.mark.parametrize("count", [1, DUE_ROWS - 1, DUE_ROWS, DUE_ROWS + 1, 300])
def test_a_crowd_in_one_bin_leaves_in_order(count):
    """Half of them at one instant, among them more than a bin puts in order at once."""
    world, draw = empty_world(count + 1, 8, 20), np.random.default_rng(count)
    times = 100.0 + np.where(draw.random(count) < 0.5, 0.5, draw.random(count))
    for time, entity in zip(times, draw.integers(0, 50, count), strict=True):
        put(world.address, float(time), 3, 0, np.uint64(entity), 0)
    left = [take_first(world) for _ in range(count)]
    assert left == sorted(left) and sorted(e[0] for e in left) == sorted(times)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(moves=st.lists(st.sampled_from(("later", "next", "done")), max_size=60))
def test_what_is_to_be_done_at_once_keeps_its_order_round_the_ring(moves):
    """Against a plain list; the ring holds few places, so that it turns over its end many times."""
    world, expected, row = empty_world(8), [], 0
    for move in moves:
        if move == "done" and expected:
            expected.pop(0)
            now_done(world.address)
        elif move != "done" and len(expected) < 7:
            row += 1
            if move == "next" and expected:
                expected.insert(1, row)
            else:
                expected.append(row)
            now(world.address, row, int(move == "next" and len(expected) > 1))
        head, count = int(world.clock[0]["now_head"]), int(world.clock[0]["now_count"])
        assert [int(world.now[(head + k) % 8]["row"]) for k in range(count)] == expected
