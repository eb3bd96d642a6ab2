"""Sweeps: people of a post look at set times for trouble that nobody has told, and report it through their channel."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from law_scenes import assert_sound, differences, logged, rows, run, titled
from scenario_texts import line_of, write
from typer.testing import CliRunner

from gridwhistle import app
from scenarios import Study, load
from sim import kernel
from sim.assemble import assemble
from sim.city.bare import bare_city
from sim.engine import codes
from sim.engine.codes import NEVER
from sim.errors import InputError
from sim.policies.trial import trial_city, trial_spec
from sim.spec import ModelSpec

DAY = 1440.0


def sweep(**changes: Any) -> dict[str, Any]:
    return {"name": "spring", "types": ["hidden"], "post": "member", **changes}


def arm(*sweeps: dict[str, Any], days: float = 10.0, rate: float = 40.0, members: int = 2, **changes: Any):
    """Return troubles that nobody tells, in one grid; two members do nothing else than sweep."""
    hidden = {"title": titled("hidden"), "kind": "dispute", "rate_per_hour": rate, "start": "grid",
              "stages": [{"name": "end", "staff": 0}], "success": {"base": 1.0, "floor": 1.0}}  # fmt: skip
    member = {"title": titled("member"), "kind": "grid_member", "per": "grid", "count": members}
    spec = {
        "horizon_days": days, "types": {"hidden": hidden, "other": {**hidden, "rate_per_hour": 1.0}},
        "posts": {"member": {**member, **changes.pop("post", {})}}, "ladder": {"grid": "member"},
        "shifts": {"always": {}, **changes.pop("shifts", {})}, "channels": {"sweep": {"title": titled("sweep")}},
        "sweeps": list(sweeps), **changes,
    }  # fmt: skip
    return assemble(ModelSpec.model_validate(spec), bare_city())


def found_min(world) -> np.ndarray:
    return rows(world, "incidents")["first_reported_min"]


def swept(times: np.ndarray, spans: list[tuple[float, float]]) -> np.ndarray:
    """Return how many minutes of the spans lie before each time."""
    return sum(np.clip(times - a, 0.0, b - a) for a, b in spans)


def test_the_share_found_is_that_of_a_constant_rate_over_the_hours_swept():
    """Found within the sweeps left after it occurred: 1 - exp(-rate * minutes)."""
    world = run(arm(sweep(start_day=2, days=2, every_days=5, hours=(9.0, 17.0), finds_per_h=0.1)), level="cases")
    spans = [(d * DAY + 540.0, d * DAY + 1020.0) for d in (2, 3, 7, 8)]
    incidents = rows(world, "incidents")
    incidents = incidents[incidents["type"] == 0]
    left = swept(np.array([10 * DAY]), spans) - swept(incidents["occurred_min"], spans)
    p = 1.0 - np.exp(-0.1 / 60.0 * left)
    found = incidents["first_reported_min"] < NEVER
    z = (found.sum() - p.sum()) / math.sqrt((p * (1 - p)).sum())
    assert len(incidents) > 8000 and found.sum() > 3000 and abs(z) < 3.3
    at = incidents["first_reported_min"][found]
    assert all(any(a <= t <= b for a, b in spans) for t in at), "found outside the hours of the sweep"
    # and when it is found is uniform in the exposure that led to it
    waited = swept(at, spans) - swept(incidents["occurred_min"][found], spans)
    u = (1.0 - np.exp(-0.1 / 60.0 * waited)) / p[found]
    assert abs(u.mean() - 0.5) < 3.3 * math.sqrt(1 / 12 / len(u))


def test_finds_come_by_the_channel_and_only_of_the_types_that_are_looked_for():
    world = run(arm(sweep(finds_per_h=2.0)))
    cases = rows(world, "cases")
    assert len(cases) > 100 and (cases["channel"] == 0).all() and (cases["type"] == 0).all()
    assert len(logged(world, codes.L_FOUND)) == len(cases)
    assert (rows(world, "incidents")["cases"][rows(world, "incidents")["type"] == 1] == 0).all()
    assert (rows(world, "incidents")["fate"] == codes.F_RESOLVED).sum() == len(cases), "nothing is found twice"


def test_intensity_counts_in_patrols_of_the_whole_post():
    """Two members, 3 km/h, 0.25 noticed, 1.5 km of streets: 3 * 0.25 * 2 / 1.5 = 1 an hour at intensity 1."""
    parameters = {"patrol.speed_kmh": 3.0, "patrol.found_probability": 0.25, "patrol.street_km_per_grid": 1.5}
    once = sweep(start_day=1, days=1, hours=(0.0, 24.0))
    a = run(arm({**once, "intensity": 0.05}, days=2.0, parameters=parameters), level="counts")
    b = run(arm({**once, "finds_per_h": 0.05}, days=2.0, parameters=parameters), level="counts")
    assert np.allclose(found_min(a), found_min(b)) and (found_min(a) < NEVER).sum() > 500


BUSY = """name: never-free
title: {en: Never free, zh: 无人有空}
city: {bare: {places: [[0, 0]], metric: none}}
bare: true
horizon_days: 3
types:
  hidden:
    title: {en: Hidden, zh: 隐患}
    kind: dispute
    rate_per_hour: 5
    start: grid
    stages: [{name: end, staff: 0}]
  long:
    title: {en: Long, zh: 长事}
    kind: order
    start: grid
    stages: [{name: work, touch_min: 20000}]
