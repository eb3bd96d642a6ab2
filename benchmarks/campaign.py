"""What a campaign costs beside its runs, and what a second worker brings.

The overhead is the wall time of runs that do nothing, store, plan and journal included, in this process and on a
pool. The speed-up compares one and two worker processes on runs that spin a processor for 50 ms, and on runs of
the model of about that length. Starting the processes is left out of the speed-up and told beside it: it is paid
once for a campaign. One and two workers take turns, so that a change of the machine's load strikes both.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Measured

EMPTY_RUNS = 20_000
PLAN_RUNS = 100_000
SPIN_S, SPIN_RUNS = 0.05, 80
MODEL_RUNS, TARGET_S = 80, 0.05
ROUNDS = 5


@dataclass(frozen=True)
class Empty:
    """Does nothing."""

    def __call__(self, run: Any, keep: bool) -> Any:
        from scenarios.runs import Outcome

        return Outcome({"value": 1.0, "other": 2.0})


@dataclass(frozen=True)
class Spin:
    """Uses a processor for a given time of its own."""

    seconds: float

    def __call__(self, run: Any, keep: bool) -> Any:
        from scenarios.runs import Outcome

        until = time.thread_time() + self.seconds
        while time.thread_time() < until:
            pass
        return Outcome({"value": 1.0})


@dataclass(frozen=True)
class Runs:
    """A plan whose runs are made when they are asked for."""

    count: int

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Any]:
        return (self.run(i) for i in range(self.count))

    def __contains__(self, run: object) -> bool:
        return run in iter(self)

    @staticmethod
    def run(i: int) -> Any:
        from scenarios.runs import Run

        return Run.of(scenario="empty", policy="p", policy_id="p@0", arm_hash="p", replication=i, seed=1)


def measure_overhead(quick: bool) -> Measured:
    """Return ``campaign_overhead_ms``, the worse of in-process and two workers, and both."""
    from scenarios.pool import Pool
    from scenarios.runners import InProcess

    count = 200 if quick else EMPTY_RUNS
    alone = 1e3 * _seconds(Runs(count), Empty(), InProcess())[0] / count
    pooled = 1e3 * _seconds(Runs(count), Empty(), Pool(2))[0] / count
    return {
        "campaign_overhead_ms": max(alone, pooled), "campaign_overhead_in_process_ms": alone,
        "campaign_overhead_two_workers_ms": pooled, "campaign_overhead_runs": count,
    }  # fmt: skip


def measure_memory(quick: bool) -> Measured:
    """Return ``campaign_growth_mb``: what the parent's Python memory gains between 10 % and the end of a long plan."""
    from scenarios.runners import InProcess

    count, seen = 2_000 if quick else PLAN_RUNS, {}

    def watch(ended: int, planned: int, record: Any) -> None:
        if ended in (count // 10, count):
            seen[ended] = tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    _seconds(Runs(count), Empty(), InProcess(), watch)
    tracemalloc.stop()
    return {"campaign_growth_mb": (seen[count] - seen[count // 10]) / 1e6, "campaign_growth_runs": count}


def measure_spin(quick: bool) -> Measured:
    """Return ``two_workers_spin``: one worker's time over two workers' on runs that spin for 50 ms."""
    found = _speed_up(Runs(8 if quick else SPIN_RUNS), Spin(SPIN_S), 1 if quick else ROUNDS)
    return {f"two_workers_spin{key}": value for key, value in found.items()}


def measure_model(quick: bool) -> Measured:
    """Return ``two_workers_model``: the same on runs of the model of about 50 ms."""
    from benchmarks.pairing import scenario_of
    from scenarios.experiment import ModelJob

    scenario = scenario_of("whistle-vs-referral", quick)
    job = ModelJob(scenario)
    if not quick:
        job = ModelJob(_of_length(scenario))
    arm = scenario.arms[0]
    runs = [_model_run(scenario.name, arm, i) for i in range(8 if quick else MODEL_RUNS)]
    found = _speed_up(runs, job, 1 if quick else ROUNDS)
    return {f"two_workers_model{key}": value for key, value in found.items()}


def _model_run(name: str, arm: str, replication: int) -> Any:
    from scenarios.runs import Run

    return Run.of(scenario=name, policy=arm, policy_id=arm, arm_hash=arm, replication=replication, seed=7)


def _of_length(scenario: Any) -> Any:
    """Return a scenario of such a horizon that one run takes about `TARGET_S` on this machine."""
    from scenarios.experiment import ModelJob

    for days in (7, 14, 28, 56, 112):
        made = scenario.with_changes({"horizon_days": days, "warm_up_days": 1, "cool_down_days": 1}, "benchmark")
        job = ModelJob(made)
        job(_model_run(made.name, made.arms[0], 0), False)
        times = []
        for i in range(1, 6):
            begun = time.perf_counter()
            job(_model_run(made.name, made.arms[0], i), False)
            times.append(time.perf_counter() - begun)
        if statistics.median(times) >= TARGET_S:
            return made
    return made


def _speed_up(runs: Any, job: Any, rounds: int) -> dict[str, Any]:
    """Return the median ratio of one worker's time to two workers', each less the time until the first record."""
    from scenarios.pool import Pool

    ratios, each, starts = [], [], []
    for _ in range(rounds):
        one, begin_one = _seconds(runs, job, Pool(1))
        two, begin_two = _seconds(runs, job, Pool(2))
        ratios.append((one - begin_one) / (two - begin_two))
        each.append(1e3 * (one - begin_one) / len(runs))
        starts.append(begin_two)
    return {
        "": statistics.median(ratios), "_least": min(ratios), "_greatest": max(ratios),
        "_run_ms": statistics.median(each), "_start_s": statistics.median(starts),
    }  # fmt: skip


def _seconds(runs: Any, job: Any, runner: Any, heard: Any = None) -> tuple[float, float]:
    """Return the time of a campaign in a new folder, and the time until its first run began to be stored."""
    from scenarios.campaign import execute
    from scenarios.store import Store

    first: list[float] = []

    def progress(ended: int, planned: int, record: Any) -> None:
        if record is not None and not first:
            first.append(time.perf_counter() - begun - record.seconds)
        if heard is not None:
            heard(ended, planned, record)

    with tempfile.TemporaryDirectory() as folder:
        store = Store.create(Path(folder) / "results", {"identity": {"what": "benchmark"}, "policies": ["p"]})
        begun = time.perf_counter()
        summary = execute(runs, job, store, runner, progress=progress)
        seconds = time.perf_counter() - begun
        if summary.ok != len(runs):
            raise RuntimeError(f"{len(summary.failures)} runs failed: {summary.failures[0].message}")
    return seconds, first[0]
