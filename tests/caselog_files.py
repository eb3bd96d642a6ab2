"""Small case logs to write as CSV, Parquet or XES: plain rows first, then the file. Not a test."""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Mapping as Roles
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pandas as pd
import pytest

from calibration.caselog import CaseLog, LogRefused, Mapping

Row = dict[str, str]
SHARED = Path(os.environ.get("GRIDWHISTLE_SHARED", Path(__file__).parent.parent.parent / "shared"))
START = datetime(2024, 3, 4, 8, 0, tzinfo=UTC)
CASE_KEYS = ("channel", "department", "deadline", "enddate")


def shared(name: str) -> Path:
    """Return a file of the shared data, or skip aloud."""
    path = SHARED / "data" / name
    if not path.exists():
        pytest.skip(f"the real log {name} is not at hand (GRIDWHISTLE_SHARED)")
    return path


def sample(cases: int = 6, offset: str = "+00:00", form: str = "%Y-%m-%dT%H:%M:%S") -> list[Row]:
    """Return a sound log: each case opened, worked on and closed, a case every seven hours."""
    rows = []
    for number in range(cases):
        opened = START + timedelta(hours=7 * number, minutes=13)
        for step, (activity, after_min) in enumerate(
            (("open", 0), ("work", 45 + number), ("close", 300 + 11 * number))
        ):
            at = opened + timedelta(minutes=after_min)
            rows.append(
                {
                    "case:concept:name": f"c{number}",
                    "concept:name": activity,
                    "time:timestamp": at.strftime(form) + offset,
                    "org:resource": f"r{step}",
                    "case:channel": "hotline" if number % 2 else "app",
                    "case:deadline": (opened + timedelta(minutes=330)).strftime(form) + offset,
                }
            )
    return rows


def changed(rows: Sequence[Row], index: int, **values: str) -> list[Row]:
    """Return rows with some values of one of them changed; names with ``__`` for ``:``."""
    made = [dict(row) for row in rows]
    made[index].update({key.replace("__", ":"): value for key, value in values.items()})
    return made


def csv_text(rows: Sequence[Row], delimiter: str = ",") -> str:
    """Return rows as CSV."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(dict.fromkeys(k for row in rows for k in row)), delimiter=delimiter, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write_csv(path: Path, rows: Sequence[Row], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """Write rows as CSV, gzipped when the name ends in .gz."""
    raw = csv_text(rows, delimiter).encode(encoding)
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def xes_text(rows: Sequence[Row]) -> str:
    """Return rows as XES: attributes with the prefix ``case:`` go to the trace; globals carry misleading defaults."""
    traces: dict[str, list[Row]] = {}
    for row in rows:
        traces.setdefault(row["case:concept:name"], []).append(row)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<log xes.version="1.0" xmlns="http://www.xes-standard.org/">\n'
    head += '<global scope="trace"><string key="channel" value="UNKNOWN"/></global>\n'
    head += '<global scope="event"><date key="time:timestamp" value="1970-01-01T00:00:00Z"/></global>\n'
    head += '<classifier name="Activity" keys="concept:name"/>\n'
    head += '<string key="note" value="x"><string key="concept:name" value="nested"/></string>\n'
    body = []
    for of_case in traces.values():
        body.append("<trace>")
        body += [_attribute(k.removeprefix("case:"), v) for k, v in of_case[0].items() if k.startswith("case:")]
        for row in of_case:
            inner = [_attribute(k, v) for k, v in row.items() if not k.startswith("case:")]
            nested = '<list key="notes"><values><string key="concept:name" value="nested"/></values></list>'
            body.append("<event>" + "".join(inner) + nested + "</event>")
        body.append("</trace>")
    return head + "\n".join(body) + "\n</log>\n"


def _attribute(key: str, value: str) -> str:
    if not value:
        return ""
    kind = "date" if key in ("time:timestamp", "deadline", "enddate", "startdate") else "string"
    return (
        f"<{kind} key={quoteattr(key)} value={quoteattr(value, {chr(10): '&#10;', chr(13): '&#13;', chr(9): '&#9;'})}/>"
    )


def write_xes(path: Path, rows: Sequence[Row]) -> Path:
    """Write rows as XES, gzipped when the name ends in .gz."""
    raw = xes_text(rows).encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def refusal(path: Path, mapping: Mapping | None = None, **options: str) -> LogRefused:
    """Read a log that must be refused; return the refusal, checked to fit one screen."""
    with pytest.raises(LogRefused) as caught:
        CaseLog.read(path, mapping, **options)  # type: ignore[arg-type]
    lines = caught.value.sentence().splitlines()
    assert len(lines) <= 40, "more than a screen"
    assert lines[0].startswith(str(path))
    return caught.value


def codes(error: LogRefused) -> list[str]:
    """Return the codes of the findings that refuse."""
    return [one.code for one in error.diagnosis.of("refuse")]


def said(error: LogRefused) -> str:
    """Return what the refusal says, without its line breaks."""
    return " ".join(error.sentence().split())


def roles(**columns: str) -> Mapping:
    """Return a mapping of the sample's columns with changes."""
    base: Roles[str, str] = {
        "case": "case:concept:name", "activity": "concept:name", "time": "time:timestamp", "resource": "org:resource",
        "channel": "case:channel", "deadline": "case:deadline",
    }  # fmt: skip
    return Mapping(**{**base, **columns})  # type: ignore[arg-type]


def same(one: CaseLog, other: CaseLog) -> None:
    """Both logs say the same, whatever file they came from."""
    pd.testing.assert_frame_equal(one.cases, other.cases)
    pd.testing.assert_frame_equal(one.events, other.events)
    assert one.window == other.window
