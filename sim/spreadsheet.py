"""Tables as CSV that a spreadsheet may open: no text of a user becomes a formula there, and reading it back is exact.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return for a formula. Such
texts get an apostrophe before them, which spreadsheets know as "this is text"; `undone` takes it away again. Numbers
stay as they are. Everything this project writes for spreadsheets goes through `csv_bytes` or `neutral`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = re.compile(r"'*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
MARK = b"\xef\xbb\xbf"
"""Lets spreadsheets read Chinese text as UTF-8."""


def neutral(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula; what is no text, or a plain number, stays."""
    if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def undone(text: str) -> str:
    """Return the text that `neutral` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def csv_bytes(frame: pd.DataFrame, float_format: str | None = None) -> bytes:
    """Return a table as CSV for spreadsheets: UTF-8 with its mark, heads and texts without formulas.

    Parameters
    ----------
    frame
        A table; its index is left out.
    float_format
        Such as ``%.10g``; None writes every digit.
    """
    made = frame.rename(columns=neutral)
    for place, kind in enumerate(frame.dtypes):
        if kind.kind not in "biufcmM":
            made.isetitem(place, [neutral(cell) for cell in frame.iloc[:, place].astype(object)])
    return MARK + made.to_csv(index=False, lineterminator="\r\n", float_format=float_format).encode()
