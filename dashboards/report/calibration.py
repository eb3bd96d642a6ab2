"""The report of a calibration: one HTML file with the verdict first, the test, the fits, and how they were chosen.

It takes what `calibration.command` brought and adds nothing to it.
"""

from __future__ import annotations

import datetime as dt
import re
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from calibration.caselog.diagnosis import Finding
from calibration.command import Outcome
from calibration.durations import DurationFit
from calibration.fits import GroupFit
from calibration.measured import STATISTICS, quantile
from calibration.observed import Sample
from calibration.said import named
from calibration.told import joint_lines, open_ends, sizes
from dashboards.charts.base import Chart
from dashboards.charts.calibration import (
    GOOD,
    arrivals_by_day,
    arrivals_by_hour,
    arrivals_by_weekday,
    closing_curves,
    misses,
    quantile_plot,
)
from dashboards.charts.phrases import DASH, ends, number, quantity, shown
from dashboards.report.html import chart_figure, paragraph, table, text
from dashboards.report.sections import section
from dashboards.report.write import frame, write_page
from dashboards.texts import Texts, pick

SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
OF_THE_FILE = ("column", "found", "allowed")
NUMBER = re.compile(r"[\d.,%]*")
OPEN, CLOSE = "\ue000", "\ue001"  # no text has these characters: they are nobody's
SECTIONS = ("answer", "test", "charts", "fits", "choices", "data", "provenance", "reproduce", "limits")


def write_calibration_report(outcome: Outcome, path: str | PathLike[str], lang: str = "en") -> Path:
    """Write the report of what `calibration.command.calibrate` returned.

    Path, language and errors are those of `dashboards.report.write.write_report`.
    """
    return write_page(path, page(outcome, Texts(lang)))


def page(outcome: Outcome, t: Texts) -> str:
    """Return the whole page as text."""
    title = t("calibrate.report.title", file=outcome.fit.log.source.name)
    parts = {
        "answer": _answer(outcome, t),
        "test": _test(outcome, t),
        "charts": "".join(chart_figure(c, t) for c in charts(outcome, t.lang)),
        "fits": _fits(outcome, t),
        "choices": _choices(outcome, t),
        "data": _data(outcome, t),
        "provenance": _provenance(outcome, t),
        "reproduce": f'<pre tabindex="0"><code>{text(outcome.command)}</code></pre>',
        "limits": _list([t(f"calibrate.report.limit_{name}") for name in ("chance", "future", "reported")]),
    }
    links = {name: t(f"calibrate.report.{name}") for name in SECTIONS}
    body = [section(name, links[name], parts[name]) for name in SECTIONS]
    return frame(title, title, links, body, t)


def charts(outcome: Outcome, lang: str) -> list[Chart]:
    """Return the charts of a calibration, in the order of a reader's questions."""
    fit, held = outcome.fit, outcome.held
    mornings = next(((r.observed, r.simulated) for r in held.rows if r.statistic == "morning_share"), (np.nan, np.nan))
    allowed = np.concatenate([g.allowed_min for g in fit.groups.values()])
    first = next(iter(fit.groups.values()))
    return [
        misses(held.table, lang),
        closing_curves(held.curves, float(np.median(allowed)) if len(allowed) else None, lang),
        arrivals_by_hour(held.hourly, mornings, lang),
        arrivals_by_weekday(held.weekly, lang),
        arrivals_by_day(held.daily, lang),
        quantile_plot(quantile_table(first.cycle, fit.seen.only(fit.seen.group == first.name)), lang),
    ]


def quantile_table(law: DurationFit, seen: Sample) -> pd.DataFrame:
    """Return quantiles of the cases a law was fitted to beside the law's own, in elapsed minutes."""
    used = seen.only(seen.opened_min >= np.quantile(seen.opened_min, 1 - law.recent)) if law.recent < 1 else seen
    observed = [quantile(used.cycle_min, used.cycle_open, p) for p in SHARES]
    low, high = (np.where(np.isfinite(end), end, np.nan) for end in law.elapsed.interval(SHARES))
    return pd.DataFrame(
        {"share": SHARES, "observed": observed, "fitted": law.elapsed.quantile(SHARES), "low": low, "high": high}
    )


