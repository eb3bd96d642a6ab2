"""What goes over the wire of a drill room: players learn nothing early, roles hold, nothing of the log is lost."""

from __future__ import annotations

import datetime as dt
import json
import re
import time

import httpx
import pytest
from browser_pages import running
from drill_seats import COOKIE, SHIPPED, Place, Seat, join, open_room, place_of, varied
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from dashboards.server.settings import settings
from scenarios.drill import Recording, replay

INJECTS = ("briefing", "gathering", "fire", "road", "injured", "gas", "late-street", "brawl", "unit-down", "recall")


def mark(data):
    """Give every inject an id and texts that stand nowhere else, and short countdowns."""
    for inject in data["injects"]:
        name = inject["id"]
        inject["id"] = f"zq-{name}-qz"
        if "text" in inject:
            inject["text"] = {"en": f"[[{name}-en]]", "zh": f"[[{name}-zh]]"}
        inject["expected"] = {"en": f"<<{name}-expected>>", "zh": f"<<{name}-期望>>"}
        if "after" in inject:
            inject["after"]["inject"] = f"zq-{inject['after']['inject']}-qz"
        if "when" in inject:
            inject["when"]["measure"]["inject"] = f"zq-{inject['when']['measure']['inject']}-qz"
    for ask in data["asks"]:
        ask["incidents"] = [f"zq-{name}-qz" for name in ask["incidents"]]
    for objective in data["objectives"]:
        objective["title"] = {"en": f"{{{{{objective['id']}}}}}", "zh": f"{{{{{objective['id']}}}}}"}
        for task in objective["tasks"]:
            for criterion in task["criteria"]:
                if "inject" in (criterion.get("measure") or {}):
                    criterion["measure"]["inject"] = f"zq-{criterion['measure']['inject']}-qz"


def quick(data):
    """Two seconds for every decision, so that time-outs can be waited for."""
    for ask in data["asks"]:
        ask["answer_within_s"] = 2.0


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("rooms")
    with running(settings(port=0, results=root / "results", scenarios=root / "own")) as (url, given):
        yield url, given


@pytest.fixture(scope="module")
def played(site):
    """A whole drill over sockets: two players, an onlooker; one inject is struck, one never comes."""
    url, given = site
    control = open_room(url, varied(SHIPPED, mark))
    places = {role: join(url, control.code, role) for role in ("dispatcher", "street_leader", "observer")}
    pages = {role: place.get().text + place.get("/city").content.hex() for role, place in places.items()}
    seats = {role: Seat(place) for role, place in places.items()}
    leader = Seat(control)
    leader.until(lambda: leader.parts.get("presence", {}).get("roles", {}).get("observer", {}).get("connected") == 1)
    leader.do("start")
    leader.do("skip", inject="zq-brawl-qz")
    while leader.status not in ("finished", "stopped"):
        decision = leader.until(lambda: leader.decision or _moved(leader))
        if isinstance(decision, dict):
            player = seats[decision["role"]]
            mine = player.until(
                lambda p=player, d=decision: p.decision if p.decision and p.decision["id"] == d["id"] else None
            )
            player.do("decide", decision=mine["id"], option=mine["options"][0]["id"], reason="nearest")
            leader.until(lambda d=decision: not leader.decision or leader.decision["id"] != d["id"])
    leader.until(lambda: leader.parts["clock"]["seq"] == leader.events[-1]["seq"])
    for seat in (*seats.values(), leader):
        seat.until(lambda s=seat: s.status == "finished")
        seat.close()
    lines = Recording.read(next(given.results.glob("drills/*/recording.jsonl"))).lines
    return {"seats": seats, "leader": leader, "lines": lines, "pages": pages, "places": places, "control": control}


def _moved(leader):
    """Run on when nothing is open; True when the drill has moved or ended."""
    if leader.status in ("finished", "stopped"):
        return True
    before = leader.parts["clock"]["tick"]
    refusal = leader.ask("jump")
    assert refusal == "" or "decision is open" in refusal or "cannot be done now" in refusal, refusal
    leader.until(lambda: leader.parts["clock"]["tick"] > before)
    leader.until(lambda: leader.parts["you"]["decisions"] or leader.parts["clock"]["held"] is False)
    return not leader.decision


