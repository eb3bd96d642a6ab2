"""YAML read with the line of every field remembered, and with hostile or careless files refused.

A :class:`Tree` is plain data (mappings, lists, text, finite numbers, true/false, null) and the place each
part came from. Scalars follow YAML's core schema, so ``yes`` is a text and ``12:30`` is not 750. Explicit
tags never build objects. What the fields mean is `scenarios.schema`; merging is `scenarios.merge`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import yaml

from sim.errors import InputError
from sim.plain_values import MOST_NAME, Unfit, checked_text, scalar

MAX_BYTES = 2_000_000
MAX_NODES = 200_000  # after aliases are followed: 2 MB of plain text cannot reach it, an alias bomb does
MAX_DEPTH = 64

FieldPath = tuple[str | int, ...]
Origin = tuple[str, int]

_CORE_TAGS = {"!", None} | {
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")
}
_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Tree:
    """Data with origins.

    Attributes
    ----------
    data
        Nested mappings and lists; mapping keys are texts.
    origins
        Field path -> (file, 1-based line); for a mapping entry the line of its key.
    """

    data: dict[str, Any] = field(default_factory=dict)
    origins: dict[FieldPath, Origin] = field(default_factory=dict)

    def origin(self, path: FieldPath) -> tuple[str | None, int | None]:
        """Return file and line of a field, or of the nearest enclosing field that was written."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        return None, None


def dotted(path: FieldPath) -> str:
    """Write a field path as users read it: ``types.leak.stages[0].touch_min``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def read_yaml(path: str | PathLike[str]) -> Tree:
    """Read one YAML file whose top is a mapping.

    Raises
    ------
    InputError
        Missing, too large, not UTF-8, cut off, not YAML, duplicate keys, alias bombs, tags, no mapping.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise InputError("this is a folder, not a scenario file", file=path, allowed="a YAML file") from None
    except OSError as error:
        raise InputError(f"the file cannot be read ({error.strerror})", file=path) from None
    if len(raw) > MAX_BYTES:
        raise InputError("the file is too large", file=path, allowed=f"at most {MAX_BYTES:,} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError("the file is not UTF-8 text", file=path, line=line, allowed="text in UTF-8") from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, file: str) -> Tree:
    """Parse YAML text; `file` is the name used in messages. See `read_yaml`."""
    try:
        _check_shape(text, file)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise _syntax_error(error, file, text) from None
    if node is None:
        raise InputError("the file is empty", file=file, allowed="a mapping of fields")
    if not isinstance(node, yaml.MappingNode):
        raise InputError(
            "the file does not hold fields",
            file=file,
            line=_line(node),
            allowed="a mapping such as 'name: my-scenario'",
        )
    tree = Tree()
    tree.origins[()] = (file, _line(node))
    tree.data = _Builder(file, tree.origins).mapping(node, ())
    return tree


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _check_shape(text: str, file: str) -> None:
    """Bound depth and documents on the event stream, before anything recursive touches the file."""
    depth = documents = 0
    for event in _events(text):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise InputError("nested too deeply", file=file, line=_line(event), allowed=f"{MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise InputError(
                    "a second document begins ('---')", file=file, line=_line(event), allowed="one document"
                )


def _events(text: str) -> Iterator[Any]:
    yield from yaml.parse(text, Loader=_Loader)


def _syntax_error(error: yaml.YAMLError, file: str, text: str) -> InputError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable character"
    line = mark.line + 1 if mark is not None else text[: getattr(error, "position", 0)].count("\n") + 1
    lines = text.splitlines()
    at_end = line >= len(lines)
    ending = "; the file ends too early" if at_end and "expected" in str(problem) else ""
    found = lines[line - 1].strip()[:60] if 0 < line <= len(lines) else None
    return InputError(
        f"not readable as YAML ({problem}{ending})", file=file, line=min(line, max(len(lines), 1)), found=found
    )


class _Builder:
    """Turns composed nodes into data, recording lines and bounding what aliases multiply."""

    def __init__(self, file: str, origins: dict[FieldPath, Origin]) -> None:
        self.file, self.origins, self.count = file, origins, 0
        self.open: set[int] = set()

    def value(self, node: Any, path: FieldPath) -> Any:
        self.count += 1
        if self.count > MAX_NODES or len(path) > MAX_DEPTH:
            raise self.error(
                "too many values (aliases count each time they are used)", node, path, allowed=f"{MAX_NODES:,} values"
            )
        if node.tag not in _CORE_TAGS and not _resolved_by_yaml(node):
            raise self.error("tags are not used here", node, path, found=node.tag, allowed="plain values")
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        if id(node) in self.open:
            raise self.error("an alias contains itself", node, path)
        self.open.add(id(node))
        try:
            return self.mapping(node, path) if isinstance(node, yaml.MappingNode) else self.sequence(node, path)
        finally:
            self.open.discard(id(node))

    def mapping(self, node: Any, path: FieldPath) -> dict[str, Any]:
        out: dict[str, Any] = {}
        written: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = self.key(key_node, path)
            if key == "<<" and not key_node.style:
                raise self.error(
                    "merge keys ('<<') are not used here", key_node, path, allowed="'extends', or an alias"
                )
            if key in written:
                raise self.error(
                    f"the field stands twice (first on line {written[key]})",
                    key_node,
                    (*path, key),
                    allowed="each field once",
                )
            written[key] = _line(key_node)
            self.origins[(*path, key)] = (self.file, _line(key_node))
            out[key] = self.value(value_node, (*path, key))
        return out

    def sequence(self, node: Any, path: FieldPath) -> list[Any]:
        out = []
        for index, item in enumerate(node.value):
            self.origins[(*path, index)] = (self.file, _line(item))
            out.append(self.value(item, (*path, index)))
        return out

    def key(self, node: Any, path: FieldPath) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self.error("a field's name must be a text", node, path)
        try:
            return checked_text(str(node.value), MOST_NAME)
        except Unfit as unfit:
            raise self.error(unfit.problem, node, path, found=unfit.found, allowed=unfit.allowed) from None

    def scalar(self, node: Any, path: FieldPath) -> Any:
        try:
            return scalar(str(node.value), bool(node.style))
        except Unfit as unfit:
            raise self.error(unfit.problem, node, path, found=unfit.found, allowed=unfit.allowed) from None

    def error(self, problem: str, node: Any, path: FieldPath, found: Any = None, allowed: Any = None) -> InputError:
        return InputError(
            problem, file=self.file, line=_line(node), field=dotted(path) or None, found=found, allowed=allowed
        )


def _resolved_by_yaml(node: Any) -> bool:
    """Tell tags that PyYAML gave to a plain scalar by its looks (dates, '=', '<<') from those the file writes."""
    return (
        isinstance(node, yaml.ScalarNode)
        and not node.style
        and node.tag in {f"tag:yaml.org,2002:{name}" for name in ("timestamp", "value", "merge")}
    )
