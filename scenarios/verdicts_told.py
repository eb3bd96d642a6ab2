"""What a verdict is called: one word and one sign each, for terminal, page, report and drill.

An undecided one says why when its own interval excludes zero (the verdict is adjusted for all that were compared).
It judges nothing; verdicts come with the comparison (`scenarios.compare`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenarios.compare import verdict_word
from scenarios.numbers import DASH, Words, finite, fitting, number, unit_word

SIGNS = {
    "better": "▲", "worse": "▼", "higher": "↑", "lower": "↓", "equivalent": "＝", "undecided": "?", "no_effect": "＝",
    "too_rare": "…", "no_difference": "＝",
}  # fmt: skip
CLEAR = ("better", "worse", "higher", "lower")


def verdict_key(row: Mapping[str, Any]) -> str:
    """Return the name of a row's verdict in the texts' group ``verdicts``."""
    low, high = (float(row[end]) if finite(row[end]) else 0.0 for end in ("low", "high"))
    return verdict_word(str(row["verdict"]), low, high, str(row.get("interval_method", "")))


def verdict_text(row: Mapping[str, Any], words: Words, unit: str | None = None) -> str:
    """Return the word for a row's verdict; with the measure's unit, also the margin within which it is equivalent."""
    key = verdict_key(row)
    word, margin = words.name("verdicts", key), row.get("margin")
    if key != "equivalent" or unit is None or not finite(margin):
        return word
    return words("phrases.within_margin", verdict=word, margin=margin_text(row, unit, words))


def margin_text(row: Mapping[str, Any], unit: str, words: Words) -> str:
    """Return the margin of equivalence that was stated beforehand, in the unit of the difference; a dash for none."""
    if not finite(row.get("margin")):
        return DASH
    shown, factor = fitting(unit, float(row["margin"]))
    return f"±{number(float(row['margin']) * factor)}{unit_word(shown, words, difference=True)}"


def verdict_and_needed(row: Mapping[str, Any], words: Words, unit: str | None = None) -> str:
    """Return the verdict and, where there is none yet, how many replications are still needed."""
    word, key = verdict_text(row, words, unit), verdict_key(row)
    if key == "too_rare":
        return _counted(word, "cli.too_rare_enough", row.get("enough"), words)
    return word if key in CLEAR else _counted(word, "cli.undecided_needed", row.get("needed"), words)


def _counted(word: str, key: str, count: Any, words: Words) -> str:
    """Return a verdict with a number of replications, or alone where there is none."""
    return words.counted(key, int(count), verdict=word) if finite(count) and count > 0 else word
