"""Reading text tables from files, zip members and gzip, with line numbers, and saying what was wrong.

It knows CSV, the multi-table CSV of ambulance models, and the report of unusable rows. What columns mean is the
business of the readers of each format.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from sim.spreadsheet import undone

# zipfile answers encryption and unknown compression, real or from damage, with RuntimeError.
_DAMAGE = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, struct.error, EOFError, KeyError, ValueError, RuntimeError)

EXAMPLES = 5
"""Examples of unusable rows kept per kind of fault."""


@dataclass
class BadRows:
    """One kind of fault: how many rows, and the first of them as (line, found)."""

    problem: str
    file: str
    field: str
    count: int
    examples: list[tuple[int, str]]


@dataclass
class ReadReport:
    """What a reader saw: rows per file, rows it could not use, and notes.

    Parameters
    ----------
    on_bad_rows
        "refuse" makes the first kind of fault an InputError; "drop" counts, keeps examples and goes on.
    """

    on_bad_rows: str = "refuse"
    rows: dict[str, int] = field(default_factory=dict)
    bad: list[BadRows] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.on_bad_rows not in ("refuse", "drop"):
            raise InputError("unknown choice", field="on_bad_rows", found=self.on_bad_rows, allowed=["refuse", "drop"])

    @property
    def dropped(self) -> int:
        """Number of rows not used."""
        return sum(kind.count for kind in self.bad)

    def note_bad(
        self,
        problem: str,
        file: str,
        column: str,
        lines: Sequence[int] | NDArray,
        found: Sequence[object],
        allowed: object = None,
    ) -> None:
        """Refuse or record rows that cannot be used; nothing happens when there are none.

        Lines are 1-based, 0 where what was read has none.

        Raises
        ------
        InputError
            When rows are refused; names the first one and how many there are.
        """  # fmt: skip
        if not len(lines):
            return
        if self.on_bad_rows == "refuse":
            more = f" ({len(lines)} such rows)" if len(lines) > 1 else ""
            raise InputError(
                problem + more, file=file, line=int(lines[0]) or None, field=column, found=found[0], allowed=allowed
            )
        shown = [(int(line), str(value)) for line, value in zip(lines[:EXAMPLES], found[:EXAMPLES], strict=False)]
        self.bad.append(BadRows(problem, file, column, len(lines), shown))

    def tell_unread(self, table: Table, read: Sequence[str]) -> None:
        """Tell which columns of a table mean nothing here."""
        if others := [name for name in table.columns if name and name not in read]:
            self.notes.append(f"{table.file}: columns that are not read: {', '.join(others)}")

    def as_dict(self) -> dict:
        """Return the report ready for JSON."""
        return {
            "rows": self.rows, "dropped": self.dropped, "notes": self.notes,
            "bad": [vars(kind) for kind in self.bad],
        }  # fmt: skip


@dataclass
class Table:
    """Columns of text with the line of each row.

    Parameters
    ----------
    file
        Name for errors.
    columns
        Name -> list of cells.
    lines
        int64[n], 1-based line of each row.
    header_line
        Line of the header.
    """

    file: str
    columns: dict[str, list[str]]
    lines: NDArray[np.int64]
    header_line: int

    def __len__(self) -> int:
        return len(self.lines)

    def require(self, names: Sequence[str]) -> None:
        """Refuse a table that lacks a column."""
        for name in names:
            if name not in self.columns:
                raise InputError(
                    "wrong header", file=self.file, line=self.header_line, field=name,
                    found=", ".join(self.columns), allowed=f"a header with {', '.join(names)}",
                )  # fmt: skip

    def text(self, name: str) -> NDArray[np.str_]:
        """Return a column stripped of blanks."""
        return np.array([cell.strip() for cell in self.columns[name]], dtype=np.str_)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column as float64; cells that are no number become NaN."""
        cells = self.columns[name]
        try:
            return np.array(cells, dtype=np.float64)
        except ValueError:
            return np.array([_number(cell) for cell in cells])

    def keep(self, mask: NDArray[np.bool_]) -> Table:
        """Return the rows where ``mask`` is true."""
        rows = np.flatnonzero(mask).tolist()
        columns = {name: [cells[row] for row in rows] for name, cells in self.columns.items()}
        return Table(self.file, columns, self.lines[mask], self.header_line)

    def usable(
        self, report: ReadReport, name: str, good: NDArray[np.bool_], problem: str, allowed: str
    ) -> NDArray[np.bool_]:
        """Report rows that are not good, and return ``good``."""
        wrong = np.flatnonzero(~good)
        report.note_bad(
            problem, self.file, name, self.lines[wrong], [self.columns[name][row] for row in wrong.tolist()], allowed
        )
        return good


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def read_text(file: Path, member: str | None = None) -> str:
    """Return the text of a file, a gzip file or a member of a zip.

    Raises
    ------
    InputError
        When the file is missing, unreadable, cut short, damaged or not UTF-8.
    """
    name = shown(file, member)
    try:
        if member is not None:
            with zipfile.ZipFile(file) as archive:
                data = archive.read(member)
        elif file.suffix == ".gz":
            data = gzip.decompress(file.read_bytes())
        else:
            data = file.read_bytes()
    except FileNotFoundError as error:
        raise InputError("no such file", file=name, allowed="a file that exists") from error
    except _DAMAGE as error:
        raise InputError("the file is cut short or damaged", file=name, allowed="a complete file") from error
    except OSError as error:
        raise InputError("the file cannot be read", file=name, found=error.strerror) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            "the file is not text in UTF-8", file=name, line=data[: error.start].count(b"\n") + 1, allowed="UTF-8"
        ) from error


