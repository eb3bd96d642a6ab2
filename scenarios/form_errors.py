"""From pydantic's findings to one clear sentence with file, line, field, found and allowed.

`validated` is the only door by which scenario text becomes checked objects. Field names carry their units,
so a wrong unit shows as an unknown field (``horizon_h``) or as a text in a number's place (``30 min``);
both messages name the unit the field is in.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from scenarios.yaml_lines import FieldPath, Tree, dotted
from sim.errors import InputError

UNITS = {
    "_yuan_per_h": "yuan per hour",
    "_per_1000_year": "incidents per 1,000 residents per year",
    "_min_per_day": "minutes a day",
    "_per_week_delay": "logit per week",
    "_per_hour": "a number per hour",
    "_per_h": "a number per hour",
    "_kmh": "km/h",
    "_km2": "km2",
    "_min": "minutes",
    "_h": "hours",
    "_hours": "hours of the clock",
    "_days": "days",
    "_s": "seconds",
    "_km": "km",
    "_m": "metres",
    "_share": "a share from 0 to 1",
    "_yuan": "yuan",
}
_STEM = re.compile(
    r"_(min|h|hours?|days?|s|sec|seconds|minutes|km|m|metres|meters|weeks?|months?|years?|kmh|mps|yuan)$"
)
_WITH_UNIT = re.compile(r"\s*[-+]?[0-9][0-9.,]*\s*[A-Za-z%\u4e00-\u9fff/]+.*")
_QUOTED = re.compile(r"'(\w+)'")
_SHAPE_ERRORS = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "string_type": "a text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}
_NUMBER_ERRORS = {"float_parsing", "int_parsing", "float_type", "int_type", "int_from_float"}


def validated[T: BaseModel](model: type[T], tree: Tree, prefix: FieldPath = ()) -> T:
    """Check a tree against a pydantic form.

    Parameters
    ----------
    model
        The form.
    tree
        Data with origins.
    prefix
        Field path put before every field in messages (``policies.whistle``).

    Raises
    ------
    InputError
        For the first mistake in the order of the file; the sentence says how many more there are.
    """
    try:
        return model.model_validate(tree.data)
    except ValidationError as error:
        found = [_located(model, tree, one) for one in error.errors(include_url=False)]
    found = _specific(found)
    first = min(found, key=lambda f: f.line or 0)
    first.more = len({f.path for f in found}) - 1
    raise first.error(prefix) from None


def nearest(name: str, allowed: Sequence[str], most: int = 6) -> list[str]:
    """Return the allowed names most like `name`: those that differ only by unit first, then by spelling."""
    stem = _STEM.sub("", name)
    same = [a for a in allowed if _STEM.sub("", a) == stem]
    close = [a for a in difflib.get_close_matches(name, allowed, n=most, cutoff=0.5) if a not in same]
    return (same + close)[:most]


def unit_of(field: str) -> str | None:
    """Return the unit that a field's name carries, in words, or None."""
    for ending, unit in UNITS.items():
        if field.endswith(ending):
            return unit
    return None


def placed(error: InputError, tree: Tree) -> InputError:
    """Give an error raised without a place the file and line of its field, found in the origins of `tree`."""
    if error.file is not None or not error.field:
        return error
    path = path_of(error.field, tree.data)
    file, line = tree.origin(path)
    return InputError(
        error.problem, file=file, line=line, field=dotted(path) or error.field, found=error.found, allowed=error.allowed
    )


def path_of(field: str, data: Any) -> FieldPath:
    """Find the path that a dotted field means in data, as far as it exists there.

    Keys may hold dots (register names), and an entry of a list may be called by its index or its name.
    """
    path: list[str | int] = []
    rest = re.sub(r"\[(\d+)\]", r".\1", field)
    while rest:
        step, length = _next_step(rest, data)
        if step is None:
            break
        path.append(step)
        data, rest = data[step], rest[length:].lstrip(".")
    return tuple(path)


def _next_step(rest: str, data: Any) -> tuple[str | int | None, int]:
    """Return the longest key or entry that `rest` begins with, and how much of it that takes."""
    names: dict[str, str | int] = {}
    if isinstance(data, dict):
        names = {key: key for key in data}
    elif isinstance(data, list):
        names = {str(index): index for index in range(len(data))}
        names |= {str(x["name"]): index for index, x in enumerate(data) if isinstance(x, dict) and "name" in x}
    fits = [name for name in names if name and (rest == name or rest.startswith(f"{name}."))]
    best = max(fits, key=len, default="")
    return (names[best], len(best)) if best else (None, 0)


