"""The base of every checked form: what pydantic would take in good faith and nobody can mean is refused here.

``true`` is no number of people, and a number is neither true nor a date. Unknown fields are refused and values frozen.
What the fields mean stands in the forms themselves.
"""

from __future__ import annotations

import datetime as dt
import types
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Form(BaseModel):
    """A form whose fields take no truth value for a number and no number for a date."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _meant(cls, value: Any, info: ValidationInfo) -> Any:
        kinds = _kinds(cls, str(info.field_name))
        if not kinds & {bool, Any} and _holds_truth(value):
            raise ValueError("true or false is neither a number nor a text")
        if bool in kinds and not kinds & {int, float, Any} and _holds_number(value):
            raise ValueError("a number is neither true nor false")
        if dt.date in kinds and _holds_number(value):
            raise ValueError("a number is no date; allowed: a date such as 2026-03-02")
        return value


@cache
def _kinds(form: type[BaseModel], field: str) -> frozenset[Any]:
    """Return the plain types in a field's annotation; `Any` where other forms or arbitrary values stand."""
    info = form.model_fields.get(field)
    return frozenset(_plain(info.annotation)) if info is not None else frozenset([Any])


def _plain(annotation: Any) -> list[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _plain(get_args(annotation)[0])
    if origin in (Union, types.UnionType, list, tuple, dict):
        return [kind for inner in get_args(annotation) for kind in _plain(inner)]
    if origin is not None:  # a choice of words
        return [str]
    known = annotation in (bool, int, float, str, dt.date, type(None))
    return [annotation if known else Any]


def _holds_truth(value: Any) -> bool:
    """Tell whether a value is true or false, or a list or mapping of the like; three levels suffice for tables."""
    return isinstance(value, bool) or any(isinstance(one, bool) for one in _inside(value, 3))


def _holds_number(value: Any) -> bool:
    return any(isinstance(one, int | float) and not isinstance(one, bool) for one in (value, *_inside(value, 1)))


def _inside(value: Any, depth: int) -> list[Any]:
    if not isinstance(value, list | tuple | dict):
        return []
    items = list(value.values() if isinstance(value, dict) else value)
    return items + [deep for one in items for deep in _inside(one, depth - 1)] if depth > 1 else items
