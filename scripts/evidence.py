"""Write proofs that take too long for every test run as small files, and tell which of them are stale.

A proof is a function registered in `PROOFS`: it returns what it found, as JSON can hold it. Its file under
``tests/evidence`` adds the seconds it took, its seeds, and hashes of what it rests on: the *behaviour* of its
scenarios (the content of a short pinned run, so that moving code makes nothing stale and changing the model does) and
the *source* of its estimators. A proof is stale when one of them is no longer what it was.

To add a proof, write a function and decorate it::

    @proof("gate-power", estimators=("calibration.gate",), behaviour=("my-scenario",), seeds=(17,))
    def gate_power(workplace: Path) -> dict[str, Any]:
        ...

in a module named in `HOMES`. A proof that can be re-run in part gives ``sample``, a function of the stored content and
a number (taken from the commit, so that every commit tries another part) which returns sentences on what differs.

Usage::

    uv run python -m scripts.evidence                   # list the proofs and whether they are stale
    uv run python -m scripts.evidence --check           # the same, re-running a sample; exit code 1 when one fails
    uv run python -m scripts.evidence --renew NAME      # make one anew; --renew all: every one
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.store import write_atomically

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "evidence"
HOMES = ("scripts.evidence_calibration", "scripts.evidence_intervals")
"""Modules that register proofs."""
PINNED_REPLICATIONS = 2

Found = dict[str, Any]


@dataclass(frozen=True)
class Proof:
    """One registered proof.

    Attributes
    ----------
    name
        Its file is ``tests/evidence/<name>.json``.
    make
        Does the work in an empty folder and returns what was found.
    estimators
        Modules whose source the proof rests on.
    behaviour
        Scenarios (library names, or paths from the root) whose behaviour it rests on.
    seeds
        Seeds of all its random draws.
    sample
        Re-runs a part: (stored content, number) -> sentences on what differs; None when nothing can be re-run.
    """

    name: str
    make: Callable[[Path], Found]
    estimators: tuple[str, ...]
    behaviour: tuple[str, ...]
    seeds: tuple[int, ...]
    sample: Callable[[Found, int], list[str]] | None = None

    @property
    def file(self) -> Path:
        """Where it is stored."""
        return FOLDER / f"{self.name}.json"


PROOFS: dict[str, Proof] = {}


def proof(
    name: str,
    *,
    estimators: Sequence[str],
    behaviour: Sequence[str] = (),
    seeds: Sequence[int] = (),
    sample: Callable[[Found, int], list[str]] | None = None,
) -> Callable[[Callable[[Path], Found]], Callable[[Path], Found]]:
    """Register a function as a proof; see `Proof`."""

    def register(make: Callable[[Path], Found]) -> Callable[[Path], Found]:
        PROOFS[name] = Proof(name, make, tuple(estimators), tuple(behaviour), tuple(seeds), sample)
        return make

    return register


def registered() -> dict[str, Proof]:
    """Return all proofs by name."""
    for home in HOMES:
        importlib.import_module(home)
    return PROOFS


def source_hash(modules: Sequence[str]) -> str:
    """Return a hash of the modules' parsed sources: comments and layout do not count, code and docstrings do."""
    import ast

    digest = hashlib.sha256()
    for name in sorted(modules):
        file = ROOT.joinpath(*name.split(".")).with_suffix(".py")
        digest.update(name.encode() + b"\0" + ast.dump(ast.parse(file.read_text(encoding="utf-8"))).encode())
    return digest.hexdigest()[:16]