posts:
  member: {title: {en: Member, zh: 网格员}, kind: grid_member, per: grid, count: 1, shift: always}
shifts: {always: {}}
channels: {sweep: {title: {en: Sweep, zh: 排查}}, phone: {title: {en: Phone, zh: 电话}}}
ladder: {grid: member, community: member, street: member, district: member, city: member}
script: [{name: first, type: long, at_min: 0, channel: phone}]
sweeps: [{name: spring, types: [hidden], post: member, days: 3, finds_per_h: 2}]
policies:
  one: {title: {en: One, zh: 一人}}
  two: {title: {en: Two, zh: 两人}, posts: {member: {count: 2}}}
experiment: {arms: [one, two], replications: 2}
"""


def test_a_sweep_whose_people_are_never_free_is_told_after_the_runs(tmp_path, monkeypatch):
    """One member has a case of two weeks, so that nobody looks; where there are two the other one does."""
    monkeypatch.chdir(tmp_path)
    file = str(write(tmp_path, BUSY))
    done = CliRunner().invoke(app, ["compare", file, "--workers", "1", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    (warning,) = [text for text in told["warnings"] if "moments" in text]
    assert "under 'one' the sweep 'spring' found nothing: nobody of 'member' was free" in warning
    assert "warning" in done.stderr and warning in done.stderr
    study = Study.open(told["results"])
    looks = study.table("looks").groupby("policy")[["looks", "free_looks"]].sum()
    assert looks.loc["one", "looks"] > 100 and looks.loc["one", "free_looks"] == 0 < looks.loc["two", "free_looks"]
    assert "nobody of &#x27;member&#x27; was free" in Path(told["report"]).read_text("utf-8")
    chinese = CliRunner().invoke(app, ["compare", file, "--workers", "1", "--no-report", "--lang", "zh"])
    assert chinese.exit_code == 0, chinese.output
    assert "“member”均无人有空" in chinese.stderr


def test_who_is_with_a_case_or_off_duty_does_not_sweep():
    """Half the time on duty finds half of what the whole day finds; a group kept busy finds nothing."""
    day = sweep(days=10, hours=(0.0, 24.0), finds_per_h=0.02)
    shifts = {"day": {"hours": [(6.0, 18.0)]}}
    whole, half = (run(arm(day, shifts=shifts, post={"shift": s}), level="counts") for s in ("always", "day"))
    at = found_min(half)[found_min(half) < NEVER]
    assert len(at) > 500 and ((at % DAY >= 360.0) & (at % DAY <= 1080.0)).all()
    assert set(np.flatnonzero(found_min(half) < NEVER)) < set(np.flatnonzero(found_min(whole) < NEVER))
    script = [{"name": f"s{i}", "type": "long", "at_min": 0.0, "channel": "phone"} for i in range(2)]
    long = {"title": titled("long"), "kind": "order", "stages": [{"name": "work", "touch_min": 20_000.0}]}
    base = arm(day).spec
    busy = base.model_dump() | {
        "script": script,
        "channels": {"sweep": {"title": titled("s")}, "phone": {"title": titled("p")}},
    }
    busy["types"] = {**busy["types"], "long": long}
    world = run(assemble(ModelSpec.model_validate(busy), bare_city()), level="cases")
    assert not len(logged(world, codes.L_FOUND))


def test_more_intensity_finds_all_that_less_finds_and_no_later():
    at = [found_min(run(arm(sweep(days=3, every_days=4, finds_per_h=r)), level="counts")) for r in (0.02, 0.06, 0.2)]
    for less, more in itertools.pairwise(at):
        assert (more <= less).all() and (more < less).any()


def test_a_sweep_that_finds_nothing_changes_nothing_and_another_moves_no_draw_of_the_first():
    first = sweep(days=3, finds_per_h=0.05)
    idle = {**sweep(name="idle", types=["other"], finds_per_h=1e-12)}
    a, b = run(arm(first), level="counts"), run(arm(idle, first), level="counts")
    assert not differences(a, b)
    second = sweep(name="second", start_day=5, days=2, finds_per_h=0.05)
    both = run(arm(first, second), level="counts")
    early = found_min(a) < 5 * DAY
    assert early.sum() > 300 and np.array_equal(found_min(a)[early], found_min(both)[early])
    assert (found_min(both) < NEVER).sum() > (found_min(a) < NEVER).sum()


def test_trouble_closed_on_paper_can_be_found_again():
    """No case succeeds and some are closed as settled: later sweeps find the same trouble again."""
    again = sweep(days=10, hours=(0.0, 24.0), finds_per_h=1.0)
    base = arm(again, rate=0.5, parameters={"closing.sham_probability": 0.3}).spec
    data = base.model_dump()
    data["types"]["hidden"]["success"] = {"base": 0.0, "floor": 0.0}
    world = run(assemble(ModelSpec.model_validate(data), bare_city()), level="cases")
    incidents = rows(world, "incidents")
    assert incidents["cases"].max() > 1 and (incidents["fate"][incidents["type"] == 0] != codes.F_RESOLVED).mean() > 0.9
    assert len(logged(world, codes.L_FOUND)) == rows(world, "clock")["reports"][0]


def test_the_laws_of_the_tables_hold_while_sweeps_go_on():
    spec = trial_spec(days=4)
    given = [{"name": "all", "types": ["leak", "quarrel", "stall"], "post": "member", "days": 4, "finds_per_h": 0.5}]
    data = spec.model_dump() | {"sweeps": given}
    data["channels"] = {**data["channels"], "sweep": {"title": titled("sweep"), "delay_min": 60.0}}
    made = assemble(ModelSpec.model_validate(data), trial_city())
    world = made.world(2, 0, "everything")
    kernel.begin(world)
    for minute in np.linspace(1.0, 4 * DAY, 200):
        kernel.run_until(made, world, float(minute))
        assert_sound(world)
    assert (rows(world, "cases")["channel"] == list(made.spec.channels).index("sweep")).sum() > 5
    assert not differences(world, run(made, 2, pauses=[300.0, 700.0, 4000.0]))


# ---------------------------------------------------------------- what a scenario may say
TEXT = """name: swept
title: {en: Swept, zh: 排查}
city: {synthetic: {residents: 10000}}
horizon_days: 30
sweeps:
  - name: spring
    types: [neighbour_dispute]
    post: grid_member
    start_day: 1
    days: 20
    intensity: 4
