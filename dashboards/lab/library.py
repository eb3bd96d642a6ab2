"""The Library page: which scenarios there are, what their policies change, and where their numbers come from.

The address holds the scenario and the policy that is set beside the baseline. Taking in a user's file is
`dashboards.lab.uploads`.
"""

from __future__ import annotations

from typing import Any

import yaml

from dashboards.lab.address import Address
from dashboards.lab.context import Lab
from dashboards.lab.difference import Change, differences
from dashboards.lab.fragments import parameters_of, provenance, source_parts
from dashboards.lab.parts import Content, facts, html, note, problem, section, table, tag
from dashboards.server.settings import User
from dashboards.texts import Texts, pick
from dashboards.texts.mistakes import sentence
from scenarios.dry import dry_check
from scenarios.library_told import city_words
from scenarios.schema import Scenario
from sim.errors import InputError

MOST_TEXT = 60
MOST_CHANGES = 300


def view(address: Address, lab: Lab, user: User) -> Content:
    """Return the page: the list, and one scenario in full when the address names it."""
    t = address.t
    chosen = address.get("scenario")
    parts: list[Content] = [html.H1(t("web.library.title")), html.P(t("web.library.lead"), className="lead")]
    if chosen:
        parts += _scenario(address, lab, chosen)
        parts.append(html.H2(t("web.library.others")))
    parts.append(_list(address, lab, chosen))
    if user.may("planner"):
        parts.append(_upload(address))
    return parts


def _list(address: Address, lab: Lab, chosen: str) -> Content:
    t, cards = address.t, []
    for name in lab.scenario_names():
        own = [" ", tag(t("web.library.own"))] if lab.is_own(name) else []
        here = {"aria-current": "true"} if name == chosen else {}
        try:
            scenario = lab.scenario(name)
            title, about = pick(scenario.title, address.lang, name), _policies_line(scenario, t)
        except InputError as error:
            title, about = name, sentence(error, address.lang)
        link = html.A([html.Strong([title, *own]), html.Span(about)], href=address.link(scenario=name), **here)
        cards.append(html.Li(link))
    return html.Ul(cards, className="cards")


def _policies_line(scenario: Scenario, t: Texts) -> str:
    titles = [scenario.policy_title(arm, t.lang) for arm in scenario.arms]
    return t("web.library.policies_line", count=len(titles), titles=t("phrases.comma").join(titles))


def _scenario(address: Address, lab: Lab, name: str) -> list[Content]:
    t, lang = address.t, address.lang
    try:
        scenario = lab.scenario(name)
        spec = scenario.spec(scenario.arms[0])
        told = dry_check(scenario)
    except InputError as error:
        return [problem(sentence(error, lang))]
    buttons = html.P(
        [
            html.A(t("web.library.run_this"), href=address.link("run", scenario=name), className="button primary"),
            " ",
            html.A(t("web.library.download"), href=f"/lab-files/scenario/{name}.yaml", className="button", download=""),
        ]
    )
    rows = [
        (t("cli.scenario.name"), html.Code(scenario.name)),
        (t("cli.scenario.version"), str(scenario.version)),
        (t("cli.scenario.hash"), html.Code(scenario.hash[:16])),
        (t("cli.scenario.extends"), html.Code(scenario.extends) if scenario.extends else t("words.none")),
        (t("cli.scenario.city"), city_words(scenario, t)),
        (t("cli.scenario.horizon_days"), f"{spec.horizon_days:g}"),
        (
            t("report.fact_window"),
            t(
                "report.window_text",
                start=f"{spec.warm_up_days:g}",
                end=f"{spec.horizon_days - spec.cool_down_days:g}",
            ),
        ),
        (t("cli.scenario.types"), str(len(spec.types))),
        (t("cli.scenario.departments"), str(len(spec.departments))),
        (t("cli.scenario.replications"), f"{scenario.experiment.replications:,}"),
        (t("cli.scenario.seed"), str(scenario.seed)),
    ]
    text = yaml.safe_dump(scenario.content, allow_unicode=True, sort_keys=False, width=100)
    return [
        html.H2(pick(scenario.title, lang, name), id="scenario"),
        html.P(pick(scenario.description, lang)),
        buttons,
        *_told(told, t),
        facts(rows),
        _policies(address, scenario, name),
        _differences(address, scenario, name),
        section("provenance", t("web.library.provenance"), *_provenance(t, scenario, name)),
        html.Details(
            [
                html.Summary(t("web.library.text")),
                html.Pre(html.Code(text), tabIndex=0, role="region", **{"aria-label": t("web.library.text")}),
            ]
        ),
    ]


