"""The report of a sensitivity study: one self-contained page, built from the same pieces as a comparison's.

What the answer hangs on first, then what was asked, the results, the charts, the assumptions with their sources, how
to read it, how to reproduce it, and what it cannot say.
"""

from __future__ import annotations

import shlex
from os import PathLike
from pathlib import Path

from calibration.sensitivity.designs import DUMMY_NAME
from calibration.sensitivity.study import SensitivityResult
from calibration.sensitivity.telling import Teller, plain
from dashboards.charts.sensitivity import sensitivity_charts
from dashboards.report.html import chart_figure, paragraph, source_text, table, text
from dashboards.report.sections import section
from dashboards.report.write import frame, write_page
from dashboards.texts import Texts, pick
from scenarios.store import Store
from sim.measures import MEASURES

WEIGHT_SIGNS = {"decisive": "●", "matters": "◐", "unclear": "?", "inert": "○", "noise": "?", "none": "–", "floor": "×"}


def write_sensitivity_report(result: SensitivityResult, path: str | PathLike[str], lang: str = "en") -> Path:
    """Write the report of a study; path, language and errors are those of `dashboards.report.write.write_report`."""
    return write_page(path, sensitivity_page(result, Texts(lang)))


def sensitivity_page(result: SensitivityResult, t: Texts) -> str:
    """Return the whole page as text."""
    tell = Teller(result, t, t.lang)
    title = pick(result.scenario.title, t.lang, result.scenario.name)
    drawn = sensitivity_charts(result, t.lang)
    links = {
        "answer": t("report.answer"),
        "asked": tell.say("report.asked"),
        "results": tell.say("report.results"),
        **({"charts": t("report.charts")} if drawn else {}),
        "assumptions": tell.say("report.factors"),
        "method": tell.say("report.method"),
        "reproduce": t("report.reproduce"),
        "limits": t("report.limits"),
    }
    body = [
        section("answer", links["answer"], _answer(tell)),
        section("asked", links["asked"], _asked(tell, t)),
        section("results", links["results"], _results(tell)),
        section("charts", links["charts"], *[chart_figure(chart, t) for chart in drawn]) if drawn else "",
        section("assumptions", links["assumptions"], _assumptions(tell, t)),
        section("method", links["method"], paragraph(tell.say(f"report.method_{result.method}"))),
        section("reproduce", links["reproduce"], _reproduce(tell, t)),
        section("limits", links["limits"], _limits(tell)),
    ]
    heading = tell.say("report.heading", title=title)
    return frame(tell.say("report.html_title", title=title), heading, links, body, t)


def _answer(tell: Teller) -> str:
    found = tell.paragraphs()
    large = 3 if tell.result.flips else 2
    return "".join(paragraph(p, "answer" if i < large else "") for i, p in enumerate(found))


