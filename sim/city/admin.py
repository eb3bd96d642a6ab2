"""Reading an administrative tree: a CSV of code, name, level, parent, and perhaps Chinese names and archetypes.

The tree is read as it is, without coordinates or populations; ``sim.city.layout`` lays it over a network.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from sim.city.areas import LEVELS, Areas
from sim.city.parameters import ARCHETYPES
from sim.city.tables import ReadReport, Table, read_table
from sim.errors import InputError

COLUMNS: tuple[str, ...] = ("code", "name", "level", "parent")
"""Columns that the file must have."""
BESIDE: tuple[str, ...] = ("name_zh", "archetype")
"""Columns that may stand beside them; others are told and not read."""


def read_admin_tree(file: str | PathLike[str], report: ReadReport | None = None) -> Areas:
    """Read an administrative tree.

    Parameters
    ----------
    file
        CSV with a header ``code,name,level,parent``; level is one of ``LEVELS``; the root's parent is empty. It may
        end at any level. In a column ``archetype`` an empty cell means as above; an area's word holds for all below it
        that have none of their own.

    report
        Where columns that are not read are told.

    Returns
    -------
    Areas
        Validated, rows in the order of the file.

    Raises
    ------
    InputError
        On a missing or damaged file, wrong header, unknown level or archetype, or what is no tree; names line and code.
    """
    path, report = Path(file), report if report is not None else ReadReport()
    table = read_table(path, COLUMNS, report)
    report.tell_unread(table, (*COLUMNS, *BESIDE))
    if not len(table):
        raise InputError("the area tree is empty", file=path, line=table.header_line, allowed="at least one area")
    code, level, parent = (table.text(column).tolist() for column in ("code", "level", "parent"))
    for row, (value, word) in enumerate(zip(code, level, strict=True)):
        if not value or word not in LEVELS:
            raise InputError(
                "unknown level" if value else "an area without a code", file=path, line=int(table.lines[row]),
                field="level" if value else "code", found=word if value else value,
                allowed=LEVELS if value else "a code",
            )  # fmt: skip
    _lines_matter(path, table.lines, code, parent)
    chinese = table.text("name_zh").tolist() if "name_zh" in table.columns else None
    # Lines are consecutive unless a quoted cell spans several; the first row's line then still helps.
    areas = Areas.from_table(
        code, table.text("name").tolist(), level, parent, names_zh=chinese, file=path, first_line=int(table.lines[0])
    )
    areas.stated = _archetypes(path, table)
    return areas


def _archetypes(path: Path, table: Table) -> np.ndarray | None:
    """Return int8[n] archetypes as stated, -1 where a cell is empty; None without such a column."""
    if "archetype" not in table.columns:
        return None
    words = table.text("archetype").tolist()
    for row, word in enumerate(words):
        if word and word not in ARCHETYPES:
            raise InputError(
                "unknown archetype", file=path, line=int(table.lines[row]), field="archetype", found=word,
                allowed=[*ARCHETYPES, "or nothing, which means as above"],
            )  # fmt: skip
    return np.array([ARCHETYPES.index(word) if word else -1 for word in words], np.int8)


def _lines_matter(path: Path, lines: np.ndarray, code: list[str], parent: list[str]) -> None:
    # Duplicates and missing parents are the common faults of such files: name their true lines here.
    seen: dict[str, int] = {}
    for row, value in enumerate(code):
        if value in seen:
            raise InputError(
                f"duplicate area code, first on line {lines[seen[value]]}", file=path, line=int(lines[row]),
                field="code", found=value, allowed="each code once",
            )  # fmt: skip
        seen[value] = row
    for row, above in enumerate(parent):
        if above and above not in seen:
            raise InputError(
                f"area {code[row]} names a parent that is not in the file", file=path, line=int(lines[row]),
                field="parent", found=above, allowed="a code of the same file, or empty for the root",
            )  # fmt: skip
