"""The sections of an after-action report; each takes a drill and returns HTML.

Roles are named, persons are not: whatever name somebody gave at joining stays in the recording file.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from typing import Any

from dashboards.charts import drill as charts
from dashboards.charts.phrases import difference, number, verdict
from dashboards.report.html import chart_figure, paragraph, source_text, table, text
from dashboards.report.sections import section
from dashboards.texts import Texts, pick
from scenarios.compare import verdict_word
from scenarios.drill import words as said
from scenarios.drill.play import SYSTEM
from scenarios.drill.records import NOTE_KINDS
from scenarios.verdicts_told import CLEAR
from sim.errors import InputError

STRONG, WEAK = 85.0, 70.0


def _heads(t: Texts, *names: str) -> list[str]:
    return [t(f"drill.aar.column.{name}") for name in names]


def _role(drill: Any, role: str, t: Texts) -> str:
    known = drill.exercise.roles.get(role)
    return getattr(known.title, t.lang) if known is not None else t("drill.control")


def _answered(drill: Any) -> list[Any]:
    return [p for p in drill.prompts if p.state == "answered"]


# ---------------------------------------------------------------- what was played
def overview(drill: Any, t: Texts) -> str:
    """What was played, the score, and the facts by which it can be played again."""
    answered = _answered(drill)
    stood_in = sum(p.by == "stand-in" for p in answered)
    late = sum(not p.in_time for p in answered)
    card = drill.score().shown()
    words = [t(
        "drill.aar.overview_sentence", title=getattr(drill.exercise.title, t.lang), minutes=f"{drill.t_min:.0f}",
        decisions=len(answered), in_time=len(answered) - late - stood_in, timed_out=late,
    )]  # fmt: skip
    if stood_in:
        words.append(t("drill.aar.overview_stand_in", n=stood_in))
    if card["points"] is None:
        words.append(t("drill.aar.overview_no_score"))
    else:
        grade = t(f"drill.grades.{card['grade']}")
        words.append(t("drill.aar.overview_score", points=f"{card['points']:.0f}", grade=grade))
    early = t("drill.aar.stopped", reason=drill.stop_reason) if drill.stop_reason else t("drill.aar.stopped_early")
    stopped = paragraph(early) if drill.status == "stopped" else ""
    told = drill.exercise.description
    return section(
        "answer", t("drill.aar.overview"), paragraph(t.joiner.join(words), "answer"), stopped,
        paragraph(pick(told, t.lang) if told is not None else ""), paragraph(t("drill.aar.role_only"), "note"),
        f"<h3>{text(t('drill.aar.facts'))}</h3><dl class='facts'>{_facts(drill, t)}</dl>",
    )  # fmt: skip


def _facts(drill: Any, t: Texts) -> str:
    header, scenario = drill.recording.header, drill.exercise.made_scenario
    start = drill.exercise.start
    day = drill.ground.arm.spec.calendar.start + dt.timedelta(days=start.day)
    facts = {
        "exercise": f"{drill.exercise.name} ({drill.exercise.version})",
        "scenario": getattr(scenario.title, t.lang),
        "policy": scenario.policy_title(drill.exercise.base_policy, t.lang),
        "start": f"{day.isoformat()} {start.time}",
        "length": f"{drill.length_min:g} {t('units.min')}",
        "seed": drill.seed,
        "code": header["code"],
        "exercise_hash": header["exercise_hash"][:16],
        "state_hash": drill.final_hash[:16] or "–",
        "last_hash": drill.recording.last_hash[:16],
    }
    return "".join(f"<div><dt>{text(t(f'drill.aar.fact.{k}'))}</dt><dd>{text(v)}</dd></div>" for k, v in facts.items())


# ---------------------------------------------------------------- objectives
def objectives(drill: Any, t: Texts) -> str:
    """Points and grades with every criterion, target and weight."""
    card, grades = drill.score().shown(), drill.exercise.grades
    rows = []
    for objective in card["objectives"]:
        name = said.said(objective["title"], t.lang)
        grade = t(f"drill.grades.{objective['grade']}") if objective["grade"] else t("drill.grades.none")
        rows.append([f'<th scope="row" colspan="5">{text(name)}</th>', _n(objective["weight"]), _n(objective["points"]),
                     text(grade)])  # fmt: skip
        rows += [_criterion_row(c, t) for c in objective["criteria"]]
    heads = _heads(t, "criterion", "state", "value", "target", "fail", "weight", "points", "grade")
    chart = charts.objectives(card, {"P": grades.P, "S": grades.S, "M": grades.M}, t.lang)
    note = t("drill.aar.objectives_note", p=f"{grades.P:g}", s=f"{grades.S:g}", m=f"{grades.M:g}")
    return section(
        "objectives", t("drill.aar.objectives"), chart_figure(chart, t),
        table(heads, rows, t("drill.aar.objectives"), "stacked"), paragraph(note, "note"),
    )  # fmt: skip


def _criterion_row(c: dict[str, Any], t: Texts) -> list[str]:
    unit = str(c["unit"] or "")
    return [
        f'<td class="middle">{text(said.said(c["title"], t.lang))}</td>', _short(text(t(f"drill.states.{c['state']}"))),
        text(_value(c, t)),
        text(said.amount(c["target"], unit, t)), text(said.amount(c["fail"], unit, t)), _n(c["weight"]),
        _n(c["points"]), "",
    ]  # fmt: skip


def _value(c: dict[str, Any], t: Texts) -> str:
    """Return what was observed; an evaluator's points are no reading, and stand in their own column."""
    return "–" if c["value"] is None and c["points"] is not None else said.reading_text(c, t)


