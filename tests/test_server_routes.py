"""Every route and socket of the server, as its routers tell them, under malformed requests: never 500, no traceback."""

from __future__ import annotations

import logging

import httpx
import pytest
from drill_seats import COOKIE, open_room

from benchmarks.malformations import Address, Sender, addresses, filled
from benchmarks.malformed import TOLD, answered
from dashboards.server.app import create_app
from dashboards.server.settings import settings

EVERY = 13
"""One request in so many is sent here; `python -m benchmarks malformed` sends all, and measures."""


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    root = tmp_path_factory.mktemp("routes")
    app = create_app(settings(port=0, results=root / "results", scenarios=root / "own"))
    app.state.gridwhistle.jobs.close()
    return addresses(app)


@pytest.fixture(scope="module")
def sender(server):
    control = open_room(server.url)
    values = {"study": server.study, "name": "small-district", "group": "assumed", "chart": "differences",
              "code": control.code, "role": "controller", "lang": "en"}  # fmt: skip
    return Sender(server.url.removeprefix("http://"), values, f"{COOKIE}={control.key}")


def test_the_addresses_are_those_of_the_router(known):
    assert {"/login", "/drill/{code}/join", "/lab/_dash-update-component", "/replay/about"} <= {a.path for a in known}
    assert {a.path for a in known if a.method == "SOCKET"} == {"/drill/{code}/{role}/socket", "/replay/stream"}
    assert Address("POST", "/drill/open", (), ("exercise", "file")) in known, "with the fields that each takes"
    assert len(known) > 40


@pytest.mark.slow
def test_no_route_and_no_socket_answers_a_fault_to_malformed_input(known, sender, caplog):
    watched = [logging.getLogger(name) for name in ("uvicorn.error", "gridwhistle", "asyncio")]
    for one in watched:
        one.addHandler(caplog.handler)
    try:
        wrong, sent, number = [], dict.fromkeys(known, 0), 0
        for to in known:
            for attack in sender.attacks(to):
                number += 1
                if number % EVERY or to.path.endswith("/close"):  # the room stays; closing it is in the benchmark
                    continue
                status = answered(sender.host, attack)
                sent[to] += 1
                if status == 0 or (status >= 500 and status not in TOLD):
                    wrong.append((status, to.method, to.path, attack.name))
    finally:
        for one in watched:
            one.removeHandler(caplog.handler)
    assert not wrong
    assert all(n >= 2 for to, n in sent.items() if not to.path.endswith("/close"))
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR or r.exc_info] == []


def test_what_is_right_is_still_answered(known, sender):
    """The values that malformed requests are made of are there, so that they reach what lies behind the checks."""
    headers = {"Cookie": sender.cookie}
    for to in known:
        if to.method == "GET" and "{" in to.path and set(filled(to.path, sender.values).split("/")).isdisjoint({"x"}):
            query = {name: sender.values[name] for name in to.query if name in sender.values}
            url = f"http://{sender.host}{filled(to.path, sender.values)}"
            found = httpx.get(url, params=query, headers=headers, timeout=120, follow_redirects=True)
            assert found.status_code in (200, 404), (to, found.text[:200])
            assert found.status_code == 200 or "{name" in to.path, to  # a name is of a scenario or of a file
