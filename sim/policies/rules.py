"""The registry of rules: built-in ones by name, and a user's own by ``@rule(hook)`` or ``module:function``.

A rule is a function ``(view, subject, slot, now) -> Answer`` for one hook. What `subject` and `slot` are:

===========  ======================  ==============================
hook         subject                 slot
===========  ======================  ==============================
dispatch     row of ``view.tasks``   how many are reserved already
pick         row of ``view.staff``   0
priority     row of ``view.tasks``   0
coordinate   row of ``view.cases``   why it is asked (an ``R_`` code)
report_in    row of ``view.tasks``   how often it was asked before
reposition   row of ``view.staff``   0
===========  ======================  ==============================
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sim.engine.codes import HOOK_NAMES
from sim.engine.hooks import compile_rule
from sim.errors import InputError
from sim.policies.rule_texts import FOLDERS_VARIABLE


@dataclass(frozen=True)
class Rule:
    """A rule behind a hook: its compiled form, its Python form, and whether its keys change with time."""

    name: str
    hook: str
    compiled: Callable[..., Any]
    python: Callable[..., Any]
    dynamic: bool = False

    @property
    def summary(self) -> str:
        """First line of the rule's docstring."""
        return (self.python.__doc__ or self.name).strip().splitlines()[0]


_RULES: dict[str, dict[str, Rule]] = {hook: {} for hook in HOOK_NAMES}


def rule(hook: str, *, dynamic: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a function as a rule behind a hook and register it under its name.

    Parameters
    ----------
    hook
        One of dispatch, pick, priority, coordinate, report_in, reposition.
    dynamic
        For priority rules: the key changes while a task waits and is evaluated anew at each `pick`.
    """
    if hook not in _RULES:
        raise InputError("unknown hook", found=hook, allowed=list(_RULES))

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        compiled = compile_rule(function)
        _RULES[hook][function.__name__] = Rule(function.__name__, hook, compiled, function, dynamic)
        return compiled

    return wrap


@contextmanager
def _rule_folders() -> Iterator[None]:
    """Look for a user's rule modules where the command was given and in the folders of GRIDWHISTLE_RULES."""
    folders = [os.getcwd(), *filter(None, os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep))]
    added = [folder for folder in folders if folder not in sys.path]
    sys.path.extend(added)
    try:
        yield
    finally:
        for folder in added:
            sys.path.remove(folder)


def _load_built_in() -> None:
    for module in ("dispatch", "pick", "priority", "coordinate", "report_in", "reposition", "ask"):
        importlib.import_module(f"sim.policies.{module}")


def rules(hook: str) -> dict[str, Rule]:
    """Return the known rules behind a hook by name."""
    _load_built_in()
    return dict(_RULES[hook])


def find_rule(hook: str, name: str) -> Rule:
    """Return a rule by name, or import a user's own named ``module:function``.

    Raises
    ------
    InputError
        When there is no such rule, or the module's rule belongs to another hook.
    """
    _load_built_in()
    if ":" in name:
        module, _, function = name.partition(":")
        try:
            with _rule_folders():
                importlib.import_module(module)
        except ImportError as error:
            raise InputError(f"cannot import the rule's module: {error}", field=f"rules.{hook}", found=name) from error
        name = function
    if name not in _RULES[hook]:
        raise InputError("unknown rule", field=f"rules.{hook}", found=name, allowed=sorted(_RULES[hook]))
    return _RULES[hook][name]
