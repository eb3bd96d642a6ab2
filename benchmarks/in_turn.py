"""Figures of two commits, measured in turn on one machine (A B A B ...), and the ratio of each round with its interval.

Each measurement is a process of its own that runs `benchmarks engine --only` from a checkout of its commit, with this
environment's libraries. The first round warms both caches of compiled kernels and is not counted. It compares only what
both commits measure under the same key.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Bar, Measured
from benchmarks.statistics import median_interval
from sim.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
KEYS = ("ratio_to_bare_loop", "ratio_to_simpy_queue")


def bars(keys: Sequence[str], least: float) -> tuple[Bar, ...]:
    """Return one bar for each figure: this commit's value over the other's, the lower end of its interval shown."""
    return tuple(Bar(f"{key}_in_turn", f"{key}, here over there", "at least", least) for key in keys)


def measure(base: str, keys: Sequence[str] = KEYS, rounds: int = 5) -> Measured:
    """Measure figures here and at another commit in turn.

    Parameters
    ----------
    base
        Commit that is measured beside this checkout.
    keys
        Figures of `benchmarks engine`.
    rounds
        Counted rounds, at least 2; each measures both, and the order changes from round to round.

    Returns
    -------
    Measured
        For each key ``<key>_in_turn`` (median of the rounds' ratios) with ``_low`` and ``_high``, and the values of
        both sides by round.

    Raises
    ------
    InputError
        When git knows no such commit.
    """
    found: Measured = {"base": base, "rounds": rounds}
    with tempfile.TemporaryDirectory(prefix="gridwhistle-in-turn-") as folder:
        there = Path(folder) / "there"
        if subprocess.run(["git", "-C", str(ROOT), "worktree", "add", "--detach", str(there), base],
                          capture_output=True).returncode:  # fmt: skip
            raise InputError("git knows no such commit here", field="--base", found=base)
        try:
            for key in keys:
                found.update(_ratio(key, there, rounds))
        finally:
            subprocess.run(["git", "-C", str(ROOT), "worktree", "remove", "--force", str(there)], capture_output=True)
    return found


def _ratio(key: str, there: Path, rounds: int) -> Measured:
    """Return the ratio of one figure with its interval, and what it rests on."""
    values: dict[Path, list[float]] = {ROOT: [], there: []}
    for number in range(rounds + 1):
        for side in (ROOT, there) if number % 2 else (there, ROOT):
            values[side].append(_figure(key, side))
    here, base = values[ROOT][1:], values[there][1:]
    middle, low, high = median_interval([mine / other for mine, other in zip(here, base, strict=True)])
    name = f"{key}_in_turn"
    return {name: middle, f"{name}_low": low, f"{name}_high": high, f"{key}_here": here, f"{key}_there": base}


def _figure(key: str, side: Path) -> float:
    """Return one figure as a checkout measures it, in a process of its own."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        words = [sys.executable, "-m", "benchmarks", "engine", "--only", key, "--json", file.name]
        around = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
        done = subprocess.run(words, cwd=side, capture_output=True, text=True, env=around, check=False)
        if done.returncode:
            raise RuntimeError(f"{key} at {side.name} failed: {done.stderr[-2000:]}")
        return float(json.loads(Path(file.name).read_text(encoding="utf-8"))[key])
