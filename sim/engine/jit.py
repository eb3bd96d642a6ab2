"""Compilation: one `njit` for the whole engine and a cache folder that cannot go stale.

Numba's disk cache does not notice a change in a function that another file calls. So the folder is named
by a hash of every compiled source, of the register (its names are fields of the parameter row) and of
numba's version: any change gives a fresh folder. Import this module before anything is decorated.
"""

from __future__ import annotations

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

_HERE = Path(__file__).resolve().parent.parent


def _sources() -> list[Path]:
    files = [p for p in sorted(_HERE.rglob("*.py")) if b"sim.engine" in p.read_bytes() or p.parent.name == "engine"]
    return [*files, _HERE / "register.yaml"]


def cache_key() -> str:
    """Return the hash that names the cache folder."""
    digest = hashlib.sha256(numba.__version__.encode())
    for path in _sources():
        if path.exists():
            digest.update(path.relative_to(_HERE).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


CACHE_DIR = Path(platformdirs.user_cache_dir("gridwhistle")) / "kernels" / cache_key()
CACHE_DIR.mkdir(parents=True, exist_ok=True)
numba.config.CACHE_DIR = str(CACHE_DIR)

# compiled where compiled code calls it, plain where Python does: for what rules use
jitable = register_jitable
njit = functools.partial(numba.njit, cache=True, error_model="numpy")


def is_compiled() -> bool:
    """Return True when an earlier process has filled the cache, so that starting is quick."""
    return (CACHE_DIR / "complete").exists()


def mark_compiled() -> None:
    """Remember that the kernel in this cache folder is whole."""
    (CACHE_DIR / "complete").touch()


@contextmanager
def compiling_beside(*modules: str) -> Iterator[None]:
    """Let a second process import modules, so that a second processor compiles them into the cache meanwhile.

    What it has finished is found in the cache when its turn comes; what it has not is compiled here as ever. So it
    may fail or be stopped without harm. Does nothing when all is compiled already or there is one processor only.
    """
    beside = None if is_compiled() or (os.cpu_count() or 1) < 2 else _importing(modules)
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
    command, null = [sys.executable or "python", "-c", code, *modules], subprocess.DEVNULL
    try:
        return subprocess.Popen(command, env=paths, stdin=null, stdout=null, stderr=null)
    except OSError:  # no second process to be had: everything is compiled here
        return None
