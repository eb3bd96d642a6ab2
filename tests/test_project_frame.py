"""The frame of the project: pins are whole and exact; no file names a registry or a place of one machine."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.pin import pins_of, with_block

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("gridwhistle", "dashboards", "calibration", "scenarios", "sim")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# texts of other projects' licences and figures may name addresses of sources, never of package registries
_HOSTS = (
    "files.python" + "hosted",
    "py" + "pi.org",
    "py" + "pi.python",
    "pi" + "wheels",
    "conda.ana" + "conda",
    "crates" + ".io",
)
REGISTRIES = re.compile("|".join(map(re.escape, _HOSTS)))
ELSEWHERE = re.compile(r"(?<![\w.])/(?:home|root|work|opt|Users)/\w")


def _modules(*packages: str) -> Iterator[tuple[str, Path]]:
    for package in packages:
        base = ROOT / package
        files = [ROOT / f"{package}.py"] if not base.is_dir() else sorted(base.rglob("*.py"))
        for file in files:
            yield file.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"), file


def _tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("this is not a git checkout: which files belong to the project cannot be asked")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_every_file_opens_by_saying_what_it_is() -> None:
    silent = []
    for name, file in _modules(*LAYERS, "scripts", "benchmarks"):
        text = file.read_text()
        if text.strip() and len((ast.get_docstring(ast.parse(text)) or "").split()) < 4:
            silent.append(name)
    assert silent == []


def test_pins_are_exact_and_cover_what_is_installed() -> None:
    uv = PYPROJECT["tool"]["uv"]
    pins = [*uv["constraint-dependencies"], *uv["build-constraint-dependencies"]]
    assert pins_of("\n".join(pins).replace("'", '"'))  # raises on anything that is no exact pin
    assert any(pin.startswith("hatchling==") for pin in uv["build-constraint-dependencies"])
    known: dict[str, set[str]] = {}
    for pin in uv["constraint-dependencies"]:
        name, _, version = pin.partition(" ;")[0].partition("==")
        known.setdefault(_plain(name), set()).add(version.strip())
    project = PYPROJECT["project"]
    groups = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *PYPROJECT["dependency-groups"].values(),
    ]
    for needed in (word for group in groups for word in group):
        name = _plain(re.split(r"[<>=!~;\[ ]", needed)[0])
        assert name in known, f"{name} has no pin"
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # an extra that is not installed here
        assert installed in known[name], f"{name} {installed} is not what is pinned"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_pin_blocks_are_rewritten_and_nothing_else() -> None:
    text = "a = 1\n# pins: x, written by scripts/pin.py\nx = [\n]\n# end of pins: x\nb = 2\n"
    assert with_block(text, "x", ["p==1"]) == text.replace("[\n]", '[\n    "p==1",\n]')
    with pytest.raises(ValueError, match="markers of 'y'"):
        with_block(text, "y", [])


def test_pins_keep_markers_only_where_versions_differ() -> None:
    export = (
        "# by uv\nB==2 ; python_version < '3.13'\na==1 ; sys_platform == 'win32'\nb==3 ; python_version >= '3.13'\n"
    )
    assert pins_of(export) == ["a==1", "b==2 ; python_version < '3.13'", "b==3 ; python_version >= '3.13'"]
    with pytest.raises(ValueError, match="not an exact pin"):
        pins_of("x @ file:///there")


def test_no_file_names_a_registry_or_a_place_of_one_machine() -> None:
    wrong = []
    for file in _tracked():
        if file == Path(__file__):
            continue
        try:
            text = file.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # pictures
        wrong += [f"{file.relative_to(ROOT)}: {m[0]}" for m in (*REGISTRIES.finditer(text), *ELSEWHERE.finditer(text))]
    assert wrong == []


def test_the_lock_file_is_not_part_of_the_project() -> None:
    assert "uv.lock" in (ROOT / ".gitignore").read_text().splitlines()
    assert ROOT / "uv.lock" not in _tracked()


def test_the_wheel_is_told_what_to_ship() -> None:
    held = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert held == ["sim", "scenarios", "calibration", "dashboards", "gridwhistle.py"]
