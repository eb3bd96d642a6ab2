"""Numbers given on the command line: read once, before anything is loaded, and refused in one sentence.

Every option that takes a number is made here, so that none takes what is no number (nan, inf, a word) or lies outside
of its bounds. What a number means, and whether it goes with the others, is said where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import typer

from sim.errors import InputError
from sim.plain_values import MOST_DIGITS, MOST_WHOLE

MOST_SEED = MOST_WHOLE


def whole(*flags: str, help: str, least: int = 0, most: int) -> Any:
    """Return an option that takes a whole number.

    Parameters
    ----------
    flags
        Its names, the long one first.
    help
        What it means; the bounds are added.
    least, most
        Bounds, both taken.
    """

    def read(text: Any) -> int:
        value = _number(text, int)
        if value is None or not least <= value <= most:
            raise InputError(
                "not a number" if value is None else "impossible number", field=flags[0], found=_shown(text),
                allowed=f"a whole number from {least:,} to {most:,}",
            )  # fmt: skip
        return value

    return typer.Option(*flags, parser=read, metavar="<int>", help=f"{help} [{least:,} to {most:,}]")


def decimal(*flags: str, help: str, most: float, least: float | None = None) -> Any:
    """Return an option that takes a number: above 0, or from `least` where that is given, to `most`."""

    def read(text: Any) -> float:
        value = _number(text, float)
        if value is None or not (value > 0 if least is None else value >= least) or not value <= most:
            problem = "not a number" if value is None else "impossible number"
            if least is None:
                raise InputError(
                    problem, field=flags[0], found=_shown(text), allowed=f"a number above 0, at most {most:,.10g}"
                )
            raise InputError(
                problem, field=flags[0], found=_shown(text), allowed=f"a number from {least:,.10g} to {most:,.10g}"
            )
        return value

    bounds = f"above 0, at most {most:,.10g}" if least is None else f"{least:,.10g} to {most:,.10g}"
    return typer.Option(*flags, parser=read, metavar="<float>", help=f"{help} [{bounds}]")


def _number[T: (int, float)](text: Any, kind: Callable[[Any], T]) -> T | None:
    """Return the number that a text says, None where it says none; Python's underscores are no usual writing."""
    written = str(text)
    if len(written) > MOST_DIGITS or "_" in written or not written.isascii():
        return None
    try:
        value = kind(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _shown(text: Any) -> str:
    return str(text)[: 2 * MOST_DIGITS]
