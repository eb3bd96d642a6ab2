"""Dash under ``/lab``: the frame of the analysis pages, and the one callback that shows a page for an address.

The server sends the shell in the visitor's language; Dash fills the main part. Work that takes time is done in a
thread, since Dash's callbacks run on the server's event loop. The content security policy of these pages allows the
few inline scripts of Dash by their hashes, and inline styles, which Plotly cannot do without.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

import dash
from dash import ClientsideFunction, Input, Output
from dash.exceptions import DependencyException, InvalidResourceError
from dash.fingerprint import check_fingerprint
from fastapi import FastAPI, HTTPException
from fastapi.routing import APIWebSocketRoute
from plotly.offline import get_plotlyjs
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dashboards.lab import compare, files, library, run, run_form
from dashboards.lab.address import PAGES, Address
from dashboards.lab.context import Lab
from dashboards.lab.parts import dcc, html, problem
from dashboards.lab.update import UPDATE, UpdateGate
from dashboards.report.html import json_script, text
from dashboards.report.write import MODEBAR
from dashboards.server.access import current_user
from dashboards.server.security import CONTENT_POLICY
from dashboards.server.shell import Visit, document, remember, visit_of
from dashboards.server.state import State
from dashboards.server.static import answer, shelf
from dashboards.server.threads import READING, slow
from dashboards.texts import Texts
from dashboards.texts.mistakes import sentence
from sim.errors import InputError
from sim.exhausted import told_of

log = logging.getLogger("gridwhistle.web")
ROUTE = "/lab/"
SUITES = "_dash-component-suites/"
YEAR = "public, max-age=31536000, immutable"
VIEWS = {"library": library.view, "run": run.view, "compare": compare.view}
PLOTLY = "package_data/plotly.min.js"


class LabApp(dash.Dash):
    """A Dash application whose page is our shell."""

    def page(self, visit: Visit, key: str) -> str:
        """Return the text of an analysis page; what is in it is asked for by the browser."""
        t = visit.t
        wait = f'<p class="loading" role="status">{text(t("web.loading"))}</p>'
        entry = f'<div id="react-entry-point">{wait}</div>'
        scripts = f"{_locale(visit)}{self._generate_config_html()}{self._scripts()}"
        foot = f'{scripts}<script src="/static/lab.js"></script>{self._generate_renderer()}'
        return document(
            visit, key, entry, title=t(f"web.nav.{key}"), styles=["/static/lab.css"], foot=f"<footer>{foot}</footer>"
        )

    def _scripts(self) -> str:
        """Return the script tags of the packages we use; Dash's own table is not one of them."""
        tags = self._generate_scripts_html().splitlines()
        return "\n".join(tag for tag in tags if "/dash_table/" not in tag)


def _locale(visit: Visit) -> str:
    """Return Plotly's words in the visitor's language, as data."""
    if visit.lang != "zh":
        return ""
    words = {english: visit.t(f"modebar.{key}") for english, key in MODEBAR.items()}
    return json_script({"name": "zh-CN", "dictionary": words}, "plotly-locale")


def mount(app: FastAPI, state: State) -> LabApp:
    """Hang the analysis pages into the server and return the Dash application."""
    _suites_from_memory(app)
    lab = LabApp(
        "gridwhistle-lab",
        server=app,  # type: ignore[arg-type]  # Dash's hint knows Flask only
        url_base_pathname=ROUTE,
        include_assets_files=False,
        assets_folder="no-assets",
        suppress_callback_exceptions=True,
        update_title=None,  # type: ignore[arg-type]  # None, as Dash documents, leaves the title alone
        title="GridWhistle",
        add_log_handler=False,
        on_error=_unforeseen,
    )
    backend: Any = lab.backend
    backend._setup_catchall = lambda: None  # unknown addresses are ours to answer, with 404
    app.state.lab = lab
    lab.layout = html.Div(
        [
            dcc.Location(id="address", refresh="callback-nav"),
            html.Div(id="page", **{"aria-live": "off"}),
            html.Div(id="shown", hidden=True),
        ]
    )
    context = app.state.lab_context = Lab(state)
    app.include_router(files.router)
    app.include_router(run_form.router)
    _show_pages(lab, context)
    run.register(lab, context)
    compare.register(lab, context)
    policy = _policy(lab)
    _close_sockets(app)
    app.add_middleware(UpdateGate, lab=lab, path=ROUTE + UPDATE)

    @app.get("/lab", include_in_schema=False)
    @app.get(ROUTE + "{name}", include_in_schema=False)
    def lab_page(request: Request, name: str = "") -> Response:
        """Send the shell of an analysis page; the language always stands in the address."""
        visit = visit_of(request)
        if name not in PAGES:
            if name:
                raise HTTPException(404, "no such page")
            return RedirectResponse(visit.link(f"{ROUTE}library"), 307)
        if visit.query.get("lang") != visit.lang:
            return RedirectResponse(visit.link(f"{ROUTE}{name}", **{**visit.query, "lang": visit.lang}), 307)
        response = HTMLResponse(lab.page(visit, name), headers={"Content-Security-Policy": policy})
        remember(response, visit)
        return response

    return lab


