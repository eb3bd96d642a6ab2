"""Drills: a scenario run live, with injects and people who decide.

The runtime is a plain object without a terminal, a web server or a clock of its own; fronts drive it::

    exercise = Exercise.load("evening-wage-fire")        # a shipped name or a path; Exercise.parse(text) for uploads
    drill = Drill(exercise, recording=Recording("drill.jsonl"))
    drill.start(by="controller")
    drill.tick(real_s=0.1, speed=10)                     # real seconds passed -> exercise time, or the countdown
    drill.jump()                                         # or: run to the next decision or inject at once
    for prompt in drill.open_decisions:                  # at most one: the exercise stands still while it is open
        drill.decide(prompt.id, prompt.options[0].id, by="dispatcher", reason="nearest")
    drill.stop("out of time", by="controller")           # or it finishes by itself at ENDEX

**Time.** Exercise minutes count from STARTEX. While a decision is open the exercise clock stands still at that
instant; only its countdown runs, in real seconds, and a pause stops the countdown. When it is over the scenario's
own rule answers. `tick` does all this from the real seconds it is told; `expire` ends a countdown at once. How
often a front calls `tick` or `advance` never changes what happens.

**State.** ``drill.status`` is scheduled, running, paused, stopped (with ``stop_reason``) or finished.
``drill.t_min``, ``drill.clock_text`` ("19:05"), ``drill.length_min``, ``drill.speed``.

**Driving.** ``start(by) pause(by) resume(by) set_speed(x, by) stop(reason, by)``; ``tick(real_s, speed=None)``,
``advance(to_min)`` (until that exercise minute, the next decision or the next inject, whichever is first),
``jump()``, all returning the list of new `Event`.

**Decisions.** ``open_decisions`` -> list of `Prompt` (``for_player()``, ``for_controller()``); ``decide(prompt_id,
option_id, by, reason="", took_s=None)``; ``expire(prompt_id)``. ``leave_unfilled(roles, by)``: the rule decides at
once for roles that nobody plays. `scenarios.drill.words` puts prompts, options and events into words.

**Injects.** ``injects`` -> list of `Slot` (inject, status waiting|held|released|skipped, due_min, released_min);
``release(id, by) hold(id, by) skip(id, by) retime(id, at_min, by) adhoc(data, by)`` with data in the form of an
inject without id and trigger: ``{to: [...], text: {en, zh}, effects: [...]}``. ``acknowledge(message_id, by)``.

**Views.** ``view_for(role)``: what a role may know, ready for JSON: never a future inject, an expected action, the
rule's answer, true state or (``blind``) the title and how much is left. ``state()``: everything, for controllers.
``events_for(role, after=n)``: the event log since number n as that role may read it (`CONTROLLER` reads all).

**Evaluation.** ``note(text, by, objective=None, role=CONTROLLER, kind=None)``,
``rate(criterion, points, by, text="")``, ``score()`` ->
`Scorecard`.

**Recording.** ``drill.recording``; `Recording.read(path)` checks its chain; ``replay(recording)`` plays it again
bit for bit and raises `Diverged` or `InputError` when it cannot; ``resume(path)`` takes up a drill after a crash;
``branch(recording, at="D3", answer="wait", replications=30)`` -> `Branch`: what another answer would have brought,
with an interval.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scenarios.drill.branching import Branch, branch
    from scenarios.drill.decisions import Option, Prompt
    from scenarios.drill.form import CONTROLLER, Exercise, names
    from scenarios.drill.ground import Ground
    from scenarios.drill.recording import Recording
    from scenarios.drill.replaying import Diverged, replay, resume
    from scenarios.drill.runtime import Drill, Event, Slot
    from scenarios.drill.score import Scorecard

__all__ = [
    "CONTROLLER",
    "Branch",
    "Diverged",
    "Drill",
    "Event",
    "Exercise",
    "Ground",
    "Option",
    "Prompt",
    "Recording",
    "Scorecard",
    "Slot",
    "branch",
    "names",
    "replay",
    "resume",
]

_HOMES = {
    "Branch": "branching",
    "branch": "branching",
    "Option": "decisions",
    "Prompt": "decisions",
    "CONTROLLER": "form",
    "Exercise": "form",
    "names": "form",
    "Ground": "ground",
    "Recording": "recording",
    "Diverged": "replaying",
    "replay": "replaying",
    "resume": "replaying",
    "Drill": "runtime",
    "Event": "runtime",
    "Slot": "runtime",
    "Scorecard": "score",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"scenarios.drill.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'scenarios.drill' has no attribute {name!r}")
