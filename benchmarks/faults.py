"""The fault matrix: what each command loses, doubles and says when something breaks under it.

Each cell breaks one thing under one command as a user runs it, goes on as a user would, and holds the finished work
against what stood before. A cell that cannot be driven says so; nothing is filled in. What breaks how, is each host's:
`benchmarks.faults_runs`, `faults_calibrate`, `faults_queue`, `faults_drill` and `faults_room`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks.faults_bench import Cell, Host
from benchmarks.faults_calibrate import Calibration
from benchmarks.faults_drill import Terminal
from benchmarks.faults_queue import Queue
from benchmarks.faults_room import Room
from benchmarks.faults_runs import Campaign
from benchmarks.figures import Bar, Measured

FAULTS = (
    Bar("faults_lost", "finished pieces of work lost, all cells", "at most", 0),
    Bar("faults_doubled", "finished pieces of work doubled, all cells", "at most", 0),
    Bar("faults_untold", "cells with a traceback, without a sentence, or that went wrong", "at most", 0),
    Bar("faults_not_driven", "cells not driven", "at most", 0),
)
HOSTS: dict[str, Callable[[Path], Host]] = {
    "compare": lambda folder: Campaign("compare", folder).undisturbed(),
    "sensitivity": lambda folder: Campaign("sensitivity", folder).undisturbed(),
    "calibrate": lambda folder: Calibration("calibrate", folder).undisturbed(),
    "queue": lambda folder: Queue("queue", folder).undisturbed(),
    "drill": lambda folder: Terminal("drill", folder).undisturbed(),
    "room": lambda folder: Room("room", folder).undisturbed(),
}
"""Commands; ``queue`` and ``room`` are those of a dashboard."""
QUICK = 3


def measure(quick: bool = False, only: str | None = None, fault: str | None = None) -> Measured:
    """Drive the matrix.

    Parameters
    ----------
    quick
        Take three faults of each host.
    only
        Hosts with commas between them (None: all).
    fault
        Faults with commas between them (None: all).
    """
    cells: list[Cell] = []
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as where:
        for name in [name for name in HOSTS if only is None or name in only.split(",")]:
            host = HOSTS[name](Path(where) / name)
            wanted = [one for one in host.faults() if fault is None or one in fault.split(",")]
            for one in wanted[:QUICK] if quick else wanted:
                cell = host.cell(one)
                cells.append(cell)
                state = "held" if cell.ok else "not driven" if cell.lost < 0 else "FAILED"
                print(f"{name}, {one}: {state}; {cell.sentence or cell.done}", file=sys.stderr, flush=True)
    driven = [cell for cell in cells if cell.lost >= 0]
    return {
        "faults_lost": sum(cell.lost for cell in driven),
        "faults_doubled": sum(cell.doubled for cell in driven),
        "faults_untold": sum(not cell.ok for cell in driven),
        "faults_not_driven": len(cells) - len(driven),
        "faults_driven": len(driven),
        "faults_s": round(time.monotonic() - begun, 1),
        "cells": [asdict(cell) for cell in cells],
    }
