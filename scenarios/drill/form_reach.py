"""What can never come about in an exercise: refused when it is read, since nobody would learn of it while it runs.

Injects that wait for each other or lie beyond the end, conditions that no value meets, asks that no decision fits,
fields that nothing reads. Names have been checked before (`scenarios.drill.form_checks`). What may be meant and
changes nothing is told instead (`told_of`).
"""

from __future__ import annotations

from collections.abc import Iterator

from scenarios.drill.criteria import HIGHER_IS_BETTER, MINUTES, NEED_INJECT, OF_PEOPLE, Criterion, Measure
from scenarios.drill.form import Condition, Effect, Exercise, Inject
from scenarios.drill.form_asks import ANSWERS, check_asks
from scenarios.form_errors import nearest
from scenarios.told import told
from sim.errors import InputError

READ_BY_EFFECT = {
    "incident": ("type", "severity", "grid", "place", "needs", "told_by"),
    "close_road": ("name", "x_m", "y_m", "around", "radius_m", "for_min"),
    "open_road": ("name",),
    "off_duty": ("post", "count"),
    "recall": ("post", "count"),
}
"""Kind of effect -> the fields that it reads."""
READ_BY_MEASURE = {
    "inject": NEED_INJECT, "since": MINUTES, "department": ("minutes_to_arrival",), "count": ("minutes_to_arrival",),
    "post": ("minutes_to_arrival", "waiting_tasks"), "type": ("share_responded_in_time",), "role": OF_PEOPLE,
    "ask": ("answer_s", "share_answered"),
}  # fmt: skip
"""Field of a measure -> the kinds that read it."""


_BY_CONTROLLERS = "travel.blocked_min"
"""Read when a road is closed, which controllers may do at any time."""


def check_reach(exercise: Exercise) -> None:
    """Raise InputError, without file and line, for the first thing that can never come about."""
    times = Times(exercise)
    for index, inject in enumerate(exercise.injects):
        _inject(f"injects.{index}", inject, exercise, times)
    check_asks(exercise, exercise.made_scenario.spec(exercise.base_policy))
    for o, objective in enumerate(exercise.objectives):
        for t, task in enumerate(objective.tasks):
            for c, criterion in enumerate(task.criteria):
                field = f"objectives.{o}.tasks.{t}.criteria.{c}"
                if criterion.measure is not None:
                    _measure(f"{field}.measure", criterion.measure, exercise)
                    _goal(field, criterion, criterion.measure)


def told_of(exercise: Exercise) -> list[InputError]:
    """Return what is told of an exercise and no mistake: texts of its scenario and of its own that change nothing."""
    used = frozenset(e.type for i in exercise.injects for e in i.effects if e.type)
    own = exercise._tree.origin(())[0]
    asked = frozenset(ask.hook for ask in exercise.asks)
    found = told(exercise.made_scenario, [exercise.base_policy], used, asked)
    found = [one for one in found if one.file == own and not str(one.field).endswith(_BY_CONTROLLERS)]
    for field, problem in _idle(exercise):
        found.append(exercise.placed(InputError(f"this changes nothing here: {problem}", field=field)))
    return found


class Times:
    """When injects can be released: at the earliest, and exactly where the text says so."""

    def __init__(self, exercise: Exercise) -> None:
        self._injects = {inject.id: inject for inject in exercise.injects}
        self._rows = {inject.id: row for row, inject in enumerate(exercise.injects)}

    def earliest(self, name: str, before: tuple[str, ...] = ()) -> float:
        """Return the exercise minute before which an inject cannot be released.

        Raises
        ------
        InputError
            When injects wait for each other.
        """
        inject = self._injects[name]
        if inject.after is None:
            return inject.at_min or 0.0
        if name in before:
            circle = " after ".join([*before[before.index(name) :], name])
            raise InputError(
                f"these injects wait for each other and are never released ({circle})",
                field=f"injects.{self._rows[before[-1]]}.after.inject", found=name,
                allowed="an inject that comes about without this one",
            )  # fmt: skip
        return self.earliest(inject.after.inject, (*before, name)) + inject.after.delay_min

    def exact(self, name: str) -> float | None:
        """Return the exercise minute at which an inject is released, None when that is not known beforehand."""
        inject = self._injects[name]
        if inject.after is None:
            return inject.at_min
        first = self.exact(inject.after.inject)
        return None if first is None else first + inject.after.delay_min


def _has_incident(inject: Inject) -> bool:
    return any(effect.kind == "incident" for effect in inject.effects)


