"""What the server hands out for a replay: packed columns, bounded memory, windows only as they are asked for."""

from __future__ import annotations

import gzip
import json
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from browser_pages import small_study
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from starlette.websockets import WebSocketDisconnect

from dashboards.replay import scene
from dashboards.replay.pack import TYPES, packed, unpacked
from dashboards.replay.shelf import Replays
from dashboards.server import settings as server_settings
from scenarios.replay import Replay
from scenarios.study import Study
from sim.city.roads import Roads

fastapi = pytest.importorskip("fastapi.testclient", reason="fastapi is not installed")
STREAM = "ws://127.0.0.1:8321/replay/stream?study={study}&arm=whistle&replication=0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_study(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def replay(folder) -> Replay:
    return Replay.of(Study.open(folder), "whistle", 0)


@pytest.fixture(scope="module")
def client(folder):
    from dashboards.server.app import create_app

    app = create_app(server_settings.settings(port=0, results=folder.parent, scenarios=folder.parent / "none"))
    with fastapi.TestClient(app, base_url="http://127.0.0.1:8321") as made:
        yield made


columns = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.sampled_from(sorted(TYPES)).flatmap(lambda t: arrays.arrays(np.dtype(t), st.integers(0, 9))),
    max_size=5,
)


@given(st.dictionaries(st.sampled_from("abc"), st.text() | st.integers(), max_size=3), columns)
@settings(max_examples=60, deadline=None)
def test_packing_loses_nothing(head, given_arrays):
    found_head, found = unpacked(packed(head, given_arrays))
    assert found_head == head
    assert list(found) == list(given_arrays)
    for name, array in given_arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].tobytes() == array.tobytes()


