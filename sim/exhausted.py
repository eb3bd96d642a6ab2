"""What the machine has run out of, in one sentence: disk, handles, memory; and how much memory a start takes.

These are no mistakes of input and no faults of the program. Whoever runs a campaign stops on them, instead of counting
each run as failed; what was finished before stays.
"""

from __future__ import annotations

import errno

from sim.errors import InputError

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
_NO_NAMES = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP)
START_MB = 1_000
"""Address space below which the libraries cannot be loaded, and may end the process instead of saying so, MB."""
ENOUGH_MB = 2_500
"""Address space with which runs and results of the shipped scenarios are read on two processors, MB; measured."""
NO_MEMORY = (
    f"not enough memory; {_KEPT}. Give it more ({ENOUGH_MB:,} MB of address space are enough for most: ulimit -v, a"
    " container's limit) or take fewer workers (--workers 1)"
)
"""What is said where memory gave out."""
_SAID = ("failed to map segment", "annot allocate memory", "can't start new thread", "out of memory", "malloc of size")
"""How libraries say that memory is short where they raise no error of memory."""


def told_of(error: BaseException | None) -> str:
    """Return the sentence of an exhausted machine; empty for any other error.

    An error that was raised because of another (a library's own kind) is told by its cause.
    """
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, MemoryError) or any(said in str(error) for said in _SAID):
            return NO_MEMORY
        number = getattr(error, "errno", None)
        if isinstance(error, OSError) and number in _TOLD and not isinstance(error, ConnectionError):
            where = f" ({error.filename})" if error.filename else ""
            return f"{_TOLD[number].format(where=where)}; {_KEPT}"
        error, seen = error.__cause__ or error.__context__, seen + 1
    return ""


def no_name(error: BaseException) -> InputError | None:
    """Return the mistake of a name that the user gave and no file can have; None for any other error."""
    if isinstance(error, OSError) and error.filename and error.errno in _NO_NAMES:
        return InputError("no file or folder can be named so", file=str(error.filename), found=error.strerror)
    return None


def too_little_to_start() -> str:
    """Return a sentence when the limit on this process's address space is below `START_MB`; empty otherwise."""
    limit_mb = address_space_limit()
    if limit_mb is None or limit_mb >= START_MB:
        return ""
    return (
        f"not enough memory to start: the limit is {limit_mb:,.0f} MB of address space, at least {START_MB:,} MB are"
        f" needed and {ENOUGH_MB:,} MB are enough for most (ulimit -v); nothing was begun"
    )


def address_space_limit() -> float | None:
    """Return the limit on this process's address space, MB; None where there is none."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit / 1e6


def is_exhausted(error: BaseException) -> bool:
    """Tell whether an error is of the disk or of handles, so that the next run would meet it as well."""
    return isinstance(error, OSError) and error.errno in _TOLD and error.errno not in (errno.EACCES, errno.EPERM)
