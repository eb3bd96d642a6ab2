"""How long a run may take and how much memory its process may use before it is ended.

A limit is a guard against a run that hangs or devours the machine, not a target: the defaults are generous and
derived from the runs that have finished. Who watches and ends processes is `scenarios.runners`.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from sim.errors import InputError

LEAST_WALL_S = 60.0
MEDIANS = 20.0
FIRST_WALL_S = 1800.0
"""Allowed while nothing has finished from which to derive: 30 minutes are 50 million resident-years of this engine."""
MEMORY_SHARE = 0.9
LEAST_MEMORY_MB = 1024.0
_RECENT = 201
_CGROUP = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class Limits:
    """What one run may use.

    Parameters
    ----------
    wall_s
        Seconds of wall time (default: 20 times the median of the finished runs, at least 60 s; 30 minutes until
        the first has finished). Loading a city and the engine in a new process does not count.
    memory_mb
        Resident memory of its process, MB (default: 90 % of the machine's, shared among the workers, at least
        1,024 MB). Watched on Linux only; elsewhere `memory_is_watched` is False and nothing is enforced.

    Raises
    ------
    InputError
        For a limit that is not above 0, or endless.
    """

    wall_s: float | None = None
    memory_mb: float | None = None

    def __post_init__(self) -> None:
        for name in ("wall_s", "memory_mb"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InputError("impossible limit", field=name, found=value, allowed="above 0")

    def wall(self, clock: Clock) -> float:
        """Return the seconds a run may take at this point of a campaign."""
        if self.wall_s is not None:
            return self.wall_s
        return FIRST_WALL_S if clock.median_s is None else max(LEAST_WALL_S, MEDIANS * clock.median_s)

    def memory(self, workers: int) -> float:
        """Return the MB that each of some workers may use."""
        if self.memory_mb is not None:
            return self.memory_mb
        return max(LEAST_MEMORY_MB, MEMORY_SHARE * machine_memory_mb() / workers)


class Clock:
    """The median time of the last finished runs (None before the first)."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._median: float | None = None

    def add(self, seconds: float) -> None:
        """Take note of a finished run."""
        self._recent.append(seconds)
        self._median = None

    @property
    def median_s(self) -> float | None:
        """Median of the last 201 finished runs, seconds."""
        if self._median is None and self._recent:
            self._median = statistics.median(self._recent)
        return self._median


def machine_memory_mb() -> float:
    """Return the memory this process may count on, MB: the machine's or, when lower, its container's."""
    sizes = []
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e6)
    for file in _CGROUP:
        try:
            sizes.append(int(Path(file).read_text()) / 1e6)
        except (OSError, ValueError):  # no such group, or 'max'
            continue
    return min(sizes, default=float("inf"))


memory_is_watched = sys.platform == "linux"
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6 if hasattr(os, "sysconf") else 0.0


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process, MB (0 where it cannot be told)."""
    if not memory_is_watched:
        return 0.0
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_MB
    except (OSError, IndexError, ValueError):  # it has just ended
        return 0.0
