"""Numbers and differences as words: "2.1 days shorter (1.8 to 2.4)", in both languages.

Digits, signs, units and verdicts are those of `scenarios.numbers` and `scenarios.verdicts_told`, which the terminal
uses too; here a number gets the typographic minus of a page, and a difference the word for its direction. It judges
nothing: verdicts come with the comparison.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Protocol

from dashboards.texts import Texts, pick
from scenarios import numbers
from scenarios.numbers import DASH, decimals, ends, finite, is_share, scaled, unit_word
from scenarios.verdicts_told import verdict_text
from sim.measures import denominator
from sim.measures.line_names import measure_of

__all__ = ["DASH", "MINUS", "decimals", "ends", "finite", "is_share", "scaled", "unit_word"]

MINUS = "−"
_HYPHEN = re.compile(r"(?<![\w-])-(?=[\d∞])")
TIME_UNITS = ("min", "h", "days", "d", "day")


class MeasureText(Protocol):
    """What a chart needs to know of a measure; the forms in ``sim.measures`` have it."""

    @property
    def unit(self) -> str:
        """Unit of the value: ``min``, ``days``, ``share``, ``yuan``, ``1`` ..."""

    @property
    def better(self) -> str:
        """``lower``, ``higher`` or ``none``."""

    @property
    def state(self) -> str:
        """``true``, ``reported`` or ``both``."""

    @property
    def title(self) -> Any:
        """Title by language."""

    @property
    def formula(self) -> Any:
        """How it is computed, in words or symbols."""


Measures = Mapping[str, MeasureText]


def typeset(text: str) -> str:
    """Return a text with its minus signs as a page sets them."""
    return _HYPHEN.sub(MINUS, text)


def number(value: float, digits: int = 3) -> str:
    """Return a number with ``digits`` significant digits and thousands set apart; a dash when there is none."""
    return typeset(numbers.number(value, digits))


def signed(value: float, digits: int = 3) -> str:
    """Return a number with its sign always shown."""
    return typeset(numbers.signed(value, digits))


def quantity(value: float, unit: str, t: Texts, digits: int = 3) -> str:
    """Return a value with its unit."""
    return typeset(numbers.quantity(value, unit, t, digits))


def fixed(value: float, places: int) -> str:
    """Return a number with a fixed number of decimals, thousands set apart; a dash when there is none."""
    return typeset(numbers.fixed(value, places))


def interval(low: float, high: float, unit: str, t: Texts) -> str:
    """Return ``low to high`` in the shown unit, without the unit word."""
    return typeset(numbers.interval(low, high, unit, t))


def mean_text(found: tuple[float, float, float], unit: str, t: Texts) -> str:
    """Return a mean with its interval: ``5.21 days (5.02 to 5.40)``."""
    return typeset(numbers.mean_text(found, unit, t))


def ratio(row: Mapping[str, Any], t: Texts) -> str:
    """Return a variance ratio with its interval; in words where the arms never differ."""
    return typeset(numbers.ratio(row, t))


def shown(value: float, unit: str, t: Texts) -> str:
    """Return a value by its unit: minutes as a person would say them, shares in percent."""
    return typeset(numbers.shown(value, unit, t))


def verdict(row: Mapping[str, Any], t: Texts, unit: str | None = None) -> str:
    """Write the verdict of a comparison's row; an undecided one whose own interval excludes zero says why.

    With the measure's unit, "equivalent" carries its margin.
    """
    return verdict_text(row, t, unit)


def difference(row: Mapping[str, Any], unit: str, t: Texts) -> str:
    """Return a difference with its interval: ``−2.10 days (−2.40 to −1.80)``."""
    return typeset(numbers.difference(row, unit, t))


def direction(row: Mapping[str, Any], unit: str, t: Texts) -> str:
    """Return a difference as a phrase: ``2.1 days shorter (1.8 to 2.4)``; the interval turned with the sign."""
    value, low, high = (float(row[k]) for k in ("difference", "low", "high"))
    falls = value < 0
    group = "time" if unit in TIME_UNITS else "money" if unit.startswith("yuan") else "other"
    unit, factor = numbers.fitting(unit, value, low, high)
    value, low, high = value * factor, low * factor, high * factor
    if falls:
        low, high = -high, -low
    places = decimals(low, high, numbers.MOST_OF_SHARES if is_share(unit) else numbers.MOST_DECIMALS)
    return t(
        "phrases.direction",
        amount=fixed(abs(value), places) + unit_word(unit, t, difference=True),
        word=t(f"phrases.{group}_{'down' if falls else 'up'}"),
        low=fixed(low, places),
        high=fixed(high, places),
    )


def inline_title(name: str, measures: Measures, lang: str) -> str:
    """Return a measure's title for running text: its first letter small, unless it opens an abbreviation."""
    title = measure_title(name, measures, lang)
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def measure_title(name: str, measures: Measures, lang: str) -> str:
    """Return a measure's title in ``lang``, or its name made readable when nothing describes it."""
    measure = measures.get(name)
    return pick(measure.title, lang, name) if measure is not None else name.replace("_", " ")


def measure_unit(name: str, measures: Measures) -> str:
    """Return a measure's unit, or an empty text."""
    measure = measures.get(name)
    return str(measure.unit) if measure is not None else ""


def measure_over(name: str, lang: str) -> str:
    """Return what a measure is a share of or taken over, as it stands beside its title; empty where unsaid."""
    measure = measure_of(name)
    return denominator(measure, lang) if measure is not None else ""


def percent(share: float, digits: int = 0) -> str:
    """Return a share as percent."""
    return f"{100 * share:.{digits}f}%" if math.isfinite(share) else DASH


def duration(minutes: float, t: Texts) -> str:
    """Return a span of minutes in the unit a person would use: minutes, hours or days."""
    return typeset(numbers.span(minutes, t))


def listing(parts: list[str], t: Texts) -> str:
    """Join phrases as a list in running text."""
    return t("phrases.comma").join(parts)
