"""The catalogue of case types: what may happen in a city and what it takes, as data.

A :class:`CaseType` says how often a kind of trouble occurs, how it is noticed and told, who may close it,
which departments it truly needs, the stages of work, and what waiting does to it. `catalogue.yaml` holds
the shipped types; a scenario changes or adds types in the same form. Nothing here simulates: the life of a
case is `sim.cases.life` and its neighbours.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from sim.cases.laws import Law, LawField
from sim.forms import Form

Level = Literal["grid", "community", "street", "district", "city"]
LEVELS: tuple[Level, ...] = ("grid", "community", "street", "district", "city")
MOST_MIN = 52_560_000.0
"""Minutes of a hundred years: no deadline, wait or patience is longer."""
MOST_LOGIT = 100.0
"""A logit beyond this is a certainty."""
ARCHETYPES = ("urban", "compound", "rural", "pastoral")


class Part(Form):
    """Base of all scenario parts: unknown fields are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Title(Part):
    """A name on screen in two languages."""

    en: str = Field(min_length=1, max_length=10_000)
    zh: str = Field(min_length=1, max_length=10_000)


class Stage(Part):
    """One step of work on a case.

    A stage first occupies people for ``touch_min`` and then takes ``lag_min`` in which nobody is busy.
    """

    name: str = Field(min_length=1, max_length=80)
    who: str = Field("holder", description="'holder' (who has the case now), or the name of a post or department")
    staff: int = Field(1, ge=0, le=64, description="people or units seized together; 0 = nobody (a pure delay)")
    capability: str | None = Field(None, description="capability that the sent staff must have")
    touch_min: LawField = Field(Law("constant", {"value": 0.0}), description="minutes a person is busy")
    lag_min: LawField = Field(Law("constant", {"value": 0.0}), description="minutes nobody is busy after the touch")
    where: str = Field(
        "scene",
        description="'scene', 'desk' (no travel), or a kind of facility to go to, the nearest by ordinary travel, e.g. "
        "'hospital'",
    )
    travel: Literal["lights", "ordinary"] | None = Field(
        None,
        description="how its people drive to it: 'lights' (and sirens) or 'ordinary'; "
        "null: with lights for emergency types, else ordinary",
    )
    keep_staff: bool = Field(False, description="the same staff go on from the stage before")
    atomic: bool = Field(True, description="all staff are seized at one instant; otherwise who is free goes ahead")
    next: dict[str, float] | None = Field(
        None,
        description="stage or 'done' -> probability; omitted: the next stage in the list; a missing rest is 'done'",
    )

    @model_validator(mode="after")
    def _check_travel(self) -> Stage:
        if self.travel is not None and (self.where == "desk" or self.staff == 0):
            raise ValueError("'travel' says how people drive, and nobody drives to this stage (desk, or no staff)")
        return self

    @model_validator(mode="after")
    def _check_next(self) -> Stage:
        if self.next is not None:
            total = sum(self.next.values())
            if any(p < 0 for p in self.next.values()) or total > 1 + 1e-9:
                raise ValueError(f"probabilities in 'next' must be at least 0 and sum to at most 1, not {total:g}")
        return self


class DepartmentPart(Part):
    """The work of one further department that a case needs."""

    touch_min: LawField = Law("lognormal", {"median": 60.0, "sigma": 0.6})
    lag_min: LawField = Law("constant", {"value": 0.0})
    staff: int = Field(1, ge=1, le=16)


class Success(Part):
    """Chance that the work truly settles the incident, on the logit scale around ``base``."""

    base: float = Field(0.9, ge=0, le=1, description="probability at average skill, at once, first attempt")
    skill: float = Field(0.0, ge=-MOST_LOGIT, le=MOST_LOGIT, description="logit per unit of skill above 1")
    per_week_delay: float = Field(
        0.0, ge=-MOST_LOGIT, le=MOST_LOGIT, description="logit per week between occurrence and work (negative)"
    )
    per_failure: float = Field(0.0, ge=-MOST_LOGIT, le=MOST_LOGIT, description="logit per earlier failed attempt")
    floor: float = Field(0.05, ge=0, le=1)


class Deadlines(Part):
    """Limits promised, in minutes from the report; working time counts office hours only."""

    respond_min: float = Field(1440.0, ge=0.1, le=MOST_MIN)
    resolve_min: float = Field(10080.0, ge=0.1, le=MOST_MIN)
    working_time: bool = False

    @model_validator(mode="after")
    def _order(self) -> Deadlines:
        if self.resolve_min < self.respond_min:
            raise ValueError(
                f"the deadline to resolve ({self.resolve_min:g}) lies before the deadline to respond "
                f"({self.respond_min:g} min, which is 1440 unless given)"
            )
        return self


class Confusion(Part):
    """What the type seems to be when it is misjudged."""

    misjudged: float = Field(0.0, ge=0, le=1, description="probability that intake files it as another type")
    as_types: list[str] = Field(default_factory=list, description="types it is mistaken for, equally likely")