def behaviour_hash(scenario: str) -> str:
    """Return a hash of what a scenario does: the measures of two replications of all arms, to nine digits."""
    from scenarios import Experiment, load

    path = ROOT / scenario
    made = Experiment(load(str(path) if path.is_file() else scenario), replications=PINNED_REPLICATIONS)
    with tempfile.TemporaryDirectory() as folder:
        study = made.run(store=Path(folder) / "pinned", keep_cases=0)
        values = {
            metric: {arm: [f"{x:.9g}" for x in column] for arm, column in study.values(metric).items()}
            for metric in sorted(study.measures)
        }
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def rests_on(one: Proof) -> dict[str, Any]:
    """Return the hashes of what a proof rests on, as they are now."""
    return {
        "estimators": {"modules": list(one.estimators), "hash": source_hash(one.estimators)},
        "behaviour": {scenario: behaviour_hash(scenario) for scenario in one.behaviour},
    }


def renew(one: Proof) -> Path:
    """Make a proof anew and store it.

    Returns
    -------
    Path
        The file written.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = one.make(Path(folder))
    content = {
        "name": one.name,
        "seconds": round(time.perf_counter() - started, 1),
        "seeds": list(one.seeds),
        "rests_on": rests_on(one),
        "found": rounded(found),
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_atomically(one.file, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())
    return one.file


def stale(one: Proof, behaviour: bool = True) -> list[str]:
    """Return sentences on why a stored proof no longer holds; empty when it does.

    Parameters
    ----------
    behaviour
        Also run the scenarios it rests on, which takes seconds.
    """
    if not one.file.exists():
        return [f"{one.name}: not stored; run 'uv run python -m scripts.evidence --renew {one.name}'"]
    held = json.loads(one.file.read_text(encoding="utf-8"))["rests_on"]
    said = []
    if held["estimators"] != {"modules": list(one.estimators), "hash": source_hash(one.estimators)}:
        said.append(f"{one.name}: the source of its estimators has changed ({', '.join(one.estimators)})")
    if list(held["behaviour"]) != list(one.behaviour):
        said.append(f"{one.name}: it rests on other scenarios now")
    elif behaviour:
        changed = [name for name in one.behaviour if behaviour_hash(name) != held["behaviour"][name]]
        said += [f"{one.name}: {name} behaves in another way than when it was proven" for name in changed]
    return said


def sampled(one: Proof, number: int) -> list[str]:
    """Return what differs when a part of a stored proof is re-run."""
    if one.sample is None or not one.file.exists():
        return []
    return one.sample(json.loads(one.file.read_text(encoding="utf-8"))["found"], number)


def commit_number() -> int:
    """Return a number that the commit at hand decides, 0 outside a repository."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return int(done.stdout.strip()[:8], 16) if done.returncode == 0 and done.stdout.strip() else 0


def rounded(data: Any) -> Any:
    """Return data with floats to six digits and null for numbers that do not exist, so that files stay small."""
    if isinstance(data, dict):
        return {str(key): rounded(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [rounded(value) for value in data]
    if isinstance(data, float):
        return float(f"{data:.6g}") if math.isfinite(data) else None
    return data


def main(words: Sequence[str] | None = None) -> int:
    """List, check or renew."""
    parser = argparse.ArgumentParser(description="Stored proofs: list, check or renew them.")
    parser.add_argument("--check", action="store_true", help="also re-run a sample; exit 1 when a proof is stale")
    parser.add_argument("--renew", metavar="NAME", help="make one proof anew, or 'all'")
    given, known = parser.parse_args(words), registered()
    if given.renew:
        if given.renew != "all" and given.renew not in known:
            print(f"evidence: no proof named '{given.renew}'; there are: {', '.join(known)}", file=sys.stderr)
            return 2
        for name in list(known) if given.renew == "all" else [given.renew]:
            print(f"{name}: {renew(known[name]).relative_to(ROOT)}")
        return 0
    failed = False
    for one in known.values():
        said = stale(one) + (sampled(one, commit_number()) if given.check else [])
        failed = failed or bool(said)
        print("\n".join(said) if said else f"{one.name}: holds")
    return int(failed and given.check)


if __name__ == "__main__":
    # as the module that proofs import, so that there is one registry
    sys.exit(importlib.import_module("scripts.evidence").main())
