"""Where each fitted number comes from, and the names of the forms that were chosen among, in English and Chinese.

A scenario carries its provenance in English, with the codes of the forms; a report says the same in its reader's
language, with their names. What was fitted, and how surely, is decided elsewhere; nothing here computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from calibration.measured import SPANS, shown

NAMES: dict[str, tuple[str, str]] = {
    # what was chosen
    "hours": ("hours", "小时分布"),
    "days": ("days", "每日来件"),
    "days ahead": ("days ahead", "往后各日"),
    "latest cases": ("latest cases", "取用最近案件"),
    "law": ("law", "时长分布"),
    "time": ("time", "时间口径"),
    "time to the end": ("time to the end", "办结后至终点"),
    # forms of the arrivals
    "flat": ("flat", "均匀"),
    "waves": ("two waves a day", "一日双波"),
    "each": ("each hour by itself", "逐小时"),
    "level": ("level", "常数"),
    "weekend": ("weekend", "周末"),
    "weekday": ("weekday", "星期"),
    "trend": ("trend", "趋势"),
    "season": ("season", "季节"),
    # parts of a law, and what its time is
    "instant": ("at once (up to 1 min)", "即时（1分钟内）"),
    "exponential": ("exponential", "指数"),
    "lognormal": ("lognormal", "对数正态"),
    "weibull": ("Weibull", "威布尔"),
    "gamma": ("gamma", "伽马"),
    "elapsed time": ("elapsed time", "自然时间"),
    "office time": ("office time", "工作时间"),
    "by itself": ("by itself", "与剩余时限无关"),
    "with the time left": ("with the time left", "随剩余时限变化"),
}
"""Code of a choice, a form or a part of one -> its name in English and in Chinese."""

SENTENCES: dict[str, tuple[str, str]] = {
    "rate": (
        "Poisson GLM of daily counts, {value} a day (95 % {low} to {high}), n = {n} in {days} days",
        "按日件数的泊松回归：每日{value}件（95%区间{low}至{high}），{days}天共{n}件",
    ),
    "hours": (
        "hour profile '{form}', chosen by five-fold scores, n = {n}",
        "小时分布取“{form}”，按五折得分选定，样本{n}件",
    ),
    "weekdays": (
        "daily rate '{form}', chosen on weeks not fitted to, n = {n}",
        "每日来件率取“{form}”，按未参与拟合的各周选定，样本{n}件",
    ),
    "trend": (
        "trend {value} a year on the logarithm (95 % {low} to {high})",
        "趋势：对数值每年{value}（95%区间{low}至{high}）",
    ),
    "dispersion": (
        "matches the dispersion of daily counts, {value} (95 % {low} to {high})",
        "与按日件数的离散度相符：{value}（95%区间{low}至{high}）",
    ),
    "short": ("short against an hour; its length was not fitted", "远短于一小时；其长度未经拟合"),
    "deadline": (
        "median of {n} deadlines of the log; its own vary from case to case",
        "取日志中{n}个时限的中位数；日志中各案件时限不一",
    ),
    "office_only": ("time passes in office hours only", "仅工作时间内计时"),
    "nobody_busy": ("without effect: nobody is busy", "不起作用：无人占用"),
    "closing_elapsed": (
        "time to closing, {form} in elapsed minutes, maximum likelihood with {open} censored, {median}, n = {n}, "
        "latest {latest} of the cases",
        "办结用时：{form}分布，以自然分钟计，最大似然拟合（其中{open}件删失），{median}，样本{n}件，取最近{latest}的案件",
    ),
    "closing_working": (
        "time to closing, {form} in working minutes, maximum likelihood with {open} censored, {median}, n = {n}, "
        "latest {latest} of the cases",
        "办结用时：{form}分布，以工作分钟计，最大似然拟合（其中{open}件删失），{median}，样本{n}件，取最近{latest}的案件",
    ),
    "end": (
        "; then to the end, {form} in elapsed minutes, {median}, n = {n}",
        "；此后至终点：{form}分布，以自然分钟计，{median}，样本{n}件",
    ),
    "end_scaled": (
        "; then to the end, {form} in elapsed minutes, for a case with the median time left to its deadline, "
        "{median}, n = {n}",
        "；此后至终点：{form}分布，以自然分钟计，按剩余时限居中的案件，{median}，样本{n}件",
    ),
    "median": ("median {value} (95 % {low} to {high})", "中位数{value}（95%区间{low}至{high}）"),
    "median_from": ("median {value} (95 % {low} or more)", "中位数{value}（95%区间{low}以上）"),
    "median_alone": ("median {value}", "中位数{value}"),
}
"""Key -> a clause on where a number comes from, in English and in Chinese; ``{form}`` is filled with a code's name."""


def named(code: str, lang: str) -> str:
    """Return the name of a choice or a form, part by part; a share of the cases is its own name."""
    return " + ".join(part if part.endswith("%") else NAMES[part][lang == "zh"] for part in code.split("+"))


@dataclass(frozen=True)
class Span:
    """A span of minutes; working minutes are never told in days."""

    minutes: float
    working: bool = False

    def of(self, lang: str, codes: bool = False) -> str:
        """Return it in the unit a person would use; with ``codes`` the bare minutes."""
        if codes:
            return f"{self.minutes:.4g}"
        if self.working and self.minutes >= 90:
            return f"{self.minutes / 60:.1f}{SPANS['h'][lang == 'zh']}"
        return shown(self.minutes, "min", lang)


@dataclass(frozen=True)
class Clause:
    """One clause: a key of `SENTENCES` and what fills it; a field may be a clause itself."""

    key: str
    fields: Mapping[str, str | Span | Clause]

    def of(self, lang: str, codes: bool = False) -> str:
        """Return the clause in a language; with ``codes`` forms stay as a program calls them."""
        filled = {}
        for name, value in self.fields.items():
            if not isinstance(value, str):
                filled[name] = value.of(lang, codes)
            else:
                filled[name] = named(value, lang) if name == "form" and not codes else value
        return SENTENCES[self.key][lang == "zh"].format(**filled)


@dataclass(frozen=True)
class Origin:
    """Where one field of a type comes from.

    Attributes
    ----------
    clauses
        What is said, one after the other.
    confidence
        ``local``, or ``assumption`` for what was not fitted.
    """

    clauses: tuple[Clause, ...]
    confidence: str = "local"

    @classmethod
    def by(cls, key: str, confidence: str = "local", **fields: str) -> Origin:
        """Return the origin that one clause tells."""
        return cls((Clause(key, fields),), confidence)

    def of(self, lang: str, codes: bool = False) -> str:
        """Return the sentence in a language, without the confidence."""
        return "".join(clause.of(lang, codes) for clause in self.clauses)
