"""What the analysis pages give out and take in as files: CSV, scenario texts, reports, uploads.

Plain addresses that a browser opens or saves, so that they work without Dash and from other programs.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Annotated, cast
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Form, HTTPException, Request, UploadFile
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dashboards.charts.base import Chart
from dashboards.lab.checker import checked_apart
from dashboards.lab.context import Lab
from dashboards.lab.fragments import GROUPS, chart_table, group_title, in_group, parameters_html, parameters_of
from dashboards.lab.uploads import MOST_BYTES, take
from dashboards.report.data import Parameter
from dashboards.report.html import text
from dashboards.report.said_table import table_bytes
from dashboards.server.access import client_of, require, user_of
from dashboards.server.damaged import told_damage
from dashboards.server.shell import Visit, page, visit_of
from dashboards.server.threads import READING, slow
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


async def _slowly[T](request: Request, function: Callable[..., T], *given: object) -> T:
    """Return what reading a study gives, in a thread for slow pages."""
    return await slow(f"{user_of(request).name} {client_of(request)}", READING, function, *given)


async def _chart(request: Request, study: str, chart: str) -> Chart:
    charts = await _slowly(request, _lab(request).charts, study, visit_of(request).lang)
    if chart not in charts:
        raise HTTPException(404, "no such chart")
    return charts[chart]


@router.get("/study/{study}/chart/{chart}/csv")
async def chart_csv(request: Request, study: str, chart: str) -> Response:
    """The numbers behind a chart."""
    found = await _chart(request, study, chart)
    content = await _slowly(request, table_bytes, found.table, Texts(visit_of(request).lang, found.titles))
    return _download(content, f"{study}-{chart}.csv", "text/csv; charset=utf-8")


@router.get("/study/{study}/chart/{chart}/table")
async def chart_rows(request: Request, study: str, chart: str) -> HTMLResponse:
    """The numbers behind a chart as a table, at most 200 rows."""
    return HTMLResponse(chart_table(await _chart(request, study, chart), visit_of(request).lang))


@router.get("/study/{study}/parameters/{group}")
async def study_parameters(request: Request, study: str, group: str) -> HTMLResponse:
    """A study's assumptions, or its parameters with a source."""
    visit = visit_of(request)
    found = await _slowly(request, _lab(request).reading, study, visit.lang)
    return _parameters(found.data.parameters, group, visit)


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
async def comparison_csv(request: Request, study: str) -> Response:
    """All paired differences of a study."""
    content = await _slowly(request, _comparison, _lab(request), study, visit_of(request).t)
    return _download(content, f"{study}-comparison.csv", "text/csv; charset=utf-8")


def _comparison(lab: Lab, study: str, t: Texts) -> bytes:
    with told_damage(lab.state.results_folder(study)):
        found = lab.study(study)
        frame = found.comparison_table()
    if t.lang != "en":
        titles = {policy: found.scenario.policy_title(policy, t.lang) for policy in found.policies}
        frame = frame.replace({"baseline": titles, "arm": titles})
    return table_bytes(frame, t)


@router.get("/study/{study}/report")
async def report(request: Request, study: str) -> HTMLResponse:
    """A study's report: one page that can be saved and opened from a file."""
    content = await _slowly(request, _lab(request).report, study, visit_of(request).lang)
    headers = {"Content-Security-Policy": REPORT_POLICY}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return HTMLResponse(content, headers=headers)
    zipped = await _slowly(request, _zipped, content)  # megabytes: everybody would wait for it on the event loop
    return HTMLResponse(zipped, headers={**headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"})


def _zipped(content: str) -> bytes:
    return gzip.compress(content.encode(), 4, mtime=0)


@router.get("/scenario/{name}.yaml")
def scenario_text(request: Request, name: str) -> Response:
    """A scenario's file as it was written."""
    files = _lab(request).scenario_names()
    if name not in files:
        raise HTTPException(404, "no such scenario")
    try:
        content = files[name].read_bytes()
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise HTTPException(404, "no such scenario") from None
    return _download(content, f"{name}.yaml", "application/yaml; charset=utf-8")


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
        name = await _slowly(
            request, take, content, scenario.filename, lab.state.settings.scenarios, bool(replace), checked_apart
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
