"""The drill room's figure: 50 clients in one room, ten log items a second for a minute, and nothing lost.

A real server in a process of its own opens a room for the shipped exercise; real sockets on loopback join it as
controllers, both players and onlookers. One controller pauses and resumes ten times a second, and each time an item
goes into everybody's log; the clock's picture goes out besides. Lost is every item that a client has not received
exactly once and in order when the last has come; a picture may be replaced by a newer one, and how many were is told.
"""

from __future__ import annotations

import asyncio
import itertools
import json
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
    Bar("fanout_lost", "log items lost, doubled or out of order", "at most", 0),
    Bar("fanout_clients", "the same, clients that stayed connected all the time", "at least", 50),
    Bar("fanout_hz", "the same, log items a second to each client", "at least", 9.5),
)
CLIENTS = {"controller": 4, "dispatcher": 20, "street_leader": 20, "observer": 6}
HZ, SECONDS, WAIT_S = 10.0, 60.0, 30.0
COOKIE = "gridwhistle_seat"


@dataclass
class Client:
    """One socket and what it was told."""

    items: list[tuple[int, float]] = field(default_factory=list)
    pictures: list[int] = field(default_factory=list)
    received_bytes: int = 0
    closed: bool = False

    def take(self, text: str) -> None:
        """Take in a frame."""
        self.received_bytes += len(text)
        if text.startswith('{"type":"event"'):
            self.items.append((json.loads(text)["seq"], time.perf_counter()))
        elif text.startswith('{"type":"clock"'):
            self.pictures.append(json.loads(text)["tick"])

    def wrong(self, first: int, last: int) -> int:
        """Return how many items from ``first`` to ``last`` did not come exactly once and in order."""
        numbers = [n for n, _ in self.items if first <= n <= last]
        missing = len(set(range(first, last + 1)) - set(numbers))
        doubled = len(numbers) - len(set(numbers))
        moved = sum(b < a for a, b in itertools.pairwise(numbers))
        return missing + doubled + moved


def measure(quick: bool = False) -> Measured:
    """Measure for a minute; ``quick`` is a smoke test of a few seconds."""
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
    await boss.send(json.dumps({"do": "start", "id": 1}))
    await asyncio.sleep(2.0)
    begins = [len(c.items) for c in clients]
    sent = await _toggle(boss, seconds)
    took = sent[-1] - sent[0]
    deadline = time.perf_counter() + WAIT_S
    while any(len(c.items) < b + len(sent) for c, b in zip(clients, begins, strict=True)):
        if time.perf_counter() > deadline:
            break
        await asyncio.sleep(0.05)
    stayed = sum(not c.closed for c in clients)
    for task in tasks:
        task.cancel()
    lost = sum(c.wrong(b, b + len(sent) - 1) for c, b in zip(clients, begins, strict=True))
    delays = [at - sent[n - b] for c, b in zip(clients, begins, strict=True) for n, at in c.items if n >= b]
    pictures = [len(c.pictures) / (c.pictures[-1] - c.pictures[0] + 1) for c in clients if len(c.pictures) > 1]
    return {
        "fanout_lost": lost, "fanout_clients": stayed, "fanout_hz": (len(sent) - 1) / took,
        "fanout_items": sum(len(c.items) for c in clients), "fanout_seconds": took,
        "fanout_delay_median_ms": 1000 * statistics.median(delays),
        "fanout_delay_p95_ms": 1000 * statistics.quantiles(delays, n=20)[-1],
        "fanout_pictures_kept_share": min(pictures), "fanout_leader_items": len(leader.items),
        "fanout_mb": sum(c.received_bytes for c in clients) / 1e6,
    }  # fmt: skip


async def _toggle(boss: Any, seconds: float) -> list[float]:
    """Pause and resume at the pace; returns when each was sent."""
    sent: list[float] = []
    begun = time.perf_counter()
    for n in range(int(seconds * HZ)):
        await asyncio.sleep(max(0.0, begun + n / HZ - time.perf_counter()))
        sent.append(time.perf_counter())
        await boss.send(json.dumps({"do": "resume" if n % 2 else "pause", "id": n + 2}))
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
    for role in ("dispatcher", "street_leader", "observer"):
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
