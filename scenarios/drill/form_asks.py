"""Asks that no decision can ever fit: refused when an exercise is read.

A decision fits an ask when all that the ask names holds (`scenarios.drill.decisions.matching`). Here the same is held
against what the scenario and the injects can bring about at all, never against what they will.
"""

from __future__ import annotations

from collections.abc import Iterator

from scenarios.drill.form import Ask, Effect, Exercise
from sim.cases.catalogue import LEVELS, CaseType
from sim.errors import InputError
from sim.spec import ModelSpec

ANSWERS = {
    "dispatch": ("send", "wait"),
    "coordinate": ("handle", "refer", "whistle", "escalate", "supervise", "close"),
    "report_in": ("accept", "defer", "refuse"),
    "pick": ("take", "idle"),
}
"""Hook -> the kinds of answers that are offered."""
READ_BY_ASK = {
    "types": ("dispatch", "coordinate", "report_in"), "incidents": ("dispatch", "coordinate", "report_in"),
    "emergency": ("dispatch", "coordinate", "report_in"), "severity_at_least": ("dispatch", "coordinate", "report_in"),
    "departments": ("dispatch", "report_in"), "posts": ("dispatch", "report_in", "pick"), "reasons": ("coordinate",),
}  # fmt: skip
"""Field of an ask -> the hooks whose decisions it narrows."""


def check_asks(exercise: Exercise, spec: ModelSpec) -> None:
    """Raise InputError, without file and line, for the first ask that can never fire."""
    for index, ask in enumerate(exercise.asks):
        field = f"asks.{index}"
        for name, hooks in READ_BY_ASK.items():
            if name in ask.model_fields_set and getattr(ask, name) is not None and ask.hook not in hooks:
                raise InputError(f"an ask of '{ask.hook}' does not read this", field=f"{field}.{name}",
                                 found=getattr(ask, name), allowed=f"with {', '.join(hooks)}")  # fmt: skip
            if getattr(ask, name) == []:
                raise InputError("an empty list fits no decision, so this is never asked", field=f"{field}.{name}",
                                 found=[], allowed="names, or null for all")  # fmt: skip
        earlier = next((one for one in exercise.asks[:index] if _covers(one, ask)), None)
        if earlier is not None:
            raise InputError(f"the ask '{earlier.id}' stands first and takes all of these, so this is never asked",
                             field=f"{field}.id", found=ask.id, allowed=f"it before '{earlier.id}'")  # fmt: skip
        if ask.hook != "pick":
            _fits(field, ask, exercise, spec)


def _covers(first: Ask, second: Ask) -> bool:
    """Return True when every decision of the second ask is one of the first, which asks without end."""
    if first.hook != second.hook or first.at_most is not None or first.severity_at_least > second.severity_at_least:
        return False
    if first.emergency is not None and first.emergency != second.emergency:
        return False
    for name in ("types", "incidents", "departments", "posts", "reasons"):
        wide, narrow = getattr(first, name), getattr(second, name)
        if wide is not None and (narrow is None or not set(narrow) <= set(wide)):
            return False
    return True


