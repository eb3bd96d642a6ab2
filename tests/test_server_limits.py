"""What keeps a real server answering: bounded connections and log lines, caches bounded by bytes, trusted proxies."""

from __future__ import annotations

import logging
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from server_attacks import received, served
from starlette.testclient import TestClient

from dashboards.drill import pages
from dashboards.server import connections
from dashboards.server.app import create_app
from dashboards.server.logs import MOST_A_MINUTE, OfOneKind
from dashboards.server.settings import settings
from dashboards.server.tries import MOST_FAILURES
from dashboards.server.weigh import Kept, weight_bytes

PROXY, TOKEN = "10.0.0.2", "t" * 24


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A real server with twelve places and short limits of time."""
    before = connections.LOOK_S, dict(connections.LIMITS_S), connections.MOST_CONNECTIONS
    connections.LOOK_S, connections.MOST_CONNECTIONS = 0.1, 12
    connections.LIMITS_S.update(head=1.0, body=1.5, taking=1.0, closing=0.5)
    root = tmp_path_factory.mktemp("bounded")
    try:
        with served(settings(port=0, results=root / "results", scenarios=root / "own")) as one:
            yield one
    finally:
        connections.LOOK_S, connections.MOST_CONNECTIONS = before[0], before[2]
        connections.LIMITS_S.update(before[1])


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: 127.0",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HT",
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\nContent-Type: text/plain\r\n\r\nabc",
    ],
)
def test_half_a_request_is_let_go_in_time(place, half):
    with place.connect() as wire:
        begun = time.monotonic()
        wire.sendall(half)
        try:
            while wire.recv(65536):
                pass
        except ConnectionResetError:
            pass
        assert time.monotonic() - begun < 8.0


def test_who_takes_no_answer_is_let_go(place):
    with place.connect() as wire:
        line = b"GET /lab/_dash-component-suites/plotly/package_data/plotly.min.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        wire.sendall(line * 4)
        end = time.monotonic() + 20
        while place.server.server_state.connections:
            assert time.monotonic() < end, "still held"
            time.sleep(0.1)


CRUMBS = b"POST /drill/join HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n" + (
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\n5\r\ncode=\r\n"
)


@pytest.mark.parametrize(
    ("chunks", "answer"),
    [
        (b"1\r\nA\r\n" * 9000, b" 400 "),  # each takes a turn of its own: together a second in which nobody is heard
        (b"1\r\nA\r\n" * connections.FREE_PIECES + b"200\r\n" + b"A" * 512 + b"\r\n", b" 400 "),
        (b"1\r\nA\r\n" * 50, b" 404 "),  # no room of that code
        ((b"200\r\n" + b"A" * 512 + b"\r\n") * 25, b" 404 "),
    ],
)
def test_a_body_in_crumbs_is_refused_and_one_in_pieces_is_read(place, chunks, answer):
    assert answer in place.raw(CRUMBS + chunks + b"0\r\n\r\n")[:30]
    assert place.raw(CRUMBS + b"0\r\n\r\n")[:30].count(b" 404 ") == 1, "the next request starts anew"


def test_small_pieces_of_an_answer_do_not_wait_for_each_other(place):
    """On a connection that is kept the system would hold back a piece until the one before it is acknowledged."""
    assert place.bound.proto == socket.IPPROTO_TCP, "only then does the event loop ask for sending at once"


def test_exercises_are_read_once_for_all_visits_of_the_lobby(place, monkeypatch):
    assert httpx.get(f"{place.url}/drill", timeout=60).status_code == 200

    def again(name):
        raise AssertionError(f"{name} is read again")

    monkeypatch.setattr(pages.Exercise, "load", again)
    shown = httpx.get(f"{place.url}/drill", timeout=60)
    assert shown.status_code == 200 and "evening-wage-fire" in shown.text


def test_idle_connections_keep_nobody_out(place):
    idle = [place.connect() for _ in range(40)]
    try:
        for wire in idle:
            wire.sendall(b"GET / HTTP/1.1\r\nHost: ")
        for _ in range(5):
            begun = time.monotonic()
            assert httpx.get(f"{place.url}/health", timeout=10).json()["queue"]["alive"]
            assert time.monotonic() - begun < 3.0
        assert len(place.server.server_state.connections) <= connections.LEAST_CONNECTIONS + 1
    finally:
        for wire in idle:
            wire.close()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="handles are bounded by the system on POSIX")
def test_few_handles_and_many_half_requests_leave_the_queue_at_work(tmp_path):
    import resource
    import socket

    command = [sys.executable, "-m", "gridwhistle", "dashboard", "--port", "0", "--results", str(tmp_path / "results")]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--scenarios", str(tmp_path / "own")], stdout=subprocess.PIPE, stderr=log, text=True,
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (240, 240)),
        )  # fmt: skip
    wires = []
    try:
        url = next(w for line in server.stdout for w in line.split() if w.startswith("http://"))
        port = int(re.search(r":(\d+)/", url)[1])
        end = time.monotonic() + 90
        while True:
            try:
                httpx.get(f"{url}health", timeout=5)
                break
            except httpx.TransportError:
                assert time.monotonic() < end
                time.sleep(0.2)
        for _ in range(300):
            wires.append(socket.create_connection(("127.0.0.1", port), timeout=10))
            wires[-1].sendall(b"GET / HTTP/1.1\r\nHost: ")
        for _ in range(3):
            told = httpx.get(f"{url}health", timeout=30).json()
            assert told["status"] == "ok" and told["queue"] == {
                "alive": True, "faults": 0, "last_fault": "", "last_fault_s": 0.0, "unwritten": 0,
            }  # fmt: skip
    finally:
        for wire in wires:
            wire.close()
        server.terminate()
        server.wait(30)
    assert (tmp_path / "log").stat().st_size < 20_000 and b"Traceback" not in (tmp_path / "log").read_bytes()


def test_lines_of_one_kind_are_bounded_and_counted(monkeypatch):
    now, kinds, written = [0.0], OfOneKind(), []
    monkeypatch.setattr("dashboards.server.logs.time.monotonic", lambda: now[0])

    def say(words: str) -> None:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, words, (), None)
        if kinds.filter(record):
            written.append(record.getMessage())

    for number in range(500):
        say(f"socket {number} at {hex(number)} is gone")
    say("another kind")
    assert len(written) == MOST_A_MINUTE + 1
    now[0] = 61.0
    say("socket 1 at 0x1 is gone")
    assert written[-1] == f"socket 1 at 0x1 is gone ({500 - MOST_A_MINUTE} more lines like this were left out)"


class Thing:
    def __init__(self) -> None:
        self.rows, self.me = [np.zeros(1000), pd.DataFrame({"a": np.arange(1000.0)})], self


def test_a_weight_is_about_that_of_the_data():
    shared = np.zeros(10_000)
    assert 80_000 <= weight_bytes([shared, shared, shared[:10]]) < 82_000
    assert 16_000 <= weight_bytes(Thing()) < 20_000
    assert weight_bytes({"a": "x" * 5000}) > 5000 and weight_bytes(np) == 0


def test_what_is_kept_is_bounded_by_bytes_and_a_failure_keeps_nothing():
    kept = Kept(3 * 10**6, 50)
    for number in range(20):
        kept.get(number, lambda: np.zeros(125_000))
        assert kept.bytes <= 3 * 10**6
    assert len(kept) == 3  # each weighs a million bytes
    assert kept.get("large", lambda: np.zeros(10**6)).size == 10**6 and len(kept) == 1
    for number in range(10):
        with pytest.raises(ZeroDivisionError):
            kept.get(("wrong", number), lambda: 1 // 0)
    assert len(kept) == 1 and kept._making == {}


@pytest.fixture(scope="module")
def behind_a_proxy(tmp_path_factory):
    root = tmp_path_factory.mktemp("proxied")
    (root / "tokens").write_text(f"trainer zhao {TOKEN}\n", encoding="utf-8")
    (root / "tokens").chmod(0o600)
    return create_app(
        settings(results=root / "results", scenarios=root / "own", token_file=root / "tokens", proxies=(PROXY,))
    )


def visitor(app, peer: str) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1:8321", follow_redirects=False, client=(peer, 5000))


def test_behind_a_trusted_proxy_cookies_are_secure_and_bound_to_the_host(behind_a_proxy):
    told = {"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.7"}
    entered = visitor(behind_a_proxy, PROXY).post("/login?lang=zh", data={"token": TOKEN}, headers=told)
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith("__Host-gridwhistle_session=") and "Secure" in cookie and "Path=/" in cookie
    assert "Domain" not in cookie and entered.headers["strict-transport-security"].startswith("max-age=")
    key = cookie.partition(";")[0]
    inside = visitor(behind_a_proxy, PROXY).get("/", headers={**told, "cookie": key, "accept": "text/html"})
    assert inside.status_code == 200 and "zhao" in inside.text
    plain = key.replace("__Host-", "")
    assert visitor(behind_a_proxy, PROXY).get("/lab/run", headers={**told, "cookie": plain}).status_code == 401


def test_nobody_else_is_believed_about_who_asks(behind_a_proxy):
    told = {"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.7"}
    entered = visitor(behind_a_proxy, "10.9.9.9").post("/login", data={"token": TOKEN}, headers=told)
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith("gridwhistle_session=") and "Secure" not in cookie
    assert "strict-transport-security" not in entered.headers


def test_behind_a_proxy_each_client_has_a_count_of_its_own(behind_a_proxy):
    tries = behind_a_proxy.state.gridwhistle.sessions.tries
    tries.clear()
    client = visitor(behind_a_proxy, PROXY)
    for _ in range(MOST_FAILURES + 1):
        client.post("/login", data={"token": "w" * 24}, headers={"x-forwarded-for": "1.1.1.1, 203.0.113.66"})
    assert tries.count("203.0.113.66") == MOST_FAILURES + 1 and tries.count("1.1.1.1") == tries.count(PROXY) == 0
    other = client.post("/login", data={"token": "w" * 24}, headers={"x-forwarded-for": "203.0.113.8"})
    assert other.status_code == 401


def test_a_piece_of_an_answer_is_received_whole(place):
    """The helper of these tests reads a whole answer, so that a missing one would be noticed."""
    with place.connect() as wire:
        wire.sendall(b"GET /static/base.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        head, _, body = received(wire).partition(b"\r\n\r\n")
    assert len(body) == int(re.search(rb"content-length: (\d+)", head.lower())[1])
