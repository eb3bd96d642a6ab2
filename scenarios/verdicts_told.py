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
    "too_rare": "…",
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
    if row["verdict"] == "too_rare":
        return too_rare_text(row, words)
    word, needed = verdict_text(row, words), row.get("needed")
    if verdict_key(row) in CLEAR or not finite(needed) or float(needed) <= 0:  # type: ignore[arg-type]
        return word
    return words.counted("cli.undecided_needed", int(needed), verdict=word)  # type: ignore[arg-type]


def too_rare_text(row: Mapping[str, Any], words: Words) -> str:
    """Return that so few replications cannot judge, and about how many could."""
    pairs, enough = f"{int(row['pairs']):,}", row.get("enough")
    if not finite(enough):
        return words("cli.too_rare_by_far", pairs=pairs)
    return words("cli.too_rare", pairs=pairs, enough=f"{int(enough):,}")  # type: ignore[arg-type]
