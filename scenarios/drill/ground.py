"""The ground an exercise stands on: its city and tables, built once, and the names of what is in them.

A :class:`Ground` is shared by every drill and branch of one exercise; it never changes. :class:`Names` gives people,
crews, areas and types the names that players read. Runs are made from it by `Ground.world`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scenarios.drill.form import Effect, Exercise
from scenarios.places import city_of
from sim.assemble import Arm, assemble
from sim.city.city import City
from sim.city.closures import Closure, closed_arcs
from sim.engine.codes import HOOK_NAMES
from sim.engine.tables import WRITTEN, World
from sim.errors import InputError
from sim.policies.rules import find_rule

MOST_INCIDENTS, MOST_PER_HOUR = 300_000, 3_000
"""Incidents expected up to ENDEX, and in an hour: ten times what any people at a table could follow."""
Words2 = dict[str, str]
"""A text in both languages: {"en": ..., "zh": ...}."""


def titled(title: Any) -> Words2:
    """Return a title as a plain mapping."""
    return {"en": str(title.en), "zh": str(title.zh)}


class Names:
    """What things are called, for players: units, areas, types, departments, channels, whistles."""

    def __init__(self, arm: Arm) -> None:
        spec, city = arm.spec, arm.city
        self.types, self.posts = list(spec.types), list(spec.posts)
        self.departments, self.channels, self.whistles = (
            list(spec.departments),
            list(spec.channels),
            list(spec.whistles),
        )
        self._spec, self._city = spec, city
        count: Counter[str] = Counter()
        self.units: list[str] = []
        for seat in arm.staffing.seats:
            count[seat.post] += 1
            self.units.append(f"{seat.post}-{count[seat.post]}")
        self.unit_row = {name: row for row, name in enumerate(self.units)}
        self._grids = city.areas.grids
        self.grid_row = {str(city.areas.code[r]): i for i, r in enumerate(self._grids)}

    def unit(self, row: int) -> Words2:
        """Return a unit's name: its post and its number."""
        post, number = self.units[row].rsplit("-", 1)
        title = self._spec.posts[post].title
        return {"en": f"{title.en} {number}", "zh": f"{title.zh}{number}"}

    def type(self, row: int) -> Words2:
        """Return a case type's title."""
        return titled(self._spec.types[self.types[row]].title)

    def post(self, name: str) -> Words2:
        """Return a post's title."""
        return titled(self._spec.posts[name].title)

    def department(self, row: int) -> Words2:
        """Return a department's title."""
        return titled(self._spec.departments[self.departments[row]].title)

    def whistle(self, row: int) -> Words2:
        """Return a whistle's title."""
        return titled(self._spec.whistles[self.whistles[row]].title)

    def channel(self, row: int) -> Words2:
        """Return a channel's title."""
        return titled(self._spec.channels[self.channels[row]].title)

    def grid(self, grid: int) -> dict[str, str]:
        """Return code and names of a grid."""
        row = self._grids[grid]
        areas = self._city.areas
        return {"code": str(areas.code[row]), "en": str(areas.name[row]), "zh": str(areas.name_zh[row])}

    def spot(self, place: int) -> tuple[float, float]:
        """Return where a place lies, metres; (0, 0) for nowhere."""
        if place < 0:
            return 0.0, 0.0
        return float(self._city.place_x[place]), float(self._city.place_y[place])


