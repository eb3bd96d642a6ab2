"""Damaged folders under the pages: each is told on its own row, all else works; and a machine that has run out."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil

import httpx
import pytest
from test_server_malformed import GOOD, mutated

from dashboards.lab.update import UPDATE
from dashboards.server.threads import MOST_OF_ONE, Busy, slow

STRANGE = (
    "[" * 200_000, "[1]", "", '{"schema": 1}', '{"schema": 1, "policies": 7, "scenario_text": "x"}', "9" * 9000,
    '{"schema": 1, "policies": ["a"], "scenario_text": {"title": [1], "policies": [2]}, "seed": {}}',
)  # fmt: skip
PAGES = ("/", "/health", "/lab/library?lang=en", "/lab/compare?lang=en", "/lab/run?lang=en", "/replay", "/drill")


@pytest.fixture(scope="module")
def damaged(server):
    """Results folders that are damaged in many ways, beside a whole one."""
    results, names = server.settings.results, []
    for n, text in enumerate(STRANGE):
        (results / f"strange-{n}").mkdir()
        (results / f"strange-{n}" / "manifest.json").write_text(text, encoding="utf-8")
        names.append(f"strange-{n}")
    whole, drawn = json.loads((server.folder / "manifest.json").read_text("utf-8")), random.Random(18)
    for n in range(12):
        name = f"mutated-{n}"
        shutil.copytree(server.folder, results / name)
        if n % 2:  # of an older version, which kept no hashes
            (results / name / "journal" / "files.jsonl").unlink(missing_ok=True)
        changed = {**mutated(whole, drawn), "schema": 1} if n else whole | {"policies": None}
        (results / name / "manifest.json").write_text(json.dumps(changed), encoding="utf-8")
        names.append(name)
    (results / "a-folder" / "manifest.json").mkdir(parents=True)
    (results / "a-link").mkdir()
    (results / "a-link" / "manifest.json").symlink_to(results / "nowhere")
    (server.settings.scenarios / "a-link.yaml").symlink_to(results / "nowhere")
    (server.settings.scenarios / "a-folder.yaml").mkdir()
    return [*names, "a-folder", "a-link"]


def shown(server, pathname, search):
    inputs = [{**GOOD["inputs"][0], "value": pathname}, {**GOOD["inputs"][1], "value": search}]
    found = httpx.post(f"{server.url}/lab/{UPDATE}", json={**GOOD, "inputs": inputs}, timeout=120)
    assert found.status_code == 200, found.text
    return found.text


def test_damaged_results_spoil_their_own_row_alone(server, damaged, caplog):
    for page in PAGES:
        found = httpx.get(f"{server.url}{page}", timeout=60)
        assert found.status_code in (200, 307), (page, found.text[:200])
    for page in ("library", "compare", "run"):
        for lang in ("en", "zh"):
            text = shown(server, f"/lab/{page}", f"?lang={lang}")
            assert "fault of the program" not in text, page
    listed = shown(server, "/lab/compare", "?lang=en")
    assert server.study in listed and "cannot be read" in listed
    for name in damaged:
        text = shown(server, "/lab/compare", f"?study={name}&lang=en")
        assert "fault of the program" not in text, name
        for rest in ("report", "comparison.csv", "chart/differences/csv", "parameters/assumptions"):
            found = httpx.get(f"{server.url}/lab-files/study/{name}/{rest}", timeout=120)
            assert found.status_code in (200, 400, 404), (name, rest, found.text[:300])
        found = httpx.get(f"{server.url}/replay/about", params={"study": name}, timeout=120)
        assert found.status_code in (200, 400), (name, found.text[:300])
    assert not [r for r in caplog.records if r.exc_info]


def test_a_scenario_that_cannot_be_opened_is_told_where_it_is_listed(server, damaged):
    text = shown(server, "/lab/library", "?lang=en")
    assert "a-link" in text and "small-district" in text
    assert "cannot be read" in shown(server, "/lab/library", "?scenario=a-link&lang=en")
    for name in ("a-link", "a-folder"):
        assert httpx.get(f"{server.url}/lab-files/scenario/{name}.yaml").status_code in (400, 404)


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "results")


def test_a_full_disk_is_told_and_nothing_is_half_written(server, monkeypatch):
    upload = {"scenario": ("mine.yaml", (server.settings.scenarios / "small-district.yaml").read_bytes())}
    monkeypatch.setattr("dashboards.lab.uploads.write_atomically", full)
    found = httpx.post(f"{server.url}/lab-files/upload?lang=en", files=upload, data={"replace": "yes"}, timeout=60)
    assert found.status_code == 400 and "cannot be kept" in found.text
    assert not [p.name for p in server.settings.scenarios.iterdir() if p.name.startswith(".")]
    monkeypatch.setattr("dashboards.lab.context.Study.open", full)
    for lang, words in (("en", "run out of disk space"), ("zh", "用尽")):
        found = httpx.get(f"{server.url}/lab-files/study/{server.study}/report?lang={lang}", timeout=60)
        assert found.status_code == 507 and words in found.json()["error"]


def test_each_visitor_waits_for_a_bounded_number_of_slow_answers():
    import asyncio
    import threading

    from dashboards.server.threads import WINDOWS

    go = threading.Event()

    async def ask():
        many = [asyncio.create_task(slow("greedy", WINDOWS, go.wait, 30)) for _ in range(MOST_OF_ONE)]
        await asyncio.sleep(0.1)
        with pytest.raises(Busy):
            await slow("greedy", WINDOWS, go.wait, 30)
        other = asyncio.create_task(slow("another", WINDOWS, go.wait, 30))
        await asyncio.sleep(0)
        go.set()
        return await asyncio.gather(*many, other)

    assert all(asyncio.run(ask())) and asyncio.run(slow("greedy", WINDOWS, lambda: 7)) == 7