def _inject(field: str, inject: Inject, exercise: Exercise, times: Times) -> None:
    earliest = times.earliest(inject.id)
    if inject.after is not None and earliest > exercise.length_min:
        latest = exercise.length_min - earliest + inject.after.delay_min
        raise InputError(
            "the inject lies after the end", field=f"{field}.after.delay_min", found=inject.after.delay_min,
            allowed=f"at most {latest:g} after '{inject.after.inject}', to come by {exercise.length_min:g} min",
        )  # fmt: skip
    if inject.when is not None:
        _condition(f"{field}.when", inject.when, exercise, times)
    if inject.to and inject.text is None:
        raise InputError("nothing is told to them: the inject has no 'text'", field=f"{field}.to",
                         found=", ".join(inject.to), allowed="a 'text', or no 'to'")  # fmt: skip
    for k, role in enumerate(inject.to):
        if role in inject.to[:k]:
            raise InputError("a role stands twice", field=f"{field}.to", found=role, allowed="each role once")
    for k, effect in enumerate(inject.effects):
        _effect(f"{field}.effects.{k}", k, effect, inject, exercise, times)


def _effect(field: str, number: int, effect: Effect, inject: Inject, exercise: Exercise, times: Times) -> None:
    for name in sorted(effect.model_fields_set - {"kind"}):
        if name not in READ_BY_EFFECT[effect.kind] and getattr(effect, name) is not None:
            raise InputError(f"an effect '{effect.kind}' does not read this", field=f"{field}.{name}",
                             found=getattr(effect, name), allowed=READ_BY_EFFECT[effect.kind])  # fmt: skip
    if effect.kind == "incident" and effect.place is not None and effect.grid is not None:
        raise InputError("a place lies in one grid, so only one of the two can be said", field=f"{field}.grid",
                         found=effect.grid, allowed="'place' or 'grid'")  # fmt: skip
    if effect.kind == "close_road" and effect.around is not None:
        _around(field, number, effect, inject, exercise, times)
    if effect.kind == "open_road":
        _opened(field, number, str(effect.name), inject, exercise, times)


def _around(field: str, number: int, effect: Effect, inject: Inject, exercise: Exercise, times: Times) -> None:
    around = str(effect.around)
    if effect.x_m is not None or effect.y_m is not None:
        raise InputError("the closure lies around an incident, so its centre cannot be said", field=f"{field}.around",
                         found=around, allowed="'around', or 'x_m' and 'y_m'")  # fmt: skip
    before = any(one.kind == "incident" for one in inject.effects[:number])
    mine, other = times.exact(inject.id), times.earliest(around)
    if not _has_incident(exercise.inject(around)) or (around == inject.id and not before):
        raise InputError("this inject brings about no incident that a closure could lie around",
                         field=f"{field}.around", found=around, allowed=_with_incidents(exercise))  # fmt: skip
    if mine is not None and other > mine:
        raise InputError("the road is closed before the incident around which it is closed", field=f"{field}.around",
                         found=f"{around}, not before {other:g} min", allowed=f"an inject by {mine:g} min")  # fmt: skip


def _opened(field: str, number: int, name: str, inject: Inject, exercise: Exercise, times: Times) -> None:
    """Raise when no inject closes the road before."""
    closing = [
        (other, k) for other in exercise.injects for k, e in enumerate(other.effects)
        if e.kind == "close_road" and e.name == name
    ]  # fmt: skip
    if not closing:
        names = sorted({str(e.name) for i in exercise.injects for e in i.effects if e.kind == "close_road"})
        raise InputError("no inject closes a road under this name", field=f"{field}.name", found=name,
                         allowed=nearest(name, names) or names or "no road is closed")  # fmt: skip
    mine = times.exact(inject.id)
    in_time = [
        k < number if other.id == inject.id else mine is None or times.earliest(other.id) <= mine
        for other, k in closing
    ]  # fmt: skip
    if not any(in_time):
        first = min(times.earliest(other.id) for other, _ in closing)
        raise InputError("the road is opened before it is closed", field=f"{field}.name", found=name,
                         allowed=f"an inject after {first:g} min, when it is closed")  # fmt: skip


