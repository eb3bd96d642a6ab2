"""The wheel: what it carries, and that it works outside the tree, where no editable install hides a gap."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = (".yaml", ".css", ".js", ".csv", ".json")

TINY = """
name: tiny
title: {en: Tiny, zh: 小}
extends: ordinary-district
city: {synthetic: {residents: 2000, seed: 3}}
horizon_days: 3
warm_up_days: 0.5
cool_down_days: 0.5
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def outside(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel unpacked in it; dependencies are taken from this one, the tree is not.

    A path file inside a folder named by a path file is not followed, so this environment's editable install of
    the tree stays out of reach.
    """
    folder = tmp_path_factory.mktemp("outside")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    python = folder / "venv" / "bin" / "python"
    site = Path(_say(python, folder, "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def _say(python: Path, folder: Path, code: str) -> str:
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([python, "-c", code], cwd=folder, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _command(folder: Path, *words: str) -> str:
    return _say(
        folder / "venv" / "bin" / "python", folder,
        f"import sys; sys.argv = ['gridwhistle', *{list(words)!r}]; import gridwhistle; gridwhistle.main()",
    )  # fmt: skip


def test_the_wheel_holds_every_module_and_data_file_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    packages = ("sim", "scenarios", "calibration", "dashboards")
    wanted = {"gridwhistle.py"}
    for package in packages:
        for file in (ROOT / package).rglob("*"):
            if file.suffix in (".py", *DATA) and "__pycache__" not in file.parts:
                wanted.add(file.relative_to(ROOT).as_posix())
    assert wanted - held == set()
    assert {name.split("/")[0] for name in held} == {*packages, "gridwhistle.py"}


def test_the_wheel_names_its_command_and_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name.split(".dist-info/")[1]: name for name in archive.namelist() if ".dist-info/" in name}
        assert "gridwhistle = gridwhistle:main" in archive.read(names["entry_points.txt"]).decode()
        assert b"Apache License" in archive.read(names["licenses/LICENSE"])
        metadata = archive.read(names["METADATA"]).decode()
    assert "License-Expression: Apache-2.0" in metadata
    assert all(f"Provides-Extra: {extra}" in metadata for extra in ("report", "cluster", "browser", "bench"))


def test_the_library_is_there_outside_the_tree(outside: Path) -> None:
    where = _say(outside / "venv" / "bin" / "python", outside, "import sim; print(sim.__file__)")
    assert str(ROOT) not in where
    listed = {row["name"] for row in json.loads(_command(outside, "library", "list", "--json"))}
    assert {"ordinary-district", "whistle-vs-referral", "staffing-by-night"} <= listed
    shown = json.loads(_command(outside, "library", "show", "whistle-vs-referral", "--json", "--lang", "zh"))
    assert shown["types"] >= 24 and {"referral", "whistle"} <= {p["name"] for p in shown["policies"]}


@pytest.mark.slow
def test_a_scenario_runs_from_the_installed_wheel_with_only_its_own_dependencies(wheel: Path, tmp_path: Path) -> None:
    """Install with the dependencies that the wheel declares, none of the development ones."""
    if shutil.which("uv") is None:
        pytest.skip("uv is not on the path: the wheel cannot be installed into a fresh environment")
    python = tmp_path / "venv" / "bin" / "python"
    pins = tmp_path / "pins.txt"
    pins.write_text("\n".join(_constraints()))
    subprocess.run(["uv", "venv", "-q", "--python", sys.executable, tmp_path / "venv"], check=True)
    words = ["uv", "pip", "install", "-q", "--python", str(python), "-c", str(pins), str(wheel)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    if done.returncode and "error sending request" in done.stderr:
        pytest.skip("packages can be fetched neither from a cache nor from a registry here")
    assert done.returncode == 0, done.stderr
    (tmp_path / "tiny.yaml").write_text(TINY)
    given = [tmp_path / "venv" / "bin" / "gridwhistle", "run", "tiny.yaml", "--workers", "1", "--json"]
    run = subprocess.run(given, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["runs"]["done"] == 1 and found["measures"]["incidents"]["as-is"][0] > 0
    assert (tmp_path / found["results"] / "manifest.json").is_file()


def _constraints() -> list[str]:
    import tomllib

    with (ROOT / "pyproject.toml").open("rb") as stream:
        return [line.replace("'", '"') for line in tomllib.load(stream)["tool"]["uv"]["constraint-dependencies"]]
