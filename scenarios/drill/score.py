"""From readings to points, objectives and grades, with every weight in the open.

A criterion gives 0-100 points, or none when nothing could be observed (not due before the end, nothing asked);
such a criterion drops out and the weights of the others count. An objective's points are the weighted mean of its
criteria, the exercise's that of its objectives. Grades: P performed without challenges (优), S with some (良), M
with major (中), U unable to be performed (差); the limits stand in the exercise. The conversion is this project's
own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scenarios.drill.criteria import MINUTES, Criterion, Measure
from scenarios.drill.form import Exercise, Grades
from scenarios.drill.readings import Reading

GRADES = ("P", "S", "M", "U")


@dataclass(frozen=True)
class Rating:
    """What an evaluator gave a criterion."""

    points: float
    by: str
    t_min: float
    text: str = ""


@dataclass(frozen=True)
class CriterionScore:
    """One criterion with its value and points.

    Attributes
    ----------
    value, reached
        Reading; minutes not reached are the time waited until now.
    points
        0-100, None when not observed.
    source
        ``measured``, ``rated`` or ``none``.
    """

    criterion: Criterion
    task: str
    value: float | None
    reached: bool
    points: float | None
    source: str
    rating: Rating | None = None


@dataclass(frozen=True)
class ObjectiveScore:
    """An objective's points and grade with its criteria."""

    id: str
    title: Any
    weight: float
    points: float | None
    grade: str | None
    criteria: list[CriterionScore]


@dataclass(frozen=True)
class Scorecard:
    """The exercise's points and grade with its objectives."""

    points: float | None
    grade: str | None
    objectives: list[ObjectiveScore]

    def shown(self) -> dict[str, Any]:
        """Return the scorecard as data."""
        return {
            "points": _rounded(self.points), "grade": self.grade,
            "objectives": [
                {"id": o.id, "title": {"en": o.title.en, "zh": o.title.zh}, "weight": o.weight,
                 "points": _rounded(o.points), "grade": o.grade, "criteria": [_criterion(c) for c in o.criteria]}
                for o in self.objectives
            ],
        }  # fmt: skip


def _rounded(points: float | None) -> float | None:
    return None if points is None else round(points, 2)


def _criterion(c: CriterionScore) -> dict[str, Any]:
    measure = c.criterion.measure
    return {
        "id": c.criterion.id, "title": {"en": c.criterion.title.en, "zh": c.criterion.title.zh}, "task": c.task,
        "weight": c.criterion.weight, "value": None if c.value is None else round(c.value, 4), "reached": c.reached,
        "target": c.criterion.target, "fail": c.criterion.fail, "points": _rounded(c.points), "source": c.source,
        "unit": measure.unit if measure else None, "state": measure.state if measure else "rated",
    }  # fmt: skip


def grade_of(points: float | None, grades: Grades) -> str | None:
    """Return the grade of 0-100 points, None when there are none."""
    if points is None:
        return None
    return next((g for g in ("P", "S", "M") if points >= getattr(grades, g)), "U")


def score(
    exercise: Exercise, read: Callable[[Measure], Reading], ratings: Mapping[str, Rating], over: bool
) -> Scorecard:
    """Return the scorecard now.

    Parameters
    ----------
    read
        Reads a measure now.
    ratings
        Criterion -> what an evaluator gave; it wins over the measured points.
    over
        True once the exercise has ended: what was not reached by then and was due is no longer "not yet".
    """
    objectives = []
    for objective in exercise.objectives:
        rows = [
            _score_one(c, task.id, read, ratings.get(c.id), over) for task in objective.tasks for c in task.criteria
        ]
        points = _mean([(r.criterion.weight, r.points) for r in rows])
        grade = grade_of(points, exercise.grades)
        objectives.append(ObjectiveScore(objective.id, objective.title, objective.weight, points, grade, rows))
    total = _mean([(o.weight, o.points) for o in objectives])
    return Scorecard(total, grade_of(total, exercise.grades), objectives)


def _mean(rows: list[tuple[float, float | None]]) -> float | None:
    known = [(w, p) for w, p in rows if p is not None]
    return sum(w * p for w, p in known) / sum(w for w, _ in known) if known else None


def _score_one(
    criterion: Criterion, task: str, read: Callable[[Measure], Reading], rating: Rating | None, over: bool
) -> CriterionScore:
    reading = read(criterion.measure) if criterion.measure is not None else Reading(None, False)
    if rating is not None:
        return CriterionScore(criterion, task, reading.value, reading.reached, rating.points, "rated", rating)
    points = _measured_points(criterion, reading, over)
    source = "measured" if points is not None else "none"
    return CriterionScore(criterion, task, reading.value, reading.reached, points, source)


def _measured_points(criterion: Criterion, reading: Reading, over: bool) -> float | None:
    if criterion.measure is None or reading.value is None:
        return None
    if reading.reached:
        return criterion.points(reading.value)
    if criterion.measure.kind not in MINUTES:
        return None
    # not reached: no points once the time at which none are earned has passed; before that it is not due yet
    fail = float(criterion.fail or 0.0)
    if reading.value >= fail:
        return 0.0
    # at the end what is late already cannot earn more than the time waited so far would give
    late = over and reading.value > float(criterion.target or 0.0)
    return criterion.points(reading.value) if late else None
