"""Columns on the wire: a small header in JSON and typed arrays behind it, read by `web/map/pack.js`.

Layout: 4 bytes length of the header (little-endian), the header in UTF-8, zeros up to a multiple of 8, then each
array, padded likewise. The header names every array with type, offset and length, so old and new readers agree
or fail loudly. It compresses nothing and knows nothing of what it carries.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPES = {"uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4", "float32": "f4", "float64": "f8"}


def packed(head: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> bytes:
    """Return head and arrays as one block of bytes.

    Parameters
    ----------
    head
        Plain data; the key ``arrays`` is taken.
    arrays
        Name -> one-dimensional array of a type in ``TYPES``.
    """
    parts, listed, offset = [], {}, 0
    for name, array in arrays.items():
        kind = TYPES[array.dtype.name]
        raw = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        listed[name] = [kind, offset, len(array)]
        parts.append(_padded(raw))
        offset += len(parts[-1])
    header = json.dumps({**head, "arrays": listed}, ensure_ascii=False, separators=(",", ":")).encode()
    return _padded(struct.pack("<I", len(header)) + header) + b"".join(parts)


def unpacked(block: bytes) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Return what `packed` was given; for tests and for readers in Python."""
    length = struct.unpack_from("<I", block)[0]
    head = json.loads(block[4 : 4 + length])
    start = 4 + length + (-(4 + length)) % 8
    dtypes = {short: np.dtype(name) for name, short in TYPES.items()}
    arrays = {
        name: np.frombuffer(block, dtypes[kind], count, start + offset)
        for name, (kind, offset, count) in head.pop("arrays").items()
    }
    return head, arrays


def _padded(raw: bytes) -> bytes:
    return raw + b"\0" * (-len(raw) % 8)
