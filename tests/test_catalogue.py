"""The shipped content: the catalogue, the institutions, and the check that their names fit together."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import pytest

from sim.agents.posts import Post
from sim.cases.catalogue import LEVELS, CaseType
from sim.cases.load import load_catalogue
from sim.check import MAX_CAPABILITIES, capabilities, check_spec
from sim.errors import InputError
from sim.institutions.load import load_defaults
from sim.institutions.parts import Department
from sim.register import default
from sim.spec import ModelSpec

SHIPPED = ModelSpec(types=load_catalogue(), **load_defaults())
MEAN_TRUST, MEAN_DIGITAL = default("city.trust_mean"), 0.76
ARCHETYPES = {"urban": 0.7, "old": 0.2, "rural": 0.1}


def with_type(name: str, **change: Any) -> ModelSpec:
    """Return the shipped model with one type changed (law and stage fields as YAML data)."""
    row = SHIPPED.types[name].model_dump() | change
    return SHIPPED.model_copy(update={"types": {**SHIPPED.types, name: CaseType.model_validate(row)}})


def told_share(kind: CaseType, channels: set[str] | None = None) -> float:
    """Return the share of a type's incidents that its first resident tells (at mean trust and digital access)."""
    hours = SHIPPED.profiles.get(kind.hours, [1.0] * 24) if isinstance(kind.hours, str) else kind.hours
    found = 0.0
    for hour, usual in enumerate(hours):
        for severity, share in enumerate(kind.severity, 1):
            weight = {name: math.exp(utility(name, kind, severity)) for name in kind.report if is_open(name, hour)}
            some = sum(w for name, w in weight.items() if channels is None or name in channels)
            found += usual / sum(hours) * share * some / (1 + sum(weight.values()))
    return found


def utility(name: str, kind: CaseType, severity: int) -> float:
    """Return the logit of telling it by a channel."""
    c = SHIPPED.channels[name]
    access = c.trust * (MEAN_TRUST - 0.5) + c.needs_digital * (MEAN_DIGITAL - 0.5)
    return kind.report[name] + access + default("reporting.urgency") * (severity - 2)


def is_open(name: str, hour: int) -> bool:
    """Return whether a channel is open in the middle of an hour of the day."""
    opening, closing = SHIPPED.channels[name].open_hours
    return opening <= hour + 0.5 < closing


def rate(kind: CaseType) -> float:
    """Return incidents per 1,000 residents a year in a mixed city, after-shocks included."""
    mix = sum(share * kind.archetype_factor.get(name, 1.0) for name, share in ARCHETYPES.items())  # type: ignore[call-overload]
    return kind.rate_per_1000_year * mix / (1 - kind.excitation)


def told(channels: set[str], kinds: set[str] | None = None) -> float:
    """Return tellings per 1,000 residents a year by these channels."""
    chosen = (t for t in SHIPPED.types.values() if kinds is None or t.kind in kinds)
    return sum(rate(t) * told_share(t, channels) for t in chosen)


# ---------------------------------------------------------------- the shipped content
def test_the_shipped_content_fits_together():
    check_spec(SHIPPED)
    assert len(SHIPPED.types) >= 28 and len(capabilities(SHIPPED)) <= MAX_CAPABILITIES


def test_the_named_types_and_staff_are_there():
    types = [
        "neighbour_dispute", "family_dispute", "property_management_dispute", "labour_wage_dispute",
        "land_demolition_dispute", "consumer_dispute", "medical_dispute", "traffic_dispute", "lending_dispute",
        "citizen_government_dispute", "illegal_building", "street_trade", "waste", "parking", "leak", "noise",
        "ebike_charging", "food_hygiene", "lost_elder", "mental_crisis", "building_fire", "small_fire", "gas_smell",
        "hazmat", "crowd_crush", "flooding", "collision", "illness", "outbreak", "enquiry", "service_request",
        "certificate",
    ]  # fmt: skip
    assert not set(types) - set(SHIPPED.types)
    assert list(SHIPPED.ladder.values()) == [
        "grid_member", "community_team", "street_team", "district_centre", "city_centre",
    ]  # fmt: skip
    assert {"patrol", "sensor", "hotline", "police_110", "petition_office"} <= set(SHIPPED.channels)
    assert SHIPPED.whistles["emergency"].report_in_min == 30  # FACTS B2


