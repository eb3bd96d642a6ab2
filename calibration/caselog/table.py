"""Case logs as tables of text: CSV with its separators and quirks.

CSV rows keep the line they begin on; rows with too few or too many fields are bad rows, an open quotation mark is a
broken file. Values stay text: times are read in `calibration.caselog.stamps`.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable

import numpy as np

from calibration.caselog.diagnosis import Findings
from calibration.caselog.rows import MAX_ROWS, Intern, Rows, repeated_rows, text_series
from calibration.caselog.source import Bytes, encoding_of
from sim.spreadsheet import undone

SEPARATORS = (",", ";", "\t", "|")
DAMAGE = "\ufffd".encode()
csv.field_size_limit(10_000_000)


def read_csv(content: Bytes, encoding: str | None, delimiter: str | None, findings: Findings) -> Rows:
    """Read a CSV file; encoding and separator are told by the content when None."""
    raw = content.whole()
    name = encoding_of(raw, encoding, findings)
    if name.startswith("utf-8") and DAMAGE in raw:
        lines = (i for i, line in enumerate(io.BytesIO(raw), 1) if DAMAGE in line)
        told = [f"line {i:,}" for i in itertools.islice(lines, 3)]
        findings.refuse("damaged_text", count=raw.count(DAMAGE), examples=told)
    with io.TextIOWrapper(io.BytesIO(raw), encoding=name, newline="") as text:
        first = next((line for line in text if line.strip()), "")
        told_separator = first[4] if first[:4].lower() == "sep=" and len(first) > 4 else None
        header = next(text, "") if told_separator else first
        text.seek(0)
        lines_of = ("\n" if told_separator and line == first else line for line in text)  # keeps the line numbers
        return _parsed(lines_of, delimiter or told_separator or separator(header), findings)


def separator(header: str) -> str:
    """Return the separator that cuts the header into most fields; a comma when none does."""
    counts = {one: len(next(csv.reader([header], delimiter=one), [])) for one in SEPARATORS}
    return max(SEPARATORS, key=lambda one: counts[one])


def _parsed(lines: Iterable[str], delimiter: str, findings: Findings) -> Rows:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] = []
    cells: list[list[str | None]] = []
    places: list[int] = []
    hashes: list[int] = []
    ragged: list[tuple[int, int]] = []
    intern, width, begin, rows = Intern(), 0, 1, 0
    try:
        for row in reader:
            line, begin = begin, reader.line_num + 1
            if not row or (len(row) == 1 and not row[0].strip()):
                continue
            if not header:
                header = _header(row, findings)
                width = len(header)
                cells = [[] for _ in header]
                continue
            rows += 1
            if len(row) != width:
                ragged.append((line, len(row)))
                continue
            places.append(line)
            hashes.append(hash(tuple(row)))
            for column, value in zip(cells, row, strict=True):
                column.append(intern(undone(value)))
            if rows > MAX_ROWS:
                findings.stop("too_large", found=f"more than {MAX_ROWS:,} rows", allowed=f"{MAX_ROWS:,} rows")
    except csv.Error as error:
        findings.stop("broken_csv", found=str(error), examples=[f"line {begin}"])
    if ragged:
        found = f"{width} fields expected"
        told = [f"line {line}: {fields} fields" for line, fields in ragged[:3]]
        findings.bad("ragged", count=len(ragged), total=rows, examples=told, found=found)
    columns = {name: text_series(values) for name, values in zip(header, cells, strict=True)}
    return Rows(columns, np.array(places, np.int64), "line", repeated_rows(hashes))


def _header(row: list[str], findings: Findings) -> list[str]:
    names = [undone(name.strip()) or f"(column {i})" for i, name in enumerate(row, 1)]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        findings.stop("column_twice", found=twice[0], count=names.count(twice[0]))
    return names