class CaseType(Part):
    """A kind of incident and all that the model needs to know of it."""

    title: Title
    kind: Literal["dispute", "order", "need", "emergency", "crime", "service", "enquiry", "bare"]
    rate_per_1000_year: float = Field(
        0.0, ge=0, le=1e6, description="incidents per 1,000 residents per year, before profiles"
    )
    rate_per_hour: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="incidents per hour in the whole city, spread over demand places (bare models, real call rates)",
    )
    archetype_factor: dict[Literal["urban", "compound", "rural", "pastoral"], float] = Field(default_factory=dict)
    hours: list[float] | str = Field("flat", description="24 relative weights or a profile name")
    weekdays: list[float] | str = Field("flat", description="7 relative weights from Monday or a profile name")
    months: list[float] | str = Field("flat", description="12 relative weights or a profile name")
    sine: dict[Literal["amplitude", "period_h", "phase_h"], float] | None = Field(
        None, description="rate times 1 + amplitude sin(2 pi (t - phase)/period), exact (not stepwise)"
    )
    excitation: float = Field(0.0, ge=0, lt=1, description="mean number of direct after-shocks per incident")
    excitation_delay_min: LawField = Law("exponential", {"mean": 1440.0})
    severity: list[float] = Field([1.0], description="shares of severity 1, 2, 3, 4", max_length=4)
    report: dict[str, float] = Field(
        default_factory=dict, description="channel -> utility of telling it there (logit; staying silent is 0)"
    )
    report_delay_min: LawField = Law("constant", {"value": 0.0})
    witnesses: float = Field(
        0.0, ge=0, le=1000, description="mean number of further residents who may report the same incident"
    )
    witness_delay_min: LawField = Law("exponential", {"mean": 240.0})
    patrol_visible: bool = False
    sensor_visible: bool = False
    visible_min: LawField = Law("exponential", {"mean": 1440.0})
    seems: Confusion = Confusion()
    start: str = Field("grid", description="level or department where a case of this type begins")
    ladder: dict[Level, str] = Field(default_factory=dict, description="level -> post that holds the case there")
    closes_at: Level | None = Field(
        "grid", description="lowest level that may lawfully close it; null: only its department"
    )
    department: str | None = Field(None, description="department with authority over the type")
    needs: dict[str, float] = Field(
        default_factory=dict, description="department -> probability that its work is truly needed"
    )
    believed_needs: dict[str, float] = Field(
        default_factory=dict, description="department -> probability that it seems needed when it is not"
    )
    stages: list[Stage] = Field(max_length=64)
    part: DepartmentPart = DepartmentPart()
    success: Success = Success()
    deadlines: Deadlines = Deadlines()
    queue_patience_min: LawField | None = Field(
        None, description="waiting longer than this in a queue, the caller leaves (null: never)"
    )
    patience_h: LawField = Law("exponential", {"mean": 120.0})
    repeat_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="unresolved: share who come again when patience ends; the rest let it lapse or climb",
    )
    petition_share: float = Field(
        0.0, ge=0, le=1, description="unresolved after a failed case: share who go to the petition office"
    )
    spontaneous_h: LawField | None = Field(
        None, description="unattended trouble ends by itself after this (null: never)"
    )
    grows_per_h: float = Field(0.0, ge=0, le=1000, description="hazard of rising one severity while unattended")
    loss_yuan_per_h: float = Field(0.0, ge=0, le=1e9, description="loss to residents and society per hour unresolved")
    emergency: bool = Field(False, description="lights and sirens; interrupts routine work")
    preemptible: bool = Field(True, description="work on it may be interrupted by an emergency")
    priority_class: int = Field(0, ge=0, le=9, description="class for priority rules in bare models (0 first)")
    overtime: Literal["finish", "suspend"] = Field("finish", description="what happens to work when the shift ends")
    provenance: dict[str, str] = Field(
        default_factory=dict, description="field -> source id and confidence, e.g. 'FACTS D13 official'"
    )

    @model_validator(mode="after")
    def _check(self) -> CaseType:
        for field, n in (("hours", 24), ("weekdays", 7), ("months", 12)):
            value = getattr(self, field)
            if isinstance(value, list) and (len(value) != n or min(value) < 0 or sum(value) <= 0):
                raise ValueError(f"'{field}' needs {n} weights of at least 0 that are not all 0")
        if not self.severity or min(self.severity) < 0 or abs(sum(self.severity) - 1) > 1e-6:
            raise ValueError("'severity' needs up to 4 shares that sum to 1")
        for field in ("needs", "believed_needs"):
            for department, chance in getattr(self, field).items():
                if not 0 <= chance <= 1:
                    raise ValueError(f"'{field}' holds probabilities, and {chance:g} ({department}) is none")
        if any(not 0 <= factor <= 1000 for factor in self.archetype_factor.values()):
            raise ValueError("'archetype_factor' multiplies a rate and must be at least 0 and at most 1000")
        if any(not abs(utility) <= MOST_LOGIT for utility in self.report.values()):
            raise ValueError("a utility under 'report' is a logit; allowed: -100 to 100")
        if not self.stages:
            raise ValueError("a type needs at least one stage")
        names = [s.name for s in self.stages]
        if len(set(names)) != len(names):
            raise ValueError("stage names repeat")
        for stage in self.stages:
            for target in stage.next or {}:
                if target != "done" and target not in names:
                    raise ValueError(
                        f"stage '{stage.name}' leads to unknown stage '{target}'; allowed: done, {', '.join(names)}"
                    )
        return self
