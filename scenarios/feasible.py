"""Numbers that fit the form, each on its own, and cannot work together.

A crew larger than its group never sets out, a list of units that begins at 1 leaves the first one out, a loop of
stages that takes no time never ends: without a word of warning such a model would run and give wrong numbers, or
run forever. Names have been checked before (`sim.check`), empty rosters in `scenarios.roster`.
"""

from __future__ import annotations

import math

from sim.cases.catalogue import CaseType, Stage
from sim.cases.laws import Law
from sim.errors import InputError
from sim.spec import ModelSpec

PREFERENCE_RULE = "fixed_preference"
_NO_TIME = Law("constant", {"value": 0.0})


def check_feasible(spec: ModelSpec, one_group: bool) -> None:
    """Raise when numbers of a model contradict each other.

    Parameters
    ----------
    spec
        A model whose names fit together.
    one_group
        True: the city is one area, so that each post is one group whatever its level.

    Raises
    ------
    InputError
        Naming the field that cannot be, what was found and what is allowed.
    """
    sizes = {
        name: post.count
        for name, post in spec.posts.items()
        if (one_group or post.per == "city") and post.count != "units"  # those the city's facilities know
    }
    for name, kind in spec.types.items():
        _sine(name, kind)
        _endless(name, kind)
        for stage in kind.stages:
            _crew(f"types.{name}.stages.{stage.name}.staff", stage, spec, sizes)
    for name, size in sizes.items():
        if size != int(size):
            raise InputError(
                "part of a person: the post has one group, and nobody to share a fraction with",
                field=f"posts.{name}.count", found=size, allowed="a whole number",
            )  # fmt: skip
    _preferences(spec, sizes)
    _script(spec)


def _crew(field: str, stage: Stage, spec: ModelSpec, sizes: dict[str, float]) -> None:
    """Raise when a stage asks for more people or units than its group has."""
    post = spec.departments[stage.who].post if stage.who in spec.departments else stage.who
    if post in sizes and 0 < sizes[post] < stage.staff:
        raise InputError(
            f"the group '{post}' never has so many, so this stage would wait forever", field=field, found=stage.staff,
            allowed=f"at most {sizes[post]:g} (posts.{post}.count)",
        )  # fmt: skip


def _sine(name: str, kind: CaseType) -> None:
    """Raise when a wave lacks a part or would make the rate negative."""
    if kind.sine is None:
        return
    for key in ("amplitude", "period_h"):
        if key not in kind.sine:
            raise InputError(
                f"'sine' lacks its '{key}'", field=f"types.{name}.sine", found=", ".join(kind.sine),
                allowed="amplitude, period_h, phase_h",
            )  # fmt: skip
    if not 0 <= kind.sine["amplitude"] <= 1:
        raise InputError(
            "a rate cannot be below 0", field=f"types.{name}.sine.amplitude", found=kind.sine["amplitude"],
            allowed="0 to 1, a share of the mean rate",
        )  # fmt: skip
    if not kind.sine["period_h"] > 0:
        raise InputError(
            "impossible number", field=f"types.{name}.sine.period_h", found=kind.sine["period_h"],
            allowed="above 0 (hours)",
        )  # fmt: skip


def _endless(name: str, kind: CaseType) -> None:
    """Raise when a case can get into stages that take no time and that it never leaves."""
    order = [stage.name for stage in kind.stages]
    onward = {stage.name: _onward(stage, order[i + 1 : i + 2]) for i, stage in enumerate(kind.stages)}
    trap = {stage.name for stage in kind.stages if stage.touch_min == _NO_TIME and stage.lag_min == _NO_TIME}
    while leaving := {s for s in trap if sum(p for t, p in onward[s].items() if t in trap) < 1 - 1e-9}:
        trap -= leaving
    if trap:
        first = next(s for s in order if s in trap)
        raise InputError(
            "these stages take no time and lead to each other for ever", field=f"types.{name}.stages.{first}.next",
            found=", ".join(s for s in order if s in trap), allowed="a stage that takes time, or a share that is done",
        )  # fmt: skip


def _onward(stage: Stage, following: list[str]) -> dict[str, float]:
    """Return stage -> probability, the next of the list where nothing is said."""
    return dict.fromkeys(following, 1.0) if stage.next is None else dict(stage.next)


def _preferences(spec: ModelSpec, sizes: dict[str, float]) -> None:
    """Raise when units are chosen by a list that is not there or that names units that are not there."""
    if spec.rules.dispatch != PREFERENCE_RULE:
        return
    if spec.preferences is None:
        raise InputError(
            f"the rule '{PREFERENCE_RULE}' needs 'preferences'", field="rules.dispatch", found=PREFERENCE_RULE,
            allowed="with it, for each place a list of units by number from 0",
        )  # fmt: skip
    known = set(sizes) == set(spec.posts)  # groups of areas differ in size; there the engine passes over what is not
    most = int(max(sizes.values(), default=0)) if known else math.inf
    for place, row in enumerate(spec.preferences):
        if any(not 0 <= unit < most for unit in row):
            allowed = f"0 to {most - 1}" if known else "at least 0"
            raise InputError(
                "no such unit: units are numbered from 0", field=f"preferences[{place}]", found=row, allowed=allowed
            )
        if len(set(row)) != len(row):
            raise InputError(
                "a unit stands twice in a list", field=f"preferences[{place}]", found=row, allowed="each unit once"
            )


def _script(spec: ModelSpec) -> None:
    """Raise when incidents of the script share a name, and with it all their draws, or lie after the end."""
    seen: set[str] = set()
    for number, told in enumerate(spec.script):
        if told.at_min >= spec.horizon_days * 1440.0:
            raise InputError(
                "the incident lies after the end", field=f"script[{number}].at_min", found=told.at_min,
                allowed=f"below {spec.horizon_days * 1440.0:g} (minutes; horizon_days)",
            )  # fmt: skip
        if told.place is not None and told.grid is not None:
            raise InputError("a place lies in one grid, so only one of the two can be said",
                             field=f"script[{number}].grid", found=told.grid, allowed="'place' or 'grid'")  # fmt: skip
        if told.name in seen:
            raise InputError(
                "two incidents of the script have the same name, so they would draw the same numbers",
                field=f"script[{number}].name", found=told.name, allowed="each name once",
            )  # fmt: skip
        seen.add(told.name)
