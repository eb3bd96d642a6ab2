"""Pins what every shipped scenario does in a short run, so that moving code can be told from changing the model.

``uv run python -m scripts.pin_baseline`` says what moved, ``--reason "..."`` pins anew and writes the reason beside it.
For each policy a pin holds a hash of each named column of the tables that a run writes, and the indicators in clear
numbers. How timers wait is the engine's own affair and not pinned; nor is a column that did not exist when the pin was
made. Bits may differ between processors and libraries, so a pin names what it was made on; `beside` runs the pinned
commit on this machine instead.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sim.files import write_atomically

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "baseline"
REPLICATION = 0
SHORT_DAYS = 4.0
COUNTED = {"cases": "cases", "tasks": "tasks", "work": "tasks", "requests": "requests", "log": "log"}
"""Growing tables -> the field of the clock that counts their rows."""
WHOLE = ("staff", "pools", "incidents", "shifts", "last_case", "looks")
CLOCK = ("cases", "tasks", "requests", "log", "events", "reports", "merges", "wrong_merges", "splits", "abandoned",
         "lost", "joins")  # fmt: skip
OWN = ("stamp", "timer_min", "find_clock", "head", "next", "following")
"""Columns in which the engine keeps its own accounts."""

Pin = dict[str, Any]


def names() -> tuple[str, ...]:
    """Return the shipped scenarios."""
    from scenarios.library import names as shipped

    return shipped()


def file_of(name: str) -> Path:
    """Return where a scenario's pin is kept."""
    return FOLDER / f"{name}.json"


def made_on() -> dict[str, str]:
    """Return what bits may depend on: kind of processor, system, C library and the libraries that compile and draw."""
    packages = {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "numba", "llvmlite")}
    return {"machine": platform.machine(), "processor": _processor(), "libc": "-".join(platform.libc_ver()), **packages}


def pin(name: str) -> Pin:
    """Return what a scenario does now.

    Parameters
    ----------
    name
        A shipped scenario.

    Returns
    -------
    dict
        ``days``, ``policies`` (policy -> ``columns``: ``table.column`` -> hash, and ``measures``: name -> text of nine
        digits), ``made_on``.

    Raises
    ------
    InputError
        When the scenario needs data that are not here.
    """
    from scenarios import load
    from scenarios.places import city_of
    from sim.model import prepare

    scenario = load(name)
    days = min(SHORT_DAYS, scenario.horizon_days)
    scenario = scenario.with_changes({"horizon_days": days, "warm_up_days": min(1.0, days / 4), "cool_down_days": 0})
    city = city_of(scenario)
    policies = {}
    for policy in dict.fromkeys((*scenario.arms, *scenario.policies)):
        done = prepare(scenario.spec(policy), city, city.seed).run(scenario.seed, REPLICATION)
        policies[policy] = {
            "columns": columns(done.world),
            "measures": {key: f"{value:.9g}" for key, value in sorted(done.measures.items()) if math.isfinite(value)},
        }
    return {"days": days, "policies": policies, "made_on": made_on()}


def columns(world: Any) -> dict[str, str]:
    """Return ``table.column`` -> hash of its used rows, of all tables that a run writes and that mean something."""
    tables = {name: world.tables[name] for name in WHOLE}
    tables |= {name: world.tables[name][: int(world.clock[count][0])] for name, count in COUNTED.items()}
    tables["clock"] = world.clock[list(CLOCK)]
    found = {}
    for name, table in tables.items():
        for field in table.dtype.names or ("",):
            if field not in OWN:
                column = np.ascontiguousarray(table[field] if field else table)
                found[f"{name}.{field}".rstrip(".")] = hashlib.sha256(column.tobytes()).hexdigest()[:12]
    return found


def moved(held: Pin, now: Pin) -> list[str]:
    """Return sentences on what a scenario does otherwise than pinned; empty when all is as it was.

    Columns, measures and policies that are new are no difference; those that are gone are one.
    """
    said = []
    for policy, pinned in held["policies"].items():
        if policy not in now["policies"]:
            said.append(f"{policy}: the policy is gone")
            continue
        for part in ("columns", "measures"):
            there = now["policies"][policy][part]
            other = [f"{key} ({value} before, {there.get(key, 'gone')} now)"
                     for key, value in pinned[part].items() if there.get(key) != value]  # fmt: skip
            if other:
                more = f" and {len(other) - 8} more" if len(other) > 8 else ""
                said.append(f"{policy}, {part}: {', '.join(other[:8])}{more}")
    return said


def check(name: str) -> list[str]:
    """Return what a scenario does otherwise than pinned; where the machine is another, than the pinned commit does."""
    held, now = json.loads(file_of(name).read_text(encoding="utf-8")), pin(name)
    if not (said := moved(held, now)) or held["made_on"] == now["made_on"]:
        return said
    there = beside(name)
    return said if there is None else moved(there, now)


def beside(name: str) -> Pin | None:
    """Return what the commit that made a pin does on this machine; None where git does not have it."""
    words = ["git", "-C", str(ROOT), "log", "-1", "--format=%H", "--", str(file_of(name))]
    commit = subprocess.run(words, capture_output=True, text=True).stdout.strip()
    if not commit:
        return None
    with tempfile.TemporaryDirectory(prefix="gridwhistle-pinned-") as folder:
        there = Path(folder) / "there"
        added = ["git", "-C", str(ROOT), "worktree", "add", "--detach", str(there), commit]
        if subprocess.run(added, capture_output=True).returncode:
            return None
        try:
            words = [sys.executable, "-m", "scripts.pin_baseline", "--print", name]
            around = {key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"}
            done = subprocess.run(words, cwd=there, env=around, capture_output=True, text=True, check=True)
            return json.loads(done.stdout)
        finally:
            subprocess.run(["git", "-C", str(ROOT), "worktree", "remove", "--force", str(there)], capture_output=True)


def repin(name: str, reason: str) -> Path:
    """Pin a scenario anew; the reason goes on top of those before it."""
    before = json.loads(file_of(name).read_text(encoding="utf-8"))["reasons"] if file_of(name).exists() else []
    content = {"scenario": name, **pin(name), "reasons": [reason, *before]}
    FOLDER.mkdir(exist_ok=True)
    write_atomically(file_of(name), (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())
    return file_of(name)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    flags = [line for line in info.read_text().splitlines() if line.startswith("flags")] if info.exists() else []
    return hashlib.sha256(flags[0].encode()).hexdigest()[:8] if flags else platform.processor()


def main(words: Sequence[str] | None = None) -> int:
    """Say what moved, or pin anew."""
    from sim.errors import InputError

    parser = argparse.ArgumentParser(prog="python -m scripts.pin_baseline", description=__doc__)
    parser.add_argument("scenarios", nargs="*", help="shipped scenarios (default: all)")
    parser.add_argument("--reason", help="pin anew, for this reason")
    parser.add_argument("--print", action="store_true", help="print what one scenario does as JSON")
    given = parser.parse_args(words)
    wrong = 0
    for name in given.scenarios or names():
        try:
            if given.print:
                print(json.dumps(pin(name)))
            elif given.reason:
                print(f"pinned: {repin(name, given.reason).relative_to(ROOT)}")
            elif not file_of(name).exists():
                wrong += 1
                print(f"{name}: not pinned; run 'uv run python -m scripts.pin_baseline --reason \"...\"'")
            else:
                said = check(name)
                wrong += bool(said)
                print("\n".join(f"{name}: {one}" for one in said) or f"{name}: as pinned")
        except InputError as error:
            print(f"{name}: left out: {error.sentence()}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