@dataclass(frozen=True)
class Ground:
    """Tables of an exercise, shared by its runs.

    Attributes
    ----------
    exercise
        What is played.
    city
        Where.
    arm
        The scenario under its own rules; the run-up and every default use it.
    asking
        The same with the hooks left open that the exercise asks people.
    names
        What things are called.
    """

    exercise: Exercise
    city: City
    arm: Arm
    asking: Arm
    names: Names

    @classmethod
    def of(cls, exercise: Exercise) -> Ground:
        """Build the city and the tables.

        Raises
        ------
        InputError
            City and scenario do not fit, or the exercise names a grid or place that is not there.
        """
        scenario = exercise.made_scenario
        city = city_of(scenario)
        arm = assemble(scenario.spec(exercise.base_policy), city)
        _check_size(exercise, arm)
        asked = {ask.hook for ask in exercise.asks}
        rules = {hook: find_rule(hook, "ask") if hook in asked else arm.rules[hook] for hook in HOOK_NAMES}
        ground = cls(exercise, city, arm, replace(arm, rules=rules), Names(arm))
        ground._check_places()
        return ground

    @property
    def start_min(self) -> float:
        """Scenario minutes of STARTEX."""
        return self.exercise.start.scenario_min

    @property
    def end_min(self) -> float:
        """Scenario minutes of ENDEX."""
        return self.start_min + self.exercise.length_min

    def world(self, seed: int, replication: int) -> World:
        """Return the world at STARTEX: the run-up played by the scenario's rules."""
        from sim import kernel

        world = self.arm.world(seed, replication, "everything")
        kernel.begin(world)
        if kernel.run_until(self.arm, world, self.start_min) is not None:
            raise InputError(
                "a rule of the policy asks, and in the run-up nobody is there to answer", field="policy",
                found=self.exercise.base_policy, allowed="a policy without 'ask'",
            )  # fmt: skip
        return world

    def _check_places(self) -> None:
        for i, inject in enumerate(self.exercise.injects):
            for k, effect in enumerate(inject.effects):
                field = f"injects.{i}.effects.{k}"
                if effect.grid is not None and effect.grid not in self.names.grid_row:
                    raise self._placed("unknown grid", f"{field}.grid", effect.grid,
                                       [*list(self.names.grid_row)[:5], "..."])  # fmt: skip
                if effect.place is not None and effect.place >= len(self.city.places):
                    raise self._placed("unknown place", f"{field}.place", effect.place,
                                       f"0 to {len(self.city.places) - 1}")  # fmt: skip
                self._check_effect(effect, field)

    def _check_effect(self, effect: Effect, field: str) -> None:
        """Raise for what only the built city shows of an effect: too few people, a circle without a road."""
        if effect.kind in ("off_duty", "recall"):
            people = sum(1 for seat in self.arm.staffing.seats if seat.post == effect.post)
            if effect.count > people:
                raise self._placed("the post never has so many people or crews", f"{field}.count", effect.count,
                                   f"at most {people} ({effect.post})")  # fmt: skip
        if effect.kind == "close_road" and effect.x_m is not None and effect.y_m is not None:
            circle = Closure(name=str(effect.name), from_min=0, until_min=1, x_m=effect.x_m, y_m=effect.y_m,
                             radius_m=effect.radius_m)  # fmt: skip
            try:
                closed_arcs(self.city, circle)
            except InputError as error:
                raise self._placed(error.problem, f"{field}.x_m", effect.x_m, error.allowed) from None

    def _placed(self, problem: str, field: str, found: object, allowed: object) -> InputError:
        from scenarios.form_errors import placed

        return placed(InputError(problem, field=field, found=found, allowed=allowed), self.exercise._tree)


def _check_size(exercise: Exercise, arm: Arm) -> None:
    """Refuse what could not be built or played in bounded time and memory, before an incident is drawn.

    Raises
    ------
    InputError
        With the number of incidents that the rates foretell.
    """
    scenario, expected = exercise.made_scenario, arm.demand.expected()
    per_hour = expected / (arm.demand.horizon_min / 60.0)
    problem = "the exercise would have too many incidents"
    if not expected <= MOST_INCIDENTS:
        raise scenario.place(InputError(problem, field="scenario.types", found=f"{expected:,.0f} in all",
                                        allowed=f"at most {MOST_INCIDENTS:,} in all"))  # fmt: skip
    if not per_hour <= MOST_PER_HOUR:
        raise scenario.place(InputError(problem, field="scenario.types", found=f"{per_hour:,.0f} an hour",
                                        allowed=f"at most {MOST_PER_HOUR:,} an hour"))  # fmt: skip


def copied(world: World) -> World:
    """Return a world of its own with the same state; what runs only read is shared."""
    tables = {name: table.copy() if name in WRITTEN else table for name, table in world.tables.items()}
    made = World(tables)
    made.travel_changes_done = world.travel_changes_done
    return made


_TIMER_TABLES = ("heap", "later", "bins", "due")
_PLACES = ("now_head", "heap", "later", "later_free", "bin", "due", "due_end", "due_heads")


def state_hash(world: World) -> str:
    """Return SHA-256 (hex) over everything that a run has written: equal hashes, equal states bit for bit."""
    import hashlib

    from sim import kernel

    digest = hashlib.sha256()
    clock = world.clock[0]
    used = {"cases": "cases", "tasks": "tasks", "work": "tasks", "requests": "requests", "log": "log"}
    timers = kernel.pending_timers(world)
    for name in WRITTEN:
        if name in _TIMER_TABLES:
            continue  # where a timer waits depends on pauses; which are set does not
        table = world.tables[name]
        if name == "pending" and not table["has"][0]:
            continue  # an answer that was taken
        if name == "now":
            ring, n = len(table), int(clock["now_count"])
            table = table[(int(clock["now_head"]) + np.arange(n)) % max(ring, 1)]
        elif name in used:
            table = table[: int(clock[used[name]])]
        digest.update(name.encode())
        for field in table.dtype.names or ():  # field by field: rows are padded, and padding means nothing
            if name == "clock" and (field in _PLACES or field.startswith(("asked_", "bad_"))):
                continue  # where things to do wait, and what was last asked, decide nothing
            digest.update(np.ascontiguousarray(table[field]).tobytes())
        if table.dtype.names is None:
            digest.update(np.ascontiguousarray(table).tobytes())
    for field in timers.dtype.names or ():
        digest.update(np.ascontiguousarray(timers[field]).tobytes())
    return digest.hexdigest()