def test_every_title_is_in_two_languages():
    parts = [*SHIPPED.types.values(), *SHIPPED.departments.values(), *SHIPPED.posts.values(),
             *SHIPPED.channels.values(), *SHIPPED.whistles.values()]  # fmt: skip
    for part in parts:
        assert part.title.en.isascii() and any("一" <= c <= "鿿" for c in part.title.zh), part.title


def test_main_groups_say_where_they_come_from():
    for name, kind in SHIPPED.types.items():
        assert {"rate", "stages"} <= set(kind.provenance) | ({"stages"} if kind.kind == "dispute" else set()), name
        for text in kind.provenance.values():
            assert "assumption" in text or "FACTS" in text or "MECHANISMS" in text, (name, text)


def test_a_million_residents_have_at_least_three_quarters_of_a_million_incidents_a_year():
    assert sum(rate(t) for t in SHIPPED.types.values()) >= 750


def test_hotline_contacts_and_their_enquiry_share_fit_the_published():
    contacts = told({"hotline", "app"}) / 365
    assert 0.95 <= contacts <= 1.5  # FACTS D6: 1.2 a day per 1,000; repeats come on top
    assert 0.51 <= told({"hotline", "app"}, {"enquiry"}) / 365 / contacts <= 0.65  # FACTS B12, B19, B20


def test_police_calls_and_their_mix_fit_the_published():
    calls = told({"police_110"})
    assert 0.25 <= calls / 365 <= 0.36  # FACTS D8
    assert 0.11 <= told({"police_110"}, {"dispute"}) / calls <= 0.15  # FACTS E3, E4
    assert 0.075 <= told({"police_110"}, {"crime"}) / calls <= 0.095


def test_fire_calls_and_ambulance_runs_fit_the_published():
    assert told({"fire_119"}) == pytest.approx(1.74, rel=0.15)  # FACTS E10
    runs = sum(rate(t) * told_share(t) * t.needs.get("ambulance", 0.0) for t in SHIPPED.types.values())
    assert runs == pytest.approx(42, rel=0.1)  # FACTS E17


def test_the_mix_of_mediation_fits_the_published():
    mediated = {n: t for n, t in SHIPPED.types.items() if "street_mediator" in t.ladder.values() and t.start in LEVELS}
    held = {}
    for name, kind in mediated.items():
        p = told_share(kind)
        held[name] = rate(kind) * (1 - (1 - p) * math.exp(-kind.witnesses * p))  # told by one resident or a witness
    total = sum(held.values())
    assert 8 <= total <= 12  # FACTS D13
    assert 0.23 <= held["neighbour_dispute"] / total <= 0.33  # FACTS M8, M8a
    assert 0.17 <= held["family_dispute"] / total <= 0.22


def test_a_tenth_of_street_work_needs_two_departments():
    alone = several = 0.0
    for kind in SHIPPED.types.values():
        if kind.start != "grid":
            continue
        none = math.prod(1 - p for p in kind.needs.values())
        one = sum(p / (1 - p) * none for p in kind.needs.values())
        weight = rate(kind) * (0.6 if kind.patrol_visible else told_share(kind))
        several += weight * (1 - none - one)
        alone += weight
    assert 0.08 <= several / alone <= 0.2


def test_mediation_lasts_about_twelve_days_without_queues():
    reach, days = {"accept": 1.0}, 0.0
    stages = SHIPPED.types["neighbour_dispute"].stages
    for k, stage in enumerate(stages):
        at = reach.get(stage.name, 0.0)
        days += at * (stage.touch_min.mean + stage.lag_min.mean) / 1440
        following = stage.next or ({stages[k + 1].name: 1.0} if k + 1 < len(stages) else {})
        for name, p in following.items():
            reach[name] = reach.get(name, 0.0) + at * p
    assert 8 <= days <= 13  # FACTS M18, D15: 12 with waiting for desks


