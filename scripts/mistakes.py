"""Which clauses the sources say of mistakes in input, and which of them have no words in another language.

``uv run python -m scripts.mistakes`` prints what the catalogue `dashboards/texts/mistakes.zh.yaml` lacks and what it
holds in vain. The clauses are read out of the sources themselves: first arguments and ``allowed=`` of `InputError`,
of the ``ValueError`` of checked forms, and of every function that hands its own argument on to one of them.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dashboards.texts.mistakes import HOLE, catalogue

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("sim", "scenarios", "calibration", "dashboards")
RAISED: dict[str, dict[str, int | None]] = {
    "InputError": {"problem": 0, "allowed": None},
    "RecordingFailed": {"problem": 0, "allowed": None},
    "Busy": {"problem": 0, "allowed": None},
    "Unfit": {"problem": 0, "allowed": 2},
    "ValueError": {"problem": 0},
}
# their ValueErrors are faults of a caller in Python, never a sentence for somebody who gave a file
NO_INPUT = ("sim/policies/check.py",)  # the contract of rules speaks to who writes one in Python
NO_FORMS = ("dashboards/charts/", "calibration/likelihood.py", "calibration/durations.py", "sim/model.py")
# functions of these files return (clause, found, allowed) or a clause instead of handing it on
RETURNED = {
    "scenarios/form_errors.py": ("_worded", "_unknown", "_not_a_number", "_shape", "_with_unit", "_limits", "error"),
    "scenarios/forecast.py": ("_allowed", "_span"),
    "scenarios/parameters_read.py": ("_of_rules", "_of_type"),
}
REASONS = {  # why a text changes nothing: what these yield, hand to these functions, or keep by field
    "scenarios/idle.py": ("yield",),
    "scenarios/parameters_read.py": ("_needs_any", "_when", "lambda"),
    "scenarios/told.py": ("_unread_of_city",),
}
LISTED = {"scenarios/form_errors.py": ("UNITS", "_SHAPE_ERRORS")}
_CODE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")  # a key of texts that exist in both languages elsewhere
LONGEST_NAME = 2  # clauses of so few letters are names or signs and stay as they are


@dataclass
class Teller:
    """Functions of one name that say a clause: which arguments are clauses, by name, with their place (None: none)."""

    arguments: set[tuple[str, int | None]] = field(default_factory=set)


def clauses() -> dict[str, str]:
    """Return clause with holes -> where it stands first (``file:line``), over all packages."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in _sources()}
    tellers = {name: Teller(set(arguments.items())) for name, arguments in RAISED.items()}
    while _more_tellers(trees, tellers):
        pass
    found: dict[str, str] = {}
    for path, tree in trees.items():
        here = path.relative_to(ROOT).as_posix()
        if here in NO_INPUT:
            continue
        for call in _calls(tree):
            name = _name(call)
            if name == "ValueError" and here.startswith(NO_FORMS):
                continue
            if ast.unparse(call.func).startswith("log."):
                continue
            for text in _said(call, tellers.get(name)):
                for one in _pieces(text):
                    found.setdefault(one, f"{here}:{call.lineno}")
        others = (*_returned(tree, RETURNED.get(here, ())), *_listed(tree, LISTED.get(here, ())))
        for text in (*others, *_fields(tree), *_reasons(tree, REASONS.get(here, ()))):
            for one in _pieces(text):
                found.setdefault(one, here)
    return found


def _fields(tree: ast.AST) -> Iterator[str]:
    """Yield what forms say of their fields: it is shown as what is allowed there."""
    for call in _calls(tree):
        if _name(call) == "Field":
            yield from (text for k in call.keywords if k.arg == "description" for text in _texts(k.value))


