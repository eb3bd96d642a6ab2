"""An experiment: arms times replications of one scenario, run with common random numbers.

All draws depend on seed and replication only, so arms of one replication see the same incidents and tempers
and differ by what the policy did. This file turns a scenario into a plan and a job; doing the plan is
`scenarios.campaign`, asking the results is `scenarios.study`.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from scenarios.campaign import Progress, Summary, execute, interleaved
from scenarios.dry import dry_check
from scenarios.library import rooted
from scenarios.limits import Limits
from scenarios.merge import content_hash
from scenarios.model_job import ModelJob
from scenarios.precision import first_stage, reached, replications_wanted
from scenarios.runners import FirstHere, InProcess, Runner, runner_for
from scenarios.runs import Run
from scenarios.schema import Precision, Scenario
from scenarios.store import Store
from scenarios.study import Study
from scenarios.told import told
from scenarios.worker import Job
from sim.city.shared import located
from sim.errors import InputError

KEEP = 5
RESULTS = Path("results")
_VERSIONED = ("numpy", "scipy", "numba", "mesa", "pyarrow", "pandas", "pydantic", "duckdb")


@dataclass
class Experiment:
    """Arms times replications.

    Parameters
    ----------
    scenario
        A checked scenario.
    policies
        Names of the arms, the baseline first (default: the scenario's).
    replications
        How many replications each arm gets (default: the scenario's).
    seed
        Root seed (default: the scenario's).
    until
        Stop by precision instead: at least `replications` are done first (and at least a first stage that can judge
        the spread, see `scenarios.precision`), then more until the paired differences of all arms from the baseline
        are narrow enough, at most `max_reps`. Looked at only when a stage is complete, so that the number of workers
        changes nothing. `summary.precision` tells whether the target was reached.
    """

    scenario: Scenario
    policies: Sequence[str] | None = None
    replications: int | None = None
    seed: int | None = None
    until: Precision | None = None
    summary: Summary = field(default_factory=lambda: Summary(0, 0), init=False)
    _hashes: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    _city_hash: str = field(default="", init=False, repr=False)
    _warnings: list[InputError] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.policies = list(self.policies or self.scenario.arms)
        self.replications = self.scenario.experiment.replications if self.replications is None else self.replications
        self.seed = self.scenario.seed if self.seed is None else self.seed
        if self.until is None:
            self.until = self.scenario.experiment.precision
        if len(set(self.policies)) != len(self.policies):
            found = ", ".join(self.policies)
            raise InputError("an arm stands twice", field="--policy", found=found, allowed="each policy once")
        if self.replications < 1:
            raise InputError("impossible number", field="replications", found=self.replications, allowed="at least 1")
        if not 0 <= self.seed < 2**63:
            raise InputError("impossible number", field="seed", found=self.seed, allowed="0 to 2**63 - 1")

    @property
    def arms(self) -> list[str]:
        """The arms, the baseline first."""
        return list(self.policies or [])

    def check(self) -> None:
        """Check the scenario as a whole (`scenarios.dry.dry_check`), without building anything.

        Raises
        ------
        InputError
            For the first mistake, with file, line and field.
        """
        self._warnings = dry_check(self.scenario, self.arms, self.until.metric if self.until is not None else None)

    @property
    def warnings(self) -> list[InputError]:
        """What is told of the scenario and no mistake: values that change nothing, arms alike."""
        if self._warnings is None:
            self._warnings = told(self.scenario, self.arms)
        return self._warnings

    def identity(self) -> dict[str, Any]:
        """Return what must be equal for two experiments to share a folder."""
        return {
            "scenario_hash": self.scenario.hash,
            "arms": {arm: self.arm_hash(arm) for arm in self.arms},
            "seed": self.seed,
            "code": code_version(),
        }

    def arm_hash(self, arm: str) -> str:
        """Return the hash of an arm, of the files its city is read from and of rules written by the user."""
        if arm not in self._hashes:
            if not self._city_hash:
                self._city_hash = content_hash(with_file_hashes(self.scenario.city, self.scenario.folder))
            rules = _rule_sources(self.scenario.spec(arm))
            self._hashes[arm] = content_hash([self.scenario.tree(arm).data, self._city_hash, rules])
        return self._hashes[arm]

    def default_folder(self, results: Path | str = RESULTS) -> Path:
        """Return ``results/<scenario>-<id>``; equal experiments have equal ids."""
        return Path(results) / f"{self.scenario.name}-{content_hash(self.identity())[:8]}"

    def run(
        self,
        workers: int = 1,
        store: Store | Path | str | None = None,
        progress: Progress | None = None,
        keep_cases: int = KEEP,
        job: Job | None = None,
        runner: Runner | None = None,
        limits: Limits | None = None,
    ) -> Study:
        """Do what is not done yet and return the study.

        Parameters
        ----------
        workers
            Processes; 1 runs in this one.
        store
            Results folder (default: `default_folder`).
        progress
            See `scenarios.campaign.Progress`.
        keep_cases
            Replications, from the first, of which case tables are kept.
        job, runner
            Another way to do a run (default: the model), another runner (default: by `workers`).
        limits
            Wall time and memory allowed to one run; given, even one worker is a process of its own, so that it can
            be ended (default: none with one worker, else those derived by `scenarios.limits.Limits`).

        Raises
        ------
        InputError
            A mistake in the scenario, or a folder that holds something else.
        Interrupted
            After Ctrl-C; everything finished is stored.
        """
        made_here = not isinstance(store, Store) and not Path(store or self.default_folder()).exists()
        opened = store if isinstance(store, Store) else Store.create(store or self.default_folder(), self.manifest())
        try:
            self.write_text(opened)
            return self._run(
                opened, job or ModelJob(self.scenario), runner or runner_for(workers, limits), progress, keep_cases
            )
        except InputError:
            if made_here and not opened.parts() and opened.held_by() is None:
                # a mistake leaves nothing half-written behind
                shutil.rmtree(opened.folder, ignore_errors=True)
            raise

    def _run(self, store: Store, job: Job, runner: Runner, progress: Progress | None, keep: int) -> Study:
        study = Study(store, self.scenario)
        replications = self._first_stage(study)
        if isinstance(job, ModelJob) and not isinstance(runner, InProcess) and not is_compiled():
            runner = FirstHere(runner)  # compile once, not in each process
        self.summary = execute(self._plan(replications), job, store, runner, keep=keep, progress=progress)
        while self.until is not None and (more := self._more(study, replications)) > replications:
            replications, before = more, self.summary
            self.summary = execute(self._plan(replications), job, store, runner, keep=keep, progress=progress)
            self.summary.before, self.summary.ok = before.before, self.summary.ok + before.ok
            self.summary.seconds += before.seconds
        if self.until is not None and len(self.arms) > 1 and store.parts():
            self.summary.precision = reached(study.compare(self.until.metric, self.arms[0]), self.until, replications)
        return study

    def manifest(self) -> dict[str, Any]:
        """Return what is written beside the results once and for all."""
        return {
            "identity": self.identity(),
            "scenario": self.scenario.name,
            "scenario_hash": self.scenario.hash,
            "scenario_text": self.scenario.content,
            "folder": str(self.scenario.folder.resolve()),
            "policies": self.arms,
            "policy_ids": {arm: self.scenario.policy_id(arm) for arm in self.arms},
            "seed": self.seed,
            "code_version": code_version(),
            "dependencies": dependency_versions(),
            "warnings": [one.sentence() for one in self.warnings],
        }

    def _plan(self, replications: int) -> list[Run]:
        made = [self._arm(arm) for arm in self.arms]
        return list(interleaved(made, range(replications)))

    def _arm(self, arm: str) -> Callable[[int], Run]:
        arm_hash, policy_id = content_hash([self.arm_hash(arm), code_version()]), self.scenario.policy_id(arm)

        def run(replication: int) -> Run:
            return Run.of(
                scenario=self.scenario.name,
                policy=arm,
                policy_id=policy_id,
                arm_hash=arm_hash,
                replication=replication,
                seed=self.seed or 0,
            )

        return run

    def _more(self, study: Study, replications: int) -> int:
        """Return how many replications to go on to; the given number when it is enough."""
        until = self.until
        if until is None or replications >= until.max_reps:
            return replications
        wanted = replications_wanted(study.compare(until.metric, self.arms[0]), until, replications)
        return min(until.max_reps, max(wanted, replications), 2 * replications)

    def _first_stage(self, study: Study) -> int:
        """Return the replications done first: with a precision never fewer than a stage that can judge the spread."""
        asked = self.replications or 1
        return asked if self.until is None else first_stage(asked, self.until, study.proof(self.until.metric))

    def write_text(self, store: Store) -> None:
        """Write the scenario beside its results as ``scenario.yaml``, parents laid in and city paths absolute."""
        import yaml

        file = store.folder / "scenario.yaml"
        if not file.exists():
            content = {**self.scenario.content, "city": rooted(self.scenario.city, self.scenario.folder)}
            text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=110)
            store.write_file(file, text.encode())


def is_compiled() -> bool:
    """Tell whether the engine's kernels lie in the cache, so that starting is quick."""
    from sim.engine import jit

    return jit.is_compiled()


@cache
def code_version() -> str:
    """Return version and a hash of the model's sources, so that results of changed code are never taken up."""
    import sim

    root = Path(sim.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*")):
        if file.suffix in (".py", ".yaml") and "__pycache__" not in file.parts:
            digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    try:
        version = importlib.metadata.version("gridwhistle")
    except importlib.metadata.PackageNotFoundError:
        version = "0"
    return f"{version}+{digest.hexdigest()[:12]}"


@cache
def dependency_versions() -> dict[str, str]:
    """Return the versions of the packages that results may depend on."""
    return {name: importlib.metadata.version(name) for name in _VERSIONED}


def with_file_hashes(value: Any, folder: Path) -> Any:
    """Return a city section with every file and folder it names replaced by the hash of what is in it.

    So equal cities are known again under another path, and a changed file is a changed city.
    """
    if isinstance(value, dict):
        return {key: with_file_hashes(inner, folder) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_file_hashes(inner, folder) for inner in value]
    path = located(folder, value) if isinstance(value, str) and value else None
    if path is None or not path.exists():
        return value
    found = {}
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as stream:
                found[str(file.relative_to(path))] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def _rule_sources(spec: Any) -> dict[str, str]:
    """Return the hash of the source of each rule that a user wrote (`module:function`)."""
    found = {}
    for name in spec.rules.model_dump().values():
        module = name.partition(":")[0] if ":" in name else ""
        known = importlib.util.find_spec(module) if module else None
        if known is not None and known.origin and Path(known.origin).is_file():
            found[name] = hashlib.sha256(Path(known.origin).read_bytes()).hexdigest()
    return found
