"""Case logs in XES (IEEE 1849), read as a stream: one pass, memory only for what is kept.

Attributes of a trace become columns with the prefix ``case:``. A global's value is what an attribute has where a
trace or event lacks it (IEEE 1849), and is counted where it acts; never for ids and times, and not when it is a mere
filler of an exporter (``__INVALID__``, ``UNKNOWN``, the attribute's own name). An extension declared under another
prefix is known by its name or address. Classifiers, attributes of the log, nested attributes, lists and containers
are passed over. Events outside traces belong to no case and are counted. A document type or entities, and
object-centric logs, are refused.
"""

from __future__ import annotations

from typing import Any
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

import numpy as np
import pandas as pd
from defusedxml import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from calibration.caselog.diagnosis import Findings
from calibration.caselog.rows import MAX_ROWS, Intern, Rows, repeated_rows, text_series
from calibration.caselog.source import Bytes

MAX_DEPTH = 100
MAX_COLUMNS = 1_000
PREFIX = "case:"
STANDARD = {
    "concept": "concept", "time": "time", "organizational": "org", "org": "org", "lifecycle": "lifecycle",
    "cost": "cost",
}  # fmt: skip
FILLERS = {"", "__invalid__", "invalid", "unknown", "undefined", "string", "default"}
NEVER_GLOBAL = {"case:concept:name", "concept:instance", "identity:id", "case:identity:id"}
OCEL = {"objects", "events", "object-types", "event-types"}
NAME = "case:concept:name"