def _asked(tell: Teller, t: Texts) -> str:
    result, found = tell.result, tell.result.analysis
    word = tell.say(f"report.word_{result.method}")
    rows = result.rows * (result.runs // (result.rows * found.replicates * len(result.target.arms)))
    spec = result.scenario.spec(result.target.arms[0])
    facts = {
        tell.say("report.fact_measure"): f"{tell.measure} ({tell.unit or '–'}; {tell.state})",
        tell.say("report.fact_policies"): tell.what,
        tell.say("report.fact_method"): tell.say(f"methods.{result.method}"),
        tell.say("report.fact_design"): tell.say("report.fact_rows", blocks=result.rows, word=word, rows=f"{rows:,}"),
        tell.say("report.fact_replicates"): found.replicates,
        tell.say("report.fact_runs"): f"{result.runs:,}",
        tell.say("report.fact_mean"): tell.spread(found.mean, sign=result.target.is_effect),
        tell.say("report.fact_noise"): "–" if found.constant else tell.index(found.noise_share),
        t("report.fact_horizon"): f"{spec.horizon_days:g}",
        t("report.fact_seed"): result.seed,
        **_manifest_facts(result, t),
    }
    if result.missing:
        facts[tell.say("report.fact_failed")] = result.missing
    if found.dropped:
        facts[tell.say("report.fact_dropped")] = found.dropped
    items = "".join(f"<div><dt>{text(k)}</dt><dd>{text(v)}</dd></div>" for k, v in facts.items())
    formula = MEASURES[result.target.measure].formula if result.target.measure in MEASURES else None
    told = paragraph(f"{tell.measure}: {pick(formula, t.lang)}", "note") if formula is not None else ""
    return f"<dl class='facts'>{items}</dl>{told}{paragraph(t('report.synthetic'), 'note')}"


def _manifest_facts(result: SensitivityResult, t: Texts) -> dict[str, str]:
    if not (result.folder / "manifest.json").is_file():
        return {}
    manifest = Store.open(result.folder).manifest
    return {
        t("report.fact_scenario"): result.scenario.name,
        t("report.fact_version"): str(manifest.get("code_version", "")),
        t("report.fact_hash"): str(manifest.get("scenario_hash", ""))[:16],
    }


def _results(tell: Teller) -> str:
    result = tell.result
    rows = []
    for name, cells in zip([*result.order, DUMMY_NAME], tell.result_rows(), strict=True):
        numbers = [f'<td class="n">{text(cell)}</td>' for cell in cells[1:-1]]
        sign = WEIGHT_SIGNS[result.verdicts[name].weight]
        meaning = f'<td><span aria-hidden="true">{sign}</span> {text(cells[-1])}</td>'
        rows.append([f'<th scope="row"><code>{text(cells[0])}</code></th>', *numbers, meaning])
    out = table(tell.result_columns(), rows, tell.say("report.results"), "measures")
    if result.flips:
        rows = [[f'<th scope="row"><code>{text(c[0])}</code></th>', *map(text, c[1:])] for c in tell.flip_rows()]
        caption = tell.say("table_flips")
        out += f"<h3>{text(caption)}</h3>" + table(tell.flip_columns(), rows, caption, "measures")
    return out


def _assumptions(tell: Teller, t: Texts) -> str:
    result = tell.result
    head = [
        tell.say("columns.parameter"), tell.say("columns.default"), tell.say("columns.range"),
        tell.say("columns.confidence"), tell.say("columns.source"), t("report.col_meaning"),
    ]  # fmt: skip
    rows = []
    for name in result.order:
        factor = result.factor(name)
        marks = [tell.say("report.narrowed")] if factor.narrowed else []
        if name in result.set_by:
            arms = tell.listing(tell.policy(arm) for arm in result.set_by[name])
            marks.append(tell.say("report.set_here", arms=arms))
        tags = "".join(f' <span class="tag">{text(mark)}</span>' for mark in marks)
        kind = "assumed" if factor.assumed else "sourced"
        rows.append(
            [
                f'<th scope="row"><code>{text(name)}</code>{tags}</th>',
                f'<td>{text(plain(factor.default))}<br><small>{text(t.unit(factor.unit))}</small></td>',
                f'<td class="n">{text(tell.range(name))}<br><small>{text(tell.say(f"laws.{factor.law}"))}</small></td>',
                f'<span class="tag {kind}">{text(t.name("confidence", factor.confidence))}</span>',
                source_text(factor.source, t), text(factor.title(t.lang)),
            ]
        )  # fmt: skip
    note = paragraph(tell.say("report.parameters_note"), "note")
    return note + table(head, rows, tell.say("report.factors"), "parameters")


def command(result: SensitivityResult) -> str:
    """Return the command line that gives the same numbers again from the stored scenario."""
    words = ["gridwhistle", "sensitivity", str(result.folder / "scenario.yaml"), "--method", result.method]
    words += ["--rows", str(result.rows), "--replicates", str(result.analysis.replicates)]
    words += ["--measure", result.target.measure, "--seed", str(result.seed)]
    for arm in result.target.arms:
        words += ["--policy", arm]
    for factor in result.factors:
        span = f"={factor.low:.17g}..{factor.high:.17g}" if factor.narrowed else ""
        words += ["--parameter", f"{factor.name}{span}"]
    return shlex.join(words)


def _reproduce(tell: Teller, t: Texts) -> str:
    result = tell.result
    return (
        paragraph(t("report.reproduce_text"))
        + f'<pre tabindex="0"><code>{text(command(result))}</code></pre>'
        + paragraph(f"{t('report.results_at')}: {result.folder}")
    )


def _limits(tell: Teller) -> str:
    names = ["ranges", "independent", "model", "city", *(["flips"] if tell.result.flips else [])]
    return "<ul>" + "".join(f"<li>{text(tell.say(f'report.limit_{n}'))}</li>" for n in names) + "</ul>"