def test_the_calendar_has_the_holidays_of_2026():
    calendar = SHIPPED.calendar
    assert len(calendar.holidays) == len(set(calendar.holidays)) == 33
    assert not set(calendar.holidays) & set(calendar.workdays)
    assert all(day.weekday() >= 5 for day in calendar.workdays)
    assert dt.date(2026, 10, 1) in calendar.holidays and dt.date(2026, 10, 10) in calendar.workdays


def test_a_changed_copy_leaves_the_shipped_content_alone():
    first = load_catalogue()
    first.clear()
    load_defaults()["posts"].clear()
    assert load_catalogue() and load_defaults()["posts"]


@pytest.mark.parametrize("name", ["ordinary-district", "whistle-vs-referral", "staffing-by-night", "one-more-unit"])
def test_every_arm_of_the_library_is_sound(name):
    from scenarios.library import load

    scenario = load(name)
    specs = {arm: scenario.spec(arm) for arm in scenario.arms}
    for spec in specs.values():
        assert spec.horizon_days - spec.warm_up_days - spec.cool_down_days == 30
    for arm, other in zip(scenario.arms, scenario.arms[1:], strict=False):
        assert specs[arm] != specs[other]
    assert all(p.title and p.description and "一" <= p.description.zh[0] <= "鿿" for p in scenario.policies.values())


def test_arms_of_night_staffing_employ_the_same_number():
    from scenarios.library import load

    scenario = load("staffing-by-night")
    posts = [scenario.spec(arm).posts["police_unit"] for arm in scenario.arms]
    assert {(post.count, len(post.teams)) for post in posts} == {(9, 9)}
    assert [post.teams.count("three_night") for post in posts] == [3, 4, 2]


# ---------------------------------------------------------------- names that do not exist
@pytest.mark.parametrize(
    ("change", "field", "pattern"),
    [
        ({"needs": {"polise": 1.0}}, "types.theft.needs", "unknown department.*polise.*police"),
        ({"believed_needs": {"navy": 0.1}}, "types.theft.believed_needs", "unknown department"),
        ({"department": "navy"}, "types.theft.department", "unknown department"),
        ({"department": None}, "types.theft.closes_at", "only its department"),
        ({"report": {"telegram": 1.0}}, "types.theft.report", "unknown channel"),
        ({"hours": "evenings"}, "types.theft.hours", "unknown profile.*evening"),
        ({"hours": "weekend"}, "profiles.weekend", "24 weights"),
        ({"start": "grids"}, "types.theft.start", "unknown level or department.*grid"),
        ({"ladder": {"street": "sheriff"}}, "types.theft.ladder.street", "unknown post"),
        ({"seems": {"misjudged": 0.1, "as_types": ["robbery"]}}, "types.theft.seems.as_types", "unknown type"),
        ({"seems": {"misjudged": 0.1}}, "types.theft.seems.as_types", "misjudged as what"),
        ({"stages": [{"name": "a", "who": "sheriff"}]}, "types.theft.stages.a.who", "unknown post or department"),
        ({"stages": [{"name": "a", "where": "moon"}]}, "types.theft.stages.a.where", "unknown kind of place.*hospital"),
        ({"stages": [{"name": "a", "capability": "medical"}]}, "types.theft.stages.a.capability", "police_unit.*lacks"),
    ],
)
def test_a_type_that_names_what_does_not_exist(change, field, pattern):
    with pytest.raises(InputError, match=pattern) as caught:
        check_spec(with_type("theft", **change))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("section", "name", "change", "field"),
    [
        ("departments", "market", {"post": "nobody"}, "departments.market.post"),
        ("departments", "market", {"duty_types": ["robbery"]}, "departments.market.duty_types"),
        ("departments", "ambulance", {"post": "fire_engine"}, "departments.ambulance.post"),
        ("posts", "street_team", {"shift": "nights"}, "posts.street_team.shift"),
        ("posts", "street_team", {"teams": ["office", "nights"]}, "posts.street_team.teams"),
        ("posts", "police_unit", {"department": "navy"}, "posts.police_unit.department"),
        ("posts", "police_unit", {"per": "station"}, "posts.police_unit.per"),
        ("channels", "hotline", {"operators": "nobody"}, "channels.hotline.operators"),
    ],
)
def test_an_institution_that_names_what_does_not_exist(section, name, change, field):
    parts = dict(getattr(SHIPPED, section))
    parts[name] = parts[name].model_copy(update=change)
    with pytest.raises(InputError) as caught:
        check_spec(SHIPPED.model_copy(update={section: parts}))
    assert caught.value.field == field and caught.value.allowed


