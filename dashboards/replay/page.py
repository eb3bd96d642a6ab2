"""The HTML of the replay page: the list of runs to choose from, or the player with its words.

It draws nothing: the modules in `web/replay` fill the player. Without a script it still says what it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import HTMLResponse

from dashboards.report.html import text
from dashboards.server.shell import Visit, page
from dashboards.texts import Texts, all_texts, pick
from sim.errors import InputError

STYLES = ("/static/map/map.css", "/static/replay/replay.css")
SCRIPTS = ("/static/replay/main.js",)
MOST_LISTED = 60


@dataclass(frozen=True)
class Choice:
    """A results folder that can be watched."""

    name: str
    title: str
    arms: dict[str, str]


def chooser(results: Path, names: Sequence[str], visit: Visit) -> list[Choice]:
    """Return the folders of results, from their manifests alone; damaged ones are left out."""
    found = []
    for name in names[:MOST_LISTED]:
        try:
            manifest = json.loads((results / name / "manifest.json").read_text("utf-8"))
            content = manifest["scenario_text"]
            written = content.get("policies") or {}
            arms = {arm: pick((written.get(arm) or {}).get("title"), visit.lang, arm) for arm in manifest["policies"]}
            found.append(Choice(name, pick(content.get("title"), visit.lang, name), arms))
        except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
            continue  # not ours, or cut off: the Compare page says so to whoever opens it
    return found


def replay_page(visit: Visit, choices: Sequence[Choice]) -> HTMLResponse:
    """Return the page for an address.

    Raises
    ------
    InputError
        The address names results, an arm or a number that cannot be.
    """
    if not visit.query.get("study"):
        return page(visit, "replay", _choose(visit, choices), styles=STYLES)
    choice = next((c for c in choices if c.name == visit.query["study"]), None)
    if choice is None:
        allowed = [c.name for c in choices]
        raise InputError("no results of that name", field="study", found=visit.query["study"], allowed=allowed)
    arm = visit.query.get("arm") or next(iter(choice.arms))
    if arm not in choice.arms:
        raise InputError("unknown arm", field="arm", found=arm, allowed=list(choice.arms))
    number = visit.query.get("replication", "0")
    if not number.isdecimal() or len(number) > 6:
        raise InputError("not a replication", field="replication", found=number, allowed="a whole number from 0")
    body = _player(visit, choice, arm, int(number))
    return page(visit, "replay", body, scripts=SCRIPTS, styles=STYLES, wide=True)


def _choose(visit: Visit, choices: Sequence[Choice]) -> str:
    t = visit.t
    head = f"<h1>{text(t('replay.title'))}</h1><p class='lead'>{text(t('replay.lead'))}</p>"
    if not choices:
        run = f"<a class='button primary' href='{text(visit.link('/lab/run'))}'>{text(t('replay.go_run'))}</a>"
        return f"{head}<p>{text(t('replay.none'))}</p><p>{run}</p>"
    items = "".join(f"<li class='choice'>{_choice(visit, c)}</li>" for c in choices)
    return f"{head}<h2>{text(t('replay.choose'))}</h2><ul class='choices'>{items}</ul>"


def _choice(visit: Visit, choice: Choice) -> str:
    links = "".join(
        f"<a class='button' href='{text(visit.link('/replay', study=choice.name, arm=arm))}'>"
        f"{text(visit.t('replay.watch', arm=title))}</a>"
        for arm, title in choice.arms.items()
    )
    return f"<h3>{text(choice.title)}</h3><p class='note'>{text(choice.name)}</p><p class='arms'>{links}</p>"


def texts_of(t: Texts) -> dict[str, str]:
    """Return the texts under ``replay.`` without that prefix: what the modules read."""
    return {key.removeprefix("replay."): words for key, words in all_texts(t.lang).items() if key.startswith("replay.")}


def _player(visit: Visit, choice: Choice, arm: str, replication: int) -> str:
    t = visit.t
    at = visit.query.get("at", "")
    still = " data-still" if visit.query.get("still") or at else ""
    data = {
        "study": choice.name, "arm": arm, "replication": replication, "lang": visit.lang, "at": at,
        "texts": json.dumps(texts_of(t), ensure_ascii=False),
    }  # fmt: skip
    attributes = " ".join(f'data-{name}="{text(value)}"' for name, value in data.items())
    return (
        f'<div class="replay" data-replay{still} {attributes}>'
        f'<div class="replay-head"><h1>{text(t("replay.title"))}</h1><p class="run">{text(choice.title)} · '
        f'<a href="{text(visit.link("/replay"))}">{text(t("replay.other"))}</a></p>'
        f"{_which(visit, choice, arm, replication)}"
        f'<p class="note" data-part="provenance"></p></div>'
        f'<div class="stage"><div data-part="map"></div>{_tools(t)}'
        f'<p class="status" role="status" data-part="status">{text(t("replay.loading"))}</p></div>'
        f"{_transport(t)}{_side(t)}</div>"
    )


def _which(visit: Visit, choice: Choice, arm: str, replication: int) -> str:
    """Return the form that goes to another arm or replication, at the same minute when the player runs."""
    t = visit.t
    options = "".join(
        f'<option value="{text(name)}"{" selected" if name == arm else ""}>{text(title)}</option>'
        for name, title in choice.arms.items()
    )
    hidden = (("study", choice.name), ("lang", visit.lang), ("at", visit.query.get("at", "")))
    return (
        '<form class="which" method="get" action="/replay" data-part="which">'
        + "".join(f'<input type="hidden" name="{name}" value="{text(value)}">' for name, value in hidden)
        + f'<label>{text(t("replay.arm"))} <select name="arm">{options}</select></label>'
        f'<label>{text(t("replay.replication"))} <input type="number" name="replication" min="0" value="{replication}" '
        f'inputmode="numeric"></label><button type="submit" class="quiet">{text(t("replay.go"))}</button></form>'
    )


def _icon_button(name: str, label: str, css: str = "") -> str:
    return f'<button type="button" class="icon {css or name}" data-part="{name}" aria-label="{text(label)}" title="{text(label)}"></button>'  # noqa: E501


def _tools(t: Texts) -> str:
    return (
        '<div class="tools">'
        + "".join(
            _icon_button(name, t(f"replay.{key}"))
            for name, key in (("zoom-in", "zoom_in"), ("zoom-out", "zoom_out"), ("fit", "fit"))
        )
        + "</div>"
    )


def _transport(t: Texts) -> str:
    return (
        f'<div class="transport" role="group" aria-label="{text(t("replay.time"))}">'
        f'<div class="buttons">{_icon_button("back", t("replay.back_hour"))}{_icon_button("play", t("replay.play"))}'
        f"{_icon_button('on', t('replay.on_hour'))}</div>"
        '<p class="clock" data-part="clock" hidden><span class="hour" data-part="hour"></span> '
        '<span class="date" data-part="date"></span></p>'
        f'<label class="field">{text(t("replay.speed"))}<select data-part="speed"></select></label>'
        f'<div class="jump"><label class="field">{text(t("replay.jump"))}<select data-part="group"></select></label>'
        f"{_icon_button('previous', t('replay.before'))}{_icon_button('next', t('replay.after'))}</div>"
        f'<div class="strip"><canvas data-part="strip" role="img" aria-label="{text(t("replay.timeline"))}"></canvas>'
        f'<input type="range" min="0" max="1" step="1" value="0" data-part="slider" '
        f'aria-label="{text(t("replay.time"))}"></div></div>'
    )


def _section(part: str, title: str, inside: str, opened: bool = False) -> str:
    return (
        f'<details class="section {part}"{" open" if opened else ""}><summary>{text(title)}</summary>{inside}</details>'
    )


def _side(t: Texts) -> str:
    def box(name: str, key: str, checked: bool = True) -> str:
        return f'<label class="check"><input type="checkbox" data-part="{name}"{" checked" if checked else ""}> {text(t(f"replay.{key}"))}</label>'  # noqa: E501

    find = (
        f'<form class="find" data-part="find"><label>{text(t("replay.find"))} <input type="number" min="0" '
        f'inputmode="numeric" data-part="find-number"></label><button type="submit" class="quiet">'
        f"{text(t('replay.find_go'))}</button></form>"
    )
    followed = (
        f'<div data-part="card"><p class="note">{text(t("replay.follow_hint"))}</p></div>'
        f'<p class="row-of">{box("camera", "camera", False)}<button type="button" class="quiet" data-part="unfollow" '
        f"hidden>{text(t('replay.unfollow'))}</button></p>{find}"
    )
    lists = [
        ("cases", "cases_now", '<ul class="list" data-part="cases"></ul>', False),
        ("people", "people_now", '<ul class="list" data-part="people"></ul>', False),
        ("events", "events", '<ol class="list feed" data-part="events"></ol>', True),
        ("legend", "legend", '<div data-part="legend"></div>', False),
    ]
    switches = ("show-unknown", "show-quiet", "show-trips", "show-between", "shortcuts")
    show = "".join(box(name, name.replace("-", "_")) for name in switches) + box("announce", "announce", False)
    return (
        f'<aside class="panel" aria-label="{text(t("replay.now"))}"><div class="now" data-part="now"></div>'
        + _section("followed", t("replay.followed"), followed, True)
        + "".join(_section(part, t(f"replay.{key}"), inside, opened) for part, key, inside, opened in lists)
        + _section("show", t("replay.show"), f"{show}<p class='note'>{text(t('replay.shortcuts_text'))}</p>")
        + '<p class="sr" aria-live="polite" data-part="speech"></p></aside>'
    )
