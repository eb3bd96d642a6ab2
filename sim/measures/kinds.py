"""Response and loss within each kind of trouble, so that no number averages ambulances with quarrels.

What the groups and their measures are called stands in `sim.measures.kind_names`; types of bare models are left to
their lines (`sim.measures.lines`).
"""

from __future__ import annotations

import numpy as np

from sim.assemble import Arm
from sim.engine.codes import NEVER
from sim.engine.tables import World
from sim.measures.cohort import Cohort, loss_yuan, times
from sim.measures.kind_names import EMERGENCY, group_of, groups
from sim.measures.survival import restricted_mean


def kind_measures(arm: Arm, world: World, c: Cohort) -> dict[str, float]:
    """Return ``kind.<group>.<measure>`` for every group that the model's types make up."""
    e, types = c.incidents, arm.spec.types
    names = groups(types)
    row = np.array([names.index(g) if (g := group_of(kind)) else -1 for kind in types.values()], np.int64)
    group, lost = row[e["type"]], loss_yuan(world, e, c.end_min) / c.days
    told = e["first_reported_min"] < NEVER
    waited, there = times(e["first_reported_min"], e["attended_min"], c.end_min)
    late = told & (waited > arm.parameters["measure.coverage_threshold_min"])
    cap = arm.parameters["measure.restricted_mean_days"] * 1440.0
    out: dict[str, float] = {}
    for i, name in enumerate(names):
        mine = (group == i) & told
        out[f"kind.{name}.told_count"] = float(mine.sum())
        out[f"kind.{name}.response_min"] = restricted_mean(waited[mine], there[mine], cap)
        if name.startswith(EMERGENCY):
            out[f"kind.{name}.response_late_count"] = float((late & mine).sum())
        out[f"kind.{name}.loss_yuan"] = float(lost[group == i].sum())
    return out
