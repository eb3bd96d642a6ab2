"""The documentation does what it says: commands in it run or at least exist, its Python and YAML work.

``console`` blocks are run, ``shell`` blocks are read by the command line without being carried out, YAML and Python
blocks that begin with ``# file: NAME`` are written, other Python blocks of a tutorial are run in order.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
PAGES = [page for page in PAGES if "_build" not in page.parts and page.name != "bare-scenarios.md"]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
_FILE = re.compile(r"# file: (\S+)\n")
RUN = ["docs/tutorials/first-comparison.md", "docs/how-to/change-numbers.md"]
RUN_SLOWLY = ["docs/tutorials/your-own-policy.md", "docs/tutorials/your-own-city.md", "docs/how-to/write-a-rule.md"]


def _blocks(page: Path) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in _BLOCK.finditer(page.read_text())]


def _commands(text: str) -> list[str]:
    """Return the commands of a block; several joined by && count each."""
    lines = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    return [part.strip() for line in lines for part in line.split("&&")]


def _gridwhistle(words: list[str]) -> list[str] | None:
    """Return the arguments after `gridwhistle`, or None for another command."""
    return words[words.index("gridwhistle") + 1 :] if "gridwhistle" in words else None


def _told() -> list[tuple[str, str]]:
    return [
        (page.relative_to(ROOT).as_posix(), command)
        for page in PAGES
        for language, text in _blocks(page)
        if language in ("console", "shell")
        for command in _commands(text)
    ]


@pytest.mark.parametrize(("page", "command"), _told(), ids=lambda value: str(value)[:60])
def test_commands_in_the_pages_exist_with_their_options(page: str, command: str) -> None:
    import typer.main

    from gridwhistle import app
    from scenarios.library import names

    words = [word for word in shlex.split(command) if not re.match(r"[A-Z]+=", word)]
    given = _gridwhistle(words)
    if given is None:
        assert words[0] in ("pip", "uv", ".ci/run"), f"{page}: {command}"
        if words[:4] == ["uv", "run", "python", "-m"]:
            module = words[4].replace(".", "/")
            assert (ROOT / f"{module}.py").exists() or (ROOT / module).is_dir(), f"{page}: {command}"
        return
    parsed, context = typer.main.get_command(app), None
    while hasattr(parsed, "commands"):
        assert given and given[0] in parsed.commands, f"{page}: {command}"
        parsed, given = parsed.commands[given[0]], given[1:]
    context = parsed.make_context(parsed.name or "", list(given))  # raises on an option that does not exist
    named = context.params.get("scenario") or (context.params.get("name") if parsed.name == "show" else None)
    if isinstance(named, str) and "." not in named:
        assert named in names(), f"{page}: {command}"


def _carry_out(page: str, folder: Path) -> None:
    """Write the files of a page and run its blocks in order, in `folder`."""
    env = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    for language, text in _blocks(ROOT / page):
        file = _FILE.match(text)
        if file is not None:
            (folder / file[1]).write_text(text)
        elif language == "python":
            _run([sys.executable, "-c", text], folder, env)
        elif language == "console":
            for command in _commands(text):
                words = shlex.split(command)
                extra = dict(word.split("=", 1) for word in words if re.match(r"[A-Z]+=", word))
                # -P, as an installed command: the present folder is not searched for modules
                code = "import gridwhistle; gridwhistle.main()"
                _run([sys.executable, "-P", "-c", code, *(_gridwhistle(words) or [])], folder, {**env, **extra})


def _run(words: list[str], folder: Path, env: dict[str, str]) -> None:
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(words[1:])}\n{done.stderr}\n{done.stdout}"


@pytest.mark.parametrize("page", RUN)
def test_a_page_can_be_followed(page: str, tmp_path: Path) -> None:
    _carry_out(page, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN_SLOWLY)
def test_a_longer_page_can_be_followed(page: str, tmp_path: Path) -> None:
    _carry_out(page, tmp_path)


@pytest.mark.slow
def test_the_python_of_the_readme_works(tmp_path: Path) -> None:
    """As it stands there, with a town in place of the district and fewer days and replications."""
    (tmp_path / "small.yaml").write_text(
        "name: small\ntitle: {en: Small, zh: 小}\nextends: whistle-vs-referral\n"
        "city: {synthetic: {residents: 3000, seed: 2}}\nhorizon_days: 8\nwarm_up_days: 1\ncool_down_days: 1\n"
    )
    texts = [text for language, text in _blocks(ROOT / "README.md") if language == "python"]
    assert len(texts) == 2
    (tmp_path / "own_rule.py").write_text(texts[0])
    code = "import own_rule\n" + texts[1].replace('"whistle-vs-referral"', '"small.yaml"').replace("=50", "=2")
    code += "\nassert len(model.cases()) and len(study.runs()) == 4\n"
    code += "assert study.compare('true_resolution_share').rows[0].pairs == 2\n"
    (tmp_path / "shown.py").write_text(code.replace("workers=2", "workers=1"))
    _run([sys.executable, "shown.py"], tmp_path, dict(os.environ))


def test_every_page_with_console_blocks_is_followed() -> None:
    told = {page for page in map(str, (p.relative_to(ROOT).as_posix() for p in PAGES))
            if any(language == "console" for language, _ in _blocks(ROOT / page))}  # fmt: skip
    assert told == {*RUN, *RUN_SLOWLY}
