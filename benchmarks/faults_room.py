"""Faults under a drill room: led over sockets on a real server, broken off, and taken up from its recording.

Finished work is the lines of the recording, as in `benchmarks.faults_drill`. In the end each recording is played again
at the command line, which proves it whole.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.faults_bench import LIMITS, Found, Host, Work, grow, small_disk
from benchmarks.faults_drill import EXERCISE, RECORDING, lines_of
from benchmarks.faults_server import Server, until
from benchmarks.soak import SEAT

NOTES, DISK_KB, ROOM_KB = 5, 32, 65_536


class Seat:
    """A controller's seat: its page, its socket."""

    def __init__(self, server: Server, answer: Any) -> None:
        from websockets.sync.client import connect

        self.server, self.status, self.text = server, answer.status_code, answer.text
        self.number, self.path = 0, ""
        if self.status != 303:
            return
        self.path = answer.headers["location"].partition("?")[0]
        self.headers = {"Cookie": f"{SEAT}={answer.cookies[SEAT]}"}
        where = f"{server.url.replace('http', 'ws', 1)}{self.path}/socket"
        self.socket = connect(
            where, additional_headers=self.headers, open_timeout=60, max_size=None, ping_interval=None
        )
        self.replies: dict[int, str] = {}
        threading.Thread(target=self._hear, daemon=True).start()  # who takes nothing is cut off

    def _hear(self) -> None:
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed):  # the room is over, or the server was killed
            for text in self.socket:
                message = json.loads(text)
                if message["type"] == "reply":
                    self.replies[message["id"]] = str(message.get("error", {"en": ""})["en"])

    def page(self) -> str:
        """Return the page's alerts in words."""
        import httpx

        text = httpx.get(f"{self.server.url}{self.path}", headers=self.headers, timeout=60).text
        return html.unescape(" ".join(re.findall(r'<p class="problem" role="alert">([^<]*)</p>', text)))

    def ask(self, do: str, **fields: Any) -> str:
        """Do something; returns the refusal, empty when it was done.

        Raises
        ------
        TimeoutError
            There is no reply.
        """
        self.number += 1
        self.socket.send(json.dumps({"do": do, "id": self.number, **fields}))
        if not until(lambda: self.number in self.replies):
            raise TimeoutError(f"no reply to {do}")
        return self.replies[self.number]

    def close(self) -> None:
        """Leave the socket and close the room."""
        self.socket.close()
        self.server.post(f"{self.path}/close", headers=self.headers)


