"""The form of an exercise: the shipped one is whole, and every mistake is named with its line."""

from __future__ import annotations

import pytest

from scenarios.drill import Exercise, Ground, names
from scenarios.drill.form import DRILLS
from scenarios.library import names as scenario_names
from sim.errors import InputError
from tests import drill_sample as sample

TEXT = (DRILLS / f"{sample.NAME}.yaml").read_text(encoding="utf-8")


def _wrong(text: str, **expected: object) -> InputError:
    with pytest.raises(InputError) as caught:
        Exercise.parse(text, "mine.yaml")
    error = caught.value
    for name, value in expected.items():
        found = getattr(error, name)
        assert (value in str(found)) if isinstance(value, str) else found == value, f"{name}: {error.sentence()}"
    return error


def _line(piece: str, text: str = TEXT) -> int:
    return text[: text.index(piece)].count("\n") + 1


def test_the_shipped_exercise_is_what_it_promises():
    exercise = sample.exercise()
    assert sample.NAME in names() and sample.NAME not in scenario_names()
    assert exercise.length_min == 90 and 6 <= len(exercise.injects) <= 10
    deciding = {ask.role for ask in exercise.asks}
    assert len(deciding) >= 2 and {a.hook for a in exercise.asks} >= {"dispatch", "coordinate"}
    assert all(c.measure is not None or c.id == "voice" for c in exercise.criteria)
    effects = {e.kind for i in exercise.injects for e in i.effects}
    assert effects == {"incident", "close_road", "off_duty", "recall"}
    assert all(i.text.zh and i.text.en for i in exercise.injects)


def test_content_makes_the_same_exercise_again():
    again = Exercise.from_data(sample.exercise().content)
    assert again.content == sample.exercise().content
    assert again.hash == sample.exercise().hash
    assert Exercise.parse(TEXT).hash == again.hash


def test_two_triggers_are_refused_with_the_line():
    _wrong(TEXT.replace("    at_min: 48\n", "    at_min: 48\n    manual: true\n"), problem="exactly one of",
           line=_line("  - id: brawl"))  # fmt: skip


def test_unknown_names_are_refused_with_line_and_what_is_near():
    _wrong(TEXT.replace("role: street_leader\n    posts", "role: street_leeder\n    posts"), problem="unknown role",
           line=_line("role: street_leader\n    posts"), found="street_leeder", allowed="street_leader")  # fmt: skip
    _wrong(TEXT.replace("type: brawl", "type: brawls"), problem="unknown type", allowed="brawl")
    _wrong(
        TEXT.replace("inject: fire, department: fire}", "inject: fyre, department: fire}", 1), problem="unknown inject"
    )
    _wrong(TEXT.replace("objective: command", "objective: comand", 1), problem="unknown objective")
    _wrong(TEXT.replace("to: [dispatcher]", "to: [dispacher]", 1), problem="unknown role")


def test_numbers_out_of_place_are_refused():
    _wrong(TEXT.replace("at_min: 48", "at_min: 148"), problem="after the end", line=_line("at_min: 48"))
    _wrong(
        TEXT.replace("target: 12\n            fail: 30", "target: 12\n            fail: 3", 1), problem="must lie above"
    )
    _wrong(TEXT.replace("target: 0.95\n            fail: 0.5", "target: 0.5\n            fail: 0.9"), problem="below")
    _wrong(TEXT.replace('time: "19:00"', 'time: "19:75"'), problem="time of day")
    _wrong(TEXT.replace("length_min: 90", "length_mins: 90"), problem="unknown field")


def test_an_observer_cannot_be_asked_and_ids_stand_once():
    _wrong(TEXT.replace("    role: street_leader\n    posts", "    role: observer\n    posts"), problem="cannot decide")
    _wrong(TEXT.replace("  - id: unit-down", "  - id: brawl"), problem="stands twice")


def test_a_policy_that_asks_itself_is_refused():
    text = TEXT.replace("rules: {coordinate: whistle_and_report}", "rules: {coordinate: ask}")
    _wrong(text, problem="leaves this decision open itself")


def test_uploads_are_bounded_and_name_no_files():
    _wrong(TEXT + "#" * 300_000, problem="too large")
    _wrong(TEXT.replace("extends: ordinary-district", "extends: ../secret.yaml"), problem="no shipped scenario")
    text = TEXT.replace("    synthetic:\n      name: Model", "    path: /somewhere\n    bare_name:\n      name: Model")
    with pytest.raises(InputError):
        Exercise.parse(text)
    _wrong(TEXT.replace("residents: 40000", "residents: 40000\n      admin_tree: /x.csv"), problem="cannot name files")
    _wrong(TEXT.replace("residents: 40000", "residents: 4000000"), problem="too large", line=_line("residents: 40000"))
    code = TEXT.replace("rules: {coordinate: whistle_and_report}", "rules: {coordinate: 'antigravity:fly'}")
    _wrong(code, problem="cannot name code", line=_line("rules: {coordinate"))
    _wrong(TEXT.replace("name: evening-wage-fire", "name: !!python/object:os.system x", 1), problem="tags")


def test_unknown_exercise_says_which_there_are():
    with pytest.raises(InputError, match="no exercise of that name") as caught:
        Exercise.load("evening-wage-fir")
    assert sample.NAME in str(caught.value.allowed)


def test_a_grid_that_is_not_there_is_named():
    def change(data):
        data["injects"][1]["effects"][0]["grid"] = "C-99"

    with pytest.raises(InputError, match="unknown grid"):
        Ground.of(sample.varied(change))


def test_every_field_of_the_form_is_told_in_the_reference():
    from pathlib import Path

    from scenarios.drill import criteria, form

    page = (Path(__file__).parent.parent / "docs" / "reference" / "exercise-form.md").read_text(encoding="utf-8")
    forms = (form.Exercise, form.Start, form.Role, form.Sees, form.Ask, form.Inject, form.After, form.Condition,
             form.Effect, form.Objective, form.Task, form.Grades, criteria.Criterion, criteria.Measure)  # fmt: skip
    missing = [f"{one.__name__}.{name}" for one in forms for name in one.model_fields if f"`{name}" not in page]
    assert not missing
    assert all(f"`{kind}`" in page for kind in criteria.UNITS)
