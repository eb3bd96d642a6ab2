"""Duty outside the roster: somebody falls out, or is called back to duty, at the word of whoever drives the run.

These are entries for Python between two stretches of a run (a drill, a what-if). The roster goes on as written:
its next turn brings on or sends off whoever it names. Who falls out while with a case ends it as at the end of a
shift: finished or suspended, by the type of the case. Who is recalled comes from home and does no delegated work.
"""

from __future__ import annotations

import numpy as np
from numba import types

from sim.agents.duty import become_idle, turn_off
from sim.cases.calling_off import shift_ends
from sim.engine.blocks import as_world
from sim.engine.codes import A_REST, L_DUTY_ON, NOW_FREE, S_BUSY, S_OFF
from sim.engine.events import at_once
from sim.engine.jit import njit
from sim.engine.log import log

_ENTRY = types.void(types.int64, types.int64)
_RECALLED = 2048  # activities of recalled duty are named apart from those of the day's roster


@njit(_ENTRY)
def fall_out(address, s):
    """End the duty of one row of staff now. The world needs free rows as for one event (`World.grow`)."""
    world = as_world(address)
    if turn_off(world, s):
        shift_ends(world, s)


@njit(_ENTRY)
def recall(address, s):
    """Bring one row of staff on duty now, without delegated work. The world needs free rows as for one event."""
    world = as_world(address)
    k, now = world.staff[s], world.clock[0].now
    if k.on_duty == 1:
        return
    if k.state == S_BUSY:
        k.overtime_min += now - max(k.duty_since_min, k.since_min)
    day = np.int64(now / 1440.0)
    k.on_duty, k.duty_since_min, k.duty_day, k.activities, k.owed_min = 1, now, day, _RECALLED, 0.0
    world.pools[k.pool].on_duty += 1
    log(world, L_DUTY_ON, -1, s, -1, day)
    if k.state == S_OFF:
        become_idle(world, s, A_REST)
        k.place = k.home
        k.stamp += 1
        at_once(world, NOW_FREE, s, 0, k.stamp)
