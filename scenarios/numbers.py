"""Numbers as a person reads them: digits, signs, units, intervals; the one place for terminal, page and report.

How many digits a number deserves, when a span is told in seconds rather than in minutes, and where a share becomes
percent is decided here, so that a table on a terminal, a title and a sentence never disagree. It judges nothing and
knows no measure by name. A minus is the plain hyphen, which a terminal can copy; pages set the typographic one.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any, Protocol

from sim.errors import InputError


class Words(Protocol):
    """Texts of one language, as `dashboards.texts.Texts` gives them."""

    @property
    def lang(self) -> str:
        """``en`` or ``zh``."""

    def __call__(self, key: str, **fields: object) -> str:
        """Return the text under a dotted key, its fields filled in."""
        ...

    def mistake(self, error: InputError) -> str:
        """Return a mistake in input, or what is told like one, as one sentence."""
        ...

    def counted(self, key: str, count: int, **fields: object) -> str:
        """Return the text for a number of things, which is another one for a single thing."""
        ...

    def name(self, group: str, key: str) -> str:
        """Return the text of a name that data brings, or the name made readable."""
        ...

    def unit(self, unit: str) -> str:
        """Return the unit of a parameter in words."""
        ...


DASH = "–"
MOST_DECIMALS = 3
OVER_ALL = ("utilisation",)
MOST_OF_SHARES = 2
WIDEST_RATIO = 1000.0  # an interval whose ends lie farther apart says nothing of a variance ratio
LEAST_SHOWN = 0.01  # spans all below this in their own unit are told in the next smaller one
_SMALLER = {"days": ("h", 24.0), "h": ("min", 60.0), "min": ("s", 60.0)}
_COUNTS = ("", "1", "count", "number")
_SHARES = ("share", "fraction", "proportion")


def finite(value: object) -> bool:
    """Tell whether a cell holds a finite number."""
    return isinstance(value, numbers.Real) and math.isfinite(float(value))


def number(value: float, digits: int = 3) -> str:
    """Return a number with `digits` significant digits, thousands set apart; whole numbers carry no decimals.

    A dash stands where there is none, a lying eight for what has no end.
    """
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if math.isnan(value):
        return DASH
    return fixed(value, 0 if float(value).is_integer() else _places(value, digits))


def _places(value: float, digits: int) -> int:
    """Return the decimals that leave so many significant digits; what rounds up to the next power needs one fewer."""
    places = digits - 1 - math.floor(math.log10(abs(value)))
    if round(abs(value), max(places, 0)) >= 10.0 ** (digits - places):
        places -= 1
    return min(6, max(0, places))


def signed(value: float, digits: int = 3) -> str:
    """Return a number with its sign always shown."""
    return _with_sign(number(value, digits))


def _with_sign(text: str) -> str:
    return text if text[0] in f"-{DASH}" or not text.strip("0.,") else f"+{text}"


def fixed(value: float, places: int) -> str:
    """Return a number with a fixed number of decimals, thousands set apart; a dash when there is none."""
    if not math.isfinite(value):
        return DASH
    text = f"{abs(value):,.{places}f}"
    return ("-" if value < 0 and text.strip("0.,") else "") + text


def is_share(unit: str) -> bool:
    """Tell whether a unit is a share of one, shown in percent."""
    return unit in _SHARES


def scaled(value: float, unit: str) -> float:
    """Return a value in the unit that is shown: shares in percent."""
    return value * 100.0 if is_share(unit) else value


def fitting(unit: str, *values: float) -> tuple[str, float]:
    """Return the unit in which values are told, and what to multiply them by.

    Shares become percent; spans all of which are below a hundredth of their unit go to the next smaller unit.
    """
    factor = 100.0 if is_share(unit) else 1.0
    widest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    while unit in _SMALLER and 0 < widest * factor < LEAST_SHOWN:
        unit, more = _SMALLER[unit]
        factor *= more
    return unit, factor


def unit_word(unit: str, words: Words, *, difference: bool = False) -> str:
    """Return the unit as shown after a number, with its leading space, or nothing."""
    if is_share(unit):
        return words("units.points") if difference else words("units.percent")
    if unit in _COUNTS:
        return ""
    word = words.name("units", unit)
    return word if words.lang == "zh" else f" {word}"


def quantity(value: float, unit: str, words: Words, digits: int = 3) -> str:
    """Return a value with its unit."""
    if not math.isfinite(value):
        return DASH
    unit, factor = fitting(unit, value)
    return number(value * factor, digits) + unit_word(unit, words)


def decimals(low: float, high: float, most: int = MOST_DECIMALS) -> int:
    """Return how many decimals an interval deserves: two digits of half its width, three of its wider end.

    At most `most`, unless nothing but zeros would be left of both ends.
    """
    half, widest = abs(high - low) / 2, max(abs(low), abs(high))
    if not math.isfinite(widest) or widest == 0:
        return 0
    places = 2 - math.floor(math.log10(widest))
    if half > 0:
        places = min(places, 1 - math.floor(math.log10(half)))
    return min(max(most, min(4, -math.floor(math.log10(widest)))), max(0, places))


def _decimals(low: float, high: float, unit: str) -> int:
    return decimals(low, high, MOST_OF_SHARES if is_share(unit) else MOST_DECIMALS)


def interval(low: float, high: float, unit: str, words: Words) -> str:
    """Return ``low to high`` in the shown unit, without the unit word."""
    unit, factor = fitting(unit, low, high)
    return _between(low * factor, high * factor, unit, words)


def _between(low: float, high: float, unit: str, words: Words) -> str:
    places = _decimals(low, high, unit)
    return words("phrases.interval", low=fixed(low, places), high=fixed(high, places))


def difference(row: Mapping[str, Any], unit: str, words: Words) -> str:
    """Return a difference with its interval: ``-2.10 days (-2.40 to -1.80)``; the sign is always shown."""
    if not finite(row["difference"]):
        return DASH
    bounds = [float(row[end]) for end in ("low", "high") if finite(row[end])]
    unit, factor = fitting(unit, float(row["difference"]), *bounds)
    value, word = float(row["difference"]) * factor, unit_word(unit, words, difference=True)
    if len(bounds) < 2 or bounds == [0.0, 0.0]:
        return signed(value) + word
    low, high = (bound * factor for bound in bounds)
    middle = _with_sign(fixed(value, _decimals(low, high, unit)))
    return f"{middle}{word} ({_between(low, high, unit, words)})"


def mean_text(found: tuple[float, float, float], unit: str, words: Words, metric: str = "") -> str:
    """Return a mean with its interval: ``5.21 days (5.02 to 5.40)``; alone where there is none.

    No measure is below nothing and no share above all, so an interval ends there; work beyond the end of duty makes
    `OVER_ALL` the exceptions. The interval loses nothing by it: what is cut off cannot be the mean.
    """
    mean, low, high = found
    low = max(low, 0.0) if mean >= 0.0 else low
    if metric and unit == "share" and mean <= 1.0 and not metric.endswith(OVER_ALL):
        high = min(high, 1.0)
    if not (math.isfinite(low) and math.isfinite(high)) or low == high:
        return quantity(mean, unit, words)
    unit, factor = fitting(unit, mean, low, high)
    low, high = low * factor, high * factor
    middle = fixed(mean * factor, _decimals(low, high, unit))
    return f"{middle}{unit_word(unit, words)} ({_between(low, high, unit, words)})"


def span(minutes: float, words: Words) -> str:
    """Return a span of minutes in the unit a person would use: seconds, minutes, hours or days."""
    if not math.isfinite(minutes):
        return DASH
    for unit, size, least in (("days", 1440.0, 1.5 * 1440), ("h", 60.0, 90.0)):
        if abs(minutes) >= least:
            return number(minutes / size, 2) + unit_word(unit, words)
    return quantity(minutes, "min", words, 2)


def shown(value: float, unit: str, words: Words) -> str:
    """Return a value by its unit: minutes as a person would say them, shares in percent, else with three digits."""
    return span(value, words) if unit == "min" else quantity(value, unit, words)


def ends(low: str, high: str, words: Words) -> str:
    """Return two written numbers as an interval."""
    return words("phrases.interval", low=low, high=high)


def ratio(row: Mapping[str, Any], words: Words, most: float = 10_000.0) -> str:
    """Return a variance ratio with its interval; in words where the arms never differ, or where nothing is known."""
    value = row.get("variance_ratio")
    if value is None or math.isnan(float(value)):
        return DASH
    if math.isinf(float(value)) and row.get("sd_difference") == 0 and row.get("difference") == 0:
        return words("words.identical")
    if value > most:
        return f"> {most:,.0f}"
    bounds = [row.get(f"variance_ratio_{end}", math.nan) for end in ("low", "high")]
    if not all(finite(bound) for bound in bounds):
        return number(float(value), 2)
    if bounds[1] > WIDEST_RATIO * bounds[0]:
        return words("words.ratio_open")
    low, high = (number(float(bound), 2) for bound in bounds)
    return f"{number(float(value), 2)} ({ends(low, high, words)})"
