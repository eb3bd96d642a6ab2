"""Small jobs with which the campaign tests exercise runners and store; not a model and not a test."""

from __future__ import annotations

import os
import signal
import time
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


def plan(replications: int, policies: tuple[str, ...] = ("referral", "whistle"), seed: int = 7) -> list[Run]:
    """Return an interleaved plan."""
    return [
        Run.of(scenario="noise", policy=p, policy_id=f"{p}@0", arm_hash=p, replication=r, seed=seed)
        for r in range(replications)
        for p in policies
    ]
