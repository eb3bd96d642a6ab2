"""A replay shows what happened: its tracks are gapless, agree with the log, the tables and the run on record."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from scenarios.experiment import Experiment
from scenarios.library import load
from scenarios.replay import Replay
from scenarios.replay.play import WINDOW_MIN, differing
from scenarios.replay.record import MOVE, OFF, TRAVEL, WORK, Recorder, activity_of
from scenarios.replay.ways import Ways
from scenarios.study import Study
from sim.city.closures import Closure
from sim.engine.codes import LOG_KINDS, NEVER
from sim.errors import InputError

FIRST, LAST = 48 + 16, 48 + 40  # 08:00 to 20:00 of the second day, a working day
TOWN = """\
name: replayed-town
title: {en: A town, zh: 小城}
extends: whistle-vs-referral
city:
  synthetic: {name: Town, residents: 60000, seed: 3}
horizon_days: 5
warm_up_days: 1
cool_down_days: 1
experiment: {arms: [referral, whistle], replications: 2}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    folder = tmp_path_factory.mktemp("replay")
    (folder / "town.yaml").write_text(TOWN, encoding="utf-8")
    return Experiment(load(folder / "town.yaml")).run(workers=1, store=folder / "results")


@pytest.fixture(scope="module")
def replay(study) -> Replay:
    return Replay.of(study, "whistle", 1)


@pytest.fixture(scope="module")
def windows(replay):
    return [replay.window(n) for n in range(FIRST, LAST)]


@pytest.fixture(scope="module")
def segments(windows) -> np.ndarray:
    """All segments of the span, once each: what goes on into the next window stands there again."""
    whole = np.concatenate([w.segments for w in windows])
    _, first = np.unique(whole[["staff", "start_min", "activity", "place", "task"]], return_index=True)
    found = whole[first]
    return found[np.lexsort((found["start_min"], found["staff"]))]


def _pairs(segments):
    same = segments["staff"][:-1] == segments["staff"][1:]
    return segments[:-1][same], segments[1:][same]


def _log(replay, kind):
    span = (replay.log["time_min"] >= FIRST * WINDOW_MIN) & (replay.log["time_min"] < LAST * WINDOW_MIN)
    return replay.log[span & (replay.log["kind"] == LOG_KINDS.index(kind))]


def test_it_is_the_run_on_record(study, replay):
    assert replay.agrees is True
    row = study.runs().query("policy == 'whistle' and replication == 1").iloc[0]
    assert replay.result.measures["true_resolution_days"] == row["true_resolution_days"]


def test_a_run_that_differs_is_named():
    found = {"a": 1.0, "b": 2.0, "c": float("nan")}
    assert differing({"a": 1.0, "b": 2.0000001, "c": float("nan"), "d": 0.0}, found) == ["b", "d"]


def test_nobody_is_in_two_places(segments):
    before, after = _pairs(segments)
    assert (after["start_min"] > before["start_min"]).all()
    trip = (before["activity"] == TRAVEL) | (before["activity"] == MOVE)
    assert (after["start_min"][trip] <= before["until_min"][trip]).all()


def test_a_segment_starts_where_the_one_before_ended(segments):
    before, after = _pairs(segments)
    duty = (after["activity"] != OFF) & (before["activity"] != OFF)
    before, after = before[duty], after[duty]
    trip = (before["activity"] == TRAVEL) | (before["activity"] == MOVE)
    arrived = trip & (before["until_min"] == after["start_min"])
    assert arrived.sum() > 50
    assert (after["place"][arrived] == before["to_place"][arrived]).all()
    cut = trip & ~arrived
    assert ((after["place"][cut] == before["place"][cut]) | (after["place"][cut] == before["to_place"][cut])).all()
    assert (after["place"][~trip] == before["place"][~trip]).all()