def read_xes(content: Bytes, findings: Findings) -> Rows:
    """Read an XES file; one row per event, and one row without event attributes for a trace without events."""
    handler = _Handler(findings)
    parser = DefusedExpatParser(namespaceHandling=0, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    parser.setContentHandler(handler)
    try:
        for piece in content.chunks():
            parser.feed(piece)
        parser.close()
    except DefusedXmlException as error:
        findings.stop("unsafe_xml", found=type(error).__name__.replace("Forbidden", " declared"))
    except SAXParseException as error:
        place = f"line {error.getLineNumber():,}, column {(error.getColumnNumber() or 0) + 1}"
        findings.stop("broken_xml", found=error.getMessage(), examples=[place])
    except (UnicodeDecodeError, LookupError, ValueError) as error:
        findings.stop("broken_xml", found=str(error))
    return handler.rows()


class _Handler(ContentHandler):
    """Keeps the first-level attributes of traces and events."""

    def __init__(self, findings: Findings) -> None:
        super().__init__()
        self.findings, self.intern = findings, Intern()
        self.depth = 0
        self.inside: dict[str, str | None] | None = None
        self.owner_depth = 0
        self.trace: dict[str, str | None] = {}
        self.event: dict[str, str | None] = {}
        self.has_events = False
        self.traces = 0
        self.first_row = 0
        self.early: set[str] = set()
        self.columns: dict[str, list[str | None]] = {}
        self.of_trace: list[int] = []
        self.hashes: list[int] = []
        self.loose = 0  # events outside traces
        self.scope: str | None = None
        self.globals: dict[str, str] = {}
        self.prefixes: dict[str, str] = {}

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        """Begin an element."""
        if ":" in name:
            name = name.rpartition(":")[2]
        self.depth += 1
        if self.depth == 1 and name != "log":
            self.findings.stop("not_xes", found=f"its root is <{name}>", allowed="<log>")
        if self.depth > MAX_DEPTH:
            self.findings.stop(
                "broken_xml", found=f"more than {MAX_DEPTH} levels of nesting", allowed=f"{MAX_DEPTH} levels"
            )
        if self.depth == 2:
            self.begin(name, attrs)
        if name == "trace" and self.depth == 2:
            self.trace, self.has_events, self.first_row = {}, False, len(self.of_trace)
            self.traces += 1
            self.inside, self.owner_depth = self.trace, 2
        elif name == "event" and self.depth == 3 and self.owner_depth == 2:
            if not self.has_events:
                self.early = set(self.trace)
            self.event, self.has_events = {}, True
            self.inside, self.owner_depth = self.event, 3
        elif self.inside is not None and self.depth == self.owner_depth + 1 and "value" in attrs and "key" in attrs:
            self.inside[self.known(attrs["key"])] = self.intern(attrs["value"])
        elif self.scope and self.depth == 3 and name not in ("date", "list", "container") and "value" in attrs:
            self.default(self.known(attrs.get("key", "")), attrs["value"])

    def begin(self, name: str, attrs: AttributesImpl) -> None:
        """Take note of what stands beside traces: extensions, globals, loose events, and signs of another form."""
        if name in OCEL:
            self.findings.stop("ocel", found=f"<{name}>")
        self.scope = attrs.get("scope", "event") if name == "global" else None
        self.loose += name == "event"
        if name == "extension":
            prefix, usual = attrs.get("prefix", ""), STANDARD.get(attrs.get("name", "").strip().lower())
            usual = usual or STANDARD.get(attrs.get("uri", "").rpartition("/")[2].removesuffix(".xesext").lower())
            if usual and prefix and prefix != usual:
                self.prefixes[prefix] = usual

    def known(self, key: str) -> str:
        """Return a key under the standard's prefix of its extension."""
        if not self.prefixes:
            return key
        prefix, colon, rest = key.partition(":")
        return f"{self.prefixes[prefix]}:{rest}" if colon and prefix in self.prefixes else key

    def default(self, key: str, value: str) -> None:
        """Keep the default of a global attribute, unless it only fills the place."""
        whole = (PREFIX if self.scope == "trace" else "") + key
        own = {key.casefold(), key.rpartition(":")[2].casefold()}
        if whole not in NEVER_GLOBAL and value.strip().casefold() not in FILLERS | own:
            self.globals[whole] = value.strip()

    def endElement(self, name: str) -> None:
        """End an element; an event's end makes a row."""
        if self.inside is not None and self.depth == self.owner_depth:
            if self.owner_depth == 3:
                self.keep(self.event)
                self.inside, self.owner_depth = self.trace, 2
            else:
                if not self.has_events:
                    self.keep({})
                elif len(self.trace) > len(self.early):
                    self.fill_back()
                self.inside, self.owner_depth = None, 0
        self.depth -= 1

    def keep(self, event: dict[str, str | None]) -> None:
        """Add a row; columns come and go with the attributes."""
        count = len(self.of_trace)
        if count >= MAX_ROWS:
            self.findings.stop("too_large", found=f"more than {MAX_ROWS:,} events", allowed=f"{MAX_ROWS:,} events")
        whole: dict[str, Any] = {PREFIX + key: value for key, value in self.trace.items()}
        whole.update(event)
        for key, value in whole.items():
            column = self.columns.get(key)
            if column is None:
                if len(self.columns) >= MAX_COLUMNS:
                    self.findings.stop(
                        "too_large", found=f"more than {MAX_COLUMNS} attributes", allowed=f"{MAX_COLUMNS}"
                    )
                column = self.columns[key] = []
            if len(column) < count:
                column.extend([None] * (count - len(column)))
            column.append(value)
        self.of_trace.append(self.traces)
        self.hashes.append(hash(frozenset(whole.items())))

    def fill_back(self) -> None:
        """Give trace attributes that stand after events to the trace's earlier rows too."""
        count = len(self.of_trace)
        for key in set(self.trace) - self.early:
            column = self.columns.setdefault(PREFIX + key, [])
            column.extend([None] * (count - len(column)))
            column[self.first_row : count] = [self.trace[key]] * (count - self.first_row)

    def rows(self) -> Rows:
        """Return all rows."""
        count = len(self.of_trace)
        for column in self.columns.values():
            column.extend([None] * (count - len(column)))
        self.tell_loose(count)
        columns = {key: text_series(values) for key, values in self.columns.items()}
        self.fill_globals(columns, count)
        self.name_traces(columns)
        place = np.arange(1, count + 1)
        return Rows(
            columns, place, "event", repeated_rows(self.hashes), np.array(self.of_trace, np.int64), ordered=True
        )

    def tell_loose(self, count: int) -> None:
        """Count the events that belong to no trace."""
        if self.loose:
            self.findings.warn("loose_events", count=self.loose, total=self.loose + count)

    def fill_globals(self, columns: dict[str, pd.Series], count: int) -> None:
        """Give attributes that are declared for all, and missing in some, their default."""
        for key, value in self.globals.items():
            column = columns.get(key)
            absent = column.isna() if column is not None else pd.Series(True, index=range(count))
            if count and absent.any():
                columns[key] = text_series([value] * count) if column is None else column.mask(absent, value)
                self.findings.warn(
                    "global_default", count=int(absent.sum()), total=count, column=key, found=value
                )  # fmt: skip

    def name_traces(self, columns: dict[str, pd.Series]) -> None:
        """Name the traces that have no name, where others have one: a trace is a case whether named or not."""
        column = columns.get(NAME)
        if column is None or not column.isna().any():
            return
        trace, taken = np.array(self.of_trace), set(column.dropna())
        absent = column.isna().to_numpy()
        numbers = np.unique(trace[absent])
        names = {int(one): f"trace {one}" if f"trace {one}" not in taken else f"(trace {one})" for one in numbers}
        columns[NAME] = text_series(
            [names[int(t)] if gone else one for t, gone, one in zip(trace, absent, column, strict=True)]
        )
        told = [names[int(one)] for one in numbers[:3]]
        self.findings.warn("unnamed_traces", count=len(numbers), total=self.traces, examples=told)
