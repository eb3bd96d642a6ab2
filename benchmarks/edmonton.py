"""Edmonton end to end: reading the published road network, tabulating its travel, 30 days of two rules, 30 times each.

Everything a user waits for is timed, from an empty cache of cities and travel tables (compiled kernels are kept); the
memory is that of all processes together, shared pages counted once where the system can say so.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.child import in_child
from benchmarks.figures import Measured

SCENARIO = "edmonton-ems"
COVER_MIN = (8 - 40 / 60, 5.238, 0.832)
"""Threshold (min), published mean time (min) and share covered within it, if every ambulance is at its station."""


class Memory(threading.Thread):
    """Watches the memory of this process and all that it starts, until stopped.

    Attributes
    ----------
    peak_gb
        Greatest sum seen, GB.
    """

    def __init__(self, every_s: float = 0.25) -> None:
        super().__init__(daemon=True)
        self.every_s, self.peak_gb, self._end = every_s, 0.0, threading.Event()

    def run(self) -> None:
        """Watch."""
        while not self._end.wait(self.every_s):
            self.peak_gb = max(self.peak_gb, family_gb(os.getpid()))

    def stop(self) -> float:
        """Stop watching and return the peak, GB."""
        self._end.set()
        self.join()
        return max(self.peak_gb, family_gb(os.getpid()))


def family_gb(root: int) -> float:
    """Return the memory of a process and all its descendants, GB: proportional shares (Linux)."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    mine, waiting = 0.0, [root]
    while waiting:
        pid = waiting.pop()
        mine += _pss_kb(pid)
        waiting += children.get(pid, [])
    return mine * 1024 / 1e9


def _pss_kb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(float(line.split()[1]) for line in lines if line.startswith("Pss:"))


def static() -> Measured:
    """Return the static figures of the city as read, and how far they are off the published ones."""
    from scenarios.library import load
    from scenarios.places import city_of
    from sim.city.coverage import static_coverage

    threshold, mean_min, share = COVER_MIN
    found = static_coverage(city_of(load(SCENARIO)), "ambulance", threshold)
    return {
        "edmonton_static_mean_min": found.mean_min, "edmonton_static_share": found.share,
        "edmonton_static_mean_error_min": abs(found.mean_min - mean_min),
        "edmonton_static_share_error": abs(found.share - share),
    }  # fmt: skip


def whole(replications: int, workers: int, days: float | None) -> Measured:
    """Read, tabulate and compare in this process and its workers; return seconds, memory and what came out."""
    from scenarios.experiment import Experiment
    from scenarios.library import load
    from scenarios.places import city_of

    watch = Memory()
    if sys.platform == "linux":
        watch.start()
    begun = time.perf_counter()
    scenario = load(SCENARIO)
    if days is not None:
        scenario = scenario.with_changes({"horizon_days": days, "warm_up_days": 0, "cool_down_days": 0}, "benchmark")
    city_of(scenario).travel.shape  # noqa: B018  computed once here and kept on disk, not once in each process
    routed = time.perf_counter() - begun
    with tempfile.TemporaryDirectory() as folder:
        study = Experiment(scenario, replications=replications).run(workers, Path(folder) / "results", keep_cases=0)
        seconds = time.perf_counter() - begun
        runs = study.runs()
        table = study.comparison_table()
    out: Measured = {
        "edmonton_s": seconds, "edmonton_read_and_route_s": routed, "edmonton_runs": len(runs),
        "edmonton_calls_per_day": float(runs["incidents"].mean()) / _window_days(study.scenario),
        "edmonton_comparison": table.to_dict("records"),
    }  # fmt: skip
    if sys.platform == "linux":
        out["edmonton_gb"] = watch.stop()
    return out


def _window_days(scenario) -> float:
    spec = scenario.spec()
    return spec.horizon_days - spec.warm_up_days - spec.cool_down_days


def measure(replications: int, workers: int, days: float | None = None) -> Measured:
    """Return ``edmonton_*``: seconds, GB, static figures, the comparison.

    Parameters
    ----------
    replications, workers
        Of each arm; processes.
    days
        Horizon instead of the scenario's 30 days.

    Raises
    ------
    InputError
        When the data are not there.
    """
    from scenarios.library import load
    from sim.city.shared import located

    scenario = load(SCENARIO)
    located(scenario.folder, scenario.city["read"]["folder"])
    with tempfile.TemporaryDirectory() as folder:
        empty = {"GRIDWHISTLE_CACHE": folder}
        found = in_child("edmonton", "whole", replications, workers, days, environment=empty)
        return {**found, **in_child("edmonton", "static", environment=empty)}
