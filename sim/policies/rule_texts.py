"""What the text of a rule tells without compiling it: which names stand behind a hook, which parameters a rule reads.

Checks of scenarios ask this before anything is built, so that a misspelt rule or a parameter that no rule reads is
named at once. The text is parsed, never run; what a rule does is `sim.policies.rules`. A helper from elsewhere than
this package is not followed: of such a rule nothing is claimed.
"""

from __future__ import annotations

import ast
import difflib
import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from sim.engine.codes import HOOK_NAMES
from sim.errors import InputError
from sim.register import names as register_names

OPEN = "ask"
FOLDERS_VARIABLE = "GRIDWHISTLE_RULES"
OPEN_HOOKS = tuple(hook for hook in HOOK_NAMES if hook != "priority")
_FOLDER = Path(__file__).parent
_PACKAGE = "sim.policies."
_TWICE_USED = {"travel.lights_factor", "travel.ordinary_factor"}  # read by the travel helper of nearly every rule


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _hook_of(function: ast.FunctionDef) -> str | None:
    """Return the hook that ``@rule("hook")`` names, None where no such decorator stands."""
    for mark in function.decorator_list:
        if not (isinstance(mark, ast.Call) and mark.args and isinstance(mark.args[0], ast.Constant)):
            continue
        called = mark.func.attr if isinstance(mark.func, ast.Attribute) else getattr(mark.func, "id", "")
        if called == "rule":
            return str(mark.args[0].value)
    return None


def _rules_in(file: Path) -> Iterator[tuple[str, str]]:
    for node in _tree(file).body:
        if isinstance(node, ast.FunctionDef) and (hook := _hook_of(node)) is not None:
            yield hook, node.name


@cache
def _shipped() -> dict[str, dict[str, Path]]:
    found: dict[str, dict[str, Path]] = {hook: {} for hook in HOOK_NAMES}
    for file in sorted(_FOLDER.glob("*.py")):
        for hook, name in _rules_in(file):
            found[hook][name] = file
    for hook in OPEN_HOOKS:
        found[hook][OPEN] = _FOLDER / "ask.py"
    return found


def known_rules(hook: str) -> tuple[str, ...]:
    """Return the names of the shipped rules behind a hook, sorted."""
    return tuple(sorted(_shipped()[hook]))


def check_rule_name(hook: str, name: str) -> None:
    """Raise when there is no such rule, or a user's own cannot be found.

    Raises
    ------
    InputError
        With the field ``rules.<hook>``, what was found and the nearest names.
    """
    if ":" not in name:
        known = known_rules(hook)
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
            raise InputError("unknown rule", field=f"rules.{hook}", found=name, allowed=near or known)
        return
    module, _, function = name.partition(":")
    file = _own_file(module, hook, name)
    if file is None:
        return  # no text to look at: importing it will tell
    here = list(_rules_in(file))
    elsewhere = any(n == function for _, n in here)
    if (hook, function) not in here and (elsewhere or not re.search(rf"\b{re.escape(function)}\b", file.read_text())):
        allowed = [f"{module}:{n}" for h, n in here if h == hook] or "a function of the module marked @rule"
        raise InputError("the module has no such rule behind this hook", field=f"rules.{hook}", found=name,
                         allowed=allowed)  # fmt: skip


def _own_file(module: str, hook: str, name: str) -> Path | None:
    """Return the file of a user's module; it is looked for as when it is imported, and not run."""
    path = Path(*module.split("."))
    for folder in [os.getcwd(), *filter(None, os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)), *sys.path]:
        for file in (Path(folder, f"{path}.py"), Path(folder, path, "__init__.py")):
            if file.is_file():
                return _readable(file, hook, name)
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is not None:
        return _readable(Path(spec.origin), hook, name) if spec.origin and Path(spec.origin).is_file() else None
    raise InputError(
        "the rule's module cannot be found", field=f"rules.{hook}", found=name,
        allowed="module:function, the module in the present folder or in a folder of GRIDWHISTLE_RULES",
    )  # fmt: skip


def _readable(file: Path, hook: str, name: str) -> Path:
    try:
        _tree(file)
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"the rule's module cannot be read: {error}", field=f"rules.{hook}", found=name) from None
    return file


def read_by(hook: str, name: str) -> frozenset[str] | None:
    """Return the register names (scope rule) that a rule reads, None when its text does not tell."""
    if ":" in name:
        module, _, function = name.partition(":")
        own = _own_file(module, hook, name)
        if own is None:
            return None
        file = own
    else:
        function, file = name, _shipped()[hook][name]
    seen: set[tuple[Path, str]] = set()
    found: set[str] = set()
    return frozenset(found) if _follow(file, function, found, seen) else None


def _follow(file: Path, function: str, found: set[str], seen: set[tuple[Path, str]]) -> bool:
    """Add what a function and its helpers read; False when a helper cannot be followed."""
    if (file, function) in seen:
        return True
    seen.add((file, function))
    node = next((n for n in _tree(file).body if isinstance(n, ast.FunctionDef) and n.name == function), None)
    if node is None:
        return True  # no function of this file: a constant, or something imported
    columns = {name.replace(".", "_"): name for name in [*register_names("rule"), *_TWICE_USED]}
    found |= {columns[n.attr] for n in ast.walk(node) if isinstance(n, ast.Attribute) and n.attr in columns}
    used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    followed = [_follow(file, name, found, seen) for name in used]
    followed += [_follow_import(i, used, found, seen) for i in _tree(file).body if isinstance(i, ast.ImportFrom)]
    return all(followed)


def _follow_import(node: ast.ImportFrom, used: set[str], found: set[str], seen: set[tuple[Path, str]]) -> bool:
    """Follow what is used of an import: helpers of this package are read, those of the engine read only travel."""
    module = node.module or ""
    wanted = [alias.name for alias in node.names if (alias.asname or alias.name) in used]
    if not wanted or module.split(".")[0] in {"__future__", "math", "numpy", "typing", "collections"}:
        return True
    if module.startswith(_PACKAGE):
        file = _FOLDER / f"{module.removeprefix(_PACKAGE)}.py"
        return all(_follow(file, name, found, seen) for name in wanted) if file.is_file() else False
    if module.split(".")[0] == "sim":
        found |= _TWICE_USED if "travel_min" in wanted else set()
        return True
    return False
