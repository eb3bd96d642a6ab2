"""Stable 64-bit names: what draws are named by, so that rows may move without moving a draw."""

from __future__ import annotations

import hashlib

import numpy as np


def entity(*parts: object) -> np.uint64:
    """Return the hash of a stable name such as ``("staff", "grid_member", "330106001", 2)``."""
    text = "\x1f".join(map(str, parts)).encode()
    return np.uint64(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little"))
