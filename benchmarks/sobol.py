"""How long a Sobol study takes: 256 base points, 8 parameters, 2 replicates, on 20,000 residents and 14 days.

Measured once for one policy's measure and once for the difference between two, which needs twice the runs; each with
the dummy's rows, which come on top of the 8 + 2 of the method, from an empty folder to the report. With fewer base
points than 256 the time of the runs, not that of starting, is scaled up and the title says so.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import Measured

ROWS, PARAMETERS, REPLICATES, WORKERS = 256, 8, 2, 2
RESIDENTS, DAYS = 20_000, 14
MEASURE = "true_resolution_days"


def scenario_of(residents: int, days: int) -> Any:
    """Return whistle against referral on a town, with two days of warm-up and four of cool-down."""
    from scenarios.library import load

    changes = {
        "city": {"synthetic": {"residents": residents, "seed": 1}},
        "horizon_days": days, "warm_up_days": 2, "cool_down_days": 4,
    }  # fmt: skip
    return load("whistle-vs-referral").with_changes(changes, "benchmark")


def study(policies: tuple[str, ...], rows: int, quick: bool, key: str) -> Measured:
    """Return the seconds of a whole study under ``key``, and what it consists of."""
    from calibration.sensitivity.study import SensitivityStudy
    from dashboards.report.sensitivity import write_sensitivity_report
    from scenarios.places import city_of

    scenario = scenario_of(2_000, 7) if quick else scenario_of(RESIDENTS, DAYS)
    asked = SensitivityStudy(scenario, "sobol", policies, MEASURE, rows=rows, replicates=REPLICATES)
    if len(asked.factors) != PARAMETERS:
        raise RuntimeError(f"the scenario names {len(asked.factors)} parameters, the figure is for {PARAMETERS}")
    _ = city_of(scenario).travel  # built and routed once for all studies of a scenario, and kept on disk
    with tempfile.TemporaryDirectory() as folder:
        first: list[float] = []

        def heard(done: int, planned: int, record: Any) -> None:
            if record is not None and not first:
                first.append(time.perf_counter())

        begun = time.perf_counter()
        results = asked.carry_out(WORKERS, Path(folder) / "results", heard)
        ran = time.perf_counter()
        found = asked.analyse(results, "drop")
        write_sensitivity_report(found, Path(folder) / "report.html")
        ended = time.perf_counter()
    start_s = first[0] - begun  # processes, engine and city: once for a study of any size
    return {
        key: start_s + (ran - first[0]) * ROWS / rows + ended - ran, f"{key}_start_s": start_s,
        f"{key}_runs": asked.runs * ROWS // rows, f"{key}_analysis_s": ended - ran,
        f"{key}_ms_per_run": 1000 * (ran - first[0]) / asked.runs, f"{key}_measured_rows": rows,
        f"{key}_noise_share": found.analysis.noise_share.value,
    }  # fmt: skip


def measure(rows: int = ROWS, quick: bool = False) -> Measured:
    """Return ``sobol_level_s`` (one policy) and ``sobol_effect_s`` (the difference between two)."""
    rows = 8 if quick else rows
    return {
        **study(("whistle",), rows, quick, "sobol_level_s"),
        **study(("referral", "whistle"), rows, quick, "sobol_effect_s"),
    }
