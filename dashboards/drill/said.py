"""What is sent to each side of a drill, made of the runtime's views and put into words of both languages.

Players' frames are built from what a role may know alone: the pieces of `scenarios.drill.views` of which
`Drill.view_for` is made, and `Drill.events_for`. Lists that only grow go out row by row, each once and again when it
changes, so that a long exercise is told as quickly as a short one. Every function returns plain data ready for JSON.
Times are minutes from now, rounded, so that a frame changes only when what it says changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from dashboards.charts.phrases import verdict
from dashboards.texts import LANGUAGES, Texts
from dashboards.texts.mistakes import sentence
from scenarios.drill import CONTROLLER, Drill, words
from scenarios.drill.ground import titled
from scenarios.drill.views import blinded, cases, clock, closures, incidents, units
from sim.cases.catalogue import LEVELS
from sim.errors import InputError

Both = dict[str, str]
_TEXTS = {lang: Texts(lang) for lang in LANGUAGES}
_CASE_FIELDS = ("case", "title", "severity", "open", "attended", "reminders", "supervised", "escalations", "owner")
_UNIT_FIELDS = ("code", "name", "post", "doing", "open_cases", "case", "on_duty")


def both(made: Callable[[Texts, str], str]) -> Both:
    """Return a text in both languages."""
    return {lang: made(_TEXTS[lang], lang) for lang in LANGUAGES}


# ---------------------------------------------------------------- the log
def items(drill: Drill, audience: str, after: int) -> list[dict[str, Any]]:
    """Return the log's entries since event number ``after`` that an audience may read, in words."""
    out: list[dict[str, Any]] = []
    told: set[str] = set()
    for event in drill.events_for(audience, after):
        text = both(lambda t, lang, e=event: words.event_text(e.kind, e.data, t, lang))  # type: ignore[misc]
        if not text["en"]:
            continue
        if event.kind == "message" and audience == CONTROLLER:
            if text["en"] in told:
                continue  # one text to several roles
            told.add(text["en"])
        out.append({"time": event.time, "t_min": event.t_min, "kind": event.kind, "text": text})
    return out


def mistake(error: InputError) -> Both:
    """Return a refusal in both languages."""
    return {lang: sentence(error, lang) for lang in LANGUAGES}


# ---------------------------------------------------------------- lists that grow
@dataclass(frozen=True)
class Row:
    """One row of a list that only grows: whose, which, a mark that changes when it does, and how it is put in words."""

    audience: str
    list: str
    id: str
    mark: Any
    made: Callable[[], dict[str, Any]]


_AGAIN = frozenset(["acknowledge", "inject", "hold", "skip", "retime"])
"""Events that may change a row told before."""


@dataclass
class Seen:
    """How far the lists have been told: their lengths, and the last event that was looked at."""

    messages: int = 0
    injects: int = 0
    notes: int = 0
    event: int = -1


def rows(drill: Drill, seen: Seen) -> Iterator[Row]:
    """Yield what may be new in the lists since ``seen``, which is brought up to date.

    Messages of each role; injects, decisions taken and notes for the controllers. A row may come unchanged, and what
    was told long ago is not looked at again: a step costs as much at the end of an exercise as at its beginning.
    """
    events = drill.events[seen.event + 1 :]
    touched = {str(e.data[key]) for e in events for key in ("inject", "message") if key in e.data and e.kind in _AGAIN}
    read = [m for m in drill.messages[: seen.messages] if m.id in touched] if touched else []
    for message in (*read, *drill.messages[seen.messages :]):
        is_read = message.acknowledged_by is not None
        yield Row(message.role, "messages", message.id, is_read, partial(_message_of, drill, message))
    listed = len(drill.exercise.injects)
    own = drill.injects[listed : max(listed, seen.injects)]  # released when they were made, and rarely again
    for slot in (*drill.injects[:listed], *(s for s in own if s.id in touched), *drill.injects[listed + len(own) :]):
        mark = (slot.status, slot.due_min, slot.released_min, slot.how, slot.failed)
        yield Row(CONTROLLER, "injects", slot.id, mark, partial(_inject_of, slot))
    roles = {name: {"title": titled(role.title)} for name, role in drill.exercise.roles.items()}
    for prompt in drill.prompts:
        if prompt.state == "answered":
            yield Row(CONTROLLER, "decided", prompt.id, True, partial(_decided_of, prompt, roles))
    for number in range(seen.notes, len(drill.notes)):
        yield Row(CONTROLLER, "notes", str(number), True, partial(_note_of, drill, drill.notes[number]))
    seen.messages, seen.injects, seen.notes = len(drill.messages), len(drill.injects), len(drill.notes)
    seen.event = len(drill.events) - 1


