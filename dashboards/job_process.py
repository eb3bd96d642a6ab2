"""The process that does one job of the dashboard's queue.

``python -m dashboards.job_process JOB.json`` reads the request, does the campaign in worker processes, writes the
report and leaves ``JOB.end.json`` beside it. It lives in a process group of its own and ends with the server: when
its standard input closes, it drains as after Ctrl-C, and what has not ended in time is ended.
"""

import os
import sys

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if __name__ == "__main__" and not sys.flags.safe_path and sys.path[0] == os.getcwd() != _HERE:
    del sys.path[0]  # nothing is imported from the folder one stands in

import json
import signal
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from dashboards.job_request import JobRequest
from dashboards.texts.mistakes import sentence
from sim.errors import InputError
from sim.exhausted import told_of

GRACE_S = 30.0
END = ".end.json"
UNWRITTEN = 74
"""Exit code of a job whose end could not be written."""


def main(file: Path) -> int:
    """Do the job of a file; return the exit code, which the file's companion tells as well.

    Returns
    -------
    int
        0 done; 1 some runs failed or an error; 2 a mistake in the request; 130 or 143 interrupted; 74 its end could
        not be written.
    """
    from scenarios.ledger import sealed
    from sim.files import write_atomically

    os.environ["PYTHONSAFEPATH"] = "1"  # for processes that libraries start
    threading.Thread(target=_end_with_parent, daemon=True, name="end-with-server").start()
    told = _outcome(json.loads(file.read_text("utf-8")))
    told["ended_s"] = time.time()
    try:
        write_atomically(file.with_name(file.stem + END), sealed(told))
    except OSError as error:
        print(f"the job's end cannot be written ({error.strerror}); it was: {told['error'] or 'done'}", file=sys.stderr)
        return UNWRITTEN
    return int(told["exit_code"])


def _outcome(job: dict[str, Any]) -> dict[str, Any]:
    from scenarios.campaign import Interrupted

    try:
        return _carried_out(job)
    except InputError as mistake:
        return {"exit_code": 2, "error": sentence(mistake, str(job["request"].get("lang") or "en"))}
    except Interrupted as stopped:
        return {"exit_code": stopped.exit_code, "error": ""}
    except KeyboardInterrupt:
        return {"exit_code": 130, "error": ""}
    except Exception as error:  # noqa: BLE001  whatever it was, the queue shows it and the log keeps it
        if told := told_of(error):
            return {"exit_code": 1, "error": told}
        traceback.print_exc()
        return {"exit_code": 1, "error": f"{type(error).__name__}: {error}"[:300]}


def _carried_out(job: dict[str, Any]) -> dict[str, Any]:
    """Do the campaign and write the report."""
    from scenarios.beforehand import default_workers
    from scenarios.forecast import affordable, forecast, job_allowance
    from scenarios.places import city_of

    request = JobRequest.of(job["request"])
    made = request.experiment(Path(job["scenarios"]) if job.get("scenarios") else None)
    total = len(made.arms) * (made.replications or 1)
    workers = request.workers or default_workers(total)
    affordable(forecast(made.scenario, made.arms, total, workers), job_allowance(), made.scenario, made.arms[0])
    _ = city_of(made.scenario).travel  # routed once here and kept on disk, so that no worker does it again
    study = made.run(workers, job["folder"], keep_cases=request.keep_cases, limits=request.limits)
    failed = len(made.summary.failures)
    if study.store.parts():
        from dashboards.report import write_report  # takes as long to load as many runs to do

        write_report(study, study.folder / "report.html", request.lang)
    return {"exit_code": 1 if failed else 0, "error": "", "failed": failed, "set_aside": made.summary.damaged}


def _end_with_parent() -> None:
    """Wait until the server is gone, then drain; end the whole process group when that takes too long."""
    while os.read(sys.stdin.fileno(), 1):  # not through the buffer: its lock would be held when this process ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
