"""The dashboard's queue: several users, a bounded number of jobs at once, cancelling, and servers that start again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scenario_texts import write

from dashboards.job_request import JobRequest
from dashboards.jobs import Jobs, NotAllowed
from scenarios.study import Study
from sim.errors import InputError


@pytest.fixture
def place(tmp_path):
    (tmp_path / "scenarios").mkdir()
    write(tmp_path / "scenarios")
    return tmp_path


@pytest.fixture
def opened(place):
    made = []

    def make(concurrent: int = 1) -> Jobs:
        made.append(Jobs(place / "results", concurrent, place / "scenarios"))
        return made[-1]

    yield make
    for jobs in made:
        jobs.close(5)


def request(**given) -> JobRequest:
    return JobRequest.of({"scenario": "queue.yaml", "replications": 3, "workers": 1, **given})


def long(**given) -> JobRequest:
    """Return a request that takes minutes unless it is stopped."""
    return request(replications=3_000, keep_cases=0, days=40, **given)


def wait_for(what, seconds: float = 60.0):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.05)
    return found


def ended(jobs: Jobs, id: str):
    job = jobs.get(id)
    return job if job.state in ("finished", "failed", "interrupted") else None


def at_work(jobs: Jobs, id: str):
    job = jobs.get(id)
    assert job.state in ("queued", "running"), job.error
    return job if job.progress.done >= 3 else None


def test_a_job_is_done_and_found_again_by_the_next_server(opened):
    jobs = opened()
    job = jobs.submit(request(), "ana")
    assert job.state in ("queued", "running") and job.owner == "ana"
    done = wait_for(lambda: ended(jobs, job.id))
    assert (done.state, done.error, done.progress.done, done.progress.planned) == ("finished", "", 6, 6)
    assert done.begun_s <= done.ended_s and (done.folder / "report.html").is_file()
    assert len(Study.open(done.folder).runs()) == 6
    assert [event.state for event in jobs.events()] == ["queued", "running", "finished"]
    assert jobs.events(since=3) == []
    jobs.close()
    again = opened()
    found = again.get(job.id)
    assert (found.state, found.owner, found.request, found.folder) == ("finished", "ana", job.request, done.folder)
    assert found.progress.done == 6
    assert again.forget(job.id, "ana") and again.get(job.id) is None
    assert (done.folder / "report.html").is_file()


def test_cancel_a_waiting_job_and_drain_a_running_one_then_resume(opened):
    jobs = opened()
    first, second = jobs.submit(long(), "ana"), jobs.submit(request(seed=9), "bo")
    wait_for(lambda: at_work(jobs, first.id))
    assert jobs.get(second.id).state == "queued" and jobs.get(second.id).position == 1
    with pytest.raises(NotAllowed):
        jobs.cancel(second.id, "ana")
    assert jobs.cancel(second.id, "bo") and jobs.get(second.id) is None
    with pytest.raises(NotAllowed):
        jobs.cancel(first.id, "bo")
    assert jobs.cancel(first.id, "trainer", anybodys=True)
    stopped = wait_for(lambda: ended(jobs, first.id))
    assert stopped.state == "interrupted" and 3 <= stopped.progress.done < 6_000
    assert len(Study.open(stopped.folder).store.done()) == stopped.progress.done  # nothing finished is lost
    assert jobs.resume(first.id, "ana")
    went_on = wait_for(lambda: at_work(jobs, first.id))
    assert went_on.progress.done >= stopped.progress.done
    jobs.cancel(first.id, "ana")
    assert wait_for(lambda: ended(jobs, first.id)).state == "interrupted"


@pytest.mark.slow
def test_jobs_wait_for_their_turn_and_equal_experiments_for_each_other(opened):
    jobs = opened(concurrent=2)
    one, two = jobs.submit(long(), "ana"), jobs.submit(long(), "bo")
    other = jobs.submit(long(seed=11), "cem")
    assert one.folder == two.folder != other.folder
    wait_for(lambda: at_work(jobs, one.id) and at_work(jobs, other.id))
    assert jobs.get(two.id).state == "queued"
    assert [job.id for job in jobs.list("bo")] == [two.id] and len(jobs.list()) == 3
    jobs.cancel(two.id, "bo")


SERVER = """
import sys, time
from dashboards.jobs import Jobs
from dashboards.job_request import JobRequest

if __name__ == "__main__":
    jobs = Jobs(sys.argv[1], 1, sys.argv[2])
    asked = JobRequest.of({"scenario": "queue.yaml", "replications": 3_000, "keep_cases": 0, "days": 40, "workers": 2})
    jobs.submit(asked, "ana")
    jobs.submit(JobRequest.of({"scenario": "queue.yaml", "replications": 2, "seed": 5, "workers": 1}), "bo")
    time.sleep(3600)
