"""Whom measures follow: the incidents of the cohort and their cases, and the few sums taken over them.

It selects and averages; what is measured, and why, stands in `sim.measures` and is computed by its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.assemble import Arm
from sim.engine.codes import F_LAPSED, F_LOST, NEVER, O_ABANDONED, O_MERGED, TK_ENQUIRY
from sim.engine.tables import World

NAN = float("nan")
GIVEN_UP = (F_LAPSED, F_LOST)  # fates that end the waiting, not the trouble


@dataclass(frozen=True)
class Cohort:
    """Rows that measures follow.

    Attributes
    ----------
    incidents, cases
        Structured rows of the cohort's incidents and of their cases.
    trouble
        bool over ``incidents``: not an enquiry.
    real
        bool over ``cases``: a case of trouble that was neither given up at the phone nor a duplicate.
    end_min, days
        Last look; length of the window in days.
    """

    incidents: NDArray[np.void]
    cases: NDArray[np.void]
    trouble: NDArray[np.bool_]
    real: NDArray[np.bool_]
    end_min: float
    days: float


def cohort_of(arm: Arm, world: World) -> Cohort:
    """Return the incidents between warm-up and cool-down, and their cases."""
    spec = arm.spec
    first, last = spec.warm_up_days * 1440.0, (spec.horizon_days - spec.cool_down_days) * 1440.0
    now = float(world.clock["now"][0])
    incidents = world.incidents[: int(world.clock["cursor"][0])]
    inside = (incidents["occurred_min"] >= first) & (incidents["occurred_min"] < last)
    cases = world.cases[: int(world.clock["cases"][0])]
    mine = inside[cases["incident"]]
    kinds = world.types["kind"]
    chosen, selected = incidents[inside], cases[mine]
    trouble = kinds[chosen["type"]] != TK_ENQUIRY
    real = (kinds[incidents["type"][selected["incident"]]] != TK_ENQUIRY) & ~np.isin(
        selected["outcome"], (O_ABANDONED, O_MERGED)
    )
    return Cohort(chosen, selected, trouble, real, now, max((min(last, now) - first) / 1440.0, 1e-9))


def share(part: NDArray[np.bool_], whole: NDArray[np.bool_] | None = None) -> float:
    """Return the mean of ``part`` within ``whole``; NaN when it is empty."""
    chosen = part if whole is None else part[whole]
    return float(chosen.mean()) if len(chosen) else NAN


def mean(values: NDArray[np.float64]) -> float:
    """Return the mean; NaN when empty."""
    return float(values.mean()) if len(values) else NAN


def times(begun: NDArray[np.float64], ended: NDArray[np.float64], end_min: float) -> tuple[NDArray, NDArray]:
    """Return minutes from begin to end, to the last look where the end was not seen, and whether it was seen."""
    seen = ended < NEVER
    return np.maximum(np.where(seen, ended, end_min) - begun, 0.0), seen


def over_min(incidents: NDArray[np.void]) -> NDArray[np.float64]:
    """Return when each incident's trouble was over; NEVER for what is open, was given up or was lost."""
    return np.where(np.isin(incidents["fate"], GIVEN_UP), NEVER, incidents["ended_min"])


def lasting_min(incidents: NDArray[np.void], end_min: float) -> NDArray[np.float64]:
    """Return minutes from occurrence until over; to the last look for what is not over."""
    return np.maximum(np.minimum(over_min(incidents), end_min) - incidents["occurred_min"], 0.0)


def loss_yuan(world: World, incidents: NDArray[np.void], end_min: float) -> NDArray[np.float64]:
    """Return the loss of each incident: how long it lasts times its type's loss per hour."""
    return world.types["loss_yuan_per_h"][incidents["type"]] * lasting_min(incidents, end_min) / 60.0
