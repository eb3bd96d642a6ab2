"""What injects do to the model: incidents that begin now, roads that close and open, people and crews on and off duty.

Every effect takes place at the present instant of a world that stands between two stretches of its run. An incident
put in is named by the exercise and the inject, so that it moves no other draw. Nothing here decides when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from scenarios.drill.form import Effect
from scenarios.drill.ground import Ground
from scenarios.form_errors import nearest
from sim.assemble import Arm, scripted_incidents
from sim.city.closures import Closure, travel_changes
from sim.engine.codes import S_BUSY
from sim.engine.names import entity
from sim.engine.tables import World
from sim.errors import InputError
from sim.spec import Scripted


@dataclass
class Ongoing:
    """What effects have put in place and what later ones refer to: incidents by inject, closures by name."""

    entities: dict[str, list[int]] = field(default_factory=dict)
    closures: dict[str, Closure] = field(default_factory=dict)

    def copy(self) -> Ongoing:
        """Return an independent copy."""
        return Ongoing({k: list(v) for k, v in self.entities.items()}, dict(self.closures))


def incident_rows(world: World, entities: Sequence[int]) -> list[int]:
    """Return the rows of incidents by their stable names."""
    known = world.incidents["entity"]
    return [int(row) for e in entities for row in np.flatnonzero(known == np.uint64(e))]


def apply(effect: Effect, inject: str, number: int, ground: Ground, world: World, ongoing: Ongoing) -> dict[str, Any]:
    """Carry out one effect now.

    Parameters
    ----------
    inject, number
        Id of the inject and the effect's number in it; they name what is put in.

    Returns
    -------
    dict
        What was done, in data: for an incident its place, for duty the units.

    Raises
    ------
    InputError
        When it cannot be done: an unknown name, no road inside the circle, nobody of the post to take off or recall.
    """
    _check_names(effect, ground)
    if effect.kind == "incident":
        return _incident(effect, inject, number, ground, world, ongoing)
    if effect.kind == "close_road":
        return _close(effect, ground, world, ongoing)
    if effect.kind == "open_road":
        return _open(effect, ground, world, ongoing)
    return _duty(effect, ground, world)


def _check_names(effect: Effect, ground: Ground) -> None:
    """Refuse names that this city and scenario do not have; an inject of one's own has not been held against them."""
    names = ground.names
    known: dict[str, list[str]] = {
        "post": names.posts, "type": names.types, "told_by": names.channels, "grid": list(names.grid_row),
        "needs": names.departments,
    }  # fmt: skip
    for field_name, allowed in known.items():
        value = getattr(effect, field_name)
        for one in value if isinstance(value, list) else [value]:
            if one is not None and one not in allowed:
                raise InputError(f"unknown {field_name}", field=f"effects.{field_name}", found=str(one)[:60],
                                 allowed=nearest(str(one)[:60], allowed) or allowed[:12])  # fmt: skip
    places = len(ground.city.places)
    if effect.place is not None and not 0 <= effect.place < places:
        raise InputError("unknown place", field="effects.place", found=effect.place, allowed=f"0 to {places - 1}")


# ---------------------------------------------------------------- incidents
def _incident(
    effect: Effect, inject: str, number: int, ground: Ground, world: World, ongoing: Ongoing
) -> dict[str, Any]:
    now = float(world.clock["now"][0])
    name = f"{ground.exercise.name}/{inject}/{number}"
    if int(entity("script", name)) in ongoing.entities.get(inject, []):
        name = f"{name}/{len(ongoing.entities[inject])}"  # the same inject once more
    item = Scripted(
        name=name, at_min=now, type=str(effect.type), severity=effect.severity, grid=effect.grid, place=effect.place,
        needs=effect.needs, channel=effect.told_by,
    )  # fmt: skip
    one = replace(ground.arm, spec=ground.arm.spec.model_copy(update={"script": [item]}))
    row = scripted_incidents(one, int(world.clock["key"][0]))
    put_in(world, row)
    ongoing.entities.setdefault(inject, []).append(int(row["entity"][0]))
    return {"type": effect.type, "severity": effect.severity, "grid": ground.names.grid(int(row["grid"][0]))}


