"""What a damaged recording has lost and what is recovered of it, for whoever is about to take it up and for who has.

`scenarios.drill.recording` reads up to a half line and keeps the rest beside the file when a drill goes on; here it is
counted and said in both languages. Nothing is mended here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dashboards.drill.said import Both, both, mistake
from scenarios.drill import Recording
from sim.errors import InputError

MOST_LOOKED_AT = 20_000_000
"""Bytes of a recording beyond which it is not looked through before it is taken up."""


@dataclass(frozen=True)
class Damage:
    """What is wrong with a recording.

    Attributes
    ----------
    line
        1-based number of the line that breaks off.
    t_min
        Exercise minutes up to which the drill is recovered.
    lost_lines, lost_bytes
        What cannot be taken up, the line that breaks off among it.
    refusal
        Why nothing can be taken up; None when the lines before can be.
    """

    line: int = 0
    t_min: float = 0.0
    lost_lines: int = 0
    lost_bytes: int = 0
    refusal: InputError | None = None

    @property
    def said(self) -> Both:
        """The damage in words, as it is told before a drill is taken up."""
        if self.refusal is not None:
            return mistake(self.refusal)
        return both(lambda t, _: t("drillroom.damaged", **self._fields()))

    def recovered(self, aside: str) -> Both:
        """What is told when the drill has been taken up; ``aside`` is the file that keeps the rest."""
        return both(lambda t, _: t("drillroom.recovered", aside=aside, **self._fields()))

    def _fields(self) -> dict[str, str]:
        return {
            "line": f"{self.line:,}", "kept": f"{self.line - 1:,}", "t": f"{self.t_min:.1f}",
            "lost": f"{self.lost_lines:,}", "bytes": f"{self.lost_bytes:,}",
        }  # fmt: skip


def damage_of(path: Path) -> Damage | None:
    """Return what is wrong with a recording; None when it is whole, or too long to be looked through."""
    try:
        stat = path.stat()
    except OSError as error:
        return Damage(refusal=InputError("the recording cannot be read", file=path, found=error.strerror))
    return _damage(path, stat.st_mtime_ns, stat.st_size) if stat.st_size <= MOST_LOOKED_AT else None


@lru_cache(maxsize=64)
def _damage(path: Path, _: int, __: int) -> Damage | None:
    try:
        read, raw = Recording.read(path), path.read_bytes()
    except InputError as error:
        return Damage(refusal=error)
    except (OSError, RecursionError):
        return Damage(refusal=InputError("the recording cannot be read", file=path))
    if not read.cut_off and read.damaged is None:
        return None
    pieces = raw.split(b"\n")
    rest = pieces[len(read.lines) :]
    kept_bytes = sum(len(piece) + 1 for piece in pieces[: len(read.lines)])
    lost_lines = sum(bool(piece) for piece in rest)
    return Damage(len(read.lines) + 1, read.lines[-1].t_min, lost_lines, max(0, len(raw) - kept_bytes))


def kept_aside(path: Path) -> str:
    """Return the name of the file that keeps what was cut off a recording last; empty when there is none."""
    found = sorted(path.parent.glob(f"{path.stem}.cut-*.txt"), key=lambda one: (len(one.name), one.name))
    return found[-1].name if found else ""
