"""Faults under `compare` and `sensitivity`: a results folder, its workers and its parent, given the command again."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks.faults_bench import LIMITS, SCENARIO, Found, Host, runs_of, small_disk

WORDS = {
    "compare": ("compare", "small.yaml", "-n", "8", "-w", "2", "--no-report", "--json", "--keep-cases", "2"),
    "sensitivity": (
        "sensitivity", "small.yaml", "--method", "morris", "--rows", "4", "-w", "2", "--no-report", "--json",
        "--parameter", "report_in.intercept", "--measure", "cases",
    ),
}  # fmt: skip
FILES = {
    "flipped part": "runs/part-*.parquet", "flipped kept table": "events/*/*.parquet", "flipped plan": "plan.parquet",
    "flipped manifest": "manifest.json", "flipped scenario": "scenario.yaml", "flipped journal": "journal/files.jsonl",
    "flipped worker's journal": "journal/worker-*.jsonl", "half line in journal": "journal/campaign.jsonl",
}  # fmt: skip


class Campaign(Host):
    """A command that fills a results folder."""

    def undisturbed(self) -> Campaign:
        """Run once for reference; returns itself."""
        (self.folder / "small.yaml").write_text(SCENARIO, encoding="utf-8")
        done = self.gridwhistle(*self._words("reference"))
        if done.returncode != 0:
            raise RuntimeError(f"{self.name} fails undisturbed: {done.stderr[-800:]}")
        self.expected = runs_of(self.folder / "reference")
        return self

    def faults(self) -> Mapping[str, Callable[[Path], Found]]:
        """Return the faults; a table of cases is kept by `compare` alone."""
        files = {k: v for k, v in FILES.items() if self.name == "compare" or k != "flipped kept table"}
        return {
            **{fault: partial(self._flipped, pattern) for fault, pattern in files.items()},
            **{fault: partial(self._limited, limit) for fault, limit in LIMITS.items()},
            "worker killed": self._worker_killed, "parent killed": self._parent_killed, "full disk": self._full_disk,
            "two processes": self._two_processes, "damaged cache": self._damaged_cache,
        }  # fmt: skip

    def _words(self, out: Path | str) -> tuple[str, ...]:
        return (*WORDS[self.name], "--out", str(out))

    def _again(self, out: Path, done: str, said: str, whole: bool = False) -> Found:
        """Give the command once more."""
        before = runs_of(out)
        last = self.gridwhistle(*self._words(out))
        wrong = "" if last.returncode == 0 else f"the command given again ends with {last.returncode}"
        return Found(f"{done}; the command again", before, runs_of(out), said + last.stderr, whole=whole, wrong=wrong)

    def _flipped(self, pattern: str, out: Path) -> Found:
        shutil.copytree(self.folder / "reference", out)
        file = sorted(out.glob(pattern))[0]
        half = pattern.endswith("campaign.jsonl")
        if half:
            file.write_bytes(file.read_bytes()[:-20])
        done = f"the last 20 bytes of {file.name} cut off" if half else self.flip(file)
        read = self.gridwhistle("export", str(out))
        return self._again(out, f"{done}; read", read.stderr, whole=half)

    def _limited(self, limit: str, out: Path) -> Found:
        return self._again(out, limit, self.gridwhistle(*self._words(out), limit=limit).stderr)

    def _worker_killed(self, out: Path) -> Found:
        process, killed = self.start(*self._words(out)), 0
        while process.poll() is None and killed < 2:
            time.sleep(0.1)
            for file in sorted((out / "journal").glob("worker-*.jsonl")):
                pid = int(file.stem.removeprefix("worker-"))
                if pid != process.pid and Path(f"/proc/{pid}").exists() and killed < 2:
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
        _, said = process.communicate(timeout=600)
        found = self._again(out, f"{killed} workers killed", said, whole=True)
        found.wrong = found.wrong or ("" if killed else "no worker was killed")
        return found

    def _parent_killed(self, out: Path) -> Found:
        process = self.start(*self._words(out))
        while process.poll() is None and not list((out / "journal").glob("worker-*.jsonl")):
            time.sleep(0.05)
        time.sleep(0.2)
        process.kill()
        _, said = process.communicate(timeout=60)
        found = self._again(out, "kill -9 after the first run began", said, whole=True)
        found.wrong = found.wrong or ("" if process.returncode == -signal.SIGKILL else "it had ended before")
        return found

    def _full_disk(self, out: Path) -> Found:
        with small_disk(self.folder / "small-disk", 64) as small:
            said = self.gridwhistle(*self._words(small / "r")).stderr
            if (small / "r").exists():
                shutil.copytree(small / "r", out)
        return self._again(out, "results on a disk of 64 kB; copied to a large one", said)

    def _two_processes(self, out: Path) -> Found:
        both = [self.start(*self._words(out)) for _ in range(2)]
        return self._again(out, "two at once", "".join(one.communicate(timeout=600)[1] for one in both))

    def _damaged_cache(self, out: Path) -> Found:
        around, done = self.damaged_cache()
        said = self.gridwhistle(*self._words(out), **around).stderr
        return self._again(out, done, said, whole=True)
