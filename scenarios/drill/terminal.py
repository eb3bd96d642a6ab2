"""A drill in the terminal: the clock line, injects as they come, decisions with their options, commands by one letter.

It drives a `Drill` by wall time and shows what happens; nothing is decided here. Who sits at the terminal is the
controller (sees everything, answers for every role) or one role (sees what that role may know; nobody plays the
others).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from rich.markup import escape

from scenarios.console import Console
from scenarios.drill import words as said
from scenarios.drill.answers import act, numbered
from scenarios.drill.decisions import Prompt
from scenarios.drill.form import CONTROLLER
from scenarios.drill.keys import Lines
from scenarios.drill.records import Event
from scenarios.drill.runtime import Drill
from scenarios.numbers import difference, number
from scenarios.verdicts_told import verdict_key, verdict_text
from sim.errors import InputError

LONGEST_STEP_S = 1.0  # a machine that slept must not run the exercise away
WAIT_S = 0.1
_LETTERS = {"h": "hold", "k": "skip", "n": "note", "r": "rate", "s": "speed", "x": "say"}


class Screen:
    """What is written: lines that stay, and one last line that is written over (on a terminal only).

    Parameters
    ----------
    console
        Words and streams.
    role
        Whose eyes: `CONTROLLER` or a role.
    """

    def __init__(self, console: Console, role: str = CONTROLLER) -> None:
        self.console, self.role, self.lang = console, role, console.lang
        self.words = console.words
        self._live = sys.stdout.isatty() and not console.machine
        self._drawn = ""

    def line(self, text: str = "", style: str = "") -> None:
        """Write a line that stays."""
        if self.console.machine:
            return
        self._clear()
        marked = f"[{style}]{escape(text)}[/{style}]" if style else escape(text)
        self.console.out.print(marked, highlight=False, soft_wrap=not self._live)

    def status(self, text: str) -> None:
        """Write the last line over."""
        if self._live and text != self._drawn:
            self._drawn = text
            shown = text[-max(10, self.console.out.width - 1) :]
            sys.stdout.write(f"\r\x1b[2K{shown}")
            sys.stdout.flush()

    def _clear(self) -> None:
        if self._live and self._drawn:
            sys.stdout.write("\r\x1b[2K")
            sys.stdout.flush()
            self._drawn = ""

    # ------------------------------------------------------------ what is told
    def opening(self, drill: Drill, path: object) -> None:
        """Tell what is played, by whom, and where it is recorded."""
        exercise, lang = drill.exercise, self.lang
        hidden = exercise.blind and self.role != CONTROLLER
        title = self.words("drill.banner") if hidden else getattr(exercise.title, lang)
        self.line(self.words("drill.terminal.opening", title=title), "bold")
        roles = list(dict.fromkeys(a.role for a in exercise.asks))
        named = said.listed([getattr(exercise.roles[r].title, lang) for r in roles], lang)
        if not hidden:
            self.line(self.words("drill.terminal.facts", length=f"{exercise.length_min:g}", time=exercise.start.time,
                                 seed=drill.seed, roles=named))  # fmt: skip
        for name in roles if self.role == CONTROLLER else [self.role]:
            brief = exercise.roles[name].brief
            if brief is not None:
                text = self.words("drill.terminal.brief", role=getattr(exercise.roles[name].title, lang),
                                  text=getattr(brief, lang))  # fmt: skip
                self.line(text)
        if path is not None:
            self.line(self.words("drill.terminal.recording", path=path))

    def events(self, drill: Drill, after: int) -> int:
        """Tell what is new since an event; returns the last event's number."""
        told: set[str] = set()
        for event in drill.events_for(self.role, after):
            text = said.event_text(event.kind, event.data, self.words, self.lang)
            if event.kind == "message" and self.role == CONTROLLER:
                if text in told:
                    continue  # one text to several roles
                told.add(text)
            if text:
                self.line(f"{event.time}  {text}", _style(event))
        return len(drill.events) - 1

    def prompt(self, drill: Drill, prompt: Prompt, advice: bool = False) -> None:
        """Put a decision with its options."""
        about = prompt.about
        title = said.prompt_title(about, prompt.hook, self.words, self.lang)
        role = getattr(drill.exercise.roles[prompt.role].title, self.lang)
        self.line()
        self.line(self.words("drill.terminal.question", prompt=prompt.id, role=role, title=title), "bold yellow")
        for detail in said.prompt_details(about, prompt.hook, self.words, self.lang):
            self.line(f"    {detail}")
        for n, option in enumerate(prompt.for_player()["options"], 1):
            text = said.option_text(option, self.words, self.lang)
            self.line(self.words("drill.terminal.numbered", n=f"{n:>2}", text=text))
        if advice:
            answer = said.answer_short(prompt.shown_option(prompt.rule_option), self.words, self.lang)
            self.line("    " + self.words("drill.terminal.advice", answer=answer), "dim")
        self.line("    " + self.words("drill.terminal.answer_within", seconds=f"{prompt.answer_within_s:g}"), "dim")

    def clock(self, drill: Drill, typed: str = "") -> None:
        """Write the clock line, with what is being typed."""
        hidden = drill.exercise.blind and self.role != CONTROLLER
        text = self.words(
            "drill.terminal.clock", time=drill.clock_text, t="" if hidden else said.clock(drill.t_min),
            status=self.words(f"drill.status.{drill.status}"), speed=f"{drill.speed:g}",
        )  # fmt: skip
        for prompt in drill.open_decisions:
            text += "   " + self.words("drill.terminal.countdown", prompt=prompt.id, left=f"{prompt.left_s:.0f}")
        self.status(f"{text}  > {typed}")

    def list_injects(self, drill: Drill) -> None:
        """Show the master events list."""
        if self.console.machine:
            return
        column = lambda name: self.words(f"drill.terminal.columns.{name}")  # noqa: E731
        rows = []
        for slot in drill.injects:
            shown = slot.shown()
            due = slot.released_min if slot.status == "released" else slot.due_min
            when = said.clock(due) if due is not None else "–"
            text = said.inject_text(shown, self.words, self.lang)
            rows.append([slot.id, when, self.words(f"drill.inject_status.{slot.status}"), text])
        self._clear()
        self.console.table([column("id"), column("due"), column("status"), column("text")], rows)

    def score(self, drill: Drill) -> None:
        """Show points and grades."""
        if self.console.machine:
            return
        column = lambda name: self.words(f"drill.terminal.columns.{name}")  # noqa: E731
        card = drill.score().shown()
        rows = []
        for objective in card["objectives"]:
            rows.append(
                [said.said(objective["title"], self.lang), "", "", _points(objective), self._grade(objective["grade"])]
            )
            for criterion in objective["criteria"]:
                unit = str(criterion["unit"] or "")
                rows.append([
                    "  " + said.said(criterion["title"], self.lang), said.reading_text(criterion, self.words),
                    said.amount(criterion["target"], unit, self.words), _points(criterion),
                    self.words(f"drill.states.{criterion['state']}"),
                ])  # fmt: skip
        self._clear()
        heads = [column(name) for name in ("criterion", "value", "target", "points")]
        self.console.table([*heads, f"{column('grade')}/{column('state')}"], rows)
        if card["points"] is None:
            self.line(self.words("drill.terminal.no_total"), "bold")
        else:
            grade = self._grade(card["grade"])
            self.line(self.words("drill.terminal.total", points=f"{card['points']:.0f}", grade=grade), "bold")

    def _grade(self, grade: str | None) -> str:
        return self.words(f"drill.grades.{grade}") if grade else ""


