"""Which column plays which part in a case log, written as a small YAML file or guessed from the columns' names.

The mapping also holds how texts are written (zone, time form, encoding, separator) and renames values. Names of
trace attributes of an XES file carry the prefix ``case:``, so that one mapping serves the CSV and the XES of a log.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from os import PathLike
from typing import Any

import yaml

from calibration.caselog.names import NAMES, cut_off, plain
from calibration.caselog.stamps import Form, form_problem
from scenarios.yaml_lines import Tree, dotted, parse_yaml, read_yaml
from sim.errors import InputError

COLUMN_ROLES = (
    "case", "activity", "time", "start", "resource", "transition", "order", "opened", "closed", "ended", "deadline",
    "kind", "channel", "department", "status", "reopened",
)  # fmt: skip
TIME_ROLES = ("time", "start", "opened", "closed", "ended", "reopened", "deadline")
RENAMED_ROLES = ("activity", "resource", "kind", "channel", "department", "status")
TEXT_OPTIONS = ("zone", "time_format", "encoding", "delimiter")
LIST_OPTIONS = ("closing_activities", "closing_statuses", "after_closing", "accept")
REPEATS = ("keep", "drop")
ACCEPTABLE = (
    "date_only", "mixed_zones", "several_zones", "other_zone", "damaged_text", "too_many_dropped",
)  # fmt: skip
TOGETHER = " + "  # joins the names of columns that make up an id together


@dataclass(frozen=True)
class Mapping:
    """Columns by role; None where the log has none.

    Attributes
    ----------
    case
        Column of the case id, or the columns that make it up together.
    activity, time, start, resource, transition, order
        Per event: what was done, when it was completed, when begun, by whom, the lifecycle transition (start,
        complete, ...), and a sequence number that times must not contradict.
    opened, closed
        When a case opened and closed. None: at its first and last event.
    ended
        What the deadline is held against; None: closed.
    deadline, kind, channel, department, status
        Attributes of the case.
    reopened
        When a case was opened again (or whether, or how often); after its closing it is open.
    closing_activities, closing_statuses
        Names that close a case; a case without any of them is open.
    after_closing
        Activities that may follow a closing without opening the case again, such as filing it.
    missing_words
        Words that stand for nothing, in every column or by role; without them an id or a name is what stands there.
    repeated_rows
        ``keep`` or ``drop`` rows that repeat an earlier one exactly. None: events are kept, cases refused.
    only
        Column -> value or values: other rows of the file are not read.
    accept
        Codes of findings that are to be warnings instead of refusals.
    sort_by_time
        Trust times rather than the order of events within an XES trace.
    quiet_days
        Without any marker of closing: a case with an event within so many days of the log's end is open.
    zone
        IANA zone of clock times without offset.
    time_format
        ``strptime`` pattern of all time columns, or ``unix_s``, ``unix_ms``, ``excel`` (days since 1899-12-30);
        or ``minutes since 2026-03-02 00:00`` (seconds, hours, days likewise), or a list of patterns tried in turn;
        or role -> such a form, where columns are written differently.
    encoding, delimiter
        Of a CSV file; told by its content when None.
    rename
        Role -> {value in the log: value to use}.
    """

    case: str | tuple[str, ...] | None = None
    activity: str | None = None
    time: str | None = None
    start: str | None = None
    resource: str | None = None
    transition: str | None = None
    order: str | None = None
    opened: str | None = None
    closed: str | None = None
    ended: str | None = None
    deadline: str | None = None
    kind: str | None = None
    channel: str | None = None
    department: str | None = None
    status: str | None = None
    reopened: str | None = None
    closing_activities: tuple[str, ...] = ()
    closing_statuses: tuple[str, ...] = ()
    after_closing: tuple[str, ...] = ()
    missing_words: tuple[str, ...] | dict[str, tuple[str, ...]] = ()
    repeated_rows: str | None = None
    only: dict[str, tuple[str, ...]] = field(default_factory=dict)
    accept: tuple[str, ...] = ()
    sort_by_time: bool = False
    quiet_days: float | None = None
    zone: str | None = None
    time_format: Form | dict[str, Form] | None = None
    encoding: str | None = None
    delimiter: str | None = None
    rename: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Mapping:
        """Read a mapping from a YAML file.

        Raises
        ------
        InputError
            Not readable, an unknown role, a value that is no text.
        """
        return _checked(read_yaml(path))

    @classmethod
    def parse(cls, text: str, name: str = "map") -> Mapping:
        """Read a mapping from YAML text; `name` stands in messages."""
        return _checked(parse_yaml(text, name))

    def to_yaml(self) -> str:
        """Return the mapping as YAML, empty roles left out; reading it back gives an equal mapping."""
        content = {k: _plainly(v) for k, v in asdict(self).items() if v not in (None, (), {}) and v is not False}
        return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=110)

    def columns(self) -> dict[str, str]:
        """Return role -> column of every role that has one."""
        found = {role: getattr(self, role) for role in COLUMN_ROLES if getattr(self, role)}
        return {role: TOGETHER.join(name) if isinstance(name, tuple) else name for role, name in found.items()}

    @property
    def case_columns(self) -> tuple[str, ...]:
        """Return the columns that make up the case id."""
        return self.case if isinstance(self.case, tuple) else (self.case,) if self.case else ()

    def missing_in(self, role: str) -> tuple[str, ...]:
        """Return the words that stand for nothing in a role's column."""
        words = self.missing_words
        return words.get(role, ()) if isinstance(words, dict) else words

    def form_of(self, role: str) -> Form | None:
        """Return the form of times that the map names for a role."""
        return self.time_format.get(role) if isinstance(self.time_format, dict) else self.time_format

    @property
    def one_row_per_case(self) -> bool:
        """Say whether rows are cases rather than events."""
        return self.time is None and self.opened is not None


