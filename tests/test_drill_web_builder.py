"""The process that builds a room: compiling comes before the bound of time and is told, what takes too long ends."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys

import pytest

from dashboards.drill import building
from dashboards.drill.building import Builder, never
from sim.errors import InputError

READS = "import sys, time; say = sys.stdout.buffer.write; flush = sys.stdout.buffer.flush\n"
ASKED = "request = sys.stdin.buffer.read()\n"
ANSWERS = f"say({pickle.dumps(('ground', 'world'))!r}); flush()\n"


def started(lines: str):
    code = READS + lines
    return lambda: subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.fixture
def bounds(monkeypatch):
    monkeypatch.setattr(building, "TIME_S", 1.0)
    monkeypatch.setattr(building, "COMPILE_S", 3.0)
    monkeypatch.setattr(building, "LOOK_S", 0.05)
    monkeypatch.setattr(building, "is_compiled", lambda: False)
    return monkeypatch


def test_compiling_is_told_and_takes_none_of_the_time_to_build(bounds):
    bounds.setattr(building, "_started", started("time.sleep(1.6); say(b'+'); flush()\n" + ASKED + ANSWERS))

    async def build():
        builder = Builder()
        made = asyncio.create_task(builder.exercise("any", never))
        await asyncio.sleep(0.5)
        first = builder.is_compiling()
        return first, await made, builder.is_compiling()

    first, made, last = asyncio.run(build())
    assert (made.ground, made.world) == ("ground", "world") and first and not last


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("say(b'+'); flush()\n" + ASKED + "time.sleep(60)\n", "needs more than a room may use"),
        ("time.sleep(60)\n", "could not be compiled"),
        ("sys.exit(1)\n", "could not be compiled"),
        ("say(b'+'); flush()\n" + ASKED + "sys.exit(1)\n", "needs more than a room may use"),
    ],
)
def test_what_takes_too_long_or_fails_ends_in_a_sentence(bounds, lines, words):
    bounds.setattr(building, "_started", started(lines))
    with pytest.raises(InputError, match=words):
        asyncio.run(Builder().exercise("any", never))


def test_the_lobby_says_that_the_first_room_waits_for_the_compiler(bounds, tmp_path):
    from starlette.testclient import TestClient

    from dashboards.drill import routes
    from dashboards.server.app import create_app
    from dashboards.server.settings import settings

    bounds.setattr(routes, "is_compiled", lambda: False)
    bounds.setattr(building, "_started", started("say(b'+'); flush()\n" + ASKED))
    app = create_app(settings(port=0, results=tmp_path / "results", scenarios=tmp_path / "own"))
    client = TestClient(app, base_url="http://127.0.0.1:8321")
    try:
        assert "compiled once" in client.get("/drill?lang=en").text and "编译一次" in client.get("/drill?lang=zh").text
        assert client.get("/drill/preparing?lang=en").json()["now"] == "preparing"
        bounds.setattr(Builder, "is_compiling", lambda self: True)
        told = client.get("/drill/preparing?lang=zh").json()
        assert told["now"] == "compiling" and "编译" in told["words"]
        bounds.setattr(routes, "is_compiled", lambda: True)
        assert "data-uncompiled" not in client.get("/drill?lang=en").text
    finally:
        app.state.gridwhistle.jobs.close()
