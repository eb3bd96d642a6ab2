"""The form of an exercise file: scenario, start, roles, objectives, injects, and what is asked of people.

An :class:`Exercise` is checked text and nothing else; it does not run. Its ``scenario`` is a scenario in the usual
form (a name, or sections laid over ``extends``). Times named ``at_min`` are exercise minutes: 0 is STARTEX. The
rules of running are `scenarios.drill.runtime`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from scenarios.drill.criteria import Criterion, Measure
from scenarios.form_errors import nearest, placed, validated
from scenarios.library import LIBRARY, rooted
from scenarios.merge import content_hash
from scenarios.schema import Scenario, Version
from scenarios.yaml_lines import Tree, parse_yaml, read_yaml
from sim.cases.catalogue import Level, Title
from sim.errors import InputError
from sim.forms import Form

DRILLS = LIBRARY / "drills"
MAX_UPLOAD_BYTES = 256_000
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,59}$"
HOOKS = ("dispatch", "coordinate", "report_in", "pick")
CONTROLLER = "controller"
Hook = Literal["dispatch", "coordinate", "report_in", "pick"]
Reason = Literal["authority", "needs", "failed", "deadline", "bounced", "no_holder", "resident", "dispatch"]
REASONS: tuple[Reason, ...] = (
    "authority", "needs", "failed", "deadline", "bounced", "no_holder", "resident", "dispatch",
)  # fmt: skip
Channel = Literal["phone", "radio", "system", "message", "in_person", "news"]
_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d")


class Start(Form):
    """The moment of the scenario at which the exercise begins; until then the built-in rules decide alone."""

    day: int = Field(1, ge=0, le=60, description="days after the calendar's start (0 is its first day)")
    time: str = Field("19:00", description="a time of day such as '19:00'")

    @model_validator(mode="after")
    def _is_clock(self) -> Start:
        if not _CLOCK.fullmatch(self.time):
            raise ValueError(f"'time' must be a time of day such as '19:00', not '{self.time}'")
        return self

    @property
    def scenario_min(self) -> float:
        """Minutes since the scenario's start."""
        hours, minutes = self.time.split(":")
        return self.day * 1440.0 + int(hours) * 60 + int(minutes)


class Sees(Form):
    """What a role may know: null stands for all, an empty list for none."""

    posts: list[str] | None = Field(None, description="posts whose people and crews the role sees (null: all)")
    types: list[str] | None = Field(None, description="case types the role sees (null: all)")
    levels: list[Level] | None = Field(None, description="levels whose cases the role sees (null: all)")


class Role(Form):
    """Somebody who takes part: a player decides and is told; an observer only sees."""

    title: Title
    kind: Literal["player", "observer"] = "player"
    brief: Title | None = Field(None, description="what the role is told before the start")
    sees: Sees = Sees()


class Effect(Form):
    """What an inject does to the model."""

    kind: Literal["incident", "close_road", "open_road", "off_duty", "recall"]
    name: str | None = Field(None, description="road closures: a name by which it can be opened again")
    type: str | None = Field(None, description="incident: its case type")
    severity: int = Field(2, ge=1, le=4)
    grid: str | None = Field(None, min_length=1, description="incident: code of the grid (null: drawn)")
    place: int | None = Field(None, ge=0, description="incident: place index")
    needs: list[str] | None = Field(None, description="incident: departments truly needed (null: drawn by the type)")
    told_by: str | None = Field(
        None, min_length=1, description="incident: channel that tells it at once (null: residents choose)"
    )
    x_m: float | None = Field(None, ge=-1e8, le=1e8, description="close_road: centre, metres in the city's coordinates")
    y_m: float | None = Field(None, ge=-1e8, le=1e8, description="close_road: centre, metres in the city's coordinates")
    around: str | None = Field(None, description="close_road: inject whose incident is the centre")
    radius_m: float = Field(150.0, ge=1, le=1e6, description="close_road: arcs with their middle inside are closed")
    for_min: float | None = Field(
        None, ge=0.1, le=100_000, description="close_road: minutes until it opens (null: by open_road)"
    )
    post: str | None = Field(None, description="off_duty, recall: post of the people or crews")
    count: int = Field(1, ge=1, le=200, description="off_duty, recall: how many")

    @model_validator(mode="after")
    def _whole(self) -> Effect:
        if self.kind == "incident" and not self.type:
            raise ValueError("an incident needs its 'type'")
        if self.kind in ("off_duty", "recall") and not self.post:
            raise ValueError(f"'{self.kind}' needs the 'post'")
        if self.kind in ("close_road", "open_road") and not self.name:
            raise ValueError(f"'{self.kind}' needs the closure's 'name'")
        if self.kind == "close_road" and not self.around and (self.x_m is None or self.y_m is None):
            raise ValueError("'close_road' needs 'x_m' and 'y_m', or 'around' an inject with an incident")
        return self


