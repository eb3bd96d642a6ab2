"""Playing a recording again: bit for bit, or saying aloud where and why it cannot be.

The commands of a recording are given to a new drill at their exercise times; everything else must then follow by
itself. Each line that comes out is held against the recorded one, the final state's hash among them, so that a
difference is named by its line. Code of another version is refused, since it need not decide alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

from scenarios.drill.form import Exercise
from scenarios.drill.ground import Ground, state_hash
from scenarios.drill.recording import COMMANDS, Line, Recording
from scenarios.drill.runtime import Drill
from scenarios.experiment import code_version
from sim.errors import InputError


class Diverged(InputError):
    """A recording that does not come out again; ``line`` is the 1-based line that differs."""


_FRONTS = frozenset(
    ["__init__", "answers", "branching", "commands", "happenings", "keys", "locked", "records", "terminal", "views",
     "words"]
)  # fmt: skip
"""Files that show or ask and decide nothing: a change in them leaves recordings playable."""


@cache
def drill_version() -> str:
    """Return the version of the model's code and of the part of the drill's that decides."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        if file.stem in _FRONTS:
            continue
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return f"{code_version()}+drill.{digest.hexdigest()[:12]}"


def exercise_of(recording: Recording) -> Exercise:
    """Return the exercise that a recording holds.

    Raises
    ------
    InputError
        When it was made by code of another version.
    """
    made_by = str(recording.header["code"])
    if made_by != drill_version():
        raise InputError(
            "the recording was made by another version of the code, which need not decide alike; "
            "it can be read but not played again", field="code", found=made_by, allowed=drill_version(),
        )  # fmt: skip
    return Exercise.from_data(recording.header["exercise"])


def begun(recording: Recording, ground: Ground | None = None) -> Drill:
    """Return a drill of the recording's exercise at STARTEX, written to memory only."""
    exercise = ground.exercise if ground is not None else exercise_of(recording)
    header = recording.header
    drill = Drill(exercise, int(header["seed"]), int(header["replication"]), Recording(), ground)
    if state_hash(drill.world) != header["start_hash"]:
        raise Diverged(
            "the state at STARTEX differs from the recorded one (another processor or other dependencies?)", line=1
        )
    return drill


def replay(
    recording: Recording, ground: Ground | None = None, progress: Callable[[int, int], None] | None = None
) -> Drill:
    """Play a whole recording again.

    Parameters
    ----------
    ground
        Tables of the same exercise, made before.
    progress
        Called with (lines done, lines).

    Returns
    -------
    Drill
        At the end of the recording, in the same state bit for bit.

    Raises
    ------
    Diverged
        Naming the first line that comes out otherwise.
    InputError
        Code of another version.
    """
    return play(recording, begun(recording, ground), len(recording.lines), progress)


def play(recording: Recording, drill: Drill, until: int, progress: Callable[[int, int], None] | None = None) -> Drill:
    """Give a drill the recorded commands below line ``until`` and hold what comes out against the record."""
    for line in recording.lines[1:until]:
        if line.n < len(drill.recording.lines):
            pass  # it came of an earlier command already
        elif line.kind in COMMANDS:
            _reach(drill, line)
            if line.n >= len(drill.recording.lines):
                command(drill, line)
        else:
            _await(drill, line)
        if progress is not None:
            progress(line.n + 1, until)
    _compare(recording, drill, until)
    return drill


def _reach(drill: Drill, line: Line) -> None:
    """Bring exercise time to that of a command, unless a decision holds it."""
    while drill.status == "running" and not drill.open_decisions and drill.t_min < line.t_min:
        drill.advance(line.t_min)


def _await(drill: Drill, line: Line) -> None:
    """Run until a line that follows by itself has been written."""
    while line.n >= len(drill.recording.lines):
        before = drill.t_min
        if drill.status == "running" and not drill.open_decisions:
            drill.advance(line.t_min)
        if line.n >= len(drill.recording.lines) and drill.t_min <= before and drill.t_min >= line.t_min:
            raise Diverged("this does not come about again", line=line.n + 1, field=line.kind)
        if line.n >= len(drill.recording.lines) and (drill.open_decisions or drill.status != "running"):
            raise Diverged("this does not come about again", line=line.n + 1, field=line.kind)


