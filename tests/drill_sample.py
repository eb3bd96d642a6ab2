"""The shipped exercise and its tables, built once for all drill tests, and ways to play it; not a test."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from scenarios.drill import Drill, Exercise, Ground, Recording

NAME = "evening-wage-fire"


@cache
def exercise() -> Exercise:
    """The shipped exercise."""
    return Exercise.load(NAME)


@cache
def ground() -> Ground:
    """Its tables."""
    return Ground.of(exercise())


def drill(seed: int | None = None, recording: Recording | None = None) -> Drill:
    """A drill of the shipped exercise, not started."""
    return Drill(exercise(), seed, recording=recording or Recording(real=lambda: "then"), ground=ground())


def varied(change: Callable[[dict[str, Any]], None]) -> Exercise:
    """The shipped exercise with its text changed."""
    data = copy.deepcopy(exercise().content)
    change(data)
    return Exercise.from_data(data)


def variant(change: Callable[[dict[str, Any]], None], seed: int | None = None) -> Drill:
    """A drill of a changed exercise; it stands on tables of its own."""
    made = varied(change)
    return Drill(made, seed, recording=Recording(real=lambda: "then"))


def by_rule(made: Drill, until_min: float = 1e9) -> Drill:
    """Play on with the rule's answers, given in time."""
    if made.status == "scheduled":
        made.start()
    while not made.is_over and made.t_min < until_min:
        if made.open_decisions:
            prompt = made.open_decisions[0]
            made.decide(prompt.id, prompt.rule_option, "tester", took_s=4.0)
        else:
            made.advance(min(until_min, made.length_min))
    return made


def to_prompt(made: Drill, hook: str, nth: int = 1) -> Drill:
    """Play by the rule until the nth decision of a hook stands open."""
    if made.status == "scheduled":
        made.start()
    seen = 0
    while not made.is_over:
        if made.open_decisions:
            prompt = made.open_decisions[0]
            seen += prompt.hook == hook
            if prompt.hook == hook and seen == nth:
                return made
            made.decide(prompt.id, prompt.rule_option, "tester")
        else:
            made.jump()
    raise AssertionError(f"no decision of {hook} opened")


def flat(data: Any) -> str:
    """Everything that stands in data, as one text."""
    return json.dumps(data, ensure_ascii=False, default=str)
