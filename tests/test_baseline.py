"""Every shipped scenario does what it did when it was pinned, column by column; a change is noticed and named."""

from __future__ import annotations

import copy
import json

import pytest

from scripts import pin_baseline
from sim.errors import InputError


@pytest.mark.parametrize("name", pin_baseline.names())
def test_a_shipped_scenario_does_what_was_pinned(name):
    assert pin_baseline.file_of(name).exists(), "not pinned: uv run python -m scripts.pin_baseline --reason '...'"
    try:
        said = pin_baseline.check(name)
    except InputError as error:
        pytest.skip(f"{name} needs data that are not here: {error.sentence()}")
    assert said == []


def test_what_moved_is_named_and_what_is_new_is_no_difference():
    held = json.loads(pin_baseline.file_of("bare-line").read_text(encoding="utf-8"))
    policy = next(iter(held["policies"]))
    now = copy.deepcopy(held)
    now["policies"][policy]["columns"]["cases.of_tomorrow"] = "0" * 12
    assert pin_baseline.moved(held, now) == []
    now["policies"][policy]["columns"]["staff.busy_min"] = "0" * 12
    del now["policies"][policy]["columns"]["tasks.case"]
    (said,) = pin_baseline.moved(held, now)
    assert "staff.busy_min" in said and "tasks.case" in said and "gone now" in said and policy in said
    assert "gone" in pin_baseline.moved(held, {"policies": {}})[0]


def test_a_pin_keeps_its_reasons():
    held = json.loads(pin_baseline.file_of("bare-line").read_text(encoding="utf-8"))
    assert all(isinstance(reason, str) and reason for reason in held["reasons"]) and held["reasons"]
    assert {"numpy", "numba", "machine", "processor"} <= set(held["made_on"])
