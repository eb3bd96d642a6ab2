"""Reading the catalogue of case types from YAML into checked :class:`CaseType` records.

Checks each type by itself; whether the names it uses (departments, posts, channels) exist is `sim.check`.
"""

from __future__ import annotations

from functools import cache
from os import PathLike
from pathlib import Path

from pydantic import ValidationError

from sim.cases.catalogue import CaseType
from sim.errors import InputError
from sim.yaml_file import from_validation, read

PATH = Path(__file__).with_name("catalogue.yaml")


def load_catalogue(path: str | PathLike[str] | None = None) -> dict[str, CaseType]:
    """Return the types of a catalogue file by name.

    Parameters
    ----------
    path
        YAML mapping from type names to types; the shipped catalogue when None.

    Returns
    -------
    dict
        Name to type, in the file's order. The caller may change the dict; the types are frozen.

    Raises
    ------
    InputError
        With file, line and field, when the file is no catalogue or a type is malformed.
    """
    return dict(_shipped()) if path is None else _load(Path(path))


@cache
def _shipped() -> dict[str, CaseType]:
    return _load(PATH)


def _load(path: Path) -> dict[str, CaseType]:
    data, lines = read(path)
    if not isinstance(data, dict) or not data:
        raise InputError("a catalogue is a mapping from type names to types", file=path)
    types = {}
    for name, row in data.items():
        try:
            types[str(name)] = CaseType.model_validate(row)
        except ValidationError as error:
            raise from_validation(error, str(name), path, lines) from None
    return types
