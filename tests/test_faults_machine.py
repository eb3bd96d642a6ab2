"""Hostile folders, damaged caches, poor terminals, little memory: a sentence or a right result, never a traceback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sim
from sim.engine import jit

ROOT = Path(sim.__file__).resolve().parent.parent
SCENARIO = """
name: small
title: {en: Small, zh: 小}
bare: true
city: {bare: {}}
horizon_days: 1
shifts: {always: {}}
posts:
  desk: {title: {en: Desk, zh: 窗口}, kind: operator, per: city, count: 2}
types:
  call:
    title: {en: Call, zh: 来电}
    kind: bare
    rate_per_hour: 6
    stages: [{name: serve, who: desk, touch_min: {exponential: {mean: 15}}}]
policies:
  three: {title: {en: Three, zh: 三}, posts: {desk: {count: 3}}}
experiment: {arms: [as-is, three], measures: [line.desk.wait_min], replications: 3}
"""
HOSTILE = (
    "yaml", "random", "sim", "socket", "selectors", "json", "pickle", "struct", "typer", "numpy", "numba", "signal",
    "threading", "scenarios", "dashboards", "tempfile", "calibration", "duckdb", "pyarrow", "__future__",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "small.yaml").write_text(SCENARIO, encoding="utf-8")
    return tmp_path


def command(folder: Path, *words: str, before: str = "true", **environment: str) -> subprocess.CompletedProcess[str]:
    around = {key: value for key, value in os.environ.items() if key not in ("PYTHONSAFEPATH", "PYTHONPATH")}
    line = ["bash", "-c", f'{before}; exec "$0" "$@"', sys.executable, "-m", "gridwhistle", *words]
    return subprocess.run(
        line, cwd=folder, env={**around, **environment}, capture_output=True, text=True, timeout=590, encoding="utf-8"
    )


def test_nothing_is_imported_from_the_folder_one_stands_in(folder):
    expected = command(folder, "compare", "small.yaml", "-w", "2", "--json", "--no-report", "--out", "before")
    assert expected.returncode == 0, expected.stderr
    for name in HOSTILE:
        (folder / f"{name}.py").write_text(f"open({str(folder / 'entered')!r}, 'a').write('{name} ')\n")
    told = {}
    for words in (
        ("compare", "small.yaml", "-w", "2", "--json", "--no-report", "--out", "after"),
        ("library", "list"),
    ):
        done = command(folder, *words)
        assert done.returncode == 0, done.stderr
        told[words[0]] = done.stdout
    assert not (folder / "entered").exists(), (folder / "entered").read_text()
    assert json.loads(told["compare"])["content_hash"] == json.loads(expected.stdout)["content_hash"]


def test_a_job_of_the_dashboard_imports_nothing_from_there_either(folder):
    for name in HOSTILE:
        (folder / f"{name}.py").write_text(f"open({str(folder / 'entered')!r}, 'a').write('{name} ')\n")
    (folder / "job.json").write_text("{}")
    for safe in ((), ("-P",)):
        done = subprocess.run(
            [sys.executable, *safe, "-c", "import sys; sys.argv = ['x']; import dashboards.job_process"]
            if safe else [sys.executable, "-P", "-m", "dashboards.job_process", "job.json"],
            cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300,
        )  # fmt: skip
        assert not (folder / "entered").exists(), (folder / "entered").read_text() + done.stderr


def test_a_pool_started_from_a_script_imports_nothing_from_there(folder):
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "script.py").write_text(
        "from campaign_jobs import Noise, plan\nfrom scenarios.campaign import execute\n"
        "from scenarios.pool import Pool\nfrom scenarios.store import Store\n"
        "if __name__ == '__main__':\n"
        "    store = Store.create('r', {'identity': {'what': 'noise'}, 'policies': [], 'seed': 7})\n"
        "    print(execute(plan(4), Noise(), store, Pool(2)).ok)\n"
    )
    for name in HOSTILE:
        (folder / f"{name}.py").write_text(f"open({str(folder / 'entered')!r}, 'a').write('{name} ')\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    environment.pop("PYTHONSAFEPATH", None)
    done = subprocess.run([sys.executable, "elsewhere/script.py"], cwd=folder, env=environment, capture_output=True,
                          text=True, timeout=300)  # fmt: skip
    assert done.stdout.strip() == "8", done.stderr
    assert not (folder / "entered").exists(), (folder / "entered").read_text()


CACHED = """
import sys
import sim.engine.draws as draws
from sim.engine import jit, kept
print(jit.CACHE_DIR)
print(jit.IS_KEPT)
print(jit.REFUSED[1])
print(kept.CheckedFile.failed)
print(len(list(jit.CACHE_DIR.rglob("*.nbi"))))
"""


def engine(tmp_path: Path, code: str = CACHED, **environment: str) -> list[str]:
    """Import a part of the engine in a process of its own and return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300,
                          env={**os.environ, "TMPDIR": str(tmp_path), **environment})  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("how", ["truncated", "emptied", "random", "flipped", "swapped"])
