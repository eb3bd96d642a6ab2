"""Memory used again: never while somebody can still read it, and whatever lay in it changes no run."""

from __future__ import annotations

import gc

import numpy as np

from sim import kernel
from sim.engine.buffers import BUFFERS, Buffers
from tests.law_scenes import differences, job, queue_arm, run

ROW = np.dtype([("a", "f8"), ("b", "i4")], align=True)
OTHER = np.dtype([("a", "i8"), ("c", "i8")])


def place(array):
    return array.ctypes.data


def test_memory_is_used_again_once_nobody_reads_it():
    store = Buffers()
    first = store.rows(10_000, ROW)
    at = place(first)
    assert at % 64 == 0 and first.dtype == ROW and len(first) == 10_000
    column = first["b"][5:]  # whoever holds a column holds the table
    del first
    assert place(store.rows(10_000, ROW)) != at
    column[:] = 7
    again = store.rows(10_000, ROW)
    again["b"] = 1
    assert (column == 7).all()
    del column, again
    gc.collect()
    assert at in {place(rows) for rows in [store.rows(10_000, ROW), store.rows(10_000, ROW)]}


def test_tables_keep_to_their_own_blocks_and_to_sizes_that_fit():
    store = Buffers()
    at = place(store.rows(10_000, ROW))
    assert place(store.rows(10_000, OTHER)) != at
    assert place(store.rows(4_100, ROW)) != at  # less than half would waste the rest
    assert place(store.rows(10_500, ROW)) == at  # a little more than before still fits
    assert place(store.rows(60_000, ROW)) != at


def test_what_lies_idle_is_bounded_and_small_tables_are_not_kept():
    store = Buffers(kept_bytes=1 << 20)
    store.rows(10, ROW)
    assert store.idle_bytes() == 0
    for count in (20_000, 60_000, 200_000, 700_000):
        store.rows(count, ROW)
    assert store.idle_bytes() <= (1 << 20) + 2 * 700_000 * ROW.itemsize
    kept = [store.rows(700_000, ROW), store.rows(700_000, ROW)]
    assert store.idle_bytes() <= 1 << 20
    assert len({place(rows) for rows in kept}) == 2


def test_what_lay_in_the_memory_changes_no_run():
    arm = queue_arm({"job": job(30.0, {"exponential": {"mean": 4.0}})}, 3, days=20.0)
    clean = run(arm)
    # every table that may be handed out next is filled with what no run would write
    tables = [clean.tables[name] for name in ("cases", "tasks", "work", "log", "incidents")]
    spoilt = [BUFFERS.rows(len(table), table.dtype) for table in tables]
    where = {place(rows) for rows in spoilt}
    for rows in spoilt:
        rows.view(np.uint8)[:] = 0xA5
    del rows, spoilt, tables
    gc.collect()
    again = run(arm)
    assert place(again.tables["cases"]) in where and place(again.incidents) in where
    assert not differences(clean, again)
    assert kernel.pending_timers(clean).tobytes() == kernel.pending_timers(again).tobytes()