def guess(columns: Sequence[str]) -> Mapping:
    """Guess the roles from the columns' names: XES and pm4py names, usual English exports, Chinese hotline exports.

    A log whose rows carry no event time but an opening time is read as one row per case. Trace attributes of XES
    (``case:`` prefix) are case attributes.
    """
    known = {plain(name): name for name in reversed(columns)}
    known = {**cut_off(columns), **known}
    found = {role: next((known[plain(n)] for n in names if plain(n) in known), None) for role, names in NAMES.items()}
    if found["time"] is None and found["opened"] is not None:  # one row per case
        found["activity"] = found["start"] = found["transition"] = found["resource"] = None
        found["closed"] = found["closed"] or found["ended"]
        found["ended"] = None
    elif found["time"] is not None:  # a first event opens a case better than a form's date; an explicit closing closes
        found["opened"] = found["status"] = None
    return Mapping(**{role: column for role, column in found.items() if column is not None})  # type: ignore[arg-type]


def nearest(name: str, columns: Iterable[str]) -> list[str]:
    """Return the columns whose names come closest, else the first ones."""
    columns = list(columns)
    return difflib.get_close_matches(name, columns, n=5, cutoff=0.4) or columns[:12]


def _plainly(value: Any) -> Any:
    """Return lists for tuples, at any depth."""
    if isinstance(value, dict):
        return {key: _plainly(one) for key, one in value.items()}
    return [_plainly(one) for one in value] if isinstance(value, tuple) else value


def _checked(tree: Tree) -> Mapping:
    known = [one.name for one in fields(Mapping)]
    values: dict[str, Any] = {}
    for name, value in tree.data.items():
        if name not in known:
            raise _wrong(tree, (name,), "unknown role", name, difflib.get_close_matches(name, known, 3, 0.5) or known)
        if value is not None:
            values[name] = _value(tree, name, value)
    return Mapping(**values)


