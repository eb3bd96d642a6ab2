"""The drill at the command line: files of answers, typed lines, options that go together, exit codes."""

from __future__ import annotations

import json
import os
import re
import sys

import pytest
from typer.testing import CliRunner

from dashboards.texts import Texts
from gridwhistle import app
from scenarios.console import Console
from scenarios.drill import Recording
from scenarios.drill import words as said
from scenarios.drill.answers import Script, act
from scenarios.drill.keys import Lines
from scenarios.drill.terminal import Screen, Terminal
from sim.errors import InputError
from tests import drill_sample as sample

ANSWERS = """\
# an evening in a few lines
D1 1 /12.5 nearest
D2 handle  we manage ourselves
D3 timeout
* rule
@20 note the street was there quickly
@50 release recall
@55.5 say The mayor asks for a report.
@60 rate voice 70 calm
"""


def _file(folder, text=ANSWERS):
    file = folder / "answers.txt"
    file.write_text(text, encoding="utf-8")
    return file


# ---------------------------------------------------------------- files of answers
def test_a_file_of_answers_plays_a_whole_drill(tmp_path):
    made = sample.drill()
    made.start()
    Script.read(_file(tmp_path)).play(made)
    by_id = {p.id: p for p in made.prompts}
    assert made.status == "finished"
    assert by_id["D1"].elapsed_s == 12.5 and by_id["D1"].reason == "nearest"
    assert by_id["D2"].chosen == "handle" and not by_id["D3"].in_time
    assert all(p.chosen == p.rule_option for p in made.prompts if p.id not in ("D1", "D2"))
    assert made.notes[0].t_min == 20 and made.slot("recall").released_min == 50
    assert made.slot("A1").inject.text.en.startswith("The mayor") and made.ratings["voice"].points == 70


@pytest.mark.parametrize(
    ("text", "line", "said_"),
    [("D1 1\nwhat is this\n", 2, "cannot be used"), ("D1 1\nD1 2\n", 2, "cannot be used"), ("* sleep\n", 1, "cannot"),
     ("@5 dance now\n", 1, "cannot be used"), ("@x note a\n", 1, "cannot be used")],
)  # fmt: skip
def test_a_line_that_cannot_be_used_is_named(tmp_path, text, line, said_):
    with pytest.raises(InputError, match=said_) as caught:
        Script.read(_file(tmp_path, text))
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("text", "line"), [("D1 send:moon-1\n", 1), ("\n@3 release moon\n", 2), ("@3 rate voice x\n", 1)]
)
def test_an_answer_that_cannot_be_given_is_named_by_its_line(tmp_path, text, line):
    made = sample.drill()
    made.start()
    with pytest.raises(InputError) as caught:
        Script.read(_file(tmp_path, text)).play(made)
    assert caught.value.line == line


# ---------------------------------------------------------------- typed lines
def test_lines_come_as_they_are_typed_and_waiting_has_an_end():
    read, write = os.pipe()
    with os.fdopen(read) as stream, Lines(stream) as lines:
        assert lines.wait(0.01) is None
        os.write(write, "1 näch".encode())
        assert lines.wait(0.01) is None and lines.typed == "1 näch"
        os.write(write, b"st\np\n")
        assert lines.wait(0.01) == "1 nächst" and lines.wait(0.01) == "p" and not lines.ended
        os.write(write, "派".encode()[:2])  # a character that comes in two pieces
        assert lines.wait(0.01) is None and lines.typed == ""
        os.write(write, "派".encode()[2:] + b"x\x7f\x1b[A 2")
        assert lines.wait(0.01) is None and lines.typed == "派 2"
        os.close(write)
        assert lines.wait(0.01) == "派 2" and lines.ended and lines.wait(0.01) is None


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are not there")
def test_a_terminal_is_left_as_it_was():
    import pty
    import termios

    master, slave = pty.openpty()
    with os.fdopen(slave) as stream:
        before = termios.tcgetattr(stream.fileno())
        with pytest.raises(KeyError), Lines(stream) as lines:
            assert termios.tcgetattr(stream.fileno()) != before
            os.write(master, b"12")
            assert lines.wait(0.2) is None and lines.typed == "12"
            raise KeyError
        assert termios.tcgetattr(stream.fileno()) == before
    os.close(master)


class _Typed:
    """Lines that come one at each look."""

    def __init__(self, *lines):
        self.lines, self.ended, self.typed = list(lines), False, ""

    def wait(self, seconds):
        return self.lines.pop(0) if self.lines else None


def _terminal(typed, step_s=1.0, role="controller", lang="en"):
    made = sample.drill()
    clock = iter(float(n) * step_s for n in range(1_000_000))
    screen = Screen(Console(Texts(lang), lang), role)
    return Terminal(made, screen, typed, seconds=lambda: next(clock))


def test_somebody_at_the_terminal_pauses_answers_and_ends(capsys):
    here = _terminal(_Typed("s 600", "j", "j", "", "p", "1", "p", "n well done", "i", "nonsense", "q enough"))
    here.run()
    made = here.drill
    assert made.status == "stopped" and made.stop_reason == "enough"
    assert made.prompts[0].state == "answered" and made.notes[0].text == "well done"
    out = capsys.readouterr().out
    assert "D1 · Street duty leader" in out and "Not understood: nonsense" in out and "unit-down" in out


