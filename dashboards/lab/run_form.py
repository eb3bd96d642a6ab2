"""The form of the Run page: plain HTML, checked by the server while it is filled in, sent as JSON.

Native fields, because a browser's own are what keyboards and screen readers know best. A request is checked by the
same schema as on the command line; a mistake comes back as one sentence with the field it belongs to. The form's
values stand in the page's address (`web/lab.js`).
"""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse

from dashboards.job_request import MOST_DAYS, MOST_REPLICATIONS, JobRequest
from dashboards.lab.context import Lab
from dashboards.report.html import text
from dashboards.server.access import require
from dashboards.server.settings import User
from dashboards.server.shell import Visit, visit_of
from dashboards.texts import Texts, pick
from dashboards.texts.mistakes import sentence
from scenarios import pace
from scenarios.beforehand import default_workers
from scenarios.console import duration
from scenarios.experiment import Experiment, is_compiled
from scenarios.schema import Scenario
from sim.errors import InputError

router = APIRouter(prefix="/lab-files/run", include_in_schema=False)
FIELDS = ("scenario", "baseline", "arms", "replications", "days", "seed", "owner")
AT = {"policy": "arms", "policies": "arms", "horizon_days": "days"} | {name: name for name in FIELDS}
"""Field of an error -> the form's field beside which it is shown; anything else is shown above the button."""
FIRST = "whistle-vs-referral"
MOST_SEED = 2**53
Planner = Annotated[User, Depends(require("planner"))]


class Filled(BaseModel):
    """The form as it is filled in; numbers are still what was typed."""

    model_config = ConfigDict(extra="forbid")
    scenario: str = Field("", max_length=100)
    baseline: str = Field("", max_length=100)
    arms: list[Annotated[str, Field(max_length=100)]] = Field(default_factory=list, max_length=50)
    replications: str = Field("", max_length=40)
    days: str = Field("", max_length=40)
    seed: str = Field("", max_length=40)
    owner: str = Field("", max_length=60)

    def request(self, lab: Lab, lang: str) -> JobRequest:
        """Return the checked request.

        Raises
        ------
        InputError
            For any mistake, with the field.
        """
        others = [arm for arm in self.arms if arm != self.baseline]
        if not others:
            allowed = "tick a second policy"
            raise InputError("a comparison needs at least two policies", field="arms", allowed=allowed)
        name = f"{self.scenario}.yaml" if lab.is_own(self.scenario) else self.scenario
        return JobRequest.of(
            {
                "scenario": name,
                "policies": [self.baseline, *others],
                "lang": lang,
                "replications": _whole("replications", self.replications),
                "days": _number("days", self.days),
                "seed": _whole("seed", self.seed),
            }
        )


def _number(field: str, typed: str) -> float:
    try:
        return float(typed)
    except ValueError:
        raise InputError("this is not a number", field=field, found=typed or None, allowed="a number") from None


def _whole(field: str, typed: str) -> int:
    value = _number(field, typed)
    if not value.is_integer():
        raise InputError("this is not a whole number", field=field, found=typed, allowed="a whole number")
    return int(value)


def _lab(request: Request) -> Lab:
    return cast(Lab, request.app.state.lab_context)


@router.post("/check")
def check(request: Request, filled: Filled, _: Planner) -> dict[str, Any]:
    """Say what a request would take, or what is wrong with it and where."""
    lab, visit = _lab(request), visit_of(request)
    try:
        job = filled.request(lab, visit.lang)
        made = job.experiment(lab.state.settings.scenarios)
    except InputError as error:
        return _wrong(error, visit.lang)
    return {"wrong": {}, "plan": _plan(made, job, lab, visit.t)}


@router.post("/submit")
def submit(request: Request, filled: Filled, user: Planner) -> dict[str, Any]:
    """Put a request into the queue."""
    lab, visit = _lab(request), visit_of(request)
    owner = user.name if lab.state.settings.users else filled.owner.strip() or user.name
    try:
        job = lab.state.jobs.submit(filled.request(lab, visit.lang), owner)
    except InputError as error:
        return _wrong(error, visit.lang)
    return {"wrong": {}, "said": visit.t("web.run.submitted", id=job.id)}


def _wrong(error: InputError, lang: str) -> dict[str, Any]:
    at = AT.get((error.field or "").partition("[")[0], "form")
    return {"wrong": {at: sentence(error, lang)}, "plan": ""}


def _plan(made: Experiment, job: JobRequest, lab: Lab, t: Texts) -> str:
    """Return what a request takes as HTML: runs, time, folder, the command that does the same."""
    runs = len(made.arms) * (made.replications or 1)
    folder = made.default_folder(lab.state.settings.results)
    first = t("web.run.plan", arms=len(made.arms), replications=made.replications, runs=f"{runs:,}")
    there = "web.run.plan_there" if (folder / "manifest.json").is_file() else "web.run.plan_new"
    rest = t.joiner.join([_time(made.scenario, made.arms[0], runs, t), t(there, folder=folder.name)])
    command = text(t("web.run.command"))
    return (
        f"<p><strong>{text(first)}</strong> {text(rest)}</p><details><summary>{command}</summary>"
        f'<pre tabindex="0" role="region" aria-label="{command}"><code>{text(job.command())}</code></pre></details>'
    )