def _told(found: list[InputError], t: Texts) -> list[Content]:
    """What is told of a scenario and no mistake."""
    if not found:
        return []
    lines = html.Ul([html.Li(t.mistake(one)) for one in found])
    return [section("told", t("web.library.told_title"), html.P(t("web.library.told_lead")), lines)]


def _policies(address: Address, scenario: Scenario, name: str) -> Content:
    t, lang = address.t, address.lang
    names = list(dict.fromkeys([*scenario.arms, *scenario.policies]))
    rows = []
    for policy in names:
        written = scenario.policies.get(policy)
        title: list[Content] = [scenario.policy_title(policy, lang)]
        if policy == scenario.arms[0]:
            title += [" ", tag(t("report.arm_baseline"))]
        elif policy not in scenario.arms:
            title += [" ", tag(t("web.library.reserve"))]
        about = pick(written.description, lang) if written is not None else ""
        rows.append([title, html.Code(scenario.policy_id(policy)), about])
    head = [t("cli.columns.policy"), t("web.library.cite"), t("cli.columns.description")]
    return section(
        "policies",
        t("web.library.policies"),
        table(head, rows, t("web.library.policies"), "policies"),
        note(t("web.library.cite_note")),
    )


def _differences(address: Address, scenario: Scenario, name: str) -> Content:
    """The selected policy beside the baseline."""
    t, lang = address.t, address.lang
    baseline = scenario.arms[0]
    others = [p for p in dict.fromkeys([*scenario.arms, *scenario.policies]) if p != baseline]
    title = t("web.library.difference")
    if not others:
        return section("difference", title, note(t("web.library.only_one")))
    policy = address.get("policy")
    policy = policy if policy in others else others[0]
    links = [
        html.Li(
            html.A(
                scenario.policy_title(p, lang),
                href=address.link(scenario=name, policy=p) + "#difference",
                **({"aria-current": "true"} if p == policy else {}),
            )
        )
        for p in others
    ]
    choice = html.Nav(html.Ul(links, className="choices"), **{"aria-label": title}) if len(others) > 1 else ""
    try:
        changes = differences(scenario, baseline, policy)
    except InputError as error:
        return section("difference", title, choice, problem(sentence(error, lang)))
    words = t(
        "web.library.difference_text",
        policy=scenario.policy_title(policy, lang),
        baseline=scenario.policy_title(baseline, lang),
        count=len(changes),
    )
    shown = changes[:MOST_CHANGES]
    more = [note(t("report.rows_shown", shown=len(shown), total=len(changes)))] if len(changes) > len(shown) else []
    columns = [
        t("cli.columns.field"),
        scenario.policy_title(baseline, lang),
        scenario.policy_title(policy, lang),
        t("columns.unit"),
        t("web.library.written_in"),
    ]
    body = table(columns, [_change(c, t) for c in shown], title, "diff") if changes else ""
    return section("difference", title, choice, html.P(words), body, *more, note(t("web.library.difference_note")))


def _change(change: Change, t: Texts) -> list[Content]:
    return [
        html.Code(change.field),
        html.Code(shown_value(change.baseline, t)),
        html.Strong(html.Code(shown_value(change.policy, t))),
        t.unit(change.unit) if change.unit else "",
        source_parts(change.source, t),
    ]


def shown_value(value: Any, t: Texts) -> str:
    """Return a setting as one reads it: numbers without noise, lists joined, a dash for nothing."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return t("words.yes") if value else t("words.no")
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(shown_value(v, t) for v in value)
    return str(value)


def _provenance(t: Texts, scenario: Scenario, name: str) -> list[Content]:
    return provenance(parameters_of(scenario, t.lang), t, f"/lab-files/scenario/{name}/parameters")


def _upload(address: Address) -> Content:
    t = address.t
    link = html.A(t("web.upload.title"), href=f"/lab-files/upload?lang={address.lang}", className="button")
    return section("own", t("web.library.own_title"), html.P(t("web.library.own_text")), html.P(link))