def test_a_mistake_at_the_terminal_is_told_and_changes_nothing(capsys):
    here = _terminal(_Typed())
    here.drill.start()
    for text in ("7", "send:moon", "i moon", "s fast", "h", "r voice many"):
        here.take(text)
    assert "No decision is open" in capsys.readouterr().out
    assert {x.kind for x in here.drill.recording.lines} <= {"exercise", "start", "inject"}


def test_a_countdown_at_the_terminal_runs_out_by_itself():
    here = _terminal(_Typed("s 600", "j", "j"), step_s=1.0)
    here.lines.lines += [""] * 70 + ["q"]
    here.run()
    assert not here.drill.prompts[0].in_time


def test_a_role_at_the_terminal_sees_no_inject_list_and_no_truth(capsys):
    here = _terminal(_Typed("j", "j", "i fire", "q"), role="dispatcher")
    here.drill.leave_unfilled(["street_leader"])
    here.run()
    out = capsys.readouterr().out
    assert "It happens" not in out and "Inject" not in out and here.drill.slot("fire").status == "waiting"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_prompt_option_and_event_has_words(lang):
    words, made = Texts(lang), sample.by_rule(sample.drill())
    told = []
    for prompt in made.prompts:
        told.append(said.prompt_title(prompt.about, prompt.hook, words, lang))
        told += said.prompt_details(prompt.about, prompt.hook, words, lang)
        shown = prompt.for_player()["options"]
        told += [said.option_text(o, words, lang) for o in shown] + [said.answer_short(o, words, lang) for o in shown]
    told += [said.event_text(e.kind, e.data, words, lang) for e in made.events]
    assert len(told) > 150 and not any("{" in text or "None" in text for text in told)
    if lang == "zh":
        assert all(re.search("[\u4e00-\u9fff]", text) for text in told if text)


# ---------------------------------------------------------------- the command
def _run(*words):
    return CliRunner().invoke(app, ["drill", *map(str, words)])


def test_the_command_plays_records_reports_and_plays_again(tmp_path):
    done = _run(sample.NAME, "--answers", _file(tmp_path), "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["status"] == "finished" and told["score"]["points"] > 0
    assert (tmp_path / "out" / "aar.html").stat().st_size > 1_000_000
    again = _run("--replay", tmp_path / "out" / "recording.jsonl", "--json", "--no-aar")
    assert again.exit_code == 0 and json.loads(again.stdout)["state_hash"] == told["state_hash"]
    lines = (tmp_path / "out" / "recording.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "off.jsonl").write_bytes(b"".join(lines[:20]))
    resumed = _run("--resume", tmp_path / "off.jsonl", "--auto", "--json", "--no-aar")
    assert resumed.exit_code == 0 and json.loads(resumed.stdout)["status"] == "finished", resumed.output
    words = ("--branch", "D2", "--answer", "whistle:emergency", "--futures", 3, "--json")
    forked = _run("--replay", tmp_path / "out" / "recording.jsonl", *words)
    assert forked.exit_code == 0, forked.output
    found = json.loads(forked.stdout)["branch"]
    assert found["unchanged_equals_parent"] and found["other"] == "whistle:emergency"
    twice = _run(sample.NAME, "--auto", "--out", tmp_path / "out")
    assert twice.exit_code == 2 and "never written over" in twice.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "give one of"),
        (("evening-wage-fir", "--auto"), "no exercise of that name"),
        ((sample.NAME,), "standard input is no terminal"),
        ((sample.NAME, "--auto", "--role", "mayor"), "unknown role"),
        ((sample.NAME, "--auto", "--branch", "D1"), "both --branch and --answer"),
        ((sample.NAME, "--auto", "--branch", "D1", "--answer", "wait"), "branches start from a recording"),
        (("--replay", "none.jsonl"), "cannot be read"),
    ],
)
def test_options_that_do_not_go_together_are_told_in_a_sentence(tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    done = _run(*words)
    assert done.exit_code == 2 and sentence in done.output and "Traceback" not in done.output
    assert not list(tmp_path.iterdir())


def test_auto_leaves_every_role_to_the_rule(tmp_path):
    done = _run(sample.NAME, "--auto", "--out", tmp_path / "o", "--no-aar", "--json")
    assert done.exit_code == 0, done.output
    lines = Recording.read(tmp_path / "o" / "recording.jsonl").lines
    assert any(x.kind == "stand_in" for x in lines) and not any(x.kind in ("decide", "expire") for x in lines)


def test_compiling_is_announced_before_the_exercise_is_prepared(tmp_path, monkeypatch):
    from scenarios.drill import commands

    class Reached(Exception):
        pass

    order = []

    def prepared(exercise):
        order.append("prepared")
        raise Reached

    monkeypatch.setattr(commands, "compile_engine", lambda console: order.append("compiled"))
    monkeypatch.setattr(commands.Ground, "of", prepared)
    given = commands.Options("evening-wage-fire", auto=True, out=tmp_path / "drill")
    with pytest.raises(Reached):
        commands.drill(given, Console(Texts("en"), "en", machine=True), lambda *_: tmp_path)
    assert order == ["compiled", "prepared"]


def test_a_players_note_at_the_terminal_is_the_players(capsys):
    made = sample.drill()
    made.start("street_leader")
    act(made, "note", "alone here", "street_leader")
    act(made, "note", "calm", "controller")
    assert [(n.role, n.kind) for n in made.notes] == [("street_leader", "player"), ("controller", "controller")]
