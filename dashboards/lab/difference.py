"""What a policy changes, field by field: a plain comparison of two arms' checked models.

Compared are the complete models, defaults filled in, so a field that one arm merely leaves at its default shows with
that default's value. A difference of settings is not yet a difference of outcomes; those are measured by running.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.schema import Scenario
from scenarios.yaml_lines import FieldPath, dotted
from sim import register

WORDS = frozenset({"title", "description", "provenance"})
SUFFIXES = {
    "min": "min", "h": "h", "days": "days", "day": "days", "km": "km", "m": "m", "kmh": "km/h", "yuan": "yuan",
    "share": "share", "per_hour": "per hour", "per_day": "per day", "count": "1", "weight": "1",
}  # fmt: skip
"""Ending of a field's name -> its unit; names carry their units throughout."""


@dataclass(frozen=True)
class Change:
    """One field that differs.

    Attributes
    ----------
    field
        Dotted name.
    baseline, policy
        Values under either arm; None where the field is not there.
    unit
        Unit, "" when the field has none.
    source
        The file and line that wrote the policy's value, or the register's source.
    """

    field: str
    baseline: Any
    policy: Any
    unit: str
    source: str


def differences(scenario: Scenario, baseline: str, policy: str) -> list[Change]:
    """Return what differs between two arms, sorted by field.

    Raises
    ------
    InputError
        An unknown policy or a mistake in its sections.
    """
    before = dict(_leaves(scenario.spec(baseline).model_dump(mode="python"), ()))
    after = dict(_leaves(scenario.spec(policy).model_dump(mode="python"), ()))
    tree, found = scenario.tree(policy), []
    for path in sorted({*before, *after}, key=lambda p: tuple(map(str, p))):
        old, new = _value(before, path), _value(after, path)
        if old != new:
            file, line = tree.origin(path)
            found.append(Change(dotted(path), old, new, unit_of(path), _source(path, new, file, line)))
    return found


def _leaves(value: Any, path: FieldPath) -> Iterator[tuple[FieldPath, Any]]:
    """Yield each plain value with its path; a list of plain values counts as one value."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in WORDS:
                yield from _leaves(inner, (*path, str(key)))
    elif isinstance(value, list | tuple) and any(isinstance(v, Mapping | list | tuple) for v in value):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))
    else:
        yield path, list(value) if isinstance(value, tuple) else value


def _value(leaves: Mapping[FieldPath, Any], path: FieldPath) -> Any:
    """Return a leaf's value; a parameter that an arm does not set has the register's default."""
    name = _parameter(path)
    if path not in leaves and name in register.load():
        return register.load()[name].default
    return leaves.get(path)


def _parameter(path: FieldPath) -> str:
    return str(path[1]) if len(path) == 2 and path[0] == "parameters" else ""


def unit_of(path: FieldPath) -> str:
    """Return a field's unit: the register's for a parameter, else by the ending of its name."""
    entry = register.load().get(_parameter(path))
    if entry is not None:
        return entry.unit
    names = [str(part) for part in path if not isinstance(part, int)]
    for name in reversed(names[-2:]):
        for ending in sorted(SUFFIXES, key=len, reverse=True):
            if name == ending or name.endswith(f"_{ending}"):
                return SUFFIXES[ending]
    return ""


def _source(path: FieldPath, value: Any, file: str | None, line: int | None) -> str:
    entry = register.load().get(_parameter(path))
    if entry is not None and value == entry.default:
        return entry.source
    return f"{Path(file).name}:{line}" if file else ""
