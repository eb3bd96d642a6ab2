"""The drill's run: time, decisions, injects and what each role may know."""

from __future__ import annotations

import numpy as np
import pytest

from scenarios.drill import CONTROLLER
from scenarios.drill.ground import state_hash
from sim.errors import InputError
from tests import drill_sample as sample


@pytest.fixture(scope="module")
def played():
    return sample.by_rule(sample.drill())


def test_a_whole_evening_asks_eight_to_twenty_decisions_of_two_roles(played):
    assert played.status == "finished" and played.t_min == 90
    answered = [p for p in played.prompts if p.state == "answered"]
    assert 8 <= len(answered) <= 20
    assert {p.role for p in answered} == {"street_leader", "dispatcher"}
    assert {p.hook for p in answered} == {"dispatch", "coordinate"}


def test_deciding_as_the_rule_is_as_if_nobody_had_been_asked(played):
    def change(data):
        data["asks"] = []
        data["injects"] = [i for i in data["injects"] if i["id"] != "late-street"]

    unasked = sample.variant(change)
    unasked.start()
    while not unasked.is_over:
        unasked.jump()
    assert not unasked.prompts
    assert state_hash(unasked.world) == state_hash(played.world)


@pytest.mark.parametrize("step_s", [0.37, 3.0, 61.0])
def test_how_time_is_divided_changes_nothing(played, step_s):
    made = sample.drill()
    made.start()
    made.set_speed(60)
    while not made.is_over:
        if made.open_decisions:
            prompt = made.open_decisions[0]
            made.decide(prompt.id, prompt.rule_option, "tester", took_s=4.0)
        else:
            made.tick(step_s)
    assert made.final_hash == played.final_hash
    kinds = ("prompt", "inject", "decide")
    lines = [[x.told() for x in d.recording.lines if x.kind in kinds] for d in (made, played)]
    assert lines[0] == lines[1]


def test_the_clock_stands_while_a_decision_is_open_and_the_countdown_with_a_pause():
    made = sample.to_prompt(sample.drill(), "dispatch")
    prompt, at = made.open_decisions[0], made.t_min
    made.tick(10.0)
    assert made.t_min == at and prompt.left_s == prompt.answer_within_s - 10
    made.pause()
    made.tick(1000.0)
    assert prompt.state == "open" and prompt.left_s == prompt.answer_within_s - 10
    made.resume()
    made.tick(prompt.left_s + 0.001)
    assert prompt.state == "answered" and not prompt.in_time and prompt.chosen == prompt.rule_option


def test_only_offered_answers_of_open_decisions_are_taken():
    made = sample.to_prompt(sample.drill(), "coordinate")
    with pytest.raises(InputError, match="not one of the options"):
        made.decide("D2", "refer:moon", "x")
    with pytest.raises(InputError, match="not open"):
        made.decide("D9", "wait", "x")
    before = len(made.recording.lines)
    with pytest.raises(InputError):
        made.decide("D1", "wait", "x")
    assert len(made.recording.lines) == before


def test_options_say_who_how_far_and_whom_a_whistle_calls():
    made = sample.to_prompt(sample.drill(), "dispatch")
    sends = [o for o in made.open_decisions[0].options if o.kind == "send"]
    etas = [o.facts["eta_min"] for o in sends]
    assert etas == sorted(etas) and all(o.facts["distance_km"] >= 0 and o.facts["unit"]["zh"] for o in sends)
    made = sample.to_prompt(made, "coordinate")
    assert made.open_decisions[0].about["why"] == "dispatch"  # the work has begun: departments are called to it or not
    options = {o.id: o for o in made.open_decisions[0].options}
    assert {o.kind for o in options.values()} == {"handle", "whistle"}
    assert {d["en"] for d in options["whistle:emergency"].facts["calls"]} >= {"Police"}


def test_another_answer_leads_elsewhere(played):
    made = sample.to_prompt(sample.drill(), "coordinate")
    made.decide(made.open_decisions[0].id, "handle", "tester")
    assert sample.by_rule(made).final_hash != played.final_hash


# ---------------------------------------------------------------- what roles may know
def test_a_player_never_learns_of_an_inject_before_its_release():
    made = sample.drill()
    made.start()
    texts = {i.id: (i.text.en, i.text.zh) for i in made.exercise.injects}
    secrets = [x for i in made.exercise.injects if i.expected for x in (i.expected.en, i.expected.zh)]
    seen = dict.fromkeys(made.roles, -1)
    while not made.is_over:
        released = {s.id for s in made.injects if s.status == "released"}
        for role in made.roles:
            told = sample.flat([made.view_for(role), [e.shown() for e in made.events_for(role, seen[role])]])
            seen[role] = len(made.events) - 1
            for inject, both in texts.items():
                if inject not in released or role not in made.exercise.inject(inject).to:
                    assert not any(text in told for text in both), (role, inject)
            assert not any(secret in told for secret in secrets)
            assert "rule_option" not in told and "rule_answer" not in told and '"inject"' not in told
        if made.open_decisions:
            made.decide(made.open_decisions[0].id, made.open_decisions[0].rule_option, "tester")
        else:
            made.advance(made.t_min + 3)


