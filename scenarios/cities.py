"""What the `city` commands do: build, read, find, save and sum up cities; drawing is handed in.

The cities themselves are `sim.city`; here they are joined with the console and with result files. The city of a
scenario is `scenarios.places.city_of`.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.console import Console
from scenarios.form_errors import validated
from scenarios.numbers import Words, number
from scenarios.places import city_of
from scenarios.yaml_lines import Tree
from sim.errors import InputError
from sim.files import sync_folder, write_atomically

if TYPE_CHECKING:
    from sim.city.city import City

FORMATS = ("jemss", "graphml", "vertices_edges")
_SOURCE = "command line"


def build(section: dict[str, Any], out: Path, console: Console) -> None:
    """Build a synthetic city and save it to a new folder."""
    from sim.city.spec import CitySpec, build_city

    spec = validated(CitySpec, _given(section), prefix=("city",))
    _free(out)
    console.note("building_city")
    _save(build_city(spec), out, console)


def read(source: Path, form: str | None, options: dict[str, Any], out: Path, console: Console) -> None:
    """Read a city from files and save it to a new folder; unusable rows are counted and shown.

    Raises
    ------
    InputError
        For an unknown format, files that cannot be used, or a folder that is not free.
    """
    from sim.city.readers import read_city
    from sim.city.spec import CitySpec

    form = form or guessed(source)
    if form not in FORMATS:
        raise InputError("unknown format", field="--format", found=form, allowed=FORMATS)
    where = "file" if form == "graphml" else "folder"
    given = {k: v for k, v in options.items() if v is not None}
    spec = validated(CitySpec, _given({"read": {"format": form, where: str(source.resolve()), **given}}), ("city",))
    _free(out)
    console.note("reading_city", source=source, format=form)
    assert spec.read is not None
    try:
        city, report = read_city(spec.read, Path("."))
    except InputError as error:
        raise (_as_option(error, source) if error.field == "residents" else error) from None
    for kind in report.bad:
        lines = "; ".join(f"{line}: {value}" for line, value in kind.examples)
        console.note("dropped", count=kind.count, file=kind.file, problem=kind.problem, field=kind.field, lines=lines)
    for text in report.notes:
        console.note("plain", text=text)
    _save(city, out, console, report.as_dict())


def _as_option(error: InputError, source: Path) -> InputError:
    """Name the option by which the command line takes what a city section calls residents."""
    return InputError(
        error.problem, file=source, field="--residents", found=error.found, allowed="--residents and a number"
    )


def guessed(source: Path) -> str:
    """Return the format that a path looks like.

    Raises
    ------
    InputError
        There is nothing, or nothing that is known.
    """
    if source.is_file() and source.name.lower().endswith((".graphml", ".xml", ".graphml.gz", ".xml.gz")):
        return "graphml"
    if source.is_dir():
        names = [path.name.lower() for path in source.rglob("*") if path.is_file()]
        if any(name.startswith("roads") for name in names):
            return "jemss"
        if any("vertices" in name for name in names) and any("edges" in name for name in names):
            return "vertices_edges"
    found = "nothing there" if not source.exists() else source.name
    raise InputError(
        "no city can be recognised here", file=source, found=found,
        allowed="a GraphML file, a folder with roads (jemss), or a folder with vertices and edges",
    )  # fmt: skip


def found(text: str) -> City:
    """Return the city of a saved folder or of a scenario."""
    from scenarios.library import load
    from sim.city.city import City

    folder = Path(text)
    return City.load(folder) if folder.is_dir() else city_of(load(text))


def show(city: City, html: str, out: Path, console: Console) -> None:
    """Print a city's figures and write its drawing."""
    write_atomically(out, html.encode())
    if console.machine:
        console.json({**city.summary(), "map": out})
        return
    _print(city, console)
    console.say("written", path=out)


def _save(city: City, out: Path, console: Console, report: dict[str, Any] | None = None) -> None:
    """Save under a temporary name, then rename: a folder of that name is always whole."""
    temporary = out.with_name(f".{out.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.parent.mkdir(parents=True, exist_ok=True)
        city.save(temporary)
        if out.exists():
            out.rmdir()
        temporary.rename(out)
        sync_folder(out.parent)
    except OSError as error:
        raise InputError(f"the city cannot be written ({error.strerror})", file=out) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if console.machine:
        console.json({**city.summary(), "folder": out, **({"report": report} if report else {})})
        return
    _print(city, console)
    console.say("written", path=out)


def _print(city: City, console: Console) -> None:
    told = {**city.summary(), "name": city.title(console.lang)}
    rows = [[console.words.name("cli.city", key), _shown(value, key, console.words)] for key, value in told.items()]
    console.table([console.words("cli.columns.field"), console.words("cli.columns.value")], rows)


_NAMED = {"areas": "levels", "facilities": "facilities", "provenance": "cli.provenance"}
"""Line of a city's figures -> the group of words for the names in it."""


def _shown(value: Any, line: str, words: Words) -> str:
    """Return a figure as text; names in it, yes and no in the reader's language."""
    if isinstance(value, dict):
        group = _NAMED.get(line, f"cli.{line}")
        return ", ".join(f"{words.name(group, key)} {_shown(inner, line, words)}" for key, inner in value.items())
    if isinstance(value, bool):
        return words("words.yes" if value else "words.no")
    if isinstance(value, list | tuple):
        return ", ".join(_shown(one, line, words) for one in value)
    if isinstance(value, str) and line in ("crs", "provenance"):
        return words.name(f"cli.{line}", value)
    if isinstance(value, float):
        return number(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _free(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("this is taken already", file=out, field="--out", allowed="a new folder")


def _given(section: dict[str, Any]) -> Tree:
    """Return data given by options; messages name the command line instead of a file."""
    return Tree(section, {(): (_SOURCE, 1)})
