"""Which charts a report shows: every chart its tables allow, in the order of a reader's questions."""

from __future__ import annotations

from typing import TypeGuard

import numpy as np
import pandas as pd

from dashboards.charts.base import Chart
from dashboards.charts.citymap import city_figure, difference_map, resolution_map
from dashboards.charts.cost import cost_and_effect
from dashboards.charts.flow import case_flow
from dashboards.charts.forest import difference_forest
from dashboards.charts.load import load_by_hour
from dashboards.charts.resolution import resolution_curves
from dashboards.charts.truth import true_and_reported
from dashboards.charts.workload import workload
from dashboards.report.data import ReportData


def charts(data: ReportData, lang: str) -> list[Chart]:
    """Return the report's charts; a chart whose table is missing or empty is left out."""
    arms = data.labels
    drawn: list[Chart | None] = []
    if not data.comparisons.empty:
        drawn.append(difference_forest(data.comparisons, data.measures, lang, data.runs))
    if _filled(data.incidents):
        drawn.append(resolution_curves(data.incidents, arms, data.horizon_min, lang, _deadline_min(data.cases)))
    drawn.append(true_and_reported(data.runs, arms, data.measures, lang))
    if len(arms) > 1 and data.cost and data.headline:
        drawn.append(cost_and_effect(data.runs, arms, data.cost, data.headline, data.measures, lang))
    if _filled(data.cases):
        drawn.append(case_flow(data.cases, arms[:3], lang, data.titles))
    if _filled(data.hours):
        drawn.append(load_by_hour(data.hours, arms[:3], lang, titles=data.titles))
    if _filled(data.staff):
        drawn.append(workload(data.staff, arms, lang))
    drawn += _maps(data, lang)
    return [chart for chart in drawn if chart is not None]


def _filled(table: pd.DataFrame | None) -> TypeGuard[pd.DataFrame]:
    return table is not None and len(table) > 0


def _maps(data: ReportData, lang: str) -> list[Chart]:
    if data.city is None or len(data.city.roads) == 0:
        return []
    maps = [city_figure(data.city, lang)]
    if _filled(data.incidents):
        maps.append(resolution_map(data.incidents, data.city, data.labels, data.horizon_min, lang, _limit_days(data)))
        maps += [
            difference_map(data.incidents, data.city, arm, data.labels[0], data.horizon_min, lang, _limit_days(data))
            for arm in data.labels[1:]
        ]
    return maps


def _limit_days(data: ReportData) -> float | None:
    """Return the study's one limit of restricted means; None lets the register's own value stand."""
    return next((p.value for p in data.parameters if p.name == "measure.restricted_mean_days"), None)


def _deadline_min(cases: pd.DataFrame | None) -> float | None:
    """Median time allowed from report to deadline over all cases that have one."""
    if cases is None or "deadline_min" not in cases:
        return None
    allowed = (cases["deadline_min"] - cases["reported_min"]).to_numpy(dtype=float)
    allowed = allowed[np.isfinite(allowed)]
    return float(np.median(allowed)) if allowed.size else None
