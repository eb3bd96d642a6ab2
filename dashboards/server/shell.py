"""The frame around every page: head, navigation, language switch, landmarks, foot.

:func:`page` makes a whole page from a body; pages that are not made of text (the map, a drill) give the body and name
their modules and styles. Everything from outside goes through :func:`text`. Works without a script.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse

from dashboards.report.html import text
from dashboards.server.access import secure
from dashboards.server.settings import User
from dashboards.server.state import state_of
from dashboards.texts import LANGUAGES, Texts

LANG_COOKIE = "gridwhistle_lang"
YEAR_S = 365 * 86400
NAVIGATION = (
    ("home", "/"),
    ("library", "/lab/library"),
    ("run", "/lab/run"),
    ("compare", "/lab/compare"),
    ("replay", "/replay"),
    ("drill", "/drill"),
)
"""Key of a page's name under ``web.nav`` -> its address, in the order of the menu."""


@dataclass(frozen=True)
class Visit:
    """What a page needs of a request.

    Attributes
    ----------
    lang
        Language of the page.
    path, query
        Its address.
    user
        Who looks, None for a stranger at the door.
    guarded
        Whether this server asks for tokens, so that there is something to log out of.
    secure
        Whether the browser speaks HTTPS.
    """

    lang: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    user: User | None = None
    guarded: bool = False
    secure: bool = False

    @property
    def t(self) -> Texts:
        """The texts of the page's language."""
        return Texts(self.lang)

    def link(self, path: str, **query: str) -> str:
        """Return an address within this server that keeps the language."""
        return f"{path}?{urlencode({**query, 'lang': self.lang})}"


def visit_of(request: Request) -> Visit:
    """Return the visit of a request; the language is that of ``?lang=``, else as chosen before, else the browser's."""
    state = state_of(request)
    user: User | None = request.scope.get("state", {}).get("user")
    query = dict(request.query_params)
    lang, guarded = language_of(request, state.settings.lang), bool(state.settings.users)
    return Visit(lang, request.scope["path"], query, user, guarded, secure(request))


def language_of(request: HTTPConnection, otherwise: str) -> str:
    """Return the language of a request or socket: of ``?lang=``, as chosen before, of the browser, or ``otherwise``."""
    for chosen in (request.query_params.get("lang"), request.cookies.get(LANG_COOKIE)):
        if chosen in LANGUAGES:
            return str(chosen)
    accepted = request.headers.get("accept-language", "")[:2].lower()
    return accepted if accepted in LANGUAGES else otherwise


def page(
    visit: Visit,
    key: str,
    body: str,
    *,
    title: str = "",
    scripts: Sequence[str] = (),
    styles: Sequence[str] = (),
    status: int = 200,
    wide: bool = False,
    bare: bool = False,
) -> HTMLResponse:
    """Return a whole page.

    Parameters
    ----------
    visit
        From :func:`visit_of`.
    key
        Which entry of the menu it belongs to; its name is the page's title unless ``title`` is given.
    body
        HTML of the main part, with one ``h1``; already escaped.
    title
        Title of the page, unescaped.
    scripts
        Addresses of ES modules, such as ``/static/replay/main.js``.
    styles
        Addresses of style sheets.
    wide
        Whether the main part may take the whole width.
    bare
        Leave out the navigation (a projector, a player's phone).
    """
    name = title or visit.t(f"web.nav.{key}")
    modules = "".join(f'<script type="module" src="{text(s)}"></script>' for s in scripts)
    content = document(visit, key, f"{body}{modules}", title=name, styles=styles, wide=wide, bare=bare)
    response = HTMLResponse(content, status)
    remember(response, visit)
    return response


def remember(response: HTMLResponse, visit: Visit) -> None:
    """Keep the language that was asked for."""
    if visit.query.get("lang") in LANGUAGES:
        response.set_cookie(LANG_COOKIE, visit.lang, max_age=YEAR_S, samesite="lax", httponly=True, secure=visit.secure)


def document(
    visit: Visit,
    key: str,
    main: str,
    *,
    title: str,
    styles: Sequence[str] = (),
    head: str = "",
    foot: str = "",
    wide: bool = False,
    bare: bool = False,
) -> str:
    """Return the text of a page: ``main`` goes between the landmarks, ``head`` and ``foot`` around them."""
    t = visit.t
    sheets = "".join(f'<link rel="stylesheet" href="{text(s)}">' for s in ("/static/base.css", *styles))
    width = ' class="wide"' if wide else ""
    around = "" if bare else header(visit, key)
    return (
        f'<!DOCTYPE html>\n<html lang="{"zh-CN" if visit.lang == "zh" else "en"}" data-lang="{visit.lang}"><head>'
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{text(title)} · GridWhistle</title>'
        f'<link rel="icon" type="image/svg+xml" href="/static/icon.svg">{sheets}'
        f'<script type="module" src="/static/shell.js"></script>{head}</head><body>'
        f'<a class="skip" href="#main">{text(t("web.skip"))}</a>{around}'
        f'<main id="main" tabindex="-1"{width}>{main}</main>{foot}</body></html>\n'
    )


def header(visit: Visit, key: str) -> str:
    """Return the banner: name, menu, language switch, user."""
    t = visit.t
    items = "".join(
        f'<li><a href="{text(visit.link(path))}"{" aria-current='page'" if name == key else ""}>'
        f"{text(t(f'web.nav.{name}'))}</a></li>"
        for name, path in NAVIGATION
    )
    return (
        f'<header class="top"><a class="brand" href="{text(visit.link("/"))}">GridWhistle</a>'
        f'<nav aria-label="{text(t("web.menu"))}"><ul>{items}</ul></nav>'
        f'<div class="corner">{_language(visit)}{_user(visit)}</div></header>'
    )


def _language(visit: Visit) -> str:
    """Return the switch: a link to the same page in the other language."""
    other = next(lang for lang in LANGUAGES if lang != visit.lang)
    address = f"{visit.path}?{urlencode({**visit.query, 'lang': other})}"
    code = "zh-CN" if other == "zh" else "en"
    name = text(visit.t("web.other_language"))
    return f'<a data-switch-lang="{other}" href="{text(address)}" lang="{code}" hreflang="{code}">{name}</a>'


def _user(visit: Visit) -> str:
    if visit.user is None or not visit.guarded:
        return ""
    t = visit.t
    who = text(t("web.user", name=visit.user.name, role=t(f"web.roles.{visit.user.role}")))
    return (
        f'<span class="who">{who}</span><form method="post" action="/logout"><button type="submit" class="quiet">'
        f"{text(t('web.log_out'))}</button></form>"
    )


def message_page(visit: Visit, status: int, title: str, words: str) -> HTMLResponse:
    """Return a page with one message and the way home."""
    t = visit.t
    body = (
        f"<h1>{text(title)}</h1><p>{text(words)}</p>"
        f'<p><a class="button" href="{text(visit.link("/"))}">{text(t("web.nav.home"))}</a></p>'
    )
    return page(visit, "", body, title=title, status=status)