def _value(tree: Tree, name: str, value: Any) -> Any:
    if name in LIST_OPTIONS:
        if not _texts(value):
            raise _wrong(tree, (name,), "not a list of names", value, "a list such as [Closed, Completed]")
        if name == "accept" and not set(value) <= set(ACCEPTABLE):
            raise _wrong(tree, (name,), "not what can be accepted", value, ACCEPTABLE)
        return tuple(value)
    if name == "case" and isinstance(value, list):
        if not _texts(value) or len(value) < 2:
            raise _wrong(tree, (name,), "not the name of a column, or a list of names", value, "a column, or columns")
        return tuple(value)
    if name == "missing_words":
        return _missing(tree, value)
    if name == "only":
        return _only(tree, value)
    if name == "repeated_rows" and value not in REPEATS:
        raise _wrong(tree, (name,), "neither keep nor drop", value, REPEATS)
    if name == "sort_by_time":
        if not isinstance(value, bool):
            raise _wrong(tree, (name,), "neither true nor false", value, "true or false")
        return value
    if name == "quiet_days":
        if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
            raise _wrong(tree, (name,), "not a number of days", value, "at least 0 (days)")
        return float(value)
    if name == "time_format":
        _forms(tree, value)
    if name == "time_format" and isinstance(value, list) and _texts(value) and value:
        return tuple(value)
    if name == "time_format" and isinstance(value, dict):
        if not set(value) <= set(TIME_ROLES) or not all(isinstance(one, str) or _texts(one) for one in value.values()):
            raise _wrong(
                tree, (name,), "not forms by role", value, f"a pattern, or patterns for {', '.join(TIME_ROLES)}"
            )
        return {role: one if isinstance(one, str) else tuple(one) for role, one in value.items()}
    if name == "rename":
        return _renames(tree, value)
    if not isinstance(value, str) or not value:
        wanted = "the name of a column" if name in COLUMN_ROLES else "a text"
        raise _wrong(tree, (name,), f"not {wanted}", value, wanted)
    if name == "delimiter" and len(value) != 1:
        raise _wrong(tree, (name,), "not one character", value, [",", ";", "\\t", "|"])
    return value


def _forms(tree: Tree, value: Any) -> None:
    """Refuse a form of times whose start is no date."""
    for one in value.values() if isinstance(value, dict) else [value]:
        for form in one if isinstance(one, list) else [one]:
            problem = form_problem(form) if isinstance(form, str) else None
            if problem:
                raise _wrong(tree, ("time_format",), problem, form, "such as 'minutes since 2026-03-02 00:00'")


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _missing(tree: Tree, value: Any) -> tuple[str, ...] | dict[str, tuple[str, ...]]:
    """Return words that stand for nothing: a list, or lists by role."""
    allowed = 'words in quotation marks, such as ["NULL", "-"], or such lists by role'
    if _texts(value):
        return tuple(value)
    if not isinstance(value, dict):
        raise _wrong(tree, ("missing_words",), "not a list of words", value, allowed)
    for role, words in value.items():
        if role not in COLUMN_ROLES:
            raise _wrong(tree, ("missing_words", role), "unknown role", role, COLUMN_ROLES)
        if not _texts(words):
            raise _wrong(tree, ("missing_words", role), "not a list of words", words, allowed)
    return {role: tuple(words) for role, words in value.items()}


def _only(tree: Tree, value: Any) -> dict[str, tuple[str, ...]]:
    """Return which values of which columns are read; numbers are taken as they would stand in the file."""
    if not isinstance(value, dict) or not value:
        raise _wrong(tree, ("only",), "not values by column", value, "such as {policy: as-is, replication: 0}")
    made = {}
    for column, some in value.items():
        listed = some if isinstance(some, list) else [some]
        if not listed or not all(isinstance(one, str | int | float) for one in listed):
            raise _wrong(tree, ("only", str(column)), "not a value or a list of values", some, "texts or numbers")
        made[str(column)] = tuple(str(one) for one in listed)
    return made


def _renames(tree: Tree, value: Any) -> dict[str, dict[str, str]]:
    if not isinstance(value, dict):
        raise _wrong(tree, ("rename",), "not a mapping of roles", value, RENAMED_ROLES)
    for role, names in value.items():
        if role not in RENAMED_ROLES:
            raise _wrong(tree, ("rename", role), "values of this role are not renamed", role, RENAMED_ROLES)
        if not isinstance(names, dict) or not all(isinstance(new, str) for new in names.values()):
            raise _wrong(tree, ("rename", role), "not a mapping of values", names, "a mapping such as {Desk: counter}")
    return {role: dict(names) for role, names in value.items()}


def _wrong(tree: Tree, path: tuple[str, ...], problem: str, found: Any, allowed: Any) -> InputError:
    file, line = tree.origin(path)
    shown = list(allowed) if isinstance(allowed, tuple | list) else allowed
    return InputError(problem, file=file, line=line, field=dotted(path), found=found, allowed=shown)
