"""The soak: a server in ordinary use for as long as is asked, and how much its memory grows after the first minutes.

A real server in a process of its own; a few people look at pages, comparisons with their charts, reports and replays,
and a drill is led in a room, closed and opened again, all over HTTP and sockets at a person's pace. Growth is the
median memory of the last minute above that of the minute that ends the warm-up. It measures memory, not speed.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.dashboard import served
from benchmarks.figures import Bar, Measured

SOAK = (
    Bar("soak_growth_mb", "growth of the server's memory after the first five minutes (MB)", "at most", 50.0),
    Bar("soak_failures", "the same, answers that were none", "at most", 0),
)
MINUTES, WARM_UP_MIN, LOOK_S, PAUSE_S = 30.0, 5.0, 2.0, 0.5
ARMS, REPLICATIONS = ("referral", "whistle"), 4
EXERCISE = "evening-wage-fire"
SEAT = "gridwhistle_seat"
UPDATE = "/lab/_dash-update-component"


def measure(minutes: float = MINUTES) -> Measured:
    """Use a server for some minutes.

    Parameters
    ----------
    minutes
        At least one; below ten the warm-up is half of them, and the figures mean little.
    """
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as (url, study, pid):
        return asyncio.run(_soak(url.rstrip("/"), study, pid, minutes))


async def _soak(url: str, study: str, pid: int, minutes: float) -> Measured:
    begun, warm_s = time.monotonic(), 60 * min(WARM_UP_MIN, minutes / 2)
    told: dict[str, int] = {"answers": 0, "failures": 0}
    until = begun + 60 * minutes
    people = [
        asyncio.create_task(_again(lambda user=user: user(url, study, told), until, told))  # type: ignore[misc]
        for user in (_pages, _comparison, _replay, _room)
    ]
    seen: list[tuple[float, float]] = []
    while (now := time.monotonic()) < until:
        seen.append((now - begun, memory_mb(pid)))
        await asyncio.sleep(LOOK_S)
    for one in people:
        one.cancel()
    await asyncio.gather(*people, return_exceptions=True)
    width = min(60.0, warm_s / 2)
    early = statistics.median(mb for at, mb in seen if warm_s - width <= at <= warm_s)
    late = statistics.median(mb for at, mb in seen if at >= seen[-1][0] - width)
    return {
        "soak_growth_mb": late - early, "soak_failures": told["failures"], "soak_answers": told["answers"],
        "soak_minutes": (time.monotonic() - begun) / 60, "soak_first_mb": seen[0][1], "soak_early_mb": early,
        "soak_late_mb": late, "soak_most_mb": max(mb for _, mb in seen),
        "soak_each_minute_mb": [round(mb, 1) for _, mb in seen[:: round(60 / LOOK_S)]],
        "soak_last_failure": str(told.get("last", "")),
    }  # fmt: skip


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process, MB; Linux tells it under ``/proc``."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def _again(use: Callable[[], Awaitable[None]], until: float, told: dict[str, Any]) -> None:
    """Do what one person does, again and again; what fails is counted and told."""
    while time.monotonic() < until:
        try:
            await use()
        except Exception as error:  # noqa: BLE001  the soak goes on, the bar on failures tells
            told["failures"] += 1
            told["last"] = f"{type(error).__name__}: {error}"[:300]
        await asyncio.sleep(PAUSE_S)


class _Browser:
    """A client that counts its answers and keeps a person's pace."""

    def __init__(self, url: str, told: dict[str, Any]) -> None:
        import httpx

        self.http, self.told = httpx.AsyncClient(base_url=url, timeout=300), told

    async def __aenter__(self) -> _Browser:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def get(self, path: str) -> Any:
        return self._took(await self.http.get(path), path)

    async def post(self, path: str, **given: Any) -> Any:
        found = self._took(await self.http.post(path, **given), path)
        await asyncio.sleep(PAUSE_S)
        return found

    def _took(self, answer: Any, path: str) -> Any:
        self.told["answers"] += 1
        if answer.status_code >= 400:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:100]}")
        return answer


async def _pages(url: str, study: str, told: dict[str, Any]) -> None:
    async with _Browser(url, told) as browser:
        for lang in ("en", "zh"):
            for path in ("/", f"/lab/library?lang={lang}", "/replay", "/drill", "/health", "/static/lab.css"):
                await browser.get(path)
            for name in ("whistle-vs-referral", "bare-line", "edmonton-ems"):
                await browser.post(UPDATE, json=page_body("library", f"?scenario={name}&lang={lang}"))
                await browser.get(f"/lab-files/run/form?scenario={name}&lang={lang}")
            await browser.post(UPDATE, json=page_body("run", f"?lang={lang}"))


