"""A sensitivity study: what is asked of which scenario, the runs that answer it, and the answer.

It joins factors and design to a campaign (`scenarios.designed`) and the campaign's results to the estimators of the
design. Every row has replication numbers of its own; two policies of one row and replicate share theirs, so that
their difference is paired. Nothing here draws or prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from calibration.sensitivity.designs import DUMMY_NAME, Design, design
from calibration.sensitivity.evaluations import ON_FAILED, Evaluations, OnFailed, evaluations
from calibration.sensitivity.factors import Factor, factors, set_by_arms, told_of
from calibration.sensitivity.flips import Flip, flips
from calibration.sensitivity.morris import MorrisEffects, morris_effects
from calibration.sensitivity.sobol import SobolIndices, sobol_indices
from calibration.sensitivity.verdicts import Verdict, ranked, verdicts
from scenarios.campaign import Progress
from scenarios.designed import STRIDE, DesignedExperiment, DesignResults
from scenarios.experiment import Experiment
from scenarios.form_errors import nearest
from scenarios.limits import Limits
from scenarios.merge import content_hash
from scenarios.runners import Runner
from scenarios.schema import Scenario
from scenarios.store import Store
from sim.errors import InputError

FLIPS = 3
NAMED_RUNS = 5
Analysis = SobolIndices | MorrisEffects


@dataclass(frozen=True)
class Target:
    """What the study asks how it depends on the parameters.

    Attributes
    ----------
    measure
        Name of a measure.
    arms
        One policy: its measure; two: the second's measure minus the first's, with common random numbers.
    """

    measure: str
    arms: tuple[str, ...]

    @property
    def is_effect(self) -> bool:
        """Whether it is a difference between two policies."""
        return len(self.arms) == 2


@dataclass
class SensitivityStudy:
    """A study before it is run.

    Parameters
    ----------
    scenario
        A checked scenario.
    method
        ``morris`` or ``sobol``.
    policies
        One or two policies (default: the first two arms of the scenario, or its only one).
    measure
        What is asked (default: the scenario's first measure, else time until trouble is over).
    parameters
        ``NAME`` or ``NAME=low..high`` (default: see `calibration.sensitivity.factors.factors`).
    rows
        Trajectories or base points (default: 20 or 256).
    replicates
        Runs of each row, 2 to 64.
    seed
        Root seed of points and replications (default: the scenario's).

    Raises
    ------
    InputError
        For anything that cannot be.
    """

    scenario: Scenario
    method: str = "sobol"
    policies: Sequence[str] = ()
    measure: str | None = None
    parameters: Sequence[str] = ()
    rows: int | None = None
    replicates: int = 2
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.replicates < 2:
            raise InputError(
                "one run per row cannot tell chance from parameters", field="--replicates", found=self.replicates,
                allowed="2 or more",
            )  # fmt: skip
        arms = tuple(self.policies) or tuple(self.scenario.arms[:2])
        if len(arms) > 2:
            raise InputError("a study looks at one policy, or at the difference between two", field="--policy",
                             found=list(arms), allowed="one or two policies")  # fmt: skip
        self.target = Target(self.measure or _headline(self.scenario), arms)
        self.seed = self.scenario.seed if self.seed is None else self.seed
        self.factors: tuple[Factor, ...] = factors(self.scenario, arms, self.parameters)
        self.design: Design = design(
            self.method, tuple(f.name for f in self.factors), self.rows, self.replicates, self.seed
        )

    def check(self) -> None:
        """Check policies, measure and the parameters of every row; nothing is built or written.

        Raises
        ------
        InputError
            The first mistake found.
        """
        from sim.measures import MEASURES

        if self.target.measure not in MEASURES:
            allowed = nearest(self.target.measure, list(MEASURES)) or list(MEASURES)
            raise InputError("unknown measure", field="--measure", found=self.target.measure, allowed=allowed)
        for arm in self.target.arms:
            self._check_types(arm)
        self.experiment.check()

    def _check_types(self, arm: str) -> None:
        known = self.scenario.spec(arm).types
        for factor in self.factors:
            head, _, rest = factor.name.partition(".")
            kind = rest.rpartition(".")[0]
            if head == "type" and kind not in known:
                raise InputError(
                    "the scenario has no such case type", field="--parameter", found=factor.name,
                    allowed=nearest(kind, list(known)) or list(known),
                )  # fmt: skip

    @cached_property
    def experiment(self) -> DesignedExperiment:
        """The runs to be done."""
        columns = [factor.values(self.design.unit[:, i]) for i, factor in enumerate(self.factors)]
        names = [factor.name for factor in self.factors]
        settings = [dict(zip(names, map(float, row), strict=True)) for row in np.column_stack(columns)]
        return DesignedExperiment(
            self.scenario, list(self.target.arms), settings, self.replicates, self.seed, described=self.described(),
            told=told_of(self.scenario, self.target.arms, self.parameters),
        )  # fmt: skip

    def described(self) -> dict[str, Any]:
        """Return what makes the design what it is; rows, replicates and measure may change in the same folder."""
        laws = [[f.name, f.low, f.high, f.law, f.default] for f in self.factors]
        return {"method": self.method, "factors": laws}

    def default_folder(self, results: Path | str = "results") -> Path:
        """Return ``results/<scenario>-<method>-<id>``; equal studies have equal ids."""
        identity = self.experiment.manifest()["identity"]
        return Path(results) / f"{self.scenario.name}-{self.method}-{content_hash(identity)[:8]}"

    @property
    def runs(self) -> int:
        """Number of model runs."""
        return self.design.rows * self.replicates * len(self.target.arms)

    def run(
        self,
        workers: int = 1,
        store: Path | str | None = None,
        progress: Progress | None = None,
        *,
        on_failed: OnFailed = "refuse",
        limits: Limits | None = None,
        runner: Runner | None = None,
        job: Any = None,
    ) -> SensitivityResult:
        """Do the runs that are not done yet and analyse all of them.

        Parameters
        ----------
        workers, store, progress, limits, runner, job
            See `scenarios.designed.DesignedExperiment.run`.
        on_failed
            ``refuse`` to estimate anything when a run is missing or has no value, or ``drop`` whole blocks.

        Raises
        ------
        InputError
            A mistake of input, or runs that are missing.
        Interrupted
            After Ctrl-C; everything finished is stored.
        """
        results = self.carry_out(workers, store, progress, limits=limits, runner=runner, job=job)
        return self.analyse(results, on_failed)

    def carry_out(
        self,
        workers: int = 1,
        store: Path | str | None = None,
        progress: Progress | None = None,
        *,
        limits: Limits | None = None,
        runner: Runner | None = None,
        job: Any = None,
    ) -> DesignResults:
        """Do the runs that are not done yet; see `run`."""
        opened = Store.create(store or self.default_folder(), self.experiment.manifest())
        Experiment(self.scenario, list(self.target.arms), 1, self.seed).write_text(opened)
        return self.experiment.run(workers, opened, progress, limits=limits, runner=runner, job=job)

    def analyse(self, results: DesignResults, on_failed: OnFailed = "refuse") -> SensitivityResult:
        """Estimate from runs that are done.

        Raises
        ------
        InputError
            Missing runs or values, by `on_failed`.
        """
        if on_failed not in ON_FAILED:
            raise InputError("unknown choice", field="--on-failed", found=on_failed, allowed=ON_FAILED)
        missing = results.missing
        if missing and on_failed == "refuse":
            raise _missing(missing, self.runs)
        values = results.values(self.target.measure)
        answers = values[:, :, 1] - values[:, :, 0] if self.target.is_effect else values[:, :, 0]
        finite = values[np.isfinite(values)]
        given = evaluations(
            self.design, answers, self.design.numbers, measure=self.target.measure, on_failed=on_failed,
            size=float(np.abs(finite).max()) if len(finite) else None,
        )  # fmt: skip
        return self.result(given, len(missing), results.store.folder)

    def result(self, given: Evaluations, missing: int = 0, folder: Path | str = "") -> SensitivityResult:
        """Return everything that follows from checked answers."""
        analysis: Analysis = sobol_indices(given) if self.method == "sobol" else morris_effects(given)
        order = [name for name in ranked(analysis) if name != DUMMY_NAME]
        assumed = {factor.name for factor in self.factors if factor.assumed}
        flipping: list[Flip] = []
        if self.target.is_effect and analysis.signal:
            flipping = flips(given, self.factors, [name for name in order if name in assumed][:FLIPS])
        return SensitivityResult(
            scenario=self.scenario, method=self.method, target=self.target, factors=self.factors, analysis=analysis,
            order=order, verdicts=verdicts(analysis), flips=flipping, missing=missing, runs=self.runs,
            rows=self.design.blocks, seed=self.seed or 0, folder=Path(folder),
            set_by=set_by_arms(self.scenario, self.target.arms),
        )  # fmt: skip


@dataclass(frozen=True)
class SensitivityResult:
    """What a study found.

    Attributes
    ----------
    scenario, method, target, factors
        What was asked.
    analysis
        Indices (Sobol) or effects (Morris), with noise share and convergence.
    order
        The factors, the most influential first.
    verdicts
        Factor -> what its numbers mean, as a key.
    flips
        For the three most influential assumed factors of an effect: where its sign changes.
    missing
        Runs that failed.
    runs, rows, seed, folder
        Model runs, base points or trajectories, root seed, where the results lie.
    set_by
        Parameter -> policies that set it themselves; the study's values lie over theirs.
    """

    scenario: Scenario
    method: str
    target: Target
    factors: tuple[Factor, ...]
    analysis: Analysis
    order: list[str]
    verdicts: dict[str, Verdict]
    flips: list[Flip]
    missing: int
    runs: int
    rows: int
    seed: int
    folder: Path
    set_by: Mapping[str, list[str]] = field(default_factory=dict)

    def factor(self, name: str) -> Factor:
        """Return a factor by its name."""
        return next(factor for factor in self.factors if factor.name == name)

    def data(self) -> dict[str, Any]:
        """Return everything as plain data, for JSON."""
        from sim.measures import MEASURES

        measure = MEASURES.get(self.target.measure)
        return {
            "scenario": self.scenario.name,
            "method": self.method,
            "measure": self.target.measure,
            "unit": measure.unit if measure else "",
            "state": measure.state if measure else "",
            "policies": list(self.target.arms),
            "rows": self.rows,
            "runs": self.runs,
            "missing_runs": self.missing,
            "seed": self.seed,
            "factors": [asdict(factor) for factor in self.factors],
            "analysis": asdict(self.analysis),
            "order": self.order,
            "verdicts": {name: asdict(verdict) for name, verdict in self.verdicts.items()},
            "flips": [
                {**asdict(flip), "values": flip.values.tolist(), "unit": self.factor(flip.name).unit}
                for flip in self.flips
            ],
        }


def _headline(scenario: Scenario) -> str:
    return scenario.experiment.measures[0] if scenario.experiment.measures else "true_resolution_days"


def _missing(missing: list[tuple[int, int, str]], runs: int) -> InputError:
    named = "; ".join(
        f"row {row}, replicate {replicate}, {policy} (replication {STRIDE * row + replicate})"
        for row, replicate, policy in missing[:NAMED_RUNS]
    )
    more = " ..." if len(missing) > NAMED_RUNS else ""
    return InputError(
        f"no index from incomplete rows: {len(missing)} of {runs} runs did not finish ({named}{more})",
        field="--on-failed", found="refuse",
        allowed="the same command again, which tries them again; or --on-failed drop, which leaves out their blocks",
    )  # fmt: skip
