"""Tables held to widths: every name, number and verdict must stand whole on one line; not a test by itself."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from typing import Any

from rich.cells import cell_len
from rich.console import Console as Rich

from dashboards.texts import Texts
from scenarios.console import Console
from scenarios.laid_out import PROSE, laid_out

WIDTHS = range(60, 201)


class Recording(Console):
    """A console that remembers the tables it is asked to print."""

    def __init__(self, lang: str) -> None:
        super().__init__(Texts(lang), lang)
        self.out = self.err = Rich(file=io.StringIO(), width=120, highlight=False)
        self.asked: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def table(self, *args: Any, **kwargs: Any) -> None:
        """Remember a table and print it."""
        self.asked.append((args, kwargs))
        super().table(*args, **kwargs)


def tables_of(show: Callable[[Console], object], lang: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Return what a command asks to be printed as tables."""
    console = Recording(lang)
    show(console)
    assert console.asked
    return console.asked


def printed(args: tuple[Any, ...], kwargs: dict[str, Any], width: int) -> list[str]:
    """Return the lines of a table on a terminal of a width."""
    out = Rich(file=io.StringIO(), force_terminal=True, color_system=None, width=width, highlight=False)
    named = dict(zip(("columns", "rows", "title"), args, strict=False)) | kwargs
    out.print(laid_out(named.pop("columns"), named.pop("rows"), out, **named))
    return re.sub(r"\x1b\[[0-9;]*m", "", out.file.getvalue()).splitlines()  # type: ignore[attr-defined]


def assert_whole(args: tuple[Any, ...], kwargs: dict[str, Any], widths: Iterable[int]) -> None:
    """Assert that no line is too long and that each cell stands whole, prose in whole words."""
    whole, words = set(), set()
    for column in zip(*(args[1] if len(args) > 1 else kwargs["rows"]), strict=True):
        parts = {part.strip() for cell in column for part in cell.splitlines() if part.strip()}
        if max(map(cell_len, parts), default=0) <= PROSE:
            whole |= parts
        else:
            words |= {word for part in parts for word in part.split() if word.isascii()}
    for width in widths:
        lines = printed(args, kwargs, width)
        assert max(map(cell_len, lines)) <= width
        text = "\n".join(lines)
        assert not [part for part in whole if part not in text], width
        assert not [word for word in words if len(word) < width - 8 and word not in text], width
