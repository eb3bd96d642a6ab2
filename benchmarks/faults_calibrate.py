"""Faults under `calibrate`: a finished calibration in the folder, the same one begun again and disturbed.

Finished work is the files of the earlier calibration: they must be whole after the fault already, and after the command
was given once more.
"""

from __future__ import annotations

import hashlib
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks.faults_bench import LIMITS, Found, Host, Work, small_disk

LOG = "log.csv"
WORDS = ("calibrate", "--log", LOG, "--zone", "UTC", "-n", "20", "--json", "--no-report")
FEWER = {"no handles": "ulimit -n 4"}
"""With fourteen handles, which are too few for a campaign, a calibration is carried out."""
GOOD = (0, 1, 4)
"""Exit codes of a calibration that was carried out: published, a draft, or with differences."""
FILES = {
    "flipped scenario": "scenario*.yaml", "flipped fit": "fit.json", "flipped table": "heldout.csv",
    "flipped map": "map.yaml", "flipped journal": "journal/files.jsonl",
}  # fmt: skip


class Calibration(Host):
    """The command, a log of its own."""

    def undisturbed(self) -> Calibration:
        """Calibrate once for reference; returns itself."""
        from benchmarks.calibration import KINDS, log_of

        log_of(KINDS["honest"], 1).to_csv(self.folder / LOG, index=False, date_format="%Y-%m-%d %H:%M:%S")
        done = self.gridwhistle(*self._words("reference"))
        if done.returncode not in GOOD:
            raise RuntimeError(f"calibrate fails undisturbed: {done.stderr[-800:]}")
        self.expected = work_of(self.folder / "reference")
        return self

    def faults(self) -> Mapping[str, Callable[[Path], Found]]:
        """Return the faults; a calibration has no workers."""
        return {
            **{fault: partial(self._flipped, pattern) for fault, pattern in FILES.items()},
            **{fault: partial(self._limited, limit) for fault, limit in {**LIMITS, **FEWER}.items()},
            "parent killed": self._killed, "full disk": self._full_disk, "two processes": self._two_processes,
            "damaged cache": self._damaged_cache,
        }  # fmt: skip

    def _words(self, out: Path | str) -> tuple[str, ...]:
        return (*WORDS, "--out", str(out))

    def _earlier(self, out: Path) -> Path:
        shutil.copytree(self.folder / "reference", out)
        return out

    def _again(self, out: Path, done: str, said: str, damaged: bool = False, whole: bool = False) -> Found:
        """Hold the earlier files against what they were, unless it is they that are damaged; calibrate once more."""
        before = work_of(out)
        wrong = "" if damaged or set(self.expected) <= set(before) else "an earlier file was lost with the fault"
        last = self.gridwhistle(*self._words(out))
        if last.returncode not in GOOD:
            wrong = wrong or f"the command given again ends with {last.returncode}"
        drafts = [file.name for file in out.glob("*draft-*")]
        return Found(
            f"{done}; the command again", [] if damaged else before, work_of(out), said + last.stderr, whole=whole,
            wrong=wrong or (f"left behind: {drafts}" if drafts else ""),
        )  # fmt: skip

    def _flipped(self, pattern: str, out: Path) -> Found:
        file = sorted(self._earlier(out).glob(pattern))[0]
        return self._again(out, self.flip(file), "", damaged=True)

    def _limited(self, limit: str, out: Path) -> Found:
        said = self.gridwhistle(*self._words(self._earlier(out)), limit=limit).stderr
        return self._again(out, f"a finished calibration, begun again under {limit}", said)

    def _killed(self, out: Path) -> Found:
        process = self.start(*self._words(self._earlier(out)))
        while process.poll() is None and not list(out.glob("*draft-*")):
            time.sleep(0.001)
        process.kill()
        _, said = process.communicate(timeout=60)
        found = self._again(out, "a finished calibration, killed while it was written again", said, whole=True)
        found.wrong = found.wrong or ("" if process.returncode == -signal.SIGKILL else "it had ended before")
        return found

    def _full_disk(self, out: Path) -> Found:
        files = filter(Path.is_file, (self.folder / "reference").rglob("*"))
        held_kb = sum(-(-file.stat().st_size // 4096) * 4 for file in files)
        with small_disk(self.folder / "small-disk", held_kb + 8) as small:
            shutil.copytree(self.folder / "reference", small / "r")
            said = self.gridwhistle(*self._words(small / "r")).stderr
            shutil.copytree(small / "r", out)
        return self._again(out, "a finished calibration on a disk with 8 kB left; copied to a large one", said)

    def _two_processes(self, out: Path) -> Found:
        both = [self.start(*self._words(self._earlier(out) if k == 0 else out)) for k in range(2)]
        said = "".join(one.communicate(timeout=600)[1] for one in both)
        wrong = [one.returncode for one in both if one.returncode not in GOOD]
        found = self._again(out, "two at once, one after the other writes", said, whole=True)
        found.wrong = found.wrong or (f"one of two ended with {wrong}" if wrong else "")
        return found

    def _damaged_cache(self, out: Path) -> Found:
        around, done = self.damaged_cache()
        said = self.gridwhistle(*self._words(self._earlier(out)), **around).stderr
        return self._again(out, done, said, whole=True)


def work_of(folder: Path) -> Work:
    """Return name and digest of the files of a calibration."""
    files = [file for file in sorted(folder.glob("*")) if file.suffix in (".json", ".csv", ".yaml")]
    return [
        (file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files if not file.name.startswith(".")
    ]
