"""What ``gridwhistle drill`` does, apart from reading its options: play, take up, play again, branch, report.

The report is handed in as a function, since it lies above this package.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape

from scenarios.compiling import compile_engine
from scenarios.console import Console
from scenarios.drill import words as said
from scenarios.drill.answers import Script
from scenarios.drill.branching import Branch, branch
from scenarios.drill.form import CONTROLLER, Exercise, names
from scenarios.drill.ground import Ground
from scenarios.drill.keys import Lines
from scenarios.drill.recording import Recording
from scenarios.drill.records import NOTE_KINDS
from scenarios.drill.replaying import begun, replay, resume
from scenarios.drill.runtime import Drill
from scenarios.drill.terminal import Screen, Terminal, show_branch
from sim.errors import InputError

RESULTS = Path("results") / "drills"
WriteAar = Callable[[Drill, Path, str, list[Branch]], Path]


@dataclass(frozen=True)
class Options:
    """The options of the command; None where nothing was given."""

    exercise: str | None = None
    role: str = CONTROLLER
    speed: float = 10.0
    auto: bool = False
    answers: Path | None = None
    seed: int | None = None
    out: Path | None = None
    replay: Path | None = None
    resume: Path | None = None
    branch: str | None = None
    answer: str | None = None
    later: str = "recorded"
    futures: int = 30
    what_if: int = 0
    aar: bool = True
    advice: bool = False


def drill(options: Options, console: Console, write_aar: WriteAar) -> dict[str, Any]:
    """Carry out the command; returns what a machine is told.

    Raises
    ------
    InputError
        Options that do not go together, and every mistake in an exercise, a recording or a file of answers.
    """
    _check(options)
    if options.replay is not None:
        return _again(options, console, write_aar)
    return _live(options, console, write_aar)


def _check(options: Options) -> None:
    sources = [options.exercise is not None, options.replay is not None, options.resume is not None]
    if sum(sources) != 1:
        shipped = [f"'{name}'" for name in names()]
        raise InputError("give one of: an exercise, --replay, --resume", field="exercise",
                         allowed=[*shipped, "the path of a YAML file", "--replay or --resume RECORDING"])  # fmt: skip
    if (options.branch is None) != (options.answer is None):
        raise InputError("a branch needs both --branch and --answer", field="--branch")
    if (options.branch or options.what_if) and options.replay is None:
        raise InputError("branches start from a recording", field="--branch", allowed="--replay RECORDING")
    if options.auto and options.answers is not None:
        raise InputError("--auto and --answers exclude each other", field="--auto")
    if options.what_if and options.what_if < 2:
        raise InputError(
            "too few futures for an interval", field="--what-if", found=options.what_if, allowed="2 or more"
        )


# ---------------------------------------------------------------- live
def _live(options: Options, console: Console, write_aar: WriteAar) -> dict[str, Any]:
    interactive = not options.auto and options.answers is None
    if interactive and not sys.stdin.isatty():
        raise InputError("standard input is no terminal, so nobody can answer", allowed="--answers FILE or --auto")
    script = Script.read(options.answers) if options.answers is not None else None
    made = _made(options, console)
    screen = Screen(console, options.role)
    folder = made.recording.path.parent if made.recording.path is not None else None
    screen.opening(made, made.recording.path)
    seen = len(made.events) - 1 if options.resume is not None else -1
    try:
        if made.status == "scheduled":
            if not 0.5 <= options.speed <= 600:
                raise InputError("impossible speed", field="--speed", found=options.speed, allowed="0.5 to 600")
            made.set_speed(options.speed, options.role)
            _leave_unfilled(made, options)
        if interactive:
            with Lines(sys.stdin) as lines:
                Terminal(made, screen, lines, options.advice).run()
        else:
            if made.status == "scheduled":
                made.start(options.role)
            elif made.status == "paused":
                made.resume(options.role)
            (script or Script("", otherwise="rule")).play(made, "script" if script else "auto")
            screen.events(made, seen)
    finally:
        if made.is_over:
            screen.line(screen.words("drill.terminal.seal", hash=made.recording.last_hash), "dim")
    screen.score(made)
    written = _report(made, options, console, write_aar, folder, [])
    return _summary(made, written)


def _made(options: Options, console: Console) -> Drill:
    if options.resume is not None:
        if not console.machine:
            console.out.print(escape(console.words("drill.terminal.replaying", path=options.resume)))
        compile_engine(console)
        made = resume(options.resume)
        _tell_damage(made.recording, console)
        if not console.machine:
            console.out.print(escape(console.words("drill.terminal.resumed_from", t=said.clock(made.t_min))))
        return made
    exercise = Exercise.load(str(options.exercise))
    _known_role(exercise, options.role)
    for one in exercise.warnings:
        console.warn(one)
    compile_engine(console)
    if not console.machine:
        console.err.print(escape(console.words("drill.terminal.preparing")), highlight=False)
    ground = Ground.of(exercise)
    return Drill(
        exercise, options.seed, recording=Recording(_folder(options, exercise) / "recording.jsonl"), ground=ground
    )


def _known_role(exercise: Exercise, role: str) -> None:
    allowed = [CONTROLLER, *exercise.roles]
    if role not in allowed:
        raise InputError("unknown role", field="--role", found=role, allowed=allowed)


def _folder(options: Options, exercise: Exercise) -> Path:
    if options.out is not None:
        return options.out
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%d-%H%M%S")
    return RESULTS / f"{exercise.name}-{stamp}"


def _leave_unfilled(made: Drill, options: Options) -> None:
    """Whoever plays one role leaves the others to the rule; ``--auto`` leaves all."""
    if options.auto:
        made.leave_unfilled(made.roles, options.role)
    elif options.role != CONTROLLER:
        made.leave_unfilled([r for r in made.roles if r != options.role], options.role)


def _tell_damage(recording: Recording, console: Console) -> None:
    """Say what of a recording's file was put back, and what could not be read."""
    for sentence in said.damage(recording, console.words):
        console.warn(sentence)