def _fits(field: str, ask: Ask, exercise: Exercise, spec: ModelSpec) -> None:
    effects = list(_effects(ask, exercise))
    if ask.incidents is not None and not effects:
        allowed = [i.id for i in exercise.injects if any(e.kind == "incident" for e in i.effects)]
        raise _never("these injects bring about no incident", f"{field}.incidents", ask.incidents, allowed)
    possible = _types(ask, effects, spec)
    kinds = {name: spec.types[name] for name in possible if ask.types is None or name in ask.types}
    if not kinds:
        raise _never("the incidents are of other types", f"{field}.types", ask.types, sorted(possible))
    if ask.emergency is not None:
        kinds = {name: kind for name, kind in kinds.items() if kind.emergency == ask.emergency}
        if not kinds:
            word = "is an emergency" if ask.emergency else "is no emergency"
            raise _never(
                f"none of the types {word}", f"{field}.emergency", ask.emergency, str(not ask.emergency).lower()
            )
    worst = _worst(effects or [e for i in exercise.injects for e in i.effects if e.type in kinds], kinds, spec)
    if ask.severity_at_least > worst:
        raise _never(
            "no incident becomes so severe", f"{field}.severity_at_least", ask.severity_at_least, f"1 to {worst}"
        )
    asked_for = {d for e in effects for d in e.needs or []}
    if ask.hook == "report_in":
        _narrow(field, "departments", ask.departments, _departments(kinds, spec) | asked_for)
    elif ask.hook == "dispatch":
        posts = _posts(kinds, spec) | {spec.departments[d].post for d in asked_for}
        _narrow(field, "posts", ask.posts, posts)
        _narrow(
            field, "departments", ask.departments, {str(spec.posts[p].department) for p in posts if p in spec.posts}
        )
    elif ask.reasons == ["resident"] and not spec.parameters.get("coordination.resident_whistle"):
        raise _never("residents do not whistle here ('coordination.resident_whistle' is 0)", f"{field}.reasons",
                     ask.reasons, "other reasons")  # fmt: skip


def _never(why: str, field: str, found: object, allowed: object) -> InputError:
    shown = ", ".join(map(str, found)) if isinstance(found, list) else found
    return InputError(f"this is never asked: {why}", field=field, found=shown, allowed=allowed)


def _narrow(field: str, name: str, wanted: list[str] | None, possible: set[str]) -> None:
    if not possible:
        raise _never(
            f"no decision of this kind comes about: no {name} are needed", field, name, "another hook, or types"
        )
    if wanted is not None and not set(wanted) & possible:
        raise _never(f"none of these {name} is ever needed for it", f"{field}.{name}", wanted, sorted(possible))


def _effects(ask: Ask, exercise: Exercise) -> Iterator[Effect]:
    """Yield the incidents that an ask names."""
    for name in ask.incidents or []:
        yield from (effect for effect in exercise.inject(name).effects if effect.kind == "incident")


def _types(ask: Ask, effects: list[Effect], spec: ModelSpec) -> set[str]:
    """Return what a case may be filed as: the types of the incidents, and what they may be mistaken for."""
    if ask.incidents is None:
        return {name for name, kind in spec.types.items() if kind.kind != "bare"}
    own = {str(effect.type) for effect in effects}
    return own | {
        other for name in own if spec.types[name].seems.misjudged > 0 for other in spec.types[name].seems.as_types
    }


def _worst(effects: list[Effect], kinds: dict[str, CaseType], spec: ModelSpec) -> int:
    """Return the highest severity that a case of some types can have."""
    if any(kind.grows_per_h > 0 for kind in kinds.values()):
        return 4
    drawn = [max(s + 1 for s, share in enumerate(kind.severity) if share > 0) for kind in kinds.values()]
    scripted = [told.severity for told in spec.script if told.type in kinds]
    return max([*drawn, *scripted, *[effect.severity for effect in effects]], default=4)


def _departments(kinds: dict[str, CaseType], spec: ModelSpec) -> set[str]:
    named = {d for kind in kinds.values() for d in (*kind.needs, *kind.believed_needs, kind.department)}
    return {str(name) for name in named if name in spec.departments}


def _posts(kinds: dict[str, CaseType], spec: ModelSpec) -> set[str]:
    """Return the posts whose people may be sent to cases of some types."""
    found = {spec.departments[d].post for d in _departments(kinds, spec)}
    for kind in kinds.values():
        whos = {stage.who for stage in kind.stages if stage.staff > 0}
        found |= {spec.departments[w].post if w in spec.departments else w for w in whos - {"holder"}}
        if kind.start in spec.departments:
            found.add(spec.departments[kind.start].post)
        ladder = {**spec.ladder, **kind.ladder}
        found |= {ladder[level] for level in LEVELS if level in ladder}
    return found
