"""A campaign can be watched and stopped from another process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from campaign_jobs import Noise, Trouble, plan

from scenarios.campaign import Interrupted, execute
from scenarios.limits import Limits
from scenarios.pool import Pool
from scenarios.runners import InProcess, Stop
from scenarios.store import Store
from scenarios.watch import cancel, progress
from sim.errors import InputError

SCRIPT = """
import sys
from campaign_jobs import Noise, plan
from scenarios.campaign import Interrupted, execute
from scenarios.pool import Pool
from scenarios.store import Store

if __name__ == "__main__":
    store = Store.create(sys.argv[1], {"identity": {"what": "noise"}})
    try:
        execute(plan(100), Noise(pause_s=0.05), store, Pool(2))
    except Interrupted as stopped:
        sys.exit(stopped.exit_code)
"""


def new_store(folder: Path) -> Store:
    return Store.create(folder, {"identity": {"what": "noise"}})


def wait_for(what, seconds: float = 40.0):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.05)
    return found


def start(tmp_path: Path) -> subprocess.Popen:
    (tmp_path / "script.py").write_text(SCRIPT)
    root = Path(__file__).parent.parent
    env = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"}
    return subprocess.Popen([sys.executable, str(tmp_path / "script.py"), str(tmp_path / "r")], env=env, cwd=root)


def moving(folder: Path):
    if not (folder / "manifest.json").exists():
        return None
    seen = progress(folder)
    return seen if seen.state == "running" and seen.done >= 5 else None


def test_a_running_campaign_is_watched_cancelled_and_resumed(tmp_path):
    process = start(tmp_path)
    seen = wait_for(lambda: moving(tmp_path / "r"))
    assert (seen.planned, seen.failed, seen.pid, seen.workers) == (200, 0, process.pid, 2)
    assert 0 < seen.eta_s < 600 and 0 < seen.share < 1
    assert cancel(tmp_path / "r")
    assert process.wait(30) == 143
    stopped = progress(tmp_path / "r")
    store = Store.open(tmp_path / "r")
    assert stopped.state == "interrupted" and stopped.pid == 0 and stopped.eta_s == 0
    assert seen.done <= stopped.done == len(store.done()) < 200
    assert not cancel(tmp_path / "r")
    assert execute(plan(100), Noise(), store, InProcess()).before == stopped.done
    assert (progress(tmp_path / "r").state, progress(tmp_path / "r").done) == ("finished", 200)


def test_a_killed_campaign_is_recognised(tmp_path):
    process = start(tmp_path)
    wait_for(lambda: moving(tmp_path / "r"))
    process.kill()
    process.wait(10)
    assert progress(tmp_path / "r").state == "interrupted"
    assert execute(plan(100), Noise(), Store.open(tmp_path / "r"), Pool(2)).failures == []


def test_progress_names_the_last_failure(tmp_path):
    store = new_store(tmp_path / "r")
    execute(plan(5), Trouble(((3, "sleep"),)), store, Pool(2, Limits(wall_s=0.5)))
    seen = progress(tmp_path / "r")
    assert (seen.state, seen.done, seen.failed, seen.planned) == ("finished", 8, 2, 10)
    assert "replication 3" in seen.last_error and "wall limit" in seen.last_error
    assert progress(tmp_path / "r", since=time.time() + 1).state == "new"


def test_a_flag_stops_a_campaign_that_runs_in_a_thread(tmp_path):
    stop = Stop()

    def heard(ended: int, planned: int, record: object) -> None:
        if ended == 3:
            stop.signal = 15

    with pytest.raises(Interrupted) as caught:
        execute(plan(10), Noise(), new_store(tmp_path / "r"), InProcess(), progress=heard, stop=stop)
    assert caught.value.exit_code == 143 and progress(tmp_path / "r").done == 3


def test_an_error_that_ends_a_campaign_is_told(tmp_path):
    def job(run, keep):
        raise InputError("the city has no roads", file="x.csv")

    with pytest.raises(InputError):
        execute(plan(2), job, new_store(tmp_path / "r"), InProcess())
    seen = progress(tmp_path / "r")
    assert seen.state == "broken_off" and "no roads" in seen.last_error


def test_nothing_begun_and_no_results(tmp_path):
    store = new_store(tmp_path / "r")
    assert progress(store.folder).state == "new" and not cancel(store.folder)
    with pytest.raises(InputError, match="no results"):
        progress(tmp_path)


def test_a_journal_cut_off_in_the_middle_is_read(tmp_path):
    store = new_store(tmp_path / "r")
    execute(plan(5), Noise(), store, InProcess())
    file = store.folder / "journal" / "campaign.jsonl"
    with file.open("a") as stream:
        stream.write(json.dumps({"event": "running", "planned": 10})[:-4])
    assert progress(store.folder).state == "finished"