def test_a_role_sees_its_own_decisions_messages_and_units_only():
    made = sample.to_prompt(sample.drill(), "dispatch")
    own, other = made.view_for("street_leader"), made.view_for("dispatcher")
    assert [d["id"] for d in own["decisions"]] == ["D1"] and not other["decisions"]
    assert {u["post"] for u in own["units"]} <= set(made.exercise.roles["street_leader"].sees.posts)
    assert all(e.kind != "occurs" for e in made.events_for("dispatcher"))
    assert any(e.kind == "occurs" for e in made.events_for(CONTROLLER))
    with pytest.raises(InputError, match="unknown role"):
        made.view_for("mayor")


def test_a_blind_view_holds_no_title_no_length_and_no_exercise_minute():
    def change(data):
        data["blind"] = True

    made = sample.variant(change)
    made = sample.to_prompt(made, "coordinate")
    told = sample.flat([made.view_for("street_leader"), [e.shown() for e in made.events_for("street_leader")]])
    assert made.exercise.title.en not in told and "length_min" not in told
    assert not any(f'"{name}": {made.t_min}' in told for name in ("t_min", "at_min"))
    assert all(e.t_min is None for e in made.events_for("street_leader"))
    assert made.view_for("street_leader")["clock"]["time"] == made.clock_text


# ---------------------------------------------------------------- injects
def test_holding_striking_retiming_and_releasing():
    made = sample.drill()
    made.start()
    made.hold("fire")
    made.skip("brawl")
    made.retime("unit-down", 5)
    sample.by_rule(made, 45)
    fates = {s.id: (s.status, s.released_min) for s in made.injects}
    assert fates["fire"] == ("held", None) and fates["brawl"] == ("skipped", None)
    assert fates["unit-down"] == ("released", 5) and fates["road"] == ("waiting", None)
    made.release("fire")
    assert made.slot("road").due_min == made.t_min + 3
    with pytest.raises(InputError, match="not waiting"):
        made.skip("fire")
    with pytest.raises(InputError, match="no inject"):
        made.release("moon")


def test_a_condition_is_met_at_the_first_whole_minute_after_it_holds():
    made = sample.drill()
    made.start()
    made.leave_unfilled([])
    while not made.is_over:
        if made.open_decisions:
            prompt = made.open_decisions[0]
            late = prompt.ask == "street-sends"
            made.decide(prompt.id, "wait" if late else prompt.rule_option, "tester")
        else:
            made.advance(30)
            if made.t_min >= 30:
                break
    assert made.slot("late-street").released_min == 23  # occurs at 2, above 20 minutes from 22 on


def test_an_inject_moves_no_other_incident():
    plain, more = sample.drill(), sample.drill()
    for made in (plain, more):
        made.start()
        sample.by_rule(made, 10)
    more.adhoc({"effects": [{"kind": "incident", "type": "noise", "severity": 1}]})
    cursor = int(plain.world.clock["cursor"][0])
    before, after = plain.world.incidents[cursor:], more.world.incidents[int(more.world.clock["cursor"][0]) :]
    for name in ("entity", "occurred_min", "severity", "place", "needs"):
        assert np.array_equal(before[name], after[name]), name


def test_people_fall_out_and_come_back():
    made = sample.drill()
    made.start()
    post = made.ground.names.posts.index("police_unit")

    def on_duty():
        return int(((made.world.staff["post"] == post) & (made.world.staff["on_duty"] == 1)).sum())

    before = on_duty()
    made.adhoc({"effects": [{"kind": "off_duty", "post": "police_unit", "count": 2}]})
    assert on_duty() == before - 2
    made.adhoc({"effects": [{"kind": "recall", "post": "police_unit", "count": 3}]})
    assert on_duty() == before + 1
    with pytest.raises(InputError, match="too few of this post are on duty"):
        made.adhoc({"effects": [{"kind": "off_duty", "post": "police_unit", "count": 100}]})
    assert on_duty() == before + 1


def test_roads_close_and_open_again():
    made = sample.drill()
    made.start()
    before = made.world.travel
    close = {"kind": "close_road", "name": "here", "x_m": 20, "y_m": 1000, "radius_m": 380}
    made.adhoc({"effects": [close]})
    assert (made.world.travel >= before - 1e-5).all() and (made.world.travel > before + 0.1).any()
    assert made.view_for("dispatcher")["closures"][0]["name"] == "here"
    made.adhoc({"effects": [{"kind": "open_road", "name": "here"}]})
    assert np.array_equal(made.world.travel, before) and not made.view_for("dispatcher")["closures"]
    with pytest.raises(InputError, match="no road is closed"):
        made.adhoc({"effects": [{"kind": "open_road", "name": "here"}]})