class Room(Host):
    """A room of a server."""

    def undisturbed(self) -> Room:
        """Lead a room for reference, broken off after some notes; returns itself."""
        with Server(self._place(self.folder / "reference")) as server:
            self._led(server)
        if len(lines_of(self._file(self.folder / "reference"))) < NOTES:
            raise RuntimeError(f"a room fails undisturbed: {server.said[-800:]}")
        return self

    def faults(self) -> Mapping[str, Callable[[Path], Found]]:
        """Return the faults."""
        return {
            "flipped recording": self._flipped, "half line": self._half, "server killed": self._server_killed,
            "builder killed": self._builder_killed, "full disk": self._full_disk,
            **{fault: partial(self._limited, limit) for fault, limit in LIMITS.items()},
            "two processes": self._two_processes, "damaged cache": self._damaged_cache,
        }  # fmt: skip

    def _place(self, folder: Path) -> Path:
        (folder / "scenarios").mkdir(parents=True)
        return folder

    def _earlier(self, folder: Path) -> Path:
        shutil.copytree(self.folder / "reference", folder)
        return folder

    @staticmethod
    def _file(folder: Path) -> Path:
        found = sorted(folder.glob(f"results/drills/*/{RECORDING}"))
        return found[0] if found else folder / "none"

    def _open(self, server: Server) -> Seat:
        return Seat(server, server.post("/drill/open", data={"exercise": EXERCISE}))

    def _led(self, server: Server) -> Seat:
        """Open a room, start the exercise, write notes."""
        seat = self._open(server)
        seat.ask("start")
        for k in range(NOTES):
            seat.ask("note", text=f"note {k}")
        return seat

    def _taken_up(self, server: Server, done: str, before: Work, said: str = "", whole: bool = False) -> Found:
        """Take the drill up, lead it on, end it, and play its recording again."""
        file = self._file(server.folder)
        seat = Seat(server, server.post("/drill/take-up", data={"recording": file.parent.name}))
        if not seat.path:
            return Found(done, before, lines_of(file), said + server.said, wrong=f"not taken up: {seat.text[:300]}")
        told = seat.page()
        refused = [seat.ask("resume"), seat.ask("note", text="taken up"), seat.ask("stop", reason="enough")]
        seat.close()
        last = self.gridwhistle("drill", "--replay", str(file), "--no-aar", "--json")
        wrong = next(filter(None, refused), "")
        wrong = wrong or ("" if last.returncode == 0 else f"it cannot be played again: {last.stderr[-300:]}")
        after = lines_of(file)
        return Found(f"{done}; taken up", before, after, said + server.said + last.stderr, told, whole, wrong)

    # the recording

    def _flipped(self, out: Path) -> Found:
        file = self._file(self._earlier(out))
        before, done = lines_of(file), self.flip(file)
        with Server(out) as server:
            return self._taken_up(server, done, before)

    def _half(self, out: Path) -> Found:
        file = self._file(self._earlier(out))
        before = lines_of(file)
        with file.open("ab") as stream:
            stream.write(b'{"actor":"system","data":{"pro')
        with Server(out) as server:
            return self._taken_up(server, "half a line at the end", before)

    # processes

    def _server_killed(self, out: Path) -> Found:
        with Server(self._place(out)) as server:
            self._led(server)
            server.kill()
        with Server(out) as again:
            return self._taken_up(again, "kill -9 of the server; started again", lines_of(self._file(out)), whole=True)

    def _builder_killed(self, out: Path) -> Found:
        """Kill the process that builds a room; the server lives, the next room opens."""
        from concurrent.futures import ThreadPoolExecutor

        with Server(self._place(out)) as server, ThreadPoolExecutor(1) as aside:
            opening, killed = aside.submit(self._open, server), 0
            while not opening.done() and not killed:
                for pid in _children(server.process.pid, "dashboards.drill.builder"):
                    time.sleep(0.5)
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        killed += 1
            refused = opening.result()
            seat = self._led(server)
            before = lines_of(self._file(out))
            seat.close()
            told = str(json.loads(refused.text).get("error", "")) if not refused.path else ""
            found = self._taken_up(server, "kill -9 of the process that builds a room; opened again", before)
        found.told = told
        found.wrong = found.wrong or ("" if killed and not refused.path else "the builder was not killed")
        return found

    def _two_processes(self, out: Path) -> Found:
        with Server(self._place(out)) as server:
            seat = self._led(server)
            file = self._file(out)
            other = self.gridwhistle("drill", "--resume", str(file), "--auto", "--no-aar", "--json")
            seat.ask("note", text="still here")
            before = lines_of(file)
            seat.close()
            found = self._taken_up(server, "the command line takes up an open room's drill", before, other.stderr)
        found.told = next((line for line in other.stderr.splitlines() if line.startswith("gridwhistle:")), "")
        found.wrong = found.wrong or ("" if other.returncode == 2 else "the command line was not refused")
        return found

    # the machine

    def _full_disk(self, out: Path) -> Found:
        """Write notes until the disk is full; make room, take up."""
        place = self._place(self.folder / "small-place")
        with small_disk(place / "results", DISK_KB) as results, Server(place) as server:
            seat, told = self._led(server), ""
            for k in range(400):
                if told := seat.ask("note", text=f"{k} " + "x" * 400):
                    break
            health, before = server.health(), lines_of(self._file(place))
            grow(results, ROOM_KB)
            seat.close()
            found = self._taken_up(server, f"results on a disk of {DISK_KB} kB; made larger", before)
            shutil.copytree(results, out)
        found.told = told
        found.wrong = found.wrong or ("" if health["alive"] else "the queue's thread has ended")
        return found

    def _limited(self, limit: str, out: Path) -> Found:
        """Give a server too little to start with, or files that are too small; then a server without the limit."""
        self._earlier(out)
        before = lines_of(self._file(out))
        with Server(out, limit) as server:
            answer = server.post("/drill/open", data={"exercise": EXERCISE}) if server.url else None
        told = str(json.loads(answer.text).get("error", "")) if answer is not None and answer.status_code != 303 else ""
        with Server(out) as again:
            found = self._taken_up(again, f"server under {limit}, then without it", before)
        found.told, found.whole = found.told or told, answer is not None and answer.status_code == 303
        return found

    def _damaged_cache(self, out: Path) -> Found:
        around, done = self.damaged_cache()
        with Server(self._place(out), **around) as server:
            seat = self._led(server)
            before = lines_of(self._file(out))
            seat.close()
            return self._taken_up(server, done, before, whole=True)


def _children(parent: int, module: str) -> list[int]:
    """Return the processes that a process has started with a module."""
    found = []
    for task in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            owner = int((task / "stat").read_text().rpartition(")")[2].split()[1])
            if owner == parent and module.encode() in (task / "cmdline").read_bytes():
                found.append(int(task.name))
    return found