def _n(value: float | None) -> str:
    return '<td class="n">–</td>' if value is None else f'<td class="n">{value:.3g}</td>'


def _criteria(drill: Any) -> Iterator[dict[str, Any]]:
    for objective in drill.score().shown()["objectives"]:
        yield from objective["criteria"]


def strengths(drill: Any, t: Texts) -> str:
    """Criteria that were met."""
    found = [c for c in _criteria(drill) if c["points"] is not None and c["points"] >= STRONG]
    items = [_said_of(c, "strength", t) for c in found]
    return section("strengths", t("drill.aar.strengths"), _list(items, t("drill.aar.none_strengths")))


def gaps(drill: Any, t: Texts) -> str:
    """Criteria that were not met."""
    items = [_said_of(c, "gap", t) for c in _weak(drill)]
    return section("gaps", t("drill.aar.gaps"), _list(items, t("drill.aar.none_gaps")))


def _weak(drill: Any) -> list[dict[str, Any]]:
    return [c for c in _criteria(drill) if c["points"] is not None and c["points"] < WEAK]


def _said_of(c: dict[str, Any], key: str, t: Texts) -> str:
    target = said.amount(c["target"], str(c["unit"] or ""), t)
    if c["value"] is None:  # an evaluator's points
        return t("drill.aar.rated", criterion=said.said(c["title"], t.lang), points=f"{c['points']:.0f}")
    return t(f"drill.aar.{key}", criterion=said.said(c["title"], t.lang), value=said.reading_text(c, t), target=target,
             **({"points": f"{c['points']:.0f}"} if key == "gap" else {}))  # fmt: skip


def _list(items: Sequence[str], otherwise: str) -> str:
    return "<ul>" + "".join(f"<li>{text(i)}</li>" for i in items) + "</ul>" if items else paragraph(otherwise)


def actions(drill: Any, t: Texts) -> str:
    """Corrective actions to be filled in: a line per gap and two empty ones."""
    named = [said.said(c["title"], t.lang) for c in _weak(drill)] + ["", ""]
    fill = '<td class="fill"></td>'
    rows = [[str(i), f'<td class="middle">{text(name)}</td>', fill, fill, fill] for i, name in enumerate(named, 1)]
    return section(
        "actions", t("drill.aar.actions"), paragraph(t("drill.aar.actions_note"), "note"),
        table(_heads(t, "n", "from", "action", "owner", "due"), rows, t("drill.aar.actions"), "stacked"),
    )  # fmt: skip