def test_a_player_is_sent_nothing_of_an_inject_before_it_is_released(played):
    released = {line.data["inject"]: _real(line) for line in played["lines"] if line.kind == "inject"}
    assert "zq-fire-qz" in released and "zq-brawl-qz" not in released and "zq-recall-qz" not in released
    for role in ("dispatcher", "street_leader", "observer"):
        seen = set()
        for at, text in played["seats"][role].frames:
            for name in INJECTS:
                if f"[[{name}-" in text:
                    seen.add(name)
                    assert f"zq-{name}-qz" in released, f"{role} was sent {name}, which was never released"
                    assert at >= released[f"zq-{name}-qz"], f"{role} was sent {name} before its release"
        told = {"dispatcher": {"briefing", "gathering", "fire", "road", "injured", "gas", "unit-down"},
                "street_leader": {"briefing", "gathering", "fire", "gas"}, "observer": {"briefing"}}  # fmt: skip
        assert seen - {"late-street"} == told[role], "each role gets what was released to it, and only that"


def test_a_player_is_sent_no_id_of_an_inject_no_expectation_no_advice_and_no_objective(played):
    decisions = 0
    for role in ("dispatcher", "street_leader", "observer"):
        frames = "\n".join(text for _, text in played["seats"][role].frames)
        assert "recall" not in frames and "brawl-" not in frames
        whole = frames + played["pages"][role]
        for hidden in ("zq-", "-qz", "<<", "-expected>>", "{{gathering}}", "{{fire}}"):
            assert hidden not in whole, f"{role} was sent {hidden}"
        for _, text in played["seats"][role].frames:
            keys = set(_keys(json.loads(text)))
            forbidden = {
                "rule",
                "rule_option",
                "expected",
                "objective",
                "injects",
                "incidents",
                "score",
                "seed",
                "fate",
            }
            assert not keys & forbidden
            decisions += '"options":[' in text
    assert decisions >= 8, "players were asked"
    controller = "\n".join(text for _, text in played["leader"].frames)
    assert "zq-recall-qz" in controller and "<<fire-expected>>" in controller and '"rule":' in controller


def _keys(data):
    if isinstance(data, dict):
        yield from data
        for value in data.values():
            yield from _keys(value)
    elif isinstance(data, list):
        for value in data:
            yield from _keys(value)


def _real(line):
    return dt.datetime.fromisoformat(line.real).timestamp() - 0.001  # the recording writes milliseconds


def test_the_log_of_every_seat_is_without_gaps(played):
    for seat in (*played["seats"].values(), played["leader"]):
        assert [e["seq"] for e in seat.events] == list(range(len(seat.events)))
        assert seat.parts["clock"]["seq"] == seat.events[-1]["seq"]
    assert len(played["leader"].events) > len(played["seats"]["dispatcher"].events) > 20


def test_the_recording_plays_again_and_names_no_person(played):
    again = played["control"].get("/recording")
    assert "attachment" in again.headers["content-disposition"]
    lines = [json.loads(x) for x in again.text.splitlines()]
    assert [x["hash"] for x in lines[: len(played["lines"])]] == [line.hash for line in played["lines"]]
    assert {x["actor"] for x in lines} <= {"system", "controller", "dispatcher", "street_leader", "stand-in"}
    recording = Recording()
    recording.lines = list(played["lines"])
    assert replay(recording).final_hash == recording.finish.data["state_hash"]


def test_the_report_opens_and_a_branch_is_compared_and_stands_in_it(played):
    control = Seat(played["control"])
    decided = control.until(lambda: control.parts.get("decided"))
    one = next(d for d in decided if d["how"] == "in_time" and len(d["options"]) > 1)
    other = next(o["id"] for o in one["options"] if o["id"] != one["chosen"])
    control.do("branch", decision=one["id"], option=other, futures=3, timeout_s=120)
    found = control.until(lambda: control.parts.get("branches", {}).get("found"))
    assert found[0]["same"] and found[0]["futures"] == 3 and any(r["difference"] is not None for r in found[0]["rows"])
    control.close()
    for lang, head in (("en", "After-action report"), ("zh", "演练后报告")):
        answer = played["control"].get(f"/aar?lang={lang}")
        assert answer.status_code == 200 and "EXERCISE" in answer.text and head in answer.text
        assert "sandbox" in answer.headers["content-security-policy"]
        assert one["id"] in answer.text


