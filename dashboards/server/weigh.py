"""How many bytes a held thing takes, so that caches are bounded by bytes and not by number; and giving memory back.

An estimate by walking what an object refers to: arrays and tables by their data, everything else by its own size.
What is shared with another held thing is counted in both. Modules, classes and functions weigh nothing.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import time
import types
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

PASSED = (
    type,
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    type(threading.Lock()),
)
MOST_STEPS = 2_000_000
"""Objects that are looked at; beyond them the rest is not counted."""


def weight_bytes(thing: object) -> int:
    """Return about how many bytes a thing and all that it alone refers to take."""
    seen: set[int] = set()
    waiting: list[Any] = [thing]
    total = 0
    for _ in range(MOST_STEPS):
        if not waiting:
            break
        one = waiting.pop()
        if id(one) in seen or isinstance(one, PASSED):
            continue
        seen.add(id(one))
        own, inside = _parts(one)
        total += own
        waiting.extend(inside)
    return total


def _parts(one: Any) -> tuple[int, list[Any]]:
    """Return a thing's own bytes and what is to be looked at next."""
    if isinstance(one, np.ndarray):
        if one.base is not None:  # a view: its base is counted once
            return sys.getsizeof(one, 0), [one.base] if isinstance(one.base, np.ndarray) else []
        return int(one.nbytes), list(one.flat) if one.dtype == object and one.size <= MOST_STEPS else []
    if isinstance(one, pd.DataFrame | pd.Series | pd.Index):
        used = one.memory_usage(deep=True)
        return int(used.sum() if isinstance(used, pd.Series) else used), []
    if isinstance(one, pa.Table | pa.RecordBatch | pa.ChunkedArray | pa.Array):
        return int(one.nbytes), []
    own = sys.getsizeof(one, 64)
    if isinstance(one, str | bytes | int | float | bool | None):
        return own, []
    if isinstance(one, Mapping) and not hasattr(one, "__dict__"):
        return own, [*one.keys(), *one.values()]
    inside: list[Any] = list(one) if isinstance(one, list | tuple | set | frozenset | deque) else []
    if isinstance(one, dict):
        inside += [*one.keys(), *one.values()]
    known = getattr(one, "__dict__", None)
    if isinstance(known, dict):
        inside += known.values()
    for kind in type(one).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        inside += [getattr(one, name, None) for name in ((slots,) if isinstance(slots, str) else slots)]
    return own, inside


_given = [0.0]
GIVE_EVERY_S = 30.0


def give_back() -> None:
    """Give memory that is no longer used back to the system, where its allocator can; at most twice a minute."""
    if time.monotonic() - _given[0] < GIVE_EVERY_S:
        return
    _given[0] = time.monotonic()
    gc.collect()
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # only the GNU C library has this
        ctypes.CDLL(None).malloc_trim(0)


def few_arenas() -> None:
    """Have all threads share two heaps: with one for each, what many threads used once stays in as many places."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)


M_ARENA_MAX, ARENAS = -8, 2
"""Number of the option in the GNU C library (``malloc.h``), and heaps."""


@dataclass
class _Making:
    """A thing that is being made: the lock that the first holds, and how many wait for it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted: int = 0


class Kept:
    """The latest answers of slow questions, bounded by bytes and number; a question asked twice at once is made once.

    Parameters
    ----------
    most_bytes
        What all answers together may weigh; the one just made is kept even when it alone weighs more.
    most
        How many are kept.
    """

    def __init__(self, most_bytes: int, most: int) -> None:
        self.most_bytes, self.most = most_bytes, most
        self._held: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._making: dict[Hashable, _Making] = {}
        self._guard = threading.Lock()

    @property
    def bytes(self) -> int:
        """What is held weighs so much."""
        return sum(weight for _, weight in self._held.values())

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return the answer under ``key``, making it when it is not there."""
        with self._guard:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key][0]
            making = self._making.setdefault(key, _Making())
            making.wanted += 1
        try:
            with making.lock:
                with self._guard:
                    if key in self._held:
                        return self._held[key][0]
                made = make()
                self._keep(key, made)
                return made
        finally:
            with self._guard:
                making.wanted -= 1
                if not making.wanted:
                    self._making.pop(key, None)

    def _keep(self, key: Hashable, made: Any) -> None:
        weight, dropped = weight_bytes(made), False
        with self._guard:
            self._held[key] = (made, weight)
            while len(self._held) > 1 and (len(self._held) > self.most or self.bytes > self.most_bytes):
                self._held.popitem(last=False)
                dropped = True
        if dropped or weight > LARGE_BYTES:
            give_back()


LARGE_BYTES = 8 * 2**20
"""What weighs more has taken far more while it was made; the rest is given back at once."""
