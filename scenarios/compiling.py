"""Compiling the engine before the first run, and telling meanwhile what is compiled and how far it is.

The engine compiles itself when it is imported (`sim.kernel`); how far it is shows in its cache, where each function
leaves a file when it is done. Here nothing is compiled that a run would not compile by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scenarios import pace
from scenarios.console import Console, duration
from scenarios.experiment import is_compiled

LOOK_S = 0.5
_DONE = "*.nbi"  # numba writes one index for each function that is compiled


def compile_engine(console: Console) -> None:
    """Compile the loop and every built-in rule where that is due, once for a version; say how far it is."""
    compiled = is_compiled()
    from sim.engine.jit import CACHE_DIR, IS_KEPT, REFUSED
    from sim.engine.kept import CheckedFile

    if REFUSED[0]:
        key = "cli.cache_elsewhere" if IS_KEPT else "cli.cache_none"
        console.warn(console.words(key, folder=REFUSED[0], reason=REFUSED[1], other=CACHE_DIR))
    if compiled:
        return
    known = pace.measured()
    console.note("compiling", functions=f"{known.functions:,.0f}", time=duration(known.compile_s, console.words))
    begin = time.monotonic()
    with console.compiling(round(known.functions)) as heard, _watched(CACHE_DIR, heard):
        _compile()
    seconds = time.monotonic() - begin
    pace.remember(compile_s=seconds, functions=len(_done(CACHE_DIR)))
    console.note("compiled", time=duration(seconds, console.words))
    if CheckedFile.failed:
        console.warn(console.words("cli.cache_full", folder=CACHE_DIR, reason=CheckedFile.failed))


def _compile() -> None:
    import sim.kernel  # noqa: F401  importing it compiles the loop
    from sim.engine.codes import HOOK_NAMES
    from sim.policies.rules import rules

    for hook in HOOK_NAMES:
        rules(hook)


@contextmanager
def _watched(folder: Path, heard: object) -> Iterator[None]:
    """Call `heard(functions done, module of the last)` now and then from a thread of its own."""
    if not callable(heard):
        yield
        return
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(LOOK_S):
            done = _done(folder)
            if done:
                heard(len(done), _module(max(done, key=_written)))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _done(folder: Path) -> list[Path]:
    return list(folder.rglob(_DONE))


def _written(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:  # replaced just now by the process beside
        return 0.0


def _module(file: Path) -> str:
    """Return the module of a cached function: ``engine_7b6e/draws.mix-47.py313.nbi`` is of ``engine/draws``."""
    return f"{file.parent.name.rpartition('_')[0]}/{file.name.partition('.')[0]}"
