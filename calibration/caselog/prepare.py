"""What the map says of rows before anything is made of them: which are read, which words mean nothing, joined ids.

An id, a department or a name is what stands there: "NA" is a case, "None" a department. Only the map can say that a
word stands for nothing; what looks like one and is read as it stands is told.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from calibration.caselog.diagnosis import Findings
from calibration.caselog.mapping import TIME_ROLES, TOGETHER, Mapping
from calibration.caselog.rows import NO_TIME_WORDS, Rows, text_series

DOUBTFUL = NO_TIME_WORDS | {"-", "--", "–", "—"}


def prepared(rows: Rows, mapping: Mapping, findings: Findings) -> Rows:
    """Return the rows that the map wants, with nothing where it says nothing, and ids of several columns joined."""
    rows = _only(rows, mapping, findings)
    rows = _without_words(rows, mapping)
    if isinstance(mapping.case, tuple):
        rows = _joined(rows, mapping.case)
    _tell_doubtful(rows, mapping, findings)
    return rows


def _only(rows: Rows, mapping: Mapping, findings: Findings) -> Rows:
    for column, values in mapping.only.items():
        found = rows.columns[column]
        keep = found.astype(object).where(found.notna(), "").astype(str).isin(values).to_numpy()
        findings.note("only_some", count=int(keep.sum()), total=len(rows), column=column, found=", ".join(values))
        if not keep.any():
            some = ", ".join(str(one) for one in found.dropna().unique()[:12])
            findings.stop("nothing_of_it", column=column, found=", ".join(values), allowed=some)
        rows = rows.kept(keep)
    return rows


def _without_words(rows: Rows, mapping: Mapping) -> Rows:
    """Take out the words that the map says stand for nothing."""
    columns = dict(rows.columns)
    named = [(role, name) for role, name in mapping.columns().items() if role != "case"]
    for role, name in [*named, *(("case", one) for one in mapping.case_columns)]:
        words = mapping.missing_in(role)
        if words and pd.api.types.is_object_dtype(columns[name]):
            columns[name] = columns[name].mask(columns[name].isin(words), None)
    return replace(rows, columns=columns)


def _joined(rows: Rows, names: tuple[str, ...]) -> Rows:
    """Add a column that joins several; a row in which one of them is empty has no id."""
    parts = [rows.columns[name] for name in names]
    absent = np.any([part.isna().to_numpy() for part in parts], axis=0)
    joined = parts[0].astype(str)
    for part in parts[1:]:
        joined = joined + TOGETHER + part.astype(str)
    made = text_series([None if gone else one for gone, one in zip(absent, joined, strict=True)])
    return replace(rows, columns={**rows.columns, TOGETHER.join(names): made})


def _tell_doubtful(rows: Rows, mapping: Mapping, findings: Findings) -> None:
    """Tell words that could stand for nothing and are read as they stand; one id of one row is nobody's doubt."""
    for role, name in mapping.columns().items():
        if role in TIME_ROLES or role == "order" or not pd.api.types.is_object_dtype(rows.columns[name]):
            continue
        values = rows.columns[name]
        words = [one for one in values.dropna().unique() if str(one).casefold() in DOUBTFUL]
        count = int(values.isin(words).sum())
        if not words or (role == "case" and count == 1):
            continue
        shown = ", ".join(repr(one) for one in words[:3])
        findings.note("doubtful_words", count=count, total=len(rows), column=name, found=shown)
