"""How fast this machine is: what earlier runs took on it, kept between commands, and what is foretold from that.

A forecast counts what a user waits for: starting the processes, compiling where it is due, the runs. Each is what was
last measured here; where nothing was measured yet, what a machine of two cores takes. The file may be deleted at any
time; one that cannot be read or written is done without.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import platformdirs

FILE = Path(platformdirs.user_cache_dir("gridwhistle")) / "pace.json"
RUN_S = 0.01  # a run of nobody
RESIDENT_DAY_S = 4e-8  # 100,000 residents for 58 days, measures and store included, in 0.23 s
LEAST_MEASURED_S = 0.2  # below this a measurement says nothing


@dataclass(frozen=True)
class Pace:
    """What things take on this machine.

    Attributes
    ----------
    compile_s, functions
        Compiling the whole engine, and how many functions lay in the cache then.
    start_s
        From the beginning of a campaign to its first run: importing, loading the engine, opening the city.
    load
        How many times longer a run takes than `RUN_S` and `RESIDENT_DAY_S` say.
    """

    compile_s: float = 60.0
    functions: float = 250
    start_s: float = 4.0
    load: float = 1.0

    def run_s(self, residents: int, days: float) -> float:
        """Return the seconds of one run."""
        return self.load * (RUN_S + RESIDENT_DAY_S * residents * days)

    def campaign_s(self, runs: int, residents: int, days: float, workers: int, more_s: float = 0.0) -> float:
        """Return the seconds of a campaign, starting included; `more_s` is what each run takes beside."""
        return self.start_s + runs * (self.run_s(residents, days) + more_s) / max(workers, 1)


def measured() -> Pace:
    """Return what was measured here last, defaults where nothing was."""
    try:
        found = json.loads(FILE.read_text(encoding="utf-8"))
        known = {f.name: float(found[f.name]) for f in fields(Pace) if f.name in found}
    except (OSError, ValueError, TypeError):
        return Pace()
    return Pace(**_sound(known))


def remember(**values: float) -> None:
    """Keep measurements for the next forecast; a cache that cannot be written is done without."""
    draft = FILE.with_suffix(".tmp")
    try:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(asdict(replace(measured(), **_sound(values)))), encoding="utf-8")
        draft.replace(FILE)
    except OSError:
        return


def remember_campaign(wall_s: float, run_s: float, runs: int, residents: int, days: float, workers: int) -> None:
    """Keep what a campaign took: `run_s` is the mean of its runs' own seconds."""
    if runs < 2 or not run_s > 0 or wall_s < LEAST_MEASURED_S:
        return
    start_s = wall_s - runs * run_s / max(workers, 1)
    remember(load=run_s / (RUN_S + RESIDENT_DAY_S * residents * days), start_s=max(start_s, LEAST_MEASURED_S))


def _sound(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value) and value > 0}
