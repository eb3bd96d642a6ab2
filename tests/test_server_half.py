"""A queue at work under 1,100 half requests at once and 1,024 handles: every job ends well, little is logged."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from browser_pages import SMALL

HANDLES, CONNECTIONS, TOKEN = 1024, 1100, "t" * 24
AS_PLANNER = {"Authorization": f"Bearer {TOKEN}"}
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="handles are counted in /proc")]


@pytest.fixture
def place(tmp_path):
    """A server with a token, three jobs at once, and 1,024 handles; yields address, port, process and log."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "small-district.yaml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "tokens").write_text(f"planner ana {TOKEN}\n", encoding="utf-8")
    (tmp_path / "tokens").chmod(0o600)
    options = {"--port": 0, "--results": tmp_path / "results", "--scenarios": tmp_path / "own",
               "--token-file": tmp_path / "tokens", "--concurrent": 3}  # fmt: skip
    told = [str(word) for pair in options.items() for word in pair]
    command = [sys.executable, "-m", "gridwhistle", "dashboard", *told]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (HANDLES, HANDLES)),
        )  # fmt: skip
    try:
        url = next(w for line in server.stdout for w in line.split() if w.startswith("http://"))
        ask(url, "health")
        yield url, int(re.search(r":(\d+)/", url)[1]), server, tmp_path / "log"
    finally:
        server.terminate()
        server.wait(60)


def ask(url, path, **given):
    end = time.monotonic() + 90
    while True:
        try:
            return httpx.request(given.pop("method", "GET"), f"{url}{path}", headers=AS_PLANNER, timeout=30, **given)
        except httpx.TransportError:
            assert time.monotonic() < end
            time.sleep(0.2)


async def besieged(port, server, most, until):
    """Open all connections at once, again and again, until something holds; notes how many handles were open."""
    while not until():
        opened = await asyncio.gather(
            *(asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)), return_exceptions=True
        )
        wires = [one[1] for one in opened if isinstance(one, tuple)]
        for wire in wires:
            wire.write(b"GET / HTTP/1.1\r\nHost: ")
        for _ in range(20):
            most.append(len(os.listdir(f"/proc/{server.pid}/fd")))
            await asyncio.sleep(0.1)
        for wire in wires:
            wire.close()
            with suppress(OSError):
                await wire.wait_closed()


def test_half_requests_by_the_thousand_leave_three_jobs_at_work(place):
    url, port, server, log = place
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < CONNECTIONS + 200:
        pytest.skip("this process may not open so many")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[1], 4096), before[1]))
    filled = {
        "scenario": "small-district",
        "baseline": "referral",
        "arms": ["whistle"],
        "replications": "6",
        "days": "8",
    }
    try:
        for seed in ("1", "2", "3"):
            told = ask(url, "lab-files/run/submit", method="POST", json={**filled, "seed": seed}).json()
            assert not told["wrong"], told
        most: list[int] = []
        end, seen = time.monotonic() + 300, {}

        def done():
            seen.update(ask(url, "health").json())
            return (not seen["jobs_running"] and not seen["jobs_waiting"]) or time.monotonic() > end

        asyncio.run(besieged(port, server, most, done))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert seen["status"] == "ok" and seen["queue"]["alive"] and seen["queue"]["faults"] == 0, seen
    assert seen["jobs_running"] == seen["jobs_waiting"] == 0 and seen["results"] == 3
    assert max(most) < HANDLES - 20, "some handles are left at any time"
    text = log.read_text("utf-8", "replace")
    assert len(text) < 20_000 and "Traceback" not in text and "out of system resource" not in text, text[-2000:]
