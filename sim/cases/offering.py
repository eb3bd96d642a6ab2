"""Offering a line: who could take something that waits in it is asked, so that nobody stands idle beside it.

The line is offered whenever what waits in it, or who is there, may have changed without somebody falling free:
a task was withdrawn or its caller left, one joined behind a head that nobody at hand can take, an owner has room
again. Nothing is decided here: the pick rule is asked, and who takes nothing goes on with what they do.
"""

from __future__ import annotations

from sim.agents.ability import available, can_take
from sim.engine.codes import NOW_FREE, OFFERED, S_IDLE
from sim.engine.events import at_once
from sim.engine.jit import njit
from sim.engine.kinds import I, W
from sim.engine.queues import first_in_queue, next_in_queue

_LOOKED_AT = 8  # places of a line for which somebody is looked for; behind them all who are idle are asked


@njit((W, I, I))
def _somebody_for(world, pool, t):
    """Return the first of a group who could take a task, -1 when nobody could."""
    p = world.pools[pool]
    for s in range(p.first, p.first + p.count):
        if can_take(world, s, t):
            return s
    return -1


@njit((W, I))
def _ask_all(world, pool):
    p = world.pools[pool]
    for s in range(p.first, p.first + p.count):
        if world.staff[s].state == S_IDLE and world.staff[s].on_duty == 1:
            at_once(world, NOW_FREE, s, OFFERED, world.staff[s].stamp)


@njit((W, I))
def offer(world, pool):
    """Offer a group's line to the first of its people who could take the first task that anybody could start."""
    p = world.pools[pool]
    if p.queue_count <= 0 or p.idle + p.background <= 0:
        return
    t, looked_at = first_in_queue(world, pool), 0
    while t >= 0:
        k = world.tasks[t]
        enough = k.atomic == 0 or k.n_staff - k.n_assigned <= available(world, t)
        s = _somebody_for(world, pool, t) if enough else -1
        if s >= 0:
            at_once(world, NOW_FREE, s, OFFERED, world.staff[s].stamp)
            return
        looked_at += 1
        if looked_at >= _LOOKED_AT:
            _ask_all(world, pool)
            return
        t = next_in_queue(world, t)
