"""Minutes between two places as the kernel reads them from the travel table."""

from __future__ import annotations

from sim.engine.jit import jitable


@jitable
def travel_min(view, emergency, origin, to):
    """Return travel minutes under ordinary or lights-and-sirens conditions.

    A city whose roads carry times for both modes has two tables; with one table the register's
    ``travel.lights_factor`` shortens emergency travel. Places of -1 (nowhere) take no time.
    """
    if origin < 0 or to < 0 or origin == to:
        return 0.0
    table, rules = view.travel, view.rules
    if emergency:
        if table.shape[0] > 1:
            return table[1, origin, to] * 1.0
        return table[0, origin, to] * rules[0].travel_lights_factor
    return table[0, origin, to] * rules[0].travel_ordinary_factor