def _message_of(drill: Drill, message: Any) -> dict[str, Any]:
    return _message(blinded(message.shown(), drill.exercise.blind, drill.t_min))


def _inject_of(slot: Any) -> dict[str, Any]:
    return _inject(slot.shown(), slot.why)


def _decided_of(prompt: Any, roles: Mapping[str, Any]) -> dict[str, Any]:
    return _decided(prompt.for_controller(), roles)


def _note_of(drill: Drill, note: Any) -> dict[str, Any]:
    """Return a note with who wrote it, as what, and the title of the writer's role (of the control: none)."""
    role = drill.exercise.roles.get(note.role)
    return {"t_min": note.t_min, "by": note.by, "text": note.text, "objective": note.objective, "kind": note.kind,
            "role": note.role, "role_title": titled(role.title) if role is not None else None}  # fmt: skip


# ---------------------------------------------------------------- a role
def role_own(drill: Drill, role: str) -> dict[str, Any]:
    """Return what a role is and what it is asked; its messages come as rows."""
    who, blind = drill.exercise.roles[role], drill.exercise.blind
    open_now = [blinded(p.for_player(), blind, drill.t_min) for p in drill.open_decisions if p.role == role]
    return {
        "you": {
            "role": role, "role_title": titled(who.title), "role_kind": who.kind,
            "brief": titled(who.brief) if who.brief else None,
            "title": None if blind else titled(drill.exercise.title), "decisions": [_decision(d) for d in open_now],
        },
    }  # fmt: skip


def role_parts(drill: Drill, role: str) -> dict[str, Any]:
    """Return the wide parts of what a role sees, by name."""
    return _places(
        {
            "clock": clock(drill, drill.exercise.blind), "units": units(drill, role), "closures": closures(drill),
            "cases": [blinded(c, drill.exercise.blind, drill.t_min) for c in cases(drill, role)],
        }
    )  # fmt: skip


def _places(view: Mapping[str, Any]) -> dict[str, Any]:
    now = view["clock"].get("t_min")
    return {
        "cases": [_case(c, now) for c in view["cases"]],
        "units": [_unit(u) for u in view["units"]],
        "closures": view["closures"],
    }


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: message[key] for key in ("id", "sender", "text", "acknowledged")}
    channel = both(lambda t, _: t(f"drill.channels.{message['channel']}"))
    return {**kept, "channel": channel, "t_min": message.get("t_min")}


def _decision(prompt: Mapping[str, Any]) -> dict[str, Any]:
    hook, about = str(prompt["hook"]), prompt["about"]
    details = [words.prompt_details(about, hook, _TEXTS[lang], lang) for lang in LANGUAGES]
    return {
        "id": prompt["id"], "hook": hook, "case": about.get("case"),
        "title": both(lambda t, lang: words.prompt_title(about, hook, t, lang)),
        "details": [dict(zip(LANGUAGES, pair, strict=True)) for pair in zip(*details, strict=True)],
        "options": [_option(o) for o in prompt["options"]], "answer_within_s": prompt["answer_within_s"],
    }  # fmt: skip


def _option(option: Mapping[str, Any]) -> dict[str, Any]:
    out = {
        "id": option["id"], "kind": option["kind"],
        "text": both(lambda t, lang: words.option_text(option, t, lang)),
        "short": both(lambda t, lang: words.answer_short(option, t, lang)),
    }  # fmt: skip
    if option["kind"] == "send":
        out["unit"] = option["facts"]["unit_code"]
    return out


