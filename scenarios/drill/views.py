"""What each side of a drill is shown: a role what it may know, a controller everything. Data only, ready for JSON.

A role's view is built from reported state and from what was released to it; hidden things are never put in and
then left out. With ``blind`` it holds neither the exercise's title nor its length nor exercise minutes, only the
time of day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.drill.decisions import case_facts
from scenarios.drill.happenings import is_trouble, sees_case
from sim.engine import codes
from sim.engine.codes import C_CLOSED, C_OPEN, NEVER, T_ASSIGNED

if TYPE_CHECKING:
    from scenarios.drill.play import Play

BANNER = {"en": "EXERCISE", "zh": "演练"}
_DOING = {
    codes.S_OFF: "off_duty", codes.S_IDLE: "free", codes.S_BACKGROUND: "delegated", codes.S_RESERVED: "reserved",
    codes.S_BUSY: "busy",
}  # fmt: skip


def clock(drill: Play, blind: bool) -> dict[str, Any]:
    """Return the clock as shown: time of day for all, T+ and what is left only where it is not hidden."""
    out: dict[str, Any] = {"time": drill.clock_text, "status": drill.status, "speed": drill.speed}
    if not blind:
        out |= {"t_min": drill.t_min, "length_min": drill.length_min}
    return out


def view_for(drill: Play, role: str) -> dict[str, Any]:
    """Return what a role may know; see `Drill.view_for`."""
    who, blind = drill.exercise.roles[role], drill.exercise.blind
    title = None if blind else _both(drill.exercise.title)
    return {
        "banner": BANNER, "title": title, "role": role, "role_title": _both(who.title), "kind": who.kind,
        "brief": _both(who.brief), "clock": clock(drill, blind),
        "decisions": [blinded(p.for_player(), blind, drill.t_min) for p in drill.open_decisions if p.role == role],
        "messages": [blinded(m.shown(), blind, drill.t_min) for m in drill.messages if m.role == role],
        "cases": [blinded(c, blind, drill.t_min) for c in cases(drill, role)],
        "units": units(drill, role), "closures": closures(drill),
    }  # fmt: skip


_TIMES = ("t_min", "at_min", "reported_min", "respond_by_min", "deadline_min")


def blinded(data: dict[str, Any], blind: bool, now: float) -> dict[str, Any]:
    """Return data with ``..._in_min`` (minutes from now) in place of exercise minutes, when those are hidden."""
    if not blind:
        return data
    out: dict[str, Any] = {}
    for key, value in data.items():
        if key in _TIMES:
            out[f"{key.removesuffix('_min')}_in_min"] = None if value is None else round(value - now, 2)
        elif isinstance(value, dict):
            out[key] = blinded(value, blind, now)
        elif isinstance(value, list):
            out[key] = [blinded(v, blind, now) if isinstance(v, dict) else v for v in value]
        else:
            out[key] = value
    return out


def state(drill: Play) -> dict[str, Any]:
    """Return everything, for controllers."""
    return {
        "banner": BANNER, "title": _both(drill.exercise.title), "name": drill.exercise.name,
        "clock": {**clock(drill, False), "stop_reason": drill.stop_reason}, "seed": drill.seed,
        "roles": {name: {"title": _both(r.title), "kind": r.kind} for name, r in drill.exercise.roles.items()},
        "injects": [slot.shown() for slot in drill.injects],
        "decisions": [p.for_controller() for p in drill.open_decisions],
        "decided": [p.for_controller() for p in drill.prompts if p.state == "answered"],
        "messages": [{**m.shown(), "role": m.role, "inject": m.inject} for m in drill.messages],
        "notes": [vars(n) for n in drill.notes],
        "ratings": {name: vars(r) for name, r in drill.ratings.items()},
        "cases": cases(drill, None), "units": units(drill, None), "closures": closures(drill),
        "incidents": incidents(drill), "score": drill.score().shown(), "last_hash": _last_hash(drill),
    }  # fmt: skip


def _last_hash(drill: Play) -> str:
    return drill.recording.last_hash if drill._recording is not None else ""


def _both(title: Any) -> dict[str, str] | None:
    return None if title is None else {"en": title.en, "zh": title.zh}


def cases(drill: Play, role: str | None) -> list[dict[str, Any]]:
    """Return the cases on record that are open or were closed during the exercise; ``role`` None: all."""
    table = drill.world.cases[: int(drill.world.clock["cases"][0])]
    recent = (table["state"] == C_OPEN) | (
        (table["state"] == C_CLOSED) & (table["closed_min"] >= drill.ground.start_min)
    )
    out = []
    for case in np.flatnonzero(recent & (table["judged_min"] < NEVER)):
        if not is_trouble(drill, int(table["type"][case])):
            continue
        if role is not None and not sees_case(drill, role, int(case)):
            continue
        c = table[case]
        x, y = drill.ground.names.spot(_filed_place(drill, c))
        out.append({
            **case_facts(drill.ground, drill.world, int(case)), "x_m": x, "y_m": y,
            "open": int(c["state"]) == C_OPEN, "attended": float(c["arrived_min"]) < NEVER,
            "reminders": int(c["reminders"]), "supervised": bool(c["supervised"]),
        })  # fmt: skip
    return out


def _filed_place(drill: Play, case: Any) -> int:
    """Return the place at which a case is filed: the grid's centre when its address points elsewhere."""
    city, grid, place = drill.ground.city, int(case["filed_grid"]), int(case["place"])
    return place if place >= 0 and int(city.place_grid[place]) == grid else int(city.grid_place[grid])


