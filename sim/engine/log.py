"""The event log: what happened, row by row, appended by handlers at one of three levels.

``counts`` writes nothing (the clock's counters and the tables remain), ``cases`` the arrows of cases,
``everything`` also the routine of queues and duty. The level never changes the trajectory: logging reads,
draws nothing and schedules nothing.
"""

from __future__ import annotations

from sim.engine.codes import L_DUTY_OFF, L_DUTY_ON, L_LAG, L_MOVE, L_QUEUE, LEVEL_CASES, LEVEL_EVERYTHING
from sim.engine.jit import njit
from sim.engine.kinds import F, I, W


@njit((W, I, I, I, I, F))
def log(world, kind, case, staff, area, value):
    """Append one entry if the level of logging wants it.

    Parameters
    ----------
    kind
        An ``L_`` code.
    case, staff, area
        Rows, -1 for none; for kinds before a case exists ``case`` is ``-2 - incident``.
    value
        A number that the kind defines (see the reference).
    """
    clock = world.clock
    level = clock[0].log_level
    if level < LEVEL_CASES:
        return
    if level < LEVEL_EVERYTHING and (
        kind == L_QUEUE or kind == L_LAG or kind == L_DUTY_ON or kind == L_DUTY_OFF or kind == L_MOVE
    ):
        return
    i = clock[0].log
    clock[0].log = i + 1
    e = world.log[i]
    e.time_min, e.kind, e.case, e.staff, e.area, e.value = clock[0].now, kind, case, staff, area, value
