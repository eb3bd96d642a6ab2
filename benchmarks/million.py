"""A million residents for a year on one core, and how time grows with cases.

City and travel table are built (and kept on disk) by one process; another one loads them, warms the kernels with a
short run of the same city, and then times drawing the demand and running the year. Its peak memory is its own.
"""

from __future__ import annotations

import math

from benchmarks.child import in_child
from benchmarks.district import District
from benchmarks.figures import Measured
from benchmarks.machine import peak_rss_gb
from benchmarks.statistics import exponent

SIZES = (100_000, 300_000, 1_000_000)
QUARTER_DAYS = 91.0


def build(residents: int) -> Measured:
    """Build a city and its travel table so that they lie in the cache."""
    return {"places": int(District(1.0, residents).city.travel.shape[1])}


def year(residents: int, days: float, log_level: str) -> Measured:
    """Return seconds, memory and counts of one replication of a city already built."""
    District(1.0, residents).run(0, log_level)
    district = District(days, residents)
    before = peak_rss_gb()
    run = district.run(1, log_level)
    return {
        "s": run.draw_s + run.seconds, "draw_s": run.draw_s, "gb": peak_rss_gb(), "before_gb": before,
        "incidents": run.incidents, "cases": run.cases, "events": run.events,
    }  # fmt: skip


def growth(residents: int, days: float, repeats: int) -> Measured:
    """Return seconds and cases of several replications of one size."""
    district = District(days, residents)
    district.run(0)
    runs = [district.run(k) for k in range(1, repeats + 1)]
    return {"s": [r.draw_s + r.seconds for r in runs], "cases": [r.cases for r in runs]}


def measure(quick: bool) -> Measured:
    """Return ``million_year_*``: seconds, GB, incidents, events; logging as experiments do (level "cases")."""
    residents, days = (20_000, 10.0) if quick else (1_000_000, 365.0)
    in_child("million", "build", residents)
    found = in_child("million", "year", residents, days, "cases")
    return {f"million_year_{name}": value for name, value in found.items()}


def measure_growth(quick: bool) -> Measured:
    """Return ``growth_exponent`` of time / log n in n cases, and the plain exponent of time, from three sizes."""
    sizes, days, repeats = ((2_000, 4_000, 8_000), 5.0, 2) if quick else (SIZES, QUARTER_DAYS, 3)
    cases: list[float] = []
    seconds: list[float] = []
    points = []
    for residents in sizes:
        in_child("million", "build", residents)
        found = in_child("million", "growth", residents, days, repeats)
        assert isinstance(found["s"], list) and isinstance(found["cases"], list)
        cases += found["cases"]
        seconds += found["s"]
        points.append({"residents": residents, "days": days, **found})
    per_log = [s / math.log(n) for s, n in zip(seconds, cases, strict=True)]
    value, low, high = exponent(cases, per_log)
    plain, plain_low, plain_high = exponent(cases, seconds)
    return {
        "growth_exponent": value, "growth_exponent_low": low, "growth_exponent_high": high,
        "growth_exponent_plain": plain, "growth_exponent_plain_low": plain_low,
        "growth_exponent_plain_high": plain_high, "growth_points": points,
    }  # fmt: skip
