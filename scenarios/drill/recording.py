"""The recording of a drill: append-only JSON lines, each carrying the hash of the one before.

The first line holds the whole exercise, the seed and the code version; then one line for everything that was done
(commands) or that came of it (prompts, injects). Exercise time orders the lines; real time stands there for people
and decides nothing. A changed, removed or inserted line breaks the chain at that line. Whoever holds the file
could write a whole new chain: note the last hash elsewhere, for instance in the minutes of the exercise. Playing a
recording again is `scenarios.drill.replaying`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from sim.errors import InputError

FORMAT = 1
FIRST_HASH = "0" * 64
COMMANDS = frozenset(
    ["start", "pause", "resume", "speed", "stop", "decide", "expire", "release", "hold", "skip", "retime", "adhoc",
     "note", "rate", "acknowledge", "unfilled"]
)  # fmt: skip
"""Kinds of lines that somebody caused; the others follow from these."""
OUTCOMES = frozenset(["exercise", "prompt", "stand_in", "inject", "finish"])
_FIELDS = ("n", "t_min", "real", "actor", "role", "kind", "data", "prev")
MAX_BYTES = 200_000_000


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes
    ----------
    n
        Number from 0.
    t_min
        Exercise minutes.
    real
        Real time, ISO 8601; informational.
    actor, role
        Who (a name given at joining, or "system") and in which role.
    kind, data
        What.
    prev, hash
        Hash of the line before, and of this one.
    """

    n: int
    t_min: float
    real: str
    actor: str
    role: str
    kind: str
    data: dict[str, Any]
    prev: str
    hash: str

    def told(self) -> tuple[float, str, str, str, str]:
        """Return what must be equal when a recording is played again (real time is not)."""
        return self.t_min, self.actor, self.role, self.kind, _text(self.data)


def _text(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _hash(line: dict[str, Any]) -> str:
    return hashlib.sha256(_text({key: line[key] for key in _FIELDS}).encode()).hexdigest()


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")


class Recording:
    """Lines in memory, and on disk when a file is given.

    Parameters
    ----------
    path
        File to append to; each line is on the disk before the drill goes on. None keeps lines in memory only.
    real
        Returns the real time to note.
    """

    def __init__(self, path: str | PathLike[str] | None = None, real: Callable[[], str] = _now) -> None:
        self.path = Path(path) if path is not None else None
        self.lines: list[Line] = []
        self.cut_off = False
        self._real = real
        if self.path is not None:
            self._begin(self.path)

    def _begin(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8"):
                pass
        except FileExistsError:
            raise InputError("a recording already stands here and is never written over", file=path,
                             allowed="another folder, or --resume") from None  # fmt: skip
        except OSError as error:
            raise InputError("the recording cannot be written", file=path, found=error.strerror) from error

    def append(self, t_min: float, actor: str, role: str, kind: str, data: dict[str, Any]) -> Line:
        """Add one line; it is on the disk when this returns."""
        given = {
            "n": len(self.lines), "t_min": float(t_min), "real": self._real(), "actor": actor, "role": role,
            "kind": kind, "data": json.loads(_text(data)), "prev": self.last_hash,
        }  # fmt: skip
        line = Line(**given, hash=_hash(given))  # type: ignore[arg-type]
        self.lines.append(line)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(_text({**given, "hash": line.hash}) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
        return line

    @property
    def last_hash(self) -> str:
        """Hash of the last line; noted elsewhere it seals the whole recording."""
        return self.lines[-1].hash if self.lines else FIRST_HASH

    @property
    def header(self) -> dict[str, Any]:
        """What the first line holds: exercise, seed, replication, code version."""
        return self.lines[0].data

    @property
    def finish(self) -> Line | None:
        """The line of the end with the final state's hash; None while the drill is not over."""
        return next((line for line in self.lines if line.kind == "finish"), None)

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Recording:
        """Read a recording and check its chain.

        A last line that a crash cut off in the middle is dropped, and ``cut_off`` says so.

        Raises
        ------
        InputError
            Naming the first line that was changed, removed or put in.
        """
        file = Path(path)
        try:
            if file.stat().st_size > MAX_BYTES:
                raise InputError("the recording is too large", file=file, allowed=f"at most {MAX_BYTES:,} bytes")
            raw = file.read_bytes()
        except OSError as error:
            raise InputError("the recording cannot be read", file=file, found=error.strerror) from None
        made = cls()
        made.lines, made.cut_off = _checked(raw, file)
        made.path = None
        return made

    def resume(self, path: str | PathLike[str]) -> None:
        """Go on appending to the file that this was read from; a line cut off by a crash is removed first."""
        self.path = Path(path)
        text = "".join(_text({**_plain(line), "hash": line.hash}) + "\n" for line in self.lines)
        draft = self.path.with_name(f".{self.path.name}.tmp")
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, self.path)

    def text(self) -> str:
        """Return the whole recording as JSON lines, for a download."""
        return "".join(_text({**_plain(line), "hash": line.hash}) + "\n" for line in self.lines)


def _plain(line: Line) -> dict[str, Any]:
    return {key: getattr(line, key) for key in _FIELDS}


def _checked(raw: bytes, file: Path) -> tuple[list[Line], bool]:
    """Return the lines of a recording and whether the last was cut off."""
    pieces = raw.split(b"\n")
    cut_off = bool(pieces.pop())  # what follows the last line's end
    lines: list[Line] = []
    before = FIRST_HASH
    for index, piece in enumerate(pieces):
        line = _line(piece, file, index)
        if line.n != index or line.prev != before:
            raise InputError("the chain is broken: a line was removed, put in or moved here", file=file, line=index + 1)
        if _hash(_plain(line)) != line.hash:
            raise InputError("the chain is broken: this line was changed", file=file, line=index + 1, field=line.kind)
        before = line.hash
        lines.append(line)
    if not lines or lines[0].kind != "exercise":
        raise InputError("this is not a drill's recording", file=file, allowed="a file written by 'gridwhistle drill'")
    if lines[0].data.get("format") != FORMAT:
        raise InputError("the recording has a format of another version", file=file, found=lines[0].data.get("format"),
                         allowed=FORMAT)  # fmt: skip
    return lines, cut_off


def _line(piece: bytes, file: Path, index: int) -> Line:
    try:
        given = json.loads(piece)
        line = Line(**given)
        sound = isinstance(line.n, int) and isinstance(line.data, dict) and isinstance(line.kind, str)
    except (ValueError, TypeError):
        sound = False
    if not sound:
        raise InputError("this line is not one that a drill wrote", file=file, line=index + 1)
    return line
