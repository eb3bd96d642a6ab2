"""Numbers and differences as words: "2.1 days shorter (1.8 to 2.4)", in both languages.

The one place that decides digits, signs, units and the word for a direction, so that a table, a title and a
sentence never disagree. It judges nothing: verdicts come with the comparison.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any, Protocol

from dashboards.texts import Texts, pick
from scenarios.compare import verdict_word

DASH = "–"
MINUS = "−"
TIME_UNITS = ("min", "h", "days", "d", "day")
VERDICTS = ("better", "worse", "higher", "lower", "equivalent", "undecided")


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


def finite(value: object) -> bool:
    """Tell whether a cell holds a finite number."""
    return isinstance(value, numbers.Real) and math.isfinite(float(value))


def number(value: float, digits: int = 3) -> str:
    """Return a number with ``digits`` significant digits and thousands set apart; a dash when there is none."""
    if not math.isfinite(value):
        return DASH
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{abs(value):,.{min(places, 6)}f}"
    return (MINUS if value < 0 and text.strip("0.,") else "") + text


def signed(value: float, digits: int = 3) -> str:
    """Return a number with its sign always shown."""
    text = number(value, digits)
    return text if text[0] in (MINUS, DASH) or text == "0" else f"+{text}"


def is_share(unit: str) -> bool:
    """Tell whether a unit is a share of one, shown in percent."""
    return unit in ("share", "fraction", "proportion")


def scaled(value: float, unit: str) -> float:
    """Return a value in the unit that is shown: shares in percent."""
    return value * 100.0 if is_share(unit) else value


def unit_word(unit: str, t: Texts, *, difference: bool = False) -> str:
    """Return the unit as shown after a number, with its leading space, or nothing."""
    if is_share(unit):
        return t("units.points") if difference else "%"
    if unit in ("", "1", "count", "number"):
        return ""
    word = t.name("units", unit)
    return word if t.lang == "zh" else f" {word}"


def quantity(value: float, unit: str, t: Texts, digits: int = 3) -> str:
    """Return a value with its unit."""
    if not math.isfinite(value):
        return DASH
    return number(scaled(value, unit), digits) + unit_word(unit, t)


def decimals(low: float, high: float) -> int:
    """Return how many decimals an interval deserves: two digits of half its width, three of its wider end."""
    # At most four, so that a cell stays readable.
    half, widest = abs(high - low) / 2, max(abs(low), abs(high))
    if not math.isfinite(widest) or widest == 0:
        return 0
    places = 2 - math.floor(math.log10(widest))
    if half > 0:
        places = min(places, 1 - math.floor(math.log10(half)))
    return min(4, max(0, places))


def fixed(value: float, places: int) -> str:
    """Return a number with a fixed number of decimals, thousands set apart; a dash when there is none."""
    if not math.isfinite(value):
        return DASH
    text = f"{abs(value):,.{places}f}"
    return (MINUS if value < 0 and text.strip("0.,") else "") + text


def interval(low: float, high: float, unit: str, t: Texts) -> str:
    """Return ``low to high`` in the shown unit, without the unit word."""
    low, high = scaled(low, unit), scaled(high, unit)
    places = decimals(low, high)
    return t("phrases.interval", low=fixed(low, places), high=fixed(high, places))


def verdict(row: Mapping[str, Any], t: Texts) -> str:
    """Write the verdict of a comparison's row; an undecided one whose own interval excludes zero says why."""
    low, high = (float(row[end]) if finite(row[end]) else 0.0 for end in ("low", "high"))
    return t.name("verdicts", verdict_word(str(row["verdict"]), low, high))


def difference(row: Mapping[str, Any], unit: str, t: Texts) -> str:
    """Return a difference with its interval: ``−2.10 days (−2.40 to −1.80)``."""
    if not finite(row["difference"]):
        return DASH
    value = scaled(float(row["difference"]), unit)
    word = unit_word(unit, t, difference=True)
    if not (finite(row["low"]) and finite(row["high"])):
        return signed(value) + word
    places = decimals(scaled(row["low"], unit), scaled(row["high"], unit))
    shown = fixed(value, places)
    sign = "" if shown[0] == MINUS or not shown.strip("0.,") else "+"
    return f"{sign}{shown}{word} ({interval(row['low'], row['high'], unit, t)})"


def direction(row: Mapping[str, Any], unit: str, t: Texts) -> str:
    """Return a difference as a phrase: ``2.1 days shorter (1.8 to 2.4)``; the interval turned with the sign."""
    value, low, high = (scaled(float(row[k]), unit) for k in ("difference", "low", "high"))
    falls = value < 0
    group = "time" if unit in TIME_UNITS else "money" if unit.startswith("yuan") else "other"
    if falls:
        low, high = -high, -low
    places = decimals(low, high)
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


def percent(share: float, digits: int = 0) -> str:
    """Return a share as percent."""
    return f"{100 * share:.{digits}f} %" if math.isfinite(share) else DASH


def duration(minutes: float, t: Texts) -> str:
    """Return a span of minutes in the unit a person would use: minutes, hours or days."""
    if not math.isfinite(minutes):
        return DASH
    for unit, size, least in (("days", 1440.0, 1.5 * 1440), ("h", 60.0, 90.0)):
        if abs(minutes) >= least:
            return number(minutes / size, 2) + unit_word(unit, t)
    return number(minutes, 2) + unit_word("min", t)


def listing(parts: list[str], t: Texts) -> str:
    """Join phrases as a list in running text."""
    return t("phrases.comma").join(parts)