class Condition(Form):
    """A condition that releases an inject: a measure passes a value, or a decision was given an answer."""

    measure: Measure | None = None
    above: float | None = Field(None, description="true when the running value is above this (in the measure's unit)")
    below: float | None = Field(None, description="true when the measure is reached and below this")
    decided: str | None = Field(None, description="an ask: true once a decision of it has been given an answer")
    answer: str | None = Field(None, description="kind of answer wanted, e.g. whistle (null: any)")

    @model_validator(mode="after")
    def _one(self) -> Condition:
        if (self.measure is None) == (self.decided is None):
            raise ValueError("a condition names either a 'measure' or a 'decided' ask")
        if self.measure is not None and (self.above is None) == (self.below is None):
            raise ValueError("a condition on a measure needs either 'above' or 'below'")
        return self


class After(Form):
    """So long after another inject."""

    inject: str
    delay_min: float = Field(0.0, ge=0, le=100_000, description="exercise minutes")


class Inject(Form):
    """One line of the master events list. Exactly one of ``at_min``, ``when``, ``after`` and ``manual`` stands."""

    id: str = Field(pattern=NAME)
    at_min: float | None = Field(None, ge=0, le=100_000, description="exercise minutes")
    when: Condition | None = None
    after: After | None = None
    manual: bool = False
    to: list[str] = Field(default_factory=list, description="roles that are told (empty: nobody)")
    channel: Channel = "message"
    sender: Title | None = None
    text: Title | None = None
    effects: list[Effect] = Field(default_factory=list)
    expected: Title | None = Field(None, description="what is expected of the players; for controllers only")
    objective: str | None = None

    @model_validator(mode="after")
    def _one_trigger(self) -> Inject:
        given = [self.at_min is not None, self.when is not None, self.after is not None, self.manual]
        if sum(given) != 1:
            raise ValueError("an inject has exactly one of 'at_min', 'when', 'after' and 'manual: true'")
        if self.text is not None and not self.to:
            raise ValueError("an inject with a text needs 'to': the roles that are told")
        if self.text is None and not self.effects:
            raise ValueError("an inject has a 'text', 'effects', or both")
        return self


class Ask(Form):
    """Which decisions are asked of a role instead of being taken by the scenario's rule."""

    id: str = Field(pattern=NAME)
    hook: Hook
    role: str
    types: list[str] | None = Field(None, description="case types (null: all)")
    incidents: list[str] | None = Field(None, description="only about incidents of these injects (null: all)")
    emergency: bool | None = Field(None, description="only emergencies (true) or only others (false)")
    severity_at_least: int = Field(1, ge=1, le=4)
    departments: list[str] | None = Field(None, description="dispatch, report_in: only these departments' own work")
    posts: list[str] | None = Field(None, description="dispatch: only people and crews of these posts")
    reasons: list[Reason] | None = Field(None, description="coordinate: only for these reasons")
    answer_within_s: float = Field(90.0, ge=1, le=3600, description="real seconds; then the built-in rule answers")
    at_most: int | None = Field(None, ge=1, le=100_000, description="decisions asked in all (null: no limit)")
    most_options: int = Field(8, ge=2, le=30, description="people or crews offered, nearest first")


class Grades(Form):
    """Least score (0-100) for each grade; below the last it is U."""

    P: float = Field(85.0, ge=0, le=100)
    S: float = Field(70.0, ge=0, le=100)
    M: float = Field(50.0, ge=0, le=100)

    @model_validator(mode="after")
    def _falling(self) -> Grades:
        if not self.P > self.S > self.M:
            raise ValueError("grades must fall: P above S above M")
        return self


class Task(Form):
    """A critical task of an objective with what can be observed of it."""

    id: str = Field(pattern=NAME)
    title: Title
    criteria: list[Criterion] = Field(min_length=1)


class Objective(Form):
    """What the exercise is to show."""

    id: str = Field(pattern=NAME)
    title: Title
    weight: float = Field(1.0, ge=0.001, le=1000)
    tasks: list[Task] = Field(min_length=1)

    @property
    def criteria(self) -> Iterator[Criterion]:
        """All criteria, in order."""
        return (criterion for task in self.tasks for criterion in task.criteria)


