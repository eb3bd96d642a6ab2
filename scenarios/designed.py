"""Designed campaigns: many settings of register values, each run under one or several policies.

A setting is a row of a design: register name -> value, laid over each policy's own parameters. Every row has
replication numbers of its own, so that rows share no random draws; the policies of one row and replicate share
theirs, so that their difference is a paired one. Which rows to try, and what the results mean, is for others to
say (`calibration`); here they are only run, on the same campaign machinery as experiments, and handed back.

Example
-------
>>> design = DesignedExperiment(scenario, ["referral", "whistle"], settings, replicates=2, described={"method": "lhs"})
>>> results = design.run(workers=2, store="results/my-design")
>>> effect = np.diff(results.values("joint_resolution_days"), axis=2)[:, :, 0]  # one number per row and replicate
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scenarios.campaign import Progress, Summary, execute
from scenarios.experiment import Experiment, is_compiled
from scenarios.limits import Limits
from scenarios.merge import content_hash
from scenarios.model_job import DUMMY, DesignJob
from scenarios.runners import FirstHere, InProcess, Runner, runner_for
from scenarios.runs import Record, Run
from scenarios.schema import Scenario
from scenarios.store import Store, read_table
from scenarios.told import beyond
from sim.errors import InputError

STRIDE = 64
"""Replication numbers reserved for each row: row r, replicate k is replication ``STRIDE * r + k``."""


class DesignPlan(Sequence[Run]):
    """The runs of a design in order: row by row, replicate by replicate, policy by policy; made when asked for."""

    def __init__(self, design: DesignedExperiment) -> None:
        self.design = design
        self._ids = {p: design.scenario.policy_id(p) for p in design.policies}
        self._hashes = design.arm_hashes()

    def __len__(self) -> int:
        return len(self.design.settings) * self.design.replicates * len(self.design.policies)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        design, policies = self.design, len(self.design.policies)
        row, rest = divmod(index % len(self), design.replicates * policies)
        replicate, policy = divmod(rest, policies)
        return self.run(row, replicate, design.policies[policy])

    def run(self, row: int, replicate: int, policy: str) -> Run:
        """Return the run of a row, replicate and policy."""
        return Run.of(
            scenario=self.design.scenario.name,
            policy=policy,
            policy_id=self._ids[policy],
            arm_hash=self._hashes[policy],
            replication=STRIDE * row + replicate,
            seed=self.design.seed or 0,
            parameters=self.design.settings[row],
        )

    def __iter__(self) -> Iterator[Run]:
        return (self[i] for i in range(len(self)))


@dataclass
class DesignedExperiment:
    """Settings times replicates times policies of one scenario.

    Parameters
    ----------
    scenario
        A checked scenario.
    policies
        Names of the arms; arms of one row and replicate share all draws.
    settings
        One mapping per row: register name (or ``type.<name>.<field>``, or an idle name) -> value.
    replicates
        Runs of each row and policy, 1 to 64.
    seed
        Root seed (default: the scenario's).
    measures
        Measures to store (default: all).
    idle
        Parameters that the model must not see.
    told
        What is told of the parameters, in place of the first row in which each is implausible.
    described
        What else makes the design what it is (method, ranges); stands in the manifest, and folders whose
        descriptions differ are not mixed. Leave out what may grow: rows and replicates can be added later.
    """

    scenario: Scenario
    policies: Sequence[str]
    settings: Sequence[Mapping[str, float]]
    replicates: int = 2
    seed: int | None = None
    measures: Sequence[str] = ()
    idle: Sequence[str] = (DUMMY,)
    described: Mapping[str, Any] = field(default_factory=dict)
    told: Sequence[InputError] | None = None
    summary: Summary = field(default_factory=lambda: Summary(0, 0), init=False)
    _experiment: Experiment = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._experiment = Experiment(self.scenario, list(self.policies), 1, self.seed)
        self.policies, self.seed = self._experiment.arms, self._experiment.seed
        if not 1 <= self.replicates <= STRIDE:
            raise InputError("impossible number", field="replicates", found=self.replicates, allowed=f"1 to {STRIDE}")
        if not len(self.settings):
            raise InputError("a design needs at least one row", field="settings", found="none")

    def check(self) -> None:
        """Check policies, measures and every row's parameters, without building anything.

        Raises
        ------
        InputError
            Names the row, the parameter, what was found and what is allowed.
        """
        from sim import register
        from sim.arm_changes import check_variable
        from sim.measures import MEASURES

        self._experiment.check()
        for name in self.measures:
            if name not in MEASURES:
                raise InputError("unknown measure", field="measures", found=name, allowed=list(MEASURES))
        names = {name for row in self.settings for name in row} - set(self.idle)
        for name in sorted(names):
            check_variable(name)
        for index, row in enumerate(self.settings):
            try:
                register.values({name: value for name, value in row.items() if name in names})
            except InputError as error:
                raise InputError(
                    error.problem, field=f"row {index}: {error.field}", found=error.found, allowed=error.allowed
                ) from None

    @property
    def warnings(self) -> list[InputError]:
        """What is told of the scenario and no mistake; and the first row in which a parameter is implausible."""
        from sim import register

        if self.told is not None:
            return [*self._experiment.warnings, *self.told]
        found: dict[str, InputError] = {}
        for index, row in enumerate(self.settings):
            for entry in register.implausible({name: v for name, v in row.items() if name not in self.idle}):
                found.setdefault(entry.name, beyond(entry, row[entry.name], f"row {index}: {entry.name}"))
        return [*self._experiment.warnings, *found.values()]

    def arm_hashes(self) -> dict[str, str]:
        """Return policy -> hash of all that decides its runs apart from seed, replication and parameters."""
        from scenarios.experiment import code_version

        return {p: content_hash([self._experiment.arm_hash(p), code_version(), list(self.idle)]) for p in self.policies}

    def plan(self) -> DesignPlan:
        """Return the runs, in order."""
        return DesignPlan(self)

    def manifest(self) -> dict[str, Any]:
        """Return what is written beside the results once and for all."""
        manifest = self._experiment.manifest()
        identity = {**manifest["identity"], "design": dict(self.described), "idle": list(self.idle)}
        warnings = [one.sentence() for one in self.warnings]
        return {
            **manifest, "identity": identity, "kind": "design", "measures": list(self.measures), "warnings": warnings,
        }  # fmt: skip

    def default_folder(self, results: Path | str = "results") -> Path:
        """Return ``results/<scenario>-design-<id>``; equal designs have equal ids."""
        return Path(results) / f"{self.scenario.name}-design-{content_hash(self.manifest()['identity'])[:8]}"

    def run(
        self,
        workers: int = 1,
        store: Store | Path | str | None = None,
        progress: Progress | None = None,
        limits: Limits | None = None,
        runner: Runner | None = None,
        job: Any = None,
    ) -> DesignResults:
        """Do what is not done yet and return the results.

        Parameters
        ----------
        workers
            Processes; 1 runs in this one unless limits are given.
        store
            Results folder (default: `default_folder`).
        progress
            See `scenarios.campaign.Progress`.
        limits
            Wall time and memory allowed to a run (default with several workers: see `scenarios.limits.Limits`).
        runner, job
            Another runner, another way to do a run (default: by `workers`; the model).

        Raises
        ------
        InputError
            A mistake in the design, or a folder that holds something else.
        Interrupted
            After Ctrl-C; everything finished is stored.
        """
        opened = store if isinstance(store, Store) else Store.create(store or self.default_folder(), self.manifest())
        doer, plan = job or DesignJob(self.scenario, self.measures, self.idle), self.plan()
        runner = runner or runner_for(workers, limits)
        if job is None and not isinstance(runner, InProcess) and not is_compiled():
            runner = FirstHere(runner)  # compile once, not in each process
        self.summary = execute(plan, doer, opened, runner, progress=progress)
        return DesignResults(self, opened, self.summary.failures)


@dataclass(frozen=True)
class DesignResults:
    """What a design brought forth, ready for an analyser.

    Attributes
    ----------
    design, store
        What was run and where it lies.
    failures
        Runs that did not end well in the last call, each with its state and message.
    """

    design: DesignedExperiment
    store: Store
    failures: list[Record]

    def values(self, measure: str) -> np.ndarray:
        """Return float64[rows, replicates, policies]; NaN where a run is missing or the measure does not exist.

        Raises
        ------
        InputError
            The runs hold no such measure.
        """
        self.store.check_files()
        design, known = self.design, False
        found: dict[str, float | None] = {}
        for part in self.store.parts():
            table = read_table(part, ["run_id", measure])
            if measure in table.column_names:
                known = True
                found.update(zip(table["run_id"].to_pylist(), table[measure].to_pylist(), strict=True))
        if not known:
            raise InputError("unknown measure", field="measure", found=measure, allowed=self.measures)
        flat = [found.get(run.run_id) for run in design.plan()]
        return np.array(flat, float).reshape(len(design.settings), design.replicates, len(design.policies))

    @property
    def measures(self) -> list[str]:
        """Measures that the stored runs hold."""
        from scenarios.runs import COSTS, IDENTITY

        names = {name for part in self.store.parts() for name in read_table(part).column_names}
        return sorted(names - set(IDENTITY) - set(COSTS))

    @property
    def missing(self) -> list[tuple[int, int, str]]:
        """Row, replicate and policy of each run that is not there."""
        design, done = self.design, self.store.done()
        return [
            (*divmod(run.replication, STRIDE), run.policy) for run in design.plan() if run.run_id not in done
        ]  # fmt: skip
