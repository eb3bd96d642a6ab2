"""Rooms under attack and under failure: what is too large, who fills the places, full disks, clients that hang."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from browser_pages import running
from drill_seats import BROWSER, COOKIE, SHIPPED, Place, Seat, join, open_room, place_of, varied

from dashboards.drill import places
from dashboards.drill import socket as drill_socket
from dashboards.server.settings import settings
from dashboards.server.tries import Tries
from scenarios.drill import Recording, replay
from scenarios.drill.locked import Held
from sim.errors import InputError


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("rooms")
    with running(settings(port=0, results=root / "results", scenarios=root / "own")) as (url, given):
        yield url, given


@contextmanager
def watched(url):
    """Ask for a small page all the while; yields the list of how long each took."""
    took, stop = [], threading.Event()

    def look():
        with httpx.Client() as client:
            while not stop.is_set():
                began = time.monotonic()
                client.get(f"{url}/health", timeout=60)
                took.append(time.monotonic() - began)
                time.sleep(0.02)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield took
    finally:
        stop.set()
        thread.join()


def _upload(url, change, timeout=120):
    content = varied(SHIPPED, change)
    return httpx.post(f"{url}/drill/open", files={"file": ("mine.yaml", content)}, timeout=timeout)


@pytest.mark.slow
def test_what_is_too_large_is_refused_however_it_is_written_and_nobody_waits(site):
    url, given = site

    def quoted(data):
        data["scenario"]["city"]["synthetic"]["residents"] = "9000000"

    def crowded(data):
        data["scenario"].setdefault("types", {})["brawl"] = {"rate_per_1000_year": 9e5}

    before = len(list(given.results.glob("drills/*")))
    with watched(url) as took:
        for change, words in ((quoted, "city of an uploaded exercise is too large"), (crowded, "too many incidents")):
            answer = _upload(url, change)
            assert answer.status_code == 400 and words in answer.json()["error"], answer.text
            assert "line" in answer.json()["error"]
    assert len(list(given.results.glob("drills/*"))) == before
    assert sorted(took)[len(took) // 2] < 0.25, "building goes on in a process of its own"


def test_a_building_ends_with_the_wish_for_it(site):
    url, _ = site

    def slow(data):
        data["scenario"].setdefault("posts", {})["grid_member"] = {"count": 10_000}

    ahead = set(_builders())  # started ahead by another server of this process, for whoever opens a room next
    with pytest.raises(httpx.ReadTimeout):
        _upload(url, slow, timeout=3)
    end = time.monotonic() + 30
    while set(_builders()) - ahead and time.monotonic() < end:
        time.sleep(0.1)
    assert not set(_builders()) - ahead, "the process was ended"
    assert open_room(url).role == "controller", "and rooms can be opened"


def _builders():
    """Processes that build a room for this process."""
    if not sys.platform.startswith("linux"):
        pytest.skip("processes are looked for in /proc")
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat, open(f"/proc/{pid}/cmdline", "rb") as line:
                mine = stat.read().rpartition(")")[2].split()[1] == str(os.getpid())
                if mine and b"dashboards.drill.builder" in line.read():
                    found.append(pid)
        except OSError:
            continue
    return found


@contextmanager
def full_disk(file, spare):
    """Let no file grow beyond this one's size and some bytes, as a full disk does: half a line can be written."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + spare, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_stops_the_drill_visibly_and_loses_nothing(site):
    url, given = site
    known = set(given.results.glob("drills/*"))
    control = open_room(url)
    (folder,) = set(given.results.glob("drills/*")) - known
    file = folder / "recording.jsonl"
    leader, player = Seat(control), Seat(join(url, control.code, "dispatcher"))
    leader.do("start")
    for n in range(3):
        leader.do("note", text=f"note {n}")
    with full_disk(file, 60):
        assert "cannot be written" in leader.ask("note", text="this one is lost")
    assert "recording failed" not in leader.status
    leader.until(lambda: leader.status == "failed")
    player.until(lambda: player.status == "failed")
    failure = leader.until(lambda: leader.parts["you"].get("failure"))
    assert "cannot be written" in failure["en"] and "无法写入" in failure["zh"]
    assert any("recording failed" in e["text"]["en"] for e in player.events)
    for act, fields in (("pause", {}), ("note", {"text": "x"}), ("adhoc", {"content": _text("x")}), ("jump", {})):
        assert leader.ask(act, **fields) != "", "nothing goes on that is not recorded"
    read = Recording.read(file)
    assert not read.cut_off and [line.data["text"] for line in read.lines if line.kind == "note"] == [
        "note 0", "note 1", "note 2",
    ]  # fmt: skip
    assert control.get("/recording").text == file.read_text("utf-8"), "memory and file agree"
    for seat in (leader, player):
        seat.close()
    httpx.post(f"{url}{control.path}/close", headers={"Cookie": f"{COOKIE}={control.key}"})
    answer = httpx.post(f"{url}/drill/take-up", data={"recording": folder.name}, timeout=120)
    again = Seat(place_of(url, answer))
    again.do("resume")
    again.do("stop", reason="enough")
    again.close()
    read = Recording.read(file)
    assert replay(read).final_hash == read.finish.data["state_hash"]


