"""The Compare page: the answer first, then everything that stands behind it.

Without a study in the address it lists the results that lie here. The answer and the table of measures come with the
page; each chart is asked for by itself, so that a reader need not wait for the slowest. Charts and words are the
report's own.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import dash
from dash import MATCH, Input, Output, State

from dashboards.charts.base import Chart, plotly_config
from dashboards.lab.address import Address
from dashboards.lab.answers import answer_section, measures_section
from dashboards.lab.context import Lab, Reading
from dashboards.lab.fragments import later, provenance
from dashboards.lab.parts import Content, damaged_note, dcc, facts, html, note, problem, section, tag
from dashboards.report.data import ReportData
from dashboards.server.access import current_user
from dashboards.server.damaged import told_damage
from dashboards.server.settings import User
from dashboards.server.state import changed_s
from dashboards.server.threads import READING, slow
from dashboards.texts import Texts, pick
from dashboards.texts.mistakes import sentence
from scenarios.watch import progress, set_aside
from sim.errors import InputError

PLOT = "chart-plot"


def view(address: Address, lab: Lab, user: User) -> Content:
    """Return the list of results, or one study."""
    study = address.get("study")
    if not study:
        return _list(address, lab)
    with told_damage(lab.state.results_folder(study)):
        return _study(address, lab, study)


def register(app: dash.Dash, lab: Lab) -> None:
    """Register what draws charts and opens their tables."""

    @app.callback(
        Output("charts", "children"),
        Input("charts", "id"),
        State("address", "pathname"),
        State("address", "search"),
    )
    async def show_charts(_: str, pathname: str, search: str) -> Any:
        """Return all charts' frames, the figures still to come."""
        address = Address.read(pathname, search)
        try:
            charts = await slow(current_user().name, READING, lab.charts, address.get("study"), address.lang)
        except InputError as error:
            return problem(sentence(error, address.lang))
        return [_frame(chart, address) for chart in charts.values()]

    @app.callback(
        Output({"type": PLOT, "name": MATCH}, "children"),
        Input({"type": PLOT, "name": MATCH}, "id"),
        State("address", "pathname"),
        State("address", "search"),
    )
    async def draw(place: dict[str, str], pathname: str, search: str) -> Any:
        """Return one chart's figure."""
        address = Address.read(pathname, search)
        try:
            charts = await slow(current_user().name, READING, lab.charts, address.get("study"), address.lang)
        except InputError as error:
            return problem(sentence(error, address.lang))
        chart = charts.get(place["name"])
        return _graph(chart, address.lang) if chart is not None else problem(address.t("web.errors.404"))


# the list


def _list(address: Address, lab: Lab) -> list[Content]:
    t = address.t
    names = lab.state.results_names()
    parts: list[Content] = [html.H1(t("web.compare.title")), html.P(t("web.compare.lead"), className="lead")]
    if not names:
        link = html.A(t("web.compare.run_first"), href=address.link("run"), className="button primary")
        return [*parts, html.P(t("web.compare.nothing")), html.P(link)]
    return [*parts, html.Ul([html.Li(_card(address, lab, name)) for name in names], className="cards")]


def _card(address: Address, lab: Lab, name: str) -> Content:
    t = address.t
    try:
        with told_damage(lab.state.results_folder(name)):
            study = lab.study(name)
            scenario = study.scenario
            titles = [scenario.policy_title(p, address.lang) for p in study.policies]
            title = pick(scenario.title, address.lang, scenario.name)
            about = [t("phrases.comma").join(titles), html.Br(), _state_words(study.folder, t)]
    except InputError as error:
        return html.Div([html.Strong(name), html.Span(sentence(error, address.lang))], className="broken")
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(changed_s(study.folder)))
    words = [html.Strong(title), html.Span([*about, html.Br(), html.Code(name), " · ", when])]
    return html.A(words, href=address.link("compare", study=name))


def _state_words(folder: Any, t: Texts) -> str:
    now = progress(folder)
    known = now.state if now.state in ("running", "finished", "interrupted", "broken_off") else "finished"
    return t("web.compare.state", done=f"{now.done:,}", planned=f"{now.planned:,}", state=t(f"web.states.{known}"))


# one study


def _study(address: Address, lab: Lab, name: str) -> list[Content]:
    t = address.t
    reading = lab.reading(name, address.lang)
    data = reading.data
    return [
        html.P(html.A(t("web.compare.all"), href=address.link("compare")), className="back"),
        html.H1(data.title),
        _unfinished(reading, t),
        damaged_note(set_aside(reading.study.folder), t),
        answer_section(data, t),
        _doors(address, name, t),
        _contents(t),
        measures_section(data, t, f"/lab-files/study/{name}/comparison.csv?lang={t.lang}"),
        section("charts-part", t("report.charts"), _kept_note(reading, t), _wait(t)),
        _compared(data, t),
        _assumptions(data, name, t),
        _reproduce(data, t),
        _limits(data, t),
    ]


def _wait(t: Texts) -> Content:
    return html.Div(html.P(t("web.compare.drawing"), className="note", role="status"), id="charts")


