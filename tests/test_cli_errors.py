"""The command line in the hands of somebody who makes mistakes: one sentence, exit code 2, nothing half-written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scenario_texts import BARE, line_of, write
from typer.testing import CliRunner

import gridwhistle
from gridwhistle import app

runner = CliRunner()
ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    """Run each test in a folder of its own, so that stray output shows."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(*arguments: str, said: list[str]) -> str:
    """Run a command that must be refused; return what it said."""
    before = {path for path in Path.cwd().rglob("*")}
    result = runner.invoke(app, list(arguments))
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert [line.startswith("gridwhistle: ") for line in lines].index(True) == len(lines) - 1, result.stderr
    assert "Traceback" not in result.stderr
    for piece in said:
        assert piece in lines[-1]
    assert {path for path in Path.cwd().rglob("*")} == before, "something was left behind"
    return lines[-1]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("horizon_days: 2", "horizon_h: 48", ["unknown field", "horizon_h", "horizon_days", "days"]),
        ("horizon_days: 2", "horizon_days: 30 min", ["without a unit", "days", "30 min"]),
        ("count: 1\n", "count: -3\n", ["impossible number", "posts.clerk.count", "at least 0"]),
        ("    success:", "    needs: {ghost_office: 0.5}\n    success:", ["ghost_office", "types.call.needs"]),
        ("    success:", "    deadlines: {respond_min: 9, resolve_min: 3}\n    success:", ["deadline", "deadlines"]),
        ("horizon_days: 2", "horizon_days: 2\nscript:\n- {name: a, at_min: -5, type: call}", ["script[0].at_min"]),
        ("shift: always", "shift: never", ["never", "always"]),
        ("places: [[0, 0]]", "places: [[0]]", ["city.bare.places"]),
        ("metric: none", "metric: miles", ["miles", "manhattan"]),
        ("experiment:", "experiment: {replications: 2", ["not readable as YAML"]),
    ],
)
def test_mistakes_in_a_scenario(tmp_path, old, new, said):
    assert old in BARE
    text = BARE.replace(old, new, 1)
    file = write(tmp_path, text)
    sentence = refused("compare", str(file), said=[str(file), "line ", *said])
    assert "allowed" in sentence or "deadline" in sentence or "YAML" in sentence


def test_the_line_is_the_one_of_the_mistake(tmp_path):
    text = BARE.replace("count: 1\n", "coutn: 1\n", 1)
    refused("run", str(write(tmp_path, text)), said=[f"line {line_of(text, 'coutn')},", "'posts.clerk.coutn'", "count"])


def test_truncated_file(tmp_path):
    refused("compare", str(write(tmp_path, BARE[: BARE.index("mean: 8") + 4])), said=["queue.yaml", "line"])


def test_mistakes_in_options(tmp_path):
    file = str(write(tmp_path))
    refused("compare", "no-such-scenario", said=["no scenario", "no-such-scenario"])
    refused("compare", file, "--policy", "one", "--policy", "tow", said=["unknown policy", "tow", "two"])
    refused("compare", file, "--policy", "one", said=["at least two policies"])
    refused("compare", file, "--policy", "one", "--policy", "one", said=["stands twice"])
    refused("compare", file, "--days", "-1", said=["--days", "above 0", "-1"])
    refused("compare", file, "--days", "0.0001", said=["horizon_days", "command line"])
    refused("compare", file, "--city", str(tmp_path), said=["no saved city", "--city"])
    refused("compare", file, "--lang", "fr", said=["unknown language", "fr", "en"])
    refused("export", str(tmp_path / "nothing"), said=["no results"])
    refused("city", "read", str(tmp_path / "nothing"), "--out", "c", said=["no city can be recognised"])
    refused("city", "build", "--residents", "-5", "--out", "c", said=["--residents", "1 to 20,000,000"])
    refused("city", "show", str(tmp_path), said=["city.json"])
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").touch()
    refused("city", "build", "--residents", "500", "--out", "taken", said=["taken already", "--out"])


@pytest.mark.parametrize(
    "arguments", [["compare"], ["run", "x", "--replications", "0"], ["nonsense"], ["run", "x", "--workers", "many"]]
)
def test_wrong_usage_is_exit_code_2(arguments):
    assert runner.invoke(app, arguments).exit_code == 2


