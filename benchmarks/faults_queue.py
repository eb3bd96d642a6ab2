"""Faults under the dashboard's queue: jobs sent by HTTP to a real server, whose disk, processes and files fail.

Finished work is the runs in the job's results folder; a job that was broken off is resumed as its button does, one that
was finished is asked for again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.faults_bench import LIMITS, SCENARIO, Found, Host, grow, runs_of, small_disk
from benchmarks.faults_server import Server, read, until
from benchmarks.soak import UPDATE, place_body

FORM = {
    "scenario": "small", "baseline": "referral", "arms": ["whistle"], "replications": "8", "days": "6", "seed": "1",
    "owner": "ann",
}  # fmt: skip
FILES = {
    "flipped part": "runs/part-*.parquet", "flipped kept table": "events/*/*.parquet", "flipped plan": "plan.parquet",
    "damaged manifest": "manifest.json", "flipped journal": "journal/files.jsonl",
}  # fmt: skip
ENDED = ("finished", "interrupted", "failed")
FULL_KB, ROOM_KB = 96, 65_536


class Queue(Host):
    """The queue of a server."""

    def undisturbed(self) -> Queue:
        """Do a job for reference; returns itself."""
        with Server(self._place(self.folder / "reference")) as server:
            job = self._done(server, self._submit(server))
        if job.get("state") != "finished":
            raise RuntimeError(f"a job fails undisturbed: {job} {server.said[-800:]}")
        self.expected = self._work(self.folder / "reference")
        return self

    def faults(self) -> Mapping[str, Callable[[Path], Found]]:
        """Return the faults."""
        return {
            **{fault: partial(self._flipped, pattern) for fault, pattern in FILES.items()},
            **{fault: partial(self._limited, LIMITS[fault]) for fault in ("no handles", "no memory")},
            "flipped job file": self._flipped_job, "worker killed": self._worker_killed, "job killed": self._job_killed,
            "server killed": self._server_killed, "full disk": self._full_disk, "two processes": self._two_processes,
            "two servers": self._two_servers, "damaged cache": self._damaged_cache,
        }  # fmt: skip

    # what a user does

    def _place(self, folder: Path) -> Path:
        (folder / "scenarios").mkdir(parents=True)
        (folder / "scenarios" / "small.yaml").write_text(SCENARIO, encoding="utf-8")
        return folder

    def _earlier(self, folder: Path) -> Path:
        shutil.copytree(self.folder / "reference", folder)
        return folder

    def _submit(self, server: Server, **changes: str) -> str:
        answer = server.post("/lab-files/run/submit?lang=en", json={**FORM, **changes}).json()
        named = re.search(r"\d{8}-\d{6}-[0-9a-f]{6}", str(answer.get("said", "")))
        return named[0] if named else f"refused: {answer}"

    def _press(self, server: Server, do: str, job: str) -> None:
        """Press a job's button."""
        id = {"do": do, "id": job, "type": "job"}
        changed = f"{json.dumps(id, separators=(',', ':'))}.n_clicks"
        body = {
            "output": "jobs-done.children", "outputs": {"id": "jobs-done", "property": "children"},
            "inputs": [[{"id": id, "property": "n_clicks", "value": 1}]], "changedPropIds": [changed],
            "state": place_body("run", "?lang=en")[1:],
        }  # fmt: skip
        server.post(UPDATE, json=body).raise_for_status()

    def _file(self, server: Server, job: str) -> Path:
        return server.folder / "results" / "jobs" / f"{job}.json"

    def _done(self, server: Server, job: str) -> dict[str, Any]:
        """Wait until a job has ended; returns its file."""
        until(lambda: read(self._file(server, job)).get("state") in ENDED)
        return read(self._file(server, job))

    def _at_work(self, server: Server, job: str) -> Path:
        """Wait until a job's first run has begun; returns its folder."""
        folder = Path(read(self._file(server, job))["folder"])
        until(lambda: list((folder / "journal").glob("worker-*.jsonl")), 60)
        return folder

    @staticmethod
    def _work(folder: Path) -> Any:
        results = [made for made in (folder / "results").glob("*") if (made / "manifest.json").is_file()]
        return [row for made in sorted(results) for row in runs_of(made)]

    def _end(
        self, server: Server, job: str, done: str, before: Any, again: str, said: str = "", told: str = "",
        whole: bool = False,
    ) -> Found:  # fmt: skip
        """Resume or ask again, wait, and count; `again` is ``resume`` or ``submit``."""
        if again == "resume":
            self._press(server, "resume", job)
            until(lambda: read(self._file(server, job)).get("state") not in ENDED, 5)
        else:
            job = self._submit(server)
        last, health = self._done(server, job), server.health()
        wrong = "" if last.get("state") == "finished" else f"the job given again: {last or job}"
        wrong = wrong or ("" if health["alive"] else "the queue's thread has ended")
        found = Found(f"{done}; {again}", before, self._work(server.folder), said + server.said, told, whole, wrong)
        return found

    # files

    def _flipped(self, pattern: str, out: Path) -> Found:
        file = next(iter(sorted((self._earlier(out) / "results").glob(f"small-*/{pattern}"))))
        study = file.relative_to(out / "results").parts[0]
        done, before = self.flip(file), self._work(out)
        with Server(out) as server:
            page = server.page("compare", f"&study={study}")
            found = self._end(server, "", f"{done}; page, then the same job", before, "submit")
            after = server.page("compare", f"&study={study}") + server.page("run")
            told = _sentence(page, "damaged") or _sentence(after, "did not hold what was written")
            aside = _sentence(after, "did not hold what was written")
        found.told = told
        if not found.wrong and not aside:
            found.wrong = "no page tells what was set aside"
        return found

    def _flipped_job(self, out: Path) -> Found:
        file = next(iter((self._earlier(out) / "results" / "jobs").glob("*-??????.json")))
        done, before = self.flip(file), self._work(out)
        with Server(out) as server:
            page, health = server.page("run"), server.health()
            found = self._end(server, "", f"{done}; server started", before, "submit", told=health["last_fault"])
        found.wrong = found.wrong or (
            "" if "finished" in page and "small" in page.lower() else "the job is off the list"
        )
        return found

    # limits

    def _limited(self, limit: str, out: Path) -> Found:
        told = ""
        with Server(self._earlier(out), limit) as server:
            if server.url:  # it lives with so little: then a new job must, or say why not
                job = self._submit(server, seed="2")
                last = self._done(server, job) if not job.startswith("refused") else {"error": job}
                told = str(last.get("error", ""))
        with Server(out) as again:
            done = f"server under {limit}, then without it"
            found = self._end(again, "", done, self._work(out), "submit", server.said, told)
        found.whole = bool(server.url) and not told
        return found

    # kills

    def _worker_killed(self, out: Path) -> Found:
        with Server(self._place(out)) as server:
            job, killed = self._submit(server, replications="12"), 0
            folder = self._at_work(server, job)
            while killed < 2 and read(self._file(server, job)).get("state") not in ENDED:
                for file in sorted((folder / "journal").glob("worker-*.jsonl")):
                    pid = int(file.stem.removeprefix("worker-"))
                    if Path(f"/proc/{pid}").exists() and killed < 2:
                        os.kill(pid, signal.SIGKILL)
                        killed += 1
                time.sleep(0.05)
            self._done(server, job)
            found = self._end(server, job, f"{killed} workers killed", self._work(out), "submit", whole=True)
        found.wrong = found.wrong or ("" if killed else "no worker was killed")
        return found

    def _job_killed(self, out: Path) -> Found:
        from scenarios.held import held_by

        with Server(self._place(out)) as server:
            job = self._submit(server)
            folder = self._at_work(server, job)
            pid = held_by(folder)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            state = self._done(server, job).get("state")
            before, page = self._work(out), server.page("run")
            told = _sentence(page, "ended by signal 9")
            found = self._end(server, job, "kill -9 of the job's process", before, "resume", told=told)
        found.wrong = found.wrong or ("" if state == "interrupted" else f"the killed job was {state}")
        return found

    def _server_killed(self, out: Path) -> Found:
        with Server(self._place(out)) as server:
            job = self._submit(server)
            self._at_work(server, job)
            server.kill()
        with Server(out) as again:
            state = self._done(again, job).get("state")
            before, told = self._work(out), _sentence(again.page("run"), str(state))
            resume = "resume" if state == "interrupted" else "submit"
            return self._end(again, job, "kill -9 of the server; started again", before, resume, told=told)

    # disk, others

    def _full_disk(self, out: Path) -> Found:
        """Fill the disk under the results, see the queue live and tell, make room, resume."""
        place = self._place(self.folder / "small-place")
        with small_disk(place / "results", FULL_KB), Server(place) as server:
            job = self._submit(server)
            until(lambda: "failed" in server.page("run") or "interrupted" in server.page("run"), 120)
            page, health = server.page("run"), server.health()
            told = _sentence(page, "disk is full") or _sentence(page, "No space left")
            before = self._work(place)
            grow(place / "results", ROOM_KB)
            until(lambda: read(self._file(server, job)).get("state") in ENDED, 30)
            found = self._end(server, job, f"results on a disk of {FULL_KB} kB; made larger", before, "resume")
            shutil.copytree(place / "results", out)
        found.told = told
        if not found.wrong and not (health["alive"] and (health["faults"] or health["unwritten"])):
            found.wrong = f"/health does not tell: {health}"
        return found

    def _two_processes(self, out: Path) -> Found:
        with Server(self._place(out)) as server:
            job = self._submit(server, replications="2000")  # at work until it is cancelled
            folder = self._at_work(server, job)
            words = ("compare", str(out / "scenarios" / "small.yaml"), "-n", "8", "--days", "6", "--seed", "1")
            other = self.gridwhistle(*words, "--no-report", "--json", "--out", str(folder))
            self._press(server, "cancel", job)
            self._done(server, job)
            done = "the command line in the folder of a running job"
            return self._end(server, job, done, self._work(out), "submit", other.stderr)

    def _two_servers(self, out: Path) -> Found:
        with Server(self._place(out)) as server:
            job = self._submit(server)
            with Server(out) as second:
                pass
            self._done(server, job)
            found = self._end(server, job, "a second server on the same folder", self._work(out), "submit")
        found.wrong = found.wrong or ("" if second.process.returncode == 2 else "the second server was not refused")
        return found

    def _damaged_cache(self, out: Path) -> Found:
        around, done = self.damaged_cache()
        with Server(self._place(out), **around) as server:
            self._done(server, self._submit(server))
            return self._end(server, "", done, self._work(out), "submit", whole=True)


def _sentence(page: str, mark: str) -> str:
    """Return what stands around a mark in the words of a page; empty when it is not there."""
    at = page.find(mark)
    return "" if at < 0 else page[max(0, at - 120) : at + 160].strip()
