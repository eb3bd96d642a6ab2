"""Memory for the tables of a run, used again by the next run once nobody looks at it any more.

A system hands out fresh memory a page at a time and clears each page first, which costs more than all events of
a simple queue. So what a run's growing tables lie in is kept, and handed out again when no array reaches into it
any longer. Rows handed out hold whatever was there before: whoever appends a row fills all of it.
"""

from __future__ import annotations

import sys
import threading

import numpy as np

_LINE = 64  # bytes that a processor fetches at once; tables begin on such a border
_LEAST = 1 << 16  # bytes; below this the system's own allocator is as quick
KEPT_BYTES = 1 << 29  # what lies idle at most, for the next run


class Buffers:
    """A store of blocks of memory; safe to use from several threads."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self.kept_bytes = kept_bytes
        self._blocks: list[np.ndarray] = []
        self._kinds: list[np.dtype] = []  # what each block was last used for: tables keep to their own blocks
        self._lock = threading.Lock()

    def rows(self, count: int, dtype: np.dtype) -> np.ndarray:
        """Return ``count`` rows of ``dtype`` with unspecified content.

        The memory is used again after the array, and every array made of it, is gone.
        """
        size = count * dtype.itemsize
        if size < _LEAST:
            return np.empty(count, dtype)
        with self._lock:
            block = self._block(size, dtype)
        skip = -block.ctypes.data % _LINE
        return block[skip : skip + size].view(dtype)

    def idle_bytes(self) -> int:
        """Return how many bytes are kept that nobody uses."""
        with self._lock:
            return sum(self._blocks[i].nbytes for i in range(len(self._blocks)) if self._is_idle(i))

    def _is_idle(self, i: int) -> bool:
        return sys.getrefcount(self._blocks[i]) == _ALONE

    def _block(self, size: int, kind: np.dtype) -> np.ndarray:
        """Return the smallest idle block of this kind that is large enough and not wastefully so, or a new one."""
        idle = [i for i in range(len(self._blocks)) if self._is_idle(i)]
        least, most = size + _LINE, 2 * size + _LINE
        fitting = [i for i in idle if self._kinds[i] == kind and least <= self._blocks[i].nbytes <= most]
        if fitting:
            return self._blocks[min(fitting, key=lambda i: self._blocks[i].nbytes)]
        self._drop_idle(idle)
        block = np.empty(size + size // 8 + _LINE, np.uint8)  # a little more: the next run's demand differs
        self._blocks.append(block)
        self._kinds.append(kind)
        return block

    def _drop_idle(self, idle: list[int]) -> None:
        """Give back idle blocks, oldest first, until few enough lie idle."""
        excess = sum(self._blocks[i].nbytes for i in idle) - self.kept_bytes
        dropped = []
        for i in idle:
            if excess <= 0:
                break
            excess -= self._blocks[i].nbytes
            dropped.append(i)
        for i in reversed(dropped):
            del self._blocks[i], self._kinds[i]


def _references_when_alone() -> int:
    """Return what `sys.getrefcount` says of a block that only a list holds, as `Buffers._is_idle` asks."""
    blocks = [np.empty(1, np.uint8)]
    return sys.getrefcount(blocks[0])


_ALONE = _references_when_alone()
BUFFERS = Buffers()
