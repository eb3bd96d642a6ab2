"""Taking in a scenario that a user sends: bounded, read safely, checked as a whole, then written in one step.

An upload may say less than a file of one's own: it builds on shipped scenarios only, brings no Python rules, and names
no files or folders of this computer. Nothing of it is kept unless all of it is right.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from scenarios import library
from scenarios.dry import check_built, dry_check
from scenarios.forecast import affordable, forecast, upload
from scenarios.schema import Scenario
from scenarios.yaml_lines import FieldPath, Tree, dotted, parse_yaml
from sim.city.named import FILE_FIELDS
from sim.errors import InputError
from sim.files import write_atomically

MOST_BYTES = 256 * 1024
MOST_SCENARIOS = 500
CITIES = ("synthetic", "bare")
_writing = threading.Lock()
MOST_BUILT = 300_000
"""Residents up to which the city is built for the check; what only a larger city shows is said when a run begins."""


def take(
    content: bytes, filename: str, folder: Path, replace: bool = False, check: Callable[[Path, str], str] | None = None
) -> str:
    """Check and keep a scenario; returns its name.

    Parameters
    ----------
    content
        The file's bytes, at most 256 kB of UTF-8.
    filename
        Its name on the sender's computer, for messages only.
    folder
        The users' scenarios.
    replace
        Whether a scenario of the same name may be overwritten; a shipped one never is.
    check
        Checks a draft (by default `checked`, here and now); a server has it done beside it.

    Raises
    ------
    InputError
        For whatever is wrong; nothing was written.
    """
    said = Path(filename.replace("\\", "/")).name[:80] or "scenario.yaml"
    if len(content) > MOST_BYTES:
        raise InputError(
            "the file is too large", file=said, found=f"{len(content):,} bytes", allowed=f"{MOST_BYTES:,} bytes"
        )
    draft = folder / f".{secrets.token_hex(8)}.upload"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        name = (check or checked)(draft, said)
        with _writing:  # of two that bring one name at once, the second finds the first
            write_atomically(_target(folder, name, said, replace), content)
    except OSError as error:
        raise InputError("the scenario cannot be kept", file=said, found=error.strerror) from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return name


def _text(content: bytes, said: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError("the file is not UTF-8 text", file=said, line=line, allowed="text in UTF-8") from None


def _refuse_reach(tree: Tree) -> None:
    """Refuse whatever would make the server read a file or import code that the sender names."""
    parent = tree.data.get("extends")
    if parent is not None and parent not in library.names():
        raise _at(tree, ("extends",), "an uploaded scenario builds on a shipped one", parent, library.names())
    city = tree.data.get("city")
    for kind in city if isinstance(city, dict) else ():
        if kind not in CITIES:
            raise _at(tree, ("city", kind), "an uploaded scenario cannot name files of the server", kind, CITIES)
    for path, value in _leaves(tree.data, ()):
        if path[0] == "city" and path[-1] in FILE_FIELDS and value is not None:
            raise _at(tree, path, "an uploaded scenario cannot name files of the server", value, "leave it out")
        if "rules" in path and isinstance(value, str) and ":" in value:
            raise _at(tree, path, "an uploaded scenario cannot bring Python rules", value, "names of built-in rules")


def _leaves(value: Any, path: FieldPath) -> Iterator[tuple[FieldPath, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))
    elif path:
        yield path, value


def _at(tree: Tree, path: FieldPath, problem: str, found: Any, allowed: Any) -> InputError:
    file, line = tree.origin(path)
    return InputError(problem, file=file, line=line, field=dotted(path), found=found, allowed=allowed)


def checked(draft: Path, said: str) -> str:
    """Return the name of a draft's scenario, checked as before a run; messages name the sender's file.

    Raises
    ------
    InputError
        For whatever is wrong with it.
    """
    _refuse_reach(parse_yaml(_text(draft.read_bytes(), said), said))
    try:
        scenario = library.load(draft)
        dry_check(scenario)
        runs = scenario.experiment.replications * len(scenario.arms)
        affordable(forecast(scenario, _arms(scenario), runs), upload(), scenario)
        if _residents(scenario) <= MOST_BUILT:
            check_built(scenario, _arms(scenario))
        return scenario.name
    except InputError as error:
        file = said if Path(str(error.file)).name == draft.name else error.file
        raise InputError(
            error.problem, file=file, line=error.line, field=error.field, found=error.found, allowed=error.allowed
        ) from None


def _arms(scenario: Scenario) -> list[str]:
    return list(dict.fromkeys([*scenario.arms, *scenario.policies]))


def _residents(scenario: Scenario) -> int:
    """Return how many residents the city is to have (0 for a bare one)."""
    made = scenario.city_spec().synthetic
    return made.residents if made is not None else 0


def _target(folder: Path, name: str, said: str, replace: bool) -> Path:
    if name in library.names():
        raise InputError(
            "a shipped scenario has this name", file=said, field="name", found=name, allowed="another name"
        )
    target = folder / f"{name}.yaml"
    if target.exists() and not replace:
        raise InputError(
            "a scenario of this name is there already", file=said, field="name", found=name,
            allowed="another name, or tick 'replace'",
        )  # fmt: skip
    if not target.exists() and sum(1 for _ in folder.glob("*.yaml")) >= MOST_SCENARIOS:
        raise InputError("there are too many scenarios", found=MOST_SCENARIOS, allowed="remove some first")
    return target
