"""The default district, prepared once, run again and again; and what a month of it takes.

Timed is what one more replication costs when city, travel table and arm are built: drawing its demand and running it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import Measured
from benchmarks.statistics import median_interval

SCENARIO, SEED = "ordinary-district", 7


@dataclass(frozen=True)
class Timed:
    """One replication: seconds to draw its demand, seconds to run it, and its counts."""

    draw_s: float
    seconds: float
    events: int
    cases: int
    incidents: int


class District:
    """A prepared arm of the default scenario.

    Parameters
    ----------
    days
        Horizon, without warm-up and cool-down.
    residents
        Of the synthetic city (default: the scenario's 100,000).
    """

    def __init__(self, days: float, residents: int | None = None) -> None:
        from scenarios.library import load
        from scenarios.places import city_of
        from sim.model import prepare

        changes: dict[str, Any] = {"horizon_days": days, "warm_up_days": 0, "cool_down_days": 0}
        if residents is not None:
            changes["city"] = {"synthetic": {"name": "Model district", "residents": residents, "seed": 1}}
        scenario = load(SCENARIO).with_changes(changes, "benchmark")
        self.days, self.city = days, city_of(scenario)
        self.arm = prepare(scenario.spec(), self.city).arm

    @classmethod
    def month(cls, quick: bool) -> District:
        """Return 30 days of 100,000 residents (quick: 2 days of 5,000)."""
        return cls(2.0, 5_000) if quick else cls(30.0)

    def run(self, replication: int, log_level: str = "cases") -> Timed:
        """Draw and run one replication."""
        from sim import kernel

        begun = time.perf_counter()
        world = self.arm.world(SEED, replication, log_level)
        drawn = time.perf_counter()
        kernel.begin(world)
        if kernel.run_until(self.arm, world, self.days * 1440.0) is not None:
            raise RuntimeError("a rule of the default scenario left a decision open")
        seconds = time.perf_counter() - drawn
        clock = world.clock[0]
        return Timed(drawn - begun, seconds, int(clock["events"]), int(clock["cases"]), int(clock["cursor"]))


def measure(quick: bool) -> Measured:
    """Return ``district_month_s``: median over replications of drawing and running a month."""
    district = District.month(quick)
    district.run(0)
    runs = [district.run(k) for k in range(1, 3 if quick else 21)]
    value, low, high = median_interval([r.draw_s + r.seconds for r in runs])
    return {
        "district_month_s": value, "district_month_s_low": low, "district_month_s_high": high,
        "district_month_events": sum(r.events for r in runs) / len(runs),
        "district_month_incidents": sum(r.incidents for r in runs) / len(runs),
    }  # fmt: skip
