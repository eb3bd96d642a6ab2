"""Room in tables that grow: asked for before an event is taken, and never exceeded, which a checked build proves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import types

from sim import kernel
from sim.engine.blocks import as_world
from sim.engine.jit import CHECKS_BOUNDS, njit
from sim.engine.room import has_room
from sim.engine.tables import CLOCK, GROWING, NAMES, WRITTEN
from tests.law_scenes import at, differences, job, queue_arm, run

ROOT = Path(__file__).resolve().parent.parent
TURNS = {"shifts": {"always": {}, "day": {"hours": [(6.0, 18.0)]}}, "post": {"shift": "day"}}


@njit(types.boolean(types.int64, types.int64))
def room_for(address, things):
    return has_room(as_world(address), things)


def test_what_grows_is_written_and_counted_by_the_clock():
    assert set(GROWING) <= set(NAMES) & set(WRITTEN)
    assert all(growth.counter in CLOCK.fields and growth.rows > 0 for growth in GROWING.values())


@pytest.mark.parametrize("name", GROWING)
@pytest.mark.parametrize("things", [0, 1, 7])
def test_there_is_room_up_to_the_last_row_that_a_table_declares(name, things):
    arm = queue_arm({"job": job(6.0)})
    world = arm.world(1, 0)
    world.grow(1000)
    growth, length = GROWING[name], len(world.tables[name])
    world.clock[growth.counter] = length - growth.needed(things)
    assert room_for(world.address, things)
    world.clock[growth.counter] += 1
    assert not room_for(world.address, things)


@pytest.mark.parametrize("name", GROWING)
def test_growing_keeps_rows_and_makes_room(name):
    arm = queue_arm({"job": job(6.0)})
    world = arm.world(1, 0)
    world.grow(0)
    table, counter = world.tables[name], GROWING[name].counter
    field = table.dtype.names[0]
    world.clock[counter] = len(table)
    table[field] = np.arange(len(table))
    head = 5 if name == "now" else 0
    world.clock["now_head"] = head
    before = np.roll(table[field], -head).copy()
    assert not room_for(world.address, 50)
    world.grow(50)
    assert room_for(world.address, 50) and np.array_equal(world.tables[name][field][: len(before)], before)


def small(world):
    """Take from a world all the room that it is not using just now."""
    for name, growth in GROWING.items():
        if name != "now":
            world._set(name, world.tables[name][: max(int(world.clock[growth.counter][0]), 1)].copy())


def test_a_shift_of_thousands_asks_for_its_burst_and_the_run_is_the_same():
    arm = queue_arm({"job": job(60.0)}, servers=4000, days=3.0, **TURNS)
    plenty = arm.world(1, 0, "everything")
    plenty.clock["group"] = 1  # a group of one: only the burst can bring the room that four thousand need
    kernel.begin(plenty)
    plenty.grow(40_000)
    scarce = arm.world(1, 0, "everything")
    scarce.clock["group"] = 1
    kernel.begin(scarce)
    grown = []
    for day in (1.0, 2.0, 3.0):
        small(scarce)
        before = len(scarce.tables["log"])
        assert kernel.run_until(arm, scarce, day * 1440.0) is kernel.run_until(arm, plenty, day * 1440.0) is None
        grown.append(len(scarce.tables["log"]) - before)
    assert min(grown) >= 2 * 4000 and differences(plenty, scarce) == []
    assert plenty.clock["burst"][0] == scarce.clock["burst"][0] == 0


def test_a_run_that_begins_without_room_is_the_same():
    arm = queue_arm({"job": job(30.0)}, servers=3, days=4.0)
    scarce = arm.world(1, 0, "everything")
    kernel.begin(scarce)
    small(scarce)
    assert kernel.run_until(arm, scarce, 4.0 * 1440.0) is None
    assert differences(run(arm), scarce) == []


@pytest.mark.skipif(not CHECKS_BOUNDS, reason="a build that checks bounds: run by the slow test below")
def test_a_checked_build_fails_on_the_first_row_out_of_range():
    arm = queue_arm({"job": job()}, script=at(*range(60)), days=1.0)
    world = arm.world(1, 0, "everything")
    kernel.begin(world)
    world.grow(100)
    world._set("log", world.tables["log"][: int(world.clock["log"][0]) + 1].copy())
    world.clock["group"] = -(10**6)  # as if the log had declared far too little
    with pytest.raises(IndexError):
        kernel.run_until(arm, world, 1440.0)


@pytest.mark.slow
def test_laws_and_shipped_scenarios_stay_within_bounds(tmp_path):
    laws = sorted(str(path) for path in (ROOT / "tests").glob("test_law_*.py"))
    files = [*laws, "tests/test_baseline.py", "tests/test_engine_room.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *files],
        cwd=ROOT, capture_output=True, text=True, timeout=1500, check=False,
        env={**os.environ, "GRIDWHISTLE_CHECK_BOUNDS": "1", "XDG_CACHE_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "a build that checks bounds" not in done.stdout, "it was skipped: the build did not check bounds"
