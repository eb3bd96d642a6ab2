"""Driving the kernel from Python: running until a time, growing tables, answering open decisions.

Importing this compiles the engine once for a version (announced by the command line) and takes a second
afterwards, so it is imported on first use.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.assemble import Arm
from sim.engine import codes
from sim.engine.codes import ASKED, BAD_ANSWER, GROW, HOOK_NAMES
from sim.engine.hooks import AnswerTuple
from sim.engine.jit import compiling_beside, mark_compiled
from sim.engine.tables import World

with compiling_beside("sim.policies.coordinate", "sim.policies.dispatch", "sim.timers"):
    from sim.loop import advance, next_timer_min, settle_accounts, start_shifts
    from sim.plain import RULES, serve_plain

mark_compiled()


class BadAnswer(ValueError):
    """A rule answered what cannot be: somebody busy or unskilled, a department that does not exist."""


@dataclass(frozen=True)
class Decision:
    """An open decision: which hook, about what, when. ``subject`` and ``slot`` are the rule's arguments."""

    hook: str
    subject: int
    slot: int
    now_min: float


_ANSWERS = (
    "ASK", "WAIT", "SEND", "TAKE", "IDLE_ANSWER", "STAY", "MOVE", "HANDLE", "ESCALATE", "REFER", "WHISTLE",
    "SUPERVISE", "CLOSE", "ACCEPT", "DEFER", "REFUSE",
)  # fmt: skip
_CODE_NAMES = {getattr(codes, name): name for name in _ANSWERS}


def begin(world: World) -> None:
    """Bring people on duty; call once before the first `run_until`."""
    world.grow(len(world.staff) + len(world.shifts))  # everybody may come on duty at once
    start_shifts(world.address)


def settled(world: World) -> World:
    """Return the world with staff time counted up to now, for reading; the world itself is left as it is."""
    copies = {name: world.tables[name].copy() for name in ("staff", "pools", "hours")}
    seen = World({**world.tables, **copies})
    settle_accounts(seen.address)
    return seen


def run_until(arm: Arm, world: World, until_min: float) -> Decision | None:
    """Run a world until a time or an open decision.

    Returns
    -------
    Decision or None
        The open decision; answer it with `answer` and call again. None when the time is reached.

    Raises
    ------
    BadAnswer
        Naming the rule, the subject and its answer.
    """
    hooks = arm.hooks
    if world.clock["now"][0] == 0.0 and until_min > 0.0 and _may_be_plain(arm):
        advance(world.address, hooks, 0.0)  # whoever has come on duty settles down
        serve_plain(world.address, float(until_min))
    while True:
        change = _next_change(arm, world)
        target = min(float(until_min), change)
        status = advance(world.address, hooks, target)
        if status == GROW:
            _make_room(world)
        elif status == ASKED:
            clock = world.clock[0]
            hook = HOOK_NAMES[int(clock["asked_hook"])]
            return Decision(hook, int(clock["asked_subject"]), int(clock["asked_slot"]), now_min(world))
        elif status == BAD_ANSWER:
            raise BadAnswer(_describe(arm, world))
        elif change <= until_min:
            world.set_travel(arm.travel_changes[world.travel_changes_done][1])
        else:
            return None


def _make_room(world: World) -> None:
    """Make the room that the next event asked for."""
    clock = world.clock[0]
    world.grow(max(int(clock["group"]), int(clock["burst"])))
    clock["burst"] = 0


def _may_be_plain(arm: Arm) -> bool:
    """Return True when nothing outside the tables keeps `serve_plain` from serving this arm."""
    return not arm.travel_changes and all(arm.rules[hook].name == name for hook, name in RULES.items())


def _next_change(arm: Arm, world: World) -> float:
    """Return when roads next close or open."""
    done = world.travel_changes_done
    return arm.travel_changes[done][0] if done < len(arm.travel_changes) else math.inf


def next_event_min(arm: Arm, world: World, limit_min: float) -> float:
    """Return when something may next happen: an incident, a timer (stale ones too), a change of roads.

    For whoever steps from event to event; looking changes nothing that happens. NEVER when nothing comes up to
    ``limit_min``.
    """
    first, cursor = (
        min(next_timer_min(world.address, limit_min), _next_change(arm, world)),
        int(world.clock["cursor"][0]),
    )
    if cursor < len(world.incidents):
        first = min(first, float(world.incidents["occurred_min"][cursor]))
    return first


def pending_timers(world: World) -> np.ndarray:
    """Return the timers that are set, in the order in which they come: time, entity, kind, row, stamp.

    Where a timer waits (a bin, the opened bin, the heap) depends on where the run was paused; this does not.
    """
    clock, later = world.clock[0], world.tables["later"]
    rows, links = [], np.concatenate([world.tables["bins"], world.tables["far"]])
    while len(links := links[links > 0]):
        rows.append(links - 1)
        links = later["following"][links - 1]
    waiting = later[np.concatenate(rows)] if rows else later[:0]
    parts = (waiting, world.tables["due"][int(clock["due"]) : int(clock["due_end"])], world.heap[: int(clock["heap"])])
    found = {
        name: np.concatenate([part[name] for part in parts]) for name in ("time", "kind", "entity", "stamp", "row")
    }
    made = np.rec.fromarrays(list(found.values()), names=list(found))
    return made[np.lexsort((made["stamp"], made["entity"], made["kind"], made["time"]))]


def answer(world: World, given: AnswerTuple) -> None:
    """Leave the answer to the open decision; the kernel takes it at that very instant."""
    world.pending[0] = (1, given.code, given.arg, given.value)


def now_min(world: World) -> float:
    """Return the world's time."""
    return float(world.clock["now"][0])


def run_answering(arm: Arm, world: World, until_min: float, decide: Callable[[Any, Decision], AnswerTuple]) -> None:
    """Run until a time, asking a Python function for every decision that a rule leaves open.

    Parameters
    ----------
    decide
        ``decide(view, decision) -> Answer``; ``view`` are record arrays of what a decider may know.
    """
    while (decision := run_until(arm, world, until_min)) is not None:
        answer(world, decide(world.view(), decision))


def _describe(arm: Arm, world: World) -> str:
    c = world.clock[0]
    hook = HOOK_NAMES[int(c["bad_hook"])]
    code = _CODE_NAMES.get(int(c["bad_code"]), str(int(c["bad_code"])))
    return (
        f"rule '{arm.rules[hook].name}' behind '{hook}' answered {code}({int(c['bad_arg'])}) about row "
        f"{int(c['bad_subject'])} at {float(c['now']):.2f} min, which cannot be done"
    )
