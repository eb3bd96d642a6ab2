"""Long tables as pieces of HTML, which a page fetches when a reader opens them.

A table of two hundred rows costs a browser seconds as Dash components and nothing as HTML. :func:`later` is the place
on a page; the rest is what the server sends into it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from dashboards.charts.base import Chart
from dashboards.lab.parts import Content, html, table, tag
from dashboards.report.data import Parameter
from dashboards.report.html import data_table, source_text, text
from dashboards.report.html import table as html_table
from dashboards.texts import Texts
from scenarios.schema import Scenario
from sim import register

GROUPS = ("assumed", "sourced")
_COLUMNS = ("parameter", "value", "range", "confidence", "source", "meaning")


def later(summary: str, address: str, waiting: str) -> Content:
    """Return a closed part of a page whose content is fetched from ``address`` when it is opened."""
    place = html.Div(html.P(waiting, className="note"), className="fragment", **{"aria-live": "polite"})
    return html.Details([html.Summary(summary), place], **{"data-fragment": address})


def chart_table(chart: Chart, lang: str) -> str:
    """Return a chart's table as HTML."""
    return data_table(chart.table, Texts(lang, chart.titles), chart.title)


def parameters_of(scenario: Scenario, lang: str) -> list[Parameter]:
    """Return the register's entries with the values of the scenario's baseline; those that an arm sets are marked."""
    arms = [scenario.spec(arm).parameters for arm in scenario.arms]
    found = []
    for name, entry in register.load().items():
        values = [float(arm.get(name, entry.default)) for arm in arms]
        found.append(
            Parameter(
                name=name,
                value=values[0],
                unit=entry.unit,
                low=entry.low,
                high=entry.high,
                source=entry.source,
                confidence=entry.confidence,
                text=entry.text_zh if lang == "zh" and entry.text_zh else entry.text,
                changed=any(not math.isclose(value, entry.default) for value in values),
            )
        )
    return found


def in_group(entries: Iterable[Parameter], group: str) -> list[Parameter]:
    """Return the assumed or the sourced entries, those changed here first, then by name."""
    chosen = [p for p in entries if p.assumed == (group == "assumed")]
    return sorted(chosen, key=lambda p: (not p.changed, p.name))


def parameters_html(entries: Iterable[Parameter], t: Texts, caption: str) -> str:
    """Return register entries as an HTML table."""
    rows = []
    for p in entries:
        name, value, span, confidence, source, meaning = _cells(p, t)
        changed = f' <span class="tag">{text(t("report.changed_here"))}</span>' if p.changed else ""
        mark = "tag assumed" if p.assumed else "tag"
        rows.append(
            [
                f'<th scope="row"><code>{text(name)}</code>{changed}</th>',
                f'<td class="n">{text(value)}</td>',
                f'<td class="n">{text(span)}</td>',
                f'<span class="{mark}">{text(confidence)}</span>',
                source_text(source, t),
                text(meaning),
            ]
        )
    return html_table([t(f"report.col_{c}") for c in _COLUMNS], rows, caption, "parameters")


def parameter_table(entries: Iterable[Parameter], t: Texts, caption: str) -> Content:
    """Return a few register entries as components of a page."""
    rows: list[list[Content]] = []
    for p in entries:
        name, value, span, confidence, source, meaning = _cells(p, t)
        mark = tag(confidence, "assumed" if p.assumed else "")
        rows.append([html.Code(name), value, span, mark, source_parts(source, t), meaning])
    return table([t(f"report.col_{c}") for c in _COLUMNS], rows, caption, "parameters", (1, 2))


def source_parts(source: str, t: Texts) -> Content:
    """Return where a number comes from; what keeps a language of its own is marked so."""
    said, kept = t.source(source)
    return [said, html.Span(kept, lang="en")] if t.lang != "en" and kept.isascii() else said + kept


def _cells(p: Parameter, t: Texts) -> tuple[str, str, str, str, str, str]:
    value = t.with_unit(f"{p.value:,.6g}", p.unit)
    span = f"{p.low:,.6g} – {p.high:,.6g}"
    return p.name, value, span, t.name("confidence", p.confidence), p.source, p.text


def provenance(entries: list[Parameter], t: Texts, address: str) -> list[Content]:
    """Return where numbers come from: counts, what was set here, and the rest to be opened.

    Parameters
    ----------
    entries
        All register entries.
    t
        Texts.
    address
        Address of the groups, without the group's name.
    """
    assumed, changed = in_group(entries, "assumed"), [p for p in entries if p.changed]
    parts: list[Content] = [html.P(t("report.assumption_counts", assumed=len(assumed), total=len(entries)))]
    if changed:
        parts += [html.H3(t("web.library.set_here")), parameter_table(changed, t, t("web.library.set_here"))]
    counts = {"assumed": len(assumed), "sourced": len(entries) - len(assumed)}
    for group in GROUPS:
        if counts[group]:
            title = group_title(group, counts[group], t)
            parts.append(later(title, f"{address}/{group}?lang={t.lang}", t("web.loading")))
    return parts


def group_title(group: str, count: int, t: Texts) -> str:
    """Return the title of a group of parameters."""
    return t("web.library.assumed" if group == "assumed" else "report.sourced", count=count)
