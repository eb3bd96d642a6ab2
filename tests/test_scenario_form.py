"""Scenarios: form, extends, policies as overlays, hashes, and messages that name file, line, field, found, allowed."""

from __future__ import annotations

import pytest
from scenario_texts import BARE, line_of, write

from scenarios import load
from scenarios.dry import dry_check
from scenarios.library import names
from scenarios.schema import Scenario, Sections
from sim.errors import InputError
from sim.spec import ModelSpec


def replaced(old: str, new: str) -> str:
    assert old in BARE
    return BARE.replace(old, new, 1)


def refused(tmp_path, text: str, policy: str | None = None) -> InputError:
    file = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        scenario = load(file)
        scenario.city_spec()
        for arm in [policy] if policy else scenario.arms:
            scenario.spec(arm)
    error = caught.value
    assert str(error.file) == str(file)
    assert "\n" not in error.sentence()
    return error


def test_a_file_may_hold_every_section_of_the_model():
    assert set(Sections.model_fields) == set(ModelSpec.model_fields)


def test_a_bare_scenario_stands_alone(tmp_path):
    scenario = load(write(tmp_path))
    one, two = scenario.spec("one"), scenario.spec("two")
    assert list(one.types) == ["call"] and one.departments == {}
    assert (one.posts["clerk"].count, two.posts["clerk"].count) == (1, 2)
    assert two.posts["clerk"].kind == "unit"  # the overlay holds only what differs
    assert scenario.arms == ["one", "two"]
    assert scenario.policy_title("two", "zh") == "两名办事员"


def test_a_scenario_that_is_not_bare_stands_on_catalogue_and_defaults(tmp_path):
    text = "name: plain\ntitle: {en: Plain, zh: 普通}\ncity: {synthetic: {residents: 10000}}\nhorizon_days: 3\n"
    text += "types:\n  noise: {rate_per_1000_year: 1.5}\n  leak: ~\n"
    scenario = load(write(tmp_path, text))
    spec = scenario.spec()
    assert len(spec.types) >= 24 and len(spec.departments) >= 10
    assert spec.types["noise"].rate_per_1000_year == 1.5
    assert spec.types["noise"].stages  # the rest of the type comes from the catalogue
    assert spec.horizon_days == 3 and scenario.arms == ["as-is"]


@pytest.mark.parametrize(
    ("old", "new", "field", "said"),
    [
        ("horizon_days: 2", "horizon_h: 48", "horizon_h", ["unknown field", "horizon_days", "days"]),
        ("rate_per_hour: 6.0", "rate_per_day: 6.0", "types.call.rate_per_day", ["unknown field", "rate_per_hour"]),
        ("touch_min:", "touch_h:", "types.call.stages[0].touch_h", ["unknown field", "touch_min", "minutes"]),
        ("count: 1\n", "coutn: 1\n", "posts.clerk.coutn", ["unknown field", "count"]),
        ("metric: none", "metrik: none", "city.bare.metrik", ["unknown field", "metric"]),
        ("replications: 4", "repliactions: 4", "experiment.repliactions", ["unknown field", "replications"]),
        ("count: 1\n", "count: -1\n", "posts.clerk.count", ["impossible number", "at least 0", "-1"]),
        ("horizon_days: 2", "horizon_days: 0", "horizon_days", ["impossible number", "above 0", "days"]),
        ("horizon_days: 2", "horizon_days: -2", "horizon_days", ["impossible number", "above 0"]),
        ("horizon_days: 2", "horizon_days: 48 h", "horizon_days", ["without a unit", "days", "48 h"]),
        ("horizon_days: 2", "horizon_days: [2]", "horizon_days", ["not a number", "days"]),
        ("base: 1.0", "base: 1.7", "types.call.success.base", ["at least 0", "at most 1", "1.7"]),
        ("kind: unit", "kind: robot", "posts.clerk.kind", ["robot", "grid_member", "mediator"]),
        ("mean: 8", "mean: -8", "types.call.stages[0].touch_min", ["must be above 0"]),
        ("exponential", "expnential", "types.call.stages[0].touch_min", ["unknown law", "exponential"]),
        ("shift: always", "shift: allways", "posts.clerk.shift", ["allways", "always"]),
        ("who: clerk", "who: klerk", "types.call.stages[0].who", ["klerk", "clerk"]),
        ("report: {phone", "report: {fone", "types.call.report", ["fone", "phone"]),
        ("arms: [one, two]", "arms: [one, three]", "experiment.arms[1]", ["three", "one", "two"]),
        ("name: small-queue", "name: small queue", "name", ["small queue", "letters"]),
        ("bare: true", "bare: perhaps", "bare", ["perhaps"]),
        ("replications: 4", "replications: 0", "experiment.replications", ["at least 1"]),
        ("replications: 4", "replications: 4.5", "experiment.replications", ["whole number", "4.5"]),
    ],
)
def test_mistakes_name_file_line_field_found_and_allowed(tmp_path, old, new, field, said):
    text = replaced(old, new)
    error = refused(tmp_path, text)
    assert error.field == field
    assert error.line == line_of(text, new.strip())
    for piece in said:
        assert piece in error.sentence()


