"""Answers given ahead in a file: a drill without a terminal, for tests, demonstrations and comparisons.

One line each::

    D1 send:fire_engine-2 the nearest      # an option's id, or its number from 1; the rest is the reason
    D2 timeout                             # let the countdown run out
    D3 3 /12.5 by agreement                # took 12.5 real seconds
    * rule                                 # decisions not named: rule (what the rule would do) or timeout (default)
    @12.5 release recall                   # at an exercise minute: release, hold, skip, retime ID MINUTE, note TEXT,
    @20 note the call was short            #   rate CRITERION POINTS, pause, resume, speed X, stop REASON, say TEXT

Empty lines and what follows ``#`` at a line's start or after two spaces are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from scenarios.drill.decisions import Prompt
from scenarios.drill.form import CONTROLLER
from scenarios.drill.runtime import Drill
from sim.errors import InputError

ACTIONS = ("release", "hold", "skip", "retime", "note", "rate", "pause", "resume", "speed", "stop", "say")
_ANSWER = re.compile(r"(D[1-9]\d*)\s+(\S+)(?:\s+/(\d+(?:\.\d+)?))?(?:\s+(.*))?")
_ACTION = re.compile(r"@(\d+(?:\.\d+)?)\s+(\w+)(?:\s+(.*))?")
MAX_BYTES = 1_000_000
MOST_S, MOST_MIN = 86_400.0, 100_000.0


@dataclass(frozen=True)
class Given:
    """One answer of the file."""

    line: int
    option: str
    took_s: float
    reason: str


@dataclass(frozen=True)
class Action:
    """One thing that a controller does at an exercise minute."""

    line: int
    at_min: float
    kind: str
    rest: str


@dataclass
class Script:
    """The answers of a file.

    Attributes
    ----------
    otherwise
        What happens to decisions that are not named: ``rule`` or ``timeout``.
    """

    file: str
    answers: dict[str, Given] = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)
    otherwise: str = "timeout"

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Script:
        """Read a file of answers.

        Raises
        ------
        InputError
            Naming the line that cannot be understood.
        """
        file = Path(path)
        try:
            raw = file.read_bytes()
            if len(raw) > MAX_BYTES:
                raise InputError("the file is too large", file=path, allowed=f"at most {MAX_BYTES:,} bytes")
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InputError("the file is not UTF-8 text", file=path) from None
        except OSError as error:
            raise InputError("the file cannot be read", file=path, found=error.strerror) from None
        made = cls(str(path))
        for number, line in enumerate(text.splitlines(), 1):
            made._take(number, re.split(r"^\s*#|\s\s#|\t#", line)[0].strip())
        made.actions.sort(key=lambda a: a.at_min)
        return made

    def _take(self, number: int, text: str) -> None:
        if not text:
            return
        if text.startswith("*"):
            self.otherwise = text[1:].strip()
            if self.otherwise not in ("rule", "timeout"):
                raise self._wrong(number, self.otherwise, "* rule or * timeout")
        elif found := _ANSWER.fullmatch(text):
            name = found[1]
            if name in self.answers:
                raise self._wrong(number, name, "each decision once")
            took_s = float(found[3] or 0.0)
            if took_s > MOST_S:
                raise self._wrong(number, found[3], f"at most {MOST_S:g} real seconds")
            self.answers[name] = Given(number, found[2], took_s, found[4] or "")
        elif (found := _ACTION.fullmatch(text)) and found[2] in ACTIONS:
            if float(found[1]) > MOST_MIN:
                raise self._wrong(number, found[1], f"at most {MOST_MIN:g} exercise minutes")
            self.actions.append(Action(number, float(found[1]), found[2], found[3] or ""))
        else:
            raise self._wrong(number, text, f"'D1 OPTION [/SECONDS] [REASON]', '@MINUTE ACTION' ({', '.join(ACTIONS)})")

    def _wrong(self, number: int, found: str, allowed: str) -> InputError:
        return InputError("this line cannot be used", file=self.file, line=number, found=found, allowed=allowed)

    def play(self, drill: Drill, by: str = "script") -> None:
        """Play a started drill to its end.

        Raises
        ------
        InputError
            With file and line, when an answer is not among the options or an action cannot be done.
        """
        actions = list(self.actions)
        while not drill.is_over:
            if actions and drill.t_min >= actions[0].at_min:
                self._act(drill, actions.pop(0), by)
            elif drill.status == "paused":
                if not actions:
                    raise InputError("the script pauses the drill and never resumes it", file=self.file)
                self._act(drill, actions.pop(0), by)  # time stands still: what comes next must resume or stop
            elif drill.open_decisions:
                self._answer(drill, drill.open_decisions[0], by)
            else:
                drill.advance(min(actions[0].at_min, drill.length_min) if actions else drill.length_min)

    def _answer(self, drill: Drill, prompt: Prompt, by: str) -> None:
        given = self.answers.get(prompt.id)
        if given is None and self.otherwise == "rule":
            drill.decide(prompt.id, prompt.rule_option, by)
        elif given is None or given.option == "timeout":
            drill.tick(prompt.left_s + 1.0)
        else:
            option = numbered(prompt, given.option)
            if prompt.option(option) is None:
                raise InputError(f"not an option of {prompt.id}", file=self.file, line=given.line, found=given.option,
                                 allowed=[o.id for o in prompt.options])  # fmt: skip
            drill.decide(prompt.id, option, by, given.reason, given.took_s)

    def _act(self, drill: Drill, action: Action, by: str) -> None:
        try:
            act(drill, action.kind, action.rest, by)
        except InputError as error:
            raise InputError(error.problem, file=self.file, line=action.line, field=action.kind, found=error.found,
                             allowed=error.allowed) from None  # fmt: skip


def numbered(prompt: Prompt, text: str) -> str:
    """Return an option's id from its number (from 1) or from the id itself."""
    if text.isdecimal() and 1 <= int(text) <= len(prompt.options):
        return prompt.options[int(text) - 1].id
    return text


def act(drill: Drill, kind: str, rest: str, by: str) -> None:
    """Do one thing that a controller can do, from words.

    Raises
    ------
    InputError
        Unknown words or something that cannot be done now.
    """
    first, _, more = rest.strip().partition(" ")
    if kind in ("release", "hold", "skip"):
        getattr(drill, kind)(first, by)
    elif kind == "retime":
        drill.retime(first, _number(more, "minute"), by)
    elif kind == "rate":
        points, _, text = more.strip().partition(" ")
        drill.rate(first, _number(points, "points"), by, text)
    elif kind == "note":
        drill.note(_some(rest, "note"), by, role=by if by in drill.roles else CONTROLLER)
    elif kind == "speed":
        drill.set_speed(_number(first, "speed"), by)
    elif kind == "stop":
        drill.stop(rest.strip(), by)
    elif kind == "say":
        text = _some(rest, "say")
        drill.adhoc({"to": list(drill.roles), "text": {"en": text, "zh": text}}, by)
    elif kind == "pause":
        drill.pause(by)
    elif kind == "resume":
        drill.resume(by)


def _number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError("not a number", field=what, found=text) from None


def _some(text: str, what: str) -> str:
    if not text.strip():
        raise InputError("there is no text", field=what)
    return text.strip()