def shown(file: Path, member: str | None = None) -> str:
    """Return how a file is named in errors."""
    return f"{file}/{member}" if member else str(file)


def zip_members(file: Path) -> list[str]:
    """Return names of the files in a zip, sorted; InputError when it is damaged."""
    try:
        with zipfile.ZipFile(file) as archive:
            return sorted(name for name in archive.namelist() if not name.endswith("/"))
    except (*_DAMAGE, OSError) as error:
        raise InputError("the zip file is cut short or damaged", file=file, allowed="a complete zip file") from error


def read_table(file: Path, required: Sequence[str], report: ReadReport, member: str | None = None) -> Table:
    """Read a CSV file with one header line; names of columns are read in lower case.

    Rows with fewer cells than the header are reported as unusable.

    Raises
    ------
    InputError
        On a missing or damaged file, no rows or a header that lacks a required column.
    """
    name = shown(file, member)
    rows = _rows(read_text(file, member), name)
    if not rows:
        raise InputError("the file is empty", file=name, allowed=f"a header with {', '.join(required)}")
    line, header = rows[0][0], [_headed(cell) for cell in rows[0][1]]
    if twice := next((title for k, title in enumerate(header) if title and title in header[:k]), ""):
        raise InputError(
            "two columns have one name", file=name, line=line, field=twice, found=", ".join(header),
            allowed="each name once",
        )  # fmt: skip
    table = _table(name, header, rows[1:], line, report)
    table.require(required)
    return table


def _headed(cell: str) -> str:
    """Return the name of a column in lower case, a unit in brackets written as the names of columns have it."""
    return re.sub(r"\s*[(\[]\s*([\w-]+)\s*[)\]]$", r"_\1", cell.strip()).lower()


def read_tables(text: str, name: str, report: ReadReport) -> dict[str, Table]:
    """Read multi-table CSV: a line with the table's name, a header line, rows, a blank line.

    Only the leading named columns count: behind the first empty header cell stand notes, which may hold stray commas.

    Returns
    -------
    dict
        Table name -> Table.
    """
    tables: dict[str, Table] = {}
    block: list[tuple[int, list[str]]] = []
    for line, row in [*_rows(text, name, keep_blank=True), (0, [])]:
        if any(cell.strip() for cell in row):
            block.append((line, row))
            continue
        if len(block) >= 2:
            title, (header_line, header) = block[0][1][0].strip(), block[1]
            tables[title] = _table(name, _leading(header), block[2:], header_line, report)
        block = []
    return tables


def _rows(text: str, name: str, keep_blank: bool = False) -> list[tuple[int, list[str]]]:
    if "\0" in text:
        raise InputError("the file holds zero bytes", file=name, allowed="plain text")
    reader = csv.reader(io.StringIO(text, newline=""))
    rows = []
    try:
        for row in reader:
            if keep_blank or any(row):
                rows.append((reader.line_num, row))
    except csv.Error as error:
        raise InputError(f"not a CSV file: {error}", file=name, line=reader.line_num) from error
    return rows


def _leading(header: list[str]) -> list[str]:
    names = [cell.strip() for cell in header]
    return names[: names.index("")] if "" in names else names


def _table(name: str, header: list[str], rows: list[tuple[int, list[str]]], line: int, report: ReadReport) -> Table:
    width = len(header)
    short = [(at, row) for at, row in rows if len(row) < width]
    report.note_bad(
        "row is cut short", name, header[-1] if header else "", [at for at, _ in short],
        [",".join(row) for _, row in short], f"{width} cells",
    )  # fmt: skip
    full = [(at, row) for at, row in rows if len(row) >= width]
    columns = {title: [undone(row[k]) for _, row in full] for k, title in enumerate(header)}
    report.rows[name] = report.rows.get(name, 0) + len(rows)
    return Table(name, columns, np.array([at for at, _ in full], np.int64), line)
