"""How evenly the work falls: staff sorted by the share of their duty time spent on cases, with the Gini coefficient.

One line of dots per arm, a dot for each hundredth of the staff, averaged over replications. It compares burdens,
it names nobody: staff are rows of a simulation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.charts.base import Chart, escape, figure, marks, wrapped
from dashboards.charts.phrases import listing, number, percent
from dashboards.charts.replications import Floats, gini, mean_interval
from dashboards.texts import Texts

PERCENTILES = np.arange(0.5, 100.0, 1.0)


def workload(staff: pd.DataFrame, arms: list[str], lang: str = "en") -> Chart:
    """Draw the sorted workload of staff for each arm.

    Parameters
    ----------
    staff
        One row per staff member: ``policy, replication, on_duty_min, busy_min``. Staff never on duty are left out.
    arms
        Policies in order.
    lang
        ``"en"`` or ``"zh"``.

    Returns
    -------
    Chart
        Its table has ``policy, percentile, busy_share, gini``; the share may exceed 1 when overtime counts.
    """
    t = Texts(lang)
    on_duty = staff[staff["on_duty_min"].astype(float) > 0].copy()
    on_duty["busy_share"] = on_duty["busy_min"].astype(float) / on_duty["on_duty_min"].astype(float)
    style = marks(arms)
    parts, traces, ginis = [], [], {}
    for arm in arms:
        mine = on_duty[on_duty["policy"] == arm]
        curve, ginis[arm] = _curve(mine), _gini(mine)
        parts.append(pd.DataFrame({"policy": arm, "percentile": PERCENTILES, "busy_share": curve, "gini": ginis[arm]}))
        traces.append(
            go.Scatter(
                x=PERCENTILES.tolist(),
                y=np.round(curve, 5).tolist(),
                mode="markers",
                name=f"{escape(arm)} ({t('charts.workload.gini')} {number(ginis[arm], 2)})",
                marker={"symbol": style[arm].symbol, "size": 6, "color": style[arm].color},
                hovertemplate="%{y:.0%}",
                meta={"policy": arm},
            )
        )
    table = pd.concat(parts, ignore_index=True)
    return Chart(
        name="workload",
        title=_title(ginis, t),
        sentence=_sentence(table, arms, t),
        description=t("charts.workload.description"),
        figure=figure(traces, height_px=400, layout=_layout(table, t)),
        table=table,
    )


def _curve(staff: pd.DataFrame) -> Floats:
    rows = [np.percentile(part["busy_share"], PERCENTILES) for _, part in staff.groupby("replication")]
    return mean_interval(np.array(rows))[0] if rows else np.full(PERCENTILES.size, np.nan)


def _gini(staff: pd.DataFrame) -> float:
    values = [gini(part["busy_share"]) for _, part in staff.groupby("replication")]
    return float(np.nanmean(values)) if values and np.isfinite(values).any() else float("nan")


def _layout(table: pd.DataFrame, t: Texts) -> dict[str, Any]:
    top = float(np.nanmax(table["busy_share"])) if np.isfinite(table["busy_share"]).any() else 1.0
    return {
        "xaxis": {"title": {"text": wrapped(t("charts.workload.x"), 28)}, "range": [0, 100], "ticksuffix": "%"},
        "yaxis": {"title": {"text": t("charts.workload.y")}, "tickformat": ".0%", "range": [0, max(1.0, 1.05 * top)]},
    }


def _title(ginis: dict[str, float], t: Texts) -> str:
    parts = [t("charts.workload.part", arm=arm, gini=number(g, 2)) for arm, g in ginis.items()]
    return t("charts.workload.title", parts=listing(parts, t))


def _sentence(table: pd.DataFrame, arms: list[str], t: Texts) -> str:
    parts = []
    for arm in arms:
        share = table.loc[table["policy"] == arm, "busy_share"].to_numpy()
        parts.append(
            t("charts.workload.sentence_part", arm=arm, low=percent(float(share[9])), high=percent(float(share[90])))
        )
    return t("charts.workload.sentence", parts=listing(parts, t))
