"""What a sensitivity study varies: parameters of the register with their ranges and laws, and which ones by default.

A :class:`Factor` turns a number between 0 and 1 into a value of its parameter. Designs
(`calibration.sensitivity.designs`) work on those numbers and never see units; sources and confidence travel with
the factor, so that every result can say what its assumptions rest on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenarios.form_errors import nearest
from scenarios.schema import Scenario
from sim import register
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
        return _once([_given(text) for text in given], "--parameter")
    declared = scenario.experiment.sensitivity
    if declared:
        try:
            return _once([_given(text) for text in declared], "experiment.sensitivity")
        except InputError as error:
            raise scenario.place(
                InputError(error.problem, field="experiment.sensitivity", found=error.found, allowed=error.allowed)
            ) from None
    set_here = set_by_arms(scenario, arms)
    return tuple(_given(name) for name in GENERAL if name not in set_here)


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


def _given(text: str) -> Factor:
    """Read ``NAME`` or ``NAME=low..high``."""
    name, given, span = text.strip().partition("=")
    entry = _entry(name.strip())
    if not given:
        return _from_register(entry)
    low, between, high = span.partition("..")
    if not between:
        raise InputError("the range is no pair of numbers", field="--parameter", found=text, allowed="NAME=low..high")
    return _narrowed(entry, _number(low, text), _number(high, text), text)


def _entry(name: str) -> register.Entry:
    known: Mapping[str, register.Entry] = register.load()
    if name not in known and name.startswith("type."):
        known = register.catalogue_entries()
    if name not in known:
        allowed = nearest(name, list(known)) or "names in the register (docs: reference/register)"
        raise InputError("unknown parameter", field="--parameter", found=name, allowed=allowed)
    entry = known[name]
    if entry.scope == "city":
        raise InputError(
            "a parameter that builds the city cannot be varied here, since all rows share one city",
            field="--parameter", found=name, allowed="parameters of the register's scopes rule, model and cost",
        )  # fmt: skip
    if name.startswith("measure."):
        raise InputError(
            "this parameter defines a measure, not the world", field="--parameter", found=name,
            allowed="parameters of the register's scopes rule, model and cost",
        )  # fmt: skip
    return entry


def _from_register(entry: register.Entry) -> Factor:
    if entry.distribution == "fixed" or entry.low == entry.high:
        raise InputError(
            "the register keeps this parameter fixed", field="--parameter", found=entry.name,
            allowed=f"a range, {entry.name}=low..high",
        )  # fmt: skip
    return _factor(entry, entry.low, entry.high, entry.distribution, False)


def _narrowed(entry: register.Entry, low: float, high: float, text: str) -> Factor:
    if not entry.low <= low < high <= entry.high:
        raise InputError(
            "the range does not fit", field="--parameter", found=text,
            allowed=f"low below high, within {entry.low:g}..{entry.high:g} ({entry.unit})",
        )  # fmt: skip
    law = "uniform" if entry.distribution == "fixed" else entry.distribution
    if law == "integer" and (low != int(low) or high != int(high)):
        raise InputError("the range does not fit", field="--parameter", found=text, allowed="whole numbers")
    return _factor(entry, low, high, law, True)


def _factor(entry: register.Entry, low: float, high: float, law: str, narrowed: bool) -> Factor:
    return Factor(
        entry.name, entry.unit, low, high, entry.default, law, entry.source, entry.confidence, entry.text,
        entry.text_zh, narrowed,
    )  # fmt: skip


def _number(text: str, whole: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError("the range is no pair of numbers", field="--parameter", found=whole, allowed="NAME=low..high")
    return value
