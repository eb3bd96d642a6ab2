"""The HTML of the drill room: lobby, choice of a role, and the empty frame of each kind of live page.

The modules in `web/drill` fill the frames from what the socket sends. Nothing of the exercise stands in the HTML of a
player's page; every page carries the banner EXERCISE 演练.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from starlette.responses import HTMLResponse

from dashboards.drill.places import Seat
from dashboards.drill.room import Room
from dashboards.drill.rooms import Unfinished
from dashboards.report.html import text
from dashboards.server.shell import Visit, page
from dashboards.texts import LANGUAGES, all_texts
from scenarios.drill import CONTROLLER, Exercise, names
from scenarios.drill.words import damage

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
@dataclass(frozen=True)
class WayBack:
    """A seat that a visitor may have again: this browser's own, or else the control of a room that the user opened."""

    room: Room
    role: str
    own: bool


@dataclass(frozen=True)
class Lobby:
    """What the first page shows.

    Attributes
    ----------
    unfinished
        Drills that were broken off.
    may_open
        Whether the visitor may open rooms.
    seats
        Seats of this browser in open rooms, and rooms that this user opened elsewhere.
    apart
        Whether no other device can reach the server.
    uncompiled
        Whether the first room will wait for the simulation to be compiled.
    code, wrong
        What was typed in vain, and the sentence that says so.
    """

    unfinished: Sequence[Unfinished] = ()
    may_open: bool = False
    seats: Sequence[WayBack] = ()
    apart: bool = False
    uncompiled: bool = False
    code: str = ""
    wrong: str = ""


def lobby(visit: Visit, shown: Lobby, status: int = 200) -> HTMLResponse:
    """Return the first page: join with a code, or open a room; a wrong code stays in its field."""

    def t(key: str) -> str:
        return text(words(visit, key))

    body = (
        f"{_banner(visit)}<h1>{t('title')}</h1><p class='lead'>{t('lead')}</p>"
        f"<section aria-labelledby='join'><h2 id='join'>{t('join_title')}</h2>"
        f"<form method='post' action='{text(visit.link('/drill/join'))}' class='form'>"
        f"<label for='code'>{t('code')}</label>{_code_field('code', 40, shown.code, shown.wrong)}"
        f"<button type='submit' class='primary'>{t('join')}</button></form></section>{_seats(visit, shown.seats)}"
    )
    if shown.may_open:
        body += _open(visit, shown.apart, shown.uncompiled) + _taken_up(visit, shown.unfinished)
    return page(visit, "drill", body, styles=STYLES, scripts=("/static/drill/lobby.js",), status=status)


def _code_field(name: str, most: int, typed: str, wrong: str) -> str:
    """Return the field of a code; after a wrong one with what was typed, the sentence, and the cursor in it."""
    said = (
        f" value='{text(typed)}' aria-invalid='true' aria-describedby='{name}-wrong' autofocus data-wrong"
        if wrong
        else ""
    )
    told = f"<p class='problem' role='alert' id='{name}-wrong'>{text(wrong)}</p>" if wrong else ""
    return (
        f"<input id='{name}' name='{name}' class='code' required maxlength='{most}' autocomplete='off' "
        f"autocapitalize='characters' spellcheck='false'{said}>{told}"
    )


def _seats(visit: Visit, seats: Sequence[WayBack]) -> str:
    """Return the ways back: to seats of this browser, and to the control of rooms that this user opened."""
    if not seats:
        return ""
    rows = "".join(_seat(visit, one.room, one.role, one.own) for one in seats)
    head = text(words(visit, "your_seats"))
    return f"<section aria-labelledby='back'><h2 id='back'>{head}</h2><ul class='unfinished'>{rows}</ul></section>"


def _seat(visit: Visit, room: Room, role: str, own: bool) -> str:
    said = role_title(visit, room, role)
    where = f"<span>{text(said)} · <code>{text(room.code)}</code></span>"
    if own:
        way = text(visit.link(f"/drill/{room.code}/{role}"))
        return f"<li>{where}<a class='button' href='{way}'>{text(words(visit, 'go_back'))}</a></li>"
    return (
        f"<li>{where}<form method='post' action='{text(visit.link(f'/drill/{room.code}/join'))}'>"
        f"<input type='hidden' name='role' value='{CONTROLLER}'>"
        f"<button type='submit'>{text(words(visit, 'control_again'))}</button></form></li>"
    )


def role_title(visit: Visit, room: Room, role: str) -> str:
    """Return the title of a role, of the control too."""
    known = room.drill.exercise.roles.get(role)
    return words(visit, "control") if known is None else str(getattr(known.title, visit.lang))


