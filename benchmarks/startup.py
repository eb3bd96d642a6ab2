"""How long compiling takes on a fresh machine, whether it is announced, and how quick the second start is.

Both are the wall time of the same whole command, ``gridwhistle run`` of a small scenario for one day, in processes of
their own; the first with an empty cache folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Measured

SCENARIO = """\
name: small
title: {en: A small district for a day, zh: 小城区一天}
extends: ordinary-district
city: {synthetic: {residents: 2000, seed: 1}}
horizon_days: 1
warm_up_days: 0
cool_down_days: 0
"""


def command(folder: Path, out: str) -> tuple[float, str]:
    """Return wall seconds and what was said of one run of the small scenario with the cache under ``folder``.

    Raises
    ------
    RuntimeError
        When the command fails.
    """
    cache = str(folder / "cache")
    environment = {**os.environ, "XDG_CACHE_HOME": cache, "GRIDWHISTLE_CACHE": cache, "LOCALAPPDATA": cache}
    # Python keeps its bytecode for everybody who has not forbidden it; a start without is twice as long.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    words = [sys.executable, "-m", "gridwhistle", "run", str(folder / "small.yaml"), "-w", "1", "--out"]
    begun = time.perf_counter()
    done = subprocess.run([*words, str(folder / out)], capture_output=True, text=True, env=environment, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode != 0:
        raise RuntimeError(f"the small scenario failed: {done.stderr[-2000:]}")
    return seconds, done.stderr


def measure(quick: bool) -> Measured:
    """Return ``compile_s``, ``compile_announced`` and ``second_start_s`` (median of three).

    Quick: without an empty cache folder, since compiling cannot be made shorter; ``compile_s`` is left out.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "small.yaml").write_text(SCENARIO, encoding="utf-8")
        if quick:
            return {"second_start_s": _in_place(folder)}
        first, said = command(folder, "first")
        again = sorted(command(folder, f"again{k}")[0] for k in range(3))
    return {"compile_s": first, "compile_announced": "compil" in said.lower(), "second_start_s": again[1]}


def _in_place(folder: Path) -> float:
    """Return wall seconds of the command with the user's own cache folder."""
    words = [sys.executable, "-m", "gridwhistle", "run", str(folder / "small.yaml"), "-w", "1", "--out"]
    begun = time.perf_counter()
    subprocess.run([*words, str(folder / "quick")], capture_output=True, check=True)
    return time.perf_counter() - begun
