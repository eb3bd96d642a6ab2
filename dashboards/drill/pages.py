"""The HTML of the drill room: lobby, choice of a role, and the empty frame of each kind of live page.

The modules in `web/drill` fill the frames from what the socket sends. Nothing of the exercise stands in the HTML of a
player's page; every page carries the banner EXERCISE 演练.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from starlette.responses import HTMLResponse

from dashboards.drill.places import Seat
from dashboards.drill.room import Room
from dashboards.drill.rooms import Unfinished
from dashboards.report.html import text
from dashboards.server.shell import Visit, page
from dashboards.texts import LANGUAGES, all_texts
from scenarios.drill import CONTROLLER, Exercise, names

STYLES = ("/static/map/map.css", "/static/drill/drill.css")
BANNER = "EXERCISE 演练"


def words(visit: Visit, key: str, **fields: object) -> str:
    """Return a text of this section."""
    return visit.t(f"drillroom.{key}", **fields)


def _banner(visit: Visit, inside: str = "") -> str:
    return f'<div class="exercise-banner"><strong role="note">{BANNER}</strong>{inside}</div>'


def _other_language(visit: Visit) -> str:
    other = next(lang for lang in LANGUAGES if lang != visit.lang)
    code = "zh-CN" if other == "zh" else "en"
    return (
        f'<a data-switch-lang="{other}" href="{text(f"{visit.path}?lang={other}")}" lang="{code}" hreflang="{code}">'
        f"{text(visit.t('web.other_language'))}</a>"
    )


# ---------------------------------------------------------------- lobby
def lobby(visit: Visit, unfinished: Sequence[Unfinished], may_open: bool) -> HTMLResponse:
    """Return the first page: join with a code, or open a room."""

    def t(key: str) -> str:
        return text(words(visit, key))

    body = (
        f"{_banner(visit)}<h1>{t('title')}</h1><p class='lead'>{t('lead')}</p>"
        f"<section aria-labelledby='join'><h2 id='join'>{t('join_title')}</h2>"
        f"<form method='post' action='/drill/join' class='form'><label for='code'>{t('code')}</label>"
        "<input id='code' name='code' class='code' required maxlength='12' autocomplete='off' "
        f"autocapitalize='characters' spellcheck='false'><button type='submit' class='primary'>{t('join')}</button>"
        "</form></section>"
    )
    if may_open:
        body += _open(visit) + _taken_up(visit, unfinished)
    return page(visit, "drill", body, styles=STYLES, scripts=("/static/drill/lobby.js",))


def _open(visit: Visit) -> str:
    shipped = "".join(_exercise(visit, Exercise.load(name)) for name in names())
    upload = (
        "<form method='post' action='/drill/open' enctype='multipart/form-data' class='form' data-wait>"
        f"<label for='file'>{text(words(visit, 'own'))}</label>"
        "<input id='file' name='file' type='file' accept='.yaml,.yml' required aria-describedby='own-note'>"
        f"<p class='note' id='own-note'>{text(words(visit, 'own_note'))}</p>"
        f"<button type='submit'>{text(words(visit, 'open_own'))}</button></form>"
    )
    return (
        f"<section aria-labelledby='open'><h2 id='open'>{text(words(visit, 'open_title'))}</h2>"
        f"<ul class='exercises'>{shipped}</ul>{upload}"
        f"<p role='status' class='note' data-waiting hidden>{text(words(visit, 'preparing'))}</p></section>"
    )


def _exercise(visit: Visit, one: Exercise) -> str:
    said = getattr(one.description, visit.lang, "") if one.description else ""
    facts = words(visit, "facts", minutes=f"{one.length_min:g}", roles=len(one.roles), injects=len(one.injects))
    return (
        f"<li><h3>{text(getattr(one.title, visit.lang))}</h3><p>{text(said)}</p><p class='note'>{text(facts)}</p>"
        f"<form method='post' action='/drill/open' data-wait>"
        f"<input type='hidden' name='exercise' value='{text(one.name)}'>"
        f"<button type='submit' class='primary'>{text(words(visit, 'open'))}</button></form></li>"
    )


def _taken_up(visit: Visit, unfinished: Sequence[Unfinished]) -> str:
    if not unfinished:
        return ""
    rows = "".join(
        f"<li><span>{text(one.title[visit.lang])} <code>{text(one.folder)}</code></span>"
        f"<form method='post' action='/drill/take-up' data-wait>"
        f"<input type='hidden' name='recording' value='{text(one.folder)}'>"
        f"<button type='submit' aria-label='{text(words(visit, 'take_up_one', name=one.folder))}'>"
        f"{text(words(visit, 'take_up'))}</button></form></li>"
        for one in unfinished
    )
    return (
        f"<section aria-labelledby='again'><h2 id='again'>{text(words(visit, 'unfinished'))}</h2>"
        f"<ul class='unfinished'>{rows}</ul></section>"
    )


# ---------------------------------------------------------------- roles
def roles(visit: Visit, room: Room, may_control: bool) -> HTMLResponse:
    """Return the page on which a participant chooses a role."""
    exercise = room.drill.exercise
    rows = "".join(
        f"<li><form method='post' action='/drill/{room.code}/join'>"
        f"<input type='hidden' name='role' value='{text(name)}'>"
        f"<button type='submit' class='role-choice'><strong>{text(getattr(role.title, visit.lang))}</strong>"
        f"<span>{text(words(visit, f'kinds.{role.kind}'))}</span></button></form></li>"
        for name, role in exercise.roles.items()
    )
    body = (
        f"{_banner(visit, _other_language(visit))}<h1>{text(words(visit, 'choose_role'))}</h1>"
        f"<p>{text(words(visit, 'in_room', code=room.code))}</p><ul class='role-choices'>{rows}</ul>"
    )
    if may_control:
        body += (
            f"<details><summary>{text(words(visit, 'as_controller'))}</summary>"
            f"<form method='post' action='/drill/{room.code}/join' class='form'>"
            f"<input type='hidden' name='role' value='{CONTROLLER}'>"
            f"<label for='control'>{text(words(visit, 'control_code'))}</label>"
            "<input id='control' name='control' class='code' required maxlength='20' autocomplete='off'>"
            f"<button type='submit'>{text(words(visit, 'join'))}</button></form></details>"
        )
    return page(visit, "drill", body, title=words(visit, "choose_role"), styles=STYLES, bare=True)


# ---------------------------------------------------------------- live
def live(visit: Visit, room: Room, seat: Seat) -> HTMLResponse:
    """Return the live page of a seat."""
    exercise = room.drill.exercise
    kind = CONTROLLER if seat.role == CONTROLLER else exercise.roles[seat.role].kind
    frame = {CONTROLLER: _controller, "player": _player, "observer": _projector}[kind](visit)
    mine = {k.removeprefix("drillroom."): v for k, v in all_texts(visit.lang).items() if k.startswith("drillroom.")}
    data = {
        "kind": kind, "lang": visit.lang, "base": f"/drill/{room.code}/{seat.role}", "code": room.code,
        "texts": json.dumps(mine, ensure_ascii=False),
    }  # fmt: skip
    attributes = " ".join(f'data-{name}="{text(value)}"' for name, value in data.items())
    top = (
        f'<span class="link-state" data-part="link" role="status">{text(words(visit, "connecting"))}</span>'
        f"{_other_language(visit)}"
    )
    title = words(visit, f"pages.{kind}")
    body = (
        f'{_banner(visit, top)}<div class="live {kind}" data-drill {attributes}><h1 class="sr">{text(title)}</h1>'
        f'<p class="sr" aria-live="polite" data-part="polite"></p><p class="sr" role="alert" data-part="alarm"></p>'
        f"{frame}</div>"
    )
    return page(
        visit, "drill", body, title=title, styles=STYLES, scripts=(f"/static/drill/{kind}.js",), wide=True, bare=True
    )


def _section(visit: Visit, name: str, inside: str = "", css: str = "") -> str:
    """Return a section with a heading and one part to be filled."""
    return (
        f'<section class="card {css or name}" aria-labelledby="h-{name}"><h2 id="h-{name}">'
        f'{text(words(visit, f"parts.{name}"))}</h2>{inside}<div data-part="{name}"></div></section>'
    )


def _map(visit: Visit) -> str:
    buttons = "".join(
        f'<button type="button" class="icon {name}" data-part="{name}" aria-label="{text(words(visit, key))}"></button>'
        for name, key in (("zoom-in", "zoom_in"), ("zoom-out", "zoom_out"), ("fit", "fit"))
    )
    return (
        f'<section class="card map-card" aria-labelledby="h-map"><h2 id="h-map">{text(words(visit, "parts.map"))}</h2>'
        f'<div class="map-stage"><div data-part="map"></div><div class="tools">{buttons}</div></div>'
        '<div data-part="picked" class="picked" role="status"></div>'
        '<ul class="map-legend" data-part="legend"></ul></section>'
    )


def _feed(visit: Visit) -> str:
    return (
        f'<section class="card feed" aria-labelledby="h-feed"><h2 id="h-feed">{text(words(visit, "parts.feed"))}</h2>'
        f'<div class="feed-box" tabindex="0" role="log" aria-live="off" aria-labelledby="h-feed">'
        '<ol data-part="feed"></ol></div></section>'
    )


def _controller(visit: Visit) -> str:
    return (
        '<div class="controls" data-part="controls"></div><div class="ended" data-part="ended" hidden></div>'
        '<div class="columns"><div class="column">'
        f"{_section(visit, 'decisions')}{_section(visit, 'adhoc')}{_section(visit, 'injects')}</div>"
        f'<div class="column">{_map(visit)}{_feed(visit)}</div><div class="column">'
        f"{_section(visit, 'roles')}{_section(visit, 'notes')}{_section(visit, 'score')}</div></div>"
        f"{_section(visit, 'decided')}"
    )


def _player(visit: Visit) -> str:
    return (
        '<header class="player-clock" data-part="clockbar"></header><div data-part="state" class="state-line"></div>'
        f'<div data-part="decision" class="decision-slot"></div>'
        f'<div class="player-columns"><div class="column">{_section(visit, "messages")}{_section(visit, "you")}</div>'
        f'<div class="column">{_map(visit)}</div><div class="column">'
        f"{_section(visit, 'cases')}{_section(visit, 'units')}"
        f"{_feed(visit)}{_section(visit, 'note')}</div></div>"
    )


def _projector(visit: Visit) -> str:
    return (
        '<div class="big-clock" data-part="bigclock"></div><div class="kpis" data-part="kpis"></div>'
        f'<div class="big-columns">{_map(visit)}'
        f'<div class="column">{_section(visit, "messages")}{_feed(visit)}</div></div>'
    )
