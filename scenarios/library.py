"""Finding scenarios: by name in the shipped library, or by path.

`load` follows the `extends` chain (a parent is a library name, or a path relative to the file that names
it), lays the texts together and checks the form. The texts themselves are `library/*.yaml`.
"""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path
from typing import Any

from scenarios.form_errors import nearest
from scenarios.merge import merge_scenarios
from scenarios.schema import Scenario
from scenarios.yaml_lines import Tree, read_yaml
from sim.city.named import with_files
from sim.errors import InputError

LIBRARY = Path(__file__).parent / "library"
MAX_CHAIN = 16


def names() -> tuple[str, ...]:
    """Return the names of the shipped scenarios, sorted."""
    return tuple(sorted(path.stem for path in LIBRARY.glob("*.yaml")))


def load(name_or_path: str | PathLike[str]) -> Scenario:
    """Load a scenario by library name or by path.

    Raises
    ------
    InputError
        Unknown name, unreadable file, a cycle in `extends`, or any mistake in the form.
    """
    path = locate(name_or_path)
    return Scenario.from_tree(_laid(path, []), path.parent)


def locate(name_or_path: str | PathLike[str], folder: Path | None = None, said_in: Tree | None = None) -> Path:
    """Return the file of a scenario; `folder` is where a relative path starts, `said_in` the file that names it."""
    text = str(name_or_path)
    looks_like_path = text.endswith((".yaml", ".yml")) or "/" in text or "\\" in text
    if not looks_like_path and text in names():
        return LIBRARY / f"{text}.yaml"
    path = Path(folder or ".", text).expanduser()
    if os.path.isfile(path):  # also for names that no file can have
        return path
    file, line = said_in.origin(("extends",)) if said_in is not None else (None, None)
    known = names()
    raise InputError(
        "no scenario of that name or path",
        file=file,
        line=line,
        field="extends" if said_in is not None else None,
        found=text,
        allowed=[*(nearest(text, known) or known), "or the path of a YAML file"],
    )


def _laid(path: Path, chain: list[Path]) -> Tree:
    """Return the tree of a file laid over its parents; `chain` holds the files that lead here."""
    tree = read_yaml(path)
    parent = tree.data.get("extends")
    if parent is None:
        return tree
    file, line = tree.origin(("extends",))
    if not isinstance(parent, str):
        raise InputError("not a name", file=file, line=line, field="extends", found=parent, allowed="a name or a path")
    so_far = [*chain, path.resolve()]
    above = locate(parent, path.parent, tree)
    if above.resolve() in so_far:
        names_ = [p.stem for p in so_far[so_far.index(above.resolve()) :]]
        circle = " -> ".join([*names_, above.stem])
        raise InputError(f"'extends' goes in a circle ({circle})", file=file, line=line, field="extends", found=parent)
    if len(so_far) > MAX_CHAIN:
        raise InputError("'extends' is too long a chain", file=file, line=line, allowed=f"{MAX_CHAIN} steps")
    return merge_scenarios(_rooted(_laid(above, so_far), above.parent, path.parent), tree)


def _rooted(tree: Tree, parent_folder: Path, folder: Path) -> Tree:
    """Make a parent's relative city paths independent of the child's folder."""
    city = tree.data.get("city")
    if parent_folder.resolve() == folder.resolve() or not isinstance(city, dict):
        return tree
    return Tree({**tree.data, "city": rooted(city, parent_folder)}, tree.origins)


def rooted(section: Any, folder: Path) -> Any:
    """Return a city section whose existing files and folders are named by absolute paths."""

    def absolute(text: str) -> str:
        return str((folder / text).resolve()) if os.path.exists(folder / text) else text

    return with_files(section, absolute)
