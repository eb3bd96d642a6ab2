"""What can never come about in an exercise is refused when it is read, on its line; what may be meant is told."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from scenarios.drill import Exercise, Ground
from scenarios.drill.form import DRILLS
from sim.errors import InputError
from tests import drill_sample as sample

DATA = yaml.safe_load((DRILLS / f"{sample.NAME}.yaml").read_text(encoding="utf-8"))
SAY = {"to": ["dispatcher"], "text": {"en": "x", "zh": "x"}}
Change = Callable[[dict[str, Any]], object]


def parsed(change: Change) -> Exercise:
    data = copy.deepcopy(DATA)
    change(data)
    return Exercise.parse(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), "mine.yaml")


def add(**inject: Any) -> Change:
    """Return a change that adds an inject which tells the dispatcher something."""
    return lambda d: d["injects"].append({"id": "extra", **({} if "to" in inject else SAY), **inject})


def several(*injects: dict[str, Any]) -> Change:
    return lambda d: d["injects"].extend({**SAY, **inject} for inject in injects)


def ask(**fields: Any) -> Change:
    """Return a change that puts an ask of the dispatcher before all others."""
    return lambda d: d["asks"].insert(0, {"id": "new", "role": "dispatcher", **fields})


def when(**condition: Any) -> Change:
    return add(when=condition)


def measured(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, **fields}


def criterion(**fields: Any) -> Change:
    return lambda d: d["objectives"][0]["tasks"][0]["criteria"][0].update(fields)


CLOSE = {"kind": "close_road", "name": "bridge", "x_m": 20, "y_m": 1000, "radius_m": 380}
OPEN = {"kind": "open_road", "name": "bridge"}
TO_FIRE = measured("minutes_to_arrival", inject="fire")

REFUSED: dict[str, tuple[Change, str, str]] = {
    "circle": (
        several({"id": "a1", "after": {"inject": "a2"}}, {"id": "a2", "after": {"inject": "a1"}}),
        "injects[11].after.inject",
        "wait for each other",
    ),
    "longer circle": (
        several(*[{"id": f"a{i}", "after": {"inject": f"a{(i + 1) % 3}"}} for i in range(3)]),
        "after.inject",
        "wait for each other",
    ),
    "itself": (add(after={"inject": "extra", "delay_min": 1}), "injects[10].after.inject", "extra after extra"),
    "after the end": (add(after={"inject": "fire", "delay_min": 500}), "injects[10].after.delay_min", "at most 60"),
    "chain to the end": (
        several(
            {"id": "a", "after": {"inject": "fire", "delay_min": 50}},
            {"id": "b", "after": {"inject": "a", "delay_min": 20}},
        ),
        "after.delay_min",
        "after the end",
    ),
    "after a condition": (
        several(
            {"id": "a", "when": {"measure": TO_FIRE, "above": 5}},
            {"id": "b", "after": {"inject": "a", "delay_min": 91}},
        ),
        "after.delay_min",
        "after the end",
    ),
    "told to nobody": (add(at_min=3, to=["dispatcher"], effects=[CLOSE]), "injects[10].to", "no 'text'"),
    "role twice": (lambda d: d["injects"][0].update(to=["observer", "observer"]), "injects[0].to", "stands twice"),
    "road never closed": (add(at_min=5, effects=[OPEN]), "effects[0].name", "no inject closes"),
    "opened before": (
        several({"id": "a", "at_min": 5, "effects": [OPEN]}, {"id": "b", "at_min": 9, "effects": [CLOSE]}),
        "injects[10].effects[0].name",
        "opened before it is closed",
    ),
    "closed around nothing": (
        add(at_min=5, effects=[{"kind": "close_road", "name": "b", "around": "briefing"}]),
        "effects[0].around",
        "brings about no incident",
    ),
    "closed around the future": (
        add(at_min=5, effects=[{"kind": "close_road", "name": "b", "around": "fire"}]),
        "effects[0].around",
        "before the incident",
    ),
    "centre twice": (
        add(at_min=50, effects=[{**CLOSE, "around": "fire"}]),
        "effects[0].around",
        "centre cannot be said",
    ),
    "field of another effect": (add(at_min=5, effects=[{**CLOSE, "count": 3}]), "effects[0].count", "does not read"),
    "place and grid": (
        lambda d: d["injects"][1]["effects"][0].update(place=3),
        "effects[0].grid",
        "only one of the two",
    ),
    "negative threshold": (when(measure=TO_FIRE, above=-5), "when.above", "always so"),
    "beyond the time left": (when(measure=TO_FIRE, above=61), "when.above", "no value is ever above"),
    "below nothing": (when(measure=TO_FIRE, below=0), "when.below", "no value is ever below"),
    "share above 1": (when(measure=measured("share_answered"), above=1.5), "when.above", "no value is ever above"),
    "severity above 4": (
        when(measure=measured("highest_severity", inject="fire"), above=4),
        "when.above",
        "ever above",
    ),
    "slower than the clock": (
        when(measure=measured("answer_s", ask="fire-engines"), above=45),
        "when.above",
        "ever above",
    ),
    "loss below 0": (when(measure=measured("loss_yuan", inject="fire"), below=-1), "when.below", "ever below"),
    "no incident measured": (
        when(measure=measured("minutes_to_close", inject="unit-down"), above=5),
        "when.measure.inject",
        "no incident",
    ),
    "field of another measure": (
        when(measure={**measured("waiting_tasks"), "department": "fire"}, above=5),
        "when.measure.department",
        "does not read",
    ),
    "answer of another hook": (when(decided="fire-engines", answer="whistle"), "when.answer", "never answered so"),
    "answer of a measure": (when(measure=TO_FIRE, above=5, answer="send"), "when.answer", "does not read"),
    "threshold of a decision": (when(decided="fire-engines", above=5), "when.above", "does not read"),
    "no such decision": (
        when(measure=measured("answer_s", role="observer"), above=5),
        "when.measure.role",
        "no decision",
    ),
    "negative target": (criterion(target=-1), "target", "no value of this measure"),
    "incidents of none": (ask(hook="dispatch", incidents=["unit-down"]), "asks[0].incidents", "no incident"),
    "other types": (ask(hook="dispatch", incidents=["fire"], types=["leak"]), "asks[0].types", "other types"),
    "no emergency": (ask(hook="dispatch", types=["leak"], emergency=True), "asks[0].emergency", "is an emergency"),
    "posts not needed": (
        ask(hook="dispatch", incidents=["fire"], posts=["petition_clerk"]),
        "asks[0].posts",
        "ever needed",
    ),
    "departments not needed": (
        ask(hook="report_in", types=["wage_gathering"], departments=["fire"]),
        "asks[0].departments",
        "ever needed",
    ),
    "departments of coordinate": (ask(hook="coordinate", departments=["fire"]), "asks[0].departments", "does not read"),
    "reasons of dispatch": (ask(hook="dispatch", reasons=["needs"]), "asks[0].reasons", "does not read"),
    "types of pick": (ask(hook="pick", types=["leak"]), "asks[0].types", "does not read"),
    "empty list": (ask(hook="dispatch", types=[]), "asks[0].types", "fits no decision"),
    "residents do not whistle": (ask(hook="coordinate", reasons=["resident"]), "asks[0].reasons", "do not whistle"),
    "in the shadow": (ask(hook="coordinate"), "asks[2].id", "stands first"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_never_come_about_is_refused_on_its_line(name):
    change, field, said = REFUSED[name]
    with pytest.raises(InputError) as caught:
        parsed(change)
    error = caught.value
    assert str(error.field).endswith(field), error.sentence()
    assert said in error.sentence() and error.line and error.file == "mine.yaml"


TAKEN: dict[str, Change] = {
    "to the last minute": add(after={"inject": "fire", "delay_min": 60}),
    "closed and opened": several(
        {"id": "a", "at_min": 5, "effects": [CLOSE]}, {"id": "b", "at_min": 9, "effects": [OPEN]}
    ),
    "opened by hand": several(
        {"id": "a", "at_min": 5, "effects": [CLOSE]}, {"id": "b", "manual": True, "effects": [OPEN]}
    ),
    "around": add(at_min=50, effects=[{"kind": "close_road", "name": "b", "around": "fire"}]),
    "at once": when(measure=TO_FIRE, above=0),
    "an answer": when(decided="street-coordinates", answer="whistle"),
    "a limit before all": ask(hook="coordinate", at_most=2),
    "narrow before wide": ask(hook="dispatch", incidents=["fire"], posts=["fire_engine"], at_most=1),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_can_come_about_is_taken_without_a_word(name):
    assert parsed(TAKEN[name]).warnings == []


def test_what_may_be_meant_is_told():
    def change(data: dict[str, Any]) -> None:
        data["roles"]["idle"] = {"title": {"en": "Idle", "zh": "x"}}
        data["scenario"]["types"]["wage_gathering"]["witness_delay_min"] = 30
        data["scenario"]["parameters"] = {"travel.blocked_min": 30, "coordination.supervise_after_reminders": 1}

    told = parsed(change).warnings
    assert [one.field for one in told] == ["types.wage_gathering.witness_delay_min", "roles.idle"]
    assert all("changes nothing" in one.sentence() and one.line for one in told)


def test_what_only_the_built_city_shows_is_refused_before_the_start():
    def many(data: dict[str, Any]) -> None:
        next(i for i in data["injects"] if i["id"] == "recall")["effects"][0]["count"] = 150

    with pytest.raises(InputError, match="never has so many") as caught:
        Ground.of(parsed(many))
    assert caught.value.line and str(caught.value.field).endswith("effects[0].count")
    with pytest.raises(InputError, match="no road lies inside"):
        Ground.of(parsed(add(at_min=5, effects=[{**CLOSE, "x_m": 9e6}])))
