"""Runs a measurement in a fresh process, so that its peak memory is its own, and hands its figures back as JSON.

``python -m benchmarks.child MODULE FUNCTION ARGUMENT...`` prints the JSON of ``FUNCTION(*ARGUMENTS)``.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from typing import Any

from benchmarks.figures import Measured

_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


def in_child(module: str, function: str, *arguments: Any, environment: dict[str, str] | None = None) -> Measured:
    """Return what ``benchmarks.<module>.<function>(*arguments)`` measures in a process of its own.

    Parameters
    ----------
    module, function, arguments
        What to call; arguments and result are JSON.
    environment
        Variables to set on top of this process's.

    Raises
    ------
    RuntimeError
        With the end of what the process wrote, when it fails.
    """
    command = [sys.executable, "-m", "benchmarks.child", module, function, *map(json.dumps, arguments)]
    around = {**os.environ, **_ONE_THREAD, **(environment or {})}
    done = subprocess.run(command, capture_output=True, text=True, env=around, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{module}.{function} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure what the command line names."""
    module, function, *arguments = sys.argv[1:]
    found = getattr(importlib.import_module(f"benchmarks.{module}"), function)(*map(json.loads, arguments))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
