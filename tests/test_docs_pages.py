"""The documentation holds together: generated pages are current, links lead somewhere, Sphinx builds it offline."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.page_codes import KINDS
from scripts.pages import PAGES, REFERENCE, written
from sim.engine.codes import LOG_KINDS

ROOT = Path(__file__).resolve().parent.parent
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


@pytest.mark.parametrize("name", PAGES)
def test_pages_made_from_the_code_are_current(name: str) -> None:
    made = written()[REFERENCE / name]
    assert (REFERENCE / name).read_text() == made, "run: uv run python -m scripts.pages"


def test_every_kind_of_the_log_is_told() -> None:
    assert set(KINDS) == set(LOG_KINDS)


def test_links_lead_to_files() -> None:
    broken = []
    for page in [*TEXTS, *(p for p in (ROOT / "docs").rglob("*.md") if "_build" not in p.parts)]:
        for target in _LINK.findall(page.read_text()):
            if re.match(r"[a-z]+:", target):
                continue
            if not (page.parent / target.partition("#")[0]).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_columns_of_the_kept_tables_are_told() -> None:
    """Every column of a real run's tables stands in its section of the page of results, and no other does."""
    from scenarios import load
    from scenarios.places import city_of
    from sim.model import prepare

    small = {"synthetic": {"residents": 1500, "seed": 1}}
    days = {"horizon_days": 2.0, "warm_up_days": 0.0, "cool_down_days": 0.0}
    scenario = load("ordinary-district").with_changes(days).with_changes({"city": small})
    result = prepare(scenario.spec("as-is"), city_of(scenario)).run(seed=1, replication=0)
    sections = (REFERENCE / "results-layout.md").read_text().split("\n## ")
    for name in ("cases", "incidents", "tasks", "staff", "hours", "looks"):
        (told,) = [text for text in sections if text.startswith(f"{name}\n")]
        assert set(re.findall(r"`([a-z_]+)`", told)) == set(getattr(result, name)().column_names)


def test_sphinx_builds_without_a_warning_and_without_a_network(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="the documentation's tools are not installed (group dev)")
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(tmp_path / "trees"), "docs"]
    done = subprocess.run([*words, str(tmp_path / "site")], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        fetched = re.findall(r'<(?:script|img|iframe)[^>]*\ssrc="(https?:[^"]+)"', page.read_text())
        fetched += re.findall(
            r'<link[^>]*rel="(?:stylesheet|preload|preconnect)"[^>]*href="(https?:[^"]+)"', page.read_text()
        )
        assert fetched == [], page.name
