"""The web application: the guard layers, the routers of all parts, Dash under ``/lab``, and answers to mistakes.

Every part is imported and included here by name; there is no other way to hang a page into the server. Starting a
server on a port is `dashboards.server.serve`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from dashboards.drill.routes import router as drill
from dashboards.jobs import Jobs
from dashboards.lab.app import mount, warm
from dashboards.replay.routes import router as replay
from dashboards.server import home, static
from dashboards.server.access import Access, Sessions, client_of
from dashboards.server.security import Gate
from dashboards.server.settings import Settings
from dashboards.server.shell import message_page, visit_of
from dashboards.server.state import State, state_of
from dashboards.server.threads import Busy
from dashboards.server.tries import WrongSecret
from dashboards.texts.mistakes import sentence
from sim.errors import InputError
from sim.exhausted import told_of

log = logging.getLogger("gridwhistle.web")


def create_app(settings: Settings) -> FastAPI:
    """Return the application.

    Parameters
    ----------
    settings
        Checked settings, from `dashboards.server.settings.settings`.

    Notes
    -----
    From the outside in: the trusted proxy, the gate (host, origin, size, headers), who is asking, compression, the
    check of what Dash is sent, the routes.
    """
    sessions = Sessions(settings)
    state = State(settings, sessions, Jobs(settings.results, settings.concurrent, settings.scenarios))
    app = FastAPI(title="GridWhistle", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan)
    app.state.gridwhistle = state
    app.include_router(home.router)
    app.include_router(static.router)
    app.include_router(replay)
    app.include_router(drill)
    mount(app, state)
    app.add_middleware(GZipMiddleware, minimum_size=500, compresslevel=4)
    app.add_middleware(Access, sessions=sessions)
    app.add_middleware(Gate, settings=settings)
    if settings.proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.proxies))  # type: ignore[arg-type]
    app.add_exception_handler(InputError, _input_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(WrongSecret, _wrong_secret)
    app.add_exception_handler(OSError, _of_the_machine)
    app.add_exception_handler(MemoryError, _of_the_machine)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state: State = app.state.gridwhistle
    await asyncio.to_thread(warm, app.state.lab_context)
    try:
        yield
    finally:
        await asyncio.to_thread(state.jobs.close)


async def _input_error(request: Request, error: Exception) -> Response:
    """Answer a mistake in what the user gave with its one sentence."""
    assert isinstance(error, InputError)
    return _answer(request, 503 if isinstance(error, Busy) else 400, sentence(error, visit_of(request).lang))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _answer(request, error.status_code, str(error.detail))


async def _malformed(request: Request, error: Exception) -> Response:
    """Say which field of a form or query is wrong; what stood there is not repeated, it may not even be text."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])
    told = InputError(f"this cannot be read ({first['msg'][:200]})", field=field[:80] or None)
    return _answer(request, 422, sentence(told, visit_of(request).lang).encode("utf-8", "replace").decode())


async def _wrong_secret(request: Request, error: Exception) -> Response:
    """Count a wrong secret and answer, the later the more there were; see `dashboards.server.tries`."""
    assert isinstance(error, WrongSecret)
    tries = state_of(request).sessions.tries
    often = await tries.refused(client_of(request), error.what)
    status, words = (429, error.often) if often else (error.status_code, error.words)
    if error.page is not None and "text/html" in request.headers.get("accept", ""):
        return await error.page(words, status)
    return _answer(request, status, words)


async def _of_the_machine(request: Request, error: Exception) -> Response:
    """Say that the machine has run out of something, or that a file has just gone; any other fault is ours."""
    why = told_of(error)
    if why:
        log.warning("%s cannot be answered: %s", request.scope["path"], why)
        return _answer(request, 507, visit_of(request).t("web.errors.exhausted"))
    if isinstance(error, FileNotFoundError):
        return _answer(request, 404, "no such file any more")
    raise error


def _answer(request: Request, status: int, words: str) -> Response:
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"error": words}, status)
    visit = visit_of(request)
    known = status in (400, 401, 403, 404)
    title = visit.t(f"web.errors.{status}" if known else "web.errors.other")
    return message_page(visit, status, title, "" if status == 404 else words)