def test_arrays_begin_where_a_browser_can_read_them():
    block = packed({"x": 1}, {"a": np.zeros(3, np.uint8), "b": np.ones(2, np.float64)})
    length = int.from_bytes(block[:4], "little")
    start = -(-(4 + length) // 8) * 8
    offsets = [offset for _, offset, _ in json.loads(block[4 : 4 + length])["arrays"].values()]
    assert all((start + offset) % 8 == 0 for offset in offsets)


def test_the_city_on_the_wire_is_the_city(replay):
    head, city = unpacked(scene.geometry(replay))
    roads = replay.city.roads
    assert city["x"] + head["origin"][0] == pytest.approx(roads.x, abs=0.01)
    pairs = {tuple(sorted(p)) for p in zip(roads.arc_from.tolist(), roads.arc_to.tolist(), strict=True)}
    assert set(zip(city["from"].tolist(), city["to"].tolist(), strict=True)) == pairs
    assert (city["place"] == replay.city.places).all()
    assert set(np.unique(city["class"])) <= {0, 1, 2}


def test_a_far_origin_costs_no_precision():
    x = np.array([4_500_000.123, 4_500_100.456])
    roads = Roads(x, x, np.array([0]), np.array([1]), np.array([10.0]), np.array([[1.0]]))
    origin = scene.origin_of(SimpleNamespace(roads=roads))
    assert (x - origin[0]).astype(np.float32).astype(float) + origin[0] == pytest.approx(x, abs=1e-4)


def test_roads_are_ranked_by_class_or_speed():
    ends = np.arange(5)
    made = dict(x=np.zeros(5), y=np.zeros(5), arc_from=ends, arc_to=(ends + 1) % 5)
    named = Roads(**made, length_m=np.full(5, 100.0), time_min=np.full((1, 5), 0.1),
                  highway=np.array(["motorway_link", "primary", "tertiary", "residential", "footway"]))  # fmt: skip
    assert scene.road_class(named).tolist() == [0, 0, 1, 2, 2]
    small = Roads(**made, length_m=np.full(5, 100.0), time_min=np.full((1, 5), 0.1),
                  highway=np.array(["secondary", "residential", "residential", "tertiary", "service"]))  # fmt: skip
    assert scene.road_class(small).tolist() == [0, 2, 2, 0, 2]
    fast = Roads(**made, length_m=np.full(5, 1000.0), time_min=np.array([[2.0, 2.0, 2.0, 1.2, 0.6]]))
    assert scene.road_class(fast).tolist() == [2, 2, 2, 1, 0]


def test_a_window_on_the_wire_is_the_window(replay):
    number = 48 + 20
    w = replay.window(number)
    head, a = unpacked(scene.window(replay, number))
    assert (head["number"], head["start_min"], head["end_min"]) == (number, number * 30.0, number * 30.0 + 30.0)
    assert a["s_staff"].tolist() == w.segments["staff"].tolist()
    assert a["s_start"] + w.start_min == pytest.approx(w.segments["start_min"], abs=0.01)
    standing = w.segments["until_min"] > 1e200
    assert np.isinf(a["s_until"][standing]).all()
    assert len(a["w_first"]) == len(w.ways) + 1
    assert a["w_first"][-1] == len(a["w_node"]) == sum(len(way.nodes) for way in w.ways)
    x0, _ = scene.origin_of(replay.city)
    assert a["c_x"] + x0 == pytest.approx(w.cases["x_m"], abs=0.01)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_is_said_about_a_run(replay, lang):
    about = scene.about(replay, lang)
    assert about["agrees"] is True
    assert len(about["staff"]["post"]) == len(replay.world.staff)
    assert about["told"]["report"] > 0
    titles = {post["name"]: post["title"] for post in about["posts"]}
    assert titles["grid_member"] == {"en": "Grid member", "zh": "专职网格员"}[lang]
    json.dumps(about, allow_nan=False)


def test_a_run_is_played_once_for_all_who_ask_at_the_same_time(replay):
    replays, made = Replays(most=2), []

    def make():
        made.append(1)
        time.sleep(0.1)
        return replay

    threads = [threading.Thread(target=replays.get, args=("key", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    for key in ("b", "c"):
        replays.get(key, lambda: replay)
    assert list(replays._kept._held) == ["b", "c"]


def test_windows_are_kept_within_bounds(replay, monkeypatch):
    held = Replays().get("key", lambda: replay)
    bound = 3 * len(held.window(0))
    monkeypatch.setattr("dashboards.replay.shelf.MOST_WINDOW_BYTES", bound)
    for number in range(12):
        assert unpacked(held.window(number))[0]["number"] == number
        assert sum(map(len, held.windows.values())) <= bound or len(held.windows) == 1
    assert len(held.windows) < 12


def test_the_page_lists_runs_and_escapes_them(client, folder):
    body = client.get("/replay", headers={"accept": "text/html"}).text
    assert folder.name in body
    player = client.get(f"/replay?study={folder.name}&arm=whistle&at=%22%3E%3Cscript%3E").text
    assert '"><script>' not in player
    assert "data-replay" in player


@pytest.mark.parametrize(
    "query",
    ["study=none", "study=../../etc", "study={s}&arm=nobody", "study={s}&replication=-1", "study={s}&replication=x"],
)
def test_wrong_addresses_are_refused_in_a_sentence(client, folder, query):
    for path in ("/replay", "/replay/about"):
        answer = client.get(f"{path}?{query.format(s=folder.name)}")
        assert answer.status_code in (400, 422)


def test_city_and_words_come_over_http(client, folder):
    about = client.get(f"/replay/about?study={folder.name}&arm=whistle&lang=zh").json()
    assert about["policy"] == "whistle"
    answer = client.get(f"/replay/city?study={folder.name}&arm=whistle")
    assert answer.headers["content-encoding"] == "gzip"
    head, _ = unpacked(answer.content)
    assert head["eras"] == [0.0]
    assert client.get(f"/replay/about?study={folder.name}&lang=fr").status_code == 400


def test_next_and_case_come_over_http(client, folder):
    base = f"study={folder.name}&arm=whistle"
    event = client.get(f"/replay/next?{base}&after=0&kinds=close").json()["event"]
    life = client.get(f"/replay/case/{event['case']}?{base}").json()
    assert life["closed_min"] == event["time_min"]
    assert client.get(f"/replay/next?{base}&after=0&kinds=close,nonsense").status_code == 400
    assert client.get(f"/replay/case/99999999?{base}").status_code == 400


def _numbers(socket, count):
    return [unpacked(socket.receive_bytes())[0]["number"] for _ in range(count)]


def test_the_stream_sends_what_is_wanted_in_order(client, folder):
    with client.websocket_connect(STREAM.format(study=folder.name)) as socket:
        socket.send_text('{"windows": [5, 6, 4]}')
        assert _numbers(socket, 3) == [5, 6, 4]
        socket.send_text('{"windows": [40]}')
        assert _numbers(socket, 1) == [40]


def test_a_new_wish_replaces_the_old_one(client, folder):
    with client.websocket_connect(STREAM.format(study=folder.name)) as socket:
        socket.send_text(json.dumps({"windows": list(range(100, 112))}))
        socket.send_text('{"windows": [200]}')
        seen = []
        while 200 not in seen:
            seen += _numbers(socket, 1)
        assert len(seen) < 12  # what nobody wants any more is not sent
        socket.send_text('{"windows": [201]}')
        assert _numbers(socket, 1) == [201]


def test_nothing_is_sent_unasked(client, folder):
    with client.websocket_connect(STREAM.format(study=folder.name)) as socket:
        socket.send_text('{"windows": [1]}')
        assert _numbers(socket, 1) == [1]
        socket.send_text('{"windows": []}')
        time.sleep(0.2)
        socket.send_text('{"windows": [2]}')
        assert _numbers(socket, 1) == [2]


@pytest.mark.parametrize(
    "message",
    ["", "nonsense", "[]", "{}", '{"windows": 3}', '{"windows": [-1]}', '{"windows": [1.5]}', '{"windows": [true]}',
     '{"windows": [99999999]}', json.dumps({"windows": list(range(13))}), b"\x00\xff", "[" * 100_000,
     '{"windows": [1e400]}', '{"windows": ["\\ud800"]}'],
)  # fmt: skip
def test_a_wrong_wish_is_answered_and_ends_the_stream(client, folder, message):
    with client.websocket_connect(STREAM.format(study=folder.name)) as socket:
        socket.send_bytes(message) if isinstance(message, bytes) else socket.send_text(message)
        assert "not a wish" in json.loads(socket.receive_text())["error"]
        with pytest.raises(WebSocketDisconnect) as ended:
            socket.receive_text()
        assert ended.value.code == 4400


def test_the_stream_of_a_run_that_is_not_there_says_so(client):
    with client.websocket_connect("ws://127.0.0.1:8321/replay/stream?study=none") as socket:
        assert "no results" in json.loads(socket.receive_text())["error"]


def test_viewers_are_counted_and_let_go(client, folder):
    for _ in range(3):
        with client.websocket_connect(STREAM.format(study=folder.name)) as socket:
            socket.send_text('{"windows": [3]}')
            _numbers(socket, 1)
    deadline = time.monotonic() + 5
    while client.app.state.replay_viewers and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(client.app.state.replay_viewers) == 0


def test_a_window_is_small_on_the_wire(replay):
    raw = scene.window(replay, 48 + 20)
    assert len(gzip.compress(raw)) < 100_000
