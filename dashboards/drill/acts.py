"""What each side may do, asked for over the socket: checked here by role, field by field, then done by the drill.

A message is ``{"do": name, "id": number, ...}``. A player may answer a decision of its own role, acknowledge its own
messages and write a note; an onlooker may acknowledge; a controller may do the rest. Nothing is trusted that a page
sends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from dashboards.drill.places import Seat
from dashboards.drill.room import Room
from scenarios.drill import CONTROLLER, Drill
from sim.errors import InputError

MOST_TEXT = 2000
Given = Mapping[str, Any]
Act = Callable[[Drill], Any]


def act(room: Room, seat: Seat, given: Given) -> Act:
    """Return what a message asks for, to be carried out on the drill.

    Raises
    ------
    InputError
        Unknown, not allowed for the seat's role, or a field that is missing or wrong.
    """
    name = given.get("do")
    kind = CONTROLLER if seat.role == CONTROLLER else room.drill.exercise.roles[seat.role].kind
    allowed = {CONTROLLER: CONTROLS, "player": PLAYS, "observer": LOOKS}[kind]
    if not isinstance(name, str) or name not in allowed:
        raise InputError("this role cannot do that", field="do", found=str(name)[:40], allowed=sorted(allowed))
    return allowed[name](room, seat, given)


# ---------------------------------------------------------------- fields
def _text(given: Given, field: str, needed: bool = True, most: int = MOST_TEXT) -> str:
    value = given.get(field, "")
    if not isinstance(value, str) or len(value) > most or (needed and not value.strip()):
        raise InputError("not a text", field=field, found=str(value)[:40], allowed=f"up to {most} characters")
    return value.strip()


def _number(given: Given, field: str, low: float, high: float) -> float:
    value = given.get(field)
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not low <= value <= high or not math.isfinite(value):  # type: ignore[arg-type, operator]
        raise InputError("not a number that can be used", field=field, found=str(value)[:40],
                         allowed=f"{low:g} to {high:g}")  # fmt: skip
    return float(value)  # type: ignore[arg-type]


def freed(given: Given) -> tuple[str, int]:
    """Return role and number of a seat that a controller takes away."""
    return _text(given, "role", most=60), int(_number(given, "number", 1, 1e6))


# ---------------------------------------------------------------- all
def _acknowledge(room: Room, seat: Seat, given: Given) -> Act:
    message = _text(given, "message", most=40)

    def do(drill: Drill) -> Any:
        if not any(m.id == message and m.role == seat.role for m in drill.messages):
            raise InputError("no message of this id", field="message", found=message)
        return drill.acknowledge(message, seat.by)

    return do


def _note(room: Room, seat: Seat, given: Given) -> Act:
    text = _text(given, "text")
    objective = _text(given, "objective", needed=False, most=60) or None
    kind = _text(given, "kind", needed=False, most=20) or None
    if seat.role != CONTROLLER:
        objective = kind = None  # whatever a player writes is a player's remark
    return lambda drill: drill.note(text, seat.by, objective, seat.role, kind)


def _decide(room: Room, seat: Seat, given: Given) -> Act:
    prompt, option = _text(given, "decision", most=40), _text(given, "option", most=120)
    reason = _text(given, "reason", needed=False)

    def do(drill: Drill) -> Any:
        mine = [p for p in drill.open_decisions if seat.role in (CONTROLLER, p.role)]
        if not any(p.id == prompt for p in mine):
            raise InputError("this decision is not open", field="decision", found=prompt,
                             allowed=[p.id for p in mine] or "none is open")  # fmt: skip
        if drill.status == "paused":
            raise InputError("the exercise is paused; answer when it goes on", field="decision", found=prompt)
        return drill.decide(prompt, option, seat.by, reason)

    return do


# ---------------------------------------------------------------- controllers
def _plain(method: str) -> Callable[[Room, Seat, Given], Act]:
    return lambda room, seat, given: lambda drill: getattr(drill, method)(seat.by)


def _start(room: Room, seat: Seat, given: Given) -> Act:
    def do(drill: Drill) -> None:
        empty = [r for r, role in drill.exercise.roles.items() if role.kind == "observer" or not room.places.taken(r)]
        if drill.status == "scheduled" and sorted(empty) != sorted(drill.unfilled):
            drill.leave_unfilled(empty, seat.by)
        drill.start(seat.by)

    return do


def _unfilled(room: Room, seat: Seat, given: Given) -> Act:
    role = _text(given, "role", most=60)
    by_rule = given.get("by_rule")
    if not isinstance(by_rule, bool):
        raise InputError("not a choice", field="by_rule", found=str(by_rule)[:40], allowed="true, false")
    return lambda drill: fill(drill, role, by_rule, seat.by)


def fill(drill: Drill, role: str, by_rule: bool, by: str) -> None:
    """Say whether the rule decides for a role that nobody plays."""
    wanted = drill.unfilled | {role} if by_rule else drill.unfilled - {role}
    if wanted != drill.unfilled:
        drill.leave_unfilled(wanted, by)


def _speed(room: Room, seat: Seat, given: Given) -> Act:
    speed = _number(given, "speed", 0.5, 60.0)
    return lambda drill: drill.set_speed(speed, seat.by)


def _jump(room: Room, seat: Seat, given: Given) -> Act:
    return lambda drill: _moved(drill, drill.length_min, seat.by)


def _step(room: Room, seat: Seat, given: Given) -> Act:
    minutes = _number(given, "minutes", 0.1, 60.0)
    return lambda drill: _moved(drill, drill.t_min + minutes, seat.by, whole=True)


def _moved(drill: Drill, to_min: float, by: str, whole: bool = False) -> None:
    """Run on at once; a drill that is paused goes on for that long and is paused again."""
    if drill.open_decisions:
        raise InputError("a decision is open: answer it or let the rule decide first", field="decision",
                         found=drill.open_decisions[0].id)  # fmt: skip
    paused = drill.status == "paused"
    if paused:
        drill.resume(by)
    if drill.status != "running":
        raise InputError("this cannot be done now", field="status", found=drill.status, allowed="running, paused")
    drill.advance(to_min)
    while whole and drill.status == "running" and not drill.open_decisions and drill.t_min < to_min:
        drill.advance(to_min)
    if paused and drill.status == "running":
        drill.pause(by)


def _stop(room: Room, seat: Seat, given: Given) -> Act:
    reason = _text(given, "reason", most=300)
    return lambda drill: drill.stop(reason, seat.by)


def _expire(room: Room, seat: Seat, given: Given) -> Act:
    prompt = _text(given, "decision", most=40)
    return lambda drill: drill.expire(prompt)


def _inject(method: str) -> Callable[[Room, Seat, Given], Act]:
    def made(room: Room, seat: Seat, given: Given) -> Act:
        name = _text(given, "inject", most=60)
        return lambda drill: getattr(drill, method)(name, seat.by)

    return made


def _retime(room: Room, seat: Seat, given: Given) -> Act:
    name, at_min = _text(given, "inject", most=60), _number(given, "at_min", 0.0, room.drill.length_min)
    return lambda drill: drill.retime(name, at_min, seat.by)


def _adhoc(room: Room, seat: Seat, given: Given) -> Act:
    data = given.get("content")
    if not isinstance(data, dict):
        raise InputError("not an inject", field="content", found=str(data)[:40], allowed="to, text, effects")

    return lambda drill: drill.adhoc(data, seat.by)


def _rate(room: Room, seat: Seat, given: Given) -> Act:
    criterion, points = _text(given, "criterion", most=60), _number(given, "points", 0.0, 100.0)
    text = _text(given, "text", needed=False)
    return lambda drill: drill.rate(criterion, points, seat.by, text)


LOOKS: dict[str, Callable[[Room, Seat, Given], Act]] = {"acknowledge": _acknowledge}
PLAYS = {**LOOKS, "decide": _decide, "note": _note}
CONTROLS: dict[str, Callable[[Room, Seat, Given], Act]] = {
    "start": _start, "pause": _plain("pause"), "resume": _plain("resume"), "speed": _speed, "jump": _jump,
    "step": _step, "stop": _stop, "unfilled": _unfilled, "decide": _decide, "expire": _expire, "note": _note,
    "release": _inject("release"), "hold": _inject("hold"), "skip": _inject("skip"), "retime": _retime,
    "adhoc": _adhoc, "rate": _rate,
}  # fmt: skip
"""What a controller may do."""
