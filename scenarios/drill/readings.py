"""Reading measures off a running or finished exercise: from the model's tables, or from what players did.

A reading says whether the thing has happened and, if not, how long it has been waited for, so that a condition may
look at time that has passed and a score may tell "not reached" from "not due yet". It never changes anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scenarios.drill.criteria import Measure
from scenarios.drill.effects import Ongoing, incident_rows
from scenarios.drill.ground import Ground
from sim.engine.codes import C_CLOSED, F_OPEN, K_INTAKE, L_ARRIVE, NEVER, T_QUEUED
from sim.engine.tables import World


@dataclass(frozen=True)
class Reading:
    """One measured value.

    Attributes
    ----------
    value
        In the measure's unit; while something is waited for, the time waited so far; None when there is nothing to
        measure (the incident has not occurred, nothing was asked).
    reached
        False while it is still waited for.
    """

    value: float | None
    reached: bool = True


NOTHING = Reading(None, False)


@dataclass
class Answered:
    """What a player did with one decision or message: who, how long it took (real seconds), and whether at all."""

    role: str
    ask: str
    took_s: float
    in_time: bool


@dataclass
class People:
    """What readings of people are taken from."""

    decisions: list[Answered]
    messages: list[tuple[str, bool]]
    """(role, acknowledged) of every message sent to a role."""


def read(measure: Measure, ground: Ground, world: World, ongoing: Ongoing, people: People) -> Reading:
    """Read one measure now."""
    if measure.kind in ("answer_s", "share_answered"):
        return _decisions(measure, people.decisions)
    if measure.kind == "share_acknowledged":
        asked = [done for role, done in people.messages if measure.role in (None, role)]
        return Reading(float(np.mean(asked))) if asked else NOTHING
    if measure.kind == "waiting_tasks":
        return Reading(float(_waiting(measure, ground, world)))
    if measure.kind == "share_responded_in_time":
        return _in_time(measure, ground, world)
    rows = incident_rows(world, ongoing.entities.get(str(measure.inject), []))
    rows = [row for row in rows if row < int(world.clock["cursor"][0])]
    if not rows:
        return NOTHING
    if measure.kind == "highest_severity":
        return Reading(float(world.incidents["severity"][rows].max()))
    if measure.kind == "loss_yuan":
        return Reading(sum(_loss(world, row) for row in rows))
    return _minutes(measure, ground, world, rows[0])


def _decisions(measure: Measure, decisions: Sequence[Answered]) -> Reading:
    mine = [d for d in decisions if measure.role in (None, d.role) and measure.ask in (None, d.ask)]
    if not mine:
        return NOTHING
    if measure.kind == "answer_s":
        return Reading(float(np.mean([d.took_s for d in mine])))
    return Reading(float(np.mean([d.in_time for d in mine])))


def _waiting(measure: Measure, ground: Ground, world: World) -> int:
    tasks = world.tasks[: int(world.clock["tasks"][0])]
    waits = (tasks["state"] == T_QUEUED) & (tasks["kind"] != K_INTAKE)
    if measure.post is not None:
        post = ground.names.posts.index(measure.post)
        waits &= world.pools["post"][np.maximum(tasks["pool"], 0)] == post
    return int(waits.sum())


def _in_time(measure: Measure, ground: Ground, world: World) -> Reading:
    """Share of cases told since STARTEX whose limit to respond has passed or that were responded to."""
    now = float(world.clock["now"][0])
    cases = world.cases[: int(world.clock["cases"][0])]
    mine = (cases["reported_min"] >= ground.start_min) & (cases["respond_by_min"] < NEVER)
    mine &= (cases["arrived_min"] < NEVER) | (cases["respond_by_min"] <= now)
    mine &= (cases["state"] != C_CLOSED) | (cases["arrived_min"] < NEVER)
    if measure.type is not None:
        mine &= cases["type"] == ground.names.types.index(measure.type)
    if not mine.any():
        return NOTHING
    return Reading(float((cases["arrived_min"][mine] <= cases["respond_by_min"][mine]).mean()))


def _loss(world: World, row: int) -> float:
    """Return what an incident has cost residents and society so far, by its type's rate."""
    e = world.incidents[row]
    until = min(float(e["ended_min"]), float(world.clock["now"][0]))
    return (until - float(e["occurred_min"])) / 60.0 * float(world.types["loss_yuan_per_h"][e["type"]])


def cases_of(world: World, row: int) -> np.ndarray:
    """Return the rows of the cases that an incident gave rise to."""
    return np.flatnonzero(world.cases["incident"][: int(world.clock["cases"][0])] == row)


def _minutes(measure: Measure, ground: Ground, world: World, row: int) -> Reading:
    e, now = world.incidents[row], float(world.clock["now"][0])
    begun = float(e["first_reported_min"] if measure.since == "reported" else e["occurred_min"])
    if begun >= NEVER:
        return NOTHING
    at = _time_of(measure, ground, world, row)
    if at >= NEVER:
        return Reading(now - begun, False)
    return Reading(at - begun)


def _time_of(measure: Measure, ground: Ground, world: World, row: int) -> float:
    """Return when a measure's event happened, NEVER when it has not."""
    e, cases = world.incidents[row], cases_of(world, row)
    if measure.kind == "minutes_to_resolution":
        return float(e["ended_min"]) if e["fate"] != F_OPEN else NEVER
    if measure.kind == "minutes_to_close":
        closed = world.cases["closed_min"][cases]
        return float(closed.max()) if len(cases) and (closed < NEVER).all() else NEVER
    if measure.kind in ("minutes_to_whistle", "minutes_to_quorum"):
        requests = world.requests[: int(world.clock["requests"][0])]
        mine = requests[np.isin(requests["case"], cases)]
        times = mine["blown_min" if measure.kind == "minutes_to_whistle" else "quorum_min"]
        return float(times.min()) if len(times) else NEVER
    return _arrival(measure, ground, world, cases)


def _arrival(measure: Measure, ground: Ground, world: World, cases: np.ndarray) -> float:
    """Return when the wanted number of different people or crews had come."""
    log = world.log[: int(world.clock["log"][0])]
    came = log[(log["kind"] == L_ARRIVE) & np.isin(log["case"], cases) & (log["staff"] >= 0)]
    if measure.department is not None:
        came = came[world.staff["dept"][came["staff"]] == ground.names.departments.index(measure.department)]
    if measure.post is not None:
        came = came[world.staff["post"][came["staff"]] == ground.names.posts.index(measure.post)]
    _, first = np.unique(came["staff"], return_index=True)
    times = np.sort(came["time_min"][first])
    return float(times[measure.count - 1]) if len(times) >= measure.count else NEVER
