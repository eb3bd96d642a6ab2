"""What every host of the fault matrix shares: commands as a user gives them, small disks, flipped bits, the count.

A host is a command with a folder to work in. For each fault it says what it did, what finished work stood before and
after, and what was said meanwhile; the count of what was lost and doubled is the same for all of them.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

Work = list[tuple[str, str]]
"""Name and digest of each piece of finished work, as often as it is there."""
SCENARIO = """name: small
title: {en: Small, zh: 小}
extends: whistle-vs-referral
city: {synthetic: {residents: 4000, seed: 2}}
horizon_days: 6
warm_up_days: 1
cool_down_days: 1
"""
LIMITS = {"no handles": "ulimit -n 14", "no memory": "ulimit -v 800000", "file-size limit": "ulimit -f 4"}
OURS = "gridwhistle:"
LONG_S = 600.0


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


@dataclass
class Found:
    """What a host found: see `Host.cell`.

    Attributes
    ----------
    done
        What was broken, and what was done then.
    before, after
        Finished work on the disk when the fault had done its work, and when all was done.
    said
        Everything that was said, on standard error, in a log or on a page.
    told
        The sentence; empty: the first line of `said` that begins as this program's lines do.
    whole
        Whether all goes on by itself, so that there need be no sentence.
    wrong
        What went otherwise than it should; empty when nothing did.
    """

    done: str
    before: Work
    after: Work
    said: str
    told: str = ""
    whole: bool = False
    wrong: str = ""


class NotDriven(Exception):
    """A fault that cannot be brought about here, and why."""


@dataclass
class Host(ABC):
    """A command, a folder to work in, and what it brings forth undisturbed.

    Attributes
    ----------
    name
        Of the command.
    folder
        To work in; made.
    expected
        The finished work of an undisturbed command, all of which must be there in the end.
    """

    name: str
    folder: Path
    expected: Work = field(default_factory=list)
    random: random.Random = field(default_factory=lambda: random.Random(18))

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)

    @abstractmethod
    def faults(self) -> Mapping[str, Callable[[Path], Found]]:
        """Return each fault with what drives it in a folder that is not there yet."""

    def cell(self, fault: str) -> Cell:
        """Break something, go on as a user would, and count."""
        out = self.folder / fault.replace(" ", "-")
        try:
            found = self.faults()[fault](out)
        except NotDriven as why:
            return Cell(self.name, fault, f"not driven: {why}", -1, -1, "", False)
        except Exception as error:  # noqa: BLE001  the other cells are driven still, and this one counts as not driven
            traceback.print_exc()
            return Cell(self.name, fault, f"not driven: {type(error).__name__}: {error}"[:300], -1, -1, "", False)
        missing = {*found.before, *self.expected} - set(found.after)
        doubled = len(found.after) - len(dict(found.after))
        told = found.told or next((line for line in found.said.splitlines() if line.startswith(OURS)), "")
        ok = not missing and not doubled and not found.wrong
        ok = ok and "Traceback" not in found.said and bool(told or found.whole)
        tail = "" if ok else f" | {found.wrong} | {found.said[-300:]}"
        return Cell(self.name, fault, found.done, len(missing), doubled, told + tail, ok)

    def gridwhistle(self, *words: str, limit: str = "true", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        line = ["bash", "-c", f'{limit}; exec "$0" "$@"', *command(*words)]
        around = {**os.environ, **environment}
        return subprocess.run(line, cwd=self.folder, env=around, capture_output=True, text=True, timeout=LONG_S)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            command(*words), cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def flip(self, file: Path) -> str:
        """Flip a bit of a file somewhere; return what was done."""
        content = bytearray(file.read_bytes())
        at = self.random.randrange(len(content) - 2)
        content[at] ^= 4
        file.write_bytes(content)
        return f"bit 2 of byte {at:,} of {file.name} flipped"

    def damaged_cache(self) -> tuple[dict[str, str], str]:
        """Return an environment whose compiled kernels are damaged, and what was done to them."""
        from sim.engine.jit import CACHE_DIR

        home = self.folder / "cache"
        copied = home / "gridwhistle" / "kernels" / CACHE_DIR.name
        shutil.copytree(CACHE_DIR, copied)
        files = sorted(copied.rglob("draws.*.nb[ic]"))
        for k, file in enumerate(files):
            content = file.read_bytes()
            file.write_bytes((b"", content[:50], os.urandom(len(content)))[k % 3])
        done = f"{len(files)} files of the cache emptied, cut or filled with random bytes"
        return {"XDG_CACHE_HOME": str(home)}, done


def command(*words: str) -> list[str]:
    """Return the command line of this program."""
    return [sys.executable, "-P", "-m", "gridwhistle", *words]


@contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[Path]:
    """Mount a disk of some kilobytes for a while; only root may.

    Raises
    ------
    NotDriven
        It cannot be mounted.
    """
    place.mkdir()
    given = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
    done = subprocess.run(given, capture_output=True, text=True)
    if done.returncode != 0:
        raise NotDriven(f"no small disk could be mounted, which only root may ({done.stderr.strip()})")
    try:
        yield place
    finally:
        _unmount(place)


def _unmount(place: Path) -> None:
    """Take a small disk away; what still ends on it has half a minute, then the disk goes as soon as it is free."""
    for _ in range(60):
        if subprocess.run(["umount", str(place)], capture_output=True).returncode == 0:
            return
        time.sleep(0.5)
    subprocess.run(["umount", "-l", str(place)], check=True)


def grow(place: Path, kilobytes: int) -> None:
    """Give a small disk more room."""
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(place)], check=True)


def runs_of(folder: Path) -> Work:
    """Return run and digest of each row of the sound parts of a results folder."""
    from scenarios.store import Store, _row_digests, read_table
    from sim.errors import InputError

    try:
        store = Store.open(folder)
        damaged = set(store.damaged())
    except InputError:  # no folder yet, or one that cannot be opened: it holds no finished runs
        return []
    parts = [part for part in store.parts() if f"runs/{part.name}" not in damaged]
    return [(run, digest.hex()) for part in parts for run, digest in _row_digests(read_table(part))]
