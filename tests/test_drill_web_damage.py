"""A damaged recording on the pages: what was lost and recovered is said before it is taken up, and after."""

from __future__ import annotations

import html
import re
import shutil

import httpx
import pytest
from browser_pages import running
from drill_seats import COOKIE, Seat, open_room, place_of

from dashboards.drill.damage import damage_of
from dashboards.server.settings import settings


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("damaged")
    with running(settings(port=0, results=root / "results", scenarios=root / "own")) as (url, given):
        control = open_room(url)
        leader = Seat(control)
        leader.do("start")
        for n in range(4):
            leader.do("note", text=f"note {n}")
        leader.close()
        httpx.post(f"{url}{control.path}/close", headers={"Cookie": f"{COOKIE}={control.key}"})
        (folder,) = given.results.glob("drills/*")
        yield url, folder


def variant(folder, name, change):
    """Return a recording of its own, changed."""
    made = folder.with_name(name)
    made.mkdir()
    file = made / "recording.jsonl"
    file.write_bytes(change((folder / "recording.jsonl").read_bytes()))
    return file


def half_of(line_number, rest):
    def change(raw):
        lines = raw.split(b"\n")
        half = lines[line_number - 1][:40]
        return b"\n".join([*lines[: line_number - 1], half, *(lines[line_number:] if rest else ())])

    return change


def lobby(url, lang):
    return html.unescape(httpx.get(f"{url}/drill?lang={lang}", timeout=120).text)


def row(text, name):
    return next(r for r in re.findall(r"<li>.*?</li>", text) if f"<code>{name}</code>" in r)


def test_the_lobby_says_what_is_lost_and_what_can_be_recovered(site):
    url, folder = site
    lines = len((folder / "recording.jsonl").read_bytes().splitlines())
    middle = variant(folder, "middle", half_of(4, rest=True))
    variant(folder, "end", half_of(lines, rest=False))
    variant(folder, "changed", lambda raw: raw.replace(b"note 1", b"note X"))
    variant(folder, "headless", lambda raw: b"\x00" * 50 + raw[50:])
    text = lobby(url, "en")
    assert "line 4 breaks off" in row(text, "middle") and "taken up: 3, up to exercise minute" in row(text, "middle")
    assert f"Lines lost: {lines - 3} (" in row(text, "middle") and "<button" in row(text, "middle")
    assert f"line {lines} breaks off" in row(text, "end") and "Lines lost: 1 (" in row(text, "end")
    for name in ("changed", "headless"):
        assert "data-damage" in row(text, name) and "<button" not in row(text, name), "nothing can be taken up"
    assert "chain is broken" in row(text, "changed")
    assert "data-damage" not in row(text, folder.name) and "<button" in row(text, folder.name)
    assert "第 4 行中断" in row(lobby(url, "zh"), "middle")
    found = damage_of(middle)
    kept = sum(len(x) + 1 for x in middle.read_bytes().split(b"\n")[:3])
    assert (found.line, found.lost_bytes) == (4, middle.stat().st_size - kept)


@pytest.mark.slow
def test_whoever_took_it_up_is_told_what_was_recovered_and_where_the_rest_lies(site):
    url, folder = site
    file = variant(folder, "broken", half_of(5, rest=True))
    before = file.read_bytes()
    answer = httpx.post(f"{url}/drill/take-up", data={"recording": "broken"}, timeout=120)
    seat = Seat(place_of(url, answer))
    said = seat.until(lambda: seat.parts.get("recovered"))
    assert "line 5 broke off" in said["en"] and "Lines recovered: 4," in said["en"] and "第 5 行" in said["zh"]
    aside = re.search(r"as (\S+\.txt)", said["en"])[1]
    assert before.endswith((file.parent / aside).read_bytes())
    assert 'data-part="recovered"' in seat.place.get("").text
    seat.do("note", text="and on")
    seat.close()
    whole = httpx.post(f"{url}/drill/take-up", data={"recording": folder.name}, timeout=120)
    other = Seat(place_of(url, whole))
    other.until(lambda: other.parts.get("you"))
    assert "recovered" not in other.parts, "nothing is said of a whole one"
    other.close()


@pytest.mark.slow
def test_strange_files_beside_recordings_harm_no_page(site):
    url, folder = site
    for name, made in (
        ("deep", b"[" * 200_000 + b"\n"),
        ("empty", b""),
        ("number", b"9" * 9000 + b"\n"),
        ("list", b"[1]\n"),
    ):
        variant(folder, name, lambda _, content=made: content)
    (folder.with_name("a-folder") / "recording.jsonl").mkdir(parents=True)
    (folder.with_name("a-link")).mkdir()
    (folder.with_name("a-link") / "recording.jsonl").symlink_to(folder / "nowhere")
    answer = httpx.get(f"{url}/drill?lang=en", timeout=120)
    assert answer.status_code == 200
    assert "<code>empty</code>" not in answer.text, "not even its first line was written"
    for name in ("deep", "number", "list"):
        assert "data-damage" in row(html.unescape(answer.text), name)
    for name in ("deep", "empty", "number", "list", "a-folder", "a-link"):
        assert httpx.post(f"{url}/drill/take-up", data={"recording": name}, timeout=60).status_code == 400
        shutil.rmtree(folder.with_name(name))
