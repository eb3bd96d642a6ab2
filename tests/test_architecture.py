"""The arrows of the house: imports run one way, Mesa is touched in one place, and looking does not compile."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sim

ROOT = Path(sim.__file__).resolve().parent.parent
PACKAGES = ("sim", "scenarios", "calibration", "dashboards")  # lower to higher; gridwhistle is above all
# inside sim, from low to high: what a level may import is itself and what is below
KERNEL = {"sim.kernel", "sim.assemble", "sim.tables_out", "sim.model", "sim.mesa_model", "sim.arm_changes"}
# these stand beside the model's face though they live with their concept: they run or show whole models
MODEL_LEVEL = KERNEL | {
    "sim.check", "sim.cases.tabulate", "sim.policies.check", "sim.policies.trial", "sim.agents.views",
}  # fmt: skip
LIGHT = {"sim.errors", "sim.plain_values", "sim.register", "sim.yaml_file"}
# the register also lists the shipped catalogue's numbers; it reads them only when asked for those
DEFERRED = {("sim.register", "sim.cases.load")}
LEVELS = ("light", "engine", "concepts", "spec", "loop", "model")


def modules(package: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported(path: Path, always: bool = False) -> Iterator[str]:
    """Yield the modules that a file imports; ``always``: only on import of the file itself, at its top level."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [n for n in tree.body] if always else list(ast.walk(tree))
    skipped: set[int] = set()
    for node in nodes:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            skipped |= {id(n) for n in ast.walk(node)}
    for node in nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} has a relative import"
            for alias in node.names:  # the name may be a module of its own
                inner = f"{node.module}.{alias.name}"
                yield inner if _is_module(inner) else node.module


def _is_module(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def level(module: str) -> str:
    if module in LIGHT:
        return "light"
    if module in MODEL_LEVEL or module == "sim" or module.startswith("sim.measures."):  # measures read finished runs
        return "model"
    if module in {"sim.loop", "sim.instants", "sim.timers"}:
        return "loop"
    if module == "sim.spec":
        return "spec"
    return "engine" if module.startswith("sim.engine") else "concepts"


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_what_is_below_them(package):
    higher = (*PACKAGES[PACKAGES.index(package) + 1 :], "gridwhistle")
    for name, path in modules(package):
        wrong = [found for found in imported(path) if found.split(".")[0] in higher]
        assert not wrong, f"{name} imports {wrong}"


def test_inside_sim_imports_run_from_model_to_loop_to_concepts_to_engine():
    for name, path in modules("sim"):
        if name == "sim":
            continue
        for found in imported(path):
            if found.split(".")[0] == "sim" and found != "sim":
                up = LEVELS.index(level(found)) > LEVELS.index(level(name))
                if (name, found) in DEFERRED:
                    assert found not in imported(path, always=True), f"{name} imports {found} at its top"
                    continue
                assert not up, f"{name} ({level(name)}) imports {found} ({level(found)})"


def test_the_engine_knows_no_concept():
    for name, path in modules("sim/engine"):
        mine = [f for f in imported(path) if f.startswith("sim.") and f not in LIGHT]
        wrong = [f for f in mine if not f.startswith("sim.engine")]
        assert not wrong, f"{name} imports {wrong}"


def test_no_imports_run_in_a_circle():
    """Top-level imports of all packages form no cycle (deferred ones inside functions are allowed)."""
    graph = {
        name: {f for f in imported(path, always=True) if f.split(".")[0] in PACKAGES}
        for package in PACKAGES
        for name, path in modules(package)
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"circle: {' -> '.join((*trail, name))}"
        if name in done or name not in graph:
            return
        for target in sorted(graph[name]):
            visit(target, (*trail, name))
        done.add(name)

    for name in sorted(graph):
        visit(name, ())


def test_mesa_is_touched_in_one_module_only():
    everything = [pair for package in PACKAGES for pair in modules(package)]
    users = [name for name, path in everything if any(f.split(".")[0] == "mesa" for f in imported(path))]
    assert users == ["sim.mesa_model"]


def _loaded(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('|'.join(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(out.stdout.strip().splitlines()[-1].split("|"))


LOOKING = ("import sim", "import scenarios", "import sim.spec", "import sim.policies", "import gridwhistle")


@pytest.mark.parametrize("code", LOOKING)
def test_looking_around_starts_no_compiler(code):
    assert not _loaded(code) & {"numba", "mesa"}


def test_help_starts_no_compiler():
    code = "import gridwhistle\ntry:\n    gridwhistle.main(['--help'])\nexcept (SystemExit, TypeError):\n    pass"
    assert not _loaded(code) & {"numba", "mesa"}


def test_an_input_error_starts_no_compiler(tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("horizon_dais: 3\n", encoding="utf-8")
    code = (
        "import sim.cases.load\nfrom sim.errors import InputError\n"
        f"try:\n    sim.cases.load.load_catalogue({str(wrong)!r})\nexcept InputError:\n    pass\n"
    )
    assert "numba" not in _loaded(code)
