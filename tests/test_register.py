"""The register of parameters: shipped entries are sound, overrides are checked, mistakes are named."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import register
from sim.errors import InputError

NEEDED = [
    "reporting.urgency", "reporting.hang_up_retry_probability", "reporting.hang_up_retry_min",
    "intake.merge_window_min", "intake.split_probability", "intake.wrong_merge_probability",
    "judging.recognise_probability", "judging.need_seen_probability", "judging.need_found_probability",
    "judging.mine_accuracy", "judging.resend_min", "coordination.bounce_return_min", "coordination.defer_min",
    "coordination.max_bounces", "coordination.supervise_after_reminders", "coordination.force_after_supervisions",
    "coordination.reminder_interval_min", "coordination.whistle_level", "coordination.resident_whistle",
    "coordination.whistle_min_departments", "coordination.emergency_severity", "coordination.escalate_min",
    "report_in.intercept", "report_in.severity", "report_in.deadline", "report_in.distance_per_10min",
    "report_in.load", "report_in.duty_list", "report_in.assessment", "report_in.reminder", "report_in.supervision",
    "report_in.higher_level", "report_in.mine", "report_in.refuse_share", "closing.sham_probability",
    "closing.partly_share", "callback.delay_min", "satisfaction.attitude_weight", "satisfaction.process_weight",
    "satisfaction.result_weight", "satisfaction.bad_weight", "satisfaction.threshold", "satisfaction.spread",
    "repeat.max_repeats", "repeat.delay_factor", "patrol.speed_kmh", "patrol.street_km_per_grid",
    "patrol.found_probability", "sensor.coverage", "sensor.delay_min", "travel.lights_factor",
    "travel.ordinary_factor", "priority.accumulation_base", "priority.aging_per_h", "dispatch.max_travel_min",
    "dispatch.coverage_weight", "dispatch.skill_weight", "dispatch.load_weight", "reposition.min_gain_min",
    "cost.overtime_factor", "cost.callback_yuan", "cost.whistle_yuan", "cost.referral_yuan",
    "measure.restricted_mean_days", "measure.coverage_threshold_min", "measure.on_time_margin",
]  # fmt: skip

ENTRY = """\
group.name_min:
  unit: min
  default: 5
  low: 1
  high: 9
  distribution: uniform
  source: "assumption: for the test"
  confidence: assumption
  scope: model
  text: A sentence.
  text_zh: 一句话。