def _list(lines: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{text(line)}</li>" for line in lines) + "</ul>"


def _answer(outcome: Outcome, t: Texts) -> str:
    verdicts = outcome.held.table["verdict"]
    fields = {"file": outcome.fit.log.source.name, "days": outcome.fit.held.days, "total": len(verdicts)}
    good = int(verdicts.isin(GOOD).sum())
    status = outcome.made.status
    far = int((verdicts == "far").sum())
    told = paragraph(t(f"calibrate.report.answer_{status}", good=good, far=far, **fields), "answer")
    if status == "published":
        return told
    found = [*outcome.made.draft_reasons, *outcome.made.differences]
    return told + paragraph(t(f"calibrate.status.{status}")) + _list([one.of(t.lang) for one in found])


def _number(value: str) -> str:
    return f'<td class="n" style="white-space:nowrap">{text(value)}</td>'


def _test(outcome: Outcome, t: Texts) -> str:
    fit, held = outcome.fit, outcome.held
    rows = [
        [
            f'<th scope="row">{text(pick(STATISTICS[row.statistic].title, t.lang))} '
            f'<span class="tag reported">{text(t("states.reported"))}</span></th>',
            _number(shown(row.observed, row.unit, t)),
            _number(shown(row.simulated, row.unit, t)),
            _number(ends(shown(row.low, row.unit, t), shown(row.high, row.unit, t), t)),
            _number(f"±{shown(row.noise, row.unit, t)}"),
            f'<td class="v">{text(t(f"calibrate.verdicts.{row.verdict}", times=number(row.misses, 2)))}</td>',
        ]
        for row in held.rows
    ]
    head = [t(f"calibrate.columns.{c}") for c in ("statistic", "observed", "simulated", "interval", "noise", "verdict")]
    joint = "".join(paragraph(line) for line in joint_lines(held.joint, t))
    title = t("calibrate.held_title", start=fit.held.start, days=fit.held.days, replications=held.replications)
    return table(head, rows, title, "measures") + paragraph(t("calibrate.held_note"), "note") + joint


def _fits(outcome: Outcome, t: Texts) -> str:
    parts = []
    for name, group in outcome.fit.groups.items():
        if outcome.fit.column is not None:
            parts.append(f'<p class="kicker"><code>{text(name)}</code></p>')
        parts.append(_arrivals(group, t) + _law(group.cycle, t("calibrate.closing_title"), t))
        if group.tail is not None:
            key = "end_title_scaled" if group.tail.scaled else "end_title"
            parts.append(_law(group.tail.fit, t(f"calibrate.{key}"), t))
    lost = _list([t(f"calibrate.lost.{key}") for key in outcome.made.lost])
    return "".join(parts) + paragraph(t("calibrate.lost_head")) + lost


def _arrivals(group: GroupFit, t: Texts) -> str:
    a, d = group.arrivals, group.arrivals.dispersion
    form = named("+".join(a.day_terms) or "level", t.lang)
    p = "p < 0.001" if a.gaps.ks_p < 0.001 else f"p = {a.gaps.ks_p:.3f}"
    rows = [
        ("per_day", number(a.per_day), ends(number(a.per_day_low), number(a.per_day_high), t)),
        ("hours", named(a.hour_form, t.lang), ""),
        ("days", form, ""),
        ("trend", number(a.trend_per_year), ends(number(a.trend_low), number(a.trend_high), t)),
        ("dispersion", number(d.phi), ends(number(d.phi_low), number(d.phi_high), t)),
        ("alpha", number(d.alpha), open_ends(d.alpha_low, d.alpha_high, t)),
        (
            "gaps",
            t("phrases.comma").join([f"KS {a.gaps.ks:.3f}, {p}", f"AD {number(a.gaps.ad)}, {a.gaps.ad_p_text}"]),
            "",
        ),
    ]
    shown_rows = [
        [f'<th scope="row">{text(t(f"calibrate.rows.{key}"))}</th>', _number(value), _number(ends)]
        for key, value, ends in rows
        if key != "trend" or "trend" in a.day_terms
    ]
    head = [t(f"calibrate.columns.{c}") for c in ("arrivals", "value", "interval")]
    title = t("calibrate.arrivals_title", cases=f"{a.cases:,}", days=a.days)
    return f"<h3>{text(title)}</h3>" + table(head, shown_rows, title, "definitions")


def _law(fitted: DurationFit, title: str, t: Texts) -> str:
    rows = []
    for part in fitted.law.described():
        name = named(str(part["part"]), t.lang)
        rows.append(
            [
                f'<th scope="row">{text(name)}</th>',
                _number(quantity(float(part["share"]), "share", t)),
                f'<td class="said">{text(sizes(part, t, fitted))}</td>',
            ]
        )
    head = [t(f"calibrate.columns.{c}") for c in ("part", "share", "parameters")]
    law = fitted.law
    fields: dict[str, Any] = {
        "cases": f"{law.cases:,}",
        "open": law.cases - law.ended,
        "latest": f"{fitted.recent:.0%}",
    }
    notes = paragraph(t("calibrate.law_note", **fields), "note")
    if fitted.office is not None:
        hours = f"{fitted.office.opens_h:g}–{fitted.office.closes_h:g}"
        notes += paragraph(t("calibrate.office_note", hours=hours, outside=f"{fitted.outside:.1%}"), "note")
    return f"<h3>{text(title)}</h3>" + table(head, rows, title, "definitions") + notes


def _choices(outcome: Outcome, t: Texts) -> str:
    parts = [paragraph(t("calibrate.report.choices_note"), "note")]
    for name, group in outcome.fit.groups.items():
        tables = [group.arrivals.candidates, group.cycle.candidates]
        tables += [group.tail.candidates, group.tail.fit.candidates] if group.tail is not None else []
        title = t("calibrate.report.choices") + (t("phrases.colon") + name if outcome.fit.column is not None else "")
        whole = pd.concat([frame for frame in tables if len(frame)], ignore_index=True)
        shown = f"<code>{text(name)}</code>" if outcome.fit.column is not None else text(title)
        parts.append(f"<details><summary>{shown}</summary>{_candidates(whole, title, t)}</details>")
    return "".join(parts)


def _candidates(frame: pd.DataFrame, title: str, t: Texts) -> str:
    columns = ["what", "form", "parameters", "score", "behind", "error", "aic", "chosen"]
    rows = []
    for row in frame.reindex(columns=columns).to_dict("records"):
        cells = [
            _number(DASH if pd.isna(row[c]) else f"{row[c]:.4g}")
            for c in ("parameters", "score", "behind", "error", "aic")
        ]
        mark = t("words.yes") if row["chosen"] is True or row["chosen"] == 1 else ""
        form = f'<th scope="row">{text(named(row["form"], t.lang))}</th>'
        rows.append([text(named(row["what"], t.lang)), form, *cells, text(mark)])
    return table([t.name("calibrate.choice_columns", c) for c in columns], rows, title, "data")


def _data(outcome: Outcome, t: Texts) -> str:
    fit = outcome.fit
    first, last = (str(fit.log.local(pd.Series([m])).iloc[0].date()) for m in fit.log.window)
    line = t(
        "calibrate.log_line", file=fit.log.source.name, cases=f"{len(fit.log.cases):,}",
        events=f"{len(fit.log.events):,}", first=first, last=last, zone=fit.log.zone,
    )  # fmt: skip
    split = t(
        "calibrate.split_line", at=fit.held.start, before=f"{len(fit.seen):,}", after=f"{len(fit.held):,}",
        open=int(fit.train.cases["open_end"].sum()),
    )  # fmt: skip
    odd = [f"<li>{_finding(one, t)}</li>" for one in fit.log.diagnosis.of("drop", "warn", "note")]
    told = f"<ul>{''.join(odd)}</ul>" if odd else paragraph(t("calibrate.report.odd_none"))
    source = paragraph(f"SHA-256: {fit.log.source.sha256}", "note")
    return paragraph(line) + paragraph(split) + source + f"<h3>{text(t('calibrate.report.odd'))}</h3>" + told


def _finding(one: Finding, t: Texts) -> str:
    """Return what was odd and what follows; what stands in the file itself, columns and values, stands as code."""
    words = {k for k, v in one.fields.items() if k in OF_THE_FILE and not NUMBER.fullmatch(v)}
    marked = {k: f"{OPEN}{v}{CLOSE}" if k in words else v for k, v in one.fields.items()}
    said = t.joiner.join(t(f"caselog.findings.{one.code}.{part}", **marked) for part in ("problem", "consequence"))
    return text(said).replace(OPEN, "<code>").replace(CLOSE, "</code>")


def _provenance(outcome: Outcome, t: Texts) -> str:
    lines = [t(f"calibrate.report.{key}") for key in ("input", "tuned", "emergent")]
    rows = []
    for name, fields in outcome.made.origins.items():
        for field, origin in fields.items():
            tag = f'<span class="tag {"assumed" if origin.confidence == "assumption" else "sourced"}">'
            rows.append(
                [f'<th scope="row"><code>{text(f"{name}.{field}")}</code></th>',
                 f"{tag}{text(t.name('confidence', origin.confidence))}</span>",
                 f'<td class="said">{text(origin.of(t.lang))}</td>']
            )  # fmt: skip
    head = [t("report.col_parameter"), t("report.col_confidence"), t("calibrate.columns.origin")]
    seen, file = outcome.fit.seen, outcome.fit.log.source.name
    last = seen.start + dt.timedelta(days=seen.days - 1)
    log = paragraph(t("calibrate.report.origin", file=file, first=seen.start, last=last))
    return _list(lines) + log + table(head, rows, t("calibrate.report.provenance"), "definitions")