"""


@pytest.mark.slow
def test_a_killed_server_takes_its_children_along_and_the_next_one_finds_everything(place, opened):
    (place / "server.py").write_text(SERVER)
    root = Path(__file__).parent.parent
    env = {**os.environ, "PYTHONPATH": str(root)}
    given = [sys.executable, str(place / "server.py"), str(place / "results"), str(place / "scenarios")]
    process = subprocess.Popen(given, env=env, cwd=root)
    journal = place / "results"
    workers = wait_for(lambda: [f.stem for f in journal.glob("small-queue-*/journal/worker-*.jsonl")])
    wait_for(lambda: sum(f.read_text().count('"ok"') for f in journal.glob("small-queue-*/journal/worker-*")) > 5)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    jobs = opened()
    [first] = jobs.list("ana")
    [second] = jobs.list("bo")
    assert second.state in ("queued", "running")
    stopped = wait_for(lambda: ended(jobs, first.id))
    assert stopped.state == "interrupted" and stopped.progress.done > 5
    assert wait_for(lambda: ended(jobs, second.id)).state == "finished"
    wait_for(lambda: not any(_alive(int(name.removeprefix("worker-"))) for name in workers), 20)
    assert jobs.resume(first.id, "ana")
    assert wait_for(lambda: at_work(jobs, first.id)).progress.done >= stopped.progress.done
    jobs.cancel(first.id, "ana")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"scenario": "nowhere"}, "unknown scenario"),
        ({"scenario": "../secret.yaml"}, "unknown scenario"),
        ({"scenario": "queue.yaml", "policies": ["three"]}, "unknown policy"),
        ({"scenario": "queue.yaml", "replications": 0}, "impossible number"),
        ({"scenario": "queue.yaml", "replications": 10**9}, "impossible number"),
        ({"scenario": "queue.yaml", "replications": 2.5}, "whole number"),
        ({"scenario": "queue.yaml", "days": -1}, "impossible number"),
        ({"scenario": "queue.yaml", "wall_s": "long"}, "this is a number"),
        ({"scenario": "queue.yaml", "lang": "fr"}, "unknown language"),
        ({"scenario": "queue.yaml", "rm": "-rf"}, "unknown field"),
        ({"scenario": "code.yaml"}, "rules of one's own"),
        ({}, "missing"),
    ],
)
def test_mistakes_are_refused_before_anything_is_queued(place, opened, given, said):
    text = (place / "scenarios" / "queue.yaml").read_text()
    text = text.replace("policies:", "rules: {dispatch: 'os:system'}\npolicies:", 1)
    (place / "scenarios" / "code.yaml").write_text(text)
    jobs = opened()
    with pytest.raises(InputError, match=said):
        jobs.submit(JobRequest.of(given), "ana")
    assert jobs.list() == [] and list((place / "results" / "jobs").glob("*.json")) == []


def test_the_queue_is_bounded_and_owners_have_names(opened, monkeypatch):
    jobs = opened()
    monkeypatch.setattr("dashboards.jobs.WAITING_EACH", 2)
    blocking = jobs.submit(long(), "ana")
    wait_for(lambda: jobs.get(blocking.id).state == "running")
    for seed in (1, 2):
        jobs.submit(request(seed=seed), "ana")
    with pytest.raises(InputError, match="too many jobs"):
        jobs.submit(request(seed=3), "ana")
    assert jobs.submit(request(seed=3), "bo").state == "queued"
    for name in ("", "a\nb", "x" * 61):
        with pytest.raises(InputError, match="a name cannot be used"):
            jobs.submit(request(), name)


def test_one_server_for_a_folder(opened):
    jobs = opened()
    with pytest.raises(InputError, match="another server"):
        opened()
    jobs.close()
    assert opened().list() == []


def test_damaged_job_files_are_left_out(place, opened):
    folder = place / "results" / "jobs"
    folder.mkdir(parents=True)
    (folder / "20260101-000000-abcdef.json").write_text('{"id": "20260101-0000')
    (folder / "20260101-000000-abcde0.json").write_text(json.dumps({"id": "x", "request": {}}))
    assert opened().list() == []


def test_the_command_line_that_does_the_same():
    asked = JobRequest.of({"scenario": "whistle-vs-referral", "policies": ["referral", "whistle"], "replications": 8})
    said = "gridwhistle compare whistle-vs-referral --policy referral --policy whistle --replications 8"
    assert asked.command() == said
    assert JobRequest.of(asked.data()) == asked
