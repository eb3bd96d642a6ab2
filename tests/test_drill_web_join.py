"""Joining a drill room: wrong codes stay in their field, a lost controller comes back, the address can be opened."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest
from browser_pages import running
from drill_seats import COOKIE, Seat, join, open_room, place_of

from dashboards.server import reach, tries
from dashboards.server.settings import Settings, settings
from dashboards.texts import Texts

BROWSER = "gridwhistle_browser"
PAGE = {"Accept": "text/html"}
TOKENS = """
trainer anna 0123456789abcdef-anna
trainer bert 0123456789abcdef-bert
viewer  hall 0123456789abcdef-hall
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("join")
    with running(settings(port=0, results=root / "results", scenarios=root / "own")) as (url, given):
        yield url, given


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    root = tmp_path_factory.mktemp("guarded")
    tokens = root / "tokens"
    tokens.write_text(TOKENS)
    tokens.chmod(0o600)
    with running(settings(port=0, results=root / "r", scenarios=root / "o", token_file=tokens)) as (url, given):
        yield url, given


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """Count wrong codes without answering them late; that has tests of its own."""
    monkeypatch.setattr(tries, "MOST_FAILURES", 1000)


@pytest.fixture(scope="module")
def control(site):
    return open_room(site[0])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_wrong_code_says_so_on_the_page_and_keeps_what_was_typed(site, control, lang):
    t = Texts(lang)
    closed = open_room(site[0])
    httpx.post(f"{site[0]}{closed.path}/close", headers={"Cookie": f"{COOKIE}={closed.key}"})
    for typed, sent in (("ab<c 12", "ab&lt;c 12"), (closed.code, closed.code), ("", ""), ("X" * 5000, "X" * 40)):
        answer = httpx.post(f"{site[0]}/drill/join?lang={lang}", data={"code": typed}, headers=PAGE)
        assert answer.status_code == 404
        field = re.search(r"<input id='code'[^>]*>", answer.text)[0]
        assert f"value='{sent}'" in field and "autofocus" in field and "aria-invalid='true'" in field
        assert t("drillroom.wrong_code") in answer.text and "action='/drill/join" in answer.text
    for path in (f"/drill/{closed.code}", closed.path):  # an address kept from an exercise that has ended
        answer = httpx.get(f"{site[0]}{path}?lang={lang}", headers=PAGE, follow_redirects=True)
        assert answer.status_code == 404 and t("drillroom.wrong_code") in answer.text and closed.code in answer.text
    wrong = httpx.post(f"{site[0]}/drill/{control.code}/join?lang={lang}",
                       data={"role": "controller", "control": "WRONG"}, headers=PAGE)  # fmt: skip
    assert wrong.status_code == 403 and "value='WRONG'" in wrong.text and "<details open" in wrong.text
    assert t("drillroom.wrong_control") in unescape(wrong.text)


def test_the_browser_of_a_lost_controller_is_led_back_to_its_seat(site):
    with httpx.Client(base_url=site[0], timeout=120) as browser:
        opened = browser.post("/drill/open", data={"exercise": "evening-wage-fire"})
        place = place_of(site[0], opened)
        assert f"href='{place.path}?lang=en'" in browser.get("/drill").text  # the door shows the way back
        assert f"href='{place.path}?lang=en'" in browser.get(f"/drill/{place.code}").text
        assert 'data-kind="controller"' in browser.get(place.path).text  # the address itself is enough
        again = browser.post(f"/drill/{place.code}/join", data={"role": "controller"})  # without any code
        leader = Seat(place_of(site[0], again))
        leader.do("start")
        shown = leader.until(lambda: leader.parts.get("presence"))["roles"]["controller"]
        assert shown["joined"] == 1, "the same seat, not a second one"
        leader.close()
    assert place.path not in httpx.get(f"{site[0]}/drill").text, "another browser is shown no seat"
    stranger = httpx.post(f"{site[0]}/drill/{place.code}/join", data={"role": "controller"})
    assert stranger.status_code == 403


def test_another_device_takes_control_with_the_controllers_code(site, control):
    leader = Seat(control)
    code = leader.until(lambda: leader.parts.get("presence"))["control"]
    leader.close()
    other = Seat(join(site[0], control.code, "controller", control=f" {code[:4].lower()} {code[4:]}"))
    other.do("start")
    other.do("pause")
    other.close()


