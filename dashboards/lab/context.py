"""What the analysis pages have at hand: the server's state, scenarios, and results already read and drawn.

Reading a study and drawing its charts takes seconds; both are kept for a few studies, keyed by what lies on the disk,
so that a campaign that has gone on is read again. Safe to ask from several threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dashboards.charts.base import Chart
from dashboards.job_request import JobRequest
from dashboards.report.data import ReportData
from dashboards.report.figures import charts
from dashboards.report.gather import gather
from dashboards.report.write import page
from dashboards.server.damaged import told_damage
from dashboards.server.state import State
from dashboards.server.weigh import Kept
from dashboards.texts import Texts, pick
from scenarios import library
from scenarios.schema import Scenario
from scenarios.study import Study
from sim.errors import InputError

MOST_KEPT, MOST_KEPT_BYTES = 24, 96 * 2**20
MOST_SCENARIOS, MOST_SCENARIOS_BYTES = 64, 32 * 2**20
MOST_REPORTS, MOST_REPORTS_BYTES = 4, 32 * 2**20
"""Studies, scenarios and reports that are held, by number and by bytes."""


@dataclass(frozen=True)
class Reading:
    """A study as the Compare page shows it."""

    study: Study
    data: ReportData


class Untabled(Study):
    """A study that shows no table of single cases: what stands on a page at once needs none, and reading takes long."""

    def table(self, name: str) -> pd.DataFrame:
        """Return no rows."""
        return pd.DataFrame()


class Lab:
    """The pages' context.

    Parameters
    ----------
    state
        The server's.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self._kept = Kept(MOST_KEPT_BYTES, MOST_KEPT)
        self._scenarios = Kept(MOST_SCENARIOS_BYTES, MOST_SCENARIOS)
        self._reports = Kept(MOST_REPORTS_BYTES, MOST_REPORTS)

    # scenarios

    def scenario_names(self) -> dict[str, Path]:
        """Return name -> file: the shipped scenarios, then the users' own; a shipped name wins."""
        own = self.state.settings.scenarios
        found = {path.stem: path for path in sorted(own.glob("*.yaml"))} if own.is_dir() else {}
        return {name: library.LIBRARY / f"{name}.yaml" for name in library.names()} | {
            name: path for name, path in found.items() if name not in library.names()
        }

    def scenario(self, name: str) -> Scenario:
        """Return a scenario by its name in the list.

        Raises
        ------
        InputError
            An unknown name, or a mistake in the file.
        """
        files = self.scenario_names()
        if name not in files:
            raise InputError("no scenario of that name", field="scenario", found=name, allowed=list(files))
        try:
            stamp = files[name].stat().st_mtime_ns
        except OSError as error:  # a link that leads nowhere, or a file that has just gone
            raise InputError("the file cannot be read", file=files[name].name, found=error.strerror) from None
        return self._scenarios.get((name, stamp), lambda: library.load(files[name]))  # type: ignore[no-any-return]

    def job_words(self, request: JobRequest, lang: str) -> tuple[str, list[str]]:
        """Return the title of a job's scenario and those of its policies; the names where it cannot be read."""
        name = request.scenario.removesuffix(".yaml")
        try:
            scenario = self.scenario(name)
        except (InputError, OSError):
            return name, list(request.policies)
        known = {*scenario.arms, *scenario.policies}
        titles = [scenario.policy_title(arm, lang) if arm in known else arm for arm in request.policies]
        return pick(scenario.title, lang, name), titles

    def is_own(self, name: str) -> bool:
        """Whether a scenario is a user's."""
        return name not in library.names()

    # studies

    def study(self, name: str) -> Study:
        """Return a study by its folder's name.

        Raises
        ------
        InputError
            No results of that name, or damaged ones.
        """
        folder = self.state.results_folder(name)
        with told_damage(folder):
            return Study.open(folder)

    def reading(self, name: str, lang: str) -> Reading:
        """Return a study with its answer, measures and facts, without the tables of single cases.

        Raises
        ------
        InputError
            No results, damaged ones, or none finished yet.
        """
        folder = self.state.results_folder(name)
        with told_damage(folder):
            study = Untabled.open(folder)
            key = ("reading", name, lang, _stamp(study))
            return self._kept.get(key, lambda: Reading(study, gather(study, lang)))  # type: ignore[no-any-return]

    def charts(self, name: str, lang: str) -> dict[str, Chart]:
        """Return a study's charts by name, in the order of the report; its tables are read for this and let go."""
        study = self.study(name)
        with told_damage(study.folder):
            key = ("charts", name, lang, _stamp(study))
            return self._kept.get(key, lambda: {c.name: c for c in charts(gather(study, lang), lang)})  # type: ignore[no-any-return]

    def report(self, name: str, lang: str) -> str:
        """Return a study's report as HTML."""
        study = self.study(name)
        with told_damage(study.folder):
            key = (name, lang, _stamp(study))
            return self._reports.get(key, lambda: page(gather(study, lang), Texts(lang)))  # type: ignore[no-any-return]


def _stamp(study: Study) -> tuple[Any, ...]:
    """Return what changes when a study has gone on."""
    return tuple((part.name, part.stat().st_mtime_ns) for part in study.store.parts())
