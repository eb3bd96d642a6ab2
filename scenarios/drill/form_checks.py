"""Names in an exercise held against what its scenario and the exercise itself have, before anything is built."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scenarios.drill.criteria import Measure
from scenarios.drill.form import CONTROLLER, NAME, Exercise, Inject
from scenarios.form_errors import nearest
from sim.errors import InputError


def check_names(exercise: Exercise) -> None:
    """Raise InputError, without file and line, for the first name that is not known or stands twice."""
    spec = exercise.made_scenario.spec(exercise.base_policy)
    _check_unique(exercise)
    known = {
        "type": list(spec.types), "post": list(spec.posts), "department": list(spec.departments),
        "channel": list(spec.channels), "role": list(exercise.roles), "inject": [i.id for i in exercise.injects],
        "ask": [a.id for a in exercise.asks], "objective": [o.id for o in exercise.objectives],
    }  # fmt: skip
    if CONTROLLER in exercise.roles:
        raise InputError("this role is always there and not written", field=f"roles.{CONTROLLER}")
    for field, kind, name in _mentions(exercise):
        if name not in known[kind]:
            raise InputError(f"unknown {kind}", field=field, found=name,
                             allowed=nearest(name, known[kind]) or known[kind][:12])  # fmt: skip
    for index, inject in enumerate(exercise.injects):
        if inject.at_min is not None and inject.at_min > exercise.length_min:
            raise InputError("the inject lies after the end", field=f"injects.{index}.at_min", found=inject.at_min,
                             allowed=f"at most {exercise.length_min:g}")  # fmt: skip
    for index, ask in enumerate(exercise.asks):
        if exercise.roles[ask.role].kind != "player":
            raise InputError("an observer cannot decide", field=f"asks.{index}.role", found=ask.role,
                             allowed=[n for n, r in exercise.roles.items() if r.kind == "player"])  # fmt: skip
        if getattr(spec.rules, ask.hook) == "ask":
            raise InputError("the policy leaves this decision open itself, so nothing would answer on time-out",
                             field=f"asks.{index}.hook", found=ask.hook,
                             allowed="a policy with a rule behind this hook")  # fmt: skip


def _check_unique(exercise: Exercise) -> None:
    lists = {
        "injects": [i.id for i in exercise.injects], "asks": [a.id for a in exercise.asks],
        "objectives": [o.id for o in exercise.objectives],
    }  # fmt: skip
    for field, ids in lists.items():
        for index, name in enumerate(ids):
            if name in ids[:index]:
                raise InputError(
                    "this id stands twice", field=f"{field}.{index}.id", found=name, allowed="each id once"
                )
    ids = [c.id for c in exercise.criteria]
    doubled = next((name for name in ids if ids.count(name) > 1), None)
    if doubled is not None:
        raise InputError("a criterion's id stands twice", field="objectives", found=doubled, allowed="each id once")
    for name in exercise.roles:
        if not re.fullmatch(NAME, name):
            raise InputError("a role's id cannot be used", field=f"roles.{name}", found=name,
                             allowed="up to 60 letters, digits, '-', '_' and '.'")  # fmt: skip


def _mentions(exercise: Exercise) -> Iterator[tuple[str, str, str]]:
    """Yield (field, kind of thing, name) of every name that an exercise mentions."""
    for name, role in exercise.roles.items():
        yield from _each(f"roles.{name}.sees.posts", "post", role.sees.posts)
        yield from _each(f"roles.{name}.sees.types", "type", role.sees.types)
    for index, inject in enumerate(exercise.injects):
        yield from _inject_mentions(f"injects.{index}", inject)
    for index, ask in enumerate(exercise.asks):
        field = f"asks.{index}"
        yield f"{field}.role", "role", ask.role
        yield from _each(f"{field}.types", "type", ask.types)
        yield from _each(f"{field}.incidents", "inject", ask.incidents)
        yield from _each(f"{field}.departments", "department", ask.departments)
        yield from _each(f"{field}.posts", "post", ask.posts)
    for o, objective in enumerate(exercise.objectives):
        for t, task in enumerate(objective.tasks):
            for c, criterion in enumerate(task.criteria):
                field = f"objectives.{o}.tasks.{t}.criteria.{c}.measure"
                if criterion.measure is not None:
                    yield from _measure_mentions(field, criterion.measure)


def _inject_mentions(field: str, inject: Inject) -> Iterator[tuple[str, str, str]]:
    yield from _each(f"{field}.to", "role", inject.to)
    if inject.objective is not None:
        yield f"{field}.objective", "objective", inject.objective
    if inject.after is not None:
        yield f"{field}.after.inject", "inject", inject.after.inject
    if inject.when is not None and inject.when.decided is not None:
        yield f"{field}.when.decided", "ask", inject.when.decided
    if inject.when is not None and inject.when.measure is not None:
        yield from _measure_mentions(f"{field}.when.measure", inject.when.measure)
    for k, effect in enumerate(inject.effects):
        at = f"{field}.effects.{k}"
        yield from _each(f"{at}.type", "type", [effect.type] if effect.type else None)
        yield from _each(f"{at}.needs", "department", effect.needs)
        yield from _each(f"{at}.told_by", "channel", [effect.told_by] if effect.told_by else None)
        yield from _each(f"{at}.post", "post", [effect.post] if effect.post else None)
        yield from _each(f"{at}.around", "inject", [effect.around] if effect.around else None)


def _measure_mentions(field: str, measure: Measure) -> Iterator[tuple[str, str, str]]:
    for kind in ("inject", "department", "post", "role", "ask", "type"):
        name = getattr(measure, kind)
        if name is not None:
            yield f"{field}.{kind}", kind, name


def _each(field: str, kind: str, found: list[str] | None) -> Iterator[tuple[str, str, str]]:
    for index, name in enumerate(found or []):
        yield (f"{field}.{index}" if len(found or []) > 1 else field), kind, name
