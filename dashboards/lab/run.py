"""The Run page: the form, and the queue that everybody sees.

The form is a piece of HTML (`dashboards.lab.run_form`), the queue is `dashboards.jobs`; this file puts them on a page
and keeps the queue fresh.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

import dash
from dash import ALL, Input, Output, State, ctx, no_update
from dash.exceptions import PreventUpdate

from dashboards.jobs import NotAllowed
from dashboards.lab.address import Address
from dashboards.lab.context import Lab
from dashboards.lab.parts import Content, dcc, html, note, problem, section
from dashboards.lab.queue import announcement, queue_table
from dashboards.server.access import current_user
from dashboards.server.settings import User
from dashboards.texts import Texts
from dashboards.texts.mistakes import sentence
from sim.errors import InputError

REFRESH_MS = 1500


def view(address: Address, lab: Lab, user: User) -> Content:
    """Return the page."""
    t = address.t
    source = f"/lab-files/run/form?{urlencode({**address.fields, 'lang': address.lang})}"
    waiting = html.Div(html.P(t("web.loading"), className="note"), **{"data-load": source})
    form = section("form", t("web.run.form"), waiting) if user.may("planner") else note(t("web.run.viewer"))
    return [
        html.H1(t("web.run.title")),
        html.P(t("web.run.lead"), className="lead"),
        form,
        section(
            "queue",
            t("web.run.queue"),
            html.Div(id="jobs-done"),
            html.Div(queue_table(lab.state.jobs.list(), user, lab, t), id="jobs"),
            html.P("", id="jobs-said", className="sr", role="status"),
            dcc.Interval(id="jobs-tick", interval=REFRESH_MS),
        ),
    ]


def register(app: dash.Dash, lab: Lab) -> None:
    """Register what keeps the queue fresh and what its buttons do."""

    @app.callback(
        Output("jobs", "children"),
        Output("jobs-said", "children"),
        Input("jobs-tick", "n_intervals"),
        Input("jobs-done", "children"),
        State("jobs-said", "children"),
        State("address", "search"),
        prevent_initial_call=True,
    )
    async def refresh(_: int | None, __: Any, said: str, search: str) -> tuple[Any, Any]:
        """Show the queue as it is now; tell aloud only what changed."""
        t, user = Address.read("/lab/run", search).t, current_user()
        jobs = await asyncio.to_thread(lab.state.jobs.list)
        words = announcement(jobs, lab, t)
        return queue_table(jobs, user, lab, t), no_update if words == said else words

    @app.callback(
        Output("jobs-done", "children"),
        Input({"type": "job", "do": ALL, "id": ALL}, "n_clicks"),
        State("address", "search"),
        prevent_initial_call=True,
    )
    async def change(clicks: list[int | None], search: str) -> Any:
        """Cancel, resume or take a job off the list."""
        asked = ctx.triggered_id
        if not asked or not ctx.triggered[0]["value"]:
            raise PreventUpdate  # a button was drawn, not pressed
        t = Address.read("/lab/run", search).t
        return await asyncio.to_thread(_changed, lab, current_user(), asked["do"], asked["id"], t)


def _changed(lab: Lab, user: User, do: str, job: str, t: Texts) -> Any:
    """Do what a button of the queue says, if the user may; a job may be changed by its owner."""
    jobs, anybodys = lab.state.jobs, not lab.state.settings.users
    actions = {"cancel": jobs.cancel, "resume": jobs.resume, "forget": jobs.forget}
    if not user.may("planner") or do not in actions:
        return problem(t("web.run.viewer"))
    try:
        done = actions[do](job, user.name, anybodys=anybodys)
    except NotAllowed:
        return problem(t("web.run.not_yours"))
    except InputError as error:
        return problem(sentence(error, t.lang))
    return html.P(t(f"web.run.did_{do}" if done else "web.run.did_nothing", id=job), className="said", role="status")