def put_in(world: World, rows: np.ndarray) -> None:
    """Insert incidents in order of time among those that have not occurred yet.

    Rows from the cursor on are named by nothing else in the state, so they may move.
    """
    table, cursor = world.incidents, int(world.clock["cursor"][0])
    ahead = np.concatenate([rows, table[cursor:]])
    ahead = ahead[np.argsort(ahead["occurred_min"], kind="stable")]
    world._set("incidents", np.ascontiguousarray(np.concatenate([table[:cursor], ahead])))


# ---------------------------------------------------------------- roads
def _close(effect: Effect, ground: Ground, world: World, ongoing: Ongoing) -> dict[str, Any]:
    now, name = float(world.clock["now"][0]), str(effect.name)
    x, y = effect.x_m, effect.y_m
    if effect.around is not None:
        rows = incident_rows(world, ongoing.entities.get(effect.around, []))
        if not rows:
            raise InputError("the inject that the closure lies around has no incident yet", field="around",
                             found=effect.around)  # fmt: skip
        x, y = ground.names.spot(int(world.incidents["place"][rows[-1]]))
    until = ground.arm.spec.horizon_days * 1440.0 if effect.for_min is None else now + effect.for_min
    if until <= now:
        raise InputError("the closure would end before it begins", field="for_min", found=effect.for_min)
    closure = Closure(name=name, from_min=now, until_min=until, x_m=float(x or 0), y_m=float(y or 0),
                      radius_m=effect.radius_m)  # fmt: skip
    before = ongoing.closures.get(name)
    ongoing.closures[name] = closure
    try:
        set_roads(ground, world, ongoing)
    except InputError:
        ongoing.closures.pop(name)
        if before is not None:
            ongoing.closures[name] = before
        raise
    return {"name": name, "x_m": closure.x_m, "y_m": closure.y_m, "radius_m": closure.radius_m}


def _open(effect: Effect, ground: Ground, world: World, ongoing: Ongoing) -> dict[str, Any]:
    name = str(effect.name)
    if name not in ongoing.closures:
        raise InputError("no road is closed under this name", field="name", found=name,
                         allowed=sorted(ongoing.closures) or "nothing is closed")  # fmt: skip
    now, closure = float(world.clock["now"][0]), ongoing.closures.pop(name)
    if now > closure.from_min:
        ongoing.closures[name] = closure.model_copy(update={"until_min": now})
    set_roads(ground, world, ongoing)
    ongoing.closures.pop(name, None)
    return {"name": name}


def roads_arm(arm: Arm, ground: Ground, ongoing: Ongoing) -> Arm:
    """Return an arm that knows every change of roads, the scenario's and the exercise's."""
    if not ongoing.closures:
        return arm
    closures = [*ground.arm.spec.closures, *ongoing.closures.values()]
    return replace(
        arm, travel_changes=travel_changes(ground.city, closures, ground.arm.parameters["travel.blocked_min"])
    )


def set_roads(ground: Ground, world: World, ongoing: Ongoing) -> Arm:
    """Put the travel times of present conditions in place; who is on the way arrives as planned."""
    arm, now = roads_arm(ground.arm, ground, ongoing), float(world.clock["now"][0])
    past = [table for at, table in arm.travel_changes if at <= now]
    world._set("travel", past[-1] if past else ground.arm.static["travel"])
    world.travel_changes_done = len(past)
    return arm


# ---------------------------------------------------------------- duty
def _duty(effect: Effect, ground: Ground, world: World) -> dict[str, Any]:
    from sim.agents.recall import fall_out, recall

    post, wanted = ground.names.posts.index(str(effect.post)), 1 if effect.kind == "off_duty" else 0
    staff = world.staff
    rows = np.flatnonzero((staff["post"] == post) & (staff["on_duty"] == wanted))
    if len(rows) < effect.count:
        raise InputError(
            "too few of this post are on duty" if wanted else "too few of this post are off duty",
            field="count", found=effect.count, allowed=f"at most {len(rows)} now",
        )  # fmt: skip
    busy = staff["state"][rows] == S_BUSY
    chosen = rows[np.lexsort((rows, busy))][: effect.count]  # those who are free first, in order of their numbers
    for row in chosen:
        world.grow(1)
        (fall_out if wanted else recall)(world.address, int(row))
    return {"units": [ground.names.units[int(row)] for row in chosen]}
