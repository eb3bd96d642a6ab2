"""Write the exact version of every package, transitive ones too, into pyproject.toml.

The lock file stays out of the repository, because it names where packages were fetched from. What makes two
installations equal is therefore written as constraints: `uv export` says what was resolved for all extras and
groups, and this script rewrites the blocks between the marker comments in pyproject.toml. It resolves, writes
and checks; it installs nothing.

Usage::

    uv run python -m scripts.pin             # pin what is resolved now
    uv run python -m scripts.pin --upgrade   # let every package move to its newest allowed version first
    uv run python -m scripts.pin --check     # exit code 1 when the pins are not what would be written
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = ROOT / "pyproject.toml"
BLOCKS = ("constraint-dependencies", "build-constraint-dependencies")
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;]+)(?:\s*;\s*(?P<marker>.+))?$")


def pins_of(export: str) -> list[str]:
    """Return the pins of a requirements export, sorted by name.

    Parameters
    ----------
    export
        Lines ``name==version ; marker``; comments and blank lines are passed over.

    Returns
    -------
    list of str
        ``name==version``; the marker is kept only where one name has several versions.

    Raises
    ------
    ValueError
        For a line that is no exact pin, such as an address.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for raw in export.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _PIN.match(line)
        if match is None:
            raise ValueError(f"not an exact pin: {line!r}")
        found.setdefault(match["name"].lower(), []).append((match["version"], match["marker"] or ""))
    pins = []
    for name in sorted(found):
        several = len(found[name]) > 1
        pins += [f"{name}=={v} ; {m}" if several and m else f"{name}=={v}" for v, m in sorted(found[name])]
    return pins


def with_block(text: str, name: str, pins: list[str]) -> str:
    """Return pyproject's text with the block between the markers of ``name`` rewritten.

    Raises
    ------
    ValueError
        When the markers are not there exactly once.
    """
    first, last = f"# pins: {name}, written by scripts/pin.py", f"# end of pins: {name}"
    if text.count(first) != 1 or text.count(last) != 1:
        raise ValueError(f"pyproject.toml must hold the markers of '{name}' once")
    before, rest = text.split(first)
    after = rest.split(last)[1]
    lines = [f'    "{pin.replace(chr(34), chr(39))}",' for pin in pins]
    return f"{before}{first}\n{name} = [\n" + "\n".join(lines) + f"\n]\n{last}{after}"


def resolved(folder: Path) -> list[str]:
    """Return the pins of everything the project of a folder may install."""
    return pins_of(_uv(folder, "export", "--all-extras", "--all-groups", "--no-hashes", "--no-emit-project",
                       "--no-annotate", "--no-header", "--format", "requirements-txt"))  # fmt: skip


def build_needs(text: str) -> list[str]:
    """Return the pins of the build backend and all it needs."""
    with tempfile.TemporaryDirectory() as folder:
        needs = Path(folder) / "build.in"
        needs.write_text("\n".join(_build_requires(text)) + "\n")
        compiled = _uv(Path(folder), "pip", "compile", str(needs), "--universal", "--no-annotate", "--no-header",
                       "--python-version", "3.12")  # fmt: skip
    return pins_of(compiled)


def _build_requires(text: str) -> list[str]:
    import tomllib

    return list(tomllib.loads(text)["build-system"]["requires"])


def written(upgrade: bool) -> str:
    """Return what pyproject.toml should say; resolves in a copy, so that a failure changes nothing."""
    text = PYPROJECT.read_text()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        bare = text
        for name in BLOCKS if upgrade else ():
            bare = with_block(bare, name, [])
        (copy / "pyproject.toml").write_text(bare)
        for name in ("README.md", "LICENSE", ".python-version", "uv.lock"):
            if (ROOT / name).exists() and not (upgrade and name == "uv.lock"):
                (copy / name).write_bytes((ROOT / name).read_bytes())
        pins = resolved(copy)
    return with_block(with_block(text, BLOCKS[0], pins), BLOCKS[1], build_needs(text))


def _uv(folder: Path, *words: str) -> str:
    done = subprocess.run(["uv", "-q", *words], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"pin: uv {words[0]} failed: {done.stderr.strip()}")
    return done.stdout


def main() -> int:
    """Write or check the pins."""
    parser = argparse.ArgumentParser(description="Pin every package in pyproject.toml.")
    parser.add_argument("--upgrade", action="store_true", help="move to the newest allowed versions")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when something would change")
    given = parser.parse_args()
    before, after = PYPROJECT.read_text(), written(given.upgrade)
    if before == after:
        print("pins are as they should be")
        return 0
    if given.check:
        print("pins differ from what is resolved: run 'uv run python -m scripts.pin'")
        return 1
    fresh = PYPROJECT.with_suffix(".toml.new")
    fresh.write_text(after)
    fresh.replace(PYPROJECT)
    print(f"pins written: {sum(line.startswith('    ') and '==' in line for line in after.splitlines())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