def _time(scenario: Scenario, arm: str, runs: int, t: Texts) -> str:
    """Say how long it takes, roughly; a city that must be read first has an unknown size."""
    given = scenario.city.get("synthetic")
    if not isinstance(given, dict) and "bare" not in scenario.city:
        return t("web.run.time_unknown")
    residents = int((given or {}).get("residents") or 0)
    known, days = pace.measured(), scenario.spec(arm).horizon_days
    seconds = known.campaign_s(runs, residents, days, default_workers(runs))
    seconds += 0.0 if is_compiled() else known.compile_s
    return t("web.run.time", time=duration(seconds, t))


# the form itself


@router.get("/form")
def form(request: Request, user: Planner) -> HTMLResponse:
    """The form as a piece of HTML, filled in from the query."""
    lab, visit = _lab(request), visit_of(request)
    chosen, before = visit.query.get("scenario") or FIRST, ""
    if chosen not in lab.scenario_names():
        before, chosen = _problem(visit.t("web.run.no_scenario", name=chosen)), FIRST
    try:
        scenario = lab.scenario(chosen)
        days = scenario.spec(scenario.arms[0]).horizon_days
    except InputError as error:
        return HTMLResponse(_scenarios(lab, visit, chosen) + _problem(sentence(error, visit.lang)))
    return HTMLResponse(before + _form(lab, visit, chosen, scenario, days, user))


def _problem(sentence: str) -> str:
    return f'<p class="problem" role="alert">{text(sentence)}</p>'


def _form(lab: Lab, visit: Visit, name: str, scenario: Scenario, days: float, user: User) -> str:
    t, query = visit.t, visit.query
    known = list(dict.fromkeys([*scenario.arms, *scenario.policies]))
    arms = [arm for arm in query.get("arms", "").split(",") if arm in known] or scenario.arms
    baseline = query["baseline"] if query.get("baseline") in known else scenario.arms[0]
    titles = {arm: scenario.policy_title(arm, visit.lang) for arm in known}
    filled = {
        "replications": query.get("replications") or str(scenario.experiment.replications),
        "days": query.get("days") or f"{days:g}",
        "seed": query.get("seed") or str(scenario.seed),
    }
    bounds = {"replications": (1, MOST_REPLICATIONS), "days": (0, MOST_DAYS), "seed": (0, MOST_SEED)}
    fields = [
        _scenarios(lab, visit, name),
        _choice("baseline", "radio", titles, [baseline], t),
        _choice("arms", "checkbox", titles, arms, t),
        *[_number_field(field, value, *bounds[field], t) for field, value in filled.items()],
        _owner(user, bool(lab.state.settings.users), t),
    ]
    lang = f"?lang={visit.lang}"
    return (
        f'<form id="run-form" data-check="{router.prefix}/check{lang}" data-submit="{router.prefix}/submit{lang}" '
        f'novalidate><input type="hidden" name="scenario" value="{text(name)}">'
        f'<div class="run-form">{"".join(fields)}</div><div id="run-plan" class="plan" role="status"></div>'
        f'<div data-wrong="form" role="alert"></div><p><button type="submit" class="primary">'
        f'{text(t("web.run.submit"))}</button></p><div id="run-said" role="status"></div></form>'
    )


def _scenarios(lab: Lab, visit: Visit, chosen: str) -> str:
    """The list of scenarios; choosing one goes to its form."""
    t, options = visit.t, []
    for name in lab.scenario_names():
        try:
            title = pick(lab.scenario(name).title, visit.lang, name)
        except InputError:
            title = t("web.run.broken", name=name)
        here = " selected" if name == chosen else ""
        options.append(f'<option value="{text(visit.link("/lab/run", scenario=name))}"{here}>{text(title)}</option>')
    return _field("scenario", f'<select id="run-scenario" data-goto="true">{"".join(options)}</select>', t)


def _field(name: str, control: str, t: Texts) -> str:
    return (
        f'<div class="field"><label for="run-{name}">{text(t(f"web.run.{name}"))}</label>{control}'
        f'<span class="note" id="run-{name}-hint">{text(t(f"web.run.{name}_hint"))}</span>'
        f'<div data-wrong="{name}" id="run-{name}-wrong" role="alert"></div></div>'
    )


def _choice(name: str, kind: str, titles: dict[str, str], ticked: list[str], t: Texts) -> str:
    options = "".join(
        f'<label><input type="{kind}" name="{name}" value="{text(value)}"{" checked" if value in ticked else ""}> '
        f"{text(title)}</label>"
        for value, title in titles.items()
    )
    return (
        f'<fieldset class="ticks" aria-describedby="run-{name}-hint run-{name}-wrong">'
        f"<legend>{text(t(f'web.run.{name}'))}</legend>{options}"
        f'<span class="note" id="run-{name}-hint">{text(t(f"web.run.{name}_hint"))}</span>'
        f'<div data-wrong="{name}" id="run-{name}-wrong" role="alert"></div></fieldset>'
    )


def _number_field(name: str, value: str, low: int, high: int, t: Texts) -> str:
    step = "any" if name == "days" else "1"
    control = (
        f'<input id="run-{name}" name="{name}" type="number" inputmode="decimal" min="{low}" max="{high}" '
        f'step="{step}" value="{text(value)}" required aria-describedby="run-{name}-hint run-{name}-wrong">'
    )
    return _field(name, control, t)


def _owner(user: User, known: bool, t: Texts) -> str:
    """Who asks: the user of a token, or whoever sits here, by a name that the browser remembers."""
    name = user.name if known else t("web.run.local")
    fixed = " readonly" if known else ' data-remembered="gridwhistle-name"'
    control = (
        f'<input id="run-owner" name="owner" maxlength="40" autocomplete="name" value="{text(name)}"{fixed} '
        f'aria-describedby="run-owner-hint run-owner-wrong">'
    )
    return _field("owner", control, t)
