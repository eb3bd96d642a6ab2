"""How people drive, stage by stage: with lights and sirens or ordinary, by the type or as the stage says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from law_scenes import job, queue_arm, rows, run, titled
from scenario_texts import write

from scenarios import load
from sim import kernel
from sim.city.bare import bare_city
from sim.city.facilities import Facilities
from sim.errors import InputError

ORDINARY = [[0.0, 10.0, 20.0], [10.0, 0.0, 8.0], [20.0, 8.0, 0.0]]


def city():
    """Return three places, a hospital at the third, everything twice as quick with lights."""
    made = bare_city(travel_min=[ORDINARY, (np.array(ORDINARY) / 2).tolist()])
    made.facilities = Facilities(["hospital"], ["Hospital"], [2], [2], [made.areas.grids[0]], [1.0])
    return made


def arrivals(emergency: bool, scene: str | None, hospital: str | None, **changes: Any) -> list[float]:
    """Return when the unit from place 0 is at the scene (place 1) and at the hospital; work takes 5 min each."""
    second = {"name": "handover", "touch_min": 5.0, "where": "hospital", "keep_staff": True, "travel": hospital}
    stages = [{"name": "scene", "touch_min": 5.0, "travel": scene}, second]
    kind = {"title": titled("call"), "kind": "bare", "emergency": emergency, "stages": stages}
    script = [{"name": "a", "type": "call", "at_min": 0.0, "place": 1}]
    world = run(queue_arm({"call": kind}, 1, days=1.0, city=city(), post={"places": [0]}, script=script, **changes))
    return rows(world, "tasks")["arrived_min"].tolist()


@pytest.mark.parametrize(
    ("emergency", "scene", "hospital", "expected"),
    [
        (False, None, None, [10.0, 23.0]),
        (True, None, None, [5.0, 14.0]),
        (True, None, "ordinary", [5.0, 18.0]),
        (False, None, "lights", [10.0, 19.0]),
        (False, "lights", None, [5.0, 18.0]),
        (True, "ordinary", "ordinary", [10.0, 23.0]),
    ],
)
def test_each_stage_is_driven_to_as_it_says_and_else_as_the_type_does(emergency, scene, hospital, expected):
    assert arrivals(emergency, scene, hospital) == expected


def test_the_way_home_is_ordinary_whatever_the_stage_says():
    """There at 10 with lights, 4 min of work, home 20 ordinary minutes later."""
    kind = {"title": titled("call"), "kind": "bare", "emergency": True, "stages": [
        {"name": "scene", "touch_min": 4.0, "travel": "lights"}]}  # fmt: skip
    script = [{"name": "a", "type": "call", "at_min": 0.0, "place": 2}]
    arm = queue_arm({"call": kind}, 1, days=1.0, city=city(), post={"places": [0]}, script=script,
                    rules={"reposition": "return_home"})  # fmt: skip
    for minute, place in ((14.0 + 19.9, 2), (14.0 + 20.1, 0)):
        world = arm.world(1, 0, "counts")
        kernel.begin(world)
        kernel.run_until(arm, world, minute)
        assert world.staff["place"][0] == place


def test_who_is_nearest_is_reckoned_as_the_stage_is_driven_to():
    """Place 0 is nearer with lights, place 2 by ordinary travel: the rule asks for the times of the drive itself."""
    plain, lights = [[0, 9, 9], [9, 0, 8], [9, 8, 0]], [[0, 2, 9], [2, 0, 8], [9, 8, 0]]
    for travel, minutes in ((None, 8.0), ("lights", 2.0)):
        script = [{"name": "a", "type": "job", "at_min": 0.0, "place": 1}]
        arm = queue_arm({"job": job(touch=1.0, stage={"travel": travel})}, 2, days=1.0, script=script,
                        city=bare_city(travel_min=[plain, lights]), post={"places": [0, 2]})  # fmt: skip
        assert rows(run(arm), "tasks")["arrived_min"].tolist() == [minutes]


@pytest.mark.parametrize(
    ("stage", "found"),
    [("touch_min: 5, travel: fast", "fast"), ("touch_min: 5, where: desk, travel: lights", None),
     ("touch_min: 5, staff: 0, travel: ordinary", None)],
)  # fmt: skip
def test_a_mode_that_cannot_be_is_one_sentence(tmp_path, stage, found):
    text = f"""name: mode
title: {{en: Mode, zh: 方式}}
bare: true
city: {{bare: {{}}}}
shifts: {{always: {{}}}}
posts:
  unit: {{title: {{en: Unit, zh: 单元}}, kind: unit, per: city, count: 1}}
types:
  call:
    title: {{en: Call, zh: 来电}}
    kind: bare
    rate_per_hour: 1
    stages:
      - {{name: serve, who: unit, {stage}}}
"""
    with pytest.raises(InputError) as caught:
        load(write(tmp_path, text, "mode.yaml")).spec()
    said = str(caught.value)
    assert "\n" not in said and "stages" in said and "mode.yaml" in said and "travel" in said
    assert caught.value.line == text[: text.index("- {name: serve")].count("\n") + 1
    if found is not None:
        assert "lights" in said and "ordinary" in said and found in said
