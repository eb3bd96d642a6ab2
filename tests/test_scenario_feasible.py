"""Numbers that fit the form and cannot work together are refused before anything runs, on their line."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from oracles.bare import delay, exponential, kind, model, post, stage

from scenarios import load
from scenarios.model_job import ModelJob
from scenarios.places import city_of
from scenarios.schema import Scenario
from sim.errors import InputError

TWO_PLACES = {"bare": {"places": [[0, 0], [100, 0]], "metric": "none"}}
BASE = model(
    24.0, 60.0, posts={"desk": post(2)}, types={"call": kind(3.0, stage("desk", exponential(10)))}, city=TWO_PLACES
)


def changed(tmp_path: Any, change: Callable[[dict[str, Any]], object]) -> Scenario:
    """Load the base scenario with a change."""
    sections = copy.deepcopy(BASE)
    change(sections)
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(sections, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load(file)


def call(sections: dict[str, Any]) -> dict[str, Any]:
    """Return the base's one type."""
    return sections["types"]["call"]


def by_list(*rows: list[int]) -> Callable[[dict[str, Any]], object]:
    """Return a change that chooses units by given lists."""
    return lambda s: s.update(preferences=list(rows), rules={"dispatch": "fixed_preference"})


def scripted(*lines: tuple[str, float]) -> Callable[[dict[str, Any]], object]:
    """Return a change that adds a script of names and minutes."""
    return lambda s: s.update(script=[{"name": name, "type": "call", "at_min": at} for name, at in lines])


WRONG = {
    "crew": (lambda s: call(s)["stages"][0].update(staff=3), "types.call.stages[0].staff", "never has so many"),
    "person": (lambda s: s["posts"]["desk"].update(count=1.5), "posts.desk.count", "whole number"),
    "no list": (lambda s: s["rules"].update(dispatch="fixed_preference"), "rules.dispatch", "needs 'preferences'"),
    "from one": (by_list([1, 2], [2, 1]), "preferences[0]", "numbered from 0"),
    "twice": (by_list([0, 1], [1, 1]), "preferences[1]", "stands twice"),
    "wave": (lambda s: call(s).update(sine={"amplitude": 2, "period_h": 24}), "types.call.sine.amplitude", "below 0"),
    "period": (lambda s: call(s).update(sine={"amplitude": 0.5}), "types.call.sine", "period_h"),
    "name": (scripted(("a", 1.0), ("a", 2.0)), "script[1].name", "same name"),
    "late": (scripted(("a", 1e6)), "script[0].at_min", "after the end"),
    "no end": (
        lambda s: call(s).update(stages=[delay("a", 0.0, next={"b": 1}), delay("b", 0.0, next={"a": 1})]),
        "types.call.stages[0].next", "for ever",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_work_is_refused_on_its_line(tmp_path, name):
    change, field, said = WRONG[name]
    with pytest.raises(InputError) as caught:
        changed(tmp_path, change).spec()
    error = caught.value
    assert error.field == field
    assert said in error.sentence()
    assert error.line and str(error.file).endswith("mine.yaml")


GOOD = {
    "loop that may end": lambda s: call(s).update(stages=[delay("a", 0.0, next={"a": 0.5})]),
    "loop that takes time": lambda s: call(s).update(stages=[delay("a", 1.0, next={"a": 1})]),
    "crew of all": lambda s: call(s)["stages"][0].update(staff=2),
    "lists": by_list([0, 1], [1, 0]),
    "lists of some": by_list([0], [1]),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_can_work_is_taken(tmp_path, name):
    assert changed(tmp_path, GOOD[name]).spec().types["call"].stages


def test_what_only_the_built_city_shows_has_its_line(tmp_path):
    with pytest.raises(InputError) as caught:
        ModelJob(changed(tmp_path, lambda s: s["posts"]["desk"].update(places=[0, 7]))).prepare("as-is")
    assert (caught.value.field, caught.value.line is not None) == ("posts.desk.places", True)
    with pytest.raises(InputError) as caught:
        city_of(changed(tmp_path, lambda s: s.update(city={"bare": {"travel_min": [[0, -1], [1, 0]]}})))
    assert (caught.value.field, caught.value.line is not None) == ("city.bare.travel_min", True)


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        (lambda s: s.update(title="A line"), "title", "{en: ..., zh: ...}"),
        (lambda s: call(s).update(hours=[1] * 23), "types.call.hours", "24 weights"),
        (lambda s: call(s)["stages"][0].update(touch_min={"exponentail": {"mean": 3}}),
         "types.call.stages[0].touch_min", "allowed: constant, exponential"),
        (lambda s: s.update(warm_up_days=9), "horizon_days", "leave no window"),
    ],
)  # fmt: skip
def test_a_clause_about_a_field_names_the_field_and_not_its_form(tmp_path, change, field, said):
    with pytest.raises(InputError) as caught:
        changed(tmp_path, change).spec()
    assert caught.value.field == field
    assert said in caught.value.sentence()
    assert "a mapping of" not in caught.value.sentence()