def units(drill: Play, role: str | None) -> list[dict[str, Any]]:
    """Return people and crews on duty or with a case, of the posts that a role sees; operators are left out."""
    names, staff = drill.ground.names, drill.world.staff
    spec = drill.ground.arm.spec
    seen = None if role is None else drill.exercise.roles[role].sees.posts
    wanted = [
        i
        for i, name in enumerate(names.posts)
        if spec.posts[name].kind != "operator" and (seen is None or name in seen)
    ]
    rows = np.flatnonzero(np.isin(staff["post"], wanted) & ((staff["on_duty"] == 1) | (staff["state"] == codes.S_BUSY)))
    return [_unit(drill, int(row)) for row in rows]


def _unit(drill: Play, row: int) -> dict[str, Any]:
    names, k = drill.ground.names, drill.world.staff[row]
    x, y = names.spot(int(k["place"]))
    out: dict[str, Any] = {
        "code": names.units[row], "name": names.unit(row), "post": names.posts[int(k["post"])],
        "doing": _DOING[int(k["state"])], "open_cases": int(k["cases_open"]), "x_m": x, "y_m": y,
        "on_duty": bool(k["on_duty"]),
    }  # fmt: skip
    if k["state"] == codes.S_BUSY and k["task"] >= 0:
        task = drill.world.tasks[int(k["task"])]
        out["case"] = int(task["case"]) + 1
        if k["activity"] == codes.A_TRAVEL and task["state"] >= T_ASSIGNED:
            out["doing"] = "on_the_way"
            out["to_x_m"], out["to_y_m"] = names.spot(int(task["place"]))
            now = drill.scenario_min
            span = float(k["until_min"]) - float(k["since_min"])
            out["arrives_in_min"] = round(max(0.0, float(k["until_min"]) - now), 2)
            out["way_done"] = round(min(1.0, (now - float(k["since_min"])) / span) if span > 0 else 1.0, 4)
        elif k["activity"] == codes.A_HOLD:
            out["doing"] = "waiting_there"
    return out


def closures(drill: Play) -> list[dict[str, Any]]:
    """Return the roads that are closed now."""
    now = drill.scenario_min
    return [
        {"name": c.name, "x_m": c.x_m, "y_m": c.y_m, "radius_m": c.radius_m}
        for c in drill._ongoing.closures.values()
        if c.from_min <= now < c.until_min
    ]


def incidents(drill: Play) -> list[dict[str, Any]]:
    """Return what truly goes on, for controllers: incidents that occurred in the exercise or are open."""
    table = drill.world.incidents[: int(drill.world.clock["cursor"][0])]
    names, start = drill.ground.names, drill.ground.start_min
    own = {e: inject for inject, entities in drill._ongoing.entities.items() for e in entities}
    out = []
    for row in np.flatnonzero((table["occurred_min"] >= start) | (table["fate"] == codes.F_OPEN)):
        e = table[row]
        if not is_trouble(drill, int(e["type"])):
            continue
        x, y = names.spot(int(e["place"]))
        out.append({
            "title": names.type(int(e["type"])), "severity": int(e["severity"]), "grid": names.grid(int(e["grid"])),
            "x_m": x, "y_m": y, "occurred_min": float(e["occurred_min"]) - start,
            "attended": float(e["attended_min"]) < NEVER, "fate": codes.FATES[int(e["fate"])],
            "inject": own.get(int(e["entity"])),
        })  # fmt: skip
    return out
