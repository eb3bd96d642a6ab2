"""The drill itself: what controllers, players and evaluators can do. See `scenarios.drill` for its use.

It has no clock of its own: fronts tell it how many real seconds have passed. Everything that is done goes into the
recording before anything follows from it; a command that cannot be done raises and changes nothing. How things go on
between commands is `scenarios.drill.play`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from scenarios.drill import effects, views
from scenarios.drill.decisions import Prompt
from scenarios.drill.form import CONTROLLER, Inject
from scenarios.drill.ground import copied
from scenarios.drill.injects import Slot
from scenarios.drill.play import SYSTEM, Play
from scenarios.drill.records import Event, Message, Note
from scenarios.drill.score import Rating
from sim.errors import InputError

__all__ = ["Drill", "Event", "Message", "Note", "Slot"]
LEAST_SPEED, MOST_SPEED = 0.5, 600.0


class Drill(Play):
    """A drill; see `scenarios.drill`.

    Parameters
    ----------
    exercise
        What is played.
    seed, replication
        Name all random draws (default: the exercise's seed, replication 0).
    recording
        Where everything is written (default: in memory).
    ground
        Tables made before for the same exercise.
    world
        Its state at STARTEX for the same seed and replication, made before (`Ground.world`); it is taken, not copied.
    """

    def view_for(self, role: str) -> dict[str, Any]:
        """Return what a role may know, ready for JSON."""
        self._known_role(role)
        return views.view_for(self, role)

    def state(self) -> dict[str, Any]:
        """Return everything, for controllers."""
        return views.state(self)

    def events_for(self, role: str, after: int = -1) -> list[Event]:
        """Return the events since number ``after`` that a role may know (`CONTROLLER`: all)."""
        if role == CONTROLLER:
            return self.events[after + 1 :]
        self._known_role(role)
        found = [e for e in self.events[after + 1 :] if role in e.roles]
        if not self.exercise.blind:
            return found
        # minutes are told from now, as in the view: an offset would say how far into the exercise it is
        return [replace(e, t_min=None, data=views.blinded(e.data, True, self.t_min)) for e in found]

    # ------------------------------------------------------------ the clock
    def start(self, by: str = CONTROLLER) -> list[Event]:
        """STARTEX."""
        self._must_be("scheduled")
        return self._done(by, "start", {}, lambda: self._to_status("running"))

    def pause(self, by: str = CONTROLLER) -> list[Event]:
        """Stop exercise time and countdowns."""
        self._must_be("running")
        return self._done(by, "pause", {}, lambda: self._to_status("paused"), settle=False)

    def resume(self, by: str = CONTROLLER) -> list[Event]:
        """Go on after a pause."""
        self._must_be("paused")
        return self._done(by, "resume", {}, lambda: self._to_status("running"), settle=False)

    def set_speed(self, speed: float, by: str = CONTROLLER) -> list[Event]:
        """Set exercise seconds per real second, 0.5 to 600; `tick` uses it."""
        if not LEAST_SPEED <= speed <= MOST_SPEED:
            raise InputError("impossible speed", field="speed", found=speed, allowed=f"{LEAST_SPEED} to {MOST_SPEED:g}")
        return self._done(
            by, "speed", {"speed": float(speed)}, lambda: setattr(self, "speed", float(speed)), settle=False
        )

    def stop(self, reason: str, by: str = CONTROLLER) -> list[Event]:
        """End the drill before ENDEX; nothing more happens in the model."""
        if self.is_over:
            raise InputError("the drill is over already", field="status", found=self.status)

        def end() -> None:
            self.stop_reason = reason
            for prompt in self.open_decisions:
                prompt.state = "void"
            self._finish("stopped")

        return self._done(by, "stop", {"reason": reason}, end, settle=False)

    def leave_unfilled(self, roles: Iterable[str], by: str = CONTROLLER) -> list[Event]:
        """Say which roles nobody plays: the rule decides for them at once, and measures of people leave them out."""
        chosen = sorted(set(roles))
        for role in chosen:
            self._known_role(role)
        if self.open_decisions and self.open_decisions[0].role in chosen:
            raise InputError("this role has an open decision: answer it or let it time out first", field="role",
                             found=self.open_decisions[0].role)  # fmt: skip

        def leave() -> None:
            self.unfilled = frozenset(chosen)

        return self._done(by, "unfilled", {"roles": chosen}, leave, settle=False)

    def tick(self, real_s: float, speed: float | None = None) -> list[Event]:
        """Let real seconds pass: exercise time goes on, or the countdown of the open decision runs.

        Nothing passes unless the drill is running. What is left of the seconds when a decision opens is dropped.
        """
        if self.status != "running":
            return []
        first = len(self.events)
        if self.open_decisions:
            prompt = self.open_decisions[0]
            prompt.elapsed_s = min(prompt.elapsed_s + real_s, prompt.answer_within_s)
            if prompt.elapsed_s >= prompt.answer_within_s:
                self.expire(prompt.id)
        else:
            goal = min(self.t_min + real_s * (self.speed if speed is None else speed) / 60.0, self.length_min)
            while self.status == "running" and not self.open_decisions and self.t_min < goal:
                self._run(goal)
        return self.events[first:]

    def advance(self, to_min: float) -> list[Event]:
        """Run until an exercise minute, the next decision or the next inject, whichever is first."""
        first = len(self.events)
        if self.status == "running" and not self.open_decisions:
            self._run(min(float(to_min), self.length_min))
        return self.events[first:]

    def jump(self) -> list[Event]:
        """Run to the next decision or inject, or to the end."""
        return self.advance(self.length_min)

    # ------------------------------------------------------------ decisions
    def decide(
        self, prompt_id: str, option_id: str, by: str, reason: str = "", took_s: float | None = None
    ) -> list[Event]:
        """Answer an open decision; the exercise goes on from that very instant.

        Parameters
        ----------
        took_s
            Real seconds it took, when the front measured them itself instead of by `tick`.

        Raises
        ------
        InputError
            The decision is not open, or this is not one of its options.
        """
        prompt = self._open(prompt_id)
        option = prompt.option(option_id)
        if option is None:
            raise InputError("not one of the options", field=prompt_id, found=option_id,
                             allowed=[o.id for o in prompt.options])  # fmt: skip
        if took_s is not None:
            prompt.elapsed_s = float(took_s)
        prompt.elapsed_s = round(prompt.elapsed_s, 3)
        data = {"prompt": prompt.id, "key": prompt.key, "option": option.id, "reason": reason,
                "took_s": prompt.elapsed_s}  # fmt: skip
        return self._done(
            by, "decide", data, lambda: self._answer(prompt, option.id, option.answer, by, reason, True), prompt.role
        )

    def expire(self, prompt_id: str) -> list[Event]:
        """End a countdown: the scenario's own rule answers."""
        prompt = self._open(prompt_id)
        prompt.elapsed_s = round(prompt.elapsed_s, 3)
        data = {"prompt": prompt.id, "key": prompt.key, "option": prompt.rule_option, "took_s": prompt.elapsed_s}
        return self._done(
            SYSTEM, "expire", data,
            lambda: self._answer(prompt, prompt.rule_option, prompt.rule_answer, SYSTEM, "", False), prompt.role,
        )  # fmt: skip

    def _open(self, prompt_id: str) -> Prompt:
        prompt = next((p for p in self.open_decisions if p.id == prompt_id), None)
        if prompt is None:
            open_now = [p.id for p in self.open_decisions]
            raise InputError("this decision is not open", field="decision", found=prompt_id,
                             allowed=open_now or "none is open")  # fmt: skip
        return prompt

    def _answer(
        self, prompt: Prompt, option: str, answer: tuple[int, int, float], by: str, reason: str, in_time: bool
    ) -> None:
        from sim import kernel
        from sim.engine.hooks import Answer

        prompt.state, prompt.chosen, prompt.by, prompt.reason, prompt.in_time = "answered", option, by, reason, in_time
        kernel.answer(self.world, Answer(*answer))
        data = {
            "prompt": prompt.id, "option": option, "in_time": in_time, "about": prompt.about, "hook": prompt.hook,
            "answer": prompt.shown_option(option),
        }  # fmt: skip
        self._emit("decided", (prompt.role,), data)

    # ------------------------------------------------------------ injects
    def release(self, inject_id: str, by: str = CONTROLLER) -> list[Event]:
        """Release an inject now, also one that was released before."""
        slot = self.slot(inject_id)
        self._must_be("running", "paused")
        self._try_out(slot.inject)
        return self._done(by, "release", {"inject": inject_id}, lambda: self._release(slot, "manual"))

    def hold(self, inject_id: str, by: str = CONTROLLER) -> list[Event]:
        """Keep a waiting inject back until it is released or given a new time."""
        return self._fate(inject_id, "hold", "held", by)

    def skip(self, inject_id: str, by: str = CONTROLLER) -> list[Event]:
        """Strike a waiting inject."""
        return self._fate(inject_id, "skip", "skipped", by)

    def _fate(self, inject_id: str, kind: str, status: Any, by: str) -> list[Event]:
        slot = self.slot(inject_id)
        if slot.status not in ("waiting", "held"):
            raise InputError("the inject is not waiting", field=inject_id, found=slot.status, allowed="waiting, held")
        return self._done(by, kind, {"inject": inject_id}, lambda: setattr(slot, "status", status), settle=False)

    def retime(self, inject_id: str, at_min: float, by: str = CONTROLLER) -> list[Event]:
        """Give a waiting or held inject another time."""
        slot = self.slot(inject_id)
        if slot.status not in ("waiting", "held"):
            raise InputError("the inject is not waiting", field=inject_id, found=slot.status, allowed="waiting, held")
        if not self.t_min <= at_min <= self.length_min:
            raise InputError("the time lies outside what is left", field=inject_id, found=at_min,
                             allowed=f"{self.t_min:g} to {self.length_min:g}")  # fmt: skip

        def change() -> None:
            slot.status, slot.due_min = "waiting", float(at_min)

        return self._done(by, "retime", {"inject": inject_id, "at_min": float(at_min)}, change, settle=False)

    def adhoc(self, data: dict[str, Any], by: str = CONTROLLER) -> list[Event]:
        """Release an inject that is not in the list, now.

        Parameters
        ----------
        data
            In the form of an inject without ``id`` and trigger: ``to``, ``channel``, ``sender``, ``text``, ``effects``.

        Raises
        ------
        InputError
            The form is wrong or an effect cannot be carried out; nothing has changed then.
        """
        self._must_be("running", "paused")
        number = 1 + sum(1 for s in self.injects if s.how == "adhoc")
        inject = self._adhoc_inject(f"A{number}", data)
        self._try_out(inject)

        def add() -> None:
            slot = Slot(inject, how="adhoc")
            self.injects.append(slot)
            self._release(slot, "adhoc")

        return self._done(by, "adhoc", {"inject": inject.id, "content": data}, add)

    def _adhoc_inject(self, name: str, data: dict[str, Any]) -> Inject:
        if any(slot.id == name for slot in self.injects):
            name = f"{name}-{len(self.injects)}"
        try:
            inject = Inject.model_validate({**data, "id": name, "manual": True})
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(first["msg"].removeprefix("Value error, "),
                             field=".".join(map(str, first["loc"])) or "inject") from None  # fmt: skip
        for role in inject.to:
            self._known_role(role)
        return inject

    def _try_out(self, inject: Inject) -> None:
        """Carry out an inject's effects on a copy, so that one that cannot be done changes nothing."""
        world, ongoing = copied(self.world), self._ongoing.copy()
        for k, effect in enumerate(inject.effects):
            effects.apply(effect, inject.id, k, self.ground, world, ongoing)

    def acknowledge(self, message_id: str, by: str) -> list[Event]:
        """Note that a role has read a message."""
        message = next((m for m in self.messages if m.id == message_id), None)
        if message is None:
            raise InputError("no message of this id", field="message", found=message_id)
        if message.acknowledged_by is not None:
            return []

        def read_it() -> None:
            message.acknowledged_by, message.acknowledged_min = by, self.t_min

        return self._done(by, "acknowledge", {"message": message_id}, read_it, message.role, settle=False)

    # ------------------------------------------------------------ evaluation
    def note(
        self, text: str, by: str, objective: str | None = None, role: str = CONTROLLER, kind: str | None = None
    ) -> list[Event]:
        """Write something down, stamped with exercise time; also after the end.

        Parameters
        ----------
        text, by
            What, and who writes it.
        objective
            The objective an evaluator's note is about.
        role
            ``controller``, or a player's role: whatever a player writes is a player's remark.
        kind
            ``evaluator`` or ``controller``, for whoever runs the exercise; by default an evaluator's where it is about
            an objective.

        Raises
        ------
        InputError
            Unknown objective or kind, or a player's remark that is to be more than that.
        """
        known = [o.id for o in self.exercise.objectives]
        if objective is not None and objective not in known:
            raise InputError("unknown objective", field="objective", found=objective, allowed=known)
        kind = _note_kind(role, kind, objective)
        data = {"text": text, "objective": objective}
        if kind == "evaluator" and objective is None:  # elsewhere it follows from role and objective
            data["kind"] = kind
        write = lambda: self.notes.append(Note(self.t_min, by, text, objective, role, kind))  # noqa: E731
        return self._done(by, "note", data, write, role, settle=False)

    def rate(self, criterion: str, points: float, by: str, text: str = "") -> list[Event]:
        """Give a criterion 0-100 points; this wins over what was measured. Also after the end."""
        known = [c.id for c in self.exercise.criteria]
        if criterion not in known:
            raise InputError("unknown criterion", field="criterion", found=criterion, allowed=known)
        if not 0 <= points <= 100:
            raise InputError("impossible points", field=criterion, found=points, allowed="0 to 100")
        rating = Rating(float(points), by, self.t_min, text)
        data = {"criterion": criterion, "points": float(points), "text": text}
        return self._done(by, "rate", data, lambda: self.ratings.__setitem__(criterion, rating), settle=False)

    def _must_be(self, *allowed: str) -> None:
        if self.status not in allowed:
            raise InputError("this cannot be done now", field="status", found=self.status, allowed=list(allowed))

    def _done(
        self,
        by: str,
        kind: str,
        data: dict[str, Any],
        act: Callable[[], Any],
        role: str = CONTROLLER,
        settle: bool = True,
    ) -> list[Event]:
        """Record a command, carry it out, and let this instant come to rest."""
        first = len(self.events)
        self._write(by, role if kind != "expire" else SYSTEM, kind, data)
        act()
        if kind in ("note", "rate", "hold", "skip", "retime", "speed", "acknowledge", "unfilled"):
            said = {**data, "by": by}
            if kind == "note":  # the log says whose and as what
                said |= {"role": role, "kind": self.notes[-1].kind}
            self._emit(kind, (), said)
        if settle and not self.is_over:
            self._settle()
        return self.events[first:]


def _note_kind(role: str, kind: str | None, objective: str | None) -> str:
    """Return as what a note is written."""
    allowed = ("player",) if role != CONTROLLER else ("evaluator", "controller")
    usual = "player" if role != CONTROLLER else "evaluator" if objective is not None else "controller"
    if kind is not None and kind not in allowed:
        raise InputError("a note of this role cannot be of this kind", field="kind", found=kind, allowed=allowed)
    if objective is not None and (kind or usual) != "evaluator":
        raise InputError("only an evaluator's note is about an objective", field="objective", found=objective)
    return kind or usual
