"""From readings to points and grades: exact values, weights in the open, what is not due does not count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.drill.criteria import Criterion, Measure
from scenarios.drill.form import Grades
from scenarios.drill.readings import Reading
from scenarios.drill.score import grade_of, score
from sim.cases.catalogue import Title
from sim.engine.codes import L_ARRIVE
from sim.errors import InputError
from tests import drill_sample as sample

_TITLE = Title(en="x", zh="某")


def _criterion(target: float, fail: float, kind: str = "minutes_to_arrival", weight: float = 1.0) -> Criterion:
    measure = Measure(kind=kind, inject="fire")  # type: ignore[arg-type]
    return Criterion(id="c", title=_TITLE, weight=weight, measure=measure, target=target, fail=fail)


@pytest.mark.parametrize(("value", "points"), [(0, 100), (10, 100), (15, 75), (20, 50), (30, 0), (99, 0)])
def test_points_run_linearly_from_fail_to_target(value, points):
    assert _criterion(10, 30).points(value) == pytest.approx(points)


def test_points_of_a_share_run_upwards():
    criterion = _criterion(0.9, 0.5, "share_answered")
    assert [criterion.points(v) for v in (0.5, 0.7, 0.9, 1.0)] == pytest.approx([0, 50, 100, 100])


@given(st.floats(0, 200), st.floats(0, 200))
def test_sooner_never_earns_less(a, b):
    criterion = _criterion(12, 47)
    assert criterion.points(min(a, b)) >= criterion.points(max(a, b))


@pytest.mark.parametrize(("points", "grade"), [(100, "P"), (85, "P"), (84.9, "S"), (70, "S"), (50, "M"), (49.9, "U")])
def test_grades_have_the_written_limits(points, grade):
    assert grade_of(points, Grades()) == grade
    assert grade_of(None, Grades()) is None


def _card(readings: dict[str, Reading], over: bool = True):
    made = sample.exercise()
    by_measure = {c.measure: readings.get(c.id, Reading(None, False)) for c in made.criteria if c.measure is not None}
    return score(made, lambda m: by_measure[m], {}, over)


def test_weights_count_and_what_was_not_observed_drops_out():
    card = _card({"street-there": Reading(21.0), "labour-there": Reading(40.0)})
    gathering = card.objectives[0]
    assert [c.points for c in gathering.criteria] == [50.0, None, 100.0, None]
    assert gathering.points == pytest.approx((1 * 50 + 2 * 100) / 3) and gathering.grade == "S"
    assert card.objectives[1].points is None and card.points == gathering.points


def test_what_is_not_due_does_not_count_and_what_is_overdue_earns_nothing():
    waiting = {"street-there": Reading(10.0, False)}
    assert _card(waiting).objectives[0].criteria[0].points is None  # the target had not passed
    late = {"street-there": Reading(21.0, False)}
    assert _card(late, over=False).objectives[0].criteria[0].points is None
    assert _card(late).objectives[0].criteria[0].points == 50.0  # no better than the time waited so far
    assert _card({"street-there": Reading(30.0, False)}, over=False).objectives[0].criteria[0].points == 0.0


def test_nothing_observed_gives_no_score():
    assert _card({}).points is None and _card({}).grade is None


def test_an_evaluators_rating_wins_and_is_bounded():
    made = sample.drill()
    made.start()
    made.rate("first-engine", 40, "Chen")
    row = next(c for o in made.score().objectives for c in o.criteria if c.criterion.id == "first-engine")
    assert row.points == 40 and row.source == "rated"
    with pytest.raises(InputError, match="impossible points"):
        made.rate("voice", 101, "Chen")
    with pytest.raises(InputError, match="unknown criterion"):
        made.rate("moon", 50, "Chen")


def test_minutes_are_those_of_the_log():
    made = sample.by_rule(sample.drill())
    log = made.world.log[: int(made.world.clock["log"][0])]
    entity = np.uint64(made._ongoing.entities["fire"][0])
    incident = int(np.flatnonzero(made.world.incidents["entity"] == entity)[0])
    cases = np.flatnonzero(made.world.cases["incident"][: int(made.world.clock["cases"][0])] == incident)
    fire = made.ground.names.posts.index("fire_engine")
    came = [
        float(e["time_min"]) for e in log
        if e["kind"] == L_ARRIVE and e["case"] in cases and made.world.staff["post"][e["staff"]] == fire
    ]  # fmt: skip
    first = made.read(Measure(kind="minutes_to_arrival", inject="fire", department="fire"))
    second = made.read(Measure(kind="minutes_to_arrival", inject="fire", department="fire", count=2))
    start = made.ground.start_min + 30
    assert first.value == pytest.approx(min(came) - start) and second.value == pytest.approx(sorted(came)[1] - start)
    assert not made.read(Measure(kind="minutes_to_arrival", inject="fire", department="fire", count=50)).reached
    loss = made.read(Measure(kind="loss_yuan", inject="fire")).value
    assert loss == pytest.approx(60 / 60 * 60000)  # a whole hour at the type's rate: it is not over at the end