def test_other_names_that_do_not_exist():
    for change, field in (
        ({"ladder": {**SHIPPED.ladder, "grid": "nobody"}}, "ladder.grid"),
        ({"ladder": {"city": "city_centre"}}, "types.illegal_building.start"),
        ({"type_place_rates": {"robbery": [1.0]}}, "type_place_rates"),
        ({"parameters": {"patrol.speed": 3.0}}, "parameters.patrol.speed"),
        ({"profiles": {**SHIPPED.profiles, "odd": [1.0, 2.0]}}, "profiles.odd"),
    ):
        with pytest.raises(InputError) as caught:
            check_spec(SHIPPED.model_copy(update=change))
        assert caught.value.field == field


def test_the_limits_of_the_masks_hold():
    post = Post(title={"en": "x", "zh": "x"}, kind="unit", capabilities={f"c{k}": 1.0 for k in range(33)})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="too many capabilities"):
        check_spec(SHIPPED.model_copy(update={"posts": {**SHIPPED.posts, "polymath": post}}))
    desk = Department(title={"en": "x", "zh": "x"}, post="police_unit")  # type: ignore[arg-type]
    many = {**SHIPPED.departments, **{f"d{k}": desk for k in range(60)}}
    with pytest.raises(InputError, match="too many departments"):
        check_spec(SHIPPED.model_copy(update={"departments": many}))


# ---------------------------------------------------------------- files
TYPE = """\
hole:
  title: {en: Hole, zh: 坑}
  kind: order
  stages:
    - {name: fill, touch_min: 30}
"""


@pytest.mark.parametrize(
    ("change", "line", "field"),
    [
        (("kind: order", "kind: ordre"), 3, "hole.kind"),
        (("  kind: order", "  kind: order\n  rate: 3"), 4, "hole.rate"),
        (("touch_min: 30", "touch_min: -1"), 5, "hole.stages.0.touch_min"),
        (("touch_min: 30", "touch_min: {lognormal: {median: 3}}"), 5, "hole.stages.0.touch_min"),
        (("name: fill", "name: fill, next: {dig: 1}"), 1, "hole"),
        (("  kind: order", "  kind: order\n  kind: order"), 4, "hole.kind"),
        (("stages:", "stages: ["), 6, None),
    ],
)
def test_a_bad_catalogue_is_named_with_its_line(tmp_path: Path, change, line, field):
    path = tmp_path / "types.yaml"
    path.write_text(TYPE.replace(*change, 1), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_catalogue(path)
    assert caught.value.file == path and caught.value.field == field
    assert caught.value.line is not None and abs(caught.value.line - line) <= (1 if field is None else 0)


def test_a_good_catalogue_is_read(tmp_path: Path):
    path = tmp_path / "types.yaml"
    path.write_text(TYPE, encoding="utf-8")
    assert load_catalogue(path)["hole"].stages[0].touch_min.mean == 30


@pytest.mark.parametrize("content", [b"", b"- a\n", b"\xff\xfe", b"a: &x [*x]\n"])
def test_files_that_are_no_catalogue(tmp_path: Path, content: bytes):
    path = tmp_path / "types.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError):
        load_catalogue(path)
    with pytest.raises(InputError):
        load_catalogue(tmp_path / "missing.yaml")


def test_an_unknown_section_of_institutions(tmp_path: Path):
    path = tmp_path / "institutions.yaml"
    path.write_text("ladder: {}\noffices: {}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"unknown section.*offices.*departments") as caught:
        load_defaults(path)
    assert caught.value.line == 2