def test_arrivals_are_those_of_the_log(replay, segments):
    before, after = _pairs(segments)
    arrived = (before["activity"] == TRAVEL) & (before["until_min"] == after["start_min"])
    mine = {(int(s["staff"]), float(s["until_min"]), int(s["case"])) for s in before[arrived]}
    log = {(int(g["staff"]), float(g["time_min"]), int(g["case"])) for g in _log(replay, "arrive")}
    assert len(mine) > 30
    assert mine <= log  # the log also holds arrivals at the own desk, which take no time
    travelled = {
        (int(g["staff"]), float(g["time_min"]), int(g["case"]))
        for g in _log(replay, "arrive")
        if replay.world.tasks["travels"][_task(replay, g)].any() and _sent_before(replay, g)
    }
    assert travelled <= mine


def _task(replay, entry):
    tasks = replay.world.tasks[: int(replay.world.clock["tasks"][0])]
    return np.flatnonzero((tasks["case"] == entry["case"]) & (tasks["arrived_min"] == entry["time_min"]))


def _sent_before(replay, entry):
    log = replay.log
    sent = (
        (log["kind"] == LOG_KINDS.index("assign")) & (log["staff"] == entry["staff"]) & (log["case"] == entry["case"])
    )
    times = log["time_min"][sent & (log["time_min"] <= entry["time_min"])]
    return len(times) > 0 and FIRST * WINDOW_MIN <= times[-1] < entry["time_min"]


def test_set_outs_are_those_of_the_log(replay, segments):
    trips = segments[(segments["activity"] == TRAVEL) & (segments["start_min"] >= FIRST * WINDOW_MIN)]
    stages = {(int(g["case"]), float(g["time_min"])) for g in _log(replay, "stage")}  # the same crew goes on
    log = {(int(g["staff"]), float(g["time_min"])) for g in _log(replay, "assign")}
    missing = [s for s in trips if (int(s["staff"]), float(s["start_min"])) not in log]
    assert all((int(s["case"]), float(s["start_min"])) in stages for s in missing)


