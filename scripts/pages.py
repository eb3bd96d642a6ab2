"""Write the reference pages that are made from the code, so that they cannot drift from it.

Each page is a function from the code's own tables (measures, register, catalogue, forms, commands, log kinds,
rules) to Markdown. A test compares the pages on disk with what this would write. Pages that people write are
not touched.

Usage::

    uv run python -m scripts.pages           # write
    uv run python -m scripts.pages --check   # exit code 1 when a page is not current
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.page_codes import codes_page
from scripts.page_forms import commands_page, form_page

if TYPE_CHECKING:
    from sim.measures import Measure

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
NOTE = "<!-- written by scripts/pages.py from the code; change the code, then run it again -->\n\n"


def measures_page() -> str:
    """Return the table of indicators."""
    from sim.measures import MEASURES
    from sim.measures.kind_names import described

    rows = [_measure_row(name, m) for name, m in MEASURES.items()]
    kinds = [_measure_row(f"kind.<group>.{key}", m) for key, m in described().items()]
    head = "| name | title | unit | over | state | better | formula |\n|---|---|---|---|---|---|---|\n"
    return (
        "# Measures\n\n"
        "Every indicator of a run, as `study.runs()` and the tables of a report show it. The *cohort* is the incidents "
        "that occur after the warm-up and before the cool-down; *trouble* is every incident that is not an enquiry; it "
        "is *told* once any report of it reached anybody. *Over* says what a share is a share of, and what a mean or a "
        "count is taken over: of the trouble of the cohort unless the formula speaks of the whole run. *State* says "
        "what a measure reads: `true` is what is so in the simulated city, `reported` what its records say, `both` "
        "compares the two or is the same in both. True measures divide by incidents, never by cases. Open cases are "
        "censored; every restricted mean, curve and map goes to the one limit `measure.restricted_mean_days` of the "
        "[register](register.md).\n\n"
        "Each value belongs to one replication; how replications are compared is told in "
        "[statistics](../background/statistics.md). A measure that does not exist in a run (no emergency was told, "
        "say) is NaN there, and the comparison says how many replications lacked it.\n\n"
        + head
        + "\n".join(rows)
        + "\n\n## Within kinds\n\n"
        "A mean over unlike things says little: minutes for an ambulance and days for a quarrel. These measures stand "
        "for one *group* each. The groups are read from the types of the model: an emergency belongs to the department "
        "that answers it, as `emergency.fire`, every other trouble to its `kind` in the "
        "[catalogue](catalogue.md), as `dispute`. An experiment names them under `measures:` like any other, as "
        "`kind.emergency.fire.response_min`; a table shows them when they are asked for, the report has them all.\n\n"
        + head
        + "\n".join(kinds)
        + "\n"
    )


def _measure_row(name: str, m: Measure) -> str:
    over = m.of.en if m.of is not None else "–"
    titles = f"{m.title.en} · {m.title.zh}"
    return f"| `{name}` | {titles} | {m.unit} | {over} | {m.state} | {m.better} | {_cell(m.formula.en)} |"


def register_page() -> str:
    """Return the register of parameters."""
    from sim import register

    return (
        "# The register of parameters\n\n"
        "Every number that a rule, the model, the city builder or a measure reads and that does not stand in the "
        "[catalogue](catalogue.md) or among the [institutions](scenario-form.md). A scenario or a policy changes them "
        "under `parameters:`, those of scope city under `city:`. A value outside the plausible range is taken and "
        "told, unless its source stands under `provenance:`; one that has no meaning (a share above 1, a negative "
        "time) is refused, and one that nothing reads in that model is told. *Confidence* says how well a number is "
        "known: official, paper, news, local, derived (worked out from a cited figure), weak, or assumption: nothing "
        "assumed is dressed as a fact. Ids such as `D13` or `Q10` are rows of the project's collection of published "
        "facts, ids such as `C11` of its collection of governance mechanisms.\n\n"
        "Besides these, `type.<name>.rate_per_1000_year`, `type.<name>.success_base`, `type.<name>.repeat_share` and "
        "`type.<name>.touch_factor` exist for every case type of the shipped catalogue.\n\n"
        + register.markdown().replace("### ", "## ")
    )


def catalogue_page() -> str:
    """Return the shipped case types: a table to survey them and what each is made of."""
    from sim.cases.load import load_catalogue

    kinds = load_catalogue()
    lines = [
        "# The catalogue of case types\n",
        f"The {len(kinds)} shipped types. The rate is incidents per 1,000 residents a year that *occur*, told or not. "
        "What becomes known, closed or repeated is an outcome and stands nowhere here. All fields, their meaning and "
        "defaults: [the scenario form](scenario-form.md); a scenario changes or adds types under `types:`.\n",
        "| name | title | kind | rate | closes at | department | may need | touch, mean min |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, k in kinds.items():
        touch = sum(stage.touch_min.mean * stage.staff for stage in k.stages)
        needs = ", ".join(f"{d} {p:g}" for d, p in k.needs.items()) or "–"
        lines.append(
            f"| `{name}` | {k.title.en} · {k.title.zh} | {k.kind} | {k.rate_per_1000_year:g} | "
            f"{k.closes_at or 'department'} | {k.department or '–'} | {needs} | {touch:.0f} |"
        )
    lines.append("\nTouch is the sum over all stages, were each done once.\n\n## Where the numbers come from\n")
    for name, k in kinds.items():
        said = "; ".join(f"{field}: {source}" for field, source in k.provenance.items())
        lines.append(f"- `{name}`: {said or 'assumption'}")
    return "\n".join(lines) + "\n"


def rules_page() -> str:
    """Return the built-in rules by hook, and the tables that a rule may read."""
    from sim.engine.tables import DTYPES, KNOWN, NDIM
    from sim.policies.rules import rules

    lines = [
        "# Rules and what they may know\n",
        "A policy names one rule for each hook under `rules:`. The built-in ones:\n",
    ]
    for hook in ("dispatch", "pick", "priority", "coordinate", "report_in", "reposition"):
        lines += [f"## `{hook}`\n", "| name | what it does |", "|---|---|"]
        for name, rule in sorted(rules(hook).items()):
            if not rule.python.__module__.startswith("sim.policies."):
                continue
            lines.append(f"| `{name}`{' (dynamic)' if rule.dynamic else ''} | {_cell(rule.summary)} |")
        lines.append("")
    lines += [
        "## Tables of the view\n",
        "A rule sees these and no others: no incidents, no drawn work times, no future. Rows are read as "
        "`view.cases[i].deadline_min`; -1 is none, 1e300 is not yet, places are rows of `view.travel`, departments "
        "of a case are bits of a mask. `view.rules[0]` holds the register's parameters of scope `rule`, dots as "
        "underscores.\n",
        "| table | columns |",
        "|---|---|",
    ]
    for name in KNOWN:
        dtype = DTYPES[name]
        columns = ", ".join(f"`{column}`" for column in dtype.names) if dtype.names else f"{dtype}, {NDIM[name]} axes"
        lines.append(f"| `{name}` | {columns} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


PAGES: dict[str, Callable[[], str]] = {
    "measures.md": measures_page,
    "register.md": register_page,
    "catalogue.md": catalogue_page,
    "rules.md": rules_page,
    "scenario-form.md": form_page,
    "commands.md": commands_page,
    "event-log.md": codes_page,
}


def written() -> dict[Path, str]:
    """Return every generated page: file -> text."""
    return {REFERENCE / name: NOTE + make() for name, make in PAGES.items()}


def main() -> int:
    """Write or check the pages."""
    parser = argparse.ArgumentParser(description="Write the reference pages made from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is not current")
    check = parser.parse_args().check
    stale = [(file, text) for file, text in written().items() if not file.exists() or file.read_text() != text]
    for file, text in stale:
        print(f"{'not current' if check else 'written'}: {file.relative_to(ROOT)}")
        if not check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
