"""The process that builds one room's drill: reads the exercise, builds its city, plays its run-up, or a recording.

``python -m dashboards.drill.builder`` loads the simulation, which compiles it where that was never done, and says so
by one byte (`READY`) on its standard output. Then it reads one request as JSON from its standard input and writes the
pickled answer: what was built, or the mistake. It has bounds of memory and processor time of its own, so that an
exercise that asks for too much ends this process and nothing else; the time of compiling does not count. Who starts and
ends it is `dashboards.drill.building`.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from dashboards.drill.crossing import pickled
from sim.errors import InputError

MEMORY_BYTES = 4 << 30
TIME_S = 90.0
NICER = 5
"""By how much the server, its rooms and its pages go before what builds."""
READY = b"+"
"""What the process writes when the simulation is loaded and compiled, before it reads what is asked for."""


def too_large() -> InputError:
    """Return what is told when a bound was reached."""
    return InputError(
        "the exercise needs more than a room may use", field="scenario",
        allowed=f"{TIME_S:g} s and {MEMORY_BYTES >> 30} GB to build it",
    )  # fmt: skip


def built(request: dict[str, Any]) -> tuple[Any, ...]:
    """Do what a request asks for.

    Parameters
    ----------
    request
        ``{"recording": path}``, or ``{"exercise": name}`` or ``{"file": name, "content": base64}``, with ``seed``.

    Returns
    -------
    tuple
        (drill, recording) of a recording; else (ground, world at STARTEX).
    """
    from scenarios.drill import Exercise, Ground
    from scenarios.drill.replaying import taken_up

    if "recording" in request:
        return taken_up(Path(request["recording"]))
    if "content" in request:
        exercise = _uploaded(base64.b64decode(request["content"]), request["file"])
    else:
        exercise = Exercise.load(request["exercise"])
    ground = Ground.of(exercise)
    seed = exercise.seed if request.get("seed") is None else int(request["seed"])
    return ground, ground.world(seed, 0)


def _uploaded(content: bytes, filename: str) -> Any:
    """Check an exercise that somebody sends: bounded, read safely, without files or code of this computer."""
    from scenarios.drill import Exercise

    said = Path(filename.replace("\\", "/")).name[:80] or "exercise.yaml"
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError("the file is not UTF-8 text", file=said, line=line, allowed="text in UTF-8") from None
    return Exercise.parse(text, said)


def main() -> int:
    """Build and answer; the exit code is 0 whenever an answer was written."""
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no part of the answer
    bound_memory()
    import scenarios.drill.replaying  # noqa: F401  loaded while the user still reads the page
    import sim.kernel  # noqa: F401  compiles where that was never done

    try:
        os.write(answers, READY)
    except BrokenPipeError:
        return 0  # the server has gone
    bound_time()
    raw = sys.stdin.buffer.read()
    if not raw:
        return 0  # it was not needed
    request = json.loads(raw)
    try:
        answer = pickled(built(request))
    except InputError as mistake:
        answer = pickled(mistake)
    except (MemoryError, RecursionError):
        answer = pickled(too_large())
    except Exception:  # noqa: BLE001  it goes to the server's log, and whoever asked is told that it failed
        traceback.print_exc()
        return 1
    with suppress(BrokenPipeError), open(answers, "wb") as stream:  # the server has gone, or does not want it any more
        stream.write(answer)
    return 0


def bound_memory() -> None:
    """Bound this process's memory and let everything else go first, where the operating system can."""
    with suppress(OSError, AttributeError):
        os.nice(NICER)
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def bound_time(seconds: float = TIME_S) -> None:
    """Bound the processor time that this process may use from now on, where the operating system can."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        cpu = int(time.process_time() + seconds * (os.cpu_count() or 1)) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))


if __name__ == "__main__":
    sys.exit(main())
