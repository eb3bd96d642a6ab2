"""One flipped bit, put back where a hash proves what was written.

For what cannot be done again: what people decided in a drill, what a user asked for. A failing disk changes single
bits; with the hash of what was written, trying each bit finds the one that is wrong, and nothing else can pass for it.
It knows no files; who reads them says what is sound, tells what was put back, and sets aside what cannot be.
"""

from __future__ import annotations

from collections.abc import Callable

MOST_BYTES = 32_000
"""Longest content that is tried; each bit costs one hash of all of it, so that the time grows with the square (6 s)."""


def put_back(content: bytes, sound: Callable[[bytearray], bool]) -> bytes | None:
    """Return the content with the one bit put back that makes it sound.

    Parameters
    ----------
    content
        At most `MOST_BYTES` are tried.
    sound
        Holds what was written against its hash; called once for each bit with the same array, to be left as it is.

    Returns
    -------
    bytes or None
        None when no single bit makes it sound, or it is too long.
    """
    if len(content) > MOST_BYTES:
        return None
    tried = bytearray(content)
    for at in range(len(tried)):
        for bit in range(8):
            tried[at] ^= 1 << bit
            if sound(tried):
                return bytes(tried)
            tried[at] ^= 1 << bit
    return None