def _open(visit: Visit, apart: bool, uncompiled: bool) -> str:
    alone = f"<p class='note' data-apart>{text(words(visit, 'apart'))}</p>" if apart else ""
    if uncompiled:
        alone += f"<p class='note' data-uncompiled>{text(words(visit, 'uncompiled'))}</p>"
    listed = "".join(_exercise(visit, one) for one in shipped())
    upload = (
        "<form method='post' action='/drill/open' enctype='multipart/form-data' class='form' data-wait>"
        f"<label for='file'>{text(words(visit, 'own'))}</label>"
        "<input id='file' name='file' type='file' accept='.yaml,.yml' required aria-describedby='own-note'>"
        f"<p class='note' id='own-note'>{text(words(visit, 'own_note'))}</p>"
        f"<button type='submit'>{text(words(visit, 'open_own'))}</button></form>"
    )
    return (
        f"<section aria-labelledby='open'><h2 id='open'>{text(words(visit, 'open_title'))}</h2>{alone}"
        f"<ul class='exercises'>{listed}</ul>{upload}"
        f"<p role='status' class='note' data-waiting='/drill/preparing?lang={visit.lang}' hidden>"
        f"{text(words(visit, 'preparing'))}</p></section>"
    )


@cache
def shipped() -> tuple[Exercise, ...]:
    """Return the shipped exercises; they are read once, since reading them takes a tenth of a second."""
    return tuple(Exercise.load(name) for name in names())


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
    rows = "".join(_unfinished(visit, one) for one in unfinished)
    return (
        f"<section aria-labelledby='again'><h2 id='again'>{text(words(visit, 'unfinished'))}</h2>"
        f"<ul class='unfinished'>{rows}</ul></section>"
    )


def _unfinished(visit: Visit, one: Unfinished) -> str:
    """Return one recording: its title, what is wrong with it, and the button unless nothing can be taken up."""
    said = f"<span>{text(one.title[visit.lang])} <code>{text(one.folder)}</code>"
    if one.damage is not None:
        said += f"<br><span class='problem' data-damage>{text(one.damage.said[visit.lang])}</span>"
    if one.damage is not None and one.damage.refusal is not None:
        return f"<li>{said}</span></li>"
    return (
        f"<li>{said}</span><form method='post' action='/drill/take-up' data-wait>"
        f"<input type='hidden' name='recording' value='{text(one.folder)}'>"
        f"<button type='submit' aria-label='{text(words(visit, 'take_up_one', name=one.folder))}'>"
        f"{text(words(visit, 'take_up'))}</button></form></li>"
    )


# ---------------------------------------------------------------- roles
def roles(
    visit: Visit, room: Room, may_control: bool, seats: Sequence[WayBack] = (), typed: str = "",
    wrong: str = "", status: int = 200,
) -> HTMLResponse:  # fmt: skip
    """Return the page on which a participant chooses a role; a wrong controllers' code stays in its field."""
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
        f"<p>{text(words(visit, 'in_room', code=room.code))}</p>{_seats(visit, seats)}"
        f"<ul class='role-choices'>{rows}</ul>"
    )
    if may_control:
        body += (
            f"<details{' open' if wrong else ''}><summary>{text(words(visit, 'as_controller'))}</summary>"
            f"<p class='note'>{text(words(visit, 'as_controller_note'))}</p>"
            f"<form method='post' action='{text(visit.link(f'/drill/{room.code}/join'))}' class='form'>"
            f"<input type='hidden' name='role' value='{CONTROLLER}'>"
            f"<label for='control'>{text(words(visit, 'control_code'))}</label>"
            f"{_code_field('control', 40, typed, wrong)}"
            f"<button type='submit'>{text(words(visit, 'join'))}</button></form></details>"
        )
    return page(
        visit, "drill", body, title=words(visit, "choose_role"), styles=STYLES, scripts=("/static/drill/lobby.js",),
        bare=True, status=status,
    )  # fmt: skip


# ---------------------------------------------------------------- live
def live(visit: Visit, room: Room, seat: Seat, address: str | None) -> HTMLResponse:
    """Return the live page of a seat; ``address`` is where other devices join, None when none can."""
    exercise = room.drill.exercise
    kind = CONTROLLER if seat.role == CONTROLLER else exercise.roles[seat.role].kind
    frame = {CONTROLLER: _controller, "player": _player, "observer": _projector}[kind](visit)
    mine = {k.removeprefix("drillroom."): v for k, v in all_texts(visit.lang).items() if k.startswith("drillroom.")}
    data = {
        "kind": kind, "lang": visit.lang, "base": f"/drill/{room.code}/{seat.role}", "code": room.code,
        "texts": json.dumps(mine, ensure_ascii=False), "address": address or "",
    }  # fmt: skip
    attributes = " ".join(f'data-{name}="{text(value)}"' for name, value in data.items())
    top = (
        f'<span class="link-state" data-part="link" role="status">{text(words(visit, "connecting"))}</span>'
        f"{_other_language(visit)}"
    )
    title = words(visit, f"pages.{kind}")
    told = damage(room.drill.recording, visit.t) if kind == CONTROLLER else []
    frame = "".join(f'<p class="problem" role="alert">{text(one)}</p>' for one in told) + frame
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
        '<div class="controls" data-part="controls"></div>'
        '<p class="problem" data-part="recovered" role="status" hidden></p>'
        '<div class="ended" data-part="ended" hidden></div>'
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
