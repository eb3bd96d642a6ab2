"""A dashboard as an operator starts it, for the hosts of the fault matrix that lie behind it: queue and drill room.

A real process over loopback, asked by HTTP as a browser does. It can be killed and started again on the same folder.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.faults_bench import command
from benchmarks.soak import UPDATE, page_body

START_S, WAIT_S = 60.0, 300.0


class Server:
    """A server on a folder of results.

    Parameters
    ----------
    folder
        What it serves lies in its ``results`` and ``scenarios``.
    limit
        Shell words before it starts, such as a limit.
    environment
        Beside this process's own.
    """

    def __init__(self, folder: Path, limit: str = "true", **environment: str) -> None:
        self.folder, self.url = folder, ""
        words = ("dashboard", "--port", "0", "--results", str(folder / "results"), "--no-browser")
        line = ["bash", "-c", f'{limit}; exec "$0" "$@"', *command(*words, "--scenarios", str(folder / "scenarios"))]
        self.log = folder.with_name(f"{folder.name}-server.log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                line, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **environment}
            )

    def __enter__(self) -> Server:
        """Wait until it answers, or has ended."""
        assert self.process.stdout is not None
        for said in self.process.stdout:
            if found := re.search(r"http://\S+", said):
                self.url = found[0].rstrip("/")
                break
        if self.url:
            until(lambda: self._answers() or self.process.poll() is not None, START_S)
        else:
            self.process.wait(START_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it in order."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(START_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait(START_S)

    @property
    def said(self) -> str:
        """Everything that it has written to its log."""
        return self.log.read_text("utf-8", "replace")

    def _answers(self) -> bool:
        import httpx

        try:
            return httpx.get(f"{self.url}/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def health(self) -> dict[str, Any]:
        """Return what /health tells of the queue."""
        import httpx

        found: dict[str, Any] = httpx.get(f"{self.url}/health", timeout=30).json()["queue"]
        return found

    def post(self, path: str, **given: Any) -> Any:
        """Send something; returns the answer."""
        import httpx

        return httpx.post(f"{self.url}{path}", timeout=WAIT_S, **given)

    def page(self, name: str, search: str = "") -> str:
        """Return the words of an analysis page."""
        answer = self.post(UPDATE, json=page_body(name, f"?lang=en{search}"))
        return " ".join(_words(answer.json())) if answer.status_code == 200 else f"{answer.status_code} {answer.text}"


def _words(found: Any) -> list[str]:
    """Return the texts that a reader sees in what Dash sent."""
    if isinstance(found, str):
        return [found]
    if isinstance(found, dict) and "props" in found:
        return _words(found["props"].get("children"))
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else []
    return [word for one in inner for word in _words(one)]


def until(what: Callable[[], Any], seconds: float = WAIT_S) -> Any:
    """Wait until something holds; returns it, or what it was in the end."""
    end = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def read(file: Path) -> dict[str, Any]:
    """Return a JSON file; empty when it is not there."""
    try:
        found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found
