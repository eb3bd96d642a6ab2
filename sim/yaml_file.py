"""Reading a YAML file of this project together with the line of every field.

``read`` refuses what YAML's own loader lets pass (duplicate keys, several documents, unbounded aliases) and gives
the line of each dotted field, so that a mistake can be named. It knows nothing of what the fields mean, and it is
not the reader of scenarios, which merges several files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from sim.errors import InputError
from sim.plain_values import MOST_NAME, MOST_TEXT, Unfit, checked_text, scalar

MAX_BYTES = 2_000_000
MAX_NODES = 200_000
MAX_DEPTH = 40
_PLAIN_TAG = "tag:yaml.org,2002:"
_PLAIN = ("str", "int", "float", "bool", "null", "map", "seq", "timestamp", "value")


def read(path: Path) -> tuple[Any, dict[str, int]]:
    """Read one YAML document.

    Parameters
    ----------
    path
        File in UTF-8, at most 2 MB.

    Returns
    -------
    tuple
        The data, and a map from dotted field (``theft.stages.0.touch_min``) to its 1-based line.

    Raises
    ------
    InputError
        When the file is missing, too large, not UTF-8, not YAML, has a duplicate key or expands without bound.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError("the file cannot be read", file=path, found=error.strerror) from error
    if len(raw) > MAX_BYTES:
        raise InputError("the file is too large", file=path, found=f"{len(raw)} bytes", allowed=f"{MAX_BYTES} bytes")
    try:
        loader = yaml.SafeLoader(raw.decode("utf-8"))
        node = loader.get_single_node()
    except UnicodeDecodeError as error:
        raise InputError("the file is not UTF-8 text", file=path, found=f"byte {error.start}") from error
    except yaml.YAMLError as error:
        raise _not_yaml(path, error) from error
    except RecursionError:
        raise InputError("the file nests too deep", file=path, allowed=f"at most {MAX_DEPTH} levels") from None
    lines: dict[str, int] = {}
    return (None if node is None else _value(node, "", lines, path, [0])), lines


def _not_yaml(path: Path, error: Exception) -> InputError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return InputError(f"this is not valid YAML: {problem}", file=path, line=mark.line + 1 if mark else None)


def _value(node: yaml.Node, prefix: str, lines: dict[str, int], path: Path, seen: list[int]) -> Any:
    """Return what a node holds, noting the line of every field."""
    line = node.start_mark.line + 1
    seen[0] += 1
    if seen[0] > MAX_NODES:
        raise InputError("the file expands to too many values", file=path, allowed=f"at most {MAX_NODES}")
    if prefix.count(".") > MAX_DEPTH:
        raise InputError("the file nests too deep", file=path, line=line, allowed=f"at most {MAX_DEPTH} levels")
    if not (node.tag.startswith(_PLAIN_TAG) and node.tag.removeprefix(_PLAIN_TAG) in _PLAIN):
        raise InputError("tags are not used here", file=path, line=line, field=prefix or None, found=node.tag)
    lines.setdefault(prefix, line)
    if isinstance(node, yaml.SequenceNode):
        items = enumerate(node.value)
        return [_value(item, f"{prefix}.{k}" if prefix else str(k), lines, path, seen) for k, item in items]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(node, bool(getattr(node, "style", None)), prefix, path)
    found: dict[str, Any] = {}
    for key, value in node.value:
        name = _scalar(key, True, prefix, path, MOST_NAME) if isinstance(key, yaml.ScalarNode) else None
        if not isinstance(name, str):
            raise InputError("a field's name must be a text", file=path, line=key.start_mark.line + 1)
        field = f"{prefix}.{name}" if prefix else name
        if name in found:
            raise InputError("this key stands twice", file=path, line=key.start_mark.line + 1, field=field)
        lines[field] = key.start_mark.line + 1
        found[name] = _value(value, field, lines, path, seen)
    return found


def _scalar(node: yaml.Node, quoted: bool, prefix: str, path: Path, most: int = MOST_TEXT) -> Any:
    try:
        return checked_text(str(node.value), most) if quoted else scalar(str(node.value), False)
    except Unfit as unfit:
        raise InputError(
            unfit.problem, file=path, line=node.start_mark.line + 1, field=prefix or None, found=unfit.found,
            allowed=unfit.allowed,
        ) from None  # fmt: skip


def line_of(lines: Mapping[str, int], field: str) -> int | None:
    """Return the line of a dotted field, or of the nearest parent that has one."""
    while field and field not in lines:
        field = field.rpartition(".")[0]
    return lines.get(field)


def from_validation(error: ValidationError, prefix: str, path: Path | None, lines: Mapping[str, int]) -> InputError:
    """Turn the first finding of a pydantic error into an :class:`InputError` with its line."""
    first = error.errors()[0]
    where = ".".join([prefix, *(str(part) for part in first["loc"])]).strip(".")
    message = first["msg"].removeprefix("Value error, ")
    found = first.get("input")
    shown = found if isinstance(found, str | int | float | bool) else None
    return InputError(message, file=path, line=line_of(lines, where), field=where, found=shown)
