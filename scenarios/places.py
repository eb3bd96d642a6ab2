"""The city of a scenario, kept in this process so that it is built or read once.

Announcing, running and reporting all ask for it. What a city is and how it is built is `sim.city`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.merge import canonical
from sim.city.named import named_files, with_files
from sim.errors import InputError

if TYPE_CHECKING:
    from scenarios.schema import Scenario
    from sim.city.city import City

_kept: dict[str, City] = {}


def city_of(scenario: Scenario) -> City:
    """Return the city; read again only when a file it is made from has changed.

    Raises
    ------
    InputError
        The city section or its files are wrong.
    """
    from sim.city.spec import build_city

    key = canonical([scenario.city, str(scenario.folder), _stamps(scenario.city, scenario.folder)])
    if key not in _kept:
        try:
            city = build_city(scenario.city_spec(), scenario.folder)
        except InputError as error:
            raise _in_city(error, scenario) from None
        if "path" in scenario.city and not len(city.residents):
            raise scenario.place(
                InputError(
                    "the saved city has no residents", field="city.path", found=str(scenario.city["path"]),
                    allowed="a city built, or read with --residents and a number",
                )
            )  # fmt: skip
        _kept.clear()  # one at a time: a large city is the largest thing in the process
        _kept[key] = city
    return _kept[key]


def _in_city(error: InputError, scenario: Scenario) -> InputError:
    """Give an error about a field of the city section its full name and line; errors in files keep theirs."""
    if error.field == "residents" and error.file is None and "read" in scenario.city:  # it is not there to be found
        return scenario.place(
            InputError(error.problem, field="city.read", found=error.found, allowed="residents: a number")
        )
    for way, section in scenario.city.items():
        written = isinstance(section, dict) and (error.field or "").partition(".")[0].partition("[")[0] in section
        if written and error.file is None:
            return scenario.place(
                InputError(error.problem, field=f"city.{way}.{error.field}", found=error.found, allowed=error.allowed)
            )
    return error


def _stamps(section: Any, folder: Path) -> list[list[Any]]:
    """Return name, size and time of every file that a city section names."""
    files: list[Path] = []
    with_files(section, lambda text: files.extend(named_files(text, folder)))
    return [[str(file), file.stat().st_size, file.stat().st_mtime_ns] for file in files]
