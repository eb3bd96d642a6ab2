"""The fault matrix: what each command loses, doubles and says when something breaks under it.

Each cell breaks one thing under one command as a user runs it, gives the command once more, and holds the finished runs
against those of an undisturbed folder. A cell that is not driven says so; nothing is filled in.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.figures import Bar, Measured

FAULTS = (
    Bar("faults_lost", "finished runs lost, all cells", "at most", 0),
    Bar("faults_doubled", "finished runs doubled, all cells", "at most", 0),
    Bar("faults_untold", "cells with a traceback or without a sentence", "at most", 0),
    Bar("faults_not_driven", "cells not driven", "at most", 0),
)
SCENARIO = """name: small
title: {en: Small, zh: 小}
extends: whistle-vs-referral
city: {synthetic: {residents: 4000, seed: 2}}
horizon_days: 6
warm_up_days: 1
cool_down_days: 1
"""
WORDS = {
    "compare": ("compare", "small.yaml", "-n", "8", "-w", "2", "--no-report", "--json", "--keep-cases", "2"),
    "sensitivity": (
        "sensitivity", "small.yaml", "--method", "morris", "--rows", "2", "-w", "2", "--no-report", "--json",
        "--parameter", "report_in.intercept",
    ),
}  # fmt: skip
FILES = {
    "flipped part": "runs/part-*.parquet", "flipped kept table": "events/*/*.parquet", "flipped plan": "plan.parquet",
    "flipped manifest": "manifest.json", "flipped scenario": "scenario.yaml", "flipped journal": "journal/files.jsonl",
    "half line in journal": "journal/campaign.jsonl",
}  # fmt: skip
LIMITS = {"no handles": "ulimit -n 14", "no memory": "ulimit -v 800000", "file-size limit": "ulimit -f 4"}
OTHERS = ("worker killed", "parent killed", "full disk", "two processes", "damaged cache")
WHOLE = {"worker killed", "parent killed", "half line in journal", "damaged cache"}
"""Faults after which the command does all by itself, so that there need be no sentence."""
NOT_DRIVEN = {
    "calibrate": ("parent killed", "full disk", "no handles", "no memory", "two processes"),
    "queue": ("server killed", "full disk", "no handles", "two processes", "damaged manifest"),
    "drill": ("server killed", "full disk", "no handles", "two processes", "damaged recording"),
}


@dataclass
class Cell:
    """What came of one fault under one command; -1 lost or doubled: not driven."""

    command: str
    fault: str
    done: str
    lost: int
    doubled: int
    sentence: str
    ok: bool


def measure(quick: bool = False, only: str | None = None) -> Measured:
    """Drive the matrix; `only` names commands with commas between them, `quick` takes three faults of each."""
    cells: list[Cell] = []
    with tempfile.TemporaryDirectory(prefix="faults-") as where:
        for command in [name for name in WORDS if only is None or name in only.split(",")]:
            bench = _Bench(Path(where) / command, command)
            faults = [*FILES, *LIMITS, *OTHERS]
            for fault in faults[:3] if quick else faults:
                cells.append(bench.cell(fault))
                print(f"{cells[-1].command}, {fault}: {'held' if cells[-1].ok else 'FAILED'}; {cells[-1].sentence}",
                      file=sys.stderr, flush=True)  # fmt: skip
    driven = len(cells)
    for command, faults in NOT_DRIVEN.items():
        cells += [Cell(command, fault, "not driven", -1, -1, "", False) for fault in faults]
    return {
        "faults_lost": sum(max(cell.lost, 0) for cell in cells),
        "faults_doubled": sum(max(cell.doubled, 0) for cell in cells),
        "faults_untold": sum(not cell.ok for cell in cells[:driven]),
        "faults_not_driven": len(cells) - driven,
        "cells": [asdict(cell) for cell in cells],
    }


class _Bench:
    """A command, a folder to work in, and what it brings forth undisturbed."""

    def __init__(self, folder: Path, command: str) -> None:
        self.folder, self.command, self.random = folder, command, random.Random(18)
        folder.mkdir(parents=True)
        (folder / "small.yaml").write_text(SCENARIO, encoding="utf-8")
        done = self.run("reference")
        if done.returncode != 0:
            raise RuntimeError(f"{command} fails undisturbed: {done.stderr[-800:]}")
        self.reference = self.runs(folder / "reference")

    def words(self, out: Path | str) -> list[str]:
        return [sys.executable, "-P", "-m", "gridwhistle", *WORDS[self.command], "--out", str(out)]

    def run(self, out: Path | str, limit: str = "true", **environment: str) -> subprocess.CompletedProcess[str]:
        line = ["bash", "-c", f'{limit}; exec "$0" "$@"', *self.words(out)]
        around = {**os.environ, **environment}
        return subprocess.run(line, cwd=self.folder, env=around, capture_output=True, text=True, timeout=900)

    def start(self, out: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.words(out), cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    @staticmethod
    def runs(folder: Path) -> list[tuple[str, bytes]]:
        """Return run and digest of each row of the sound parts."""
        from scenarios.store import Store, _row_digests, read_table

        try:
            store = Store.open(folder)
            damaged = set(store.damaged())
        except Exception:  # noqa: BLE001  no folder yet, or one that cannot be opened: it holds no finished runs
            return []
        parts = [part for part in store.parts() if f"runs/{part.name}" not in damaged]
        return [row for part in parts for row in _row_digests(read_table(part))]

    def cell(self, fault: str) -> Cell:
        """Break something, give the command once more, and count."""
        out = self.folder / fault.replace(" ", "-")
        how: Callable[[Path, str], tuple[str, str]] = (
            self._flip if fault in FILES else self._limit if fault in LIMITS else getattr(self, f"_{_name(fault)}")
        )
        what, said = how(out, fault)
        before = self.runs(out)
        last = self.run(out)
        said += last.stderr
        found = self.runs(out)
        missing = (set(before) | set(self.reference)) - set(found)
        told = [line for line in said.splitlines() if line.startswith("gridwhistle:")]
        ok = last.returncode == 0 and not missing and "Traceback" not in said and bool(told or fault in WHOLE)
        tail = "" if ok else " | " + said[-300:]
        return Cell(
            self.command, fault, what, len(missing), len(found) - len(dict(found)), (told or [""])[0] + tail, ok
        )

    def _flip(self, out: Path, fault: str) -> tuple[str, str]:
        shutil.copytree(self.folder / "reference", out)
        files = sorted(out.glob(FILES[fault]))
        if not files:
            return "this command keeps no such file", "gridwhistle: nothing to flip\n"
        content = bytearray(files[0].read_bytes())
        if fault.startswith("half"):
            content = content[:-20]
        else:
            content[self.random.randrange(len(content) - 2)] ^= 4
        files[0].write_bytes(content)
        read = subprocess.run(
            [sys.executable, "-P", "-m", "gridwhistle", "export", str(out)], capture_output=True, text=True
        )
        return f"a bit of {files[0].name} flipped; read, then the command again", read.stderr

    def _limit(self, out: Path, fault: str) -> tuple[str, str]:
        return f"{LIMITS[fault]}; then the command without it", self.run(out, LIMITS[fault]).stderr

    def _worker_killed(self, out: Path, fault: str) -> tuple[str, str]:
        process = self.start(str(out))
        killed = 0
        while process.poll() is None and killed < 2:
            time.sleep(0.1)
            for file in sorted((out / "journal").glob("worker-*.jsonl")):
                pid = int(file.stem.removeprefix("worker-"))
                if pid != process.pid and Path(f"/proc/{pid}").exists() and killed < 2:
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
        _, said = process.communicate(timeout=600)
        return f"{killed} workers killed; then the command again", said

    def _parent_killed(self, out: Path, fault: str) -> tuple[str, str]:
        process = self.start(str(out))
        while process.poll() is None and not list((out / "journal").glob("worker-*.jsonl")):
            time.sleep(0.05)
        time.sleep(0.2)
        process.kill()
        _, said = process.communicate(timeout=60)
        return "kill -9 after the first run began; then the command again", said

    def _full_disk(self, out: Path, fault: str) -> tuple[str, str]:
        small = self.folder / "small-disk"
        small.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)]).returncode != 0:
            return "no disk could be mounted (root only)", ""
        try:
            said = self.run(small / "r").stderr
            shutil.copytree(small / "r", out) if (small / "r").exists() else None
        finally:
            subprocess.run(["umount", str(small)], check=True)
        return "results on a disk of 64 kB; copied to a large one, then the command again", said

    def _two_processes(self, out: Path, fault: str) -> tuple[str, str]:
        both = [self.start(str(out)) for _ in range(2)]
        said = "".join(process.communicate(timeout=600)[1] for process in both)
        return "two at once in one folder; then the command again", said

    def _damaged_cache(self, out: Path, fault: str) -> tuple[str, str]:
        from sim.engine.jit import CACHE_DIR

        home = self.folder / "cache"
        folder = home / "gridwhistle" / "kernels" / CACHE_DIR.name
        shutil.copytree(CACHE_DIR, folder)
        files = sorted(folder.rglob("draws.*.nb[ic]"))
        for k, file in enumerate(files):
            content = file.read_bytes()
            file.write_bytes((b"", content[:50], os.urandom(len(content)))[k % 3])
        said = self.run(out, XDG_CACHE_HOME=str(home)).stderr
        return f"{len(files)} files of the cache emptied, cut or filled with random bytes", said


def _name(fault: str) -> str:
    return fault.replace(" ", "_")
