"""Everything one model run is made from, checked: the part of a scenario that `sim` reads.

A :class:`ModelSpec` holds the types, posts, departments, channels, rules and parameters of one arm. The
scenario layer adds names, policies and experiments around it; `sim.assemble` turns it into tables.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sim.agents.posts import Post, Shift
from sim.cases.catalogue import MOST_MIN, CaseType, Level, Part
from sim.city.closures import Closure
from sim.institutions.parts import Calendar, Channel, Department, Sweep, Whistle
from sim.plain_values import MOST_DAYS

LEAST_DAYS = 0.001
"""A run of a minute and a half: below, nothing can happen."""
LOG_LEVELS = ("counts", "cases", "everything")


class Rules(Part):
    """Names of the rules behind the hooks; a name is a built-in rule or ``module:function`` of the user's."""

    dispatch: str = "nearest_idle"
    pick: str = "smallest_key"
    priority: str = "severity"
    coordinate: str = "sequential_referral"
    report_in: str = "by_utility"
    reposition: str = "stay"


class Scripted(Part):
    """An incident that the scenario's script brings about at its time.

    ``name`` makes its random draws its own: adding one moves no other draw.
    """

    name: str
    at_min: float = Field(ge=0, le=MOST_MIN, description="minutes since the scenario's start")
    type: str
    severity: int = Field(2, ge=1, le=4)
    grid: str | None = Field(None, description="code of a grid (null: drawn)")
    place: int | None = Field(None, ge=0, description="place index (null: drawn from the grid's residents)")
    needs: list[str] | None = Field(None, description="departments truly needed (null: drawn by the type)")
    channel: str | None = Field(None, description="told by this channel at once (null: residents choose)")


class ModelSpec(Part):
    """One arm of a scenario, ready to be built.

    Times are minutes since the start; the cohort of incidents that measures follow occurs between
    ``warm_up_days`` and ``horizon_days - cool_down_days``.
    """

    horizon_days: float = Field(30.0, gt=0, le=MOST_DAYS, description="length of a run; at most a hundred years")
    warm_up_days: float = Field(0.0, ge=0, le=MOST_DAYS)
    cool_down_days: float = Field(0.0, ge=0, le=MOST_DAYS)
    calendar: Calendar = Calendar()
    profiles: dict[str, list[float]] = Field(
        default_factory=dict, description="named weights for hours, weekdays, months"
    )
    types: dict[str, CaseType]
    departments: dict[str, Department] = Field(default_factory=dict)
    posts: dict[str, Post] = Field(default_factory=dict)
    shifts: dict[str, Shift] = Field(default_factory=lambda: {"always": Shift()})
    channels: dict[str, Channel] = Field(default_factory=dict)
    whistles: dict[str, Whistle] = Field(default_factory=dict)
    ladder: dict[Level, str] = Field(
        default_factory=dict, description="level -> post that holds cases there, unless the type says otherwise"
    )
    preferences: list[list[int]] | None = Field(
        None, description="for each place the slots of staff in order of preference (rule 'fixed_preference')"
    )
    demand_weights: list[float] | None = Field(
        None, description="relative demand of each place for types with rate_per_hour (null: by residents, or even)"
    )
    type_place_rates: dict[str, list[float]] = Field(
        default_factory=dict, description="type -> relative demand of each place"
    )
    rules: Rules = Rules()
    parameters: dict[str, float] = Field(default_factory=dict, description="register name -> value")
    provenance: dict[str, str] = Field(
        default_factory=dict,
        description="parameter -> where its value here comes from; one outside the plausible range is then not told",
    )
    sweeps: list[Sweep] = Field(default_factory=list, description="times at which untold trouble is looked for")
    closures: list[Closure] = Field(default_factory=list, description="roads closed for a time")
    script: list[Scripted] = Field(default_factory=list)

    @model_validator(mode="after")
    def _windows(self) -> ModelSpec:
        if self.horizon_days < LEAST_DAYS:
            raise ValueError(f"impossible number in 'horizon_days'; allowed: at least {LEAST_DAYS:g} (days)")
        if self.warm_up_days + self.cool_down_days >= self.horizon_days:
            ends = f"{self.warm_up_days:g} + {self.cool_down_days:g} days"
            raise ValueError(f"warm-up and cool-down ({ends}) leave no window; allowed: 'horizon_days' above their sum")
        return self


LogLevel = Literal["counts", "cases", "everything"]