@pytest.mark.parametrize("minute", [FIRST * WINDOW_MIN + 71.3, LAST * WINDOW_MIN - 12.9])
def test_an_instant_is_the_state_of_the_model(replay, minute):
    fresh = Recorder(replay.arm, replay.seed, replay.replication)
    world = fresh.go_to(minute)
    window = replay.window(int(minute // WINDOW_MIN))
    now = window.segments[window.segments["start_min"] <= minute]
    last = now[np.append(now["staff"][1:] != now["staff"][:-1], True)]
    activity, place, case = np.zeros((3, len(world.staff)), int)
    for s in last:
        activity[s["staff"]], place[s["staff"]], case[s["staff"]] = s["activity"], s["place"], s["case"]
    assert (activity == activity_of(world.staff)).all()
    on = activity != OFF
    assert (place[on] == world.staff["place"][on]).all()
    busy = activity >= TRAVEL
    busy &= activity != MOVE
    assert busy.sum() > 0
    assert (case[busy] == world.tasks["case"][world.staff["task"][busy]]).all()


def test_open_cases_are_those_of_the_tables(replay, windows):
    table = replay.result.cases().to_pandas()
    for window in windows[::7]:
        minute = window.start_min + 11.0
        open_now = (table["reported_min"] <= minute) & ~(table["closed_min"] <= minute)
        shown = window.cases[(window.cases["reported_min"] <= minute) & (window.cases["closed_min"] > minute)]
        assert sorted(shown["case"]) == table.loc[open_now, "case"].tolist()


def test_unknown_troubles_are_true_state(replay, windows):
    table = replay.result.incidents().to_pandas()
    window, minute = windows[3], windows[3].start_min
    ended = np.fmin(table["ended_min"].to_numpy(), table["resolved_min"].to_numpy())
    unknown = (table["occurred_min"] <= minute) & ~(table["first_reported_min"] < minute) & ~(ended < minute)
    shown = window.incidents[window.incidents["occurred_min"] <= minute]
    assert sorted(shown["incident"]) == table.loc[unknown, "incident"].tolist()


def test_going_back_shows_the_same(replay, windows):
    late, early = replay.window(LAST + 30), replay.window(FIRST + 2)
    assert late.start_min > early.start_min
    assert early.segments.tobytes() == windows[2].segments.tobytes()
    assert [w.nodes.tolist() for w in early.ways] == [w.nodes.tolist() for w in windows[2].ways]


def test_a_window_goes_on_where_the_one_before_ended(windows):
    for one, two in itertools.pairwise(windows):
        ends = one.segments[np.append(one.segments["staff"][1:] != one.segments["staff"][:-1], True)]
        ends = {int(s["staff"]): s for s in ends if s["activity"] != OFF}
        for staff, s in ends.items():
            first = two.segments[two.segments["staff"] == staff][0]
            if first["start_min"] < two.start_min:
                assert (first["activity"], first["place"], first["case"]) == (s["activity"], s["place"], s["case"])


def test_driving_takes_what_the_table_says(replay, segments):
    trips = segments[(segments["activity"] == TRAVEL) & (segments["place"] != segments["to_place"])]
    assert len(trips) > 30
    staff, tasks = replay.world.staff, replay.world.tasks
    lights = trips["lights"] == 1
    table = replay.city.travel[lights.astype(int), trips["place"], trips["to_place"]].astype(float)
    factor = float(replay.world.rules["travel_ordinary_factor"][0])
    minutes = np.where(lights, table, table * factor) / staff["speed_factor"][trips["staff"]]
    near = tasks["last_mile_min"][trips["task"]] / staff["speed_factor"][trips["staff"]]
    assert trips["until_min"] - trips["near_min"] == pytest.approx(near, abs=1e-5)
    assert trips["near_min"] - trips["depart_min"] == pytest.approx(minutes, abs=1e-4)
    turnout = trips["depart_min"] - trips["start_min"]
    assert (turnout >= 0).all()
    assert turnout.max() > 0.2  # units turn out before they drive


def test_ways_are_roads_and_as_long_as_the_table_says(replay, windows):
    roads, ways = replay.city.roads, replay.ways
    window = max(windows, key=lambda w: len(w.ways))
    arcs = {(int(a), int(b)): float(t) for a, b, t in zip(roads.arc_from, roads.arc_to, roads.time_min[0], strict=True)}
    trips = window.segments[window.way >= 0]
    assert len(trips) > 3
    for segment, row in zip(trips, window.way[window.way >= 0], strict=True):
        way = window.ways[row]
        assert way.nodes[0] == replay.city.places[segment["place"]]
        assert way.nodes[-1] == replay.city.places[segment["to_place"]]
        assert (np.diff(way.share) >= 0).all() and way.share[0] == 0 and way.share[-1] == pytest.approx(1)
        if segment["lights"] == 0:
            steps = [arcs[int(a), int(b)] for a, b in zip(way.nodes[:-1], way.nodes[1:], strict=True)]
            assert sum(steps) == pytest.approx(
                float(replay.city.travel[0, segment["place"], segment["to_place"]]), rel=1e-4
            )
    assert ways.era(0.0) == 0


def test_ways_avoid_closed_roads(replay):
    city = replay.city
    far = int(np.argmax(city.travel[0, 0]))
    usual = Ways(city).between([(0, 0, 0, far)])[0]
    middle = int(usual.nodes[len(usual.nodes) // 2])
    around = Closure(name="works", from_min=60.0, until_min=120.0, x_m=float(city.roads.x[middle]),
                     y_m=float(city.roads.y[middle]), radius_m=150.0)  # fmt: skip
    ways = Ways(city, [around])
    assert [ways.era(t) for t in (0.0, 59.9, 60.0, 119.9, 120.0)] == [0, 0, 1, 1, 2]
    closed = {(int(city.roads.arc_from[a]), int(city.roads.arc_to[a])) for a in ways.closed[1]}
    before, during, after = ways.between([(0, 0, 0, far), (1, 0, 0, far), (2, 0, 0, far)])
    steps = set(zip(before.nodes[:-1].tolist(), before.nodes[1:].tolist(), strict=True))
    assert steps & closed
    assert (
        not set(zip(during.nodes[:-1].tolist(), during.nodes[1:].tolist(), strict=True)) & closed
        or not during.open_roads
    )
    assert after.nodes.tolist() == before.nodes.tolist()


def test_a_cut_off_place_is_reached_off_the_roads(replay):
    city = replay.city
    far = int(np.argmax(city.travel[0, 0]))
    node = int(city.places[far])
    wall = Closure(name="cordon", from_min=0.0, until_min=9.0, x_m=float(city.roads.x[node]),
                   y_m=float(city.roads.y[node]), radius_m=1e6)  # fmt: skip
    way = Ways(city, [wall]).between([(1, 0, 0, far)])[0]
    assert not way.open_roads
    assert way.nodes[-1] == node


def test_a_whistle_stands_until_it_is_done(replay):
    cases = replay.cases
    blown = cases[cases["whistle_min"] < NEVER]
    assert len(blown) > 5
    assert (blown["whistled_min"] > blown["whistle_min"]).all()
    first = {int(g["case"]): float(g["time_min"]) for g in replay.log[::-1] if g["kind"] == LOG_KINDS.index("whistle")}
    assert {int(c["case"]): float(c["whistle_min"]) for c in blown} == first
    assert (cases["whistled_min"][cases["whistle_min"] >= NEVER] >= NEVER).all()


def test_the_life_of_a_case_says_record_and_truth(replay):
    table = replay.result.cases().to_pandas()
    row = table[table["misjudged"] & table["closed_min"].notna()].iloc[0]
    life = replay.life(int(row["case"]))
    assert (life["filed_type"], life["true_type"]) == (row["filed_type"], row["type"])
    assert life["reported_min"] == row["reported_min"]
    assert life["closed_min"] == row["closed_min"]
    assert life["resolved_min"] == (None if np.isnan(row["resolved_min"]) else row["resolved_min"])
    times = [entry["time_min"] for entry in life["history"]]
    assert times == sorted(times)
    assert {"occurs", "close"} <= {entry["kind"] for entry in life["history"]}


def test_next_event_goes_both_ways(replay):
    times = sorted(_all(replay, "whistle"))
    middle = times[len(times) // 2]
    assert replay.next_event(middle, ["whistle"])["time_min"] == min(t for t in times if t > middle)
    assert replay.next_event(middle, ["whistle"], back=True)["time_min"] == max(t for t in times if t < middle)
    assert replay.next_event(replay.horizon_min, ["whistle"]) is None
    assert replay.told["whistle"] == len(times)


def _all(replay, kind):
    return replay.log["time_min"][replay.log["kind"] == LOG_KINDS.index(kind)].tolist()


def test_the_time_line_counts_every_case_once(replay):
    line = replay.timeline(bins=37)
    assert sum(line["told"]) == len(replay.cases)
    assert sum(line["whistles"]) == (replay.cases["whistle_min"] < NEVER).sum()
    assert line["open"][-1] == int((replay.cases["closed_min"] > replay.horizon_min).sum())


@pytest.mark.parametrize(
    "ask",
    [
        lambda r: r.window(-1),
        lambda r: r.window(r.windows),
        lambda r: r.life(len(r.cases)),
        lambda r: r.life(-1),
        lambda r: r.next_event(0.0, ["earthquake"]),
    ],
)
def test_what_is_not_there_is_said(replay, ask):
    with pytest.raises(InputError, match="found"):
        ask(replay)


@pytest.mark.parametrize(("arm", "number"), [("nobody", 0), ("whistle", 99)])
def test_runs_that_do_not_exist_are_refused(study, arm, number):
    with pytest.raises(InputError):
        Replay.of(study, arm, number)


def test_work_takes_place_where_the_task_is(replay, windows):
    tasks = replay.world.tasks
    for window in windows[::5]:
        at = window.segments[(window.segments["activity"] == WORK)]
        travels = tasks["travels"][at["task"]] == 1
        assert (at["place"][travels] == tasks["place"][at["task"]][travels]).all()
