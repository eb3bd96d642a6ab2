"""Commands under a limit on address space run in a process of their own, so that its end can be told.

A library that cannot map memory may end its process in the middle of an instruction, without an exception. Nothing in
that process can say so any more; the one that started it can.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from sim.exhausted import NO_MEMORY, address_space_limit

_MARK = "GRIDWHISTLE_WATCHED"
_NO_THREAD = 127
"""With this the system's C library ends a process that has no memory for a thread's own data."""
_SUDDEN = frozenset(
    -getattr(signal, name) for name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGTRAP") if hasattr(signal, name)
) | {_NO_THREAD}
"""Return codes of a process that a failed request for memory ends; a kill from outside is not among them."""


def run_again() -> int | None:
    """Run this very command line in a child and return its exit code; None where there is nothing to watch.

    Returns
    -------
    int or None
        Exit code of the child, 1 when memory ended it (said on standard error); None without a limit on address
        space, and in the child itself.
    """
    if address_space_limit() is None or _MARK in os.environ:
        return None
    child = subprocess.Popen([sys.executable, *sys.orig_argv[1:]], env={**os.environ, _MARK: "1"})
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the child as well, which knows what to do
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    code = child.wait()
    if code in _SUDDEN:
        print(f"gridwhistle: {NO_MEMORY}", file=sys.stderr)
        return 1
    return code if code >= 0 else 128 - code