def command(drill: Drill, line: Line) -> None:
    """Give a drill one recorded command."""
    data, by = line.data, line.actor
    commands: dict[str, Callable[[], Any]] = {
        "start": lambda: drill.start(by),
        "pause": lambda: drill.pause(by),
        "resume": lambda: drill.resume(by),
        "speed": lambda: drill.set_speed(data["speed"], by),
        "stop": lambda: drill.stop(data["reason"], by),
        "decide": lambda: drill.decide(data["prompt"], data["option"], by, data["reason"], data["took_s"]),
        "expire": lambda: _expire(drill, data),
        "release": lambda: drill.release(data["inject"], by),
        "hold": lambda: drill.hold(data["inject"], by),
        "skip": lambda: drill.skip(data["inject"], by),
        "retime": lambda: drill.retime(data["inject"], data["at_min"], by),
        "adhoc": lambda: drill.adhoc(data["content"], by),
        "note": lambda: drill.note(data["text"], by, data["objective"], line.role, data.get("kind")),
        "rate": lambda: drill.rate(data["criterion"], data["points"], by, data["text"]),
        "unfilled": lambda: drill.leave_unfilled(data["roles"], by),
        "acknowledge": lambda: drill.acknowledge(data["message"], by),
    }
    try:
        commands[line.kind]()
    except InputError as error:
        raise Diverged(f"this cannot be done again: {error.problem}", line=line.n + 1, field=line.kind) from error


def _expire(drill: Drill, data: dict[str, Any]) -> None:
    for prompt in drill.open_decisions:
        prompt.elapsed_s = float(data["took_s"])
    drill.expire(data["prompt"])


def _compare(recording: Recording, drill: Drill, until: int) -> None:
    made = drill.recording.lines
    for line in recording.lines[:until]:
        if line.n >= len(made):
            raise Diverged("this does not come about again", line=line.n + 1, field=line.kind)
        if made[line.n].told() != line.told():
            what = "the final state differs" if line.kind == "finish" else "this comes out otherwise"
            raise Diverged(what, line=line.n + 1, field=line.kind)


def resume(path: str | PathLike[str]) -> Drill:
    """Take up a drill whose front or machine failed: play its recording again and go on writing to it.

    A drill that was running comes back paused, so that nobody is overrun by a clock that starts by itself. After half a
    line in the recording nothing can be verified: the drill comes back as it stood before, ``recording.damaged`` and
    ``recording.cut_off`` say so, and the rest is kept beside the recording.

    Raises
    ------
    InputError
        The drill is over already, another process writes to the recording, or it cannot be played again.
    """
    return written_on(*taken_up(path), path)


def taken_up(path: str | PathLike[str]) -> tuple[Drill, Recording]:
    """Return the drill of a recording as it stood at its end, and the recording; no file is written or held.

    Raises
    ------
    InputError
        The drill is over already, or its recording cannot be played again.
    """
    recording = Recording.read(path)
    if recording.finish is not None:
        raise InputError("this drill is over; play it again with --replay", file=path)
    return replay(recording), recording


def written_on(drill: Drill, recording: Recording, path: str | PathLike[str]) -> Drill:
    """Let a drill that was taken up go on in its file.

    Raises
    ------
    InputError
        Another process writes to the recording, it has changed meanwhile, or it cannot be written.
    """
    recording.resume(path)
    try:
        known = len(recording.lines)
        for line in drill.recording.lines[known:]:  # what follows from the last command, not yet on disk
            recording.append(line.t_min, line.actor, line.role, line.kind, line.data)
        drill._recording = recording
        if drill.status == "running":
            drill.pause("system")
    except InputError:
        recording.close()
        raise
    return drill