# ---------------------------------------------------------------- course
def timeline(drill: Any, t: Texts) -> str:
    """The course as a chart."""
    chart = charts.timeline(list(_marks(drill, t)), drill.t_min, t.lang)
    return section("timeline", t("drill.aar.timeline"), chart_figure(chart, t))


def _marks(drill: Any, t: Texts) -> Iterator[dict[str, Any]]:
    for number_of, slot in enumerate(drill.injects, 1):
        if slot.released_min is not None:
            told = t("drill.aar.inject_mark", n=number_of, text=said.inject_text(slot.shown(), t, t.lang))
            yield _mark(t("drill.aar.rows.injects"), slot.released_min, "injects", told)
    for prompt in _answered(drill):
        kind = "stand_in" if prompt.by == "stand-in" else "in_time" if prompt.in_time else "timed_out"
        title = said.prompt_title(prompt.about, prompt.hook, t, t.lang)
        answer = said.answer_short(prompt.shown_option(prompt.chosen), t, t.lang)
        told = f"{prompt.id} {answer} — {title}"
        yield _mark(_role(drill, prompt.role, t), prompt.at_min, kind, told, prompt.elapsed_s)
    for event in drill.events:
        if event.kind in ("arrive", "judge"):
            row = t("drill.aar.rows.arrivals" if event.kind == "arrive" else "drill.aar.rows.cases")
            mark = "arrivals" if event.kind == "arrive" else "cases"
            yield _mark(row, event.t_min or 0.0, mark, said.event_text(event.kind, event.data, t, t.lang))


def _mark(row: str, t_min: float, mark: str, told: str, took_s: float | None = None) -> dict[str, Any]:
    return {"row": row, "t_min": round(t_min, 2), "mark": mark, "text": told, "took_s": took_s}


def decisions(drill: Any, t: Texts, found: Sequence[Any] = ()) -> str:
    """Each decision beside what the rule would have done, with its lag and, where branched, the consequence."""
    by_prompt = {b.prompt["id"]: b for b in found}
    rows = [_decision_row(drill, p, by_prompt.get(p.id), t) for p in _answered(drill)]
    heads = _heads(t, "n", "time", "role", "decision", "answer", "rule", "lag", "reason", "effect")
    return section(
        "decisions", t("drill.aar.decisions"), paragraph(t("drill.aar.decisions_note")),
        table(heads, rows, t("drill.aar.decisions"), "definitions"),
    )  # fmt: skip


def _decision_row(drill: Any, prompt: Any, found: Any, t: Texts) -> list[str]:
    answer = said.answer_short(prompt.shown_option(prompt.chosen), t, t.lang)
    same = prompt.chosen == prompt.rule_option
    rule = t("drill.aar.same") if same else said.answer_short(prompt.shown_option(prompt.rule_option), t, t.lang)
    if prompt.by == "stand-in":
        answer = t("drill.aar.answer_how", answer=answer, how=t("drill.aar.stand_in"))
    elif not prompt.in_time:
        answer = t("drill.aar.answer_how", answer=answer, how=t("drill.aar.timed_out"))
    effect = t("phrases.comma").join(_clear(found, t)) or t("drill.aar.branch_unclear") if found is not None else "–"
    title = said.prompt_title(prompt.about, prompt.hook, t, t.lang)
    shown = text(answer) if same else f"<strong>{text(answer)}</strong>"
    return [
        f'<th scope="row">{text(prompt.id)}</th>', f"<td>{drill.time_of_day(prompt.at_min)}<br>"
        f"{said.clock(prompt.at_min)}</td>", _short(text(_role(drill, prompt.role, t))),
        f'<td class="long">{text(title)}</td>', _short(shown), _short(text(rule)),
        f'<td class="n">{prompt.elapsed_s:.0f}</td>', _short(text(prompt.reason)), _short(text(effect)),
    ]  # fmt: skip


