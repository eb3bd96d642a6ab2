"""Faults under `drill` at the command line: a drill that the rules play, broken off, damaged, taken up, played again.

Finished work is the lines of the recording, each with its hash; what people decided cannot be done again, so that a
line that was on the disk must be there in the end. The end must be that of an undisturbed drill, state for state.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks.faults_bench import LIMITS, Found, Host, Work, small_disk

EXERCISE, RECORDING = "evening-wage-fire", "recording.jsonl"
PLAY = ("drill", EXERCISE, "--auto", "--no-aar", "--json")
LINES = 20
"""Lines of a drill that was broken off."""
DISK_KB = 32
FEWER = {"no handles": "ulimit -n 4"}
"""With fourteen handles, which are too few for a campaign, a drill is played."""


class Terminal(Host):
    """The command."""

    state = ""

    def undisturbed(self) -> Terminal:
        """Play once for reference; returns itself."""
        done = self.gridwhistle(*PLAY, "--out", "reference")
        if done.returncode != 0:
            raise RuntimeError(f"drill fails undisturbed: {done.stderr[-800:]}")
        self.state = json.loads(done.stdout)["state_hash"]
        return self

    def faults(self) -> Mapping[str, Callable[[Path], Found]]:
        """Return the faults."""
        return {
            "flipped recording": partial(self._flipped, 1), "flipped first line": partial(self._flipped, 0),
            "half line": self._half, "flipped finished recording": self._flipped_finished,
            **{fault: partial(self._limited, limit) for fault, limit in {**LIMITS, **FEWER}.items()},
            "killed": self._killed, "full disk": self._full_disk, "two processes": self._two_processes,
            "damaged cache": self._damaged_cache,
        }  # fmt: skip

    def _again(self, out: Path, done: str, said: str, before: Work | None = None, whole: bool = False) -> Found:
        """Take the drill up and play it to its end; where nothing was recorded, the command once more."""
        file = out / RECORDING
        before = lines_of(file) if before is None else before
        words = ("drill", "--resume", str(file), "--auto", "--no-aar", "--json")
        last = self.gridwhistle(*(words if lines_of(file) or before else (*PLAY, "--out", str(out))))
        return self._judged(file, f"{done}; {'taken up' if before else 'the command again'}", said, before, last, whole)

    def _judged(
        self, file: Path, done: str, said: str, before: Work, last: subprocess.CompletedProcess[str], whole: bool
    ) -> Found:
        wrong = "" if last.returncode == 0 else f"the last command ends with {last.returncode}"
        if not wrong and json.loads(last.stdout)["state_hash"] != self.state:
            wrong = "the drill ended otherwise than undisturbed"
        return Found(done, before, lines_of(file), said + last.stderr, whole=whole, wrong=wrong)

    def _broken_off(self, out: Path) -> Work:
        """Make the recording of a drill that was broken off."""
        out.mkdir()
        lines = (self.folder / "reference" / RECORDING).read_bytes().splitlines(keepends=True)
        (out / RECORDING).write_bytes(b"".join(lines[:LINES]))
        return lines_of(out / RECORDING)

    def _flipped(self, after: int, out: Path) -> Found:
        before, file = self._broken_off(out), out / RECORDING
        content, first = bytearray(file.read_bytes()), file.read_bytes().index(b"\n")
        at = self.random.randrange(first + 1, len(content)) if after else self.random.randrange(first)
        content[at] ^= 4
        file.write_bytes(content)
        return self._again(out, f"bit 2 of byte {at:,} flipped", "", before)

    def _flipped_finished(self, out: Path) -> Found:
        shutil.copytree(self.folder / "reference", out)
        before, done = lines_of(out / RECORDING), self.flip(out / RECORDING)
        last = self.gridwhistle("drill", "--replay", str(out / RECORDING), "--no-aar", "--json")
        found = self._judged(out / RECORDING, f"{done}; played again", "", [], last, False)
        found.wrong = found.wrong or ("" if before else "nothing was recorded")
        return found

    def _half(self, out: Path) -> Found:
        before = self._broken_off(out)
        with (out / RECORDING).open("ab") as stream:
            stream.write(b'{"actor":"system","data":{"pro')
        return self._again(out, "half a line at the end", "", before)

    def _limited(self, limit: str, out: Path) -> Found:
        first = self.gridwhistle(*PLAY, "--out", str(out), limit=limit)
        if first.returncode == 0:  # it needs no more than that
            return self._judged(out / RECORDING, limit, "", [], first, True)
        return self._again(out, limit, first.stderr)

    def _killed(self, out: Path) -> Found:
        process = self.start(*PLAY, "--out", str(out))
        while process.poll() is None and len(lines_of(out / RECORDING)) < 5:
            time.sleep(0.002)
        process.kill()
        _, said = process.communicate(timeout=60)
        found = self._again(out, f"kill -9 after {len(lines_of(out / RECORDING))} lines", said, whole=True)
        found.wrong = found.wrong or ("" if process.returncode == -signal.SIGKILL else "it had ended before")
        return found

    def _full_disk(self, out: Path) -> Found:
        with small_disk(self.folder / "small-disk", DISK_KB) as small:
            said = self.gridwhistle(*PLAY, "--out", str(small / "d")).stderr
            if (small / "d").exists():
                shutil.copytree(small / "d", out)
        return self._again(out, f"on a disk of {DISK_KB} kB; copied to a large one", said)

    def _two_processes(self, out: Path) -> Found:
        before = self._broken_off(out)
        words = ("drill", "--resume", str(out / RECORDING), "--auto", "--no-aar", "--json")
        both = [self.start(*words) for _ in range(2)]
        said = "".join(one.communicate(timeout=300)[1] for one in both)
        last = self.gridwhistle("drill", "--replay", str(out / RECORDING), "--no-aar", "--json")
        found = self._judged(out / RECORDING, "taken up by two at once; played again", said, before, last, False)
        found.wrong = found.wrong or ("" if sorted(o.returncode for o in both) == [0, 2] else "not one of two refused")
        return found

    def _damaged_cache(self, out: Path) -> Found:
        around, done = self.damaged_cache()
        last = self.gridwhistle(*PLAY, "--out", str(out), **around)
        return self._judged(out / RECORDING, done, "", [], last, True)


def lines_of(file: Path) -> Work:
    """Return number and hash of the whole lines of a recording, as they stand, their own hash not looked at."""
    found: Work = []
    if not file.is_file():
        return found
    for piece in file.read_bytes().split(b"\n")[:-1]:
        try:
            line = json.loads(piece)
            found.append((str(line["n"]), str(line["hash"])))
        except (ValueError, TypeError, KeyError):
            continue  # a damaged line is no finished work
    return found
