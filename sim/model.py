"""The face of the model: prepared arms for batches, and `Model`, a Mesa model over the same tables.

`prepare(...).run(...)` is what experiments use: bare engine state, no Mesa. `Model` is for looking inside,
stepping, collecting data and drills; its agents are views over rows (`sim.agents.views`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sim.city.city import City
from sim.spec import LogLevel, ModelSpec

if TYPE_CHECKING:
    import pyarrow as pa

    from sim.assemble import Arm
    from sim.engine.tables import World


@dataclass(frozen=True)
class Result:
    """A finished run: its measures, and its tables on demand."""

    arm: Arm
    world: World

    @cached_property
    def measures(self) -> dict[str, float]:
        """Every indicator by name (`sim.measures.MEASURES`), and a bare model's lines (`sim.measures.lines`)."""
        from sim.measures.indicators import indicators
        from sim.measures.lines import line_measures

        return {**indicators(self.arm, self.world), **line_measures(self.arm, self.world)}

    def cases(self) -> pa.Table:
        """One row per case, reported and true columns."""
        return self._table("cases")

    def incidents(self) -> pa.Table:
        """One row per incident, true state."""
        return self._table("incidents")

    def tasks(self) -> pa.Table:
        """One row per task."""
        return self._table("tasks")

    def staff(self) -> pa.Table:
        """One row per member of staff."""
        return self._table("staff")

    def hours(self) -> pa.Table:
        """One row per group of a post and hour of the day; empty unless the run kept it."""
        return self._table("hours")

    def looks(self) -> pa.Table:
        """One row per sweep: how often it could have found something, and how often somebody was free then."""
        return self._table("looks")

    def log(self) -> pa.Table:
        """The event log."""
        return self._table("log")

    def lines(self) -> pa.Table:
        """One row per waiting line (post, and type at a post); see `sim.measures.lines`."""
        from sim.measures.lines import line_table

        return line_table(self.arm, self.world)

    def _table(self, name: str) -> pa.Table:
        from sim import tables_out

        return getattr(tables_out, f"{name}_table")(self.arm, self.world)


class Prepared:
    """One arm whose tables are built; runs any replication of it."""

    def __init__(self, spec: ModelSpec, city: City) -> None:
        from sim.assemble import assemble

        self.arm = assemble(spec, city)

    def run(self, seed: int, replication: int, log_level: LogLevel = "cases", hours: bool = False) -> Result:
        """Run one replication to the horizon; ``hours`` keeps what staff did by hour of the day."""
        from sim import kernel

        world = self.arm.world(seed, replication, log_level, hours)
        kernel.begin(world)
        until = self.arm.spec.horizon_days * 1440.0
        decision = kernel.run_until(self.arm, world, until)
        if decision is not None:
            raise RuntimeError(
                f"a rule behind '{decision.hook}' asks, and nobody is there to answer; use Model.run(decide=...)"
            )
        return Result(self.arm, kernel.settled(world))


def prepare(spec: ModelSpec, city: City, city_seed: int | None = None) -> Prepared:
    """Check a spec against its city and build its tables once.

    Parameters
    ----------
    spec
        One arm.
    city
        Where it plays; its own seed names the differences between people, so ``city_seed`` must agree with it.

    Raises
    ------
    InputError
        When spec and city do not fit.
    """
    if city_seed is not None and city_seed != city.seed:
        raise ValueError(f"city_seed {city_seed} is not the seed of this city ({city.seed})")
    return Prepared(spec, city)


def __getattr__(name: str) -> Any:
    """`Model` needs Mesa, which takes a second to import; batches do not."""
    if name == "Model":
        from sim.mesa_model import Model

        return Model
    raise AttributeError(f"module 'sim.model' has no attribute {name!r}")


Decide = Callable[[Any, Any], Any]