class Exercise(Form):
    """An exercise, checked.

    Attributes
    ----------
    scenario
        What is run: a library name or path, or sections of a scenario with ``extends``.
    policy
        Whose rules decide what nobody is asked, and answer on time-out (null: the scenario's first).
    blind
        True: players see neither the exercise's title nor how much of it is left (double-blind).
    """

    name: str = Field(pattern=NAME)
    title: Title
    description: Title | None = None
    version: Version = "1"
    scenario: Any = Field(description="a scenario's name or path, or its sections with 'extends'")
    policy: str | None = Field(None, min_length=1)
    start: Start = Start()
    length_min: float = Field(90.0, ge=1, le=2880, description="exercise minutes from STARTEX to ENDEX")
    seed: int = Field(1, ge=0, lt=2**63)
    blind: bool = False
    roles: dict[str, Role] = Field(min_length=1)
    objectives: list[Objective] = Field(default_factory=list)
    injects: list[Inject] = Field(default_factory=list)
    asks: list[Ask] = Field(default_factory=list)
    grades: Grades = Grades()
    provenance: dict[str, str | Title] = Field(
        default_factory=dict, description="what is assumed, and where from; in both languages, or in one"
    )

    _tree: Tree = PrivateAttr(default_factory=Tree)
    _made: Scenario | None = PrivateAttr(default=None)

    @classmethod
    def load(cls, name_or_path: str | PathLike[str]) -> Exercise:
        """Load a shipped exercise by name, or one by path.

        Raises
        ------
        InputError
            Unknown name, unreadable file, or any mistake in the form or its scenario, with file, line and field.
        """
        path = _locate(str(name_or_path))
        return cls._of(read_yaml(path), path.parent)

    @classmethod
    def parse(cls, text: str, file: str = "upload.yaml") -> Exercise:
        """Check an exercise given as text; its scenario must be a library's or written in it.

        Raises
        ------
        InputError
            As `load`; also for a text above 256 kB.
        """
        if len(text.encode()) > MAX_UPLOAD_BYTES:
            raise InputError("the exercise is too large", file=file, allowed=f"at most {MAX_UPLOAD_BYTES:,} bytes")
        return cls._of(parse_yaml(text, file), Path("."), only_library=True)

    @classmethod
    def from_data(cls, data: dict[str, Any], source: str = "recording") -> Exercise:
        """Check an exercise given as data, as a recording holds it (`content`)."""
        return cls._of(Tree(data, {(): (source, 1)}), Path("."))

    @classmethod
    def _of(cls, tree: Tree, folder: Path, only_library: bool = False) -> Exercise:
        from scenarios.drill.form_checks import check_names
        from scenarios.drill.form_reach import check_reach
        from scenarios.drill.form_scenario import scenario_of

        made = validated(cls, tree)
        made._tree = tree
        made._made = scenario_of(made, tree, folder, only_library)
        try:
            check_names(made)
            check_reach(made)
        except InputError as error:
            raise placed(error, tree) from None
        return made

    @property
    def warnings(self) -> list[InputError]:
        """What is told of the exercise and no mistake: texts that change nothing."""
        from scenarios.drill.form_reach import told_of

        return told_of(self)

    def placed(self, error: InputError) -> InputError:
        """Give an error about a field of this exercise its file and line."""
        return placed(error, self._tree)

    @property
    def made_scenario(self) -> Scenario:
        """The checked scenario, long enough for the exercise."""
        if self._made is None:
            raise RuntimeError("an exercise is made by Exercise.load, parse or from_data")
        return self._made

    @property
    def base_policy(self) -> str:
        """The policy whose rules answer what nobody is asked."""
        return self.policy or self.made_scenario.arms[0]

    @property
    def content(self) -> dict[str, Any]:
        """The whole text as data, the scenario laid together: `from_data` makes the same exercise of it."""
        scenario = self.made_scenario
        laid = {**scenario.content, "city": rooted(scenario.city, scenario.folder)}
        return {**self._tree.data, "scenario": laid}

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of the exercise's text and of the scenario it runs."""
        own = {key: value for key, value in self._tree.data.items() if key != "scenario"}
        return content_hash([own, self.made_scenario.hash])

    @property
    def criteria(self) -> list[Criterion]:
        """All criteria of all objectives, in order."""
        return [c for objective in self.objectives for c in objective.criteria]

    def inject(self, name: str) -> Inject:
        """Return an inject of the list by its id."""
        return next(one for one in self.injects if one.id == name)


def names() -> tuple[str, ...]:
    """Return the names of the shipped exercises, sorted."""
    return tuple(sorted(path.stem for path in DRILLS.glob("*.yaml")))


def _locate(text: str) -> Path:
    if text in names():
        return DRILLS / f"{text}.yaml"
    path = Path(text).expanduser()
    if os.path.isfile(path):  # also for names that no file can have
        return path
    known = names()
    raise InputError(
        "no exercise of that name or path", found=text,
        allowed=[*(nearest(text, known) or known), "or the path of a YAML file"],
    )  # fmt: skip
