"""The rows of a log before they mean anything: columns of text by name, and where in the file each row stands.

Made by the CSV, Parquet and XES readers alike, so that everything after them sees one form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

# Words that say "none" where a time or a number should stand; an id, a name or a department may well be one of them.
NO_TIME_WORDS = frozenset([
    "na", "n/a", "n.a.", "#n/a", "nan", "nat", "null", "#null!", "(null)", "[null]", "<null>", "none", "nil", "<na>",
    "\\n", "(blank)", "(none)", "(empty)", "0000-00-00", "0000-00-00 00:00:00", "0000/00/00", "无", "空", "暂无",
])  # fmt: skip
MAX_ROWS = 20_000_000


@dataclass
class Rows:
    """Columns of a log.

    Attributes
    ----------
    columns
        Name -> one value per row: text or None; Parquet may bring datetimes.
    place
        Per row the line (CSV), row number (Parquet) or event number (XES) counted from 1.
    word
        What `place` counts: ``line``, ``row`` or ``event``.
    trace
        XES: per row the number of its <trace>, so that two traces of one name are seen. None otherwise.
    repeated
        Per row whether the whole row repeats an earlier one exactly.
    ordered
        True when the form itself states an order of events within a case.
    zones
        Column -> IANA name of the zone that the file states for its times (Parquet, Arrow).
    nested
        Column -> its type, of columns that hold lists or records and so cannot play a part.
    """

    columns: dict[str, pd.Series]
    place: np.ndarray
    word: str
    repeated: np.ndarray
    trace: np.ndarray | None = None
    ordered: bool = False
    zones: dict[str, str] = field(default_factory=dict)
    nested: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.place)

    def kept(self, keep: np.ndarray) -> Rows:
        """Return some of the rows."""
        return replace(
            self, columns={name: column[keep].reset_index(drop=True) for name, column in self.columns.items()},
            place=self.place[keep], repeated=self.repeated[keep],
            trace=None if self.trace is None else self.trace[keep],
        )  # fmt: skip

    def where(
        self, rows: Iterable[int], values: pd.Series | Sequence[object] | None = None, most: int = 3
    ) -> list[str]:
        """Describe rows as a reader finds them in the file: ``line 12: '2011-10-11'``."""
        told = []
        for row in list(rows)[:most]:
            shown = (
                ""
                if values is None
                else f": {_short(values.iloc[row] if isinstance(values, pd.Series) else values[row])}"
            )
            told.append(f"{self.word} {self.place[row]:,}{shown}")
        return told


class Intern:
    """Gives equal texts one object, and None for an empty one; no word means nothing by itself."""

    def __init__(self) -> None:
        self.seen: dict[str, str | None] = {}

    def __call__(self, text: str) -> str | None:
        """Return the text stripped, or None."""
        try:
            return self.seen[text]
        except KeyError:
            bare = text.strip()
            value = bare or None
            if len(self.seen) < 2_000_000:
                self.seen[text] = value
            return value


def text_series(values: list[str | None]) -> pd.Series:
    """Return a column of Python texts and None."""
    return pd.Series(np.array(values, dtype=object) if values else np.array([], dtype=object), dtype=object)


def repeated_rows(hashes: list[int]) -> np.ndarray:
    """Return which rows have been seen before, by the hash of all they hold."""
    return pd.Series(np.array(hashes, dtype=np.int64)).duplicated().to_numpy()


def _short(value: object, most: int = 40) -> str:
    text = "(empty)" if value is None else repr(str(value))
    return text if len(text) <= most else text[: most - 2] + "…'"
