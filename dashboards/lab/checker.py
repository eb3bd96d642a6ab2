"""The process that checks one scenario that a user sends: read, checked and its city built beside the server.

``python -m dashboards.lab.checker`` reads a request as JSON from its standard input and writes the pickled answer: the
scenario's name, or the mistake. Reading a long file and building a large city take seconds in which everybody would
wait, and memory that the server would keep; here both have bounds and an end. What is checked is
`dashboards.lab.uploads`.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import traceback
from pathlib import Path

from dashboards.drill.builder import bound_memory, bound_time, pickled
from dashboards.drill.building import environment
from sim.errors import InputError

TIME_S = 60.0


def too_much() -> InputError:
    """Return what is told when a bound was reached."""
    return InputError("the scenario takes too long to check", field="scenario", allowed=f"{TIME_S:g} s")


def checked_apart(draft: Path, said: str) -> str:
    """Return the name of a scenario that was sent, checked in a process of its own; called in a thread.

    Raises
    ------
    InputError
        For whatever is wrong with it, or when checking takes too long.
    """
    request = json.dumps({"draft": str(draft.resolve()), "said": said}).encode()
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "dashboards.lab.checker"], input=request, stdout=subprocess.PIPE,
            env=environment(), timeout=TIME_S + 10.0, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise too_much() from None
    if done.returncode or not done.stdout:
        raise too_much()
    answer = pickle.loads(done.stdout)
    if isinstance(answer, InputError):
        raise answer
    return str(answer)


def main() -> int:
    """Check and answer; the exit code is 0 whenever an answer was written."""
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no part of the answer
    bound_memory()
    bound_time(TIME_S)
    from dashboards.lab.uploads import checked

    request = json.load(sys.stdin)
    answer: object
    try:
        answer = checked(Path(request["draft"]), request["said"])
    except InputError as mistake:
        answer = mistake
    except (MemoryError, RecursionError):
        answer = too_much()
    except Exception:  # noqa: BLE001  it goes to the server's log, and whoever asked is told that it failed
        traceback.print_exc()
        return 1
    with open(answers, "wb") as stream:
        stream.write(pickled(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