def _listed(tree: ast.AST, names: tuple[str, ...]) -> Iterator[str]:
    """Yield the texts of module-level mappings of these names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict) and ast.unparse(node.targets[0]) in names:
            for value in node.value.values:
                yield from _texts(value)


def _reasons(tree: ast.AST, ways: tuple[str, ...]) -> Iterator[str]:
    """Yield why a text changes nothing, from the ways a file has of saying so."""
    for node in ast.walk(tree):
        match node:
            case ast.Yield(value=ast.Tuple(elts=[_, why])) if "yield" in ways:
                yield from _texts(why)
            case ast.Call(args=[_, why]) if _name(node) in ways:
                yield from _texts(why)
            case ast.Lambda(body=body) if "lambda" in ways:
                yield from _texts(body)
            case ast.FunctionDef() if node.name in ways:
                yield from (text for inner in ast.walk(node) for text in _reason_by_field(inner))


def _reason_by_field(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(args=[_, why]) if _name(node) == "fromkeys":
            yield from _texts(why)
        case ast.Assign(targets=[ast.Subscript()], value=why):
            yield from _texts(why)


def _returned(tree: ast.AST, names: tuple[str, ...]) -> Iterator[str]:
    functions = (f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) and f.name in names)
    for node in (n for function in functions for n in ast.walk(function)):
        if (isinstance(node, ast.Return) and node.value is not None) or isinstance(node, ast.Assign):
            yield from _texts(node.value)
        elif isinstance(node, ast.Call) and _name(node) == "append":
            yield from _texts(node.args[0])


def _pieces(text: str) -> Iterator[str]:
    """A form's clause may carry what is allowed behind ``; allowed: ``; both are told apart before they are shown."""
    for piece in text.split("; allowed: "):
        if _CODE.fullmatch(piece):
            continue
        if len(piece.replace(HOLE, "").strip(" .,:;'\"()[]-0123456789")) > LONGEST_NAME:
            yield piece


def _sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _name(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
    return ""


def _said(call: ast.Call, teller: Teller | None) -> Iterator[str]:
    for value in _values(call, teller):
        yield from _texts(value)


def _values(call: ast.Call, teller: Teller | None) -> Iterator[ast.expr]:
    if teller is None:
        return
    for name, place in sorted(teller.arguments, key=str):
        if place is not None and place < len(call.args):
            yield call.args[place]
        yield from (keyword.value for keyword in call.keywords if keyword.arg == name)


def _texts(node: ast.expr) -> Iterator[str]:
    """Yield the texts an expression can be, what is computed as a hole; alternatives one by one."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else HOLE for v in values)
            for value in values:
                if isinstance(value, ast.FormattedValue):
                    yield from _texts(value.value)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body)
            yield from _texts(orelse)
        case ast.BoolOp(values=values):
            for value in values:
                yield from _texts(value)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            for element in elements:
                yield from _texts(element)
        case ast.Starred(value=value):
            yield from _texts(value)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from _texts(left)
            yield from _texts(right)


def _more_tellers(trees: dict[Path, ast.Module], tellers: dict[str, Teller]) -> bool:
    """Find functions that hand an argument of theirs on as a clause; True when one was new."""
    new = False
    for tree in trees.values():
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef) or function.name in RAISED:
                continue
            mine = tellers.get(function.name, Teller())
            found = set(_handed_on(function, tellers).items()) - mine.arguments
            if found:
                tellers[function.name] = Teller(mine.arguments | found)
                new = True
    return new


def _handed_on(function: ast.FunctionDef, tellers: dict[str, Teller]) -> dict[str, int | None]:
    names = [a.arg for a in function.args.args]
    shift = 1 if names[:1] in (["self"], ["cls"]) else 0
    places: dict[str, int | None] = {name: index - shift for index, name in enumerate(names) if index >= shift}
    places |= {a.arg: None for a in function.args.kwonlyargs}
    passed = {
        value.id
        for call in _calls(function)
        for value in _values(call, tellers.get(_name(call)))
        if isinstance(value, ast.Name) and value.id in places
    }
    return {name: places[name] for name in passed if name not in ("found", "error")}


def main() -> int:
    """Print what is missing and what is held in vain; exit code 1 when anything is missing."""
    said, known = clauses(), catalogue("zh")
    missing = [text for text in said if text not in known]
    for text in missing:
        print(f"missing  {said[text]}  {text!r}")
    for text in known:
        if text not in said:
            print(f"in vain  {text!r}")
    print(f"{len(said)} clauses, {len(missing)} missing")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
