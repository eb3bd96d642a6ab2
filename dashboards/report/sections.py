"""The sections of a report, in the order in which they are read; each returns HTML or nothing.

The answer first, then what was compared, the measures, the charts, the assumptions that carry them, definitions,
how to reproduce, and what the numbers cannot say.
"""

from __future__ import annotations

from typing import Any

from dashboards.charts.base import Chart, records
from dashboards.charts.phrases import (
    DASH,
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
from dashboards.report.answer import answer, harm
from dashboards.report.data import Parameter, ReportData
from dashboards.report.html import chart_figure, paragraph, source_text, table, text
from dashboards.texts import Texts, pick
from scenarios.numbers import mean_text
from scenarios.verdicts_told import SIGNS
from sim.measures.line_names import measure_of


def section(element_id: str, title: str, *parts: str) -> str:
    """Return a section with its heading."""
    return (
        f'<section id="{element_id}" aria-labelledby="{element_id}-h"><h2 id="{element_id}-h">{text(title)}</h2>'
        f"{''.join(parts)}</section>"
    )


def answer_section(data: ReportData, t: Texts) -> str:
    """The answer, in large type."""
    said = [paragraph(p, "answer") for p in answer(data, t)]
    return section("answer", t("report.answer"), *said, *[_harm(data, arm, t) for arm in data.labels[1:]])


def _harm(data: ReportData, arm: str, t: Texts) -> str:
    """What got worse under an arm, or what was watched in vain; nothing where nothing is watched."""
    found = harm(data, arm, t)
    if found is None:
        return ""
    title = t("harm.title_arm", arm=arm) if len(data.arms) > 2 else t("harm.title")
    sign = f'<span aria-hidden="true">{SIGNS["worse"]}</span> '
    worse = "".join(f"<li>{sign}{text(line)}</li>" for line in found.worse)
    watched = "".join(paragraph(line) for line in found.watched)
    css = "harm found" if found.worse else "harm"
    listed = f"<ul>{worse}</ul>" if worse else ""
    return f'<div class="{css}"><h3>{text(title)}</h3>{listed}{watched}{paragraph(t("harm.note"), "note")}</div>'


def compared_section(data: ReportData, t: Texts) -> str:
    """Arms with what differs, and the facts of the experiment."""
    arms = []
    for i, arm in enumerate(data.arms):
        mark = f' <span class="tag">{text(t("report.arm_baseline"))}</span>' if i == 0 else ""
        changes = "".join(f"<li><code>{text(k)}</code> = <code>{text(v)}</code></li>" for k, v in arm.changes.items())
        differs = f"<ul>{changes}</ul>" if changes else text(t("report.arm_no_changes"))
        cited = f"<br><code>{text(arm.policy_id)}</code>" if arm.policy_id else ""
        arms.append([f'<th scope="row">{text(arm.label)}{mark}{cited}</th>', text(arm.description), differs])
    facts = "".join(f"<div><dt>{text(t(f'report.{k}'))}</dt><dd>{text(v)}</dd></div>" for k, v in data.facts.items())
    if data.failed:
        facts += f"<div><dt>{text(t('report.fact_failed'))}</dt><dd>{data.failed}</dd></div>"
    return section(
        "compared",
        t("report.compared"),
        paragraph(data.description),
        table([t("report.arms"), "", t("report.arm_changes")], arms, t("report.arms"), "arms"),
        f"<h3>{text(t('report.facts'))}</h3><dl class='facts'>{facts}</dl>",
        paragraph(t("report.pairing")),
        paragraph(t("report.synthetic"), "note"),
    )


def measures_section(data: ReportData, t: Texts) -> str:
    """The table of measures: means, differences, verdicts."""
    if data.comparisons.empty:
        return section("measures", t("report.measures"), _means_table(data, t), _kinds_table(data, t))
    rows = [_measure_row(row, data, t) for row in records(data.comparisons)]
    labels = [t("columns.arm"), t("columns.mean_baseline"), t("columns.mean_arm")]
    if len(data.arms) == 2:
        labels = [t("report.mean_of", arm=arm) for arm in data.labels]
    head = [
        t("columns.metric"),
        *labels,
        t("columns.difference"),
        t("columns.verdict"),
        t("columns.variance_ratio"),
        t("columns.pairs"),
        t("columns.needed"),
    ]
    return section(
        "measures",
        t("report.measures"),
        table(head, rows, t("report.measures"), "measures"),
        paragraph(t("report.measures_note"), "note"),
        _kinds_table(data, t),
    )


def _measure_row(row: dict[str, Any], data: ReportData, t: Texts) -> list[str]:
    unit, name = measure_unit(row["metric"], data.measures), str(row["verdict"])
    needed = f"{int(row['needed']):,}" if finite(row.get("needed")) and row["needed"] > 0 else DASH
    arm = [text(row["arm"])] if len(data.arms) > 2 else []
    return [
        _measure_head(row["metric"], data, t),
        *arm,
        _number_cell(quantity(float(row["mean_baseline"]), unit, t)),
        _number_cell(quantity(float(row["mean_arm"]), unit, t)),
        _number_cell(difference(row, unit, t)),
        f'<td class="v {text(name)}"><span aria-hidden="true">{SIGNS.get(name, "")}</span> '
        f"{text(verdict(row, t, unit))}</td>",
        _number_cell(ratio(row, t)),
        _pairs_cell(row, data, t),
        _number_cell(needed),
    ]


def _measure_head(metric: str, data: ReportData, t: Texts) -> str:
    state = str(data.measures[metric].state) if metric in data.measures else "both"
    mark = f' <span class="tag {text(state)}">{text(t.name("states", state))}</span>' if state != "both" else ""
    return f'<th scope="row">{text(measure_title(metric, data.measures, t.lang))}{mark}{_over(metric, t)}</th>'


def _over(metric: str, t: Texts) -> str:
    """What the measure is a share of or taken over, in small type below its title."""
    said = measure_over(metric, t.lang)
    return f"<br><small>{text(said)}</small>" if said else ""


def _number_cell(value: str) -> str:
    return f'<td class="n">{text(value)}</td>'


def _pairs_cell(row: dict[str, Any], data: ReportData, t: Texts) -> str:
    total, pairs = int(data.runs["replication"].nunique()), row.get("pairs")
    if not finite(pairs):
        return _number_cell(DASH)
    missing = total - int(pairs)  # type: ignore[arg-type]
    note = t("report.missing_pairs", missing=missing, total=total)
    return _number_cell(f"{int(pairs)}" if missing <= 0 else f"{int(pairs)} ({note})")  # type: ignore[arg-type]


def _means_table(data: ReportData, t: Texts) -> str:
    rows = []
    for metric in (c for c in data.runs.columns if c in data.measures):
        unit = measure_unit(metric, data.measures)
        mean, low, high = (float(v) for v in mean_interval(data.runs[metric].to_numpy(dtype=float)))
        rows.append([_measure_head(metric, data, t), *[_number_cell(quantity(v, unit, t)) for v in (mean, low, high)]])
    head = [t("columns.metric"), t("columns.mean"), t("columns.low"), t("columns.high")]
    return table(head, rows, t("report.measures"), "measures")


def _kinds_table(data: ReportData, t: Texts) -> str:
    """Means within each kind of trouble by arm, folded up; nothing where the runs hold none."""
    rows = []
    for metric in (c for c in data.runs.columns if c.startswith("kind.")):
        measure = measure_of(metric)
        if measure is None or metric in data.measures:
            continue
        title, cells = f"{text(pick(measure.title, t.lang))}{_over(metric, t)}", []
        for arm in data.labels:
            values = data.runs.loc[data.runs["policy"] == arm, metric].to_numpy(dtype=float)
            mean, low, high = (float(v) for v in mean_interval(values))
            cells.append(_number_cell(mean_text((mean, low, high), measure.unit, t, metric)))
        rows.append([f'<th scope="row">{title}</th>', text(t.name("units", measure.unit)), *cells])
    if not rows:
        return ""
    head = [t("columns.metric"), t("columns.unit"), *[t("report.mean_of", arm=arm) for arm in data.labels]]
    caption = t("report.by_kind")
    note = paragraph(t("report.by_kind_note"), "note")
    return f"<details><summary>{text(caption)}</summary>{table(head, rows, caption, 'measures')}{note}</details>"


def charts_section(data: ReportData, charts: list[Chart], t: Texts) -> str:
    """All charts, each with its finding, table and download."""
    total = int(data.runs["replication"].nunique())
    kept = paragraph(t("report.kept", kept=data.kept, all=total), "note") if 0 < data.kept < total else ""
    missing = paragraph(t("report.map_missing"), "note") if data.city is None else ""
    return section("charts", t("report.charts"), kept, *[chart_figure(c, t) for c in charts], missing)


def assumptions_section(data: ReportData, t: Texts) -> str:
    """Parameters with value, range and provenance; what is assumed stands first and is marked."""
    if not data.parameters:
        return section("assumptions", t("report.assumptions"), paragraph(t("report.assumptions_none")))
    assumed = [p for p in data.parameters if p.assumed]
    sourced = [p for p in data.parameters if not p.assumed]
    built = [p for p in assumed if p.name.startswith("city.") and not p.changed]
    acting = [p for p in assumed if p not in built]
    parts = [
        paragraph(t("report.assumption_counts", assumed=len(assumed), total=len(data.parameters))),
        paragraph(t("report.assumptions_note"), "note"),
        _parameter_table(sorted(acting, key=lambda p: (not p.changed, p.name)), t, t("report.assumptions")),
    ]
    for key, group in (("report.city_parameters", built), ("report.sourced", sourced)):
        if group:
            title = t(key, count=len(group))
            parts.append(f"<details><summary>{text(title)}</summary>{_parameter_table(group, t, title)}</details>")
    return section("assumptions", t("report.assumptions"), *parts)


def _parameter_table(parameters: list[Parameter], t: Texts, caption: str) -> str:
    head = [
        t("report.col_parameter"),
        t("report.col_value"),
        t("report.col_range"),
        t("report.col_confidence"),
        t("report.col_source"),
        t("report.col_meaning"),
    ]
    rows = []
    for p in parameters:
        changed = f' <span class="tag">{text(t("report.changed_here"))}</span>' if p.changed else ""
        mark = "assumed" if p.assumed else "sourced"
        rows.append(
            [
                f'<th scope="row"><code>{text(p.name)}</code>{changed}</th>',
                _number_cell(t.with_unit(f"{p.value:,.6g}", p.unit)),
                _number_cell(f"{p.low:,.6g} – {p.high:,.6g}"),
                f'<span class="tag {mark}">{text(t.name("confidence", p.confidence))}</span>',
                source_text(p.source, t),
                text(p.text),
            ]
        )
    return table(head, rows, caption, "parameters")


def definitions_section(data: ReportData, t: Texts) -> str:
    """What each measure is: unit, state, direction, formula."""
    used = [c for c in data.runs.columns if c in data.measures]
    head = [
        t("report.col_measure"),
        t("columns.unit"),
        t("report.col_state"),
        t("report.col_better"),
        t("report.col_formula"),
    ]
    rows = []
    for name in used:
        m, title = data.measures[name], text(measure_title(name, data.measures, t.lang))
        rows.append(
            [
                f'<th scope="row">{title}{_over(name, t)}<br><code>{text(name)}</code></th>',
                text(t.name("units", str(m.unit))),
                text(t.name("states", str(m.state))),
                text(t(f"report.better_{m.better}")),
                text(pick(m.formula, t.lang)),
            ]
        )
    return section("definitions", t("report.definitions"), table(head, rows, t("report.definitions"), "definitions"))


def reproduce_section(data: ReportData, t: Texts) -> str:
    """The command that gives the same numbers again."""
    folder = paragraph(f"{t('report.results_at')}: {data.folder}") if data.folder else ""
    return section(
        "reproduce",
        t("report.reproduce"),
        paragraph(t("report.reproduce_text")),
        f'<pre tabindex="0"><code>{text(data.command)}</code></pre>',
        paragraph(t("report.reproduce_city")),
        folder,
    )


def limits_section(data: ReportData, t: Texts) -> str:
    """What the intervals do not cover, and what the runs showed that a reader should know."""
    names = ["city", "model", "synthetic", "truth", "multiple"]
    names += ["maps"] if data.city is not None else []
    names += ["kept"] if 0 < data.kept < data.runs["replication"].nunique() else []
    items = "".join(f"<li>{text(t(f'report.limit_{n}'))}</li>" for n in names)
    items += "".join(f"<li>{text(one)}</li>" for one in data.told)
    return section("limits", t("report.limits"), f"<ul>{items}</ul>")
