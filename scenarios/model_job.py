"""What a process does for one run of the model: build its city and arms once, run, measure.

The two jobs are what pools send to their processes, so this file imports little: no tables of results, no
statistics. Which runs there are to do is `scenarios.experiment` and `scenarios.designed`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scenarios.form_errors import placed
from scenarios.places import city_of
from scenarios.runs import Outcome, Run
from scenarios.schema import Scenario
from sim.errors import InputError
from sim.spec import LogLevel

if TYPE_CHECKING:
    from sim.arm_changes import VariableArm
    from sim.model import Prepared

KEPT_TABLES = ("cases", "incidents", "tasks", "staff", "hours", "looks")
LEVEL: LogLevel = "counts"  # neither the measures nor the kept tables are made from the log
KEPT_SETTINGS = 8
DUMMY = "dummy"
MODULES = ("scenarios.model_job", "sim.kernel", "sim.measures.indicators")


class ModelJob:
    """Runs one arm and replication of a scenario; tables of an arm are prepared once per process."""

    modules = MODULES

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._prepared: dict[str, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"scenario": self.scenario, "_prepared": {}}

    def prepare(self, policy: str) -> Any:
        """Return the prepared tables of an arm."""
        from sim import model

        if policy not in self._prepared:
            city = city_of(self.scenario)
            try:
                self._prepared[policy] = model.prepare(self.scenario.spec(policy), city, city.seed)
            except InputError as error:  # what only the built city shows: places, distances
                raise placed(error, self.scenario.tree(policy)) from None
        return self._prepared[policy]

    def ready(self) -> None:
        """Build or read what all runs share; called once in each process of a pool before its first run."""
        import sim.kernel  # noqa: F401  loads the compiled engine

        _ = self.prepare(self.scenario.arms[0])

    def __call__(self, run: Run, keep: bool) -> Outcome:
        result = self.prepare(run.policy).run(seed=run.seed, replication=run.replication, log_level=LEVEL, hours=keep)
        tables = {name: getattr(result, name)() for name in KEPT_TABLES} if keep else {}
        if keep and not tables["looks"].num_rows:
            del tables["looks"]  # a policy without sweeps has nothing to tell
        return Outcome(dict(result.measures), tables)


class DesignJob:
    """Does one run of a designed campaign: its policy under its parameters.

    City and arms are built once per process; a setting's tables are made from the arm's and the last few are
    kept, so that the replicates of a row share them.

    Parameters
    ----------
    scenario
        A checked scenario.
    measures
        Measures to store (default: all).
    idle
        Parameters that the model must not see, such as a dummy that shows what chance alone brings about.
    """

    modules = MODULES

    def __init__(self, scenario: Scenario, measures: Sequence[str] = (), idle: Sequence[str] = (DUMMY,)) -> None:
        self.scenario, self.measures, self.idle = scenario, tuple(measures), frozenset(idle)
        self._arms: dict[str, VariableArm] = {}
        self._settings: OrderedDict[tuple, Prepared] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_arms": {}, "_settings": OrderedDict()}

    def ready(self) -> None:
        """Build or read what all runs share; called once in each process before its first run."""
        import sim.kernel  # noqa: F401  loads the compiled engine

        _ = self.prepare(self.scenario.arms[0], {})

    def prepare(self, policy: str, parameters: Mapping[str, float]) -> Prepared:
        """Return the prepared tables of a policy under register values."""
        from sim.arm_changes import VariableArm

        seen = tuple(sorted((name, value) for name, value in parameters.items() if name not in self.idle))
        key = (policy, seen)
        if key in self._settings:
            self._settings.move_to_end(key)
            return self._settings[key]
        if policy not in self._arms:
            self._arms[policy] = VariableArm(self.scenario.spec(policy), city_of(self.scenario))
        made = self._arms[policy].with_parameters(dict(seen))
        self._settings[key] = made
        if len(self._settings) > KEPT_SETTINGS:
            self._settings.popitem(last=False)
        return made

    def __call__(self, run: Run, keep: bool) -> Outcome:
        result = self.prepare(run.policy, dict(run.parameters)).run(run.seed, run.replication, log_level=LEVEL)
        found = result.measures
        return Outcome({name: found[name] for name in self.measures} if self.measures else dict(found))
