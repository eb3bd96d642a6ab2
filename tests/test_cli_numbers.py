"""Every option that takes a number refuses what is none at once: one sentence, exit code 2, before anything is read."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator

import pytest
import typer
from typer.testing import CliRunner

from gridwhistle import app

runner = CliRunner()
ARGUMENTS = {"scenario": "none-such", "source": "none-such", "log": "none-such.csv", "out": "nowhere"}


def commands(group: typer.Typer, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], typing.Any]]:
    """Yield the words and the function of every command."""
    for one in group.registered_commands:
        assert one.callback is not None
        yield (*words, one.name or one.callback.__name__), one.callback
    for inner in group.registered_groups:
        assert inner.typer_instance is not None and inner.name
        yield from commands(inner.typer_instance, (*words, inner.name))


def parts(hint: typing.Any) -> tuple[type, typing.Any]:
    """Return the kind of value of an annotation, None left out, and what Typer knows of it."""
    kind, *told = typing.get_args(hint)
    if isinstance(kind, types.UnionType):
        kind = next(one for one in typing.get_args(kind) if one is not type(None))
    return kind, told[0]


def flags_of(told: typing.Any) -> list[str]:
    """Return the names of an option, the first of which Typer keeps as its default; none of an argument."""
    return [one for one in (told.default, *(told.param_decls or ())) if isinstance(one, str) and one.startswith("-")]


def numeric() -> list[tuple[tuple[str, ...], str, type]]:
    """Return command, long flag and kind of every parameter that is a number."""
    found = []
    for words, function in commands(app):
        for hint in typing.get_type_hints(function, include_extras=True).values():
            if typing.get_origin(hint) is typing.Annotated:
                kind, told = parts(hint)
                if kind in (int, float):
                    found.append((words, flags_of(told)[0], kind))
    return found


def needed(words: tuple[str, ...]) -> list[str]:
    """Return what a command cannot do without, none of which exists."""
    function = dict(commands(app))[words]
    given: list[str] = []
    for name, hint in typing.get_type_hints(function, include_extras=True).items():
        if name == "return" or inspect.signature(function).parameters[name].default is not inspect.Parameter.empty:
            continue
        told = parts(hint)[1]
        given += [*flags_of(told)[:1], ARGUMENTS[name]]
    return given


def test_all_numbers_of_the_command_line_are_known_here() -> None:
    flags = {flag for _, flag, _ in numeric()}
    assert {
        "--replications", "--seed", "--days", "--workers", "--keep-cases", "--wall-limit", "--memory-limit", "--rows",
        "--replicates", "--time-limit", "--residents", "--speed", "--futures", "--what-if", "--port", "--concurrent",
    } <= flags  # fmt: skip
    assert len(numeric()) >= 33


@pytest.mark.parametrize(
    ("words", "flag", "kind"), numeric(), ids=lambda one: " ".join(one) if type(one) is tuple else ""
)
def test_what_is_no_number_is_refused_at_once(words, flag, kind, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = [
        "nan",
        "-nan",
        "inf",
        "-inf",
        "Infinity",
        "1e400",
        "-1",
        "",
        " ",
        "many",
        "1_0",
        "0x10",
        "１２",
        "9" * 5000,
    ]
    wrong += ["1e15", "5e300"] if kind is float else ["1.5", "1e3", "10000000000000000000"]
    for text in wrong:
        result = runner.invoke(app, [*words, *needed(words), f"{flag}={text}"])
        told = result.stderr.strip().splitlines()
        assert result.exit_code == 2 and result.stdout == "" and len(told) == 1, (text, result.output)
        assert told[0].startswith(f"gridwhistle: field '{flag}': ") and "allowed: " in told[0], (text, told)
        assert len(told[0]) < 300
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "flag", "kind"), numeric(), ids=lambda one: " ".join(one) if type(one) is tuple else ""
)
def test_help_says_the_bounds(words, flag, kind) -> None:
    shown = " ".join(runner.invoke(app, [*words, "--help"]).stdout.split())
    at = shown.index(f"{flag} {'<int>' if kind is int else '<float>'}")
    assert " to " in shown[at : at + 400] or "at most" in shown[at : at + 400]


def test_a_number_is_refused_in_chinese_too() -> None:
    import sys

    words = ["run", "no-such-scenario", "--days", "nan", "--lang", "zh"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["gridwhistle", *words])
        told = runner.invoke(app, words).stderr
    assert "--days" in told and "允许" in told and "impossible" not in told
