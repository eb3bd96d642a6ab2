"""A drill's data put into words of one language, for every front: decisions, answers, events, clock, readings.

The words themselves are handed in (`Words`: the interface's texts, section ``drill``); names of units, types and
areas come with the data in both languages. Nothing here knows a terminal or a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenarios.drill.recording import Recording
from scenarios.numbers import Words

TRUE_KINDS = frozenset(["occurs", "silent", "grow", "settle", "fail", "sham", "misjudge", "spontaneous", "lapse"])
"""Events of the true state, which only controllers are told; they carry a mark."""


def said(both: Mapping[str, str] | None, lang: str) -> str:
    """Return the text of one language from ``{en, zh}``."""
    return "" if both is None else str(both.get(lang) or both.get("en") or "")


def clock(t_min: float) -> str:
    """Write exercise minutes as ``T+1:05``."""
    whole = int(t_min + 1e-9)
    return f"T+{whole // 60}:{whole % 60:02d}"


def minutes(value: float | None) -> str:
    """Write minutes with one decimal below ten."""
    if value is None:
        return "–"
    return f"{value:.1f}" if abs(value) < 10 else f"{value:.0f}"


def listed(parts: list[str], lang: str) -> str:
    """Join names by the language's comma."""
    return ("、" if lang == "zh" else ", ").join(parts)


def prompt_title(about: Mapping[str, Any], hook: str, words: Words, lang: str) -> str:
    """Return the question of a decision in one line."""
    if hook == "pick":
        return words("drill.ask.pick", unit=said(about["unit"], lang))
    fields = {
        "case": about["case"], "title": said(about["title"], lang), "grid": said(about["grid"], lang),
        "severity": about["severity"], "post": said(about.get("post"), lang),
        "department": said(about.get("department"), lang), "nth": about.get("sent", 0) + 1,
        "needed": about.get("needed", 1),
    }  # fmt: skip
    if hook == "dispatch" and about.get("needed", 1) > 1:
        return words("drill.ask.dispatch_nth", **fields)
    return words(f"drill.ask.{hook}", **fields)


def prompt_details(about: Mapping[str, Any], hook: str, words: Words, lang: str) -> list[str]:
    """Return what is known about a decision, a line each."""
    out = []
    if hook == "coordinate":
        if about["why"] != "needs" or not about["seem_needed"]:
            out.append(words(f"drill.why.{about['why']}"))
        if about["seem_needed"]:
            named = listed([said(d, lang) for d in about["seem_needed"]], lang)
            out.append(words("drill.seem_needed", departments=named))
    for name in ("escalations", "bounces", "failures"):
        if about.get(name):
            out.append(words(f"drill.{name}", n=about[name]))
    return out


def inject_text(inject: Mapping[str, Any], words: Words, lang: str) -> str:
    """Return what an inject tells the roles, or, where it tells them nothing, what it does."""
    effects = [words(f"drillroom.effect_kinds.{effect['kind']}") for effect in inject["effects"]]
    return said(inject["text"], lang) or listed(effects, lang)


def option_text(option: Mapping[str, Any], words: Words, lang: str) -> str:
    """Return an answer in one line: who, how far, how loaded; or what it does."""
    kind, facts = str(option["kind"]), option["facts"]
    if not facts and kind in ("handle", "refer", "whistle", "escalate", "take"):
        return str(option["id"])
    match kind:
        case "send":
            text = words(
                "drill.option.send", unit=said(facts["unit"], lang), eta=minutes(facts["eta_min"]),
                km=f"{facts['distance_km']:.1f}", load=facts["open_cases"], skill=f"{facts['skill']:.2f}",
            )  # fmt: skip
            return text + (words("drill.option.delegated") if facts["doing"] == "delegated" else "")
        case "wait":
            return words("drill.option.wait", line=facts.get("in_line", 0), busy=facts.get("busy", 0))
        case "handle":
            return words(f"drill.option.handle_{facts['why']}")
        case "refer":
            again = words("drill.option.refused_before") if facts["refused_before"] else ""
            return words("drill.option.refer", department=said(facts["department"], lang)) + again
        case "whistle":
            called = listed([said(d, lang) for d in facts["calls"]], lang)
            unit = "working" if facts["working_time"] else "elapsed"
            return words(
                f"drill.option.whistle_{unit}", whistle=said(facts["whistle"], lang), called=called,
                within=f"{facts['within_min']:.0f}", quorum=f"{100 * facts['quorum']:.0f}",
            )  # fmt: skip
        case "escalate":
            return words("drill.option.escalate", to=said(facts["to"], lang))
        case "defer":
            return words("drill.option.defer", minutes=f"{facts['minutes']:.0f}")
        case "take":
            return words("drill.option.take", title=said(facts["title"], lang), grid=said(facts["grid"], lang))
    return words(f"drill.option.{kind}")


