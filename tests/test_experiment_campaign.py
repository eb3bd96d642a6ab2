"""A campaign loses nothing, does nothing twice, survives runs that fail, and gives the same content anywhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from campaign_jobs import Noise, plan

from scenarios.campaign import Interrupted, execute
from scenarios.pool import Pool
from scenarios.runners import InProcess
from scenarios.runs import Run
from scenarios.store import Store
from sim.errors import InputError


def new_store(folder: Path) -> Store:
    return Store.create(folder, {"identity": {"what": "noise"}, "policies": ["referral", "whistle"], "seed": 7})


def test_one_and_several_workers_give_the_same_content(tmp_path):
    hashes = set()
    for name, runner in (("one", InProcess()), ("two", Pool(2)), ("three", Pool(3))):
        store = new_store(tmp_path / name)
        summary = execute(plan(20), Noise(), store, runner)
        assert (summary.ok, summary.failures) == (40, [])
        hashes.add(store.content_hash())
    assert len(hashes) == 1
    other = new_store(tmp_path / "other")
    execute(plan(20, seed=8), Noise(), other, InProcess())
    assert other.content_hash() not in hashes


def test_content_does_not_depend_on_how_parts_are_cut(tmp_path):
    whole, pieces = new_store(tmp_path / "whole"), new_store(tmp_path / "pieces")
    execute(plan(10), Noise(), whole, InProcess())
    for n in (1, 4, 7, 10):
        execute(plan(n), Noise(), pieces, InProcess())
    assert len(pieces.parts()) == 4 and len(whole.parts()) == 1
    assert whole.content_hash() == pieces.content_hash()


def test_layout_of_the_folder(tmp_path):
    store = new_store(tmp_path / "r")
    execute(plan(5), Noise(), store, InProcess(), keep=2)
    assert json.loads((tmp_path / "r" / "manifest.json").read_text())["schema"] == 1
    assert store.plan().num_rows == 10
    part = pq.read_table(store.parts()[0])
    assert {"run_id", "policy", "policy_id", "replication", "seed", "seconds", "memory_mb"} <= set(part.column_names)
    assert len(store.kept("cases")) == 4  # two replications of two arms
    kept = pq.read_table(store.kept("cases")[0])
    assert kept.column_names[:3] == ["run_id", "policy", "replication"] and kept.num_rows == 2
    events = [line["event"] for line in store.read_journal()]
    assert events.count("started") == events.count("ok") == 10
    assert not list((tmp_path / "r").rglob("*.tmp"))


def test_nothing_is_done_twice_and_new_replications_are_added(tmp_path):
    trace = tmp_path / "trace"
    trace.mkdir()
    store = new_store(tmp_path / "r")
    execute(plan(4), Noise(trace=str(trace)), store, InProcess())
    summary = execute(plan(6), Noise(trace=str(trace)), Store.open(tmp_path / "r"), InProcess())
    assert (summary.before, summary.ok) == (8, 4)
    assert len(list(trace.iterdir())) == 12


def test_a_run_that_raises_is_recorded_and_the_rest_goes_on(tmp_path):
    for name, runner in (("one", InProcess()), ("two", Pool(2))):
        store = new_store(tmp_path / name)
        summary = execute(plan(8), Noise(bad=(3,)), store, runner)
        assert summary.ok == 14
        assert [(r.state, r.run.replication) for r in summary.failures] == [("failed", 3)] * 2
        text = (store.folder / "failures" / f"{summary.failures[0].failure}.txt").read_text()
        assert "replication 3 cannot be" in text and "Traceback" in text
        healed = execute(plan(8), Noise(), Store.open(store.folder), InProcess())
        assert (healed.before, healed.ok, healed.failures) == (14, 2, [])


def test_a_run_that_kills_its_worker_is_named_and_only_it_is_lost(tmp_path):
    store = new_store(tmp_path / "r")
    summary = execute(plan(12), Noise(deadly=(4,)), store, Pool(2))
    assert summary.ok == 22
    assert {(r.state, r.run.policy, r.run.replication) for r in summary.failures} == {
        ("killed", "referral", 4),
        ("killed", "whistle", 4),
    }
    assert [e["event"] for e in store.read_journal()].count("killed") == 2
    reference = new_store(tmp_path / "reference")
    execute([run for run in plan(12) if run.replication != 4], Noise(), reference, InProcess())
    assert store.content_hash() == reference.content_hash()


def test_mistakes_of_input_stop_the_campaign(tmp_path):
    def job(run: Run, keep: bool):
        raise InputError("the city has no roads", file="x.csv")

    with pytest.raises(InputError, match="no roads"):
        execute(plan(2), job, new_store(tmp_path / "r"), InProcess())


SCRIPT = """
import sys
from campaign_jobs import Noise, plan
from scenarios.campaign import Interrupted, execute
from scenarios.pool import Pool
from scenarios.runners import InProcess
from scenarios.store import Store

