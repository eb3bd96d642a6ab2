"""The shipped base under every scenario that is not bare: the catalogue of types and the institutions.

It is read as plain data with origins, so that a scenario can change any field of it and a mistake is
reported where it stands. The checked objects of the same files are `sim.cases.load` and
`sim.institutions.load`.
"""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import sim
from scenarios.merge import merge
from scenarios.yaml_lines import Tree, read_yaml

CATALOGUE = Path(sim.__file__).parent / "cases" / "catalogue.yaml"
DEFAULTS = Path(sim.__file__).parent / "institutions" / "defaults.yaml"


@cache
def base_tree() -> Tree:
    """Return types and institutions as one tree; callers must not change it."""
    types = read_yaml(CATALOGUE)
    if "types" in types.data:
        return merge(read_yaml(DEFAULTS), types)
    under = Tree({"types": types.data}, {("types", *path): origin for path, origin in types.origins.items()})
    return merge(read_yaml(DEFAULTS), under)


def without_removed_types(laid: Tree, base: Tree) -> Tree:
    """Return the tree without mentions of shipped types that it removed.

    Duty lists and confusions of the shipped base name shipped types; whoever removes a type need not know
    where. Names that never were types stay, to be refused by the checks.
    """
    removed = set(base.data.get("types", {})) - set(laid.data.get("types", {}))
    if not removed:
        return laid
    made = Tree(copy.deepcopy(laid.data), laid.origins)
    for department in made.data.get("departments", {}).values():
        _thin(department, "duty_types", removed)
    for kind in made.data.get("types", {}).values():
        if isinstance(kind, dict):
            _thin(kind.get("seems"), "as_types", removed)
    return made


def _thin(holder: Any, field: str, removed: set[str]) -> None:
    if isinstance(holder, dict) and isinstance(holder.get(field), list):
        holder[field] = [name for name in holder[field] if name not in removed]
