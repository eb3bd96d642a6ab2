"""What every command says and settles before its runs begin: the folder, the processes, the city, the time it takes.

Campaigns of policies and of designed parameters share it; what they do is `scenarios.experiment` and
`scenarios.designed`.
"""

from __future__ import annotations

import os
from pathlib import Path

from scenarios.console import Console, duration
from scenarios.experiment import is_compiled
from scenarios.places import city_of
from scenarios.schema import Scenario
from sim.errors import InputError

SECONDS_PER_RESIDENT_DAY = 4e-8  # measured: 100,000 residents for 58 days, measures and store included, in 0.23 s
SECONDS_PER_RUN = 0.01
COMPILE_S = 60


def free_folder(default: Path, out: Path | None, resume: bool) -> Path:
    """Return the folder results go to: as given, else the default; a new one when not resuming.

    Raises
    ------
    InputError
        There are ten thousand of that name.
    """
    folder = out or default
    if resume or not folder.exists():
        return folder
    for number in range(2, 10_000):
        fresh = folder.with_name(f"{folder.name}-{number}")
        if not fresh.exists():
            return fresh
    raise InputError("too many result folders of this name", file=folder, allowed="another --out")


def default_workers(runs: int, least_each: int = 4) -> int:
    """Return the processes to use: the cores at hand, fewer when there is little to share out."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, runs // least_each))


def announce(
    scenario: Scenario, folder: Path, runs: int, days: float, workers: int, console: Console, more_s: float = 0.0
) -> None:
    """Say where results go and roughly how long it takes; build the city.

    Parameters
    ----------
    days
        Simulated days of a run.
    more_s
        Seconds that a run takes beside the simulation.
    """
    console.note("folder", folder=folder)
    console.note("building_city")
    city = city_of(scenario)
    _ = city.travel  # routed once here and kept on disk, so that no worker does it again
    residents = len(city.residents)
    each = SECONDS_PER_RUN + more_s + SECONDS_PER_RESIDENT_DAY * residents * days
    console.note(
        "time" if residents else "time_bare", runs=runs, residents=f"{residents:,}", workers=workers,
        time=duration(runs * each / workers, console.words),
    )  # fmt: skip
    if not is_compiled():
        console.note("compiling", seconds=COMPILE_S)