def _text(words):
    return {"to": ["dispatcher"], "text": {"en": words, "zh": words}}


@pytest.mark.slow
def test_of_many_take_ups_at_once_one_room_comes_and_the_file_is_held(site):
    url, given = site
    known = set(given.results.glob("drills/*"))
    control = open_room(url)
    (folder,) = set(given.results.glob("drills/*")) - known
    leader = Seat(control)
    leader.do("start")
    leader.close()
    httpx.post(f"{url}{control.path}/close", headers={"Cookie": f"{COOKIE}={control.key}"})

    def take_up(_):
        return httpx.post(f"{url}/drill/take-up", data={"recording": folder.name}, timeout=120)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(take_up, range(4)))
    assert Counter(a.status_code for a in answers) == {303: 1, 400: 3}
    code = (
        "from scenarios.drill.locked import Held; from pathlib import Path; import sys; Held(Path(sys.argv[1]), False)"
    )

    other = subprocess.run(
        [sys.executable, "-c", code, str(folder / "recording.jsonl")], capture_output=True, text=True, check=False
    )
    assert other.returncode == 1 and "written by another process" in other.stderr
    again = Seat(place_of(url, next(a for a in answers if a.status_code == 303)))
    again.do("stop", reason="enough")
    again.close()
    assert Recording.read(folder / "recording.jsonl").finish is not None


def test_one_seat_cannot_fill_the_room_and_a_controller_always_finds_a_place(site, monkeypatch):
    url, _ = site
    monkeypatch.setattr(places, "MOST_PLACES", 12)
    monkeypatch.setattr(places, "MOST_SEATS", 20)
    control = open_room(url)
    leader, greedy = Seat(control), join(url, control.code, "dispatcher")
    many = [Seat(greedy) for _ in range(30)]
    leader.until(lambda: sum(s.closed is not None for s in many) == 30 - places.MOST_OF_SEAT)
    assert {s.closed for s in many if s.closed} == {places.REPLACED}, "the oldest make way"
    assert not many[-1].closed
    others = [Seat(join(url, control.code, "street_leader")) for _ in range(10)]
    for other in others:
        other.until(lambda s=other: s.parts.get("you"))
    assert not any(other.closed for other in others), "who has many places makes way for who has none"
    for _ in range(40):
        join(url, control.code, "observer")
    late = Seat(join(url, control.code, "observer"))
    assert late.until(lambda: late.parts.get("you") or late.closed), "seats that nobody uses make way"
    code = leader.until(lambda: leader.parts.get("presence"))["control"]
    second = Seat(join(url, control.code, "controller", control=code))
    second.until(lambda: second.parts.get("you"))
    leader.do("free", role="dispatcher", number=1)
    many[-1].thread.join(10)
    assert many[-1].closed == places.FREED and Seat(greedy).until(lambda: True)
    assert greedy.get("/city").status_code == 403
    assert "no such seat" in leader.ask("free", role="dispatcher", number=1)
    assert "this role cannot" in others[0].ask("free", role="observer", number=1)
    for seat in (*others, late, second, leader):
        seat.close()