def _case(case: Mapping[str, Any], now: float | None) -> dict[str, Any]:
    level = LEVELS[int(case["level"])]
    return {
        **{key: case[key] for key in _CASE_FIELDS},
        "grid": {lang: case["grid"][lang] for lang in LANGUAGES},
        "level": both(lambda t, _: t.name("levels", level)),
        "x_m": round(case["x_m"], 1), "y_m": round(case["y_m"], 1),
        "age_min": _from_now(case, "reported", now, -1), "respond_in_min": _from_now(case, "respond_by", now, 1),
        "due_in_min": _from_now(case, "deadline", now, 1),
    }  # fmt: skip


def _from_now(case: Mapping[str, Any], name: str, now: float | None, sign: int) -> int | None:
    """Return whole minutes from now; a blind view brings them so already."""
    if now is None:
        found = case.get(f"{name}_in_min")
        return None if found is None else round(sign * float(found))
    at = case.get(f"{name}_min")
    return None if at is None else round(sign * (float(at) - now))


def _unit(unit: Mapping[str, Any]) -> dict[str, Any]:
    out = {key: unit[key] for key in _UNIT_FIELDS if key in unit}
    x, y = unit["x_m"], unit["y_m"]
    if "to_x_m" in unit:
        share = unit["way_done"]
        out |= {"to_x_m": round(unit["to_x_m"], 1), "to_y_m": round(unit["to_y_m"], 1),
                "arrives_in_min": round(unit["arrives_in_min"], 1)}  # fmt: skip
        x, y = x + share * (unit["to_x_m"] - x), y + share * (unit["to_y_m"] - y)
    return {**out, "x_m": round(x, 1), "y_m": round(y, 1)}


# ---------------------------------------------------------------- the controller
def controller_own(drill: Drill) -> dict[str, Any]:
    """Return what a controller is and what is asked of whom; injects, decisions taken and notes come as rows."""
    exercise = drill.exercise
    roles = {name: {"title": titled(role.title), "kind": role.kind} for name, role in exercise.roles.items()}
    return {
        "you": {
            "role": CONTROLLER, "title": titled(exercise.title), "name": exercise.name, "seed": drill.seed,
            "roles": roles, "unfilled": sorted(drill.unfilled), "stop_reason": drill.stop_reason,
            "decisions": [_open(p.for_controller(), roles) for p in drill.open_decisions],
            "last_hash": drill.recording.last_hash if drill.is_over or drill.failure else "",
            "failure": mistake(drill.failure) if drill.failure else None,
        },
    }  # fmt: skip


def controller_parts(drill: Drill) -> dict[str, Any]:
    """Return the wide parts of what a controller sees, by name."""
    return {
        "score": _score(drill.score().shown()),
        "read": _read(drill.messages),
        "incidents": [_incident(i) for i in incidents(drill)],
        **_places({"cases": cases(drill, None), "units": units(drill, None), "closures": closures(drill),
                   "clock": {"t_min": drill.t_min}}),
    }  # fmt: skip


def _open(prompt: Mapping[str, Any], roles: Mapping[str, Any]) -> dict[str, Any]:
    """Return an open decision with what the rule would answer."""
    rule = _short(prompt, prompt["rule_option"])
    return {**_decision(prompt), "role": prompt["role"], "role_title": roles[prompt["role"]]["title"], "rule": rule}


def _short(prompt: Mapping[str, Any], option_id: str | None) -> Both | None:
    option = next((o for o in prompt["options"] if o["id"] == option_id), None)
    return None if option is None else both(lambda t, lang: words.answer_short(option, t, lang))