def _points(row: dict[str, Any]) -> str:
    return "–" if row["points"] is None else f"{row['points']:.0f}"


def _style(event: Event) -> str:
    return {"message": "bold cyan", "inject": "cyan", "whistle": "magenta", "note": "dim"}.get(event.kind, "")


class Terminal:
    """Somebody at a terminal with a drill.

    Parameters
    ----------
    drill
        Started or not.
    screen
        Where it is shown.
    lines
        Where typed lines come from.
    advice
        True: the rule's answer is shown with each decision.
    seconds
        Tells seconds; wall time unless a test gives its own.
    """

    def __init__(
        self,
        drill: Drill,
        screen: Screen,
        lines: Lines,
        advice: bool = False,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.drill, self.screen, self.lines, self.advice, self.seconds = drill, screen, lines, advice, seconds
        self.by = screen.role
        self._seen = -1
        self._shown: str | None = None

    def run(self) -> None:
        """Play until the drill is over. Ctrl-C leaves it paused in its recording, to be taken up again."""
        drill = self.drill
        if drill.status == "scheduled":
            drill.start(self.by)
        before = self.seconds()
        try:
            while not drill.is_over:
                self._tell()
                self.screen.clock(drill, self.lines.typed)
                text = self.lines.wait(WAIT_S)
                now = self.seconds()
                drill.tick(min(now - before, LONGEST_STEP_S))
                before = now
                if text:
                    self.screen.line(f"> {text}", "dim")
                    self.take(text)
        except KeyboardInterrupt:
            if drill.status == "running":
                drill.pause(self.by)
            self.screen.line(self.screen.words("drill.terminal.interrupted", path=drill.recording.path or "–"))
            raise
        finally:
            self._tell()

    def _tell(self) -> None:
        self._seen = self.screen.events(self.drill, self._seen)
        open_now = self.drill.open_decisions
        if not open_now:
            self._shown = None
        elif self._shown != open_now[0].id:
            self._shown = open_now[0].id
            self.screen.prompt(self.drill, open_now[0], self.advice)

    def take(self, text: str) -> None:
        """Carry out one typed line; a mistake is told and changes nothing."""
        try:
            self._take(text.strip())
        except InputError as error:
            self.screen.line(self.screen.words.mistake(error), "red")

    def _take(self, text: str) -> None:
        drill, screen = self.drill, self.screen
        first, _, rest = text.partition(" ")
        if first.isdecimal() or ":" in first or first in ("wait", "handle", "escalate", "supervise", "close"):
            self._answer(first, rest)
        elif first == "?":
            screen.line(screen.words("drill.terminal.help"))
        elif first == "p":
            paused = drill.status == "paused"
            _ = drill.resume(self.by) if paused else drill.pause(self.by)
            screen.line(screen.words("drill.terminal.resumed" if paused else "drill.terminal.paused"))
        elif first == "j":
            drill.jump()
        elif first == "o" and drill.open_decisions:
            self._shown = None
        elif first == "i" and screen.role == CONTROLLER:
            if rest.strip():
                drill.release(rest.strip(), self.by)
            else:
                screen.list_injects(drill)
        elif first == "a":
            mine = [m for m in drill.messages if not m.acknowledged_by and screen.role in (CONTROLLER, m.role)]
            for message in mine:
                drill.acknowledge(message.id, self.by)
            screen.line(screen.words("drill.terminal.acknowledged", n=len(mine)))
        elif first == "q":
            drill.stop(rest.strip(), self.by)
        elif first in _LETTERS and (screen.role == CONTROLLER or first in "ns"):
            act(drill, _LETTERS[first], rest, self.by)
        else:
            screen.line(screen.words("drill.terminal.unknown", text=text), "red")

    def _answer(self, first: str, reason: str) -> None:
        if not self.drill.open_decisions:
            self.screen.line(self.screen.words("drill.terminal.no_decision"), "red")
            return
        prompt = self.drill.open_decisions[0]
        self.drill.decide(prompt.id, numbered(prompt, first), self.by, reason.strip())


def show_branch(console: Console, found: Any, same: bool) -> None:
    """Print a branch: values on the recorded future, paired differences, verdicts."""
    words = console.words
    column = lambda name: words(f"drill.terminal.columns.{name}")  # noqa: E731
    rows = []
    for row in found.rows:
        told = asdict(row.paired)
        verdict, needed = verdict_text(told, words), row.paired.needed
        if verdict_key(told) == "undecided" and needed:
            verdict = words("drill.terminal.undecided_needed", verdict=verdict, needed=f"{needed:,}")
        rows.append([getattr(row.title, console.lang), words.name("drill.units", row.unit), number(row.recorded),
                     number(row.branch), difference(told, "", words), verdict])  # fmt: skip
    unit = words("cli.columns.unit")
    names = ("criterion", "", "recorded", "branch", "difference", "verdict")
    console.table([column(name) if name else unit for name in names], rows)
    later = words(f"drill.terminal.later.{found.later}")
    console.out.print(escape(words("drill.terminal.branch_note", n=found.replications, later=later)), soft_wrap=True)
    if found.later == "recorded":
        answer = words("words.yes") if same else words("words.no")
        console.out.print(escape(words("drill.terminal.branch_same", same=answer)), soft_wrap=True)
