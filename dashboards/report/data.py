"""What a report is made from: plain tables and texts, with nothing left to run.

:class:`ReportData` is the whole input of the page; :mod:`dashboards.report.gather` fills it from a study. Arms are
called by their labels in every table, so that a chart needs no second name for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from dashboards.charts.phrases import Measures

if TYPE_CHECKING:
    from sim.city.city import City


@dataclass(frozen=True)
class Arm:
    """One policy of the study.

    Attributes
    ----------
    label
        Name on screen and in the tables' ``policy`` column.
    description
        What it does, in the report's language.
    changes
        Dotted field -> value, what differs from the scenario.
    policy_id
        Citable ``name@hash``.
    """

    label: str
    description: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    policy_id: str = ""


@dataclass(frozen=True)
class Parameter:
    """A register entry as the report shows it: value, range, and where it comes from."""

    name: str
    value: float
    unit: str
    low: float
    high: float
    source: str
    confidence: str
    text: str
    changed: bool = False

    @property
    def assumed(self) -> bool:
        """Whether no source outside the project stands behind the value."""
        return self.confidence in ("assumption", "weak", "memory") or self.changed


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """Everything on the page.

    Attributes
    ----------
    title, description
        The scenario's, in the report's language.
    arms
        Baseline first.
    runs
        One row per run: ``policy`` (labels), ``replication`` and a column per measure.
    comparisons
        Rows of :func:`dashboards.charts.forest.difference_forest`, arms by label; empty with one arm.
    measures
        Unit, direction, state, title and formula by name.
    safeguards
        Rows like `comparisons`, of the measures watched in every comparison; see `scenarios.safeguards`.
    headline, cost
        Names of the measure that answers the question and of the one that prices it; empty when there is none.
    cases, incidents, tasks, staff, hours
        Tables of the kept replications with ``policy`` (labels) and ``replication``; None when none were kept.
    city
        The city, or None when it cannot be loaded.
    horizon_min
        Length of a run, minutes.
    titles
        ``group.name`` -> title of the scenario's posts, departments and channels.
    facts
        Rows for "the experiment": text key of ``report.`` -> value.
    parameters
        Register entries.
    command
        The command line that reproduces the study.
    folder
        Where the results lie.
    failed
        Runs that failed and are in no table.
    told
        Sentences on what the runs showed and a reader should know, in the report's language.
    """

    title: str
    description: str
    arms: list[Arm]
    runs: pd.DataFrame
    comparisons: pd.DataFrame
    measures: Measures
    horizon_min: float
    safeguards: pd.DataFrame = field(default_factory=pd.DataFrame)
    headline: str = ""
    cost: str = ""
    cases: pd.DataFrame | None = None
    incidents: pd.DataFrame | None = None
    tasks: pd.DataFrame | None = None
    staff: pd.DataFrame | None = None
    hours: pd.DataFrame | None = None
    city: City | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    parameters: list[Parameter] = field(default_factory=list)
    command: str = ""
    folder: str = ""
    failed: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def labels(self) -> list[str]:
        """Labels of the arms, baseline first."""
        return [arm.label for arm in self.arms]

    @property
    def kept(self) -> int:
        """Number of replications whose tables were kept."""
        tables = [table for table in (self.cases, self.incidents) if table is not None]
        return int(tables[0]["replication"].nunique()) if tables else 0