def _decided(prompt: Mapping[str, Any], roles: Mapping[str, Any]) -> dict[str, Any]:
    made = _decision(prompt)
    who = "stand_in" if prompt["by"] == "stand-in" else "in_time" if prompt["in_time"] else "timed_out"
    return {
        "id": made["id"], "at_min": prompt["at_min"], "title": made["title"],
        "role_title": roles[prompt["role"]]["title"],
        "chosen": prompt["chosen"], "answer": _short(prompt, prompt["chosen"]), "rule_option": prompt["rule_option"],
        "rule": _short(prompt, prompt["rule_option"]), "how": who, "took_s": round(float(prompt["elapsed_s"]), 1),
        "reason": prompt["reason"], "options": [{"id": o["id"], "short": o["short"]} for o in made["options"]],
    }  # fmt: skip


def _inject(slot: Mapping[str, Any], why: InputError | None) -> dict[str, Any]:
    kept = ("id", "status", "due_min", "released_min", "how", "trigger", "to", "sender", "text", "expected",
            "objective")  # fmt: skip
    return {
        **{key: slot[key] for key in kept},
        "failed": mistake(why) if why is not None else None,
        "status_text": both(lambda t, _: t(f"drill.inject_status.{slot['status']}")),
        "effects": [e["kind"] for e in slot["effects"]],
    }


def _read(messages: list[Any]) -> dict[str, Any]:
    """Return how many messages each role was sent and has acknowledged."""
    out: dict[str, dict[str, int]] = {}
    for message in messages:
        row = out.setdefault(message.role, {"sent": 0, "read": 0})
        row["sent"] += 1
        row["read"] += message.acknowledged_by is not None
    return out


def _score(card: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "points": card["points"], "grade": _grade(card["grade"]),
        "objectives": [
            {"id": o["id"], "title": o["title"], "points": o["points"], "grade": _grade(o["grade"]),
             "weight": o["weight"], "criteria": [_criterion(c) for c in o["criteria"]]}
            for o in card["objectives"]
        ],
    }  # fmt: skip


def _grade(grade: str | None) -> Both:
    return both(lambda t, _: t(f"drill.grades.{grade or 'none'}"))


def _criterion(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a criterion in words; the value as last read, without running seconds."""
    unit = str(row["unit"] or "")
    shown = {**row, "value": None if row["value"] is None else round(float(row["value"]), 1)} if unit == "min" else row
    return {
        "id": row["id"], "title": row["title"], "points": row["points"], "rated": row["source"] == "rated",
        "by_evaluator": row["unit"] is None, "value": both(lambda t, _: words.reading_text(shown, t)),
        "target": both(lambda t, _: words.amount(row["target"], unit, t)), "weight": row["weight"],
        "state": both(lambda t, _: t(f"drill.states.{row['state']}")),
    }  # fmt: skip


def _incident(incident: Mapping[str, Any]) -> dict[str, Any]:
    grid = {lang: incident["grid"][lang] for lang in LANGUAGES}
    kept = {key: incident[key] for key in ("title", "severity", "attended", "fate", "inject")}
    return {**kept, "grid": grid, "x_m": round(incident["x_m"], 1), "y_m": round(incident["y_m"], 1)}


# ---------------------------------------------------------------- a branch
def branch_shown(found: Any) -> dict[str, Any]:
    """Return a branch as rows of words and numbers."""
    prompt = found.prompt
    return {
        "decision": prompt["id"], "recorded": _short(prompt, found.recorded_option),
        "other": _short(prompt, found.other_option), "futures": found.replications,
        "same": found.parent_hash == found.unchanged_hash,
        "rows": [
            {
                "title": {"en": row.title.en, "zh": row.title.zh},
                "unit": both(lambda t, _, r=row: t.name("drill.units", r.unit)),  # type: ignore[misc]
                "difference": _finite(row.paired.difference), "low": _finite(row.paired.low),
                "high": _finite(row.paired.high), "recorded_value": _finite(row.recorded),
                "branch_value": _finite(row.branch),
                "verdict": both(lambda t, _, r=row: verdict(vars(r.paired), t)),  # type: ignore[misc]
            }
            for row in found.rows
        ],
    }  # fmt: skip


def _finite(value: float) -> float | None:
    return round(value, 4) if abs(value) < float("inf") else None
