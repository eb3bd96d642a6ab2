"""`Model`: a run as a Mesa model, the only module that touches Mesa.

It holds the same tables as a batch run and moves them with the same kernel; `step` is one reporting
interval, `run` any number of days. Agents are light views over rows, made when asked for: a million Mesa
objects would cost seconds and half a gigabyte, and Mesa's own AgentSet forgets passing views.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mesa
import pandas as pd

from sim import kernel
from sim.agents.views import AgentViews, Department, GridMember, Mediator, Resident, StaffMember, Unit, views_of
from sim.city.city import City
from sim.kernel import Decision
from sim.model import Result, prepare
from sim.spec import LogLevel, ModelSpec

__all__ = ["Department", "GridMember", "Mediator", "Model", "Resident", "StaffMember", "Unit"]


class Model(mesa.Model):
    """One run of a scenario.

    Parameters
    ----------
    spec
        One arm.
    city
        Where it plays.
    seed, replication
        Name all random draws of the run, together.
    step_min
        Length of one `step`, minutes.
    log_level
        ``counts``, ``cases`` or ``everything``; never changes the trajectory.

    Attributes
    ----------
    arm, world
        The tables; `world.cases` and the like are NumPy record arrays.
    """

    def __init__(
        self,
        spec: ModelSpec,
        city: City,
        seed: int = 0,
        replication: int = 0,
        step_min: float = 1440.0,
        log_level: LogLevel = "everything",
    ) -> None:
        super().__init__(rng=seed)
        self.arm = prepare(spec, city).arm
        self.seed, self.replication, self.step_min = seed, replication, step_min
        self.world = self.arm.world(seed, replication, log_level)
        self.datacollector: mesa.DataCollector | None = None
        self.decide: Callable[[Any, Decision], Any] | None = None
        kernel.begin(self.world)

    @property
    def now_min(self) -> float:
        """Minutes since the start."""
        return kernel.now_min(self.world)

    @property
    def horizon_min(self) -> float:
        """End of the scenario."""
        return self.arm.spec.horizon_days * 1440.0

    def run_until(self, until_min: float) -> Decision | None:
        """Run to a time or to the first open decision, which `answer` answers."""
        return kernel.run_until(self.arm, self.world, min(until_min, self.horizon_min))

    def answer(self, given: Any) -> None:
        """Answer the open decision with an ``Answer`` of `sim.policies`."""
        kernel.answer(self.world, given)

    def step(self) -> None:
        """Advance one reporting interval and collect data when a collector is set."""
        self._advance(self.now_min + self.step_min)
        if self.datacollector is not None:
            self.datacollector.collect(self)
        self.running = self.now_min < self.horizon_min

    def run(self, days: float | None = None) -> Result:
        """Run a number of days on (all that remain by default) and return what there is to see.

        May be called again; pausing never changes the trajectory.
        """
        until = self.horizon_min if days is None else min(self.now_min + days * 1440.0, self.horizon_min)
        while self.now_min + self.step_min < until and self.datacollector is not None:
            self.step()
        self._advance(until)
        if self.datacollector is not None:
            self.datacollector.collect(self)
        return self.result()

    def _advance(self, until_min: float) -> None:
        until = min(until_min, self.horizon_min)
        while (decision := self.run_until(until)) is not None:
            if self.decide is None:
                raise RuntimeError(
                    f"a rule behind '{decision.hook}' asks at {decision.now_min:.1f} min: set model.decide"
                )
            self.answer(self.decide(self.world.view(), decision))

    def result(self) -> Result:
        """Return the state so far, with staff time counted up to now, as a result."""
        return Result(self.arm, kernel.settled(self.world))

    def cases(self) -> pd.DataFrame:
        """One row per case, true and reported columns."""
        return Result(self.arm, self.world).cases().to_pandas()

    def measures(self) -> dict[str, float]:
        """Every indicator of the run so far."""
        return self.result().measures

    @property
    def agents(self) -> AgentViews:  # type: ignore[override]
        """All staff and departments, as views."""
        return views_of(self, None)

    @property
    def agents_by_type(self) -> dict[type, AgentViews]:  # type: ignore[override]
        """Views by class; residents too, on demand."""
        kinds = (GridMember, Mediator, Unit, StaffMember, Department, Resident)
        return {kind: views_of(self, kind) for kind in kinds}

    @property
    def open_cases(self) -> int:
        """Cases open now (reported state), for data collectors."""
        cases = self.world.cases[: int(self.world.clock["cases"][0])]
        return int((cases["state"] < 2).sum())