def test_of_a_blind_exercise_players_learn_neither_title_nor_length_nor_how_far_it_is(site):
    url, _ = site

    def blind(data):
        data["blind"] = True
        data["title"] = {"en": "@@title-en@@", "zh": "@@title-zh@@"}

    control = open_room(url, varied(SHIPPED, blind))
    place = join(url, control.code, "street_leader")
    leader, player = Seat(control), Seat(place)
    leader.do("start")
    while not player.decision:
        leader.ask("jump")
        time.sleep(0.05)
    player.until(lambda: player.parts.get("cases"))
    whole = "\n".join(text for _, text in player.frames) + place.get().text
    assert "@@title" not in whole and "@@title" in "\n".join(text for _, text in leader.frames)
    for _, text in player.frames:
        data = json.loads(text)
        assert not set(_keys(data)) & {"length_min", "speed"}
        assert all(value is None for value in _values(data, "t_min"))
    assert player.parts["clock"]["time"] == leader.parts["clock"]["time"], "the time of day is for all"
    player.close()
    leader.do("stop", reason="enough")
    leader.close()


def _values(data, name):
    if isinstance(data, dict):
        yield from (value for key, value in data.items() if key == name)
        data = list(data.values())
    if isinstance(data, list):
        for value in data:
            yield from _values(value, name)


def test_a_seat_may_do_only_what_its_role_may(site):
    url, _ = site
    control = open_room(url)
    player, watcher = Seat(join(url, control.code, "dispatcher")), Seat(join(url, control.code, "observer"))
    leader = Seat(control)
    for act, fields in (("start", {}), ("release", {"inject": "fire"}), ("stop", {"reason": "x"}), ("rate", {}),
                        ("adhoc", {"content": {}}), ("branch", {"decision": "D1", "option": "wait"})):  # fmt: skip
        assert "this role cannot do that" in player.ask(act, **fields)
        assert "this role cannot do that" in watcher.ask(act, **fields)
    leader.do("start")
    leader.do("unfilled", role="street_leader", by_rule=False)
    while not leader.decision:
        leader.ask("jump")
        time.sleep(0.05)
    asked = leader.decision
    assert asked["role"] == "street_leader"
    assert "not open" in player.ask("decide", decision=asked["id"], option=asked["options"][0]["id"])
    assert "cannot do that" in watcher.ask("decide", decision=asked["id"], option=asked["options"][0]["id"])
    assert "no message" in player.ask("acknowledge", message="M99") and "no message" in watcher.ask(
        "acknowledge", message=player.parts["messages"][0]["id"]
    )
    for wrong in (
        {"do": "speed", "speed": "fast"},
        {"do": "speed", "speed": 1e9},
        {"do": 7},
        {"do": "note", "text": ""},
    ):
        assert leader.ask(wrong.pop("do"), **wrong) != ""
    for text in ("no json", "[" * 9000, '{"do": "speed", "speed": 1e999}', "x" * 50_000):
        leader.replies.pop(None, None)
        leader.socket.send(text)
        leader.until(lambda: None in leader.replies)
    for seat in (player, watcher, leader):
        seat.close()


def test_nobody_gets_a_seat_that_is_not_theirs(site):
    url, _ = site
    control = open_room(url)
    player = join(url, control.code, "dispatcher")
    assert httpx.get(f"{url}/drill/{control.code}/dispatcher").status_code == 303, "without a seat: to the roles"
    for role in ("controller", "street_leader"):
        thief = Place(url, control.code, role, player.key)
        assert thief.get("/city").status_code == 403
        seat = Seat(thief)
        seat.thread.join(10)
        assert seat.closed == 4403 and not seat.frames
    assert Place(url, control.code, "controller", player.key).get("/recording").status_code == 403
    assert Place(url, control.code, "controller", player.key).get("/aar").status_code == 403
    wrong = httpx.post(f"{url}/drill/{control.code}/join", data={"role": "controller", "control": "GUESS"})
    assert wrong.status_code == 403
    assert httpx.post(f"{url}/drill/{control.code}/join", data={"role": "emperor"}).status_code == 400
    assert httpx.post(f"{url}/drill/join", data={"code": "NOSUCH"}).status_code == 404
    with pytest.raises(InvalidStatus):
        connect(f"{url.replace('http', 'ws')}{player.path}/socket", origin="http://elsewhere.example")
    code = Seat(control)
    second = code.until(lambda: code.parts.get("presence"))["control"]
    assert join(url, control.code, "controller", control=second.lower()).role == "controller"
    code.close()


def test_whoever_comes_back_is_told_what_was_missed_once(site):
    url, _ = site
    control = open_room(url)
    leader, place = Seat(control), join(url, control.code, "dispatcher")
    leader.do("start")
    first = Seat(place)
    for n in range(3):
        leader.do("adhoc", content=_text(f"before {n}"))
    first.until(lambda: any("before 2" in e["text"]["en"] for e in first.events))
    first.close()
    for n in range(5):
        leader.do("adhoc", content=_text(f"while away {n}"))
    began = time.monotonic()
    second = Seat(place, after=first.events[-1]["seq"])
    second.until(lambda: any("while away 4" in e["text"]["en"] for e in second.events))
    assert time.monotonic() - began < 3.0
    told = [e["seq"] for e in first.events] + [e["seq"] for e in second.events]
    assert told == list(range(len(told)))
    assert sum("while away" in e["text"]["en"] for e in second.events) == 5
    second.close()
    leader.close()


