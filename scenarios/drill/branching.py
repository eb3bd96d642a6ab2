"""Branches: what another answer to one decision would have brought, compared as an arm with an interval.

The drill is played again up to the decision, and forked there. One fork gets the recorded answer, the other
another one. From then on both are treated alike: controllers' actions come at their recorded times, decisions that
come up again under the same name get the recorded answer where it is still possible (``later="recorded"``), all
others the built-in rule's. With ``later="rule"`` the rule answers everything that follows.

On the recorded future the fork with the recorded answer is the parent, bit for bit. For the interval the future is
drawn anew, the same for both forks: a new key for all draws still to come, and the background incidents of another
replication from that instant on. What has happened stays, timers already set among it. So a branch says what the
answer was worth over the futures that could have followed, given what had happened until then; the players
themselves are not simulated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scenarios.compare import Better, Paired, adjusted, compare
from scenarios.drill.criteria import HIGHER_IS_BETTER, OF_PEOPLE, Criterion, Measure
from scenarios.drill.decisions import Prompt
from scenarios.drill.ground import Ground, state_hash
from scenarios.drill.recording import Line, Recording
from scenarios.drill.replaying import begun, command, play
from scenarios.drill.runtime import Drill
from sim.errors import InputError

FEWEST = 2
RECORDED, OTHER = "recorded", "branch"
_FUTURES = 1_000_000  # replications of redrawn futures are numbered from here
_CONTROLS = frozenset(["release", "hold", "skip", "retime", "adhoc"])


@dataclass(frozen=True)
class Row:
    """One measure of a branch.

    Attributes
    ----------
    criterion
        Its id.
    recorded, branch
        Values on the recorded future (NaN where nothing was observed).
    paired
        Over redrawn futures: branch minus recorded with a 95 % interval; the verdict is adjusted over all rows (Holm).
    """

    criterion: str
    title: Any
    unit: str
    recorded: float
    branch: float
    paired: Paired


@dataclass(frozen=True)
class Branch:
    """A branch from one decision.

    Attributes
    ----------
    prompt
        The decision, as the controller sees it.
    recorded_option, other_option
        What was answered, and what the branch answers.
    later, replications
        How later decisions are answered; how many futures were drawn.
    rows
        One per criterion that the model measures, and the loss of each inject's incidents.
    parent_hash, unchanged_hash, branch_hash
        Hashes of final states on the recorded future: of the recording, of the fork with the recorded answer, of the
        other fork. The first two are equal when ``later`` is ``recorded``.
    """

    prompt: dict[str, Any]
    recorded_option: str
    other_option: str
    later: str
    replications: int
    rows: list[Row]
    parent_hash: str
    unchanged_hash: str
    branch_hash: str
    final: dict[str, dict[str, Any]] = field(default_factory=dict)


def branch(
    recording: Recording,
    at: str,
    answer: str,
    replications: int = 30,
    later: str = "recorded",
    ground: Ground | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Branch:
    """Fork a recorded drill at a decision and compare another answer with the recorded one.

    Parameters
    ----------
    recording
        Of a drill that is over.
    at, answer
        Id of the decision, and of the option that the branch takes.
    replications
        Redrawn futures, at least 2; 30 or more give a usable interval.
    later
        ``recorded`` or ``rule``: who answers what comes after.
    progress
        Called with (futures done, futures).

    Raises
    ------
    InputError
        An unknown decision or option, a drill that is not over, code of another version.
    """
    if replications < FEWEST:
        raise InputError("too few futures for an interval", field="replications", found=replications,
                         allowed=f"at least {FEWEST}")  # fmt: skip
    if later not in ("recorded", "rule"):
        raise InputError("unknown choice", field="later", found=later, allowed="recorded, rule")
    finish = recording.finish
    if finish is None:
        raise InputError("the drill is not over: a branch needs its whole recording")
    line = _answer_line(recording, at)
    held = play(recording, begun(recording, ground), line.n)
    prompt = held.open_decisions[0]
    if prompt.option(answer) is None:
        raise InputError("not one of the options of this decision", field=at, found=answer,
                         allowed=[o.id for o in prompt.options])  # fmt: skip
    future = _Future(recording, line, float(finish.t_min), later)
    recorded_option = str(line.data["option"])
    takes = {RECORDED: recorded_option, OTHER: answer}
    ends = {name: future.played(held.fork(), option) for name, option in takes.items()}
    hashes = {name: state_hash(drill.world) for name, drill in ends.items()}
    measured = measures_of(held)
    values = {name: np.full((replications, len(measured)), math.nan) for name in takes}
    for r in range(replications):
        drawn = held.fork()
        redraw(drawn, r)
        for name, option in takes.items():
            values[name][r] = _values(future.played(drawn.fork(), option), measured)
        if progress is not None:
            progress(r + 1, replications)
    rows = _rows(measured, {name: _values(drill, measured) for name, drill in ends.items()}, values)
    return Branch(
        prompt.for_controller(), recorded_option, answer, later, replications, rows, str(finish.data["state_hash"]),
        hashes[RECORDED], hashes[OTHER],
        {name: drill.score().shown() for name, drill in ends.items()},
    )  # fmt: skip


def _answer_line(recording: Recording, at: str) -> Line:
    """Return the line that answered a decision."""
    answered = {str(x.data["prompt"]): x for x in recording.lines if x.kind in ("decide", "expire")}
    if at not in answered:
        raise InputError("no answered decision of this id in the recording", field="at", found=at,
                         allowed=list(answered) or "none was answered")  # fmt: skip
    return answered[at]


def measures_of(drill: Drill) -> list[Criterion]:
    """Return the criteria that the model measures, and a row for the loss of each inject that has an incident."""
    from scenarios.drill.criteria import Criterion as Form
    from sim.cases.catalogue import Title

    found = [c for c in drill.exercise.criteria if c.measure is not None and c.measure.kind not in OF_PEOPLE]
    known = {c.measure.inject for c in found if c.measure is not None and c.measure.kind == "loss_yuan"}
    for inject in drill.exercise.injects:
        kinds = [e.type for e in inject.effects if e.kind == "incident"]
        if kinds and inject.id not in known:
            name = drill.ground.names.type(drill.ground.names.types.index(str(kinds[0])))
            title = Title(en=f"Loss: {name['en']}", zh=f"损失：{name['zh']}")
            measure = Measure(kind="loss_yuan", inject=inject.id)
            found.append(Form(id=f"loss-{inject.id}"[:60], title=title, measure=measure, target=0.0, fail=1.0))
    return found


def _values(drill: Drill, measured: list[Criterion]) -> np.ndarray:
    """Return a value per criterion; what was not reached counts the time waited until the end."""
    out = np.full(len(measured), math.nan)
    for k, criterion in enumerate(measured):
        if criterion.measure is not None:
            value = drill.read(criterion.measure).value
            out[k] = math.nan if value is None else value
    return out


def _rows(measured: list[Criterion], ends: dict[str, np.ndarray], values: dict[str, np.ndarray]) -> list[Row]:
    """Return a row per criterion; verdicts are adjusted over all of them (Holm)."""
    better: dict[str, Better] = {}
    found = []
    for k, criterion in enumerate(measured):
        kind = criterion.measure.kind if criterion.measure is not None else ""
        better[criterion.id] = "higher" if kind in HIGHER_IS_BETTER else "lower"
        mine = {name: table[:, k] for name, table in values.items()}
        found.append(compare(mine, criterion.id, RECORDED, better=better[criterion.id]))
    return [
        Row(
            criterion.id, criterion.title, criterion.measure.unit if criterion.measure is not None else "",
            float(ends[RECORDED][k]), float(ends[OTHER][k]), one[OTHER],
        )
        for k, (criterion, one) in enumerate(zip(measured, adjusted(found, better), strict=True))
    ]  # fmt: skip


def redraw(drill: Drill, future: int) -> None:
    """Give a fork another future: new draws from now on, and another replication's background incidents.

    Parameters
    ----------
    future
        Number of the future; equal numbers give equal futures.
    """
    from sim.cases.demand import draw_incidents, in_order, replication_key

    world, ground = drill.world, drill.ground
    key = replication_key(drill.seed, _FUTURES + future)
    cursor, now = int(world.clock["cursor"][0]), float(world.clock["now"][0])
    ahead = world.incidents[cursor:]
    own = {entity for entities in drill._ongoing.entities.values() for entity in entities}
    kept = ahead[np.isin(ahead["entity"], np.array(sorted(own), np.uint64))] if own else ahead[:0]
    world.clock["key"] = key
    drawn = draw_incidents(ground.arm.demand, world.address, key)
    drawn = ground.arm._with_script(drawn, world)
    drawn = drawn[drawn["occurred_min"] > now]
    world._set("incidents", np.concatenate([world.incidents[:cursor], in_order(np.concatenate([kept, drawn]))]))


def _controls(lines: list[Line]) -> Iterator[tuple[Line, str | None]]:
    """Yield what controllers did, each with the key of the decision that stood open then (None: none)."""
    under: str | None = None
    for line in lines:
        if line.kind == "prompt":
            under = str(line.data["key"])
        elif line.kind in ("decide", "expire", "stand_in"):
            under = None
        elif line.kind in _CONTROLS:
            yield line, under


class _Future:
    """What was recorded after the decision, to be played on a fork."""

    def __init__(self, recording: Recording, answered: Line, end_min: float, later: str) -> None:
        self.later, self.end_min = later, end_min
        after = recording.lines[answered.n + 1 :]
        self.controls = list(_controls(after))
        self.answers = {str(x.data["key"]): str(x.data["option"]) for x in after if x.kind == "decide"}

    def played(self, drill: Drill, option: str) -> Drill:
        """Answer the open decision of a fork and play to the recorded end."""
        if drill.status == "paused":
            drill.status = "running"
        self._take(drill, drill.open_decisions[0], option)
        controls = list(self.controls)
        while not drill.is_over:
            open_now = drill.open_decisions[0] if drill.open_decisions else None
            if controls and self._is_time(drill, controls[0], open_now):
                self._control(drill, controls.pop(0)[0])
            elif open_now is not None:
                self._take(drill, open_now, self._later(open_now))
            elif drill.t_min >= self.end_min:
                drill.stop("recorded end")
            else:
                drill.advance(min(controls[0][0].t_min, self.end_min) if controls else self.end_min)
        return drill

    def _is_time(self, drill: Drill, control: tuple[Line, str | None], open_now: Prompt | None) -> bool:
        """Tell whether a controller's action comes now: at its time, under the decision under which it came."""
        line, under = control
        if drill.t_min < line.t_min:
            return False
        return open_now is None or open_now.key == under

    def _later(self, prompt: Prompt) -> str | None:
        """Return the option for a later decision, None for the rule."""
        wanted = self.answers.get(prompt.key) if self.later == "recorded" else None
        return wanted if wanted is not None and prompt.option(wanted) is not None else None

    def _take(self, drill: Drill, prompt: Prompt, option: str | None) -> None:
        if option is None or prompt.option(option) is None:
            drill.expire(prompt.id)
        else:
            drill.decide(prompt.id, option, RECORDED)

    def _control(self, drill: Drill, line: Line) -> None:
        """Do what a controller did, where it still can be done."""
        try:
            command(drill, line)
        except InputError:
            return  # the inject has gone another way in this future, or nobody of the post is left to take off duty
