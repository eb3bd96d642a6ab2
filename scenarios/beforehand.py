"""What every command says and settles before its runs begin: the folder, the processes, the city, the time it takes.

Campaigns of policies and of designed parameters share it; what they do is `scenarios.experiment` and
`scenarios.designed`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from scenarios import pace
from scenarios.compiling import compile_engine
from scenarios.console import Console, duration
from scenarios.forecast import affordable, command_line, forecast
from scenarios.places import city_of
from scenarios.schema import Scenario
from sim.errors import InputError


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


def check_size(scenario: Scenario, arms: Sequence[str], runs: int, workers: int, anyway: bool) -> None:
    """Raise when this machine has not the memory, or would take more than a week; `anyway` is the user's word to go on.

    Raises
    ------
    InputError
        With the forecast.
    """
    if not anyway:
        affordable(forecast(scenario, arms, runs, workers), command_line(), scenario, next(iter(arms), None))


def announce(
    scenario: Scenario,
    folder: Path,
    runs: int,
    days: float,
    workers: int,
    console: Console,
    more_s: float = 0.0,
    finished: int = 0,
) -> None:
    """Say where results go and roughly how long it takes; build the city, and compile the engine where it is due.

    Parameters
    ----------
    days
        Simulated days of a run.
    more_s
        Seconds that a run takes beside the simulation.
    finished
        Runs that are stored already; the forecast is of the others.
    """
    console.note("folder", folder=folder)
    console.note("building_city")
    begin = time.monotonic()
    city = city_of(scenario)
    _ = city.travel  # routed once here and kept on disk, so that no worker does it again
    console.note("city_built", time=duration(time.monotonic() - begin, console.words))
    compile_engine(console)
    if finished:
        console.note("finished_before", finished=finished, runs=runs)
    runs = max(runs - finished, 0)
    if runs == 0:
        return
    residents = len(city.residents)
    seconds = pace.measured().campaign_s(runs, residents, days, workers, more_s)
    console.note(
        "time" if residents else "time_bare", runs=runs, residents=f"{residents:,}",
        workers=workers, time=duration(seconds, console.words),
    )  # fmt: skip
