"""What the analysis pages give out and take in as files: CSV, scenario texts, reports, uploads.

Plain addresses that a browser opens or saves, so that they work without Dash and from other programs.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, cast
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Form, HTTPException, Request, UploadFile
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dashboards.charts.base import Chart
from dashboards.lab.context import Lab
from dashboards.lab.fragments import GROUPS, chart_table, group_title, in_group, parameters_html, parameters_of
from dashboards.lab.uploads import MOST_BYTES, take
from dashboards.report.data import Parameter
from dashboards.report.html import text
from dashboards.report.said_table import table_bytes
from dashboards.server.access import require
from dashboards.server.shell import Visit, page, visit_of
from dashboards.texts import Texts
from dashboards.texts.mistakes import sentence
from sim.errors import InputError

router = APIRouter(prefix="/lab-files", include_in_schema=False)
REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox allow-scripts allow-downloads allow-modals"
)
"""A report brings its scripts inline; the sandbox keeps it away from the server's cookies and pages."""


def _lab(request: Request) -> Lab:
    return cast(Lab, request.app.state.lab_context)


def _chart(request: Request, study: str, chart: str) -> Chart:
    charts = _lab(request).charts(study, visit_of(request).lang)
    if chart not in charts:
        raise HTTPException(404, "no such chart")
    return charts[chart]


@router.get("/study/{study}/chart/{chart}/csv")
def chart_csv(request: Request, study: str, chart: str) -> Response:
    """The numbers behind a chart."""
    found = _chart(request, study, chart)
    content = table_bytes(found.table, Texts(visit_of(request).lang, found.titles))
    return _download(content, f"{study}-{chart}.csv", "text/csv; charset=utf-8")


@router.get("/study/{study}/chart/{chart}/table")
def chart_rows(request: Request, study: str, chart: str) -> HTMLResponse:
    """The numbers behind a chart as a table, at most 200 rows."""
    return HTMLResponse(chart_table(_chart(request, study, chart), visit_of(request).lang))


@router.get("/study/{study}/parameters/{group}")
def study_parameters(request: Request, study: str, group: str) -> HTMLResponse:
    """A study's assumptions, or its parameters with a source."""
    visit = visit_of(request)
    return _parameters(_lab(request).reading(study, visit.lang).data.parameters, group, visit)


@router.get("/scenario/{name}/parameters/{group}")
def scenario_parameters(request: Request, name: str, group: str) -> HTMLResponse:
    """A scenario's assumptions, or its parameters with a source."""
    visit = visit_of(request)
    return _parameters(parameters_of(_lab(request).scenario(name), visit.lang), group, visit)


def _parameters(entries: list[Parameter], group: str, visit: Visit) -> HTMLResponse:
    if group not in GROUPS:
        raise HTTPException(404, "no such group")
    chosen = in_group(entries, group)
    return HTMLResponse(parameters_html(chosen, visit.t, group_title(group, len(chosen), visit.t)))


@router.get("/study/{study}/comparison.csv")
def comparison_csv(request: Request, study: str) -> Response:
    """All paired differences of a study."""
    found, t = _lab(request).study(study), visit_of(request).t
    frame = found.comparison_table()
    if t.lang != "en":
        titles = {policy: found.scenario.policy_title(policy, t.lang) for policy in found.policies}
        frame = frame.replace({"baseline": titles, "arm": titles})
    return _download(
        table_bytes(frame, t),
        f"{study}-comparison.csv",
        "text/csv; charset=utf-8",
    )


@router.get("/study/{study}/report")
def report(request: Request, study: str) -> HTMLResponse:
    """A study's report: one page that can be saved and opened from a file."""
    content = _lab(request).report(study, visit_of(request).lang)
    return HTMLResponse(content, headers={"Content-Security-Policy": REPORT_POLICY})


@router.get("/scenario/{name}.yaml")
def scenario_text(request: Request, name: str) -> Response:
    """A scenario's file as it was written."""
    files = _lab(request).scenario_names()
    if name not in files:
        raise HTTPException(404, "no such scenario")
    return _download(files[name].read_bytes(), f"{name}.yaml", "application/yaml; charset=utf-8")


def _download(content: bytes, name: str, kind: str) -> Response:
    named = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(content, media_type=kind, headers={"Content-Disposition": named})


@router.get("/upload", dependencies=[Depends(require("planner"))])
def upload_form(request: Request) -> HTMLResponse:
    """The form that takes a scenario."""
    return _form(visit_of(request))


@router.post("/upload", dependencies=[Depends(require("planner"))])
async def upload(
    request: Request,
    scenario: Annotated[UploadFile | None, File()] = None,
    replace: Annotated[str, Form()] = "",
) -> Response:
    """Take a scenario, or say in one sentence what is wrong with it."""
    visit, lab = visit_of(request), _lab(request)
    if scenario is None or not scenario.filename:
        return _form(visit, visit.t("web.upload.nothing"))
    content = await scenario.read(MOST_BYTES + 1)
    try:
        name = await asyncio.to_thread(
            take, content, scenario.filename, lab.state.settings.scenarios, replace=bool(replace)
        )
    except InputError as error:
        return _form(visit, sentence(error, visit.lang))
    return RedirectResponse(visit.link("/lab/library", scenario=name), 303)


def _form(visit: Visit, wrong: str = "") -> HTMLResponse:
    t = visit.t
    said = f'<p class="problem" role="alert" id="problem">{text(wrong)}</p>' if wrong else ""
    described = ' aria-describedby="problem rules" aria-invalid="true"' if wrong else ' aria-describedby="rules"'
    body = (
        f'<h1>{text(t("web.upload.title"))}</h1><p id="rules">{text(t("web.upload.text"))}</p>{said}'
        f'<form method="post" enctype="multipart/form-data" class="form" action="{text(visit.link(visit.path))}">'
        f'<label for="scenario">{text(t("web.upload.file"))}</label>'
        f'<input id="scenario" name="scenario" type="file" accept=".yaml,.yml" required{described}>'
        '<label class="tick"><input type="checkbox" name="replace" value="yes"> '
        f"{text(t('web.upload.replace'))}</label>"
        f'<button type="submit" class="primary">{text(t("web.upload.send"))}</button></form>'
        f'<p><a href="{text(visit.link("/lab/library"))}">{text(t("web.upload.back"))}</a></p>'
    )
    return page(visit, "library", body, title=t("web.upload.title"), status=400 if wrong else 200)
