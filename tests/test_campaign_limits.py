"""A campaign outlives runs that raise, hang, crash or devour memory: all good runs are kept, each culprit is named."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from campaign_jobs import Noise, Trouble, plan

from scenarios.campaign import execute
from scenarios.limits import FIRST_WALL_S, LEAST_WALL_S, Clock, Limits, memory_is_watched
from scenarios.pool import Pool
from scenarios.runners import InProcess, runner_for
from scenarios.runs import Run
from scenarios.store import Store
from scenarios.study import Study
from sim.errors import InputError

ARM = ("referral",)


def new_store(folder: Path) -> Store:
    return Store.create(folder, {"identity": {"what": "noise"}, "policies": ["referral", "whistle"], "seed": 7})


def reference(folder: Path, runs: list[Run]) -> str:
    store = new_store(folder)
    execute(runs, Noise(), store, InProcess())
    return store.content_hash()


@pytest.mark.parametrize(
    "ways",
    [
        ((4, "raise"), (11, "sleep"), (23, "exit")),
        ((0, "segfault"), (17, "spin"), (39, "raise")),
    ],
)
def test_three_culprits_among_forty(tmp_path, ways):
    runs, store = plan(40, ARM), new_store(tmp_path / "r")
    summary = execute(runs, Trouble(ways), store, Pool(2, Limits(wall_s=1.5)))
    expected = {"raise": "failed", "sleep": "timeout", "spin": "timeout", "exit": "killed", "segfault": "killed"}
    assert {(r.run.replication, r.state) for r in summary.failures} == {(n, expected[way]) for n, way in ways}
    bad = dict(ways)
    good = [run for run in runs if run.replication not in bad]
    assert summary.ok == 37 and store.done() == {run.run_id for run in good}
    assert store.content_hash() == reference(tmp_path / "reference", good)
    told = {
        (line["replication"], line["event"])
        for line in store.read_journal()
        if line["event"] in ("failed", "timeout", "killed")
    }
    assert told == {(n, expected[way]) for n, way in ways}
    for record in summary.failures:
        text = (store.folder / "failures" / f"{record.failure}.txt").read_text()
        assert "misbehave" in text or expected[bad[record.run.replication]] == "killed"  # where it stood
        if record.state != "failed":
            assert f"policy referral, replication {record.run.replication}" in text
    healed = execute(runs, Noise(), Store.open(store.folder), InProcess())
    assert (healed.before, healed.ok, healed.failures) == (37, 3, [])


def test_one_worker_with_a_limit_is_a_process_of_its_own(tmp_path):
    assert isinstance(runner_for(1), InProcess)
    runner = runner_for(1, Limits(wall_s=1.0))
    assert isinstance(runner, Pool) and runner.workers == 1
    store = new_store(tmp_path / "r")
    begun = time.monotonic()
    summary = execute(plan(6, ARM), Trouble(((2, "spin"),)), store, runner)
    assert [(r.state, r.run.replication) for r in summary.failures] == [("timeout", 2)]
    assert summary.ok == 5 and time.monotonic() - begun < 30
    assert "longer than the wall limit of 1 s" in summary.failures[0].message


@pytest.mark.skipif(not memory_is_watched, reason="resident memory is watched on Linux only")
def test_a_run_above_its_memory_limit_is_ended_and_named(tmp_path):
    store = new_store(tmp_path / "r")
    summary = execute(plan(6, ARM), Trouble(((3, "memory"),)), store, Pool(2, Limits(memory_mb=450)))
    assert [(r.state, r.run.replication) for r in summary.failures] == [("killed", 3)]
    assert "above the limit of 450 MB" in summary.failures[0].message
    assert summary.ok == 5


def test_an_innocent_victim_gets_a_second_chance(tmp_path):
    trace = tmp_path / "trace"
    trace.mkdir()
    store = new_store(tmp_path / "r")
    summary = execute(plan(12, ARM), Trouble(((5, "exit"),), str(trace), once=True), store, Pool(2))
    assert (summary.ok, summary.failures) == (12, [])
    assert len(list(trace.glob("referral-5-*"))) == 2


def test_failures_of_a_study_name_run_and_reason(tmp_path):
    store = new_store(tmp_path / "r")
    execute(plan(4, ARM), Trouble(((1, "sleep"),)), store, Pool(1, Limits(wall_s=0.5)))
    [row] = [line for line in store.read_journal() if line["event"] == "timeout"]
    assert row["policy"] == "referral" and row["replication"] == 1 and row["seconds"] >= 0.5
    assert Study.failures(_Bare(store)).event.tolist() == ["timeout"]


class _Bare:
    """Just the part of a study that its failures need: the noise has no scenario."""

    def __init__(self, store: Store) -> None:
        self.store = store


def test_default_limits_are_generous_and_derived():
    clock, limits = Clock(), Limits()
    assert limits.wall(clock) == FIRST_WALL_S
    for _ in range(9):
        clock.add(0.01)
    assert limits.wall(clock) == LEAST_WALL_S
    for _ in range(300):
        clock.add(12.0)
    assert limits.wall(clock) == 240.0
    assert Limits(wall_s=5).wall(clock) == 5
    assert limits.memory(1000) == 1024.0 < limits.memory(1)
    assert Limits(memory_mb=300).memory(2) == 300


@pytest.mark.parametrize("given", [{"wall_s": 0}, {"memory_mb": -1}, {"wall_s": float("nan")}])
def test_impossible_limits_are_refused(given):
    with pytest.raises(InputError, match="impossible limit"):
        Limits(**given)


def test_two_campaigns_in_one_folder_are_refused(tmp_path):
    store = new_store(tmp_path / "r")
    with store.writing():
        assert store.held_by() == os.getpid()
        with pytest.raises(InputError, match=f"another process is at work here.*{os.getpid()}"):
            execute(plan(2), Noise(), Store.open(store.folder), InProcess())
    assert store.held_by() is None
    assert execute(plan(2), Noise(), store, InProcess()).ok == 4


def test_a_plan_is_never_held_as_a_whole(tmp_path):
    class Lazy:
        """A plan that makes its runs when they are asked for and remembers how many live at once."""

        def __len__(self) -> int:
            return 3000

        def __iter__(self):
            return (run for run in plan(1500))

        def __contains__(self, run: object) -> bool:
            return run in plan(1500)

    store = new_store(tmp_path / "r")
    assert execute(Lazy(), Noise(), store, InProcess()).ok == 3000
    assert execute(Lazy(), Noise(), store, InProcess()).before == 3000
    assert store.plan().num_rows == 3000
