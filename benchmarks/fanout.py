"""The drill room's figure: 100 clients in one room, ten messages a second to everybody for three minutes.

A real server in a process of its own opens a room for the shipped exercise; real sockets on loopback join it as
controllers, both players and onlookers. One controller sends ten messages a second to every role, as fast in the end
as at the beginning although the list of messages grows; clocks and views go out besides. Lost is every message that a
client has not been told exactly once, and every gap in the numbers of its log; the delay is from sending to each
client's receipt. A picture may be replaced by a newer one, and how many were is told.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.figures import Bar, Measured

FANOUT = (
    Bar("fanout_lost", "messages lost, doubled or out of order", "at most", 0),
    Bar("fanout_unanswered", "the same, messages whose sender was not answered, or refused", "at most", 0),
    Bar("fanout_clients", "the same, clients that stayed connected all the time", "at least", 100),
    Bar("fanout_hz", "the same, messages a second to each client", "at least", 9.5),
    Bar("fanout_delay_p95_ms", "the same, 95 % of messages are there within (ms)", "at most", 250),
)
CLIENTS = {"controller": 4, "dispatcher": 45, "street_leader": 45, "observer": 6}
ROLES = ("dispatcher", "street_leader", "observer")
HZ, SECONDS, WAIT_S = 10.0, 180.0, 30.0
COOKIE = "gridwhistle_seat"
_NUMBER = re.compile(r"Radio check (\d+)\.")


@dataclass
class Client:
    """One socket and what it was told."""

    numbers: list[int] = field(default_factory=list)
    came: dict[int, float] = field(default_factory=dict)
    doubled: int = 0
    answered: set[int] = field(default_factory=set)
    pictures: list[int] = field(default_factory=list)
    received_bytes: int = 0
    closed: bool = False

    def take(self, text: str) -> None:
        """Take in a frame."""
        now = time.perf_counter()
        self.received_bytes += len(text)
        if text.startswith('{"type":"event"'):
            item = json.loads(text)
            self.numbers.append(item["seq"])
            found = _NUMBER.search(item["text"]["en"]) if item["kind"] == "message" else None
            if found is not None:
                self.doubled += int(found[1]) in self.came
                self.came[int(found[1])] = now
        elif text.startswith('{"type":"clock"'):
            self.pictures.append(json.loads(text)["tick"])
        elif text.startswith('{"type":"reply"') and '"error"' not in text:
            self.answered.add(json.loads(text)["id"])

    def wrong(self, sent: int) -> int:
        """Return how many of the messages did not come exactly once, and gaps in the numbers of the log."""
        gaps = sum(b != a + 1 for a, b in itertools.pairwise(self.numbers))
        return len(set(range(sent)) - set(self.came)) + self.doubled + gaps


def measure(quick: bool = False) -> Measured:
    """Measure for three minutes; ``quick`` is a smoke test of a few seconds."""
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as url:
        return asyncio.run(_measure(url, 4.0 if quick else SECONDS))


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """Serve from another process; yields the address."""
    command = [sys.executable, "-m", "gridwhistle", "dashboard", "--port", "0"]
    options = ["--results", str(folder / "results"), "--scenarios", str(folder / "own")]
    server = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        yield next(w for line in server.stdout for w in line.split() if w.startswith("http://")).rstrip("/")
    finally:
        server.terminate()
        server.wait(30)


async def _measure(url: str, seconds: float) -> Measured:
    places = await asyncio.to_thread(_seats, url)
    clients, tasks, sockets = [], [], []
    for path, key in places:
        client, socket = Client(), await _connect(url, path, key)
        clients.append(client)
        sockets.append(socket)
        tasks.append(asyncio.create_task(_listen(socket, client)))
    leader, boss = clients[0], sockets[0]
    await boss.send(json.dumps({"do": "start", "id": 0}))
    await asyncio.sleep(2.0)
    sent = await _talk(boss, seconds)
    took = sent[-1] - sent[0]
    deadline = time.perf_counter() + WAIT_S
    while any(len(c.came) < len(sent) for c in clients) or len(leader.answered) <= len(sent):
        if time.perf_counter() > deadline:
            break
        await asyncio.sleep(0.05)
    stayed = sum(not c.closed for c in clients)
    for task in tasks:
        task.cancel()
    delays = [at - sent[n] for c in clients for n, at in c.came.items()] or [float("inf")] * 2
    late = [at - sent[n] for c in clients for n, at in c.came.items() if n >= len(sent) // 2] or [float("inf")] * 2
    pictures = [len(c.pictures) / (c.pictures[-1] - c.pictures[0] + 1) for c in clients if len(c.pictures) > 1]
    return {
        "fanout_lost": sum(c.wrong(len(sent)) for c in clients),
        "fanout_unanswered": len(sent) + 1 - len(leader.answered),
        "fanout_clients": stayed, "fanout_hz": (len(sent) - 1) / took,
        "fanout_messages": len(sent), "fanout_seconds": took,
        "fanout_delay_median_ms": 1000 * statistics.median(delays),
        "fanout_delay_p95_ms": 1000 * statistics.quantiles(delays, n=20)[-1],
        "fanout_delay_p95_second_half_ms": 1000 * statistics.quantiles(late, n=20)[-1],
        "fanout_delay_most_ms": 1000 * max(delays),
        "fanout_pictures_kept_share": min(pictures), "fanout_mb": sum(c.received_bytes for c in clients) / 1e6,
    }  # fmt: skip


async def _talk(boss: Any, seconds: float) -> list[float]:
    """Send messages to all roles at the pace; returns when each was sent."""
    sent: list[float] = []
    begun = time.perf_counter()
    for n in range(int(seconds * HZ)):
        await asyncio.sleep(max(0.0, begun + n / HZ - time.perf_counter()))
        text = {"en": f"Radio check {n}. All stations acknowledge.", "zh": f"通话测试 {n}。各台确认。"}
        sent.append(time.perf_counter())
        await boss.send(json.dumps({"do": "adhoc", "id": n + 1, "content": {"to": list(ROLES), "text": text}}))
    return sent


def _seats(url: str) -> list[tuple[str, str]]:
    """Open a room and take all seats; returns path and key of each, the opening controller's first."""
    import httpx

    for _ in range(600):
        try:
            httpx.get(f"{url}/health", timeout=5)
            break
        except httpx.TransportError:
            time.sleep(0.1)
    opened = httpx.post(f"{url}/drill/open", data={"exercise": "evening-wage-fire"}, timeout=300)
    path = opened.headers["location"].partition("?")[0]
    key = opened.cookies[COOKIE]
    room = path.rsplit("/", 1)[0]
    out = [(path, key)] * CLIENTS["controller"]
    for role in ROLES:
        for _ in range(CLIENTS[role]):
            joined = httpx.post(f"{url}{room}/join", data={"role": role}, timeout=30)
            out.append((f"{room}/{role}", joined.cookies[COOKIE]))
    return out


async def _connect(url: str, path: str, key: str) -> Any:
    from websockets.asyncio.client import connect

    address = f"{url.replace('http', 'ws', 1)}{path}/socket"
    return await connect(address, additional_headers={"Cookie": f"{COOKIE}={key}"}, max_size=None, open_timeout=60)


async def _listen(socket: Any, client: Client) -> None:
    from websockets.exceptions import ConnectionClosed

    try:
        async for text in socket:
            client.take(text)
    except ConnectionClosed:
        client.closed = True
        return
    client.closed = True