def _text(words):
    return {"to": ["dispatcher"], "text": {"en": words, "zh": words}}


def test_a_pause_stops_the_countdown_and_a_time_out_lets_the_rule_decide(site):
    url, _ = site
    control = open_room(url, varied(SHIPPED, quick))
    leader, player = Seat(control), Seat(join(url, control.code, "street_leader"))
    leader.do("start")
    while not player.decision:
        leader.ask("jump")
        time.sleep(0.05)
    leader.do("pause")
    name = player.decision["id"]
    player.until(lambda: player.status == "paused")
    left = player.parts["clock"]["left"][name]
    assert 0 < left <= 2.0
    assert "paused" in player.ask("decide", decision=name, option=player.decision["options"][0]["id"])
    time.sleep(2.3)
    assert player.decision["id"] == name and player.parts["clock"]["left"][name] == left
    leader.do("resume")
    began = time.monotonic()
    done = leader.until(lambda: [d for d in leader.parts.get("decided", []) if d["id"] == name], 10)[0]
    assert time.monotonic() - began < left + 1.5
    assert done["how"] == "timed_out" and done["chosen"] == done["rule_option"]
    player.close()
    leader.close()


def test_the_controller_steps_jumps_and_changes_the_list_of_injects(site):
    url, _ = site
    leader = Seat(open_room(url))
    assert "cannot be done now" in leader.ask("step", minutes=1), "before the start"
    leader.do("start")
    leader.do("pause")
    at = leader.until(lambda: leader.status == "paused") and leader.parts["clock"]["t_min"]
    leader.do("step", minutes=1)
    leader.until(lambda: leader.status == "paused" and leader.parts["clock"]["t_min"] == pytest.approx(at + 1.0))
    leader.do("hold", inject="gathering")
    leader.do("retime", inject="brawl", at_min=4.5)
    leader.do("skip", inject="unit-down")
    assert "lies outside" in leader.ask("retime", inject="fire", at_min=0.0)
    leader.do("jump")
    rows = leader.until(lambda: _released(leader, "brawl"))
    assert (rows["gathering"]["status"], rows["unit-down"]["status"], rows["brawl"]["released_min"]) == (
        "held",
        "skipped",
        4.5,
    )
    assert leader.status == "paused", "a paused drill is paused again"
    leader.do("release", inject="gathering")
    leader.until(lambda: _released(leader, "gathering"))
    effect = {"kind": "off_duty", "post": "police_unit", "count": 2}
    leader.do("adhoc", content={"effects": [effect]})
    leader.until(lambda: _released(leader, "A1"))
    for effect in ({"kind": "off_duty", "post": "dragon"}, {"kind": "incident", "type": "dragon"},
                   {"kind": "incident", "type": "brawl", "grid": "nowhere"}, {"kind": "open_road", "name": "none"},
                   {"kind": "incident", "type": "brawl", "needs": ["dragons"]}, {"kind": "dance"},
                   {"kind": "incident", "type": "brawl", "place": 10**6}):  # fmt: skip
        assert leader.ask("adhoc", timeout_s=10, content={"effects": [effect]}) != ""
    for content in (
        {},
        {"effects": "all"},
        {"effects": [7]},
        {"text": "x"},
        {"to": ["emperor"], "text": {"en": "x", "zh": "x"}},
    ):
        assert leader.ask("adhoc", timeout_s=10, content=content) != ""
    leader.do("rate", criterion="voice", points=70)
    leader.do("note", text="Calm and clear.", objective="gathering")
    voice = leader.until(lambda: [c for o in leader.parts["score"]["objectives"] for c in o["criteria"] if c["rated"]])
    assert [(c["id"], c["points"]) for c in voice] == [("voice", 70)]
    assert leader.until(lambda: leader.parts["notes"])[0]["text"] == "Calm and clear."
    leader.do("stop", reason="enough")
    assert leader.ask("release", inject="fire") != ""
    leader.close()


def _released(leader, name):
    """The list of injects by id, once one of them is released."""
    rows = {row["id"]: row for row in leader.parts.get("injects", [])}
    return rows if name in rows and rows[name]["status"] == "released" else None


