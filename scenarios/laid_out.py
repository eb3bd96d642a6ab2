"""Tables laid out for the width at hand, so that no name, number or verdict is ever cut or broken.

Four forms, the first that fits: a table with whole heads; one whose heads are folded between words; one with what each
row is about on a line of its own above its numbers; and one block per row, with ``head: value`` pairs. Only prose
(cells longer than a line of a letter) is folded, between words. It measures in columns of the terminal, where a Chinese
character takes two; it knows nothing of studies.
"""

from __future__ import annotations

from collections.abc import Sequence

import rich.box
from rich.cells import cell_len
from rich.console import Console as Rich
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

PROSE = 44  # cells longer than this are prose, which may be folded
LEAST_PROSE = 28  # columns below which folded prose cannot be read
GAP = "   "


def laid_out(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    out: Rich,
    title: str | None = None,
    about: int = 1,
    aside: int = 0,
) -> RenderableType:
    """Return a table that fits a console.

    Parameters
    ----------
    columns, rows
        Heads, and cells as texts without markup.
    out
        The console it is for; its width decides.
    title
        Stands above.
    about
        How many of the first columns say what a row is about; they are its heading where it has one.
    aside
        How many of the last columns may stand in the heading too.
    """
    for folded in (False, True):
        made = _table(columns, rows, title, folded)
        if made is not None and _least_width(made, out) <= out.width:
            return made
    return _stacked(columns, rows, out.width, title, about, aside) or _blocks(columns, rows, out.width, title, about)


def _least_width(made: Table, out: Rich) -> int:
    return made.__rich_measure__(out, out.options.update(width=100_000)).minimum


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None, folded: bool) -> Table:
    made = Table(title=escape(title) if title else None, box=rich.box.SIMPLE_HEAD, title_justify="left")
    for index, head in enumerate(columns):
        cells = [row[index] for row in rows]
        numeric = index > 0 and all(is_numeric(cell) for cell in cells)
        wide = max((_widest(cell) for cell in cells), default=0)
        head = _folded(head, wide) if folded else head
        prose = wide > PROSE
        made.add_column(
            escape(head),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=not prose,
            min_width=max(_widest(head), max(LEAST_PROSE, _longest_word(cells)) if prose else wide),
        )
    for row in rows:
        made.add_row(*[escape(cell) for cell in row])
    return made


def _folded(head: str, width: int) -> str:
    """Return a head on as many lines as its cells' width asks for, broken between words (Chinese: characters)."""
    if cell_len(head) <= width:
        return head
    words = head.split(" ")
    least = max(width, 12, *(cell_len(word) for word in words if word.isascii()), 0)
    lines = [""]
    for index, word in enumerate(words):
        gap = " " if index and lines[-1] else ""
        if cell_len(lines[-1] + gap + word) <= least:
            lines[-1] += gap + word
            continue
        lines.append("") if lines[-1] else None
        for sign in word:  # an ASCII word always fits on a line of its own
            if cell_len(lines[-1] + sign) > least:
                lines.append("")
            lines[-1] += sign
    return "\n".join(lines)


def _stacked(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, title: str | None, about: int, aside: int
) -> RenderableType | None:
    """Return rows of two lines under one line of heads; None when a single column is left, or they do not fit."""
    last = len(columns) - aside
    shown = range(about, last)
    if about < 2 or len(shown) < 2 or any(_widest(row[k]) > PROSE for row in rows for k in shown):
        return None
    wide = [max((_widest(row[k]) for row in rows), default=0) for k in shown]
    heads = [_folded(columns[k], w).splitlines() for k, w in zip(shown, wide, strict=True)]
    wide = [max(w, *map(cell_len, head)) for w, head in zip(wide, heads, strict=True)]
    headings = [_heading(columns, row, about, last) for row in rows]
    if 3 + sum(wide) + len(GAP) * (len(wide) - 1) > width or any(cell_len(text) + 1 > width for text in headings):
        return None
    left = [not all(is_numeric(row[k]) for row in rows) for k in shown]
    deep = max(map(len, heads))
    parts: list[RenderableType] = [Text(""), *([Text(title, style="italic")] if title else [])]
    for level in range(deep):
        line = [head[level - deep + len(head)] if level >= deep - len(head) else "" for head in heads]
        parts.append(Text(_line(line, wide, left), style="bold"))
    for heading, row in zip(headings, rows, strict=True):
        parts += [Text(f" {heading}", style="bold"), Text(_line([row[k] for k in shown], wide, left))]
    return Group(*parts, Text(""))


def _heading(columns: Sequence[str], row: Sequence[str], about: int, last: int) -> str:
    asides = [f"{_colon(columns[k])}{row[k]}" for k in range(last, len(columns)) if row[k]]
    return " · ".join([*(cell for cell in row[:about] if cell), *asides])


def _line(cells: Sequence[str], wide: Sequence[int], left: Sequence[bool]) -> str:
    gaps = [" " * (w - cell_len(cell)) for cell, w in zip(cells, wide, strict=True)]
    told = [cell + gap if is_left else gap + cell for cell, gap, is_left in zip(cells, gaps, left, strict=True)]
    return ("   " + GAP.join(told)).rstrip()


def _blocks(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, title: str | None, about: int
) -> RenderableType:
    parts: list[RenderableType] = [Text(""), *([Text(title, style="italic")] if title else [])]
    if len(columns) == 2 and about == 1:  # what and value: the pair says it all, a head for the value says nothing
        told = [line for row in rows for line in _lines([(row[0], row[1])], width)]
        return Group(*parts, *[Padding(Text(line), (0, 0, 0, indent - 2)) for indent, line in told], Text(""))
    for row in rows:
        heading = " · ".join(cell for cell in row[:about] if cell)
        parts.append(Padding(Text(heading, style="bold"), (0, 0, 0, 1)))
        pairs = [(head, cell) for head, cell in zip(columns[about:], row[about:], strict=True) if cell]
        parts += [Padding(Text(line), (0, 0, 0, indent)) for indent, line in _lines(pairs, width)]
    return Group(*parts, Text(""))


def _lines(pairs: Sequence[tuple[str, str]], width: int) -> list[tuple[int, str]]:
    """Return indents and lines of ``head: value`` pairs, several to a line where they fit whole."""
    lines: list[tuple[int, str]] = []
    for head, cell in pairs:
        pair = f"{_colon(head)}{cell}" if head else cell
        joined = f"{lines[-1][1]}{GAP}{pair}" if lines and lines[-1][0] == 3 else ""
        if joined and cell_len(joined) + 3 <= width:
            lines[-1] = (3, joined)
        elif cell_len(pair) + 3 <= width:
            lines.append((3, pair))
        else:
            lines += [*([(3, _colon(head).rstrip())] if head else []), (5, cell)]
    return lines


def _colon(head: str) -> str:
    """Return a head with the colon of its script; both colons take two columns."""
    return f"{head}: " if head.isascii() else f"{head}："


def _widest(cell: str) -> int:
    return max((cell_len(line) for line in cell.splitlines()), default=0)


def _longest_word(cells: Sequence[str]) -> int:
    return max((cell_len(word) for cell in cells for word in cell.split() if word.isascii()), default=0)


def is_numeric(cell: str) -> bool:
    """Tell whether a cell begins as numbers do, so that it stands right."""
    return not cell or cell[0] in "0123456789+-–∞>"
