"""One run of a campaign: what it is before it is done, and what is kept of it afterwards.

A :class:`Run` is a row of the plan, a :class:`Record` a row of the parts. The run's id is a hash of its
canonical description and of nothing else, so that a finished run is known again anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from scenarios.merge import canonical

ID_DIGITS = 20  # 80 bits: a clash among 10 million runs has a chance below 1e-10


@dataclass(frozen=True, slots=True)
class Run:
    """One arm, one replication.

    Attributes
    ----------
    run_id
        Hash of the description (20 hex digits).
    policy, policy_id
        Name of the arm and its citable id.
    replication
        Replication number; equal numbers share all draws between arms.
    seed
        Root seed.
    parameters
        Factor settings of a designed campaign (register name -> value); empty in a comparison.
    """

    run_id: str
    scenario: str
    policy: str
    policy_id: str
    replication: int
    seed: int
    parameters: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(
        cls,
        *,
        scenario: str,
        policy: str,
        policy_id: str,
        arm_hash: str,
        replication: int,
        seed: int,
        parameters: Mapping[str, float] | None = None,
    ) -> Run:
        """Make a run; `arm_hash` stands for everything that decides it apart from seed, replication, parameters."""
        settings = tuple(sorted((parameters or {}).items()))
        described = {"arm": arm_hash, "seed": seed, "replication": replication, "parameters": dict(settings)}
        run_id = hashlib.sha256(canonical(described).encode()).hexdigest()[:ID_DIGITS]
        return cls(run_id, scenario, policy, policy_id, replication, seed, settings)


@dataclass(slots=True)
class Outcome:
    """What a job gives back for one run.

    Attributes
    ----------
    measures
        Measure name -> value (NaN where it does not exist).
    tables
        Table name (``cases``, ``incidents``, ``tasks``, ``staff``) -> rows to be kept, or nothing.
    """

    measures: dict[str, float]
    tables: dict[str, pa.Table] = field(default_factory=dict)


@dataclass(slots=True)
class Record:
    """A run that has ended, well or not.

    Attributes
    ----------
    state
        ``ok``, ``failed`` (it raised), ``timeout`` (longer than its wall limit, so it was ended) or ``killed`` (its
        process died, or was ended for its memory).
    failure
        Hash of the traceback in ``failures/``, for runs that did not end well.
    """

    run: Run
    state: str
    seconds: float = 0.0
    memory_mb: float = 0.0
    measures: dict[str, float] = field(default_factory=dict)
    failure: str = ""
    message: str = ""

    def row(self) -> dict[str, Any]:
        """Return the row of a part: identity, cost, measures."""
        run = self.run
        return {
            "run_id": run.run_id,
            "scenario": run.scenario,
            "policy": run.policy,
            "policy_id": run.policy_id,
            "replication": run.replication,
            "seed": run.seed,
            "parameters": canonical(dict(run.parameters)),
            "seconds": self.seconds,
            "memory_mb": self.memory_mb,
            **self.measures,
        }


IDENTITY = ("run_id", "scenario", "policy", "policy_id", "replication", "seed", "parameters")
COSTS = ("seconds", "memory_mb")