def test_the_clock_goes_on_while_nobody_is_connected(site):
    url, _ = site
    control = open_room(url)
    leader = Seat(control)
    leader.do("start")
    leader.do("speed", speed=30)
    leader.close()
    at = leader.parts["clock"]["t_min"]
    time.sleep(2.0)
    again = Seat(control)
    again.until(lambda: again.parts.get("clock"))
    assert 0.5 <= again.parts["clock"]["t_min"] - at <= 2.0, "2 s at 30x are one exercise minute"
    again.do("stop", reason="seen enough")
    assert again.until(lambda: again.parts["you"]["stop_reason"]) == "seen enough"
    again.close()


def test_a_closed_room_lets_all_go_and_the_drill_is_taken_up_where_it_was(site):
    url, _ = site
    control = open_room(url)
    leader, player = Seat(control), Seat(join(url, control.code, "street_leader"))
    leader.do("start")
    while not leader.decision:
        leader.ask("jump")
        time.sleep(0.05)
    name, at = leader.decision["id"], leader.parts["clock"]["t_min"]
    assert httpx.post(f"{url}{control.path}/close", headers={"Cookie": f"{COOKIE}={control.key}"}).status_code == 303
    for seat in (leader, player):
        seat.thread.join(10)
        assert seat.closed == 4404
    assert control.get().status_code == 303  # led to the code's page, as for a code that was never right
    lobby = httpx.get(f"{url}/drill", headers={"Accept": "text/html"}).text
    folder = re.findall(r"name='recording' value='([^']+)'", lobby)[0]
    answer = httpx.post(f"{url}/drill/take-up", data={"recording": folder}, timeout=120)
    again = Seat(place_of(url, answer))
    again.until(lambda: again.decision)
    assert (again.decision["id"], again.status, again.parts["clock"]["t_min"]) == (name, "paused", at)
    assert [e["seq"] for e in again.events] == list(range(len(again.events))) and len(again.events) >= len(
        leader.events
    )
    assert httpx.post(f"{url}/drill/take-up", data={"recording": folder}).status_code == 400, "it is in use"
    assert httpx.post(f"{url}/drill/take-up", data={"recording": "../.."}).status_code == 400
    again.do("stop", reason="enough")
    again.close()


def test_a_bad_upload_is_refused_in_a_sentence(site):
    url, given = site

    def vast(data):
        data["scenario"]["city"]["synthetic"]["residents"] = 5_000_000

    before = len(list(given.results.glob("drills/*")))
    no_type = varied(SHIPPED, lambda d: d["injects"][1]["effects"][0].pop("type"))
    with_code = varied(
        SHIPPED, lambda d: d["scenario"]["policies"]["duty-evening"]["rules"].update(coordinate="os:abort")
    )
    from_file = varied(SHIPPED, lambda d: d["scenario"].update(city={"path": "/etc"}))
    bad = {
        "YAML": b"a: [", "needs its 'type'": no_type, "cannot name code": with_code,
        "cannot name files": from_file, "city of an uploaded exercise": varied(SHIPPED, vast), "UTF-8": b"\xff\xfe",
        "too large": b"x" * 256_001, "": b"a: !!python/object/apply:os.system [ls]",
    }  # fmt: skip
    for words, content in bad.items():
        answer = httpx.post(f"{url}/drill/open", files={"file": ("mine.yaml", content)}, timeout=60)
        assert answer.status_code == 400 and words in answer.json()["error"], answer.text
        assert "Traceback" not in answer.text
    assert len(list(given.results.glob("drills/*"))) == before


def test_off_loopback_only_tokens_let_in_and_only_trainers_open(tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("trainer boss aaaaaaaaaaaaaaaaaaaaaaaa\nviewer hall bbbbbbbbbbbbbbbbbbbbbbbb\n")
    tokens.chmod(0o600)
    given = settings(port=0, results=tmp_path / "results", scenarios=tmp_path / "own", token_file=tokens)
    with running(given) as (url, _):
        viewer = {"Authorization": "Bearer bbbbbbbbbbbbbbbbbbbbbbbb"}
        assert httpx.post(f"{url}/drill/open", data={"exercise": "evening-wage-fire"}).status_code == 401
        assert (
            httpx.post(f"{url}/drill/open", data={"exercise": "evening-wage-fire"}, headers=viewer).status_code == 403
        )
        lobby = httpx.get(f"{url}/drill", headers=viewer)
        assert lobby.status_code == 200 and "/drill/join" in lobby.text and "/drill/open" not in lobby.text
