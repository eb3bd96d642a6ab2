"""Recording where everybody is: a run played again, stopped at every event, with what changed written down.

The log names sets-out and arrivals of cases only; rounds, delegated work and falling free are state. So a
window of time is recorded by letting the kernel run from event to event and comparing the staff table before
and after: exact to the instant. Pausing never changes the trajectory. Nothing here draws, serves or keeps files.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sim.assemble import Arm
from sim.engine.codes import (
    A_HOLD,
    A_MOVING,
    A_PATROL,
    A_WORK,
    NEVER,
    S_BACKGROUND,
    S_BUSY,
    S_IDLE,
    S_OFF,
    S_RESERVED,
)
from sim.engine.tables import WRITTEN, World

OFF, REST, PATROL, DELEGATED, READY, TRAVEL, HOLD, WORK, MOVE = range(9)
ACTIVITIES = ("off", "rest", "patrol", "delegated", "ready", "travel", "hold", "work", "move")
"""What somebody does: off duty; waiting for work; on patrol; delegated tasks; called, but colleagues are missing;
on the way to a case (turning out first); at the case, waiting for others; at work; moving to wait elsewhere."""

SEGMENT = np.dtype(
    [
        ("staff", "i4"), ("activity", "u1"), ("start_min", "f8"), ("depart_min", "f8"), ("near_min", "f8"),
        ("until_min", "f8"), ("place", "i4"), ("to_place", "i4"), ("case", "i4"), ("task", "i4"), ("lights", "u1"),
    ]
)  # fmt: skip
"""One thing that one person does. It ends where the same person's next segment starts.