async def _comparison(url: str, study: str, told: dict[str, Any]) -> None:
    async with _Browser(url, told) as browser:
        for lang in ("en", "zh"):
            search = f"?study={study}&lang={lang}"
            await browser.post(UPDATE, json=page_body("compare", f"?lang={lang}"))
            await browser.post(UPDATE, json=page_body("compare", search))
            found = await browser.post(UPDATE, json=_charts(search))
            for name in sorted(set(_names(found.json())))[:4]:
                await browser.post(UPDATE, json=_plot(name, search))
            await browser.get(f"/lab-files/study/{study}/report?lang={lang}")
            await browser.get(f"/lab-files/study/{study}/comparison.csv?lang={lang}")


async def _replay(url: str, study: str, told: dict[str, Any]) -> None:
    from websockets.asyncio.client import connect

    async with _Browser(url, told) as browser:
        for arm, replication in itertools.product(ARMS, range(REPLICATIONS)):
            query = f"study={study}&arm={arm}&replication={replication}"
            about = (await browser.get(f"/replay/about?{query}")).json()
            await browser.get(f"/replay/city?{query}")
            await browser.get(f"/replay/case/1?{query}")
            async with connect(f"{url.replace('http', 'ws', 1)}/replay/stream?{query}", max_size=None) as socket:
                for first in range(0, min(60, about["windows"] - 4), 4):
                    await socket.send(json.dumps({"windows": list(range(first, first + 4))}))
                    for _ in range(4):
                        await asyncio.wait_for(socket.recv(), 60)
                        told["answers"] += 1
                    await asyncio.sleep(PAUSE_S)


async def _room(url: str, study: str, told: dict[str, Any]) -> None:
    from websockets.asyncio.client import connect

    async with _Browser(url, told) as browser:
        opened = await browser.post("/drill/open", data={"exercise": EXERCISE})
        path = opened.headers["location"].partition("?")[0]
        cookie = f"{SEAT}={opened.cookies[SEAT]}"
        address = f"{url.replace('http', 'ws', 1)}{path}/socket"
        async with connect(address, additional_headers={"Cookie": cookie}, max_size=None) as socket:
            hearing = asyncio.create_task(_hear(socket, told))
            for number, do in enumerate(("start", *(("pause", "resume") * 20), "pause")):
                await socket.send(json.dumps({"do": do, "id": number}))
                await asyncio.sleep(4 * PAUSE_S)
            hearing.cancel()
        await browser.post(f"{path}/close", headers={"Cookie": cookie})


async def _hear(socket: Any, told: dict[str, Any]) -> None:
    from websockets.exceptions import ConnectionClosed

    with suppress(ConnectionClosed):  # the room is over
        async for _ in socket:
            told["answers"] += 1


def _value(id: str, prop: str, value: Any) -> dict[str, Any]:
    return {"id": id, "property": prop, "value": value}


def place_body(page: str, search: str) -> list[dict[str, Any]]:
    return [_value("address", "pathname", f"/lab/{page}"), _value("address", "search", search)]


def page_body(page: str, search: str) -> dict[str, Any]:
    out = {"id": "page", "property": "children"}
    return {"output": "page.children", "outputs": out, "inputs": place_body(page, search), "changedPropIds": []}


def _charts(search: str) -> dict[str, Any]:
    out = {"id": "charts", "property": "children"}
    return {"output": "charts.children", "outputs": out, "inputs": [_value("charts", "id", "charts")],
            "state": place_body("compare", search), "changedPropIds": []}  # fmt: skip


def _plot(name: str, search: str) -> dict[str, Any]:
    id = {"name": name, "type": "chart-plot"}
    return {"output": '{"name":["MATCH"],"type":"chart-plot"}.children', "outputs": {"id": id, "property": "children"},
            "inputs": [{"id": id, "property": "id", "value": id}], "state": place_body("compare", search),
            "changedPropIds": []}  # fmt: skip


def _names(found: Any) -> list[str]:
    """Return the names of the charts' places in what Dash sent."""
    if isinstance(found, dict):
        id = found.get("id")
        own = [id["name"]] if isinstance(id, dict) and id.get("type") == "chart-plot" else []
        return own + [name for inner in found.values() for name in _names(inner)]
    return [name for inner in found for name in _names(inner)] if isinstance(found, list) else []
