"""Case logs in JSON: a list of records, one per row, or one record per line.

What exports of tables write. The columns are the records' keys; a value is a text, a number, true, false or null.
Records within records cannot play a part and are set aside by name. Object-centric logs (OCEL) are refused by name.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from calibration.caselog.diagnosis import Findings
from calibration.caselog.rows import MAX_ROWS, Intern, Rows, repeated_rows, text_series
from calibration.caselog.source import Bytes, encoding_of


def read_records(content: Bytes, findings: Findings) -> Rows:
    """Read a JSON file."""
    raw = content.whole()
    text = raw.decode(encoding_of(raw, None, findings))
    try:
        found = _records(text)
    except (ValueError, RecursionError) as error:  # a ValueError of its own: a number of thousands of digits
        deep = "nested too deeply" if isinstance(error, RecursionError) else "a number is too long"
        place = f"line {error.lineno:,}" if isinstance(error, json.JSONDecodeError) else deep
        findings.stop("broken_json", found=str(error).splitlines()[0][:160], examples=[place])
    if (halves := len(_HALF_PAIR.findall(text))) and not _writable(found):
        findings.refuse("damaged_text", count=halves, examples=["half a character, written as \\ud800 or the like"])
    if isinstance(found, dict):
        keys = {str(key).casefold() for key in found}
        if any(key.startswith("ocel") for key in keys) or {"objects", "events"} <= keys:
            findings.stop("ocel", found="JSON")
        findings.stop("not_a_log", found="a JSON record", allowed="a list of records")
    bad = next((i for i, one in enumerate(found, 1) if not isinstance(one, dict)), None)
    if bad is not None:
        findings.stop("not_a_log", found=f"a JSON list whose entry {bad:,} is no record", allowed="a list of records")
    if len(found) > MAX_ROWS:
        findings.stop("too_large", found=f"{len(found):,} records", allowed=f"{MAX_ROWS:,} records")
    return _rows(found)


_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")


def _writable(found: Any) -> bool:
    """Tell whether no text holds half a surrogate pair, which can only come from an escape."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _records(text: str) -> Any:
    """Return the content: one JSON value, or records line by line."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data"):
            raise
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _rows(records: list[dict[str, Any]]) -> Rows:
    names = list(dict.fromkeys(str(key) for one in records for key in one))
    nested = {
        name: "records or lists" for name in names if any(isinstance(one.get(name), dict | list) for one in records)
    }
    intern = Intern()
    columns = {
        name: text_series([None if (v := one.get(name)) is None else intern(_text(v)) for one in records])
        for name in names
        if name not in nested
    }
    hashes = [hash(json.dumps(one, sort_keys=True)) for one in records]
    return Rows(columns, np.arange(1, len(records) + 1), "record", repeated_rows(hashes), nested=nested)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else repr(value)
    return str(value)
