"""The area tree: city, districts, streets, communities and grids, as columns.

Rows are areas, in any order; ``parent`` points at a row. It knows nothing of roads or people; which node or
resident lies in which grid is said by :class:`sim.city.city.City`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError

LEVELS: tuple[str, ...] = ("grid", "community", "street", "district", "city")
"""Names of levels 0..4, from the smallest up."""


@dataclass(eq=False)
class Areas:
    """The tree of areas.

    Parameters
    ----------
    code, name, name_zh
        str[A]; ``name_zh`` may equal ``name``.
    level
        int8[A], 0 grid .. 4 city, see :data:`LEVELS`.
    parent
        int32[A], row of the parent, -1 for the root.
    archetype
        int8[A], 0 urban, 1 old compound, 2 rural, 3 pastoral.
    x, y
        float64[A], centre in metres of the city's local projection; 0 where unknown.
    stated
        int8[A], the archetype that a file gives an area and all below it, -1 where none; not stored with a city.
    """

    code: NDArray[np.str_]
    name: NDArray[np.str_]
    name_zh: NDArray[np.str_]
    level: NDArray[np.int8]
    parent: NDArray[np.int32]
    archetype: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    x: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    y: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    stated: NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        self.code = np.asarray(self.code, dtype=np.str_)
        self.name = np.asarray(self.name, dtype=np.str_)
        self.name_zh = np.asarray(self.name_zh, dtype=np.str_)
        self.level = np.asarray(self.level, dtype=np.int8)
        self.parent = np.asarray(self.parent, dtype=np.int32)
        count = len(self.code)
        self.archetype = np.asarray(self.archetype if len(self.archetype) else np.zeros(count), dtype=np.int8)
        self.x = np.asarray(self.x if len(self.x) else np.zeros(count), dtype=np.float64)
        self.y = np.asarray(self.y if len(self.y) else np.zeros(count), dtype=np.float64)

    def __len__(self) -> int:
        return len(self.code)

    @classmethod
    def from_table(
        cls,
        codes: Sequence[str],
        names: Sequence[str],
        levels: Sequence[str],
        parents: Sequence[str],
        *,
        names_zh: Sequence[str] | None = None,
        file: str | PathLike[str] | None = None,
        first_line: int | None = None,
    ) -> Areas:
        """Build the tree from text columns, parents given by code.

        Parameters
        ----------
        codes, names, levels, parents
            One entry per area; ``parents`` is "" for the root; ``levels`` are words of :data:`LEVELS`.
        names_zh
            Chinese names; the names themselves when None.
        file, first_line
            Where the table came from, for the error's sake.

        Returns
        -------
        Areas
            A validated tree.

        Raises
        ------
        InputError
            On an unknown level or a parent that is not in the table, and whatever :meth:`validate` finds.
        """
        line_of = (lambda row: first_line + row) if first_line is not None else (lambda row: None)
        row_of = {code: row for row, code in reversed(list(enumerate(codes)))}
        level, parent = np.zeros(len(codes), np.int8), np.full(len(codes), -1, np.int32)
        for row, (word, above) in enumerate(zip(levels, parents, strict=True)):
            if word not in LEVELS:
                raise InputError(
                    "unknown level", file=file, line=line_of(row), field="level", found=word, allowed=LEVELS
                )
            level[row] = LEVELS.index(word)
            if above == "":
                continue
            if above not in row_of:
                raise InputError(
                    f"area {codes[row]} names a parent that is not in the table",
                    file=file, line=line_of(row), field="parent", found=above, allowed="a code of the same table",
                )  # fmt: skip
            parent[row] = row_of[above]
        areas = cls(np.array(codes), np.array(names), np.array(names if names_zh is None else names_zh), level, parent)
        areas.validate(file=file, first_line=first_line)
        return areas

    @cached_property
    def grids(self) -> NDArray[np.int32]:
        """int32[G]: rows of level 0 in row order; a grid index g is a position in this array."""
        return np.flatnonzero(self.level == 0).astype(np.int32)

    @cached_property
    def grid_index(self) -> NDArray[np.int32]:
        """int32[A]: grid index of each row, -1 for rows that are not grids."""
        index = np.full(len(self), -1, np.int32)
        index[self.grids] = np.arange(len(self.grids), dtype=np.int32)
        return index

    @cached_property
    def root(self) -> int:
        """Row of the root."""
        return int(np.flatnonzero(self.parent < 0)[0])

    def rows(self, level: int) -> NDArray[np.int32]:
        """Return int32 rows of one level, in row order."""
        return np.flatnonzero(self.level == level).astype(np.int32)

    def row(self, code: str) -> int:
        """Return the row of a code; InputError when there is none."""
        found = np.flatnonzero(self.code == code)
        if not len(found):
            raise InputError("no such area", field="area", found=code, allowed=f"one of {len(self)} codes of this city")
        return int(found[0])

    def inherited(self) -> NDArray[np.int8]:
        """Return int8[A]: the archetype stated for a row or the nearest row above it, -1 where none is."""
        found = np.full(len(self), -1, np.int8) if self.stated is None else self.stated.copy()
        for level in range(3, -1, -1):
            rows = self.rows(level)
            rows = rows[(found[rows] < 0) & (self.parent[rows] >= 0)]
            found[rows] = found[self.parent[rows]]
        return found

    def children(self, row: int) -> NDArray[np.int32]:
        """Return int32 rows whose parent is ``row``."""
        return np.flatnonzero(self.parent == row).astype(np.int32)

    def ancestor(self, rows: NDArray[np.integer] | Sequence[int] | int, level: int) -> NDArray[np.int32]:
        """Return the ancestors of rows at a level.

        Parameters
        ----------
        rows
            Row or rows, any shape.
        level
            0..4. A row of that level is its own ancestor.

        Returns
        -------
        numpy.ndarray
            int32, same shape; -1 where the tree has no area of that level above the row.
        """
        at = np.array(rows, dtype=np.int32)
        for _ in LEVELS:
            climbing = (at >= 0) & (self.level[at] < level)
            if not climbing.any():
                break
            at = np.where(climbing, self.parent[at], at)
        return np.where((at >= 0) & (self.level[at] == level), at, -1).astype(np.int32)

    def grids_under(self, row: int) -> NDArray[np.int32]:
        """Return int32 grid indices that lie under (or are) an area."""
        above = self.ancestor(self.grids, int(self.level[row]))
        return np.flatnonzero(above == row).astype(np.int32)

    def validate(self, file: str | PathLike[str] | None = None, first_line: int | None = None) -> None:
        """Refuse what is not a tree.

        Raises
        ------
        InputError
            On a duplicate code, a parent row out of range, a cycle (its codes are named), no root or several, a
            child whose level is not below its parent's, an unknown level or archetype, or columns of unequal length.
        """
        at = (lambda row: first_line + int(row)) if first_line is not None else (lambda row: None)
        self._check_columns(file)
        values, counts = np.unique(self.code, return_counts=True)
        if (counts > 1).any():
            code = values[counts > 1][0]
            row = np.flatnonzero(self.code == code)[1]
            raise InputError("duplicate area code", file=file, line=at(row), field="code", found=str(code))
        bad = np.flatnonzero((self.parent < -1) | (self.parent >= len(self)))
        if len(bad):
            raise InputError(
                f"area {self.code[bad[0]]} has a parent that does not exist",
                file=file, line=at(bad[0]), field="parent", found=int(self.parent[bad[0]]),
                allowed=f"-1 or a row below {len(self)}",
            )  # fmt: skip
        self._check_cycles(file, at)
        self._check_shape(file, at)

    def _check_columns(self, file: str | PathLike[str] | None) -> None:
        columns = ("name", "name_zh", "level", "parent", "archetype", "x", "y")
        for column in columns:
            if len(getattr(self, column)) != len(self):
                raise InputError(
                    "column of another length", file=file, field=column, found=len(getattr(self, column)),
                    allowed=len(self),
                )  # fmt: skip
        if not len(self):
            raise InputError("the area tree is empty", file=file, allowed="at least one area")
        for column, top in (("level", len(LEVELS)), ("archetype", 4)):
            values = getattr(self, column)
            if ((values < 0) | (values >= top)).any():
                raise InputError(
                    "value out of range", file=file, field=column, found=int(values[(values < 0) | (values >= top)][0]),
                    allowed=f"0..{top - 1}",
                )  # fmt: skip

    def _check_cycles(self, file: str | PathLike[str] | None, at) -> None:
        # A row that still has an ancestor after as many doublings as the tree is long must run in a circle.
        jump = np.where(self.parent < 0, len(self), self.parent)
        jump = np.append(jump, len(self))
        for _ in range(int(np.ceil(np.log2(len(self) + 1))) + 1):
            jump = jump[jump]
        lost = np.flatnonzero(jump[:-1] < len(self))
        if not len(lost):
            return
        row, seen = int(jump[lost[0]]), []
        while row not in seen:
            seen.append(row)
            row = int(self.parent[row])
        circle = seen[seen.index(row) :]
        codes = " -> ".join(str(self.code[r]) for r in [*circle, circle[0]])
        raise InputError("the area tree has a cycle", file=file, line=at(min(circle)), field="parent", found=codes)

    def _check_shape(self, file: str | PathLike[str] | None, at) -> None:
        roots = np.flatnonzero(self.parent < 0)
        if len(roots) != 1:
            raise InputError(
                "the area tree has several roots", file=file, line=at(roots[1]), field="parent",
                found=", ".join(map(str, self.code[roots[:5]])), allowed="exactly one area without a parent",
            )  # fmt: skip
        child = np.flatnonzero(self.parent >= 0)
        wrong = child[self.level[child] >= self.level[self.parent[child]]]
        if len(wrong):
            row = wrong[0]
            raise InputError(
                f"area {self.code[row]} is not below its parent {self.code[self.parent[row]]}",
                file=file, line=at(row), field="level", found=LEVELS[self.level[row]],
                allowed=list(LEVELS[: self.level[self.parent[row]]]),
            )  # fmt: skip
