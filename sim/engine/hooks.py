"""Hooks: the decisions that a policy may make, all of one signature, compiled or asked of Python.

``(view, subject, slot, now) -> Answer(code, arg, value)``. `rule` compiles a function to that signature;
built-in rules and a user's own go through it alike and cost the same. Which rules exist is
`sim.policies`; when a hook is asked is `sim.loop`.

Python hands rules to the kernel as addresses: a function as an argument costs a tenth of a millisecond of
unpacking at every call, and whoever plays a run step by step makes a hundred thousand calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable

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
HOOK_ADDRESSES = types.Array(types.int64, 2, "C")
VIEW_TABLES = KNOWN  # importing the tables gives the view its attributes


@njit(ANSWER_TYPE(types.int64, HOOK, types.int64, types.int64, types.float64))
def call_rule(address, rule, subject, slot, now):
    """Ask a compiled rule about the world at an address (`World.address`), as the kernel would."""
    return rule(as_view(address), subject, slot, now)


@intrinsic
def _function_at(typing_context, by_c, by_jit):
    """Make the first-class function whose code lies at two addresses (C calling convention, numba's own)."""

    def code(context, builder, signature, arguments):
        made = cgutils.create_struct_proxy(HOOK)(context, builder)
        pointer = context.get_value_type(types.voidptr)
        made.c_addr, made.jit_addr = (builder.inttoptr(a, pointer) for a in arguments)
        made.py_addr = context.get_constant_null(types.voidptr)  # no object: it never goes back to Python
        return made._getvalue()

    return HOOK(types.int64, types.int64), code


@njit
def hook_at(addresses, row):
    """Return the compiled rule in a row of `hook_addresses`."""
    return _function_at(addresses[row, 0], addresses[row, 1])


@cache
def _addresses(compiled: Any) -> tuple[int, int]:
    found = compiled.get_compile_result(HOOK_SIGNATURE)
    names = (found.fndesc.llvm_cfunc_wrapper_name, found.fndesc.llvm_func_name)
    by_c, by_jit = (int(found.library.get_pointer_to_function(name)) for name in names)
    return by_c, by_jit


def hook_addresses(rules: Iterable[Any]) -> np.ndarray:
    """Return where compiled rules lie in this process: int64[rules, 2]. Never store or send it."""
    return np.array([_addresses(rule) for rule in rules], dtype=np.int64)


def compile_rule(function: Callable[..., AnswerTuple]) -> Callable[..., AnswerTuple]:
    """Compile a rule with the signature that all hooks share."""
    kept = Path(function.__code__.co_filename).is_file()  # a rule typed at a prompt has no file to keep a cache by
    return njit(HOOK_SIGNATURE, cache=kept)(function)