def answer_short(option: Mapping[str, Any] | None, words: Words, lang: str) -> str:
    """Return an answer's short name: whom it sends, refers to or calls."""
    if option is None:
        return "–"
    kind, facts = str(option["kind"]), option["facts"]
    named = {"send": "unit", "refer": "department", "whistle": "whistle"}
    if kind in named:
        return words(f"drill.answer.{kind}", what=said(facts.get(named[kind]), lang) or option["id"])
    if kind == "defer":
        return words("drill.answer.defer", what=f"{facts['minutes']:.0f}")
    return words(f"drill.answer.{kind}")


def event_text(kind: str, data: Mapping[str, Any], words: Words, lang: str) -> str:
    """Return an event in one line; empty for kinds that a log does not tell."""
    named = {
        "case": data.get("case", ""), "title": said(data.get("title"), lang), "grid": said(data.get("grid"), lang),
        "unit": said(data.get("unit"), lang), "department": said(data.get("department"), lang),
        "count": data.get("count", ""), "severity": data.get("severity", ""),
        "level": words.name("levels", str(data["level"])) if isinstance(data.get("level"), str) else "",
        "outcome": words.name("drill.outcomes", str(data.get("outcome", ""))),
    }  # fmt: skip
    match kind:
        case "message":
            sender = said(data.get("sender"), lang) or words("drill.control")
            channel = words(f"drill.channels.{data['channel']}")
            return words("drill.event.message", sender=sender, channel=channel, text=said(data["text"], lang))
        case "inject":
            return words("drill.event.inject", inject=data["inject"], how=words(f"drill.how.{data['how']}"))
        case "status":
            return words(f"drill.status.{data['status']}")
        case "note":
            return words(f"drill.event.note_{data.get('kind', 'controller')}", by=data["by"], text=data["text"])
        case "decided":
            title = prompt_title(data["about"], data["hook"], words, lang)
            who = "stand_in" if data.get("stand_in") else "in_time" if data["in_time"] else "timed_out"
            answer = answer_short(data.get("answer"), words, lang)
            return words(f"drill.event.decided_{who}", prompt=data["prompt"], title=title, answer=answer)
        case "prompt" | "speed" | "acknowledge" | "rate" | "hold" | "skip" | "retime" | "unfilled" | "stage" | "work":
            return ""
    told = words(f"drill.event.{kind}", **named)
    return words("drill.true_mark", text=told) if kind in TRUE_KINDS else told


def reading_text(row: Mapping[str, Any], words: Words) -> str:
    """Return a criterion's value with its unit; what is still waited for carries a sign."""
    if row["value"] is None:
        return words("drill.not_observed")
    value = amount(float(row["value"]), str(row["unit"] or ""), words)
    return value if row["reached"] else words("drill.not_reached", value=value)


def amount(value: float | None, unit: str, words: Words) -> str:
    """Write a measured or wanted value with its unit."""
    if value is None:
        return "–"
    if unit == "share":
        return f"{100 * value:.0f}%"
    return f"{_quantity(value)} {words.name('drill.units', unit)}"


def damage(recording: Recording, words: Words) -> list[str]:
    """Say what of a recording's file was put back, and what could not be read; empty when all is whole."""
    told = [words("drill.terminal.mended", line=line) for line in recording.mended]
    if recording.damaged is not None:
        told.append(words("drill.terminal.damaged", line=recording.damaged, last=recording.damaged - 1))
    elif recording.cut_off:
        told.append(words("drill.terminal.cut_off"))
    return told


def _quantity(value: float) -> str:
    """Write a number with about three digits."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