def _condition(field: str, when: Condition, exercise: Exercise, times: Times) -> None:
    if when.decided is not None:
        ask = next(one for one in exercise.asks if one.id == when.decided)
        if when.answer is not None and when.answer not in ANSWERS[ask.hook]:
            raise InputError(f"a decision of the ask '{ask.id}' is never answered so", field=f"{field}.answer",
                             found=when.answer, allowed=ANSWERS[ask.hook])  # fmt: skip
        for name in ("above", "below"):
            if getattr(when, name) is not None:
                raise InputError("a condition on a decision does not read this", field=f"{field}.{name}",
                                 found=getattr(when, name), allowed="'answer'")  # fmt: skip
        return
    if when.answer is not None:
        raise InputError("a condition on a measure does not read this", field=f"{field}.answer", found=when.answer,
                         allowed="'above' or 'below'")  # fmt: skip
    measure = when.measure
    assert measure is not None
    _measure(f"{field}.measure", measure, exercise)
    low, high = _span(measure, exercise, times)
    if when.above is not None and not low <= when.above < high:
        problem = "this is always so, whatever happens" if when.above < low else "no value is ever above this"
        raise InputError(problem, field=f"{field}.above", found=when.above,
                         allowed=f"{low:g} or more, below {high:g} ({measure.unit})")  # fmt: skip
    if when.below is not None and not low < when.below <= high:
        problem = "no value is ever below this" if when.below <= low else "this is always so, whatever happens"
        raise InputError(problem, field=f"{field}.below", found=when.below,
                         allowed=f"above {low:g}, at most {high:g} ({measure.unit})")  # fmt: skip


def _span(measure: Measure, exercise: Exercise, times: Times) -> tuple[float, float]:
    """Return the values that a measure can take within the exercise."""
    if measure.kind in MINUTES:
        return 0.0, exercise.length_min - times.earliest(str(measure.inject))
    if measure.kind in HIGHER_IS_BETTER:
        return 0.0, 1.0
    if measure.kind == "highest_severity":
        return 1.0, 4.0
    if measure.kind == "answer_s":
        asked = [
            a.answer_within_s for a in exercise.asks if measure.ask in (None, a.id) and measure.role in (None, a.role)
        ]
        return 0.0, max(asked, default=0.0)
    return 0.0, float("inf")


def _measure(field: str, measure: Measure, exercise: Exercise) -> None:
    for name, kinds in READ_BY_MEASURE.items():
        if name in measure.model_fields_set and getattr(measure, name) is not None and measure.kind not in kinds:
            raise InputError(f"the measure '{measure.kind}' does not read this", field=f"{field}.{name}",
                             found=getattr(measure, name), allowed=f"with {', '.join(kinds)}")  # fmt: skip
    if measure.inject is not None and not _has_incident(exercise.inject(measure.inject)):
        raise InputError("this inject brings about no incident that could be measured", field=f"{field}.inject",
                         found=measure.inject, allowed=_with_incidents(exercise))  # fmt: skip
    if (
        measure.kind in ("answer_s", "share_answered")
        and exercise.asks
        and not any(measure.ask in (None, a.id) and measure.role in (None, a.role) for a in exercise.asks)
    ):
        name = "ask" if measure.ask is not None else "role"
        allowed = [f"{ask.id} ({ask.role})" for ask in exercise.asks]
        raise InputError("no decision is asked that this could measure", field=f"{field}.{name}",
                         found=getattr(measure, name), allowed=allowed)  # fmt: skip


def _goal(field: str, criterion: Criterion, measure: Measure) -> None:
    """Raise for a target or a failure that no value can reach."""
    low, high = (0.0, 1.0) if measure.kind in HIGHER_IS_BETTER else (0.0, float("inf"))
    low, high = (1.0, 4.0) if measure.kind == "highest_severity" else (low, high)
    for name in ("target", "fail"):
        value = float(getattr(criterion, name))
        if not low <= value <= high:
            allowed = f"{low:g} to {high:g}" if high < float("inf") else f"at least {low:g}"
            raise InputError("no value of this measure lies there", field=f"{field}.{name}", found=value,
                             allowed=f"{allowed} ({measure.unit})")  # fmt: skip


def _with_incidents(exercise: Exercise) -> list[str] | str:
    return [inject.id for inject in exercise.injects if _has_incident(inject)] or "no inject brings one about"


def _idle(exercise: Exercise) -> Iterator[tuple[str, str]]:
    told_roles = {role for inject in exercise.injects for role in inject.to} | {ask.role for ask in exercise.asks}
    for name, role in exercise.roles.items():
        if name not in told_roles and role.kind == "player":
            yield f"roles.{name}", "nothing is told to this player and nothing is asked"
    for index, inject in enumerate(exercise.injects):
        if inject.text is None:
            for name in ("channel", "sender"):
                if name in inject.model_fields_set:
                    yield f"injects.{index}.{name}", "the inject has no text that could be sent"
    named = {inject.objective for inject in exercise.injects}
    for index, objective in enumerate(exercise.objectives):
        if objective.id not in named and exercise.injects and all(c.measure is None for c in objective.criteria):
            yield f"objectives.{index}", "no inject serves this objective and nothing of it is measured"