class _Found:
    """One mistake with its place, ready to be worded."""

    def __init__(self, path: FieldPath, line: int | None, file: str | None, problem: str, found: Any, allowed: Any):
        self.path, self.line, self.file = path, line, file
        self.problem, self.found, self.allowed, self.more = problem, found, allowed, 0

    def error(self, prefix: FieldPath) -> InputError:
        problem = f"{self.problem} (the first of {self.more + 1} mistakes)" if self.more else self.problem
        return InputError(
            problem,
            file=self.file,
            line=self.line,
            field=dotted((*prefix, *self.path)),
            found=_shortened(self.found),
            allowed=self.allowed,
        )


def _shortened(found: Any) -> Any:
    if isinstance(found, dict | list) and len(repr(found)) <= 80:
        return found
    if isinstance(found, dict):
        return "a mapping of " + (", ".join(map(str, list(found)[:4])) or "nothing")
    if isinstance(found, list):
        return f"a list of {len(found)}"
    if isinstance(found, str) and len(found) > 80:
        return found[:77] + "..."
    return found


def _specific(found: list[_Found]) -> list[_Found]:
    """Drop the findings of a union's other alternatives: of two for the same place keep the first."""
    seen: dict[FieldPath, _Found] = {}
    for one in found:
        seen.setdefault(one.path, one)
    return list(seen.values())


def _located(model: type[BaseModel], tree: Tree, error: Any) -> _Found:
    path, value = _prune(tree.data, error["loc"], error["type"])
    if error["type"] == "value_error" and isinstance(value, dict):
        path, value = _named_in(model, str(error["msg"]), path, value)
    file, line = tree.origin(path)
    problem, found, allowed = _worded(model, path, value, error)
    return _Found(path, line, file, problem, found, allowed)


def _prune(data: Any, loc: tuple[int | str, ...], kind: str) -> tuple[FieldPath, Any]:
    """Keep the steps of pydantic's location that exist in the data; union and validator tags are not fields."""
    path: list[str | int] = []
    for index, step in enumerate(loc):
        last = index == len(loc) - 1
        inside = isinstance(data, list | tuple) and isinstance(step, int) and step < len(data)
        if inside or (isinstance(data, dict) and step in data):
            path.append(step)
            data = data[step]
        elif last and kind == "missing":
            path.append(step)
            data = None
    return tuple(path), data


def _named_in(model: type[BaseModel], message: str, path: FieldPath, value: dict[str, Any]) -> tuple[FieldPath, Any]:
    """Return the one field that a clause about a whole form quotes by name, if it was written; else the form."""
    quoted = set(_QUOTED.findall(message))
    named = quoted.pop() if len(quoted) == 1 else ""
    if named not in value or named not in _fields_at(model, path):
        return path, value
    return (*path, named), value[named]


def _worded(model: type[BaseModel], path: FieldPath, value: Any, error: Any) -> tuple[str, Any, Any]:
    kind, context = error["type"], error.get("ctx") or {}
    name = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
    if kind == "extra_forbidden":
        names = _fields_at(model, path[:-1])
        return _unknown(name, names)
    if kind == "missing":
        return "a required field is missing", None, _described(model, path) or f"a value for '{name}'"
    if kind == "value_error":
        clause, _, allowed = str(context.get("error", error["msg"])).partition("; allowed: ")
        return clause, value, allowed or None
    if kind in _SHAPE_ERRORS:
        return f"{_SHAPE_ERRORS[kind]} belongs here", value, _shape(model, path)
    if kind == "literal_error":
        return "not one of the values known here", value, _choices(context.get("expected", ""))
    if kind in _NUMBER_ERRORS:
        return _not_a_number(name, value, kind)
    if kind == "string_too_short":
        return "too short a text", value, "a text that is not empty"
    if kind == "string_too_long":
        return "too long a text", value, f"at most {context['max_length']:,} characters"
    limits = _limits(model, path)
    if limits and kind.startswith(("greater_than", "less_than", "too_")):
        problem = "too long or too short" if kind.startswith("too_") else "impossible number"
        return problem, value, _with_unit(limits, name)
    return error["msg"][:1].lower() + error["msg"][1:], value, _described(model, path)


