"""Starting the process of one job, and ending it.

The process leads a group of its own and holds a pipe from this server, so that it learns when the server is gone.
Which job is started when, is `dashboards.jobs`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from dashboards.job_files import JobFiles


def started(files: JobFiles, id: str) -> subprocess.Popen[bytes]:
    """Start a job's process; its standard input is a pipe that closes when this server ends, however it does.

    Raises
    ------
    OSError
        No handles or processes left, or the log cannot be written.
    """
    with files.path(id, ".log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "dashboards.job_process", str(files.path(id, ".json"))],
            stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, env=_environment(),
        )  # fmt: skip


def _environment() -> dict[str, str]:
    """Return the environment of a job: this one, and the packages that this process found."""
    root = str(Path(__file__).resolve().parent.parent)
    known = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(known))}


def signal_to(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a job's process, unless it has ended."""
    if process.poll() is None:
        process.send_signal(number)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a job's process and those it started, by the id of the group that it leads."""
    if process.poll() is None and hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait(10.0)


def let_go(process: subprocess.Popen[bytes]) -> None:
    """Take leave of a process that has ended: no zombie and no open pipe stays."""
    process.wait(10.0)
    if process.stdin is not None:
        process.stdin.close()
