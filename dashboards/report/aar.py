"""The after-action report of a drill: one HTML file that needs nothing but a browser, marked EXERCISE throughout.

It says what was played, what was decided beside what the rule would have done, how the objectives were met, what
worked and what did not, and leaves a table of corrective actions to be filled in. It names roles, never persons.
The order follows what evaluation guides ask of a report; no text of a standard is quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from dashboards.report import aar_sections as parts
from dashboards.report.html import text
from dashboards.report.write import frame, write_page
from dashboards.texts import Texts

SECTIONS = (
    "overview", "objectives", "timeline", "decisions", "branches", "strengths", "gaps", "actions", "notes", "injects",
    "provenance", "limits", "log",
)  # fmt: skip
STYLE = """
body { padding-top: 42px; }
.exercise { position: fixed; top: 0; left: 0; right: 0; z-index: 5; padding: 6px 24px; background: #ffd54a;
  color: #1f2328; font-weight: 700; letter-spacing: 0.08em; text-align: center; border-bottom: 3px solid #1f2328; }
section { scroll-margin-top: 46px; }
td.fill { min-width: 130px; height: 2.4em; }
td:not(.n) { min-width: 3.6em; }
td.long { min-width: 240px; }
td.short { min-width: 5.5em; }
td.middle { min-width: 9em; }
table.definitions td.short:last-child { min-width: 9em; }
code.hash { font-size: 0.76em; overflow-wrap: anywhere; }
"""


def write_aar(drill: Any, path: str | PathLike[str], lang: str = "en", branches: Sequence[Any] = ()) -> Path:
    """Write the after-action report of a drill, usually one that is over.

    Path, language and errors are those of `dashboards.report.write.write_report`.

    Parameters
    ----------
    drill
        A `scenarios.drill.Drill`.
    branches
        `scenarios.drill.Branch` of decisions that differed from the rule's answer.
    """
    return write_page(path, page(drill, Texts(lang), branches))


def page(drill: Any, t: Texts, branches: Sequence[Any] = ()) -> str:
    """Return the whole report as text."""
    title = getattr(drill.exercise.title, t.lang)
    both = f"{Texts('en')('drill.banner')} 演练"
    body = [
        parts.overview(drill, t),
        parts.objectives(drill, t),
        parts.timeline(drill, t),
        parts.decisions(drill, t, branches),
        parts.branches(branches, t),
        parts.strengths(drill, t),
        parts.gaps(drill, t),
        parts.actions(drill, t),
        parts.notes(drill, t),
        parts.injects(drill, t),
        parts.provenance(drill, t),
        parts.limits(t),
        parts.log(drill, t),
    ]
    links = {"answer" if n == "overview" else n: t(f"drill.aar.{n}") for n in SECTIONS}
    banner = f'<style>{STYLE}</style><div class="exercise" role="note">{text(both)}</div>'
    return frame(t("drill.aar.html_title", title=title), title, links, [banner, *body], t)