def test_results_of_something_else_are_not_touched(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("x")
    refused("run", str(write(tmp_path)), "--out", str(folder), said=["not empty"])


def test_a_missing_extra_names_the_line_to_run(monkeypatch):
    def fails(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'kaleido'", name="kaleido")

    monkeypatch.setattr(gridwhistle, "_console", fails)
    monkeypatch.setattr(sys, "argv", ["gridwhistle", "library", "list"])
    result = runner.invoke(app, ["library", "list"])
    assert result.exit_code == 3
    assert "uv run --extra report gridwhistle library list" in result.stderr


def test_help_is_quick_complete_and_compiles_nothing():
    code = "import sys, gridwhistle\ntry:\n    gridwhistle.main()\nfinally:\n"
    code += "    print(sorted(m for m in ('numba', 'mesa', 'pandas', 'scipy', 'plotly') if m in sys.modules))\n"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    shown = subprocess.run([sys.executable, "-c", code, "--help"], env=env, capture_output=True, text=True, check=True)
    assert shown.stdout.rstrip().endswith("[]")
    for command in ("run", "compare", "sensitivity", "calibrate", "drill", "dashboard", "export", "city", "library"):
        assert f" {command} " in shown.stdout
        assert runner.invoke(app, [command, "--help"]).exit_code == 0
    for absent in (" sweep ", " search ", " discover "):  # only commands that exist are listed
        assert absent not in shown.stdout


def test_library_list_and_show(tmp_path):
    listed = runner.invoke(app, ["library", "list", "--json"])
    assert listed.exit_code == 0, listed.output
    shown = runner.invoke(app, ["library", "show", str(write(tmp_path)), "--lang", "zh"])
    assert shown.exit_code == 0 and "两名办事员" in shown.stdout and "two@" in shown.stdout
    text = runner.invoke(app, ["library", "show", str(write(tmp_path)), "--yaml"])
    again = write(tmp_path, text.stdout, "again.yaml")
    assert runner.invoke(app, ["library", "show", str(again), "--yaml"]).stdout == text.stdout


def graphml(folder: Path, arcs: list[tuple[str, str]], nodes: int = 4) -> str:
    """Write a small road network as OSMnx does and return its path."""
    import networkx as nx

    graph = nx.MultiDiGraph(crs="epsg:32650")
    for i in range(nodes):
        graph.add_node(i, x=100.0 * i, y=50.0 * (i % 2))
    for a, b in arcs:
        graph.add_edge(int(a), int(b), length=112.0 * abs(int(a) - int(b)), highway="residential")
    nx.write_graphml(graph, folder / "roads.graphml")
    return str(folder / "roads.graphml")


RING = [("0", "1"), ("1", "2"), ("2", "3"), ("3", "0")]


def test_disconnected_roads(tmp_path):
    file = graphml(tmp_path, [("0", "1"), ("1", "0"), ("2", "3"), ("3", "2")])
    refused("city", "read", file, "--out", "c", "--residents", "100", said=["roads.graphml", "connected"])


def test_a_truncated_network_file(tmp_path):
    file = Path(graphml(tmp_path, RING))
    file.write_bytes(file.read_bytes()[:400])
    refused("city", "read", str(file), "--out", "c", said=["roads.graphml"])


def test_a_circle_in_the_area_tree(tmp_path):
    tree = tmp_path / "tree.csv"
    tree.write_text("code,name,level,parent\n1,City,city,\n2,North,district,3\n3,South,district,2\n")
    file = graphml(tmp_path, RING)
    sentence = refused(
        "city", "read", file, "--admin-tree", str(tree), "--residents", "500", "--out", "c", said=["tree.csv"]
    )
    assert "2" in sentence and "3" in sentence


def test_a_damaged_saved_city(tmp_path):
    assert runner.invoke(app, ["city", "build", "--residents", "800", "--out", "town"]).exit_code == 0
    file = tmp_path / "town" / "arcs.parquet"
    file.write_bytes(file.read_bytes()[:60])
    refused("city", "show", "town", said=["arcs.parquet"])
    refused("run", str(write(tmp_path)), "--city", "town", said=["arcs.parquet"])


def test_an_empty_roster(tmp_path):
    text = BARE.replace("count: 1\n", "count: 0\n", 1)
    line = f"line {line_of(BARE, 'count: 1')},"
    refused("run", str(write(tmp_path, text)), said=["empty roster", line, "posts.clerk.count"])
    text = BARE.replace("always: {}", "always: {days: []}")
    refused("run", str(write(tmp_path, text)), said=["empty roster", "shifts.always.days"])
    unused = BARE.replace("shifts:", "  spare: {title: {en: S, zh: 备}, kind: unit, count: 0, shift: always}\nshifts:")
    assert runner.invoke(app, ["library", "show", str(write(tmp_path, unused))]).exit_code == 0


def test_a_city_read_from_roads_can_be_shown_and_rebuilt(tmp_path):
    file = graphml(tmp_path, RING)
    result = runner.invoke(app, ["city", "read", file, "--out", "town", "--residents", "400", "--json"])
    assert result.exit_code == 0, result.output
    shown = runner.invoke(app, ["city", "show", "town", "--out", "town.html"])
    assert shown.exit_code == 0 and "400" in shown.stdout
    assert "<html" in (tmp_path / "town.html").read_text("utf-8")