"""


def test_everything_the_engine_reads_is_there():
    missing = [name for name in [*NEEDED, *(f"rule.user_{k}" for k in range(8))] if name not in register.load()]
    assert not missing


def test_every_shipped_entry_is_sound():
    for name, entry in register.load().items():
        assert entry.low <= entry.default <= entry.high, name
        assert entry.confidence in register.CONFIDENCE and entry.scope in register.SCOPES, name
        assert (entry.confidence == "assumption") == entry.source.startswith("assumption"), name
        assert entry.text.endswith(".") and re.search("[一-鿿]", entry.text_zh), name


def test_weak_and_assumed_rows_never_claim_to_be_official():
    official = [e for e in register.load().values() if e.confidence.startswith("official")]
    assert all(re.search(r"FACTS [A-Z]\d|MECHANISMS [A-Z]\d", e.source) for e in official)


def test_outcomes_are_not_parameters():
    words = re.compile(r"(satisfied|closure|resolution|bounce|repeat|dispatched)_(share|rate)")
    assert not [name for name in register.load() if words.search(name)]


def test_names_are_sorted_and_partition_the_register():
    parts = [register.names(scope) for scope in register.SCOPES]
    assert all(list(part) == sorted(part) for part in parts)
    assert sorted(n for part in parts for n in part) == list(register.names())
    with pytest.raises(InputError, match=r"unknown scope.*rule, model, city, measure"):
        register.names("planet")


def test_values_lay_overrides_over_defaults():
    found = register.values({"patrol.speed_kmh": 4.5})
    assert found["patrol.speed_kmh"] == 4.5
    assert found["repeat.max_repeats"] == register.default("repeat.max_repeats")
    assert set(found) == set(register.load())


def test_an_unknown_name_gets_the_nearest_names():
    with pytest.raises(InputError) as caught:
        register.values({"patrol.speed": 4.0})
    assert caught.value.field == "parameters.patrol.speed" and "patrol.speed_kmh" in caught.value.allowed
    with pytest.raises(InputError, match="unknown parameter"):
        register.default("no.such_thing")


def test_an_implausible_value_is_taken_and_told_and_an_impossible_one_refused():
    assert register.values({"patrol.speed_kmh": 90.0})["patrol.speed_kmh"] == 90.0
    assert [entry.name for entry in register.implausible({"patrol.speed_kmh": 90.0, "repeat.max_repeats": 1.0})] == [
        "patrol.speed_kmh"
    ]
    for name, value, allowed in (
        ("patrol.speed_kmh", 0.0, r"at least 0.001 and at most 1e\+09 \(km/h\)"),
        ("sensor.coverage", 1.01, "0 to 1"),
        ("intake.split_probability", -0.1, "0 to 1"),
        ("coordination.defer_min", -1.0, "at least 0"),
        ("coordination.whistle_level", 5.0, "0 to 4, whole numbers"),
        ("coordination.max_bounces", 2.5, "whole numbers"),
        ("type.leak.success_base", 1.2, "0 to 1"),
        ("type.leak.touch_factor", 0.0, "at least 0.001"),
    ):
        with pytest.raises(InputError, match=f"not possible.*{allowed}"):
            register.values({name: value})
    assert register.values({"report_in.intercept": -9.0})["report_in.intercept"] == -9.0, "a utility has any sign"


def test_the_plausible_range_lies_within_the_possible_one():
    for entry in [*register.load().values(), *register.catalogue_entries().values()]:
        assert entry.least <= entry.low <= entry.high <= entry.most, entry.name
        assert entry.allows(entry.default) and entry.allows(entry.low) and entry.allows(entry.high), entry.name


@pytest.mark.parametrize("bad", [math.nan, math.inf, True, "4"])
def test_a_value_must_be_a_finite_number(bad):
    with pytest.raises(InputError, match="finite number"):
        register.values({"patrol.speed_kmh": bad})


@given(st.data())
def test_every_value_within_range_is_accepted_as_it_is(data):
    name = data.draw(st.sampled_from(register.names()))
    entry = register.load()[name]
    whole = entry.distribution == "integer"
    value = data.draw(st.integers(int(entry.low), int(entry.high)) if whole else st.floats(entry.low, entry.high))
    assert register.values({name: value})[name] == value


def test_catalogue_numbers_can_be_reached():
    entries = register.catalogue_entries()
    runs = entries["type.illness.rate_per_1000_year"]
    assert runs.low < runs.default < runs.high and runs.confidence == "derived"
    assert entries["type.illness.touch_factor"].default == 1.0
    assert register.values({runs.name: runs.default * 1.1})[runs.name] == pytest.approx(runs.default * 1.1)
    assert all(e.high <= 1.0 for n, e in entries.items() if n.endswith(("success_base", "repeat_share")))
    with pytest.raises(InputError, match=r"type\.theft\.rate_per_1000_year"):
        register.values({"type.theft.rate": 5.0})


def test_confidence_of_mixed_sources_is_the_weakest():
    assert register.confidence_of("FACTS M10 paper for the level; delay effect assumption") == "assumption"
    assert register.confidence_of("FACTS M19, M20 official/mirror") == "official/mirror"
    assert register.confidence_of("FACTS B16 weak (24 h)") == "weak"
    assert register.confidence_of("no idea") == "assumption"


def test_markdown_shows_every_entry_once():
    text = register.markdown()
    rows = re.findall(r"^\| `([^`]+)` \|", text, re.M)
    assert sorted(rows) == list(register.names())


@pytest.mark.parametrize(
    ("change", "line", "pattern"),
    [
        (("default: 5", "default: 50"), 3, r"default lies outside its range.*50.*1\.\.9"),
        (("confidence: assumption", "confidence: sure"), 8, "unknown confidence.*sure"),
        (("scope: model", "scope: planet"), 9, "unknown scope"),
        (("distribution: uniform", "distribution: zipf"), 6, "unknown distribution"),
        (("low: 1", "low: yes"), 4, "finite number"),
        (("  unit: min", "  untit: min"), 2, "unknown field"),
        (("  text: A sentence.\n", ""), 1, "a field is missing"),
        (("confidence: assumption", "confidence: official"), 8, "source and confidence disagree"),
        (('"assumption: for the test"', "FACTS"), 7, "cited by id"),
        (('"assumption: for the test"', "hearsay"), 8, "disagree"),
    ],
)
def test_a_bad_entry_is_named_with_its_line(tmp_path: Path, change, line, pattern):
    path = tmp_path / "register.yaml"
    assert change[0] in ENTRY
    path.write_text(ENTRY.replace(*change, 1), encoding="utf-8")
    with pytest.raises(InputError, match=pattern) as caught:
        register.read_register(path)
    assert (caught.value.file, caught.value.line) == (path, line)


def test_a_duplicate_name_is_refused(tmp_path: Path):
    path = tmp_path / "register.yaml"
    path.write_text(ENTRY + ENTRY, encoding="utf-8")
    with pytest.raises(InputError, match="stands twice") as caught:
        register.read_register(path)
    assert caught.value.line == ENTRY.count("\n") + 1