def test_where_users_log_in_the_token_of_who_opened_a_room_is_the_way_back(guarded):
    url, _ = guarded

    def device(name):
        """A device without cookies, logged in by a token alone."""
        head = {"Authorization": f"Bearer 0123456789abcdef-{name}"}
        return httpx.Client(base_url=url, headers=head, timeout=120)

    place = place_of(url, device("anna").post("/drill/open", data={"exercise": "evening-wage-fire"}))
    lost = Texts("en")("drillroom.control_again")
    with device("anna") as second:
        assert lost in second.get("/drill?lang=en").text and lost in second.get(f"/drill/{place.code}?lang=en").text
        assert second.post(f"/drill/{place.code}/join", data={"role": "controller"}).status_code == 303
        assert 'data-kind="controller"' in second.get(place.path).text
    for name in ("bert", "hall"):
        with device(name) as other:
            assert lost not in other.get("/drill?lang=en").text
            assert other.post(f"/drill/{place.code}/join", data={"role": "controller"}).status_code == 403


def test_the_address_shown_can_be_opened_by_another_device(monkeypatch):
    monkeypatch.setattr(reach, "own_address", lambda: "10.1.2.3")
    every, alone = Settings(host="0.0.0.0"), Settings()
    assert reach.joined_at(every, "127.0.0.1:8321", 8321) == "10.1.2.3:8321"
    assert reach.joined_at(every, "localhost:8321", 8321) == "10.1.2.3:8321"
    assert reach.joined_at(every, "room.example:80", 8321) == "room.example:80"
    assert reach.joined_at(Settings(host="192.168.7.7"), "127.0.0.1:9", 9) == "192.168.7.7:9"
    assert reach.joined_at(Settings(host="fd00::7"), "[::1]:9", 9) == "[fd00::7]:9"
    assert reach.joined_at(alone, "127.0.0.1:8321", 8321) is None
    assert reach.joined_at(alone, "localhost:8321", 8321) is None
    assert reach.host_told(every) == "10.1.2.3" and reach.host_told(Settings(host="::")) == "10.1.2.3"


def test_a_server_on_all_addresses_answers_at_the_address_it_tells(tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(TOKENS)
    tokens.chmod(0o600)
    given = settings(host="0.0.0.0", port=0, results=tmp_path / "r", scenarios=tmp_path / "o", token_file=tokens)
    if reach.own_address() is None:
        pytest.skip("this machine is on no network")
    with running(given) as (url, _):
        assert f"//{reach.own_address()}:" in url
        port = url.rsplit(":", 1)[1]
        with httpx.Client(headers={"Authorization": "Bearer 0123456789abcdef-anna"}, timeout=120) as one:
            opened = one.post(f"http://127.0.0.1:{port}/drill/open", data={"exercise": "evening-wage-fire"})
            page = one.get(f"http://127.0.0.1:{port}{place_of(url, opened).path}").text
            shown = re.search(r'data-address="([^"]+)"', page)[1]
            assert shown == f"{reach.own_address()}:{port}"
            door = one.get(f"http://{shown}/drill").text
        assert "data-apart" not in door and "name='code'" in door


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_on_loopback_the_page_says_that_no_other_device_can_join_and_how_to_start(site, control, lang):
    door = httpx.get(f"{site[0]}/drill?lang={lang}").text
    words = Texts(lang)("drillroom.apart")
    assert words in door and "--host 0.0.0.0 --token-file" in words
    assert 'data-address=""' in control.get(f"?lang={lang}").text


def test_what_a_player_writes_is_a_remark_whatever_is_claimed(site):
    control = open_room(site[0])
    leader, player = Seat(control), Seat(join(site[0], control.code, "street_leader"))
    player.do("note", text="we did well", kind="evaluator", objective="gathering")
    leader.do("note", text="calm", kind="evaluator")
    leader.do("note", text="radio lost", kind="controller")
    assert "cannot be of this kind" in leader.ask("note", text="x", kind="player")
    notes = leader.until(lambda: len(leader.parts.get("notes") or []) == 3 and leader.parts["notes"])
    assert [(n["kind"], n["role"], n["text"]) for n in notes] == [
        ("player", "street_leader", "we did well"), ("evaluator", "controller", "calm"),
        ("controller", "controller", "radio lost")]  # fmt: skip
    assert notes[0]["role_title"]["zh"] and notes[0]["objective"] is None
    leader.close()
    player.close()
