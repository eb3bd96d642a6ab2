"""What a single value of a text file may be: a number of sensible size, a text that can be shown, true, false, nothing.

Every reader of YAML asks here, so that a number of thousands of digits, one too large or too small for any quantity,
half a surrogate pair or a control character is refused in one place and one sentence. Scalars follow YAML's core
schema: ``yes`` is a text, ``12:30`` is not 750, a date is a text. Files, lines and fields are the readers' concern.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

MOST_WHOLE = 2**63 - 1
MOST_NUMBER = 1e15
"""Larger than any quantity here: 1e15 minutes are two thousand million years."""
LEAST_NUMBER = 1e-30
MOST_DIGITS = 40
MOST_TEXT = 10_000
MOST_NAME = 200
MOST_DAYS = 36_525
"""Days that a run may last: a hundred years; the forms and the command line ask here alike."""
MOST_RESIDENTS = 20_000_000
"""Residents of the largest city that is taken: about as many as live in the largest there are."""

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9][0-9_]*|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TURNED = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
"""Marks that turn the direction of what follows, so that a name reads as another."""


class Unfit(ValueError):
    """A value that cannot stand in a file; the reader adds file, line and field.

    Parameters
    ----------
    problem, found, allowed
        As in `sim.errors.InputError`.
    """

    def __init__(self, problem: str, found: str, allowed: str) -> None:
        self.problem, self.found, self.allowed = problem, shown(found), allowed
        super().__init__(f"{problem}: {self.found}")


def shown(text: str, most: int = 60) -> str:
    """Return a text that fits a sentence: its beginning, and how long it is, when it is long."""
    return text if len(text) <= most else f"{text[: most // 2]}... ({len(text):,} characters)"


def scalar(text: str, quoted: bool) -> Any:
    """Return the value of a scalar.

    Parameters
    ----------
    text
        As it stands in the file, quotation marks and escapes resolved.
    quoted
        Whether it stood in quotation marks or as a block: then it is always a text.

    Raises
    ------
    Unfit
        A number that is not finite, too long, too large or too small; a text too long or with signs nobody can see.
    """
    if quoted:
        return checked_text(text)
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return _whole(text)
    if _FLOAT.fullmatch(text):
        return _number(text)
    if _NOT_FINITE.fullmatch(text):
        raise Unfit("a number must be finite", text, "a finite number")
    return checked_text(text)


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise Unfit("too many digits for a number", text, f"at most {MOST_WHOLE}, or a text in quotation marks")
    digits = text.replace("_", "")
    value = int(digits, 0) if digits[:2] in ("0x", "0o") else int(digits)
    if abs(value) > MOST_WHOLE:
        raise Unfit("the number is too large", text, f"at most {MOST_WHOLE}, or a text in quotation marks")
    return value


def _number(text: str) -> float:
    if len(text) > MOST_DIGITS:
        raise Unfit("too many digits for a number", text, f"at most {MOST_DIGITS} signs")
    digits = text.replace("_", "")
    value = float(digits)
    if not math.isfinite(value):
        raise Unfit("a number must be finite", text, "a finite number")
    if abs(value) > MOST_NUMBER:
        raise Unfit("the number is too large", text, f"at most {MOST_NUMBER:g} in size")
    if abs(value) < LEAST_NUMBER and re.search(r"[1-9]", re.split("[eE]", digits)[0]):
        raise Unfit("the number is too small to differ from 0", text, f"0, or at least {LEAST_NUMBER:g} in size")
    return value


def checked_text(text: str, most: int = MOST_TEXT) -> str:
    """Return a text that can be shown and written.

    Raises
    ------
    Unfit
        Too long, or with half a surrogate pair, a control character, or a mark that turns the direction of reading.
    """
    if len(text) > most:
        raise Unfit("the text is too long", text, f"at most {most:,} characters")
    if not text.isprintable():
        for sign in text:
            if unsightly(sign):
                raise Unfit("the text holds a sign that cannot be shown", f"U+{ord(sign):04X}", "letters and signs")
    return text


def unsightly(sign: str) -> bool:
    """Tell whether a character cannot stand in a text: control characters but tab and line ends, halves of pairs."""
    if sign in "\n\t\r" or sign.isprintable():
        return False
    return sign in _TURNED or unicodedata.category(sign) in ("Cc", "Cs") or ord(sign) & 0xFFFE == 0xFFFE