def _unknown(name: str, names: Sequence[str]) -> tuple[str, Any, Any]:
    close = nearest(name, names)
    rest = [n for n in names if n not in close]
    some = [*close, *rest] if len(names) <= 12 or not close else [*close, f"... ({len(rest)} more)"]
    unit = unit_of(close[0]) if close and _STEM.search(name) and close[0] != name else None
    hint = f" (this is given in {unit} as '{close[0]}')" if unit else ""
    return f"unknown field{hint}", name, ", ".join(some)


def _not_a_number(name: str, value: Any, kind: str) -> tuple[str, Any, Any]:
    whole = "a whole number" if kind.startswith("int") else "a number"
    unit = unit_of(name)
    if isinstance(value, str) and _WITH_UNIT.fullmatch(value):
        known = f"; the field is in {unit}" if unit else ""
        return f"a number without a unit belongs here{known}", value, f"{whole}{f' ({unit})' if unit else ''}"
    return f"not {whole}", value, f"{whole}{f' ({unit})' if unit else ''}"


def _shape(model: type[BaseModel], path: FieldPath) -> str | None:
    """Return how a mapping with fields of its own is written, or what the field means."""
    fields = [name for one in _models_at(model, path) for name, info in one.model_fields.items() if info.is_required()]
    return "{" + ", ".join(f"{name}: ..." for name in fields) + "}" if fields else _described(model, path)


def _with_unit(limits: str, name: str) -> str:
    unit = unit_of(name)
    return f"{limits} ({unit})" if unit else limits


def _choices(expected: str) -> str:
    return expected.replace("'", "").replace(" or ", ", ")


def _inner(annotation: Any) -> list[Any]:
    """Return the plain alternatives of an annotation: unions and Annotated opened, None dropped."""
    if get_origin(annotation) is Annotated:
        return _inner(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [x for arg in get_args(annotation) if arg is not type(None) for x in _inner(arg)]
    return [annotation]


def _models_at(model: type[BaseModel], path: FieldPath) -> list[type[BaseModel]]:
    here: list[Any] = [model]
    for step in path:
        there: list[Any] = []
        for one in here:
            there += _step(one, step)
        here = there
    return [m for m in here if isinstance(m, type) and issubclass(m, BaseModel)]


def _step(annotation: Any, step: str | int) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        info = annotation.model_fields.get(str(step))
        return _inner(info.annotation) if info is not None else []
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is dict and len(args) == 2:
        return _inner(args[1])
    if origin in (list, tuple) and args:
        return _inner(args[0])
    return []


def _fields_at(model: type[BaseModel], path: FieldPath) -> list[str]:
    return [name for one in _models_at(model, path) for name in one.model_fields]


def _info_at(model: type[BaseModel], path: FieldPath) -> FieldInfo | None:
    for cut in range(len(path), 0, -1):
        for one in _models_at(model, path[: cut - 1]):
            if str(path[cut - 1]) in one.model_fields:
                return one.model_fields[str(path[cut - 1])]
    return None


def _limits(model: type[BaseModel], path: FieldPath) -> str | None:
    info = _info_at(model, path)
    words = []
    for limit in _metadata(info) if info is not None else ():
        match limit:
            case Ge(ge=x):
                words.append(f"at least {x}")
            case Gt(gt=x):
                words.append(f"above {x}")
            case Le(le=x):
                words.append(f"at most {x}")
            case Lt(lt=x):
                words.append(f"below {x}")
            case MinLen(min_length=x):
                words.append(f"at least {x} entries")
            case MaxLen(max_length=x):
                words.append(f"at most {x} entries")
    return " and ".join(words) or None


def _metadata(info: FieldInfo) -> list[Any]:
    nested = [m for arg in typing.get_args(info.annotation) for m in getattr(arg, "__metadata__", ())]
    return [*info.metadata, *[inner for m in nested for inner in getattr(m, "metadata", [m])]]


def _described(model: type[BaseModel], path: FieldPath) -> str | None:
    info = _info_at(model, path)
    return info.description if info is not None else None
