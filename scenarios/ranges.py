"""Which parameter a sensitivity study varies and over which range, as people write it: ``NAME`` or ``NAME=low..high``.

Read alike on the command line and under ``experiment.sensitivity``. A range beyond what is plausible is taken and told,
one of values that have no meaning is refused. How values are drawn from a range is `calibration.sensitivity.factors`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scenarios.form_errors import nearest
from sim import register
from sim.errors import InputError


@dataclass(frozen=True)
class Range:
    """One parameter with its range.

    Attributes
    ----------
    entry
        The register's entry.
    low, high
        In its unit.
    law
        Of the values between.
    given
        True when the range was written and is not the register's.
    """

    entry: register.Entry
    low: float
    high: float
    law: str
    given: bool

    @property
    def is_plausible(self) -> bool:
        """Whether the register holds every value of it for plausible."""
        return self.entry.is_plausible(self.low) and self.entry.is_plausible(self.high)

    @property
    def text(self) -> str:
        """The range as it is written."""
        return f"{self.low:g}..{self.high:g}"


def range_of(text: str, field: str = "--parameter") -> Range:
    """Read ``NAME`` or ``NAME=low..high``.

    Raises
    ------
    InputError
        An unknown name (with the nearest ones), a parameter that cannot be varied (of the city, of a measure's
        definition, or fixed and without a range), no pair of numbers, a range turned round, or of values without a
        meaning.
    """
    name, given, span = text.strip().partition("=")
    entry = _entry(name.strip(), field)
    if not given:
        if entry.distribution == "fixed" or entry.low == entry.high:
            raise InputError(
                "the register keeps this parameter fixed", field=field, found=entry.name,
                allowed=f"a range, {entry.name}=low..high",
            )  # fmt: skip
        return Range(entry, entry.low, entry.high, entry.distribution, False)
    low, between, high = span.partition("..")
    if not between:
        raise InputError("the range is no pair of numbers", field=field, found=text, allowed="NAME=low..high")
    return _given(entry, _number(low, text, field), _number(high, text, field), text, field)


def _entry(name: str, field: str) -> register.Entry:
    known: Mapping[str, register.Entry] = register.load()
    if name not in known and name.startswith("type."):
        known = register.catalogue_entries()
    if name not in known:
        allowed = nearest(name, list(known)) or "names in the register (docs: reference/register)"
        raise InputError("unknown parameter", field=field, found=name, allowed=allowed)
    entry = known[name]
    if entry.scope == "city":
        raise InputError(
            "a parameter that builds the city cannot be varied here, since all rows share one city",
            field=field, found=name, allowed="parameters of the register's scopes rule and model",
        )  # fmt: skip
    if name.startswith("measure."):
        raise InputError(
            "this parameter defines a measure, not the world", field=field, found=name,
            allowed="parameters of the register's scopes rule and model",
        )  # fmt: skip
    return entry


def _given(entry: register.Entry, low: float, high: float, text: str, field: str) -> Range:
    law = "uniform" if entry.distribution == "fixed" else entry.distribution
    if law == "integer" and (low != int(low) or high != int(high)):
        raise InputError("the range does not fit", field=field, found=text, allowed="whole numbers")
    if not low < high or not (entry.allows(low) and entry.allows(high)):
        raise InputError(
            "the range does not fit", field=field, found=text, allowed=f"low below high, within {entry.possible}"
        )
    if law == "loguniform" and low <= 0:
        raise InputError(
            "the range does not fit", field=field, found=text,
            allowed="low above 0, since this parameter is varied by its logarithm",
        )  # fmt: skip
    return Range(entry, low, high, law, True)


def _number(text: str, whole: str, field: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError("the range is no pair of numbers", field=field, found=whole, allowed="NAME=low..high")
    return value
