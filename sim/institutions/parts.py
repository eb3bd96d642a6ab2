"""The institutional parts that a scenario writes: departments, channels, whistle kinds, the calendar.

Only their form and checks stand here; what they do is in `authority`, `channels` and `coordination`.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, model_validator

from sim.cases.catalogue import MOST_LOGIT, MOST_MIN, Level, Part, Title
from sim.cases.laws import Law, LawField
from sim.plain_values import MOST_DAYS


class Department(Part):
    """A department that can be asked for its part of a case."""

    title: Title
    post: str = Field(description="the post whose units do its work")
    level: Level = Field("district", description="level at which the department decides")
    duty_types: list[str] = Field(default_factory=list, description="types that its duty list names")
    reluctance: float = Field(
        0.0, ge=-MOST_LOGIT, le=MOST_LOGIT, description="added to the logit of refusing (0 = average)"
    )
    assessment_weight: float = Field(
        0.0, ge=0, le=1, description="weight of the street's assessment in its score (C11)"
    )
    desk_delay_min: LawField = Field(
        Law("lognormal", {"median": 720.0, "sigma": 0.8}), description="time until its desk looks at a referral"
    )
    provenance: dict[str, str] = Field(default_factory=dict)


class Channel(Part):
    """A way by which an incident becomes a case."""

    title: Title
    operators: str | None = Field(None, description="post that takes the call (null: nobody, only the delay)")
    take_min: LawField = Field(
        Law("constant", {"value": 0.0}), description="minutes an operator is busy with one contact"
    )
    delay_min: LawField = Field(Law("constant", {"value": 0.0}), description="minutes until the contact reaches a desk")
    patience_min: LawField | None = Field(None, description="caller hangs up after waiting this long")
    open_hours: tuple[float, float] = (0.0, 24.0)
    needs_digital: float = Field(0.0, ge=0, le=MOST_LOGIT, description="how much digital access raises its utility")
    trust: float = Field(
        0.0, ge=-MOST_LOGIT, le=MOST_LOGIT, description="how much the resident's trust raises its utility"
    )
    misjudge_factor: float = Field(1.0, ge=0, le=100, description="multiplies the type's chance of being misjudged")
    wrong_address: float = Field(
        0.0, ge=0, le=1, description="probability that the case is filed in a neighbouring grid"
    )
    callback: float = Field(0.0, ge=0, le=1, description="share of closed cases called back")
    level: Level | None = Field(
        None, description="cases of this channel start at least here (e.g. petition office: district)"
    )
    provenance: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Channel:
        if not 0 <= self.open_hours[0] < self.open_hours[1] <= 24:
            raise ValueError("the channel never opens: 'open_hours' need 0 <= opening < closing <= 24")
        return self


class Whistle(Part):
    """A kind of whistle: its deadline to come, quorum and lead."""

    title: Title
    kind: Literal["hard_problem", "joint_enforcement", "emergency"]
    report_in_min: float = Field(
        ge=0.1, le=MOST_MIN, description="minutes in which the called departments must have come"
    )
    message_min: float = Field(5.0, ge=0, le=MOST_MIN)
    quorum: float = Field(1.0, ge=0.001, le=1, description="share of called departments present before work starts")
    lead: Literal["home_department", "street", "first_present"] = Field(
        "home_department",
        description="who leads: the type's own department when it is called (crews set out once it has promised, work "
        "starts once it is there), the street's own people (nobody is waited for), or who comes first",
    )
    hold_min: float = Field(
        120.0, ge=0.1, le=MOST_MIN, description="after this wait crews are released; longer after each release"
    )
    reconvene_min: float = Field(
        1440.0,
        ge=0.1,
        le=MOST_MIN,
        description="after a release, or without a quorum, the next appointment is this much later",
    )
    appointed: bool = Field(
        True, description="crews set out together for an appointed hour once the quorum has promised; else each at once"
    )
    set_out_min: float = Field(
        120.0, ge=0, le=MOST_MIN, description="crews set out this long before the appointed deadline"
    )
    working_time: bool = Field(True, description="deadline, reconvening and reminders count working time")
    joint_speed: float = Field(1.0, ge=0.01, le=100, description="work goes this much faster together")
    stay_until_done: bool = Field(True, description="nobody leaves before the joint work is done")
    provenance: dict[str, str] = Field(default_factory=dict)


class Sweep(Part):
    """People of a post look for trouble that nobody has told, at set times; finds come by the channel 'sweep'."""

    name: str = Field(min_length=1, description="names its draws")
    types: list[str] = Field(min_length=1, description="what is looked for; enquiries and bare types cannot be")
    post: str = Field(description="whose people look, while they are on duty and free")
    start_day: int = Field(0, ge=0, le=MOST_DAYS, description="first day, counted from the scenario's start (0)")
    days: int = Field(1, ge=1, le=MOST_DAYS, description="days in a row that it lasts")
    every_days: int | None = Field(None, ge=1, le=MOST_DAYS, description="begins again after so many days (null: once)")
    hours: tuple[float, float] = Field((9.0, 17.0), description="hours of the clock at which people look")
    intensity: float = Field(
        1.0, gt=0, le=1000, description="times the rate at which a patrol of everybody of the post would find it"
    )
    finds_per_h: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="own rate instead: how often an hour each incident is found when everybody of the group is free",
    )
    provenance: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Sweep:
        if not 0 <= self.hours[0] < self.hours[1] <= 24:
            raise ValueError("the hours of a sweep need 0 <= from < to <= 24")
        if self.every_days is not None and self.every_days < self.days:
            raise ValueError("a sweep begins again before it has ended: every_days is below days")
        return self


_FIXED = re.compile(r"UTC[+-](0\d|1[0-4]):[0-5]\d")
"""A zone that is an offset, as a case log without a named zone has it."""


class Calendar(Part):
    """Start date, holidays, make-up days and office hours."""

    start: dt.date = dt.date(2026, 3, 2)
    zone: str = Field("Asia/Shanghai", description="zone of the clock, as exports name it (the clock never changes)")
    holidays: list[dt.date] = Field(default_factory=list)
    workdays: list[dt.date] = Field(default_factory=list, description="weekend days that are worked (make-up days)")
    office_hours: tuple[float, float] = (9.0, 17.0)

    @model_validator(mode="after")
    def _check(self) -> Calendar:
        if not 0 <= self.office_hours[0] < self.office_hours[1] <= 24:
            raise ValueError("office hours need 0 <= opening < closing <= 24")
        if not 1900 <= self.start.year <= 2200:
            raise ValueError("'start' lies outside the calendar; allowed: 1900 to 2200")
        if not _is_zone(self.zone):
            raise ValueError("no such time zone in 'zone'; allowed: a name such as Asia/Shanghai, or UTC+08:00")
        both = sorted(set(self.holidays) & set(self.workdays))
        if both:
            raise ValueError(f"{both[0]} is a holiday and a working day at once; allowed: each date in one list")
        return self


@cache
def _is_zone(name: str) -> bool:
    if _FIXED.fullmatch(name):
        return True
    try:
        return bool(ZoneInfo(name).key)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # not there, not a name, a folder
        return False
