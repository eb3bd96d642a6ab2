"""Posts and shifts: which staff a scenario employs, where, when and with what skills.

A post is a kind of job; the model seats `count` people (or crews) of it in every area of its level, or at
every facility of a kind. Who they are and how they decide is `sim.agents.staff`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from sim.cases.catalogue import Level, Part, Title
from sim.cases.laws import Law, LawField

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

MOST_IN_A_GROUP = 10_000
"""People or crews of a post in one area or at one facility."""


class Shift(Part):
    """A weekly pattern of duty.

    ``teams`` teams take turns: team k works the hours shifted by ``k * 24 / teams`` h when ``rotate`` is set
    (three-shift work), else all work the same hours.
    """

    hours: list[tuple[float, float]] = Field(
        [(0.0, 24.0)], description="duty intervals of a day, hours of the clock; an end above 24 runs into the next day"
    )
    days: list[Weekday] = Field(default_factory=lambda: list(get_args(Weekday)))
    holidays: bool = Field(True, description="also works on public holidays")
    share_on: float = Field(1.0, ge=0.001, le=1, description="share of slots that have duty on a given day (roster)")

    @model_validator(mode="after")
    def _check(self) -> Shift:
        for start, end in self.hours:
            if not (0 <= start < 24 and start + 0.01 <= end <= start + 24):
                raise ValueError("each duty interval needs 0 <= start < 24 and start < end <= start + 24")
        return self


def _number_or_units(given: Any) -> Any:
    if isinstance(given, str) and given != "units":
        try:
            return float(given)
        except ValueError:
            raise ValueError("neither a number nor the word 'units'") from None
    return given


class Post(Part):
    """A kind of job and how many there are."""

    title: Title
    kind: Literal["grid_member", "cadre", "mediator", "coordinator", "operator", "unit", "volunteer"]
    department: str | None = None
    per: Level | str = Field(
        "grid", description="one group per area of this level, or 'facility:<kind>' for one per facility"
    )
    count: Annotated[
        Annotated[float, Field(ge=0, le=MOST_IN_A_GROUP)] | Literal["units"], BeforeValidator(_number_or_units)
    ] = Field(
        1.0,
        description="people or crews per group, 0 or more; a fraction is spread over groups evenly; 'units': at each "
        "facility as many as its own column 'units' says",
    )
    serves: Level | None = Field(
        None, description="level whose whole area the group serves (default: its own area; for facilities: 'district')"
    )
    shift: str = Field("always", description="name of a shift pattern")
    teams: list[str] = Field(
        default_factory=list, description="shift patterns given to the slots in turn instead of one 'shift'"
    )
    capabilities: dict[str, float] = Field(default_factory=dict, description="capability -> mean skill (1 = average)")
    skill_sd: float = Field(0.0, ge=0, le=1, description="spread of skill between people (lognormal sigma)")
    speed_factor: float = Field(1.0, ge=0.01, le=100, description="travel time is divided by this")
    turnout_min: LawField = Law("constant", {"value": 0.0})
    caseload_cap: int = Field(1000, ge=1, le=1_000_000, description="open cases one person may own")
    background_min_per_day: float = Field(
        0.0, ge=0, le=1440, description="delegated work a day that competes with cases"
    )
    background_chunk_min: LawField = Law("exponential", {"mean": 40.0})
    patrol_share: float = Field(0.0, ge=0, le=1, description="share of free duty time spent on patrol")
    patrol_round_min: LawField = Law("exponential", {"mean": 45.0})
    queue_capacity: int | None = Field(
        None, ge=0, le=1_000_000, description="waiting places of the group's queue (null: unlimited; 0: a loss system)"
    )
    preemptive: bool = Field(
        False, description="urgent tasks interrupt running work of lower class in this group (resumed later)"
    )
    wage_yuan_per_h: float = Field(0.0, ge=0, le=100_000)
    vehicle_yuan_per_h: float = Field(0.0, ge=0, le=100_000)
    places: list[int] = Field(
        default_factory=list,
        description="place index of each slot (bare models); default: the area's centre or the facility",
    )
    provenance: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _units_stand_at_facilities(self) -> Post:
        if self.count == "units" and not self.per.startswith("facility:"):
            raise ValueError("a count of 'units' is told by facilities: 'per' must be 'facility:<kind>'")
        if self.count != "units" and 0 < self.count < 1e-6:
            raise ValueError("impossible number in 'count'; allowed: 0, or at least 1e-06")
        if any(not 0 <= skill <= 100 for skill in self.capabilities.values()):
            raise ValueError("a skill under 'capabilities' must be at least 0 and at most 100 (1 = average)")
        return self