if __name__ == "__main__":
    folder, workers = sys.argv[1], int(sys.argv[2])
    store = Store.create(folder, {"identity": {"what": "noise"}, "policies": ["referral", "whistle"], "seed": 7})
    runner = InProcess() if workers == 1 else Pool(workers)
    try:
        execute(plan(60), Noise(pause_s=0.05), store, runner)
    except Interrupted as stopped:
        sys.exit(stopped.exit_code)
"""


def start(tmp_path: Path, workers: int) -> subprocess.Popen:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(__file__).parent.parent
    env = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"}
    return subprocess.Popen([sys.executable, str(script), str(tmp_path / "r"), str(workers)], env=env, cwd=root)


def wait_for(what, seconds: float = 40.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.05)


def started(tmp_path: Path) -> int:
    return sum(f.read_text().count('"started"') for f in (tmp_path / "r" / "journal").glob("worker-*.jsonl"))


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_drains_and_resumes(tmp_path, workers):
    process = start(tmp_path, workers)
    wait_for(lambda: started(tmp_path) >= 6)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    store = Store.open(tmp_path / "r")
    done = store.done()
    assert 0 < len(done) < 120
    by_arm = [sum(store_run.run_id in done for store_run in plan(60, (arm,))) for arm in ("referral", "whistle")]
    assert abs(by_arm[0] - by_arm[1]) <= 2 * workers  # what is there is balanced
    summary = execute(plan(60), Noise(), store, InProcess())
    assert (summary.before, summary.ok) == (len(done), 120 - len(done))
    reference = new_store(tmp_path / "reference")
    execute(plan(60), Noise(), reference, InProcess())
    assert store.content_hash() == reference.content_hash()


def test_a_killed_parent_takes_its_workers_along_and_leaves_whole_parts(tmp_path):
    process = start(tmp_path, 2)
    wait_for(lambda: started(tmp_path) >= 4)
    workers = [int(f.stem.removeprefix("worker-")) for f in (tmp_path / "r" / "journal").glob("worker-*.jsonl")]
    process.kill()
    process.wait(10)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() and _alive(pid) for pid in workers), 15)
    store = Store.open(tmp_path / "r")
    store.content_hash()  # every part that has its name can be read
    assert execute(plan(60), Noise(), store, InProcess()).failures == []
    assert len(store.done()) == 120


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_in_process_interruption_is_raised_with_exit_code(tmp_path):
    def job(run: Run, keep: bool):
        if run.replication == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return Noise()(run, keep)

    with pytest.raises(Interrupted) as caught:
        execute(plan(10), job, new_store(tmp_path / "r"), InProcess())
    assert caught.value.exit_code == 130
    assert len(Store.open(tmp_path / "r").done()) == 5  # the run under way was finished and stored


def test_parts_hold_at_most_a_bounded_number_of_runs(tmp_path):
    store = new_store(tmp_path / "r")
    execute(plan(600), Noise(), store, InProcess())
    assert [pq.ParquetFile(p).metadata.num_rows for p in store.parts()] == [500, 500, 200]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / "manifest.json").write_text('{"schema": 1, "ident'), "cut off"),
        (lambda f: (f / "manifest.json").write_text('{"schema": 99}'), "another layout"),
        (lambda f: (f / "manifest.json").unlink(), "no results"),
    ],
)
def test_damaged_manifest(tmp_path, spoil, said):
    new_store(tmp_path / "r")
    spoil(tmp_path / "r")
    with pytest.raises(InputError, match=said):
        Store.open(tmp_path / "r")


def test_damaged_part_is_named(tmp_path):
    store = new_store(tmp_path / "r")
    execute(plan(3), Noise(), store, InProcess())
    part = store.parts()[0]
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(InputError, match="cut off or damaged") as caught:
        store.content_hash()
    assert caught.value.file == part


def test_folders_of_something_else_are_left_alone(tmp_path):
    new_store(tmp_path / "r")
    with pytest.raises(InputError, match="another scenario"):
        Store.create(tmp_path / "r", {"identity": {"what": "else"}})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        Store.create(tmp_path / "mine", {"identity": {}})
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_run_id_depends_on_what_decides_the_run_and_on_nothing_else():
    given = {"scenario": "s", "policy": "p", "policy_id": "p@1", "arm_hash": "h", "replication": 3, "seed": 7}
    one = Run.of(**given)
    assert one.run_id == Run.of(**{**given, "scenario": "t", "policy": "q"}).run_id
    assert one.run_id == Run.of(**given, parameters={}).run_id
    others = [
        Run.of(**{**given, "arm_hash": "g"}),
        Run.of(**{**given, "replication": 4}),
        Run.of(**{**given, "seed": 8}),
        Run.of(**given, parameters={"a.b": 1.0}),
    ]
    assert len({one.run_id, *(o.run_id for o in others)}) == 5