def _short(content: str) -> str:
    return f'<td class="short">{content}</td>'


def _clear(found: Any, t: Texts) -> list[str]:
    """Return the measures of a branch with a clear difference, in words."""
    out = []
    for row in found.rows:
        p = row.paired
        if p.verdict in CLEAR:
            change = f"{difference(vars(p), '', t)} {t.name('drill.units', row.unit)}"
            out.append(t("drill.aar.branch_clear", criterion=getattr(row.title, t.lang), difference=change))
    return out


def branches(found: Sequence[Any], t: Texts) -> str:
    """What the rule's answers would have brought, with intervals."""
    title = t("drill.aar.branches")
    if not found:
        return section("branches", title, paragraph(t("drill.aar.branches_none")))
    body = [paragraph(t("drill.aar.branches_note", n=found[0].replications))]
    heads = _heads(t, "measure", "unit", "recorded", "branch", "difference", "verdict")
    for one in found:
        options = {o["id"]: o for o in one.prompt["options"]}
        rule = said.answer_short(options.get(one.other_option), t, t.lang)
        answer = said.answer_short(options.get(one.recorded_option), t, t.lang)
        body.append(f"<h3>{text(t('drill.aar.branch_head', prompt=one.prompt['id'], rule=rule, answer=answer))}</h3>")
        rows = [_branch_row(row, t) for row in one.rows if _excludes_zero(row.paired)]
        body.append(table(heads, rows, title, "stacked") if rows else paragraph(t("drill.aar.branch_unclear")))
    return section("branches", title, *body)


def _excludes_zero(paired: Any) -> bool:
    """Return True for a difference that is clear by itself, whether or not it stays so among all."""
    return paired.verdict in CLEAR or verdict_word(paired.verdict, paired.low, paired.high) != paired.verdict


def _branch_row(row: Any, t: Texts) -> list[str]:
    p = row.paired
    change = difference(vars(p), "", t)
    return [
        f'<th scope="row">{text(getattr(row.title, t.lang))}</th>', text(t.name("drill.units", row.unit)),
        f'<td class="n">{text(number(row.recorded))}</td>', f'<td class="n">{text(number(row.branch))}</td>',
        f'<td class="n">{text(change)}</td>', text(verdict(vars(p), t)),
    ]  # fmt: skip


# ---------------------------------------------------------------- the rest
def notes(drill: Any, t: Texts) -> str:
    """What was written down, with the exercise time: by evaluators, by controllers and by players, each apart."""
    body = ""
    for kind in NOTE_KINDS:
        rows = [_note_row(drill, n, t) for n in drill.notes if n.kind == kind]
        if kind == "evaluator":
            rows += [_rating_row(drill, name, r, t) for name, r in drill.ratings.items()]
        if rows:
            title = t(f"drill.aar.notes_of.{kind}")
            heads = _heads(t, "time", "actor", "what", "objective")
            body += f'<div data-notes="{kind}"><h3>{text(title)}</h3>{table(heads, rows, title, "definitions")}</div>'
    return section("notes", t("drill.aar.notes"), body or paragraph(t("drill.aar.no_notes")))


def _note_row(drill: Any, note: Any, t: Texts) -> list[str]:
    about = _objective(drill, note.objective, t)
    return [text(said.clock(note.t_min)), _short(text(_who(drill, note.role, t))), text(note.text), text(about)]


def _rating_row(drill: Any, name: str, rating: Any, t: Texts) -> list[str]:
    fields = {"criterion": _criterion(drill, name, t), "points": f"{rating.points:g}", "text": rating.text}
    told = t("drill.aar.rating", **fields).strip()
    return [text(said.clock(rating.t_min)), _short(text(t("drill.control"))), text(told), ""]


def _objective(drill: Any, name: str | None, t: Texts) -> str:
    return next((getattr(o.title, t.lang) for o in drill.exercise.objectives if o.id == name), "")