policies:
  none: {title: {en: None, zh: 无}, sweeps: []}
  spring: {title: {en: Spring, zh: 春季}}
"""


def neighbours() -> str:
    """Return the name of a shipped type of dispute."""
    from scenarios.base import base_tree

    return next(name for name, kind in base_tree().data["types"].items() if kind["kind"] == "dispute")


def scenario(tmp_path, old: str = "", new: str = "", whole: str = TEXT):
    text = whole.replace("neighbour_dispute", neighbours())
    assert old in text
    text = text.replace(old, new, 1) if old else text
    return text, load(write(tmp_path, text))


def test_a_policy_may_bring_a_sweep_or_leave_it_out(tmp_path):
    _, made = scenario(tmp_path, "intensity: 4", "finds_per_h: 2")
    assert made.spec("none").sweeps == [] and made.spec("spring").sweeps[0].finds_per_h == 2
    model = made.model("spring")
    model.run()
    channels = list(made.spec("spring").channels)
    assert (rows(model.world, "log")["kind"] == codes.L_FOUND).any()
    assert channels.index("sweep") in rows(model.world, "cases")["channel"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("post: grid_member", "post: grid_membr", "grid_member"),
        ("types: [", "types: [nothing_known, ", "unknown type"),
        ("start_day: 1", "start_day: 30", "begins after the end"),
        ("days: 20", "days: 0", "at least 1"),
        ("intensity: 4", "intensity: -4", "above 0"),
        ("intensity: 4", "intensity: 4\n    hours: [17, 9]", "from < to"),
        ("intensity: 4", "intensity: 4\n    every_days: 1", "every_days is below days"),
        ("intensity: 4", "intensiti: 4", "intensity"),
    ],
)
def test_a_sweep_that_cannot_be_is_one_sentence(tmp_path, old, new, said):
    with pytest.raises(InputError) as caught:
        scenario(tmp_path, old, new)[1].spec("spring")
    error = caught.value
    assert said in error.sentence() and "\n" not in error.sentence()
    assert "sweeps" in str(error.field) and error.line is not None and error.line >= 5


def test_sweeps_need_their_channel_and_look_for_trouble_only():
    with pytest.raises(InputError, match="reported") as caught:
        arm(sweep(), channels={})
    assert caught.value.found == "sweep"
    with pytest.raises(InputError, match="one name"):
        arm(sweep(), sweep())
    enquiry = {"title": titled("ask"), "kind": "enquiry", "stages": [{"name": "a"}]}
    with pytest.raises(InputError, match="cannot be found"):
        arm(sweep(), types={"hidden": enquiry})


def test_closures_may_be_written_in_a_scenario(tmp_path):
    text, made = scenario(tmp_path, "sweeps:", "closures: []\nsweeps:")
    assert made.spec("none").closures == [] and line_of(text, "closures") == 5
