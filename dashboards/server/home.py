"""The first page, the door, and the server's pulse: ``/``, ``/login``, ``/logout``, ``/health``.

They need no script and no chart, so they answer while everything else is still loading.
"""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dashboards.report.html import text
from dashboards.server.access import SESSION_S, client_of, secure, session_name, session_of
from dashboards.server.shell import Visit, page, visit_of
from dashboards.server.state import State, state_of
from scenarios import library

router = APIRouter()
PACKAGES = ("gridwhistle", "fastapi", "dash", "plotly", "numpy", "numba", "mesa", "duckdb")
DOORS = (
    ("library", "/lab/library"),
    ("run", "/lab/run"),
    ("compare", "/lab/compare"),
    ("replay", "/replay"),
    ("drill", "/drill"),
)


def versions() -> dict[str, str]:
    """Return the versions of Python, the product and the packages that decide what it shows."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "-"
    return found


def pulse(state: State) -> dict[str, Any]:
    """Return what lies here and what is going on, for people and monitors."""
    jobs, queue = [job.state for job in state.jobs.list()], state.jobs.health()
    return {
        "status": "ok" if queue["alive"] else "the queue has stopped",
        "scenarios": len(library.names()) + len(own_scenarios(state)),
        "results": len(state.results_names()),
        "jobs_running": jobs.count("running"),
        "jobs_waiting": jobs.count("queued"),
        "queue": queue,
    }


def own_scenarios(state: State) -> list[str]:
    """Return the names of the users' own scenarios, sorted."""
    folder = state.settings.scenarios
    return sorted(path.stem for path in folder.glob("*.yaml")) if folder.is_dir() else []


@router.get("/health", include_in_schema=False)
def health(request: Request) -> dict[str, Any]:
    """The server's pulse as JSON; a stranger learns only that it lives."""
    if request.scope["state"]["user"] is None:
        return {"status": "ok"}
    return {**pulse(state_of(request)), "versions": versions()}


@router.get("/", include_in_schema=False)
def home(request: Request) -> HTMLResponse:
    """What this is, where to begin, what lies here."""
    visit, state = visit_of(request), state_of(request)
    t, now = visit.t, pulse(state)
    cards = "".join(_card(visit, key, path) for key, path in DOORS)
    facts = {
        "scenarios": now["scenarios"],
        "results": now["results"],
        "jobs": t("web.home.jobs_text", running=now["jobs_running"], waiting=now["jobs_waiting"]),
        "results_folder": state.settings.results,
        "scenarios_folder": state.settings.scenarios,
        "reach": t("web.home.reach_local" if state.settings.loopback else "web.home.reach_token"),
    }
    lies = "".join(f"<div><dt>{text(t(f'web.home.{k}'))}</dt><dd>{text(v)}</dd></div>" for k, v in facts.items())
    rows = "".join(f"<div><dt>{text(k)}</dt><dd>{text(v)}</dd></div>" for k, v in versions().items())
    steps = "".join(f"<li>{_step(visit, i)}</li>" for i in (1, 2, 3))
    body = (
        f"<h1>GridWhistle</h1><p class='lead'>{text(t('web.home.lead'))}</p>"
        f"<section aria-labelledby='first'><h2 id='first'>{text(t('web.home.first'))}</h2><ol class='steps'>{steps}"
        f"</ol></section><section aria-labelledby='doors'><h2 id='doors'>{text(t('web.home.doors'))}</h2>"
        f"<ul class='cards'>{cards}</ul></section>"
        f"<section aria-labelledby='here'><h2 id='here'>{text(t('web.home.here'))}</h2><dl class='facts'>{lies}</dl>"
        f"<details><summary>{text(t('web.home.versions'))}</summary><dl class='facts'>{rows}</dl></details></section>"
    )
    return page(visit, "home", body)


def _card(visit: Visit, key: str, path: str) -> str:
    t = visit.t
    return (
        f'<li><a href="{text(visit.link(path))}"><strong>{text(t(f"web.nav.{key}"))}</strong>'
        f"<span>{text(t(f'web.home.door_{key}'))}</span></a></li>"
    )


def _step(visit: Visit, number: int) -> str:
    t = visit.t
    address = (
        visit.link("/lab/library", scenario="whistle-vs-referral"),
        visit.link("/lab/run", scenario="whistle-vs-referral"),
        visit.link("/lab/compare"),
    )[number - 1]
    return f'<a href="{text(address)}">{text(t(f"web.home.step_{number}"))}</a> {text(t(f"web.home.why_{number}"))}'


@router.get("/login", include_in_schema=False)
def door(request: Request, next: str = "/") -> Response:
    """The form that asks for a token."""
    visit = visit_of(request)
    if visit.user is not None:
        return RedirectResponse(local_path(next), 303)
    return _door(visit, next, "")


@router.post("/login", include_in_schema=False)
async def log_in(request: Request, token: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/") -> Response:
    """Exchange a token for a session cookie; a right one always enters, wrong ones are answered ever later."""
    visit, sessions = visit_of(request), state_of(request).sessions
    session = sessions.begin(token.strip())
    if session is None:
        often = await sessions.tries.refused(client_of(request), "token")
        return _door(visit, next, "web.login.too_many" if often else "web.login.wrong", 429 if often else 401)
    response = RedirectResponse(local_path(next), 303)
    name = session_name(request)
    response.set_cookie(name, session, max_age=SESSION_S, httponly=True, samesite="strict", secure=secure(request))
    return response


@router.post("/logout", include_in_schema=False)
def log_out(request: Request) -> Response:
    """End the session."""
    state_of(request).sessions.end(session_of(request))
    response = RedirectResponse("/login", 303)
    response.delete_cookie(session_name(request), httponly=True, samesite="strict", secure=secure(request))
    return response


def _door(visit: Visit, after: str, problem: str, status: int = 200) -> HTMLResponse:
    t = visit.t
    said = f'<p class="problem" role="alert" id="problem">{text(t(problem))}</p>' if problem else ""
    described = ' aria-describedby="problem" aria-invalid="true"' if problem else ""
    body = (
        f"<h1>{text(t('web.login.title'))}</h1><p>{text(t('web.login.text'))}</p>{said}"
        f'<form method="post" action="/login" class="form"><input type="hidden" name="next" value="{text(after)}">'
        f'<label for="token">{text(t("web.login.token"))}</label><input id="token" name="token" type="password" '
        f'autocomplete="current-password" required{described}>'
        f'<button type="submit">{text(t("web.login.enter"))}</button></form>'
    )
    return page(visit, "", body, title=t("web.login.title"), status=status, bare=True)


def local_path(address: str) -> str:
    """Return an address if it lies on this server, else ``/``: a login must not lead to another site."""
    try:
        parts = urlsplit(address)
    except ValueError:  # such as brackets that do not close
        return "/"
    inside = address.startswith("/") and not address.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return address if inside and address.isprintable() else "/"