def test_a_damaged_cache_is_thrown_away_and_compiled_again(tmp_path, how):
    home = tmp_path / "home"
    count = int(engine(tmp_path, XDG_CACHE_HOME=str(home))[-1])
    files = sorted((home / "gridwhistle" / "kernels").rglob("*.nb[ic]"))
    assert count > 3 and len(files) >= 2 * count
    sound = [file.read_bytes() for file in files]
    for k, file in enumerate(files):
        content = sound[k]
        half = len(content) // 2
        flipped = content[:half] + bytes([content[half] ^ 4]) + content[half + 1 :]
        file.write_bytes({
            "truncated": content[:half], "emptied": b"", "random": os.urandom(len(content)), "flipped": flipped,
            "swapped": sound[k - 2],
        }[how])  # fmt: skip
    assert int(engine(tmp_path, XDG_CACHE_HOME=str(home))[-1]) == count
    again = sorted((home / "gridwhistle" / "kernels").rglob("*.nb[ic]"))
    assert [file.name for file in again] == [file.name for file in files]
    assert int(engine(tmp_path, XDG_CACHE_HOME=str(home))[-1]) == count


def test_a_home_that_is_a_file_or_not_there_means_another_place_said_aloud(tmp_path):
    a_file = tmp_path / "file"
    a_file.write_text("x")
    for home in (str(a_file), "/proc/none"):
        place, is_kept, why, failed, _ = engine(tmp_path, HOME=home, XDG_CACHE_HOME="")
        assert place.startswith(str(tmp_path)) and is_kept == "True" and why and not failed
    place, is_kept, why, _, _ = engine(tmp_path, HOME=str(a_file), XDG_CACHE_HOME="", TMPDIR=str(tmp_path / "no"))
    assert is_kept in ("True", "False") and why


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_a_cache_of_somebody_else_is_not_read(tmp_path):
    home = tmp_path / "home"
    engine(tmp_path, XDG_CACHE_HOME=str(home))
    files = sorted((home / "gridwhistle" / "kernels").rglob("*.nb[ic]"))
    for file in files:
        os.chown(file, 12345, 12345)
    engine(tmp_path, XDG_CACHE_HOME=str(home))
    assert all(file.stat().st_uid == 0 for file in files)
    os.chown(next(iter((home / "gridwhistle" / "kernels").iterdir())), 12345, 12345)
    place, _, why, _, _ = engine(tmp_path, XDG_CACHE_HOME=str(home))
    assert place.startswith(str(tmp_path / "gridwhistle-")) and why == "it belongs to somebody else"


def test_two_processes_compiling_at_once_do_not_disturb_each_other(tmp_path):
    around = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "home")}
    both = [subprocess.Popen([sys.executable, "-c", CACHED], cwd=ROOT, env=around, stdout=subprocess.PIPE)
            for _ in range(2)]  # fmt: skip
    assert [one.wait(300) for one in both] == [0, 0]
    assert int(engine(tmp_path, XDG_CACHE_HOME=str(tmp_path / "home"))[-1]) > 3
    assert not list((tmp_path / "home").rglob("*.tmp.*"))


def test_chinese_on_a_terminal_that_has_none_is_told(folder):
    done = command(folder, "library", "list", "--lang", "zh", PYTHONIOENCODING="ascii")
    assert done.returncode == 2 and "cannot show Chinese" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    done = command(folder, "library", "list", "--lang", "zh", "--json", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and json.loads(done.stdout)
    for poor in ({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0"}):
        done = command(folder, "library", "list", **poor)
        assert done.returncode == 0 and "Traceback" not in done.stderr


def test_too_little_memory_to_start_is_told_with_what_is_needed(folder):
    done = command(folder, "run", "small.yaml", "--out", "r", before="ulimit -v 800000")
    assert done.returncode == 1 and "1,000 MB are needed" in done.stderr and "Traceback" not in done.stderr
    assert not (folder / "r").exists()


@pytest.mark.slow
@pytest.mark.parametrize("limit_mb", [1100, 1500, 1750, 2000, 2250])
def test_little_memory_gives_results_or_a_sentence(folder, limit_mb):
    assert command(folder, "run", "small.yaml", "--out", "r", "-w", "1", "--json").returncode == 0
    for words in (("export", "r"), ("run", "small.yaml", "--out", f"r{limit_mb}", "-w", "1", "--json")):
        done = command(folder, *words, before=f"ulimit -v {limit_mb * 1000}")
        assert done.returncode == 0 or "not enough memory" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_the_helper_that_compiles_beside_has_a_safe_path(monkeypatch):
    seen = []
    monkeypatch.setattr(jit.subprocess, "Popen", lambda words, **given: seen.append(words))
    jit._importing(("sim.timers",))
    assert seen[0][1] == "-P" and shutil.which(seen[0][0])