def test_missing_fields(tmp_path):
    error = refused(tmp_path, BARE.replace("name: small-queue\n", ""))
    assert error.field == "name" and "missing" in error.sentence()
    error = refused(tmp_path, BARE.replace("    kind: unit\n", ""))
    assert error.field == "posts.clerk.kind" and error.line == line_of(BARE, "clerk:\n") - 0


def test_windows_that_leave_nothing(tmp_path):
    error = refused(tmp_path, replaced("horizon_days: 2", "horizon_days: 2\nwarm_up_days: 2"))
    assert "leave no window" in error.sentence()


def test_deadline_before_its_start(tmp_path):
    text = replaced("    success:", "    deadlines: {respond_min: 600, resolve_min: 60}\n    success:")
    error = refused(tmp_path, text)
    assert error.field == "types.call.deadlines" and error.line == line_of(text, "deadlines")
    assert "deadline" in error.sentence()


def test_a_type_that_needs_a_department_that_does_not_exist(tmp_path):
    text = replaced("    success:", "    needs: {ghost_office: 0.5}\n    success:")
    error = refused(tmp_path, text)
    assert error.line == line_of(text, "needs:") and "ghost_office" in error.sentence()


def test_unknown_parameter_and_one_out_of_range(tmp_path):
    text = replaced("policies:", "parameters:\n  dispatch.max_travle_min: 5\npolicies:")
    error = refused(tmp_path, text)
    assert error.field == "parameters.dispatch.max_travle_min" and error.line == line_of(text, "dispatch.max_travle")
    assert "dispatch.max_travel_min" in error.sentence()
    text = replaced("policies:", "parameters:\n  patrol.speed_kmh: 900\npolicies:")
    (error,) = [e for e in dry_check(load(write(tmp_path, text))) if "plausible" in e.problem]
    assert error.line == line_of(text, "patrol.speed_kmh") and "plausible range" in error.sentence()
    error = refused(tmp_path, text.replace("900", "-9"))
    assert error.line == line_of(text, "patrol.speed_kmh") and "not possible" in error.sentence()


def test_a_mistake_in_a_policy_is_found_on_its_line(tmp_path):
    text = replaced("clerk: {count: 2}", "clerk: {cuont: 2}")
    error = refused(tmp_path, text, "two")
    assert error.line == line_of(text, "clerk: {cuont") and "count" in error.sentence()
    load(write(tmp_path, text)).spec("one")  # the other arm is whole


def test_several_mistakes_name_the_first_and_count(tmp_path):
    error = refused(tmp_path, replaced("count: 1\n", "count: -1\n    speed_factor: 0\n"))
    assert error.field == "posts.clerk.count" and "first of 2" in error.sentence()


def test_unknown_policy(tmp_path):
    with pytest.raises(InputError, match="unknown policy") as caught:
        load(write(tmp_path)).spec("tow")
    assert caught.value.allowed == ["two"]