def _criterion(drill: Any, name: str, t: Texts) -> str:
    return next((getattr(c.title, t.lang) for c in drill.exercise.criteria if c.id == name), name)


def injects(drill: Any, t: Texts) -> str:
    """The master events list as it was played."""
    rows = []
    for number_of, slot in enumerate(drill.injects, 1):
        shown = slot.shown()
        when = "–" if slot.released_min is None else said.clock(slot.released_min)
        told = said.inject_text(shown, t, t.lang)
        expected = said.said(shown["expected"], t.lang)
        roles = said.listed([_role(drill, r, t) for r in slot.inject.to], t.lang)
        status = t(f"drill.inject_status.{slot.status}")
        if slot.why is not None:
            why = InputError(slot.why.problem, found=slot.why.found, allowed=slot.why.allowed)  # a reader has no fields
            status += t("phrases.colon") + t.mistake(why)
        rows.append([f'<th scope="row">{number_of} <code>{text(slot.id)}</code></th>', when, _short(text(status)),
                     _short(text(roles)),
                     f'<td class="long">{text(told)}</td>', text(expected)])  # fmt: skip
    columns = [t("drill.terminal.columns.id"), t("drill.aar.column.time"), t("drill.terminal.columns.status")]
    columns += [t("drill.aar.column.role"), t("drill.terminal.columns.text"), t("drill.aar.expected")]
    return section("injects", t("drill.aar.injects"), table(columns, rows, t("drill.aar.injects"), "definitions"))


def provenance(drill: Any, t: Texts) -> str:
    """What the exercise assumes, as it says itself."""
    rows = [[_about(drill, k, t), _assumed(v, t)] for k, v in drill.exercise.provenance.items()]
    heads = [t("drill.aar.column.about"), t("drill.aar.provenance")]
    body = table(heads, rows, t("drill.aar.provenance")) if rows else paragraph("–")
    return section("provenance", t("drill.aar.provenance"), body)


def _about(drill: Any, name: str, t: Texts) -> str:
    """Return what an assumption is about: a criterion, an objective or a role by its title, else the name as it is."""
    exercise = drill.exercise
    titled = {one.id: one.title for one in (*exercise.criteria, *exercise.objectives)}
    titled |= {role: one.title for role, one in exercise.roles.items()}
    return text(getattr(titled[name], t.lang)) if name in titled else f"<code>{text(name)}</code>"


def _assumed(value: Any, t: Texts) -> str:
    """Return an assumption; one that an exercise says in one language only keeps it and is marked so."""
    return source_text(value, t) if isinstance(value, str) else text(getattr(value, t.lang))


def limits(t: Texts) -> str:
    """What the report cannot say."""
    return section("limits", t("drill.aar.limits"), paragraph(t("drill.aar.limits_text")))


def log(drill: Any, t: Texts) -> str:
    """Every line of the recording, without names of persons."""
    rows = []
    for line in drill.recording.lines:
        data = {k: v for k, v in line.data.items() if k not in ("exercise", "about", "options")}
        content = json.dumps(data, ensure_ascii=False)
        rows.append([
            str(line.n), said.clock(line.t_min), _short(text(_who(drill, line.role, t))),
            _short(text(t(f"drill.lines.{line.kind}"))),
            f'<td class="long"><code class="hash">{text(content[:400])}{"…" if len(content) > 400 else ""}</code></td>',
            f'<code class="hash">{line.hash[:16]}</code>',
        ])  # fmt: skip
    heads = _heads(t, "n", "time", "role", "kind", "data", "hash")
    made = (
        f"<details><summary>{text(t('drill.aar.log'))} ({len(rows)})</summary>"
        f"{table(heads, rows, t('drill.aar.log'), 'stacked')}"
    )
    return section("log", t("drill.aar.log"), paragraph(t("drill.aar.log_note"), "note"), f"{made}</details>")


def _who(drill: Any, role: str, t: Texts) -> str:
    if role == SYSTEM:
        return t("drill.system")
    return _role(drill, role, t) if role in drill.exercise.roles or role == "controller" else role
