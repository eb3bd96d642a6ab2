"""Mistakes in input, said in the reader's language.

Everything below the dashboards says what is wrong in English, with the place, what was found and what is allowed kept
apart in an `InputError`. This file says the same in another language. It is a catalogue of sentences with holes, not a
second set of messages: a clause that it does not know is shown as it is, and a test reads every clause out of the
sources (`scripts.mistakes`) and fails when one is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from typing import Protocol, runtime_checkable

import yaml

from sim.errors import MOST_ALLOWED, InputError, as_found, bounded

HOLE = "{}"
TYPED = "command line"  # stands in place of a file for what an option set
_BOUND = r"(?:at least|at most|above|below) [-\d.,e+]+(?: entries)?"
_BOUNDS = re.compile(rf"(?P<bounds>{_BOUND}(?: and {_BOUND})*)(?: \((?P<unit>[^()]+)\))?")


@cache
def catalogue(lang: str) -> dict[str, str]:
    """Return English clause -> clause of ``lang``; holes are ``{}`` in the first, ``{0}``, ``{1}`` … in the second."""
    return yaml.safe_load(files("dashboards.texts").joinpath(f"mistakes.{lang}.yaml").read_text(encoding="utf-8"))


@cache
def units(lang: str) -> dict[str, str]:
    """Return unit of a parameter, as the register writes it -> its words in ``lang``; empty in English."""
    if lang == "en":
        return {}
    return yaml.safe_load(files("dashboards.texts").joinpath(f"units.{lang}.yaml").read_text(encoding="utf-8"))


@runtime_checkable
class Worded(Protocol):
    """A mistake that has words of its own in the language files, such as a log that is refused."""

    def worded(self, words: Callable[..., str]) -> str:
        """Return all that is to be said."""
        ...


def sentence(error: InputError, lang: str, words: Callable[..., str] | None = None) -> str:
    """Return the one sentence of a mistake in ``lang``: file, line, field, problem, found, allowed.

    Parameters
    ----------
    error
        What a reader, schema or builder raised.
    lang
        ``en`` or ``zh``; names, values and paths stand in it as the user wrote them.
    words
        Key and fields -> text of that language, for mistakes that bring their own words (`Worded`).
    """
    if words is not None and isinstance(error, Worded):
        return error.worded(words)
    if lang == "en":
        return error.sentence()
    is_typed = str(error.file) == TYPED
    place = "，".join(
        part
        for part in (
            ("命令行" if is_typed else bounded(str(error.file))) if error.file is not None else "",
            f"第 {error.line} 行" if error.line is not None and not is_typed else "",
            f"字段“{bounded(error.field)}”" if error.field else "",
        )
        if part
    )
    problem = clause(bounded(error.problem, MOST_ALLOWED), lang)
    text = f"{place}：{problem}" if place else problem
    if error.found is not None:
        text += f"；现为 {_found(error.found, lang)}"
    if error.allowed is not None:
        text += f"；允许：{bounded(_allowed(error.allowed, lang), MOST_ALLOWED)}"
    return text + "。"


def clause(text: str, lang: str) -> str:
    """Return a clause in ``lang``, what stands in its holes translated likewise; the clause itself when unknown."""
    if lang == "en":
        return text
    return _limits(text, lang) or _entry(text, lang) or text


def _entry(text: str, lang: str) -> str | None:
    """Return the catalogue's words for a clause, its holes filled; None when it has none."""
    known = catalogue(lang)
    if text in known:
        return known[text]
    for pattern, there in _patterns(lang):
        found = pattern.fullmatch(text)
        if found is not None:
            return _filled(there, [clause(part, lang) for part in found.groups()])
    return units(lang).get(text)


def _limits(text: str, lang: str) -> str | None:
    """Return bounds joined by "and", with the unit behind them in brackets; None when it is nothing of the kind."""
    found = _BOUNDS.fullmatch(text)
    if found is None:
        return None
    unit = f"（{clause(found['unit'], lang)}）" if found["unit"] else ""
    return "，且".join(str(_entry(bound, lang)) for bound in found["bounds"].split(" and ")) + unit


def _filled(there: str, parts: list[str]) -> str:
    """Put parts into the holes ``{0}``, ``{1}`` …; other braces are the clause's own."""
    return re.sub(r"\{(\d)\}", lambda hole: parts[int(hole.group(1))], there)


def _found(found: object, lang: str) -> str:
    return clause(found, lang) if isinstance(found, str) and clause(found, lang) != found else as_found(found)


def _allowed(allowed: object, lang: str) -> str:
    if isinstance(allowed, str):
        whole = clause(allowed, lang)
        return whole if whole != allowed else "、".join(clause(part, lang) for part in allowed.split(", "))
    parts: Iterable[object] = allowed if isinstance(allowed, list | tuple | set | frozenset) else (allowed,)
    return "、".join(clause(str(part), lang) for part in parts)


@cache
def _patterns(lang: str) -> list[tuple[re.Pattern[str], str]]:
    """Return the clauses with holes, those with the longest fixed text first: the most specific one wins."""
    with_holes = [(here, there) for here, there in catalogue(lang).items() if HOLE in here]
    with_holes.sort(key=lambda pair: -len(pair[0].replace(HOLE, "")))
    return [
        (re.compile("(.+?)".join(map(re.escape, here.split(HOLE))), re.DOTALL), there) for here, there in with_holes
    ]