def test_a_browser_that_joins_again_has_its_own_seat(site):
    url, _ = site
    control = open_room(url)
    with httpx.Client() as browser:
        first = browser.post(f"{url}/drill/{control.code}/join", data={"role": "dispatcher"})
        cookie = {"Cookie": f"{BROWSER}={first.cookies[BROWSER]}"}
    again = httpx.post(f"{url}/drill/{control.code}/join", data={"role": "dispatcher"}, headers=cookie)
    leader, player = Seat(control), Seat(place_of(url, again))
    seats = leader.until(lambda: leader.parts.get("presence"))["roles"]["dispatcher"]
    assert seats["joined"] == 1
    old = Seat(place_of(url, first))
    old.thread.join(10)
    assert old.closed == 4403, "the key was exchanged"
    player.close()
    leader.close()


def test_a_wrong_code_and_a_room_without_a_seat_are_told_alike_and_counted(site, monkeypatch):
    url, _ = site
    counted = []
    note = Tries.note
    monkeypatch.setattr(Tries, "note", lambda *given: counted.append(given[2]) or note(*given))
    control = open_room(url)
    for code in (control.code, "ZZZZ22"):
        thief = Seat(Place(url, code, "dispatcher", "no key"))
        thief.thread.join(10)
        assert (thief.closed, thief.frames) == (4403, [])
    assert len(counted) == 2 and len(set(counted)) == 1, counted


def test_half_a_character_is_refused_and_every_message_is_answered(site, monkeypatch):
    url, _ = site
    control = open_room(url)
    leader = Seat(control)
    for text in (r'{"do": "note", "id": 7, "text": "\ud800"}', r'{"do": "\udfff"}', r'{"\ud800": 1}'):
        leader.replies.pop(None, None)
        leader.socket.send(text)
        leader.until(lambda: None in leader.replies)
        assert "whole characters" in leader.replies[None]["error"]["en"]
        assert "字符" in leader.replies[None]["error"]["zh"]
    leader.socket.send(json.dumps({"do": "note", "id": 8, "text": "\U0001f600 fine"}))
    leader.until(lambda: 8 in leader.replies)
    assert "error" not in leader.replies[8]
    leader.do("start")
    monkeypatch.setattr("dashboards.drill.socket.act", lambda *_: 1 / 0)
    refusal = leader.ask("pause")
    assert "fault of the program" in refusal
    monkeypatch.undo()
    leader.do("pause")
    leader.close()


def test_clients_that_never_read_are_cut_off_and_harm_nobody(site, monkeypatch):
    url, _ = site
    monkeypatch.setattr(drill_socket, "SEND_S", 1.0)
    monkeypatch.setattr(drill_socket, "CLOSE_S", 0.3)
    control = open_room(url)
    leader, player = Seat(control), Seat(join(url, control.code, "dispatcher"))
    deaf = [_deaf(join(url, control.code, "dispatcher")) for _ in range(20)]
    leader.do("start")
    here = leader.until(lambda: _connected(leader) == 21 and 21)
    began = time.monotonic()
    for n in range(80):
        leader.do("adhoc", content=_text(f"{n} " + "x" * 9000))
        if (here := _connected(leader)) == 1:
            break
    leader.until(lambda: _connected(leader) == 1, 20)
    assert time.monotonic() - began < 40, here
    told = [e for e in player.events if "x" * 100 in e["text"]["en"]]
    assert len(told) == n + 1 and not player.closed
    for one in deaf:
        one.close()
    player.close()
    leader.close()


def _connected(leader):
    return leader.parts.get("presence", {}).get("roles", {}).get("dispatcher", {}).get("connected")


def _deaf(place):
    """A socket that shakes hands and takes nothing after."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, _, port = place.url.removeprefix("http://").partition(":")
    made.connect((host, int(port)))
    made.sendall(
        f"GET {place.path}/socket HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Cookie: {COOKIE}={place.key}\r\n\r\n".encode()
    )
    return made


def test_a_later_holder_in_one_process_takes_the_file_over(tmp_path):
    file = tmp_path / "held.jsonl"
    first = Held(file, new=True)
    first.append(b"one\n")
    second = Held(file, new=False)
    second.append(b"two\n")
    with pytest.raises(InputError, match="no longer held"):
        first.append(b"three\n")
    assert second.read() == b"one\ntwo\n"
    file.unlink()
    with pytest.raises(InputError, match="cannot be written"):
        second.append(b"four\n")
