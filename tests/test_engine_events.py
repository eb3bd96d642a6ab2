"""The event queue: timers leave it in one order only, whatever order they came in; the ring keeps its order."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import types

from sim.engine.blocks import as_world
from sim.engine.events import at_once, drop_first, drop_now, next_at_once, schedule
from sim.engine.jit import njit
from sim.engine.tables import DTYPES, NAMES, NDIM, World

I8, U8, F8 = types.int64, types.uint64, types.float64


@njit(types.void(I8, F8, I8, I8, U8, I8))
def put(address, time, kind, row, entity, stamp):
    schedule(as_world(address), time, kind, row, entity, stamp)


@njit(types.void(I8))
def drop(address):
    drop_first(as_world(address))


@njit(types.void(I8, I8, I8))
def now(address, row, following):
    if following == 1:
        next_at_once(as_world(address), 0, row, 0, 0)
    else:
        at_once(as_world(address), 0, row, 0, 0)


@njit(types.void(I8))
def now_done(address):
    drop_now(as_world(address))


def empty_world(room: int) -> World:
    sizes = {"clock": 1, "heap": room, "now": room}
    return World({n: np.zeros((sizes.get(n, 0),) + (0,) * (NDIM[n] - 1), DTYPES[n]) for n in NAMES})


timers = st.lists(
    st.tuples(st.sampled_from((0.0, 1.0, 1.5, 7.0)) | st.floats(0, 1e6), st.integers(0, 3), st.integers(0, 5),
              st.integers(0, 2**64 - 1) | st.integers(0, 2), st.integers(0, 3)),
    max_size=80,
)  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True)
@given(timers=timers, seed=st.integers(0, 1000))
def test_timers_leave_by_time_kind_entity_and_stamp(timers, seed):
    world = empty_world(len(timers) + 1)
    for i in np.random.default_rng(seed).permutation(len(timers)):
        time, kind, row, entity, stamp = timers[i]
        put(world.address, time, kind, row, np.uint64(entity), stamp)
    left = []
    while world.clock[0]["heap"] > 0:
        e = world.heap[0]
        left.append((float(e["time"]), int(e["kind"]), int(e["entity"]), int(e["stamp"])))
        drop(world.address)
    assert left == sorted((t, k, e, s) for t, k, _, e, s in timers)


def test_a_timer_of_never_is_not_set():
    world = empty_world(4)
    put(world.address, 1e300, 0, 0, np.uint64(1), 0)
    assert world.clock[0]["heap"] == 0


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
