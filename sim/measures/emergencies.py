"""Emergencies: how soon somebody is there, and how often nobody is.

An emergency is an incident of a type that the catalogue marks so (``emergency: true``). The mean of the response
hides its own tail: twenty of three thousand that wait for hours lift it above its 90th percentile. Therefore the
tail is given as counts, which rare harms can be judged by. Loss and response by kind stand in `sim.measures.kinds`.
"""

from __future__ import annotations

import numpy as np

from sim.assemble import Arm
from sim.engine.codes import NEVER
from sim.engine.tables import World
from sim.measures.cohort import NAN, Cohort, lasting_min, share, times
from sim.measures.survival import restricted_mean


def emergency_measures(arm: Arm, world: World, c: Cohort) -> dict[str, float]:
    """Return response, coverage and the tail of the cohort's told emergencies.

    Counts are numbers of incidents of the cohort, whole and at least 0. Nobody there yet at the last look counts
    as late once the limit has passed; `emergency_unattended_count` says how many nobody ever reached.
    """
    e = c.incidents
    e = e[(world.types["emergency"][e["type"]] == 1) & (e["first_reported_min"] < NEVER)]
    waited, there = times(e["first_reported_min"], e["attended_min"], c.end_min)
    limits = {name: arm.parameters[f"measure.{name}"] for name in _LIMITS}
    covered = limits["coverage_threshold_min"]
    return {
        "emergency_response_min": restricted_mean(waited, there, limits["restricted_mean_days"] * 1440.0),
        "emergency_response_p90_min": float(np.quantile(waited, 0.9)) if len(waited) else NAN,
        "coverage_share": share(there & (waited <= covered)),
        "emergency_told_count": float(len(e)),
        "emergency_late_count": float((waited > covered).sum()),
        "emergency_hour_count": float((waited > limits["emergency_late_min"]).sum()),
        "emergency_unattended_count": float((~there).sum()),
        "emergency_long_count": float((lasting_min(e, c.end_min) > limits["emergency_long_h"] * 60.0).sum()),
    }


_LIMITS = ("restricted_mean_days", "coverage_threshold_min", "emergency_late_min", "emergency_long_h")