def test_extends_lays_child_over_parent(tmp_path):
    write(tmp_path, BARE, "parent.yaml")
    child = "name: child\ntitle: {en: Child, zh: 子}\nextends: parent.yaml\ntypes:\n  call: {rate_per_hour: 9}\n"
    child += "policies:\n  two: ~\n  three: {posts: {clerk: {count: 3}}}\nexperiment:\n  arms: [one, three]\n"
    scenario = load(write(tmp_path, child, "child.yaml"))
    assert scenario.name == "child" and list(scenario.policies) == ["one", "three"]
    assert scenario.spec("three").types["call"].rate_per_hour == 9
    assert scenario.spec("three").posts["clerk"].count == 3
    assert scenario.experiment.replications == 4


def test_a_mistake_in_the_parent_names_the_parent(tmp_path):
    parent = write(tmp_path, replaced("count: 1\n", "count: many\n"), "parent.yaml")
    child = write(tmp_path, "name: c\ntitle: {en: C, zh: 子}\nextends: parent.yaml\n", "child.yaml")
    with pytest.raises(InputError) as caught:
        load(child).spec()
    assert str(caught.value.file) == str(parent) and caught.value.line == line_of(BARE, "count: 1")


def test_another_way_to_get_a_city_replaces_the_parents(tmp_path):
    head = "name: mine\ntitle: {en: M, zh: 我}\nextends: ordinary-district\n"
    for text, city in (
        ("city: {path: town}\n", {"path": "town"}),
        ("city: {synthetic: null, path: town}\n", {"path": "town"}),
    ):
        assert load(write(tmp_path, head + text)).city == city
    more = load(write(tmp_path, head + "city: {synthetic: {seed: 9}}\n")).city["synthetic"]
    assert more["seed"] == 9 and more["residents"] == 100_000  # the same way is laid over it
    with pytest.raises(InputError, match="exactly one"):
        load(write(tmp_path, head + "city: {path: a, bare: {}}\n")).city_spec()


def test_circles_in_extends(tmp_path):
    for name, parent in (("a", "b"), ("b", "c"), ("c", "a")):
        write(tmp_path, f"name: {name}\ntitle: {{en: X, zh: 某}}\nextends: {parent}.yaml\n", f"{name}.yaml")
    with pytest.raises(InputError, match=r"circle \(a -> b -> c -> a\)") as caught:
        load(tmp_path / "a.yaml")
    assert caught.value.field == "extends" and caught.value.line == 3
    write(tmp_path, "name: s\ntitle: {en: S, zh: 某}\nextends: self.yaml\n", "self.yaml")
    with pytest.raises(InputError, match="circle"):
        load(tmp_path / "self.yaml")


def test_unknown_parent_and_unknown_name(tmp_path):
    file = write(tmp_path, "name: a\ntitle: {en: A, zh: 甲}\nextends: nowhere.yaml\n")
    with pytest.raises(InputError, match="no scenario") as caught:
        load(file)
    assert caught.value.line == 3 and str(caught.value.file) == str(file)
    with pytest.raises(InputError, match="no scenario"):
        load("no-such-scenario")


def test_policy_ids_cite_content(tmp_path):
    scenario = load(write(tmp_path))
    assert scenario.policy_id("two").startswith("two@") and len(scenario.policy_id("two")) == 12
    retitled = load(write(tmp_path, replaced("Two clerks", "A pair"), "b.yaml"))
    assert retitled.policy_id("two") == scenario.policy_id("two")  # words do not change what it does
    other = load(write(tmp_path, replaced("count: 2", "count: 3"), "c.yaml"))
    assert other.policy_id("two") != scenario.policy_id("two")
    assert other.hash != scenario.hash and other.arm_hash("one") == scenario.arm_hash("one")


def test_layout_of_the_text_does_not_change_the_hash(tmp_path):
    shuffled = "horizon_days: 2.0\n" + BARE.replace("horizon_days: 2\n", "# a remark\n")
    assert load(write(tmp_path)).hash == load(write(tmp_path, shuffled, "b.yaml")).hash


def test_changes_from_the_command_line(tmp_path):
    scenario = load(write(tmp_path)).with_changes({"horizon_days": 9, "city": {"path": "x"}})
    assert isinstance(scenario, Scenario)
    assert scenario.spec().horizon_days == 9 and scenario.city == {"path": "x"}


@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_is_sound_in_all_its_arms(name):
    scenario = load(name)
    assert scenario.name == name
    for arm in {*scenario.arms, *scenario.policies}:
        scenario.spec(arm)
    scenario.city_spec()
