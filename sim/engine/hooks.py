"""Hooks: the decisions that a policy may make, all of one signature, compiled or asked of Python.

``(view, subject, slot, now) -> Answer(code, arg, value)``. `rule` compiles a function to that signature;
built-in rules and a user's own go through it alike and cost the same. Which rules exist is
`sim.policies`; when a hook is asked is `sim.loop`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import types
from numba.extending import register_jitable

from sim.engine.blocks import VIEW, as_view
from sim.engine.jit import njit
from sim.engine.tables import KNOWN


class AnswerTuple(NamedTuple):
    """What a rule decides: a code from `sim.engine.codes`, an argument and a value."""

    code: int
    arg: int
    value: float


@register_jitable
def Answer(code, arg, value):
    """Make an answer from any integers and any float, in Python and in compiled rules."""
    return AnswerTuple(np.int64(code), np.int64(arg), np.float64(value))  # type: ignore[arg-type]


ANSWER_TYPE = types.NamedTuple((types.int64, types.int64, types.float64), AnswerTuple)
HOOK_SIGNATURE = ANSWER_TYPE(VIEW, types.int64, types.int64, types.float64)
HOOK = types.FunctionType(HOOK_SIGNATURE)
VIEW_TABLES = KNOWN  # importing the tables gives the view its attributes


@njit(ANSWER_TYPE(types.int64, HOOK, types.int64, types.int64, types.float64))
def call_rule(address, rule, subject, slot, now):
    """Ask a compiled rule about the world at an address (`World.address`), as the kernel would."""
    return rule(as_view(address), subject, slot, now)


def compile_rule(function: Callable[..., AnswerTuple]) -> Callable[..., AnswerTuple]:
    """Compile a rule with the signature that all hooks share."""
    kept = Path(function.__code__.co_filename).is_file()  # a rule typed at a prompt has no file to keep a cache by
    return njit(HOOK_SIGNATURE, cache=kept)(function)
