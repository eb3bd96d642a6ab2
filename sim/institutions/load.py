"""Reading the shipped institutions from YAML into checked parts.

Each part is checked by itself; whether the names it uses exist is `sim.check`.
"""

from __future__ import annotations

from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sim.agents.posts import Post, Shift
from sim.cases.catalogue import Level
from sim.errors import InputError
from sim.institutions.parts import Calendar, Channel, Department, Whistle
from sim.yaml_file import from_validation, line_of, read

PATH = Path(__file__).with_name("defaults.yaml")
SECTIONS: dict[str, TypeAdapter[Any]] = {
    "departments": TypeAdapter(dict[str, Department]),
    "posts": TypeAdapter(dict[str, Post]),
    "shifts": TypeAdapter(dict[str, Shift]),
    "channels": TypeAdapter(dict[str, Channel]),
    "whistles": TypeAdapter(dict[str, Whistle]),
    "ladder": TypeAdapter(dict[Level, str]),
    "profiles": TypeAdapter(dict[str, list[float]]),
    "calendar": TypeAdapter(Calendar),
}


def load_defaults(path: str | PathLike[str] | None = None) -> dict[str, Any]:
    """Return the institutional sections of a model, checked.

    Parameters
    ----------
    path
        YAML file with any of the sections; the shipped defaults when None.

    Returns
    -------
    dict
        Section name (``departments, posts, shifts, channels, whistles, ladder, profiles, calendar``) to its parts;
        keyword arguments of :class:`sim.spec.ModelSpec`. The caller may change the dicts; the parts are frozen.

    Raises
    ------
    InputError
        With file, line and field, on an unknown section or a malformed part.
    """
    found = _shipped() if path is None else _load(Path(path))
    return {name: dict(part) if isinstance(part, dict) else part for name, part in found.items()}


@cache
def _shipped() -> dict[str, Any]:
    return _load(PATH)


def _load(path: Path) -> dict[str, Any]:
    data, lines = read(path)
    if not isinstance(data, dict):
        raise InputError("institutions are a mapping of sections", file=path, allowed=list(SECTIONS))
    found: dict[str, Any] = {}
    for name, part in data.items():
        if name not in SECTIONS:
            raise InputError("unknown section", file=path, line=line_of(lines, str(name)), field=str(name),
                             found=name, allowed=list(SECTIONS))  # fmt: skip
        try:
            found[name] = SECTIONS[name].validate_python(part)
        except ValidationError as error:
            raise from_validation(error, str(name), path, lines) from None
    return found
