"""What a verdict is called: one word and one sign each, for terminal, page, report and drill.

An undecided one says why when its own interval excludes zero (the verdict is adjusted for all that were compared).
It judges nothing; verdicts come with the comparison (`scenarios.compare`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenarios.compare import verdict_word
from scenarios.numbers import Words, finite

SIGNS = {
    "better": "▲", "worse": "▼", "higher": "↑", "lower": "↓", "equivalent": "＝", "undecided": "?", "no_effect": "＝",
    "too_rare": "…", "no_difference": "＝",
}  # fmt: skip
CLEAR = ("better", "worse", "higher", "lower")


def verdict_key(row: Mapping[str, Any]) -> str:
    """Return the name of a row's verdict in the texts' group ``verdicts``."""
    low, high = (float(row[end]) if finite(row[end]) else 0.0 for end in ("low", "high"))
    return verdict_word(str(row["verdict"]), low, high, str(row.get("interval_method", "")))


def verdict_text(row: Mapping[str, Any], words: Words) -> str:
    """Return the word for a row's verdict."""
    return words.name("verdicts", verdict_key(row))


def verdict_and_needed(row: Mapping[str, Any], words: Words) -> str:
    """Return the verdict and, where there is none yet, how many replications are still needed."""
    word, key = verdict_text(row, words), verdict_key(row)
    if key == "too_rare":
        return _counted(word, "cli.too_rare_enough", row.get("enough"), words)
    return word if key in CLEAR else _counted(word, "cli.undecided_needed", row.get("needed"), words)


def _counted(word: str, key: str, count: Any, words: Words) -> str:
    """Return a verdict with a number of replications, or alone where there is none."""
    return words.counted(key, int(count), verdict=word) if finite(count) and count > 0 else word
