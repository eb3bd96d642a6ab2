"""By hour of the day: the minutes that staff were on duty, with cases and at delegated work.

The very minutes that the staff table sums, split at full hours and added up for each group. The account is kept only
where it is wanted (`Arm.world` with ``hours``); it is written and never read by the model, so that keeping it changes
nothing that happens.
"""

from __future__ import annotations

import numpy as np

from sim.engine.jit import njit
from sim.engine.kinds import F, I, W

H_DUTY, H_CASES, H_DELEGATED = range(3)
H_NAMES = ("on_duty_min", "busy_min", "background_min")


@njit(inline="always")
def count_hours(world, s, what, begin_min, end_min):
    """Add a span of a person's time to its hours of the day (``H_`` codes); does nothing where none are kept."""
    if world.hours.shape[0] > 0:  # looked at where it is called, so that who keeps none pays nothing
        _add_hours(world, s, what, begin_min, end_min)


@njit((W, I, I, F, F))
def _add_hours(world, s, what, begin_min, end_min):
    pool, at = np.int64(world.staff[s].pool), begin_min
    while at < end_min:
        hour = np.int64(at // 60.0)
        until = min(end_min, (hour + 1) * 60.0)
        world.hours[pool, hour % 24, what] += until - at
        at = until
