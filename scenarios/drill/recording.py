"""The recording of a drill: append-only JSON lines, each carrying the hash of the one before.

The first line holds the whole exercise, the seed and the code version; then one line for everything that was done
(commands) or that came of it (prompts, injects). Exercise time orders the lines; real time stands there for people
and decides nothing. A changed, removed or inserted line breaks the chain at that line; a single flipped bit is put
back and told, since the line's hash proves what was written. Whoever holds the file could write a whole new chain: note
the last hash elsewhere, for instance in the minutes of the exercise. Playing a recording again is
`scenarios.drill.replaying`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from scenarios.drill.locked import Held, RecordingFailed
from scenarios.flipped import put_back
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
_OPENING = b'{"actor":"'
"""How each line begins; keys are written sorted."""
_HASH = b',"hash":"'


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

    Attributes
    ----------
    cut_off
        Whether the file ended in half a line, which was left out.
    damaged
        1-based number of a half line in the middle of the file; the chain holds up to it, and it and what follows
        were left out. None when there is none.
    mended
        1-based numbers of the lines in which one bit was put back.
    """

    def __init__(self, path: str | PathLike[str] | None = None, real: Callable[[], str] = _now) -> None:
        self.path = Path(path) if path is not None else None
        self.lines: list[Line] = []
        self.cut_off = False
        self.damaged: int | None = None
        self.mended: tuple[int, ...] = ()
        self._real = real
        self._held: Held | None = None
        if self.path is not None:
            self._begin(self.path)

    def _begin(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError("the recording cannot be written", file=path, found=error.strerror) from error
        blank = path.is_file() and not _has_line(path)
        self._held = Held(path, new=not blank)
        if blank and b"\n" in self._held.read():
            self.close()
            raise InputError("a recording already stands here and is never written over", file=path,
                             allowed="another folder, or --resume")  # fmt: skip
        if blank:  # not even its first line was written: there is nothing to be kept
            self._held.cut_to(0)

    def append(self, t_min: float, actor: str, role: str, kind: str, data: dict[str, Any]) -> Line:
        """Add one line; it is on the disk when this returns, and only then in memory.

        Raises
        ------
        InputError
            A text in it is no text.
        RecordingFailed
            The line could not be written; the file is as it was before.
        """
        try:
            given = {
                "n": len(self.lines), "t_min": float(t_min), "real": self._real(), "actor": actor, "role": role,
                "kind": kind, "data": json.loads(_text(data)), "prev": self.last_hash,
            }  # fmt: skip
            line = Line(**given, hash=_hash(given))  # type: ignore[arg-type]
            written = (_text({**given, "hash": line.hash}) + "\n").encode()
        except UnicodeEncodeError:
            raise InputError("a text holds half a character, which cannot be written", field=kind) from None
        if self._held is not None:
            self._held.append(written)
        elif self.path is not None:
            raise RecordingFailed("the recording is no longer held by this drill", file=self.path)
        self.lines.append(line)
        return line

    def close(self) -> None:
        """Let the file go, so that another drill may take it up."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what crosses to another process: the lines, not the file."""
        return {**self.__dict__, "_held": None, "path": None, "_real": _now}

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

        Half a line, as a crash or a full disk leaves it, ends what is read: ``cut_off`` and ``damaged`` say so. A bit
        that a disk has flipped is put back: ``mended`` says where.

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
        found = _checked(raw, file)
        made.lines, made.cut_off, made.damaged, made.mended = found.lines, found.cut_off, found.damaged, found.mended
        return made

    def resume(self, path: str | PathLike[str]) -> None:
        """Go on appending to the file that this was read from; what was left out is kept beside it first.

        Raises
        ------
        InputError
            Another process writes to it, it has changed since it was read, or it cannot be written.
        """
        file = Path(path)
        held = Held(file, new=False)
        raw = held.read()
        found = _checked(raw, file)
        if [line.hash for line in found.lines] != [line.hash for line in self.lines]:
            held.close()
            raise InputError("the recording has changed since it was read", file=file)
        if found.mended:
            held.put_back(raw, found.raw)
        if found.length < len(raw):
            _set_aside(file, raw[found.length :])
            held.cut_to(found.length)
        self.path, self._held = file, held

    def text(self) -> str:
        """Return the whole recording as JSON lines, for a download."""
        return "".join(_text({**_plain(line), "hash": line.hash}) + "\n" for line in self.lines)


def _plain(line: Line) -> dict[str, Any]:
    return {key: getattr(line, key) for key in _FIELDS}


def _set_aside(file: Path, rest: bytes) -> None:
    """Keep what could not be taken up, under a name that is not taken."""
    number = 1
    while (beside := file.with_name(f"{file.stem}.cut-{number}.txt")).exists():
        number += 1
    try:
        beside.write_bytes(rest)
    except OSError as error:
        raise InputError("the recording cannot be written", file=beside, found=error.strerror) from error


@dataclass(frozen=True)
class _Checked:
    """What a recording's file holds: lines, how they end, which were mended, and the mended bytes of `length`."""

    lines: list[Line]
    cut_off: bool
    damaged: int | None
    mended: tuple[int, ...]
    raw: bytes
    length: int


def _checked(raw: bytes, file: Path) -> _Checked:
    """Return what of a recording holds, single flipped bits put back."""
    lines: list[Line] = []
    mended: list[int] = []
    at, damaged = 0, None
    while at < len(raw):
        line, wrong = _next(raw, at, file, lines)
        if line is None and (put := put_back(_around(raw, at), _is_sealed)) is not None:
            raw = raw[:at] + put + raw[at + len(put) :]
            mended.append(len(lines) + 1)
            line, wrong = _next(raw, at, file, lines)
        if wrong is not None:
            raise wrong
        if line is None:
            damaged = len(lines) + 1 if raw.find(b"\n", at) >= 0 else None
            break
        lines.append(line)
        at = raw.index(b"\n", at) + 1
    if not lines or lines[0].kind != "exercise":
        raise InputError("this is not a drill's recording", file=file, allowed="a file written by 'gridwhistle drill'")
    if lines[0].data.get("format") != FORMAT:
        raise InputError("the recording has a format of another version", file=file, found=lines[0].data.get("format"),
                         allowed=FORMAT)  # fmt: skip
    return _Checked(lines, not raw.endswith(b"\n"), damaged, tuple(mended), raw, at)


def _next(raw: bytes, at: int, file: Path, before: list[Line]) -> tuple[Line | None, InputError | None]:
    """Return the line that begins at a byte, or what is wrong with it; neither for half a line."""
    end, index = raw.find(b"\n", at), len(before)
    piece = raw[at:end]
    if end < 0 or (index and _is_half(piece)):
        return None, None
    try:
        line = _line(piece, file, index)
    except InputError as error:
        return None, error
    if line.n != index or line.prev != (before[-1].hash if before else FIRST_HASH):
        return None, InputError(
            "the chain is broken: a line was removed, put in or moved here", file=file, line=index + 1
        )
    if _hash(_plain(line)) != line.hash:
        return None, InputError(
            "the chain is broken: this line was changed", file=file, line=index + 1, field=line.kind
        )
    return line, None


def _around(raw: bytes, at: int) -> bytes:
    """Return the line that begins at a byte and the next one, since the flipped bit may be the end between them."""
    first = raw.find(b"\n", at)
    second = raw.find(b"\n", first + 1) if first >= 0 else -1
    return raw[at : second + 1] if second >= 0 else raw[at:]


def _is_sealed(content: bytearray) -> bool:
    """Tell whether content begins with a whole line that has its own hash, as written: keys sorted, no spaces."""
    end = content.find(b"\n")
    mark = content.rfind(_HASH, 0, max(end, 0))
    if mark < 0:
        return False
    first = mark + len(_HASH)
    digest = hashlib.sha256(content[:mark])
    digest.update(content[first + 65 : end])
    return content[first : first + 65] == f'{digest.hexdigest()}"'.encode()


def _has_line(path: Path) -> bool:
    """Whether a file holds a whole line; one that cannot be read is left alone."""
    try:
        with path.open("rb") as stream:
            return stream.readline(MAX_BYTES).endswith(b"\n")
    except OSError:
        return True


def _is_half(piece: bytes) -> bool:
    """Whether a line begins as a drill writes it and breaks off: what a crash leaves, not what an editor does."""
    if not piece or (piece.strip(b"\0") and not piece.startswith(_OPENING[: len(piece)])):
        return False
    try:
        json.loads(piece)
    except (ValueError, RecursionError):
        return True
    return False


def _line(piece: bytes, file: Path, index: int) -> Line:
    try:
        given = json.loads(piece)
        line = Line(**given)
        sound = isinstance(line.n, int) and isinstance(line.data, dict) and isinstance(line.kind, str)
        _text(given).encode()
    except (ValueError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise InputError("this line is not one that a drill wrote", file=file, line=index + 1)
    return line
