"""What a model's text says that changes nothing: taken, so that it may stay for another day, and told.

`idle` yields the fields of a checked model whose value nothing reads: a delay of after-shocks that never come, a shift
that nobody works. It knows one arm and no texts; whether the user wrote the field, and whether another arm reads it,
is looked at in `scenarios.told`. What cannot be meant is refused elsewhere (`sim.check`, `scenarios.feasible`).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator

from scenarios.parameters_read import Site, can_whistle, unread
from scenarios.yaml_lines import FieldPath
from sim.cases.catalogue import LEVELS, CaseType
from sim.engine.codes import TURN_OFF, TURN_ON
from sim.institutions.parts import Sweep
from sim.institutions.timetable import shift_tables
from sim.spec import ModelSpec

Idle = tuple[FieldPath, str]
"""(field, why it changes nothing)."""
NOT_BARE = (
    "report_delay_min", "witnesses", "patrol_visible", "sensor_visible", "seems", "needs", "believed_needs",
    "patience_h", "repeat_share", "petition_share", "spontaneous_h", "grows_per_h",
)  # fmt: skip
"""Fields of a type that bare ones do not read ('report' and 'success' are written for completeness and harmless)."""
OWN_CHANNELS = ("petition_office", "patrol", "sensor", "sweep")
"""Channels that the model uses by their name, whatever types report by them."""


def idle(spec: ModelSpec, site: Site, used_types: frozenset[str] = frozenset()) -> Iterator[Idle]:
    """Yield every field of a checked model whose value changes nothing.

    Parameters
    ----------
    spec
        The model of one arm.
    site
        What is known of the city.
    used_types
        Types that come about otherwise than by the model's own demand and script, as by an exercise.
    """
    for name, why in ((name, unread(name, spec, site)) for name in spec.parameters):
        if why is not None:
            yield ("parameters", name), why
    for name, kind in spec.types.items():
        at: FieldPath = ("types", name)
        yield from _occurs(at, kind, spec, site.has_roads, name in used_types)
        yield from _noticed(at, kind, spec)
        yield from _worked(at, kind)
    yield from _posts(spec)
    yield from _shifts(spec)
    yield from _channels(spec)
    yield from _departments(spec)
    yield from _whistles(spec)
    yield from _sweeps(spec)
    yield from _places(spec)
    yield from _times(spec)


def _occurs(at: FieldPath, kind: CaseType, spec: ModelSpec, has_residents: bool, is_used: bool) -> Iterator[Idle]:
    scripted = any(told.type == at[1] for told in spec.script)
    if kind.rate_per_1000_year > 0 and not has_residents:
        yield (
            (*at, "rate_per_1000_year"),
            "the city has no residents to whom it could happen; 'rate_per_hour' needs none",
        )
    if kind.rate_per_1000_year == 0 == kind.rate_per_hour and not scripted and not is_used:
        yield at, "the type never occurs: its rates are 0 and the script has none"
    if kind.sine is not None and kind.sine.get("amplitude") == 0:
        yield (*at, "sine"), "a wave of amplitude 0 is flat"
    if kind.excitation == 0:
        yield (*at, "excitation_delay_min"), "there are no after-shocks: 'excitation' is 0"
    if kind.rate_per_1000_year == 0:
        yield (*at, "archetype_factor"), "it multiplies 'rate_per_1000_year', which is 0"
    if kind.rate_per_hour == 0:
        yield ("type_place_rates", at[1]), "it spreads 'rate_per_hour' over places, which is 0 for this type"


def _noticed(at: FieldPath, kind: CaseType, spec: ModelSpec) -> Iterator[Idle]:
    if kind.kind == "bare":
        for field in NOT_BARE:
            yield (*at, field), "a bare type is known at once and goes through its stages; nothing else happens to it"
        return
    if kind.witnesses == 0:
        yield (*at, "witness_delay_min"), "there are no witnesses: 'witnesses' is 0"
    walks = "patrol" in spec.channels and any(post.patrol_share > 0 for post in spec.posts.values())
    if kind.patrol_visible and not walks:
        yield (*at, "patrol_visible"), "nobody patrols: no post has a 'patrol_share', or there is no channel 'patrol'"
    if kind.sensor_visible and "sensor" not in spec.channels:
        yield (*at, "sensor_visible"), "there is no channel 'sensor'"
    if not kind.patrol_visible and not kind.sensor_visible:
        yield (*at, "visible_min"), "the type is visible neither to patrols nor to sensors"
    if kind.seems.misjudged == 0:
        yield (*at, "seems", "as_types"), "it is never misjudged: 'misjudged' is 0"
    if kind.petition_share > 0 and "petition_office" not in spec.channels:
        yield (*at, "petition_share"), "there is no channel 'petition_office'"
    swept = any(at[1] in sweep.types for sweep in spec.sweeps)
    scripted = any(told.type == at[1] and told.channel for told in spec.script)
    if not (kind.report or kind.patrol_visible or kind.sensor_visible or swept or scripted):
        yield (
            (*at, "stages"),
            "nobody can tell of it: 'report' names no channel, and neither patrol, sensor nor sweep sees it",
        )


def _worked(at: FieldPath, kind: CaseType) -> Iterator[Idle]:
    if kind.success.floor > kind.success.base:
        yield (*at, "success", "base"), f"it lies below the floor of {kind.success.floor:g}, which holds"
    if not kind.needs and not kind.believed_needs and kind.department is None:
        yield (*at, "part"), "the type needs no further department"
    order = [stage.name for stage in kind.stages]
    reached, todo = set(), order[:1]
    while todo:
        name = todo.pop()
        if name in reached or name == "done":
            continue
        reached.add(name)
        stage, index = kind.stages[order.index(name)], order.index(name)
        todo += order[index + 1 : index + 2] if stage.next is None else [t for t, p in stage.next.items() if p > 0]
    for index, stage in enumerate(kind.stages):
        here = (*at, "stages", index)
        if stage.name not in reached:
            yield here, "no stage leads here"
        if index == 0 and stage.keep_staff:
            yield (*here, "keep_staff"), "nobody has come before the first stage"
        if stage.staff < 2:
            yield (*here, "atomic"), "one person is always seized at one instant"
        if stage.staff == 0:
            for field in ("who", "capability", "where"):
                yield (*here, field), "the stage asks for nobody"


def _posts(spec: ModelSpec) -> Iterator[Idle]:
    used = _used_posts(spec)
    visible = any(k.patrol_visible for k in spec.types.values())
    for name, post in spec.posts.items():
        at: FieldPath = ("posts", name)
        if post.count != "units":
            most = max(1, math.ceil(post.count))
            lost = [team for team in post.teams[most:] if team not in post.teams[:most]]
            if lost:
                yield (*at, "teams"), f"the group has {post.count:g}, so nobody works {', '.join(dict.fromkeys(lost))}"
            if len(post.places) > most:
                yield (*at, "places"), f"the group has {post.count:g}, so the places after that many stay empty"
        if post.teams:
            yield (*at, "shift"), "'teams' take the place of 'shift'"
        if not post.capabilities:
            yield (*at, "skill_sd"), "the post has no capabilities whose skill could differ"
        if post.background_min_per_day == 0:
            yield (*at, "background_chunk_min"), "there is no delegated work: 'background_min_per_day' is 0"
        if post.patrol_share == 0:
            yield (*at, "patrol_round_min"), "nobody of the post patrols: 'patrol_share' is 0"
        elif "patrol" not in spec.channels or not visible:
            yield (*at, "patrol_share"), "no type is visible to patrols, or there is no channel 'patrol'"
        if name not in used and post.patrol_share == 0 and len(spec.posts) > 1:  # a model needs somebody on its roster
            yield at, "no type, department, channel, level or sweep needs this post"


def _used_posts(spec: ModelSpec) -> set[str]:
    used = {post for post in spec.ladder.values()} | {sweep.post for sweep in spec.sweeps}
    used |= {channel.operators for channel in spec.channels.values() if channel.operators}
    used |= {spec.departments[d].post for d in _used_departments(spec)}
    for kind in spec.types.values():
        used |= set(kind.ladder.values()) | {stage.who for stage in kind.stages}
    return used


def _used_departments(spec: ModelSpec) -> set[str]:
    used: set[str] = set()
    for kind in spec.types.values():
        used |= {*kind.needs, *kind.believed_needs, kind.start, *[s.who for s in kind.stages]}
        used |= {kind.department} if kind.department else set()
    used |= {d for told in spec.script for d in told.needs or []}
    return used & set(spec.departments)


def _departments(spec: ModelSpec) -> Iterator[Idle]:
    used = _used_departments(spec)
    for name in spec.departments:
        if name not in used:
            yield ("departments", name), "no type needs this department"


def _shifts(spec: ModelSpec) -> Iterator[Idle]:
    used = {name for post in spec.posts.values() for name in (post.teams or [post.shift])}
    profiles = {p for k in spec.types.values() for p in (k.hours, k.weekdays, k.months) if isinstance(p, str)}
    for name in spec.shifts:
        if name not in used:
            yield ("shifts", name), "nobody works this shift"
    for name in used & set(spec.shifts):
        if not _on_duty(spec, [name]):
            yield ("shifts", name), f"its days do not come within the {spec.horizon_days:g} days"
    for name in set(spec.profiles) - profiles:
        yield ("profiles", name), "no type uses this profile"


def _on_duty(spec: ModelSpec, names: list[str]) -> list[tuple[float, float]]:
    """Return (from, to) in minutes of all duty of some shifts within the horizon."""
    chosen = {name: spec.shifts[name] for name in names}
    rows, turns = shift_tables(chosen, spec.calendar, math.ceil(spec.horizon_days))
    spans = []
    for row in rows:
        mine = turns[row["first"] : row["first"] + row["count"]]
        on = mine["at_min"][mine["on"] == TURN_ON]
        off = mine["at_min"][mine["on"] == TURN_OFF]
        # the table leaves out a turn that would begin as the run ends, not its end: the last ends have no begin
        pairs = zip(sorted(on), sorted(off), strict=False)
        spans += [(a, b) for a, b in pairs if b > 0 and a < spec.horizon_days * 1440]
    return spans


def _channels(spec: ModelSpec) -> Iterator[Idle]:
    told = {c for kind in spec.types.values() for c in kind.report} | {s.channel for s in spec.script}
    for name, channel in spec.channels.items():
        if name not in told and name not in OWN_CHANNELS:
            yield ("channels", name), "no type is reported by this channel"
        if channel.operators is None:
            for field in ("take_min", "patience_min"):
                yield ("channels", name, field), "nobody takes the call: 'operators' is not given"


def _whistles(spec: ModelSpec) -> Iterator[Idle]:
    kinds: dict[str, str] = {}
    for name, whistle in spec.whistles.items():
        if whistle.kind in kinds:
            yield ("whistles", name), f"the whistle '{kinds[whistle.kind]}' of the same kind stands first and is blown"
        kinds.setdefault(whistle.kind, name)
        if not can_whistle(spec):
            yield ("whistles", name), "no whistle is ever blown here"
        elif not whistle.appointed:
            yield ("whistles", name, "set_out_min"), "crews set out at once: 'appointed' is false"


def _sweeps(spec: ModelSpec) -> Iterator[Idle]:
    for index, sweep in enumerate(spec.sweeps):
        if sweep.finds_per_h is not None:
            yield ("sweeps", index, "intensity"), "'finds_per_h' takes its place"
        if spec.posts[sweep.post].count == 0:
            yield ("sweeps", index, "post"), "nobody holds this post"
        elif not _meets(sweep, spec, _duty_of(sweep, spec)):
            yield ("sweeps", index, "hours"), f"nobody of '{sweep.post}' is on duty then, so nothing is found"
        elif not _meets(sweep, spec, _after_delegated(sweep, spec)):
            yield (
                ("sweeps", index, "hours"),
                f"all of '{sweep.post}' are at their delegated work then, so nobody is free to look",
            )


def _duty_of(sweep: Sweep, spec: ModelSpec) -> list[tuple[float, float]]:
    post = spec.posts[sweep.post]
    return _on_duty(spec, list(dict.fromkeys(post.teams or [post.shift])))


def _after_delegated(sweep: Sweep, spec: ModelSpec) -> list[tuple[float, float]]:
    """Return the duty that delegated work leaves: it is owed once a date and done first, one turn after the other."""
    post, free = spec.posts[sweep.post], []
    for shift in dict.fromkeys(post.teams or [post.shift]):
        owed, date = 0.0, -1
        for start, end in sorted(_on_duty(spec, [shift])):
            if int(start // 1440) != date:
                owed, date = owed + post.background_min_per_day, int(start // 1440)
            done = min(owed, end - start)
            owed -= done
            if start + done < end:
                free.append((start + done, end))
    return free


def _meets(sweep: Sweep, spec: ModelSpec, duty: list[tuple[float, float]]) -> bool:
    """Return True when the sweep falls into some of these minutes at least once."""
    days = math.ceil(spec.horizon_days)
    begins = range(sweep.start_day, days, sweep.every_days) if sweep.every_days else [sweep.start_day]
    held = {day for begin in begins for day in range(begin, min(begin + sweep.days, days))}
    spans = [(d * 1440 + sweep.hours[0] * 60, d * 1440 + sweep.hours[1] * 60) for d in sorted(held)]
    return any(a < end and start < b for start, end in spans for a, b in duty)


def _places(spec: ModelSpec) -> Iterator[Idle]:
    if spec.preferences is not None and spec.rules.dispatch != "fixed_preference" and ":" not in spec.rules.dispatch:
        yield ("preferences",), "only the dispatch rule 'fixed_preference' reads it"
    if spec.demand_weights is not None and not any(k.rate_per_hour > 0 for k in spec.types.values()):
        yield ("demand_weights",), "it spreads types with 'rate_per_hour', and there is none"


def _times(spec: ModelSpec) -> Iterator[Idle]:
    end = spec.horizon_days * 1440.0
    first, last = spec.warm_up_days * 1440.0, end - spec.cool_down_days * 1440.0
    for index, told in enumerate(spec.script):
        if not first <= told.at_min < last:
            yield ("script", index, "at_min"), f"no measure follows it: the window is {first:g} to {last:g} min"
    dates = {spec.calendar.start + dt.timedelta(days=d) for d in range(math.ceil(spec.horizon_days) + 1)}
    for field in ("holidays", "workdays"):
        for index, date in enumerate(getattr(spec.calendar, field)):
            if date not in dates:
                yield (
                    ("calendar", field, index),
                    f"the day does not lie within the {spec.horizon_days:g} days of the run",
                )
            elif field == "workdays" and date.weekday() < 5:
                yield ("calendar", field, index), "it is a working day already"
    for level in spec.ladder:
        starts = [k.start for k in spec.types.values() if k.start in LEVELS and level not in k.ladder]
        if starts and not any(LEVELS.index(s) <= LEVELS.index(level) for s in starts):  # type: ignore[arg-type]
            yield ("ladder", level), "every case begins at a higher level"