def _close_sockets(app: FastAPI) -> None:
    """Take away the socket by which Dash could be asked too: no page of ours uses it, and it checks little."""
    app.router.routes[:] = [route for route in app.router.routes if not isinstance(route, APIWebSocketRoute)
                            or not route.path.startswith(ROUTE)]  # fmt: skip


def _policy(lab: LabApp) -> str:
    lab._setup_server()
    scripts = " ".join(("'self'", *lab.csp_hashes()))
    loose = CONTENT_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
    return loose.replace("script-src 'self'", f"script-src {scripts}")


def _show_pages(lab: LabApp, context: Lab) -> None:
    @lab.callback(
        Output("page", "children"), Input("address", "pathname"), Input("address", "search"), on_error=_page_failed
    )
    async def show(pathname: str, search: str) -> Any:
        """Return a page's content."""
        address, user = Address.read(pathname, search), current_user()
        try:
            return await slow(user.name, READING, VIEWS[address.page], address, context, user)
        except InputError as error:
            told = sentence(error, address.lang)
        except (OSError, MemoryError) as error:
            if not told_of(error):
                raise
            log.warning("a page cannot be shown: %s", told_of(error))
            told = address.t("web.errors.exhausted")
        return [html.H1(address.t(f"web.nav.{address.page}")), problem(told)]

    lab.clientside_callback(
        ClientsideFunction("lab", "shown"),
        Output("shown", "children"),
        Input("page", "children"),
    )


def _page_failed(error: Exception) -> Any:
    """Keep the traceback of a fault of ours, and say on the page that something is wrong."""
    _unforeseen(error)
    return problem(f"{Texts('en')('web.errors.fault')} {Texts('zh')('web.errors.fault')}")


def _unforeseen(error: Exception) -> Any:
    """Keep the traceback of a fault of ours; the page stays as it is."""
    log.error("an analysis page failed", exc_info=error)
    return None


def _suites_from_memory(app: FastAPI) -> None:
    """Serve the scripts of Dash's packages compressed once; Dash's own route compresses nothing."""

    @app.get(ROUTE + SUITES + "{package}/{path:path}", include_in_schema=False)
    def suite(request: Request, package: str, path: str) -> Response:
        """A script of a Dash package."""
        return suite_file(app.state.lab, request, package, path)


def suite_file(lab: LabApp, request: Request, package: str, path: str) -> Response:
    """Return a file of a Dash package from memory; what Dash has not registered does not exist."""
    bare, versioned = check_fingerprint(path)
    held = shelf.get(f"suite:{package}/{bare}")
    if held is None:
        try:
            backend: Any = lab.backend
            made = backend.serve_component_suites(lab, package, path, request)
        except (DependencyException, InvalidResourceError, KeyError, OSError):
            raise HTTPException(404, "no such script") from None
        held = shelf.put(f"suite:{package}/{bare}", bytes(made.body), f".{bare.rpartition('.')[2]}")
    return answer(request, held, YEAR if versioned else "no-cache")


def warm(context: Lab) -> None:
    """Do once, before the first visitor, what would keep the first visitor waiting: compressing, importing, reading."""
    if shelf.get(f"suite:plotly/{PLOTLY}") is None:
        shelf.put(f"suite:plotly/{PLOTLY}", get_plotlyjs().encode(), ".js")
    for name in context.scenario_names():
        with suppress(InputError, OSError):  # told to whoever opens it
            context.scenario(name).spec()
