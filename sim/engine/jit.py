"""Compilation: one `njit` for the whole engine and a cache folder that cannot go stale.

Numba's disk cache does not notice a change in a function that another file calls. So the folder is named
by a hash of every source that compiled code depends on (`sim.engine.sources`) and of numba's version: any change gives
a fresh folder. Damaged files in it are compiled again (`sim.engine.kept`); where the
user's cache folder cannot be written, another is taken or none. Import this module before anything is decorated.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numba
import platformdirs
from numba.extending import register_jitable

from sim.engine import kept
from sim.engine.sources import compiled_sources

_HERE = Path(__file__).resolve().parent.parent
CHECKS_BOUNDS = os.environ.get("GRIDWHISTLE_CHECK_BOUNDS", "") not in ("", "0")
"""True in a build for tests in which a row out of range raises `IndexError`; several times slower."""


def cache_key() -> str:
    """Return the hash that names the cache folder."""
    digest = hashlib.sha256(f"{numba.__version__} {CHECKS_BOUNDS}".encode())
    for path in compiled_sources(_HERE):
        if path.exists():
            digest.update(path.relative_to(_HERE).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


def _chosen(wanted: Path) -> tuple[Path, bool, tuple[str, str]]:
    """Return the cache folder, whether anything can be kept in it, and the folder and reason that spoke against."""
    why = kept.usable(wanted)
    if not why:
        return wanted, True, ("", "")
    other = kept.another_place(wanted.name)
    if other is not None and not kept.usable(other):
        return other, True, (str(wanted), why)
    return wanted, False, (str(wanted), why)


CACHE_DIR, IS_KEPT, REFUSED = _chosen(Path(platformdirs.user_cache_dir("gridwhistle")) / "kernels" / cache_key())
"""Where compiled kernels lie, whether they can be kept there, and which folder was refused and why (empty: none)."""
if IS_KEPT:
    numba.config.CACHE_DIR = str(CACHE_DIR)
kept.install()

# compiled where compiled code calls it, plain where Python does: for what rules use
jitable = register_jitable
njit = functools.partial(numba.njit, cache=IS_KEPT, error_model="numpy", boundscheck=CHECKS_BOUNDS)


def is_compiled() -> bool:
    """Return True when an earlier process has filled the cache, so that starting is quick."""
    return IS_KEPT and (CACHE_DIR / "complete").exists()


def mark_compiled() -> None:
    """Remember that the kernel in this cache folder is whole."""
    if IS_KEPT and not kept.CheckedFile.failed:
        with contextlib.suppress(OSError):  # a cache that cannot be written is done without
            (CACHE_DIR / "complete").touch()


@contextmanager
def compiling_beside(*modules: str) -> Iterator[None]:
    """Let a second process import modules, so that a second processor compiles them into the cache meanwhile.

    What it has finished is found in the cache when its turn comes; what it has not is compiled here as ever. So it
    may fail or be stopped without harm. Does nothing when all is compiled already or there is one processor only.
    """
    beside = None if is_compiled() or not IS_KEPT or (os.cpu_count() or 1) < 2 else _importing(modules)
    try:
        yield
    finally:
        if beside is not None:
            beside.kill()
            beside.wait()


def _importing(modules: tuple[str, ...]) -> subprocess.Popen[bytes] | None:
    """Start a process that imports modules; None where none can be started."""
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    # -P: nothing is imported from the folder one stands in that this process would not import
    command, null = [sys.executable or "python", "-P", "-c", code, *modules], subprocess.DEVNULL
    try:
        return subprocess.Popen(command, env=paths, stdin=null, stdout=null, stderr=null)
    except OSError:  # no second process to be had: everything is compiled here
        return None
