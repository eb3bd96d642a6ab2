"""When sweeps go on and what they look for, as tables; how they find it is `sim.institutions.sweeps`."""

from __future__ import annotations

import numpy as np

from sim.engine.names import entity
from sim.engine.tables import SPAN, SWEEP
from sim.institutions.parts import Sweep


def _sweep_spans(sweep: Sweep, days: int) -> list[tuple[float, float, float]]:
    """Return (from, to, minutes it has lasted before) of each day of a sweep within a horizon."""
    start, end = (hour * 60.0 for hour in sweep.hours)
    begins = range(sweep.start_day, days, sweep.every_days) if sweep.every_days else [sweep.start_day]
    held = [day for begin in begins for day in range(begin, min(begin + sweep.days, days))]
    return [(day * 1440.0 + start, day * 1440.0 + end, k * (end - start)) for k, day in enumerate(held)]


def sweep_tables(
    sweeps: list[Sweep], types: list[str], posts: list[str], days: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the engine's ``sweeps``, ``sweep_spans`` and ``sweep_types`` (uint8[sweeps, types])."""
    rows = np.zeros(len(sweeps), SWEEP)
    spans: list[tuple[float, float, float]] = []
    looked_for = np.zeros((len(sweeps), len(types)), np.uint8)
    for i, sweep in enumerate(sweeps):
        mine = _sweep_spans(sweep, days)
        r = rows[i]
        r["entity"], r["post"] = entity("sweep", sweep.name), posts.index(sweep.post)
        r["intensity"], r["own_per_min"] = sweep.intensity, (sweep.finds_per_h or 0.0) / 60.0
        r["first"], r["count"] = len(spans), len(mine)
        spans += mine
        looked_for[i, [types.index(name) for name in sweep.types]] = 1
    return rows, np.array(spans, SPAN), looked_for
