"""A study's findings as words: paragraphs for people, and the cells of its tables.

The one place that decides how an index, an effect or a flip is said, so that terminal and report agree. Words come
through the function given; numbers and verdicts come with the result and are not judged again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from calibration.sensitivity.designs import DUMMY_NAME
from calibration.sensitivity.estimates import Estimate
from calibration.sensitivity.flips import Flip
from calibration.sensitivity.morris import MorrisEffects
from calibration.sensitivity.sobol import SobolIndices
from calibration.sensitivity.study import SensitivityResult
from calibration.sensitivity.verdicts import strengths
from scenarios.numbers import Words, fixed, number, signed
from sim.measures import MEASURES, Measure

MANY = 20
NOISY = 2.0
FALSE_RATE = 0.025


@dataclass(frozen=True)
class Teller:
    """Says what a study found, in one language.

    Attributes
    ----------
    result
        What was found.
    words
        Key and fields -> text.
    lang
        ``en`` or ``zh``; picks the titles that scenarios, measures and parameters bring along.
    """

    result: SensitivityResult
    words: Words
    lang: str = "en"

    # names

    def say(self, key: str, **fields: object) -> str:
        """Return a text of the section ``sensitivity``."""
        return self.words(f"sensitivity.{key}", **fields)

    @property
    def measure(self) -> str:
        """Title of the measure."""
        known = self._known
        return str(getattr(known.title, self.lang)) if known else self.result.target.measure.replace("_", " ")

    @property
    def unit(self) -> str:
        """Unit in which the answer is shown, as a word; shares are shown in percent (points)."""
        unit = self._unit
        if unit == "share":
            return self.words("units.points").strip() if self.result.target.is_effect else "%"
        return "" if unit in ("", "1") else self.words.name("units", unit)

    @property
    def state(self) -> str:
        """The state that the measure reads, as a word."""
        return self.words.name("states", self._known.state if self._known else "both")

    @property
    def what(self) -> str:
        """The policy, or the difference, that was asked about."""
        titles = [self.policy(arm) for arm in self.result.target.arms]
        return self.say("effect", baseline=titles[0], arm=titles[1]) if len(titles) > 1 else titles[0]

    def policy(self, name: str) -> str:
        """Return the title of a policy."""
        return self.result.scenario.policy_title(name, self.lang)

    def name(self, name: str) -> str:
        """Return a factor's name on screen."""
        return self.say("dummy") if name == DUMMY_NAME else name

    def listing(self, parts: Iterable[str]) -> str:
        """Join phrases as a list in running text."""
        return self.words("phrases.comma").join(parts)

    # numbers

    @property
    def _known(self) -> Measure | None:
        return MEASURES.get(self.result.target.measure)

    @property
    def _unit(self) -> str:
        return self._known.unit if self._known else ""

    def shown(self, value: float) -> float:
        """Return a value of the answer in the unit shown."""
        return value * 100.0 if self._unit == "share" else value

    def amount(self, value: float, *, sign: bool = False) -> str:
        """Return a value of the answer with its unit."""
        text = (signed if sign else number)(self.shown(value))
        return self._with_unit(text)

    def spread(self, found: Estimate, *, sign: bool = False) -> str:
        """Return a value of the answer with interval and unit."""
        return self._with_unit(self.between(found, sign=sign))

    def between(self, found: Estimate, *, sign: bool = False) -> str:
        """Return a value of the answer with its interval, all with the decimals that the interval deserves."""
        ends = [self.shown(v) for v in (found.value, found.low, found.high)]
        texts = alike(*ends)
        if sign:
            texts = [f"+{text}" if end > 0 else text for text, end in zip(texts, ends, strict=True)]
        if self.result.analysis.constant:
            return texts[0]
        return self.say("value", value=texts[0], low=texts[1], high=texts[2])

    def rounded(self, found: Estimate) -> str:
        """Return a value of the answer with its unit and the decimals that its interval deserves."""
        return self._with_unit(alike(*(self.shown(v) for v in (found.value, found.low, found.high)))[0])

    def _with_unit(self, text: str) -> str:
        """Return a number followed by its unit; a Chinese unit needs no space."""
        gap = "" if self.lang == "zh" and not self.unit.isascii() else " "
        return f"{text}{gap}{self.unit}".strip()

    def percent(self, share: float) -> str:
        """Return a share as percent, between 0 and 100."""
        return self.say("percent", n=f"{100 * min(max(share, 0.0), 1.0):.0f}")

    def index(self, found: Estimate | None) -> str:
        """Return an index with its interval; one below zero in words."""
        if found is None or not math.isfinite(found.value):
            return "–"
        if found.value < 0:
            return self.say("about_zero", high=f"{max(found.high, 0.0):.2f}")
        return self.say("value", value=f"{found.value:.2f}", low=f"{max(found.low, 0):.2f}", high=f"{found.high:.2f}")

    def size(self, found: Estimate | None) -> str:
        """Return a mean size of effects with its interval; one below zero in words."""
        if found is None or not math.isfinite(found.value):
            return "–"
        if found.value < 0:
            return self.say("about_zero", high=number(max(self.shown(found.high), 0.0)))
        return self.between(Estimate(found.value, max(found.low, 0.0), found.high))

    def meaning(self, name: str) -> str:
        """Return what a factor's numbers mean."""
        verdict = self.result.verdicts[name]
        weight = self.say(f"weights.{verdict.weight}")
        return self.say(f"together_{self.result.method}", weight=weight) if verdict.together else weight

    def range(self, name: str) -> str:
        """Return a factor's range, in its unit."""
        factor = self.result.factor(name)
        return self.say("range", low=plain(factor.low), high=plain(factor.high))

    def _unit_of(self, name: str) -> str:
        return self.words.unit(self.result.factor(name).unit)

    # tables

    def result_columns(self) -> list[str]:
        """Return the heads of the table of results."""
        keys = ("first", "total") if self.result.method == "sobol" else ("mu_star", "mu", "sigma")
        return [self.say(f"columns.{key}") for key in ("parameter", "range", *keys, "meaning")]

    def result_rows(self) -> list[list[str]]:
        """Return the cells of the table of results, the most influential factor first and the dummy last."""
        rows = []
        for name in [*self.result.order, DUMMY_NAME]:
            span = "–" if name == DUMMY_NAME else self.range(name)
            rows.append([self.name(name), span, *self._numbers(name), self.meaning(name)])
        return rows

    def _numbers(self, name: str) -> list[str]:
        found = self.result.analysis
        if found.constant:
            return ["–", "–"] if isinstance(found, SobolIndices) else ["0", "0", "0"]
        if isinstance(found, SobolIndices):
            return [self.index(found.first.get(name)), self.index(found.total.get(name))]
        mean = self.between(found.mu[name], sign=True)
        return [self.size(found.mu_star[name]), mean, number(self.shown(found.sigma[name]))]

    def factor_lines(self) -> list[str]:
        """Return one line per factor: range, unit, law, default, source."""
        return [
            self.say(
                "factor_line", name=f.name, range=self.range(f.name), unit=self._unit_of(f.name),
                law=self.say(f"laws.{f.law}"), default=plain(f.default),
                confidence=self.words.name("confidence", f.confidence),
                source=f.source.removeprefix("assumption: "),
            )
            for f in self.result.factors
        ]  # fmt: skip

    def flip_columns(self) -> list[str]:
        """Return the heads of the table of flips."""
        return [self.say(f"columns.{key}") for key in ("parameter", "flip", "range", "unit", "means")]

    def flip_rows(self) -> list[list[str]]:
        """Return the cells of the table of flips."""
        return [
            [f.name, self.flip_place(f), self.range(f.name), self._unit_of(f.name), self.flip_meaning(f)]
            for f in self.result.flips
        ]

    def flip_place(self, flip: Flip) -> str:
        """Return where the sign changes, with its interval, or a dash."""
        if flip.at is None:
            return "–"
        ends = alike(flip.at.value, flip.at.low, flip.at.high)
        return self.say("flips.interval", value=ends[0], low=ends[1], high=ends[2])

    def flip_meaning(self, flip: Flip) -> str:
        """Return what the sign does along a parameter."""
        first, last = flip.effect[0], flip.effect[-1]
        side = {True: self.say("flips.above_zero"), False: self.say("flips.below_zero")}
        if flip.outcome == "flip" and flip.again:
            return self.say("flips.means_again", first=side[_before(flip) > 0], at=self._again(flip))
        if flip.outcome == "flip" and flip.at is not None:
            at = alike(flip.at.value, flip.at.low, flip.at.high)[0]
            below = side[_before(flip) > 0]
            above = side[_before(flip) <= 0]
            return self.say("flips.means_flip", at=at, below=below, above=above)
        if flip.outcome == "none":
            low, high = (number(self.shown(f(first.value, last.value))) for f in (min, max))
            return self.say("flips.means_none", sign=side[first.value > 0], low=low, high=high)
        ends = (signed(self.shown(e.value)) for e in (first, last))
        return self.say("flips.means_unsure", **dict(zip(("first", "last"), ends, strict=True)))

    def flip_sentence(self, flip: Flip) -> str:
        """Return one phrase on a flip."""
        factor = self.result.factor(flip.name)
        fields: dict[str, Any] = {"name": flip.name, "unit": self._unit_of(flip.name)}
        if flip.outcome == "none":
            return self.say("flips.none", low=plain(factor.low), high=plain(factor.high), **fields)
        if flip.at is None:
            return self.say("flips.unsure", name=flip.name)
        key = "flips.flip" if flip.outcome == "flip" else "flips.unsure_at"
        said = self.say(key, at=self.flip_place(flip), **fields)
        return said + self.say("flips.again", at=self._again(flip)) if flip.again else said

    def _again(self, flip: Flip) -> str:
        return self.listing(f"{value:.3g}" for value in flip.again)

    # paragraphs

    def paragraphs(self) -> list[str]:
        """Return the findings in sentences, the most important first."""
        found = self.result.analysis
        parts = [[self._asked(), *self._noise()]]
        if found.constant:
            parts += [[self.say("tell.constant", runs=f"{self.result.runs - self.result.missing:,}")]]
        elif found.signal:
            parts += [self._leaders(), self._flips(), self._others(), self._error()]
        else:
            key = f"no_signal_{self.result.method}" if found.noise_variance > 0 else "few_rows"
            parts += [[self.say(f"tell.{key}")]]
        parts += [self._trust()]
        joiner = "" if self.lang == "zh" else " "
        return [joiner.join(sentences) for sentences in parts if sentences]

    def _asked(self) -> str:
        result, found = self.result, self.result.analysis
        arms = [self.policy(arm) for arm in result.target.arms]
        fields = {"measure": self.measure, "state": self.state, "count": len(result.factors)}
        if result.target.is_effect:
            mean = self.spread(found.mean, sign=True)
            return self.say("tell.asked_effect", baseline=arms[0], arm=arms[1], mean=mean, **fields)
        return self.say("tell.asked_level", arm=arms[0], mean=self.spread(found.mean), **fields)

    def _noise(self) -> list[str]:
        found = self.result.analysis
        if found.constant:
            return []
        if found.noise_variance == 0:
            return [self.say("tell.noise_none")]
        out = [self.say("tell.noise", share=self.percent(found.noise_share.value))]
        signal = found.signal_variance.value
        best = math.ceil(found.noise_variance / signal) if signal > 0 else 0
        if found.signal and best > NOISY * found.replicates:
            out.append(self.say("tell.advice", replicates=best))
        return out

    def _leaders(self) -> list[str]:
        result, found = self.result, strengths(self.result.analysis)
        leading = [name for name in result.order if result.verdicts[name].weight in ("decisive", "matters")]
        if not leading:
            return [self.say("tell.nothing_leads")]
        out = []
        if result.method == "sobol":
            parts = [self.say("tell.sobol_part", share=self.percent(found[n].value), name=n) for n in leading]
            out.append(self.say("tell.sobol_lead", parts=self.listing(parts)))
            if sum(found[name].value for name in leading) > 1.0:
                out.append(self.say("tell.sobol_more"))
        else:
            parts = [self.say("tell.morris_part", name=n, amount=self.rounded(found[n])) for n in leading]
            out.append(self.say("tell.morris_lead", parts=self.listing(parts)))
        assumed = next((name for name in leading if result.factor(name).assumed), None)
        if assumed is not None:
            factor = result.factor(assumed)
            span = {"low": plain(factor.low), "high": plain(factor.high), "unit": self._unit_of(assumed)}
            out.append(self.say("tell.first", name=assumed, text=factor.title(self.lang), **span))
        return out

    def _others(self) -> list[str]:
        out = []
        for weight in ("inert", "unclear"):
            names = [name for name in self.result.order if self.result.verdicts[name].weight == weight]
            if names:
                out.append(self.say(f"tell.{weight}", names=self.listing(names)))
        return out

    def _flips(self) -> list[str]:
        if not self.result.flips:
            return []
        if all(flip.outcome == "none" for flip in self.result.flips):
            side = "flips.above_zero" if self.result.flips[0].effect[0].value > 0 else "flips.below_zero"
            names = self.listing(flip.name for flip in self.result.flips)
            return [self.say("flips.holds", names=names, sign=self.say(side))]
        return [self.say("flips.lead", parts=self.listing(self.flip_sentence(f) for f in self.result.flips))]

    def _error(self) -> list[str]:
        result, found = self.result, self.result.analysis
        if isinstance(found, MorrisEffects):
            size, floor = self.size(found.mu_star[DUMMY_NAME]), self.amount(found.floor)
            out = [self.say("tell.dummy_morris", value=size, floor=floor)]
        else:
            out = [self.say("tell.dummy_sobol", value=self.index(found.total[DUMMY_NAME]))]
        below = [name for name in result.order if result.verdicts[name].below_zero]
        if below and result.method == "sobol":
            out.append(self.say("tell.below_zero", names=self.listing(below)))
        if len(result.factors) >= MANY:
            false = max(1, round(FALSE_RATE * len(result.factors)))
            out.append(self.say("tell.many", count=len(result.factors), false=false))
        return out

    def _trust(self) -> list[str]:
        result, found = self.result, self.result.analysis
        out = []
        if found.signal:
            out.append(self.say(f"tell.{found.convergence}"))
        elif found.noise_variance > 0:
            out.append(self.say("tell.noise_only"))
        if found.dropped:
            blocks = found.dropped + found.blocks
            out.append(self.say("tell.dropped", dropped=found.dropped, blocks=blocks, missing=result.missing))
        names = {factor.name for factor in result.factors}
        for name, arms in result.set_by.items():
            if name in names:
                out.append(self.say("tell.set_by", name=name, arms=self.listing(self.policy(arm) for arm in arms)))
        return out


def _before(flip: Flip) -> float:
    """Return the fitted effect at the low end of the range."""
    return flip.effect[0].value


def alike(value: float, low: float, high: float) -> list[str]:
    """Write a value and its interval with the same decimals: two digits of half the interval's width."""
    half = (high - low) / 2.0
    if not math.isfinite(half) or half <= 0:
        return [number(v) for v in (value, low, high)]
    places = min(4, max(0, 1 - math.floor(math.log10(half))))
    return [fixed(v, places) for v in (value, low, high)]


def plain(value: float) -> str:
    """Write a parameter's value with up to four digits; nothing is added to what was written."""
    text = number(value, 4)
    return text.rstrip("0").rstrip(".") if "." in text else text
