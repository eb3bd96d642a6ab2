"""Which source files compiled code depends on: those that compile something, and what these import of the engine.

Numba's disk cache does not notice a change in a function that another file calls, so all of them go into the name of
the cache folder (`sim.engine.jit`). What only reads tables (measures, forms, the driver) is not among them: editing it
compiles nothing anew. Found by reading imports as text, since this runs before anything may be imported.
"""

from __future__ import annotations

import re
from pathlib import Path

COMPILES = re.compile(r"^@(?:njit|jitable|rule|intrinsic|register_jitable)\b|\b(?:njit|compile_rule)\(", re.M)
_IMPORT = re.compile(r"^from (sim[.\w]*) import (\([^)]*\)|[^\n]*)", re.M)
ALWAYS = ("register.py", "register.yaml")  # its names are fields of the parameter row


def compiled_sources(package: Path) -> list[Path]:
    """Return the files that compiled code of a package named ``sim`` depends on, in order of their names.

    Parameters
    ----------
    package
        The folder of the package.
    """
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py"))}
    found: set[Path] = set()
    waiting = [path for path, text in texts.items() if COMPILES.search(text)]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        waiting += [to for to in _imported(package, texts[path]) if to in texts and _is_of_engine(package, to, texts)]
    return sorted({*found, *(package / name for name in ALWAYS)})


def _imported(package: Path, text: str) -> list[Path]:
    """Return the files that may be imported at the top of a text: modules, and modules in packages."""
    out = []
    for module, names in _IMPORT.findall(text):
        place = package.joinpath(*module.split(".")[1:])
        out += [place.with_suffix(".py"), place / "__init__.py"]
        out += [place / f"{name}.py" for name in re.findall(r"\w+", names)]
    return out


def _is_of_engine(package: Path, path: Path, texts: dict[Path, str]) -> bool:
    return path.parent == package / "engine" or "sim.engine" in texts[path]
