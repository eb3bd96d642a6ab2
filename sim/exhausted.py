"""What the machine has run out of, in one sentence: disk, handles, memory; and how much memory a start takes.

These are no mistakes of input and no faults of the program. Whoever runs a campaign stops on them, instead of counting
each run as failed; what was finished before stays.
"""

from __future__ import annotations

import errno

_KEPT = "what was finished before is stored, and the same command goes on from there"
_TOLD = {
    errno.ENOSPC: "the disk is full{where}; free some space",
    errno.EDQUOT: "your share of the disk is used up{where}; free some space",
    errno.EFBIG: "a file would be larger than the limit for files{where}; raise it (ulimit -f unlimited)",
    errno.EROFS: "the disk can only be read{where}; choose another folder (--out)",
    errno.EIO: "the disk reports an error{where}; choose another folder (--out)",
    errno.EMFILE: "too many files are open{where}; raise the limit (ulimit -n 1024)",
    errno.ENFILE: "too many files are open on this machine{where}; close some",
    errno.EAGAIN: "no more processes can be started; raise the limit (ulimit -u) or take fewer workers (--workers 1)",
    errno.EACCES: "no permission to write{where}; choose another folder (--out)",
    errno.EPERM: "no permission to write{where}; choose another folder (--out)",
}
START_MB = 900
"""Address space that a command which runs models takes before its first run on one processor, MB; measured."""
EACH_CPU_MB = 130
"""What each further processor adds to it: stacks and buffers of the libraries' threads, MB; measured."""


def told_of(error: BaseException | None) -> str:
    """Return the sentence of an exhausted machine; empty for any other error.

    An error that was raised because of another (a library's own kind) is told by its cause.
    """
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, MemoryError):
            return f"not enough memory; {_KEPT}"
        number = getattr(error, "errno", None)
        if isinstance(error, OSError) and number in _TOLD and not isinstance(error, ConnectionError):
            where = f" ({error.filename})" if error.filename else ""
            return f"{_TOLD[number].format(where=where)}; {_KEPT}"
        error, seen = error.__cause__ or error.__context__, seen + 1
    return ""


def is_exhausted(error: BaseException) -> bool:
    """Tell whether an error is of the disk or of handles, so that the next run would meet it as well."""
    return isinstance(error, OSError) and error.errno in _TOLD and error.errno not in (errno.EACCES, errno.EPERM)
