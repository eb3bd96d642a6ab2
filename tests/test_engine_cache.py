"""Compiled kernels are kept between processes and can never be stale."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sim
from sim.engine import jit
from sim.engine.sources import compiled_sources

ROOT = Path(sim.__file__).resolve().parent.parent
_PROBE = """
from sim.policies.rules import find_rule
import sim.kernel, sim.loop
rule = find_rule("dispatch", "nearest_idle").compiled
parts = {"advance": sim.loop.advance, "shifts": sim.loop.start_shifts, "rule": rule}
for name, part in parts.items():
    print(name, sum(part.stats.cache_hits.values()), sum(part.stats.cache_misses.values()))
"""


def test_a_second_process_compiles_nothing():
    import sim.kernel  # noqa: F401  (the first process: compiles or finds all there is)

    out = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, check=True, cwd=ROOT)
    found = {line.split()[0]: tuple(map(int, line.split()[1:])) for line in out.stdout.strip().splitlines()}
    assert set(found) == {"advance", "shifts", "rule"}
    for name, (hits, misses) in found.items():
        assert (hits, misses) == (1, 0), f"{name}: {hits} hits, {misses} misses"


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A copy of all compiled sources, where one may be changed."""
    house = tmp_path / "sim"
    for path in compiled_sources(jit._HERE):
        copy = house / path.relative_to(jit._HERE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(jit, "_HERE", house)
    return house


def test_equal_sources_have_equal_keys_wherever_they_lie(sources, monkeypatch):
    here = jit.cache_key()
    monkeypatch.undo()
    assert here == jit.cache_key()


@pytest.mark.parametrize(
    "file", ["engine/draws.py", "engine/codes.py", "cases/handling.py", "agents/ability.py", "policies/pick.py",
             "institutions/whistles.py", "loop.py", "register.yaml"],
)  # fmt: skip
def test_any_change_of_a_compiled_source_changes_the_key(sources, file):
    before = jit.cache_key()
    (sources / file).write_bytes((sources / file).read_bytes() + b"\n")
    assert jit.cache_key() != before


def test_a_renamed_source_changes_the_key(sources):
    before = jit.cache_key()
    (sources / "cases/tasks.py").rename(sources / "cases/duties.py")
    assert jit.cache_key() != before


@pytest.mark.parametrize("file", ["measures/indicators.py", "kernel.py", "assemble.py", "model.py", "tables_out.py"])
def test_what_only_reads_tables_compiles_nothing_anew(file):
    assert (jit._HERE / file).exists() and jit._HERE / file not in compiled_sources(jit._HERE)


def test_every_compiled_function_lies_in_a_source_of_the_key():
    import sim.kernel
    import sim.model  # noqa: F401  (all that compiles is imported)

    known, found = set(compiled_sources(jit._HERE)), set()
    for name, module in list(sys.modules.items()):
        if name == "sim" or name.startswith("sim."):
            compiled = [one for one in vars(module).values() if hasattr(one, "py_func")]
            found |= {Path(one.py_func.__code__.co_filename) for one in compiled}
    assert len(found) > 20 and {path for path in found if jit._HERE in path.parents} <= known


def test_the_cache_lies_in_the_folder_of_the_key():
    import numba

    assert jit.CACHE_DIR.name == jit.cache_key() and Path(numba.config.CACHE_DIR) == jit.CACHE_DIR


def test_a_rule_without_a_file_compiles_too():
    """A rule typed at a prompt has no file by which to keep a cache; it still works."""
    code = (
        "from sim.policies import Answer, WAIT, rule\nfrom sim.policies.rules import rules\n@rule('dispatch')\n"
        "def nobody(view, task, slot, now):\n    return Answer(WAIT, 0, 0.0)\nprint('nobody' in rules('dispatch'))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "True"
