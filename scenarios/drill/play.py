"""How a drill moves: exercise time, open decisions and due injects, worked through in one fixed order.

`Play` holds the state of a drill and lets it go on; what people may do with it is `scenarios.drill.runtime`. It
moves the model with the same kernel as every run; decisions that the exercise asks are left open by the rule
``ask``, all others are answered at once by the scenario's own rule. How time is divided between calls never
changes what happens.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal, Self

from scenarios.drill import decisions, effects, happenings, injects
from scenarios.drill.criteria import Measure
from scenarios.drill.decisions import Prompt
from scenarios.drill.form import Ask, Exercise
from scenarios.drill.ground import Ground, copied, state_hash
from scenarios.drill.injects import Slot
from scenarios.drill.locked import RecordingFailed
from scenarios.drill.readings import Answered, People, Reading, read
from scenarios.drill.recording import FORMAT, Recording
from scenarios.drill.records import Event, Message, Note
from scenarios.drill.score import Rating, Scorecard, score
from sim.engine.tables import World
from sim.errors import InputError

Status = Literal["scheduled", "running", "paused", "stopped", "finished", "failed"]
"""``failed``: the recording could not be written, so nothing more may happen; what was recorded can be taken up."""
SYSTEM, STAND_IN = "system", "stand-in"
_HOW = {"at": "scheduled", "when": "condition", "after": "after", "manual": "scheduled"}


class Play:
    """The state of a drill and how it goes on; see `scenarios.drill.runtime.Drill`."""

    def __init__(
        self,
        exercise: Exercise,
        seed: int | None = None,
        replication: int = 0,
        recording: Recording | None = None,
        ground: Ground | None = None,
        world: World | None = None,
    ) -> None:
        self.exercise = exercise
        self.ground = ground or Ground.of(exercise)
        self.seed, self.replication = exercise.seed if seed is None else seed, replication
        self.world: World = self.ground.world(self.seed, replication)
        self.status: Status = "scheduled"
        self.stop_reason = ""
        self.failure: RecordingFailed | None = None
        self.speed = 1.0
        self.t_min = 0.0
        self.injects = [Slot.of(inject) for inject in exercise.injects]
        self.prompts: list[Prompt] = []
        self.messages: list[Message] = []
        self.notes: list[Note] = []
        self.ratings: dict[str, Rating] = {}
        self.events: list[Event] = []
        self.final_hash = ""
        self.unfilled: frozenset[str] = frozenset()
        self._arm = self.ground.asking
        self._ongoing = effects.Ongoing()
        self._checked_min = -1
        self._log_seen = int(self.world.clock["log"][0])
        self._times_asked: dict[str, int] = {}
        self._silent = False
        self._recording: Recording | None = recording or Recording()
        if not self._recording.lines:
            self._recording.append(0.0, SYSTEM, SYSTEM, "exercise", self._header())

    def _header(self) -> dict[str, Any]:
        from scenarios.drill.replaying import drill_version

        return {
            "format": FORMAT, "name": self.exercise.name, "exercise": self.exercise.content,
            "exercise_hash": self.exercise.hash, "scenario_hash": self.exercise.made_scenario.hash, "seed": self.seed,
            "replication": self.replication, "code": drill_version(), "start_hash": state_hash(self.world),
        }  # fmt: skip

    # ------------------------------------------------------------ what is so
    @property
    def recording(self) -> Recording:
        """The recording; forks for branches have none."""
        if self._recording is None:
            raise RuntimeError("this is a branch: it is not recorded")
        return self._recording

    @property
    def length_min(self) -> float:
        """Exercise minutes from STARTEX to ENDEX."""
        return self.exercise.length_min

    @property
    def scenario_min(self) -> float:
        """The model's time, minutes since the scenario's start."""
        return float(self.world.clock["now"][0])

    @property
    def clock_text(self) -> str:
        """The scenario's time of day, ``19:05``."""
        return self.time_of_day(self.t_min)

    def time_of_day(self, t_min: float) -> str:
        """Return the scenario's time of day at an exercise minute."""
        minute = int(self.ground.start_min + t_min + 1e-9) % 1440
        return f"{minute // 60:02d}:{minute % 60:02d}"

    @property
    def is_over(self) -> bool:
        """True once the drill is stopped or finished."""
        return self.status in ("stopped", "finished")

    @property
    def open_decisions(self) -> list[Prompt]:
        """The open decision, if there is one; the exercise stands still until it is answered."""
        return [p for p in self.prompts if p.state == "open"]

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of the exercise, the controller left out."""
        return tuple(self.exercise.roles)

    def slot(self, inject_id: str) -> Slot:
        """Return an inject with its fate, by id; ad-hoc injects are ``A1``, ``A2``, ..."""
        for one in self.injects:
            if one.id == inject_id:
                return one
        raise InputError("no inject of this id", field="inject", found=inject_id, allowed=[s.id for s in self.injects])

    def read(self, measure: Measure) -> Reading:
        """Read a measure now."""
        told = self.messages if measure.kind == "share_acknowledged" else []  # they may be many; only this counts them
        people = People(
            [
                Answered(p.role, p.ask, p.elapsed_s, p.in_time)
                for p in self.prompts
                if p.state == "answered" and p.by != STAND_IN
            ],
            [(m.role, m.acknowledged_by is not None) for m in told if m.role not in self.unfilled],
        )
        return read(measure, self.ground, self.world, self._ongoing, people)

    def score(self) -> Scorecard:
        """Return points and grades now; final once the drill is over."""
        return score(self.exercise, self.read, self.ratings, self.is_over)

    def _known_role(self, role: str) -> None:
        if role not in self.exercise.roles:
            raise InputError("unknown role", field="role", found=role, allowed=list(self.exercise.roles))

    # ------------------------------------------------------------ inside
    def _write(self, actor: str, role: str, kind: str, data: dict[str, Any]) -> None:
        if self._recording is None:
            return
        if self.failure is not None:
            raise self.failure
        try:
            self._recording.append(self.t_min, actor, role, kind, data)
        except RecordingFailed as error:
            if self._recording.finish is None:  # after the end nothing follows, and a note may be tried again
                self.failure = error
                self._to_status("failed")
            raise

    def _emit(self, kind: str, roles: tuple[str, ...], data: dict[str, Any]) -> None:
        if not self._silent:
            self.events.append(Event(len(self.events), self.t_min, self.clock_text, kind, roles, data))

    def _to_status(self, status: Status) -> None:
        self.status = status
        self._emit("status", self.roles, {"status": status})

    def _settle(self) -> None:
        """Let everything of this instant happen; an effect on an open decision may change its options or void it."""
        again = self.open_decisions[0] if self.open_decisions else None
        if again is not None:
            again.state = "void"
        if self._kernel(self.scenario_min, again):
            self._release_due()

    def _run(self, to_min: float) -> None:
        """Run to an exercise minute, the next decision or the next inject."""
        while self.status == "running":
            goal = self._next_stop(to_min)
            if not self._kernel(self.ground.start_min + goal, None):
                return
            self.t_min = max(self.t_min, goal)
            released = self._release_due()
            if self.open_decisions:
                return
            if self.t_min >= self.length_min:
                self._finish("finished")
                return
            if released or self.t_min >= to_min:
                return

    def _next_stop(self, to_min: float) -> float:
        stops = [to_min, self.length_min]
        due = injects.next_due(self.injects)
        if due is not None:
            stops.append(due)
        for slot in self.injects:
            if slot.is_conditional and slot.inject.when is not None:
                could = injects.earliest(slot.inject.when, self.read, self.t_min)
                if could < self.length_min:
                    stops.append(float(max(self._checked_min + 1, math.ceil(could))))
        return max(min(stops), self.t_min)

    def _release_due(self) -> bool:
        """Release what is due and whose condition holds; returns whether something was released."""
        released = False
        minute = int(self.t_min)
        whole = minute == self.t_min and minute > self._checked_min
        answers: dict[str, list[str]] = {}
        for prompt in self.prompts:
            if prompt.state == "answered" and prompt.chosen is not None:
                answers.setdefault(prompt.ask, []).append(prompt.chosen.partition(":")[0])
        for slot in self.injects:
            condition = slot.inject.when
            looked_at = slot.is_conditional and (whole or (condition is not None and condition.decided is not None))
            if looked_at and condition is not None and injects.holds(condition, self.read, answers):
                slot.due_min = self.t_min
        if whole:
            self._checked_min = minute
        while due := injects.due_now(self.injects, self.t_min):
            self._release(due[0], _HOW[injects.trigger_of(due[0].inject)])
            released = True
        if released:
            self._kernel(self.scenario_min, None)
        return released

    def _kernel(self, until_min: float, again: Prompt | None) -> bool:
        """Run the model to a time; False when a decision opens before. ``again``: the one that was open before."""
        from sim import kernel
        from sim.engine.hooks import Answer

        while (found := kernel.run_until(self._arm, self.world, until_min)) is not None:
            self._news()
            self.t_min = max(self.t_min, found.now_min - self.ground.start_min)
            rule = decisions.rule_answer(self.ground, self.world, found.hook, found.subject, found.slot)
            ask = self._ask_for(found.hook, found.subject, found.slot)
            if ask is not None and self._open_prompt(ask, found.subject, found.slot, rule, again):
                return False
            kernel.answer(self.world, Answer(*rule))
        self._news()
        return True

    def _ask_for(self, hook: str, subject: int, slot: int) -> Ask | None:
        for ask in self.exercise.asks:
            asked = sum(1 for p in self.prompts if p.ask == ask.id and p.state == "answered")
            if ask.at_most is not None and asked >= ask.at_most:
                continue
            if decisions.matching(ask, self.ground, self.world, hook, subject, slot, self._ongoing):
                return ask
        return None

    def _open_prompt(
        self, ask: Ask, subject: int, slot: int, rule: tuple[int, int, float], again: Prompt | None
    ) -> bool:
        """Open a decision, or the same one again; False when there is nothing to choose."""
        offered = decisions.options(self.ground, self.world, ask, subject, slot, rule)
        if len(offered) < 2:
            return False
        facts = decisions.about(self.ground, self.world, ask.hook, subject, slot)
        rule_option = decisions.option_id(self.ground, self.world, ask.hook, rule)
        base = decisions.key_of(self.world, ask.hook, subject, slot)
        if again is not None and again.key.rpartition("#")[0] == base:
            again.state, again.options, again.about = "open", offered, facts
            again.rule_option, again.rule_answer = rule_option, rule
            self._emit("prompt", (again.role,), again.for_player())
            return True
        number = self._times_asked[base] = self._times_asked.get(base, 0) + 1
        prompt = Prompt(
            f"D{len(self.prompts) + 1}", f"{base}#{number}", ask.id, ask.role, ask.hook, self.t_min, facts, offered,
            ask.answer_within_s, rule_option, rule, subject, slot,
        )  # fmt: skip
        self.prompts.append(prompt)
        told = {"prompt": prompt.id, "key": prompt.key, "ask": ask.id, "role": ask.role, "about": facts,
                "options": [o.id for o in offered], "rule": rule_option}  # fmt: skip
        self._write(SYSTEM, SYSTEM, "prompt", told)
        if prompt.role in self.unfilled:
            self._stand_in(prompt)
            return False
        self._emit("prompt", (prompt.role,), prompt.for_player())
        return True

    def _stand_in(self, prompt: Prompt) -> None:
        """Let the rule answer for a role that nobody plays."""
        prompt.state, prompt.chosen, prompt.by = "answered", prompt.rule_option, STAND_IN
        self._write(SYSTEM, SYSTEM, "stand_in", {"prompt": prompt.id, "key": prompt.key, "option": prompt.rule_option})
        data = {"prompt": prompt.id, "option": prompt.rule_option, "in_time": True, "about": prompt.about}
        answer = prompt.shown_option(prompt.rule_option)
        self._emit("decided", (prompt.role,), {**data, "hook": prompt.hook, "stand_in": True, "answer": answer})

    def _news(self) -> None:
        """Turn what the model has logged since last time into events."""
        seen, self._log_seen = self._log_seen, int(self.world.clock["log"][0])
        if self._silent or seen == self._log_seen:
            return
        for t_min, kind, roles, data in happenings.since(self, seen):
            self.events.append(Event(len(self.events), t_min, self.time_of_day(t_min), kind, roles, data))

    def _finish(self, status: Status) -> None:
        self._to_status(status)
        if self._recording is None:
            return
        self.final_hash = state_hash(self.world)
        data = {"status": status, "state_hash": self.final_hash, "score": self.score().shown(), "t_min": self.t_min}
        self._write(SYSTEM, SYSTEM, "finish", data)

    def _release(self, slot: Slot, how: str) -> None:
        inject = slot.inject
        slot.status, slot.released_min, slot.how, slot.why = "released", self.t_min, how, None
        done: list[dict[str, Any]] = []
        for k, effect in enumerate(inject.effects):
            try:
                done.append(effects.apply(effect, inject.id, k, self.ground, self.world, self._ongoing))
            except InputError as error:
                slot.why = error
        if any(effect.kind in ("close_road", "open_road") for effect in inject.effects):
            roads = effects.roads_arm(self.ground.asking, self.ground, self._ongoing)
            self._arm = replace(self.ground.asking, travel_changes=roads.travel_changes)
        data: dict[str, Any] = {"inject": inject.id, "how": how, "effects": done, "failed": slot.failed}
        self._write(SYSTEM, SYSTEM, "inject", data)
        self._emit("inject", (), {**data, "text": slot.shown()["text"], "to": list(inject.to)})
        for role in inject.to if inject.text is not None else ():
            self._tell(role, slot)
        for other in self.injects:
            after = other.inject.after
            if other.status == "waiting" and other.due_min is None and after is not None and after.inject == inject.id:
                other.due_min = self.t_min + after.delay_min

    def _tell(self, role: str, slot: Slot) -> None:
        shown = slot.shown()
        message = Message(
            f"M{len(self.messages) + 1}", slot.id, role, self.t_min, slot.inject.channel, shown["sender"], shown["text"]
        )
        self.messages.append(message)
        self._emit("message", (role,), message.shown())

    # ------------------------------------------------------------ forks
    def fork(self) -> Self:
        """Return an independent copy at this instant that is not recorded and keeps no events, for branches."""
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        made.world = copied(self.world)
        made.injects = [slot.copy() for slot in self.injects]
        made.prompts = [replace(p) for p in self.prompts]
        made.messages = [replace(m) for m in self.messages]
        made.notes, made.ratings, made.events = list(self.notes), dict(self.ratings), []
        made._ongoing, made._times_asked = self._ongoing.copy(), dict(self._times_asked)
        made._recording, made._silent = None, True
        return made
