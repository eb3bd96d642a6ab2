"""The answer at the top of the Compare page: the verdict, the sentence, and the few numbers behind it.

The words are the report's (`dashboards.report.answer`); here they get a verdict with icon and word, and tiles for the
measures that matter first. Nothing is computed anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboards.charts.base import records
from dashboards.charts.phrases import (
    difference,
    finite,
    measure_over,
    measure_title,
    measure_unit,
    quantity,
    ratio,
    verdict,
)
from dashboards.charts.replications import mean_interval
from dashboards.lab.parts import Content, html, note, section, table, tag
from dashboards.report.answer import answer, harm
from dashboards.report.data import ReportData
from dashboards.texts import Texts
from scenarios.verdicts_told import SIGNS

MOST_TILES = 4


def verdict_mark(row: Mapping[str, Any], t: Texts) -> Content:
    """Return a difference's verdict as icon and word; the colour only repeats them."""
    name = str(row["verdict"])
    sign = html.Span(SIGNS.get(name, ""), **{"aria-hidden": "true"})
    return html.Span([sign, " ", verdict(row, t)], className=f"verdict {name}")


def answer_section(data: ReportData, t: Texts) -> Content:
    """Return the answer for every arm, with its tiles."""
    paragraphs = answer(data, t)
    parts: list[Content] = []
    for index, sentence in enumerate(paragraphs):
        arm = data.labels[index + 1] if len(data.arms) > 1 else data.labels[0]
        parts.append(_one(data, arm, sentence, t))
    if not data.comparisons.empty:
        parts.append(note(t("web.compare.interval_words", replications=f"{data.runs['replication'].nunique():,}")))
    return section("answer", t("report.answer"), *parts)


def _one(data: ReportData, arm: str, sentence: str, t: Texts) -> Content:
    rows = _rows(data, arm)
    head = next((row for row in rows if row["metric"] == data.headline), None)
    mark = [verdict_mark(head, t)] if head is not None else []
    found = harm(data, arm, t)
    if mark and found is not None and found.worse:
        sign = html.Span(SIGNS["worse"], **{"aria-hidden": "true"})
        mark.append(html.Span([sign, " ", t.counted("harm.badge", len(found.worse))], className="verdict worse"))
    tiles = html.Ul([_tile(row, data, t) for row in _first(rows, data)], className="tiles")
    said = html.P([*mark, " ", sentence], className="answer")
    return html.Div([said, _harm(data, arm, t), tiles if rows else ""])


def _harm(data: ReportData, arm: str, t: Texts) -> Content:
    """Return what got worse under an arm, beside the answer; or what was watched in vain."""
    found = harm(data, arm, t)
    if found is None:
        return ""
    sign = html.Span(SIGNS["worse"], **{"aria-hidden": "true"})
    worse = [html.Li([sign, " ", line]) for line in found.worse]
    title = html.H3(t("harm.title_arm", arm=arm) if len(data.arms) > 2 else t("harm.title"))
    watched = [html.P(line) for line in found.watched]
    css = "harm found" if worse else "harm"
    return html.Div([title, html.Ul(worse) if worse else "", *watched, note(t("harm.note"))], className=css)


def _rows(data: ReportData, arm: str) -> list[dict[str, Any]]:
    if data.comparisons.empty:
        return []
    return records(data.comparisons[data.comparisons["arm"] == arm])


def _first(rows: list[dict[str, Any]], data: ReportData) -> list[dict[str, Any]]:
    """The headline, true and reported resolution, and the cost; then others until the tiles are full."""
    wanted = [data.headline, "true_resolution_share", "reported_resolution_share", data.cost]
    by_name = {row["metric"]: row for row in rows}
    names = [*dict.fromkeys(n for n in [*wanted, *by_name] if n in by_name)]
    return [by_name[name] for name in names[:MOST_TILES]]


def _tile(row: dict[str, Any], data: ReportData, t: Texts) -> Content:
    unit, name = measure_unit(row["metric"], data.measures), row["metric"]
    before, after = (quantity(float(row[k]), unit, t) for k in ("mean_baseline", "mean_arm"))
    return html.Li(
        [
            html.P([*measure_head(name, data, t)], className="name"),
            html.P([html.Span(before, className="before"), " → ", html.Strong(after)], className="value"),
            html.P([difference(row, unit, t), " ", verdict_mark(row, t)], className="change"),
        ]
    )


def state_mark(metric: str, data: ReportData, t: Texts) -> Content:
    """Return a tag that says whether a measure reads the true or the reported state; nothing for both."""
    state = str(data.measures[metric].state) if metric in data.measures else "both"
    return tag(t.name("states", state), state) if state != "both" else ""


def measure_head(metric: str, data: ReportData, t: Texts) -> list[Content]:
    """Return a measure's title, its state, and in small type what it is taken over."""
    head: list[Content] = [measure_title(metric, data.measures, t.lang), " ", state_mark(metric, data, t)]
    over = measure_over(metric, t.lang)
    return [*head, html.Br(), html.Small(over)] if over else head


def measures_section(data: ReportData, t: Texts, csv: str) -> Content:
    """Return the table of all measures: means, paired differences, verdicts."""
    if data.comparisons.empty:
        return section("measures", t("report.measures"), note(t("web.compare.one_arm")), _means(data, t))
    many = len(data.arms) > 2
    means = [t("columns.mean_baseline"), t("columns.mean_arm")]
    if not many:
        means = [t("report.mean_of", arm=arm) for arm in data.labels]
    head = [t("columns.metric"), *([t("columns.arm")] if many else []), *means]
    head += [t(f"columns.{c}") for c in ("difference", "verdict", "variance_ratio", "pairs", "needed")]
    first = 2 if many else 1
    rows = [_measure(row, data, t, many) for row in records(data.comparisons)]
    return section(
        "measures",
        t("report.measures"),
        table(
            head, rows, t("report.measures"), "measures", (first, first + 1, first + 2, first + 4, first + 5, first + 6)
        ),
        html.P(html.A(t("report.download"), href=csv, className="button", download="")),
        note(t("report.measures_note")),
    )


def _means(data: ReportData, t: Texts) -> Content:
    """Return the measures of a single policy: mean over replications with its 95 % interval."""
    rows: list[list[Content]] = []
    for name in (column for column in data.runs.columns if column in data.measures):
        unit = measure_unit(name, data.measures)
        values = (float(v) for v in mean_interval(data.runs[name].to_numpy(dtype=float)))
        title = measure_head(name, data, t)
        rows.append([title, *[quantity(value, unit, t) for value in values]])
    head = [t(f"columns.{c}") for c in ("metric", "mean", "low", "high")]
    return table(head, rows, t("report.measures"), "measures", (1, 2, 3))


def _measure(row: dict[str, Any], data: ReportData, t: Texts, many: bool) -> list[Content]:
    unit = measure_unit(row["metric"], data.measures)
    needed = f"{int(row['needed']):,}" if finite(row.get("needed")) and row["needed"] > 0 else "–"
    pairs = f"{int(row['pairs']):,}" if finite(row.get("pairs")) else "–"
    return [
        measure_head(row["metric"], data, t),
        *([str(row["arm"])] if many else []),
        quantity(float(row["mean_baseline"]), unit, t),
        quantity(float(row["mean_arm"]), unit, t),
        difference(row, unit, t),
        verdict_mark(row, t),
        ratio(row, t),
        pairs,
        needed,
    ]
