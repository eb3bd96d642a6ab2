"""Every table of the command line is right at every width from 60 to 200 columns, in both languages, and in a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from sensitivity_jobs import TOWN
from terminal_widths import WIDTHS, assert_whole, printed, tables_of
from typer.testing import CliRunner

from gridwhistle import app
from scenarios import Experiment, load
from scenarios.cities import _print
from scenarios.console import Console
from scenarios.laid_out import _folded
from scenarios.library import names
from scenarios.library_told import show_list, show_one
from scenarios.study import Study


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    """A small town under both policies, four replications each."""
    folder = tmp_path_factory.mktemp("widths")
    (folder / "town.yaml").write_text(TOWN, encoding="utf-8")
    return Experiment(load(str(folder / "town.yaml")), replications=4).run(store=folder / "study", keep_cases=0)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_comparison_is_whole_at_every_width(study: Study, lang: str) -> None:
    made = study.comparisons()
    (asked,) = tables_of(lambda console: console.comparisons(study, made), lang)
    assert len(asked[0][1]) >= 8 and all(row[0] and row[-2] for row in asked[0][1])
    assert_whole(*asked, WIDTHS)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_means_are_whole_at_every_width(study: Study, lang: str) -> None:
    (asked,) = tables_of(lambda console: console.means(study), lang)
    assert_whole(*asked, WIDTHS)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_lists_of_scenarios_and_cities_are_whole(study: Study, lang: str) -> None:
    def show(console: Console) -> None:
        show_list(console)
        show_one("whistle-vs-referral", False, console)
        _print(study.city, console)

    asked = tables_of(show, lang)
    assert len(asked) == 4
    for one in asked:
        assert_whole(*one, range(60, 201, 5))


def test_a_verdict_with_replications_needed_is_whole(study: Study) -> None:
    row = ["Cost per truly settled trouble", "true", "1,499,000 yuan", "1,500,000 yuan",
           "+10.0 yuan (-100,005.1 to 100,014.9)", "undecided; 12,345 more replications",
           "20 (2.1 to 131)"]  # fmt: skip
    heads = ["indicator", "state", "One department after another", "Whistle and report", "difference", "verdict", "r"]
    assert_whole((heads, [row, row]), {"about": 2, "aside": 1}, WIDTHS)
    assert len(printed((heads, [row]), {"about": 2, "aside": 1}, 60)) > len(printed((heads, [row]), {}, 200))


def test_heads_fold_between_words_and_chinese_between_characters() -> None:
    assert _folded("One department after another", 14) == "One department\nafter another"
    assert _folded("逐部门转办再转办", 6) == "逐部门转办再\n转办"
    assert _folded("short", 3) == "short"


@pytest.mark.parametrize("command", [["library", "list"], ["library", "show", "whistle-vs-referral", "--lang", "zh"]])
def test_a_pipe_gets_what_a_pager_of_a_hundred_columns_shows(command: list[str], monkeypatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    from rich.cells import cell_len

    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0 and max(map(cell_len, done.output.splitlines())) <= 100
    monkeypatch.setenv("COLUMNS", "180")
    wide = CliRunner().invoke(app, command).output
    assert max(map(cell_len, wide.splitlines())) > 100


@pytest.mark.skipif(sys.platform != "linux", reason="needs a pseudo terminal")
def test_the_command_itself_in_a_pseudo_terminal() -> None:
    """The terminal's own size is heeded, and nothing is lost on the way there."""
    for columns in (60, 129):
        text = _in_terminal(["library", "list"], columns)
        assert all(name in text for name in names())
        assert max(map(len, text.splitlines())) <= columns


def _in_terminal(arguments: list[str], columns: int) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    env = {k: v for k, v in os.environ.items() if k != "COLUMNS"} | {"TERM": "xterm", "NO_COLOR": "1"}
    code = "import gridwhistle; gridwhistle.main()"
    root = Path(__file__).resolve().parent.parent
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=root
    )
    os.close(theirs)
    said = bytearray()
    try:
        while chunk := os.read(ours, 4096):
            said += chunk
    except OSError:  # the other end is closed
        pass
    assert process.wait(60) == 0
    return said.decode().replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\r", "")
