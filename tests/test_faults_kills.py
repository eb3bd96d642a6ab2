"""Workers and parents killed at random moments: finished runs equal an undisturbed campaign's, none lost or doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from campaign_jobs import Noise, plan

from scenarios.campaign import execute
from scenarios.runners import InProcess
from scenarios.store import Store

KILLS = 20
REPLICATIONS = 400
MANIFEST = {"identity": {"what": "noise"}, "policies": ["referral", "whistle"], "seed": 7}
SCRIPT = f"""
import sys
from campaign_jobs import Noise, plan
from scenarios.campaign import execute
from scenarios.pool import Pool
from scenarios.store import Store
if __name__ == "__main__":
    store = Store.create(sys.argv[1], {MANIFEST!r})
    execute(plan({REPLICATIONS}), Noise(pause_s=0.02), store, Pool(2), keep=3)
"""


def begun(tmp_path: Path) -> subprocess.Popen[bytes]:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(__file__).parent.parent
    env = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"}
    return subprocess.Popen([sys.executable, str(script), str(tmp_path / "r")], env=env, cwd=tmp_path)


def at_work(folder: Path) -> list[int]:
    """Return the workers that live, youngest last."""
    files = sorted((folder / "journal").glob("worker-*.jsonl"), key=lambda file: file.stat().st_mtime)
    pids = [int(file.stem.removeprefix("worker-")) for file in files]
    return [pid for pid in pids if Path(f"/proc/{pid}").exists() and pid != os.getpid()]


def check(tmp_path: Path) -> None:
    """Finish the campaign and compare it with one that nobody disturbed."""
    store = Store.create(tmp_path / "r", MANIFEST)
    before = len(store.done())
    summary = execute(plan(REPLICATIONS), Noise(), store, InProcess(), keep=3)
    assert summary.before == before and summary.damaged == [] and summary.failures == []
    rows = [run_id for part in store.parts() for run_id in pq.read_table(part)["run_id"].to_pylist()]
    assert len(rows) == len(set(rows)) == 2 * REPLICATIONS
    reference = Store.create(tmp_path / "reference", MANIFEST)
    execute(plan(REPLICATIONS), Noise(), reference, InProcess())
    assert store.content_hash() == reference.content_hash()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="processes are looked up in /proc")
def test_twenty_workers_killed(tmp_path):
    rng, killed = np.random.default_rng(5), 0
    while killed < KILLS:
        process = begun(tmp_path)
        while process.poll() is None and killed < KILLS:
            time.sleep(float(rng.uniform(0.2, 1.0)))
            if workers := at_work(tmp_path / "r"):
                os.kill(int(rng.choice(workers)), signal.SIGKILL)
                killed += 1
        process.wait(300)
        if len(Store.open(tmp_path / "r").done()) == 2 * REPLICATIONS and killed < KILLS:
            pytest.fail(f"the campaign ended after {killed} kills")
    check(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="processes are looked up in /proc")
def test_twenty_parents_killed(tmp_path):
    rng = np.random.default_rng(6)
    for _ in range(KILLS):
        process = begun(tmp_path)
        time.sleep(float(rng.uniform(0.3, 4.0)))
        process.kill()
        process.wait(30)
    check(tmp_path)
