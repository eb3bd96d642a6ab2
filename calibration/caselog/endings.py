"""When each case ended: by a column, by activities, by a status; opened again, or closed at a time nobody wrote down.

A case that is closed by its status and has no date is not open: it ended at an unknown time between its opening and
the end of the log. It counts as an arrival and says nothing about durations. A case with an event after its closing
is open again, unless it is closed later or the event is one that follows closings (filing, a survey). What statuses
and activities mean is told by the map; without it by their words in common languages, and each is counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from calibration.caselog.diagnosis import Findings
from calibration.caselog.log import UTC_TIME
from calibration.caselog.mapping import Mapping

CLOSED_WORDS = re.compile(
    r"^(?:(?:case|ticket|request|issue|complaint|incident|order|work order|auto(?:matically)?|administratively|fully)"
    r"[\s_:-]+)?(?:closed?|resolved|completed?|done|finished|settled|solved|fixed|cancell?ed|withdrawn|rejected|archived"
    r"|duplicate|geschlossen|abgeschlossen|erledigt|beendet|fermée?|clos(?:e|ed)?|clôturée?|résolue?|terminée?|traitée?"
    r"|cerrad[oa]|resuelt[oa]|finalizad[oa]|terminad[oa]|concluid[oa]|chius[oa]|risolt[oa]|conclus[oa]|fechad[oa]"
    r"|concluíd[oa]|resolvid[oa]|encerrad[oa]|gesloten|afgesloten|afgehandeld|afgerond|закрыт[оаы]?|реш[её]н[оаы]?"
    r"|заверш[её]н[оаы]?|выполнен[оаы]?)(?![^\W_])"
    r"|办结|结案|完结|办理完成|处理完毕|办理完毕|办毕|已完成|已关闭|已归档|已解决|已处理|已结束|已销案|已撤销|已作废|^关闭|^归档|^完成"
    r"|^(?:完了|終了|解決済)|^(?:완료|종결|처리완료)",
    re.IGNORECASE,
)
NOT_CLOSED_WORDS = re.compile(r"未|待|尚|不予|正在|部分|^(?:not|un|to be|partly|re-?open)", re.IGNORECASE)
OPEN_WORDS = re.compile(
    r"^(?:open|new|pending|assigned|in progress|in process|on hold|started|active|unassigned|awaiting)\b"
    r"|未|待|处理中|办理中|受理中|进行中|^正在",
    re.IGNORECASE,
)
AGAIN_WORDS = re.compile(r"re-?\s?open|重新(?:打开|受理|办理|交办)|重启|重办|复办|再次受理", re.IGNORECASE)
AFTER_WORDS = re.compile(r"archiv|survey|feedback|rating|satisfaction|filed\b|归档|存档|回访|评价|满意", re.IGNORECASE)
FLAG = re.compile(r"yes|no|y|n|true|false|\d{1,3}|是|否|有|无", re.IGNORECASE)
NO_FLAG = {"no", "n", "false", "0", "否", "无"}
SHOWN = 3
MOSTLY = 0.5
"""Share of dated cases from which on a status looks like one of closing; it decides only what is told."""


@dataclass
class Endings:
    """What a log says of the ends of its cases, each by case id, and what the map says of reading it.

    Attributes
    ----------
    order
        The case ids.
    events
        Table of events with case_id, activity, at, start, transition, order; empty for a log of one row per case.
    closed, reopened
        Times of the columns of these roles; None without such a column.
    flagged
        Whether a case was opened again at all, where a column says only that.
    status
        The last status of each case; None without such a column.
    columns
        Column by role.
    """

    order: pd.Index
    events: pd.DataFrame
    closed: pd.Series | None
    reopened: pd.Series | None
    flagged: pd.Series | None
    status: pd.Series | None
    mapping: Mapping
    columns: dict[str, str]
    findings: Findings

    def settle(self) -> tuple[pd.Series, pd.Series]:
        """Return when each case closed (NaT: it did not, or nobody knows), and whether it closed at an unknown time."""
        unknown = pd.Series(False, index=self.order)
        if self.mapping.closing_activities:
            return self._again(self._by_activity()), unknown
        closed = self._last_event() if self.closed is None else self.closed.reindex(self.order)
        if self.status is not None and (self.closed is not None or self.mapping.closing_statuses or self._of_cases()):
            closed, unknown = self._by_status(closed)
        return self._again(closed), unknown

    def _of_cases(self) -> bool:
        return not len(self.events)

    def _last_event(self) -> pd.Series:
        if self._of_cases():
            return pd.Series(pd.NaT, index=self.order, dtype=UTC_TIME)
        return self.events.groupby("case_id")["at"].max().reindex(self.order)

    def _by_activity(self) -> pd.Series:
        return self._endings().groupby("case_id")["at"].max().reindex(self.order)

    def _endings(self) -> pd.DataFrame:
        chosen = self.events["activity"].isin(self.mapping.closing_activities) & (self.events["transition"] != "start")
        return self.events[chosen]

    def _by_status(self, closed: pd.Series) -> tuple[pd.Series, pd.Series]:
        """Hold dates against the last status of each case."""
        assert self.status is not None  # asked before
        status = self.status.reindex(self.order)
        names = set(self.mapping.closing_statuses)
        ended = status.isin(names) if names else _fits(status, CLOSED_WORDS) & ~_fits(status, NOT_CLOSED_WORDS)
        dated = self.closed is not None
        if names:
            doubt = closed.notna() & ~ended & dated
            self._tell("dated_not_closed", doubt, status)
            closed = closed.where(ended)
        else:
            again = closed.notna() & _fits(status, AGAIN_WORDS) & dated
            self._tell("reopened", again, status, self.columns.get("status", ""))
            closed = closed.mask(again)
            doubt = closed.notna() & _fits(status, OPEN_WORDS) & ~ended & dated
            self._tell("dated_open_word", doubt, status)
            self._tell("undated_like_closed", self._undated_like(closed, status, ended), status)
        closed = closed.fillna(self._last_event().where(ended)) if dated else closed
        unknown = ended & closed.isna()
        self._tell("closed_without_date", unknown, status)
        return closed, unknown

    def _undated_like(self, closed: pd.Series, status: pd.Series, ended: pd.Series) -> pd.Series:
        """Return the cases without a date whose status, a word not known here, mostly stands beside dates."""
        share = closed.notna().groupby(status).transform("mean")
        unknown = ~ended & ~_fits(status, OPEN_WORDS) & ~_fits(status, AGAIN_WORDS) & ~_fits(status, NOT_CLOSED_WORDS)
        return closed.isna() & unknown & (share >= MOSTLY) & (self.closed is not None)

    def _again(self, closed: pd.Series) -> pd.Series:
        """Open again what has an event, or a stated reopening, after its closing."""
        column = self.columns.get("reopened", "")
        if self.reopened is not None:
            at = self.reopened.reindex(self.order)
            later = closed.notna() & (at > closed)
            self._tell("reopened", later, None, column)
            closed = closed.mask(later)
        if self.flagged is not None:
            self._tell("reopened_sometime", closed.notna() & self.flagged.reindex(self.order, fill_value=False))
        if self._of_cases() or not (self.mapping.closing_activities or self.closed is not None):
            return closed
        after = self._after(closed)
        ids = closed.index.isin(set(after["case_id"]))
        self._tell("reopened", pd.Series(ids, index=closed.index), after["activity"], self.columns.get("activity", ""))
        return closed.mask(ids)

    def _after(self, closed: pd.Series) -> pd.DataFrame:
        """Return the events that open a closed case again."""
        events = self.events.assign(closed=self.events["case_id"].map(closed))
        begun = events["start"].fillna(events["at"])
        named = _fits(events["activity"], AGAIN_WORDS)
        same = named & (begun == events["closed"]) & (events["order"] > self._order_of_closing(events))
        after = events[((begun > events["closed"]) | same) & ~events["activity"].isin(self._no_reopening())]
        usual = ~_fits(after["activity"], AFTER_WORDS) | _fits(after["activity"], AGAIN_WORDS)
        again = after[usual]
        if self.mapping.closing_activities:
            return again
        strict = _fits(again["activity"], AGAIN_WORDS)  # a stated date of closing yields to a stated reopening only
        self._tell_after(again[~strict])
        return again[strict]

    def _no_reopening(self) -> set[str]:
        return {*self.mapping.after_closing, *self.mapping.closing_activities}

    def _order_of_closing(self, events: pd.DataFrame) -> pd.Series:
        """Return for each event the place in the file of its case's last closing."""
        ends = self._endings() if self.mapping.closing_activities else events.iloc[:0]
        last = ends.sort_values(["at", "order"], kind="stable").groupby("case_id")["order"].last()
        return events["case_id"].map(last).fillna(float("inf"))

    def _tell_after(self, events: pd.DataFrame) -> None:
        cases = events["case_id"].nunique()
        if cases:
            self.findings.warn(
                "events_after_closing", count=int(cases), total=len(self.order), found=_names(events["activity"]),
                column=self.columns.get("closed", ""),
            )  # fmt: skip

    def _tell(self, code: str, chosen: pd.Series, values: pd.Series | None = None, column: str = "") -> None:
        """Count cases, with the values that made them so."""
        if not chosen.any():
            return
        shown = values.loc[chosen.index[chosen]] if values is not None and values.index.equals(chosen.index) else values
        self.findings.warn(
            code, count=int(chosen.sum()), total=len(chosen), column=column or self.columns.get("status", ""),
            found=_names(shown) if shown is not None else "", allowed=self.columns.get("closed", ""),
            examples=[f"case {name}" for name in chosen.index[chosen][:SHOWN]],
        )  # fmt: skip


def is_flag(values: pd.Series) -> bool:
    """Say whether a column tells only whether, or how often, and not when."""
    there = values.dropna()
    return (
        pd.api.types.is_object_dtype(values)
        and len(there) > 0
        and bool(there.str.fullmatch(FLAG.pattern, flags=re.I).all())
    )


def flags(values: pd.Series) -> pd.Series:
    """Return where such a column says yes."""
    return values.notna() & ~values.str.casefold().isin(NO_FLAG)


def _fits(values: pd.Series, words: re.Pattern[str]) -> pd.Series:
    """Say which texts hold one of the words; the same text is looked at once."""
    known = {one: bool(words.search(one)) for one in values.dropna().unique()}
    return values.map(lambda one: known.get(one, False)).astype(bool)


def _names(values: pd.Series) -> str:
    counted = values.value_counts()
    shown = ", ".join(f"'{name}'" for name in counted.index[:SHOWN])
    return shown + (", …" if len(counted) > SHOWN else "")