def _unfinished(reading: Reading, t: Texts) -> Content:
    """Say when the numbers are not the last word: runs still to come, or failed."""
    now, data, words = progress(reading.study.folder), reading.data, []
    if now.state in ("running", "interrupted") and now.done < now.planned:
        words.append(t(f"web.compare.still_{now.state}", done=f"{now.done:,}", planned=f"{now.planned:,}"))
    elif data.failed:
        words.append(t("web.compare.failed", count=f"{data.failed:,}"))
    return html.P(words, className="problem") if words else ""


def _doors(address: Address, name: str, t: Texts) -> Content:
    report = f"/lab-files/study/{name}/report?lang={address.lang}"
    replay = f"/replay?study={name}&lang={address.lang}"
    return html.P(
        [
            html.A(t("web.compare.report"), href=report, className="button", target="_blank"),
            " ",
            html.A(t("web.compare.replay"), href=replay, className="button"),
        ],
        className="doors",
    )


def _contents(t: Texts) -> Content:
    """Links to the parts of the page."""
    names = {"measures": "measures", "charts-part": "charts", "compared": "compared", "assumptions": "assumptions",
             "reproduce": "reproduce", "limits": "limits"}  # fmt: skip
    links = [html.Li(html.A(t(f"report.{key}"), href=f"#{part}")) for part, key in names.items()]
    return html.Nav(html.Ul(links, className="choices"), **{"aria-label": t("report.contents")})


def _kept_note(reading: Reading, t: Texts) -> Content:
    """Say that charts of single cases draw on a part of the replications, where they do."""
    total = int(reading.data.runs["replication"].nunique())
    kept = len(reading.study.store.kept("cases")) // max(1, len(reading.data.arms))
    return note(t("report.kept", kept=kept, all=total)) if 0 < kept < total else ""


def _frame(chart: Chart, address: Address) -> Content:
    """A chart's finding, place, explanation, table and download."""
    t, name = address.t, chart.name
    height = int(chart.figure.layout.height or 400)
    place = html.Div(
        html.P(t("web.compare.drawing"), className="note"),
        id={"type": PLOT, "name": name},
        className="paper",
        style={"minHeight": f"{height}px", "minWidth": f"{chart.min_width_px}px" if chart.min_width_px else "0"},
    )
    scroll = {"tabIndex": 0, "role": "region", "aria-label": chart.title} if chart.min_width_px else {}
    base = f"/lab-files/study/{address.get('study')}/chart/{quote(name)}"
    return html.Figure(
        [
            html.H3(chart.title),
            html.Figcaption(chart.sentence),
            html.Div(place, className="scroll" if chart.min_width_px else "canvas", **scroll),
            html.Details([html.Summary(t("report.how_to_read")), html.P(chart.description)]),
            later(t("report.show_table"), f"{base}/table?lang={address.lang}", t("web.loading")),
            html.A(t("report.download"), href=f"{base}/csv?lang={address.lang}", className="button", download=""),
        ],
        className="chart",
        id=f"chart-{name.replace(' ', '-')}",
    )


def _graph(chart: Chart, lang: str) -> Content:
    height = int(chart.figure.layout.height or 400)
    return dcc.Graph(
        figure=chart.figure,
        config=plotly_config(lang, chart.name),
        responsive=True,
        style={"height": f"{height}px", "width": "100%"},
        className="plot",
    )


def _compared(data: ReportData, t: Texts) -> Content:
    items = []
    for index, arm in enumerate(data.arms):
        changes = "; ".join(f"{k} = {v}" for k, v in arm.changes.items()) or t("report.arm_no_changes")
        mark = [" ", tag(t("report.arm_baseline"))] if index == 0 else []
        items.append(
            html.Li(
                [html.Strong(arm.label), *mark, " ", html.Code(arm.policy_id), html.Br(), arm.description, html.Br(),
                 html.Span(f"{t('report.arm_changes')}: {changes}", className="note")]
            )
        )  # fmt: skip
    return section(
        "compared",
        t("report.compared"),
        html.P(data.description),
        html.Ul(items, className="arms"),
        facts([(t(f"report.{key}"), value) for key, value in data.facts.items()]),
        note(t("report.pairing")),
        note(t("report.synthetic")),
    )


def _assumptions(data: ReportData, name: str, t: Texts) -> Content:
    parts = provenance(data.parameters, t, f"/lab-files/study/{name}/parameters")
    return section("assumptions", t("report.assumptions"), *parts, note(t("report.assumptions_note")))


def _reproduce(data: ReportData, t: Texts) -> Content:
    command = html.Pre(html.Code(data.command), tabIndex=0, role="region", **{"aria-label": t("report.reproduce")})
    return section(
        "reproduce",
        t("report.reproduce"),
        html.P(t("report.reproduce_text")),
        command,
        note(f"{t('report.results_at')}: {data.folder}"),
    )


def _limits(data: ReportData, t: Texts) -> Content:
    names = ["city", "model", "synthetic", "truth", "multiple", *(["maps"] if data.city is not None else [])]
    return section("limits", t("report.limits"), html.Ul([html.Li(t(f"report.limit_{n}")) for n in names]))
