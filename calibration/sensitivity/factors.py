"""What a sensitivity study varies: parameters of the register with their ranges and laws, and which ones by default.

A :class:`Factor` turns a number between 0 and 1 into a value of its parameter. Designs
(`calibration.sensitivity.designs`) work on those numbers and never see units; sources and confidence travel with
the factor, so that every result can say what its assumptions rest on.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenarios.parameters_read import Site, unread
from scenarios.ranges import Range, range_of
from scenarios.schema import Scenario
from scenarios.told import beyond
from sim.errors import InputError

Floats = NDArray[np.float64]

GENERAL = (
    "judging.recognise_probability",
    "judging.need_seen_probability",
    "judging.mine_accuracy",
    "report_in.intercept",
    "report_in.load",
    "coordination.bounce_return_min",
    "coordination.defer_min",
    "closing.sham_probability",
    "reporting.urgency",
    "dispatch.load_weight",
    "patrol.found_probability",
    "travel.ordinary_factor",
)
"""Varied where a scenario names nothing under ``experiment.sensitivity``: one or two assumed parameters of each
step that a case goes through. Those that a compared policy sets itself are left out."""

WRITTEN = "experiment.sensitivity"
ASSUMED = ("assumption", "weak", "memory")


@dataclass(frozen=True)
class Factor:
    """One parameter that is varied.

    Attributes
    ----------
    name, unit
        Register name and unit.
    low, high, default
        Range that is varied over and the register's default, in ``unit``.
    law
        ``uniform``, ``loguniform``, ``triangular`` (mode at the default) or ``integer`` (each whole number alike).
    source, confidence
        Where range and default come from, as the register says it.
    text, text_zh
        What it means.
    narrowed
        True when the range was given by the user and not taken from the register.
    """

    name: str
    unit: str
    low: float
    high: float
    default: float
    law: str
    source: str
    confidence: str
    text: str
    text_zh: str
    narrowed: bool = False

    @property
    def assumed(self) -> bool:
        """Whether no source outside the project stands behind the default."""
        return self.confidence in ASSUMED

    def values(self, unit: Floats) -> Floats:
        """Return the values that numbers between 0 and 1 stand for (the inverse of the law's distribution).

        Parameters
        ----------
        unit
            float[...], 0 to 1.

        Returns
        -------
        array
            float[...], in the factor's unit, from ``low`` to ``high``.
        """
        u = np.clip(np.asarray(unit, dtype=float), 0.0, 1.0)
        low, high = self.low, self.high
        match self.law:
            case "loguniform":
                found = np.exp(math.log(low) + u * (math.log(high) - math.log(low)))
            case "triangular":
                found = _triangular(u, low, min(max(self.default, low), high), high)
            case "integer":
                found = np.minimum(np.floor(low + u * (high - low + 1.0)), high)
            case _:
                found = low + u * (high - low)
        return np.clip(found, low, high)

    def title(self, lang: str) -> str:
        """Return what the parameter means, in a language."""
        return self.text_zh if lang == "zh" else self.text


def _triangular(u: Floats, low: float, mode: float, high: float) -> Floats:
    width = high - low
    turn = (mode - low) / width
    rising = low + np.sqrt(u * width * (mode - low))
    falling = high - np.sqrt((1.0 - u) * width * (high - mode))
    return np.where(u < turn, rising, falling)


def factors(scenario: Scenario, arms: Sequence[str], given: Sequence[str] = ()) -> tuple[Factor, ...]:
    """Return what is varied: as given, else as the scenario declares, else :data:`GENERAL`.

    Parameters
    ----------
    scenario
        The scenario that is studied.
    arms
        The policies that are run.
    given
        ``NAME`` or ``NAME=low..high``, e.g. ``report_in.load=0.2..1``; empty for the default.

    Raises
    ------
    InputError
        An unknown name (with the nearest ones), a name given twice, a range outside the register's or turned
        round, or a parameter that cannot be varied: of the city, of a measure's definition, or fixed.
    """
    if given:
        return _once([_factor(range_of(text)) for text in given], "--parameter")
    declared = scenario.experiment.sensitivity
    if declared:
        try:
            return _once([_factor(range_of(text, WRITTEN)) for text in declared], WRITTEN)
        except InputError as error:
            raise scenario.place(error) from None
    set_here = set_by_arms(scenario, arms)
    return tuple(_factor(range_of(name)) for name in GENERAL if name not in set_here)


def told_of(scenario: Scenario, arms: Sequence[str], given: Sequence[str]) -> list[InputError]:
    """Return what is told of parameters given by hand: ranges beyond what is plausible, parameters that nothing reads.

    What a scenario declares itself is told with the scenario (`scenarios.told`).
    """
    site, specs = Site.of(scenario.city), [scenario.spec(arm) for arm in arms]
    found = []
    for text in given:
        span = range_of(text)
        if not span.is_plausible:
            found.append(beyond(span.entry, text, "--parameter"))
        whys = [unread(span.entry.name, spec, site) for spec in specs if _has_type(span.entry.name, spec.types)]
        if whys and all(why is not None for why in whys):
            found.append(InputError(f"varying this changes nothing: {whys[0]}", field="--parameter", found=text))
    return found


def _has_type(name: str, types: Container[str]) -> bool:
    """Return False for a parameter of a type that a model has not; that is a mistake and raised elsewhere."""
    return not name.startswith("type.") or name.removeprefix("type.").rpartition(".")[0] in types


def set_by_arms(scenario: Scenario, arms: Sequence[str]) -> dict[str, list[str]]:
    """Return parameter -> the arms that set it; a design's value lies over theirs."""
    found: dict[str, list[str]] = {}
    for arm in arms:
        policy = scenario.policies.get(arm)
        for name in (policy.parameters or {}) if policy is not None else ():
            found.setdefault(name, []).append(arm)
    return found


def _once(made: list[Factor], field: str) -> tuple[Factor, ...]:
    names = [factor.name for factor in made]
    for name in names:
        if names.count(name) > 1:
            raise InputError("a parameter stands twice", field=field, found=name, allowed="each parameter once")
    return tuple(made)


def _factor(span: Range) -> Factor:
    entry = span.entry
    return Factor(
        entry.name, entry.unit, span.low, span.high, entry.default, span.law, entry.source, entry.confidence,
        entry.text, entry.text_zh, span.given,
    )  # fmt: skip
