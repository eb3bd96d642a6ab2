"""Small jobs with which the campaign tests exercise runners and store; not a model and not a test."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from scenarios.runs import Outcome, Run


@dataclass(frozen=True)
class Noise:
    """Measures that are a function of seed, replication and policy, as a model's are."""

    pause_s: float = 0.0
    bad: tuple[int, ...] = ()  # replications that raise
    deadly: tuple[int, ...] = ()  # replications that kill their process
    trace: str = ""  # folder in which each run leaves a file

    def __call__(self, run: Run, keep: bool) -> Outcome:
        if self.trace:
            name = f"{run.policy}-{run.replication}-{time.time_ns()}"
            Path(self.trace, name).touch()
        time.sleep(self.pause_s)
        if run.replication in self.bad:
            raise ValueError(f"replication {run.replication} cannot be")
        if run.replication in self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        rng = np.random.default_rng([run.seed, run.replication])
        wait, shift = rng.gamma(4.0, 3.0), 1.5 * (run.policy == "whistle")
        measures = {"resolution_days": wait - shift + 0.1 * rng.normal(), "cases": float(rng.poisson(50))}
        if run.replication % 7 == 3:
            measures["cases"] = float("nan")
        tables = {"cases": pa.table({"case": [1, 2], "type": ["leak", "noise"]})} if keep else {}
        return Outcome(measures, tables)


@dataclass(frozen=True)
class Trouble:
    """Noise, except that some replications misbehave in a named way; once only, when told so."""

    ways: tuple[tuple[int, str], ...] = ()
    trace: str = ""  # folder in which each run leaves a file
    once: bool = False  # a way is taken on the first attempt only (needs `trace`)
    pause_s: float = 0.0

    def __call__(self, run: Run, keep: bool) -> Outcome:
        way = dict(self.ways).get(run.replication)
        if way and self.once:
            mark = Path(self.trace, f"{run.policy}-{run.replication}-tried")
            way = None if mark.exists() else way
            mark.touch()
        if way:
            misbehave(way)
        return Noise(self.pause_s, trace=self.trace)(run, keep)


@dataclass(frozen=True)
class Rough:
    """Does what a design asks for, except that one run of some rows misbehaves."""

    stride: int
    ways: tuple[tuple[int, str], ...] = ((2, "raise"), (5, "spin"), (9, "exit"))

    def __call__(self, run: Run, keep: bool) -> Outcome:
        row, replicate = divmod(run.replication, self.stride)
        way = dict(self.ways).get(row)
        if way and run.policy == "whistle" and replicate == 1:
            misbehave(way)
        return Outcome({"value": run.replication + 0.5 * (run.policy == "whistle")})


def misbehave(way: str) -> None:
    """Raise, hang in Python or in compiled code, leave, crash, or devour memory."""
    match way:
        case "raise":
            raise ValueError("this cannot be")
        case "sleep":
            time.sleep(3600)
        case "spin":
            spinning()()
        case "exit":
            os._exit(3)
        case "segfault":
            ctypes.string_at(1)
        case "memory":
            hoard = [np.ones(2_000_000) for _ in range(40)]  # 640 MB, each page touched
            time.sleep(3600 + 0 * len(hoard))


def spinning() -> Callable[[], int]:
    """Return a compiled endless loop, which keeps the interpreter's lock."""
    import numba

    @numba.njit
    def forever() -> int:
        n = 1
        while n != 0:
            n = n % 1_000_003 + 1
        return n

    return forever


def plan(replications: int, policies: tuple[str, ...] = ("referral", "whistle"), seed: int = 7) -> list[Run]:
    """Return an interleaved plan."""
    return [
        Run.of(scenario="noise", policy=p, policy_id=f"{p}@0", arm_hash=p, replication=r, seed=seed)
        for r in range(replications)
        for p in policies
    ]