``depart_min`` is when wheels turn, ``near_min`` when the place nearest the door is reached, ``until_min`` the
arrival (all equal to the start where nobody travels, except that ``until_min`` is then NEVER: not known ahead).
"""

_WATCHED = ("state", "activity", "task", "place", "to_place", "until_min")
CHECKPOINT_BYTES = 256 * 2**20
CHECKPOINTS = 8


def copied(world: World) -> World:
    """Return a world that can run on apart from this one (static tables are shared)."""
    twin = World({**world.tables, **{name: world.tables[name].copy() for name in WRITTEN}})
    twin.travel_changes_done = world.travel_changes_done
    return twin


class Recorder:
    """Goes to any time of a run and records windows of it.

    Parameters
    ----------
    arm
        The prepared arm.
    seed, replication
        Name the run.

    Notes
    -----
    Not for several threads at once. Memory: the run's written tables, once for the present and once for each
    checkpoint, at most 8 and at most 256 MB of them.
    """

    def __init__(self, arm: Arm, seed: int, replication: int) -> None:
        from sim import kernel

        self.arm, self._kernel = arm, kernel
        world = arm.world(seed, replication, "cases")
        kernel.begin(world)
        self._checkpoints: list[tuple[float, World]] = [(0.0, copied(world))]
        self._world = world
        self._tables = [(0.0, world.tables["travel"]), *arm.travel_changes]

    @property
    def horizon_min(self) -> float:
        """End of the run, minutes."""
        return float(self.arm.spec.horizon_days * 1440.0)

    def run_whole(self) -> World:
        """Run to the horizon, keeping checkpoints for going back, and return the world at its end."""
        size = sum(self._world.tables[name].nbytes for name in WRITTEN)
        stops = max(0, min(CHECKPOINTS, CHECKPOINT_BYTES // max(size, 1)) - 1)
        for k in range(1, stops + 1):
            at = self.horizon_min * k / (stops + 1)
            self.go_to(at)
            self._checkpoints.append((at, copied(self._world)))
        self.go_to(self.horizon_min)
        return self._kernel.settled(copied(self._world))

    def go_to(self, at_min: float) -> World:
        """Bring the run to a time, events of that very instant included, and return its world."""
        now = self._kernel.now_min(self._world)
        before = max((c for c in self._checkpoints if c[0] <= at_min), key=lambda c: c[0])
        if now > at_min or before[0] > now:
            self._world = copied(before[1])
        self._advance(at_min)
        return self._world

    def _advance(self, until_min: float) -> None:
        decision = self._kernel.run_until(self.arm, self._world, until_min)
        if decision is not None:
            raise RuntimeError(f"a rule behind '{decision.hook}' asks; such a run is replayed from its recording")

    def window(self, start_min: float, end_min: float) -> NDArray[np.void]:
        """Return what everybody does in [start, end): first all who are on duty at its start, then every change.

        Parameters
        ----------
        start_min, end_min
            Minutes since the scenario's start.

        Returns
        -------
        numpy.ndarray
            ``SEGMENT``, by staff and time. Segments under way at the start keep their own earlier start; going off
            duty is a segment too.
        """
        staff = self.go_to(start_min).staff
        here = (staff["state"] != S_OFF) | (staff["since_min"] == start_min)  # or going home at this very instant
        rows = [self._segments(np.flatnonzero(here), True)]
        before = self._seen()
        for _ in self._instants(end_min):
            now = self._seen()
            changed = np.zeros(len(self._world.staff), bool)
            for name in _WATCHED:
                changed |= now[name] != before[name]
            if changed.any():
                rows.append(self._segments(np.flatnonzero(changed), False))
                before = now
        found = np.concatenate(rows)
        return found[np.lexsort((found["start_min"], found["staff"]))]

    def _seen(self) -> dict[str, NDArray]:
        return {name: self._world.staff[name].copy() for name in _WATCHED}

    def _instants(self, end_min: float) -> Iterator[None]:
        """Step from one event's time to the next, strictly before the end."""
        while (at := self._kernel.next_event_min(self.arm, self._world, end_min)) < end_min:
            self._advance(at)
            yield

    def _segments(self, rows: NDArray[np.intp], under_way: bool) -> NDArray[np.void]:
        """Return what these people begin now, or are in the middle of."""
        staff, now = self._world.staff[rows], self._kernel.now_min(self._world)
        out = np.zeros(len(rows), SEGMENT)
        out["staff"], out["activity"] = rows, activity_of(staff)
        out["start_min"] = staff["since_min"] if under_way else now
        out["depart_min"] = out["near_min"] = out["start_min"]
        out["until_min"] = NEVER
        out["place"] = out["to_place"] = staff["place"]
        out["task"] = np.where(out["activity"] >= READY, staff["task"], -1)
        out["task"][out["activity"] == MOVE] = -1
        has = out["task"] >= 0
        out["case"] = np.where(has, self._world.tasks["case"][np.where(has, out["task"], 0)], -1)
        for i in np.flatnonzero((out["activity"] == TRAVEL) | (out["activity"] == MOVE)):
            self._trip(out[i : i + 1], staff[i])
        return out

    def _trip(self, segment: NDArray[np.void], person: np.void) -> None:
        """Fill in where a trip leads and when its parts begin, as `sim.agents.duty` reckons them."""
        world, rules = self._world, self._world.rules[0]
        start, until, place = float(segment["start_min"][0]), float(person["until_min"]), int(person["place"])
        last_mile, lights, to = 0.0, False, int(person["to_place"])
        if segment["activity"][0] == TRAVEL:
            task = world.tasks[int(person["task"])]
            lights, last_mile, to = task["lights"] == 1, float(task["last_mile_min"]), int(task["place"])
        table = next(t for at, t in reversed(self._tables) if at <= start)
        drive = 0.0
        if place >= 0 and to >= 0 and place != to:
            if lights and len(table) > 1:
                drive = float(table[1, place, to])
            else:
                factor = rules["travel_lights_factor"] if lights else rules["travel_ordinary_factor"]
                drive = float(table[0, place, to]) * float(factor)
        speed = float(person["speed_factor"])
        segment["to_place"], segment["lights"], segment["until_min"] = to, lights, until
        segment["near_min"] = max(start, until - last_mile / speed)
        segment["depart_min"] = min(max(start, until - (drive + last_mile) / speed), float(segment["near_min"][0]))


def activity_of(staff: NDArray[np.void]) -> NDArray[np.uint8]:
    """Return the ``ACTIVITIES`` index of rows of the staff table."""
    state, activity = staff["state"], staff["activity"]
    out = np.full(len(staff), TRAVEL, np.uint8)
    out[state == S_OFF] = OFF
    out[state == S_BACKGROUND] = DELEGATED
    out[state == S_RESERVED] = READY
    idle, busy = state == S_IDLE, state == S_BUSY
    out[idle] = np.where(activity[idle] == A_PATROL, PATROL, np.where(activity[idle] == A_MOVING, MOVE, REST))
    out[busy & (activity == A_HOLD)] = HOLD
    out[busy & (activity == A_WORK)] = WORK
    return out