# ---------------------------------------------------------------- again
def _again(options: Options, console: Console, write_aar: WriteAar) -> dict[str, Any]:
    path = Path(str(options.replay))
    recording = Recording.read(path)
    screen = Screen(console)
    _tell_damage(recording, console)
    compile_engine(console)
    screen.line(screen.words("drill.terminal.replaying", path=path))
    made = begun(recording)
    made = replay(recording, made.ground)
    made._recording = recording  # the lines as they were written, with their real times
    branches: list[Branch] = []
    if options.branch is not None:
        branches = [_one_branch(options, console, screen, recording, made.ground)]
        if console.machine:
            return {**_summary(made, None), "branch": branch_data(branches[0])}
        return {}
    screen.events(made, -1)
    screen.line(
        screen.words("drill.terminal.replayed", lines=len(recording.lines), hash=made.final_hash or "–"), "bold"
    )
    screen.score(made)
    if options.what_if:
        branches = what_ifs(made, recording, options.what_if, console)
    written = _report(made, options, console, write_aar, options.out or path.parent, branches)
    return _summary(made, written)


def _one_branch(options: Options, console: Console, screen: Screen, recording: Recording, ground: Ground) -> Branch:
    name, answer = str(options.branch), str(options.answer)
    recorded = next(
        (x.data["option"] for x in recording.lines if x.data.get("prompt") == name and "option" in x.data), "–"
    )
    told = {"prompt": name, "other": answer, "recorded": recorded, "n": options.futures}
    screen.line(screen.words("drill.terminal.branching", **told))
    found = branch(recording, name, answer, options.futures, options.later, ground)
    if not console.machine:
        show_branch(console, found, found.parent_hash == found.unchanged_hash)
    return found


def what_ifs(made: Drill, recording: Recording, futures: int, console: Console | None = None) -> list[Branch]:
    """Return a branch with the rule's answer for every decision that people answered otherwise."""
    out = []
    for prompt in made.prompts:
        differs = prompt.state == "answered" and prompt.chosen != prompt.rule_option
        if not differs or not prompt.in_time:
            continue
        if console is not None and not console.machine:
            text = console.words("drill.terminal.branching", prompt=prompt.id, other=prompt.rule_option,
                                 recorded=prompt.chosen, n=futures)  # fmt: skip
            console.err.print(escape(text), highlight=False)
        out.append(branch(recording, prompt.id, prompt.rule_option, futures, ground=made.ground))
    return out


def branch_data(found: Branch) -> dict[str, Any]:
    """Return a branch as data for machines."""
    return {
        "prompt": found.prompt["id"], "recorded": found.recorded_option, "other": found.other_option,
        "later": found.later, "futures": found.replications,
        "unchanged_equals_parent": found.parent_hash == found.unchanged_hash,
        "measures": [
            {"criterion": r.criterion, "unit": r.unit, "recorded": r.recorded, "branch": r.branch,
             "difference": r.paired.difference, "low": r.paired.low, "high": r.paired.high,
             "verdict": r.paired.verdict}
            for r in found.rows
        ],
    }  # fmt: skip


def _report(
    made: Drill, options: Options, console: Console, write_aar: WriteAar, folder: Path | None, branches: list[Branch]
) -> Path | None:
    if not options.aar or folder is None:
        return None
    written = write_aar(made, folder / "aar.html", console.lang, branches)
    if not console.machine:
        console.out.print(escape(console.words("drill.terminal.aar", path=written)), highlight=False, soft_wrap=True)
    return written


def _summary(made: Drill, written: Path | None) -> dict[str, Any]:
    return {
        "exercise": made.exercise.name, "status": made.status, "t_min": made.t_min, "seed": made.seed,
        "decisions": sum(1 for p in made.prompts if p.state == "answered"), "state_hash": made.final_hash,
        "last_hash": made.recording.last_hash, "recording": str(made.recording.path or ""),
        "aar": str(written or ""), "score": made.score().shown(),
        "notes": {kind: [vars(n) for n in made.notes if n.kind == kind] for kind in NOTE_KINDS},
        "warnings": [one.sentence() for one in made.exercise.warnings],
    }  # fmt: skip
