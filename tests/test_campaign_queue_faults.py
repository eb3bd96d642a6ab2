"""Faults around the queue: damaged results, a folder that takes nothing, files that are not ours; the thread lives."""

from __future__ import annotations

import json
import time

import pytest
from scenario_texts import write

from dashboards.job_files import end_of
from dashboards.job_request import JobRequest
from dashboards.jobs import Jobs
from dashboards.server.app import create_app
from dashboards.server.settings import settings
from sim.errors import InputError


@pytest.fixture
def place(tmp_path):
    (tmp_path / "scenarios").mkdir()
    write(tmp_path / "scenarios")
    return tmp_path


@pytest.fixture
def jobs(place):
    made = Jobs(place / "results", 1, place / "scenarios")
    yield made
    made.close(5)


def request(**given) -> JobRequest:
    return JobRequest.of({"scenario": "queue.yaml", "replications": 3_000, "workers": 1, "keep_cases": 0, **given})


def wait_for(what, seconds: float = 120.0):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.05)
    return found


def folder_of(place, asked: JobRequest):
    return asked.experiment(place / "scenarios").default_folder((place / "results").resolve())


@pytest.mark.parametrize("text", ["{", "[1]", "", '{"schema": 99}', "\x00\x01"])
def test_a_damaged_manifest_ends_its_job_and_the_next_one_starts(place, jobs, text):
    damaged = folder_of(place, request())
    damaged.mkdir(parents=True)
    (damaged / "manifest.json").write_text(text, encoding="utf-8")
    first, second = jobs.submit(request(), "ana"), jobs.submit(request(seed=9), "bo")
    wait_for(lambda: jobs.get(first.id).state == "failed")
    assert "manifest" in jobs.get(first.id).error
    wait_for(lambda: jobs.get(second.id).state == "running")
    assert jobs.health()["alive"] and jobs.health()["faults"] == 1 and first.id in jobs.health()["last_fault"]
    assert jobs.resume(first.id, "ana")
    wait_for(lambda: jobs.cancel(second.id, "bo") is False or jobs.get(second.id).state == "interrupted")
    wait_for(lambda: jobs.get(first.id).state == "failed")
    assert jobs.health()["alive"]


def test_a_folder_that_takes_nothing_refuses_new_jobs_and_loses_no_old_one(place, jobs):
    kept, away = place / "results" / "jobs", place / "results" / "away"
    kept.rename(away)
    with pytest.raises(InputError, match="cannot be written"):
        jobs.submit(request(), "ana")
    assert jobs.list() == []
    away.rename(kept)
    job = jobs.submit(request(), "ana")
    wait_for(lambda: jobs.get(job.id).progress.done >= 3)
    kept.rename(away)
    assert jobs.cancel(job.id, "ana")
    wait_for(lambda: jobs.get(job.id).state == "failed")
    assert "could not be written" in jobs.get(job.id).error and jobs.health()["unwritten"] == 1
    away.rename(kept)
    wait_for(lambda: jobs.health()["unwritten"] == 0)
    assert json.loads((kept / f"{job.id}.json").read_text())["state"] == "failed" and jobs.health()["alive"]
    assert jobs.resume(job.id, "ana")


def test_files_that_are_not_ours_do_not_keep_a_server_from_starting(place):
    folder = place / "results" / "jobs"
    folder.mkdir(parents=True)
    good = {"owner": "ana", "request": request().data(), "folder": str(place / "results" / "x"), "state": "finished",
            "error": "", "submitted_s": 1.0, "begun_s": 1.0, "ended_s": 1.0}  # fmt: skip
    wrong = [{"state": "flying"}, {"submitted_s": "now"}, {"folder": "a\x00b"}, {"folder": 7}, {"owner": 1},
             {"request": []}, {"request": None}, {"id": "20260101-000000-ffffff"}, {"error": None}]  # fmt: skip
    for number, change in enumerate([{}, *wrong]):
        id = f"20260101-000000-{number:06x}"
        (folder / f"{id}.json").write_text(json.dumps({"id": id, **good, **change}), encoding="utf-8")
    (folder / "20260101-000000-aaaaaa.json").write_text("[" * 100_000, encoding="utf-8")
    jobs = Jobs(place / "results", 1, place / "scenarios")
    try:
        assert [job.id for job in jobs.list()] == ["20260101-000000-000000"]
    finally:
        jobs.close(1)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"exit_code": "0"}', '{"exit_code": null, "ended_s": "x"}', '{"ended_s": []}']
)
def test_a_damaged_end_is_filled_in_by_the_exit_code(tmp_path, text):
    (tmp_path / "end.json").write_text(text, encoding="utf-8")
    assert end_of(tmp_path / "end.json", -9).code == -9 and not end_of(tmp_path / "end.json", 1).there


@pytest.mark.parametrize("damage", ["{", "journal"])
def test_one_damaged_listed_job_spoils_its_row_alone(place, damage):
    from starlette.testclient import TestClient

    broken = place / "results" / "broken"
    (broken / "journal").mkdir(parents=True)
    (broken / "manifest.json").write_text("{" if damage == "{" else '{"schema": 1}', encoding="utf-8")
    (broken / "journal" / "campaign.jsonl").write_text('{"event": "running", "planned": 3, "time": "x"}\n[1]\n')
    id = "20260101-000000-00000a"
    data = {"id": id, "owner": "ana", "request": request().data(), "folder": str(broken), "state": "finished",
            "error": "", "submitted_s": 1.0, "begun_s": 1.0, "ended_s": 1.0}  # fmt: skip
    (place / "results" / "jobs").mkdir()
    (place / "results" / "jobs" / f"{id}.json").write_text(json.dumps(data), encoding="utf-8")
    app = create_app(settings(results=place / "results", scenarios=place / "scenarios"))
    body = {"output": "page.children", "outputs": {"id": "page", "property": "children"}, "changedPropIds": [],
            "inputs": [{"id": "address", "property": "pathname", "value": "/lab/run"},
                       {"id": "address", "property": "search", "value": "?lang=en"}]}  # fmt: skip
    with TestClient(app, base_url="http://127.0.0.1:8321") as client:
        assert client.get("/").status_code == 200 and client.get("/health").json()["status"] == "ok"
        page = client.post("/lab/_dash-update-component", json=body)
        assert page.status_code == 200 and "cannot be read" in page.text