def test_an_ad_hoc_inject_that_cannot_be_done_changes_nothing():
    made = sample.drill()
    made.start()
    before, lines = state_hash(made.world), len(made.recording.lines)
    effects = [{"kind": "off_duty", "post": "police_unit"}, {"kind": "recall", "post": "police_unit", "count": 99}]
    for data in (
        {"effects": effects}, {"to": ["moon"], "text": {"en": "a", "zh": "b"}}, {}, {"text": {"en": "a", "zh": "b"}},
        {"effects": [{"kind": "incident", "type": "moon"}]}, {"effects": [{"kind": "incident"}]},
        {"effects": [{"kind": "off_duty", "post": "moon"}]}, {"effects": [{"kind": "incident", "type": "noise",
         "grid": "nowhere"}]}, {"effects": [{"kind": "incident", "type": "noise", "place": 10**6}]},
    ):  # fmt: skip
        with pytest.raises(InputError):
            made.adhoc(data)
    assert state_hash(made.world) == before and len(made.recording.lines) == lines
    assert len(made.injects) == len(made.exercise.injects)


def test_an_effect_on_an_open_decision_changes_its_options_or_voids_it():
    made = sample.to_prompt(sample.drill(), "dispatch")
    prompt = made.open_decisions[0]
    assert prompt.ask == "street-sends"
    sends = sum(o.kind == "send" for o in prompt.options)
    made.adhoc({"effects": [{"kind": "off_duty", "post": "street_team", "count": 1}]})
    assert prompt.state == "open" and sum(o.kind == "send" for o in prompt.options) == sends - 1
    made.adhoc({"effects": [{"kind": "off_duty", "post": "street_team", "count": sends - 1}]})
    assert prompt.state == "void" and prompt not in made.open_decisions
    made.adhoc({"effects": [{"kind": "recall", "post": "street_team", "count": 2}]})
    sample.by_rule(made)
    assert made.status == "finished"


def test_an_unfilled_role_is_played_by_the_rule_and_not_counted(played):
    made = sample.drill()
    made.leave_unfilled(["dispatcher"])
    made = sample.by_rule(made)
    assert {p.by for p in made.prompts if p.role == "dispatcher"} == {"stand-in"}
    assert made.final_hash == played.final_hash
    answered = next(c for o in made.score().objectives for c in o.criteria if c.criterion.id == "answered")
    assert answered.value == 1.0


def test_things_that_cannot_be_done_now_are_refused():
    made = sample.drill()
    with pytest.raises(InputError, match="cannot be done now"):
        made.pause()
    made.start()
    with pytest.raises(InputError, match="impossible speed"):
        made.set_speed(0)
    made.stop("enough")
    assert made.status == "stopped" and made.stop_reason == "enough"
    with pytest.raises(InputError, match="over already"):
        made.stop("again")
    assert made.tick(10) == [] and made.jump() == []


def _everything_asked(data):
    data["asks"] = [
        {"id": hook, "hook": hook, "role": "dispatcher", "answer_within_s": 30}
        for hook in ("dispatch", "coordinate", "report_in", "pick")
    ]
    for criterion in (c for o in data["objectives"] for t in o["tasks"] for c in t["criteria"]):
        (criterion.get("measure") or {}).pop("ask", None)
    data["length_min"] = 240


@pytest.fixture(scope="module")
def all_asked():
    from scenarios.drill import Ground

    made = sample.varied(_everything_asked)
    return made, Ground.of(made)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_offered_answer_can_be_carried_out_and_played_again(all_asked, seed):
    """Random people: every option of every hook, time-outs, duty changes and roads in between."""
    from scenarios.drill import Drill, Recording, replay

    exercise, ground = all_asked
    made, rng, hooks = (
        Drill(exercise, seed, recording=Recording(real=lambda: ""), ground=ground),
        np.random.default_rng(seed),
        set(),
    )
    made.start()
    while not made.is_over:
        if rng.random() < 0.05:
            effect = [
                {"kind": "off_duty", "post": "police_unit"}, {"kind": "recall", "post": "police_unit"},
                {"kind": "incident", "type": "building_fire", "severity": 3, "told_by": "fire_119"},
                {"kind": "close_road", "name": "r", "x_m": 20, "y_m": 1000, "radius_m": 300, "for_min": 9},
            ][rng.integers(4)]  # fmt: skip
            try:
                made.adhoc({"effects": [effect]})
            except InputError:
                continue
        if made.open_decisions:
            prompt = made.open_decisions[0]
            hooks.add(prompt.hook)
            assert prompt.option(prompt.rule_option) is not None
            if rng.random() < 0.2:
                made.tick(prompt.left_s + 1)
            else:
                made.decide(prompt.id, prompt.options[rng.integers(len(prompt.options))].id, "random")
        else:
            made.advance(made.t_min + rng.exponential(10))
    assert hooks >= {"dispatch", "coordinate", "report_in"}
    assert replay(made.recording, ground).final_hash == made.final_hash
