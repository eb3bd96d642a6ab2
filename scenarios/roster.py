"""Rosters that nobody fills: work is sent to a post, and the post has no people or no day of duty.

A post with a count of 0 is allowed as long as nothing is ever sent to it. Names have been checked before
(`sim.check`); here only whether somebody is behind them.
"""

from __future__ import annotations

from collections.abc import Iterator

from sim.cases.catalogue import LEVELS, CaseType
from sim.errors import InputError
from sim.spec import ModelSpec


def check_rosters(spec: ModelSpec) -> None:
    """Raise when work is sent to a post without people, or to people without duty.

    Raises
    ------
    InputError
        Naming the post's count, or the shift's days or hours.
    """
    for post, why in _asked_for(spec):
        if post in spec.posts and spec.posts[post].count == 0:
            raise InputError(
                f"an empty roster: nobody holds this post, but {why}", field=f"posts.{post}.count", found=0,
                allowed="above 0",
            )  # fmt: skip
    used = {name for post in spec.posts.values() for name in (post.teams or [post.shift])}
    for name in sorted(used & set(spec.shifts)):
        for field in ("days", "hours"):
            if not getattr(spec.shifts[name], field):
                raise InputError(
                    "an empty roster: the shift is never on duty", field=f"shifts.{name}.{field}", found=[],
                    allowed=f"at least one of its {field}",
                )  # fmt: skip


def _asked_for(spec: ModelSpec) -> Iterator[tuple[str, str]]:
    """Yield (post, reason) for every post that work is surely sent to."""
    for name, kind in spec.types.items():
        if kind.rate_per_1000_year == 0 and kind.rate_per_hour == 0:
            continue
        yield from _of_type(name, kind, spec)
        for channel in kind.report:
            operators = spec.channels[channel].operators if channel in spec.channels else None
            if operators is not None:
                yield operators, f"the channel '{channel}' needs it"


def _of_type(name: str, kind: CaseType, spec: ModelSpec) -> Iterator[tuple[str, str]]:
    first = {**spec.ladder, **kind.ladder}.get(kind.start) if kind.start in LEVELS else kind.start
    whos = [first if stage.who == "holder" else stage.who for stage in kind.stages if stage.staff > 0]
    for who in [*whos, *[department for department, share in kind.needs.items() if share > 0]]:
        if who is not None:
            post = spec.departments[who].post if who in spec.departments else who
            yield post, f"the type '{name}' needs it"
