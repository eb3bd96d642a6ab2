"""Values that change nothing are told on their line, arms alike too; what cannot be meant is refused at reading."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from oracles.bare import exponential, kind, model, post, stage
from typer.testing import CliRunner

from dashboards.lab.uploads import take
from gridwhistle import app
from scenarios import load
from scenarios.dry import check_built, dry_check
from scenarios.library import names
from sim.errors import InputError

runner = CliRunner()
HEAD = {
    "name": "mine",
    "title": {"en": "Mine", "zh": "我的"},
    "extends": "ordinary-district",
    "horizon_days": 3,
    "warm_up_days": 0,
    "cool_down_days": 0,
    "city": {"synthetic": {"residents": 4000}},
}
TITLE = {"en": "x", "zh": "x"}
BARE = model(24.0, 60.0, posts={"desk": post(2)}, types={"call": kind(3.0, stage("desk", exponential(10)))},
             city={"bare": {"places": [[0, 0], [100, 0]], "metric": "none"}})  # fmt: skip


def written(folder: Path, data: dict[str, Any]) -> Path:
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file


def laid(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return data with a change laid over it, mapping by mapping."""
    out = copy.deepcopy(base)
    for key, value in change.items():
        out[key] = laid(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


def told(folder: Path, change: dict[str, Any], base: dict[str, Any] = HEAD) -> list[InputError]:
    return dry_check(load(written(folder, laid(base, change))))


def leak(**fields: Any) -> dict[str, Any]:
    return {"types": {"leak": fields}}


def police(**fields: Any) -> dict[str, Any]:
    return {"posts": {"police_unit": fields}}


def sweep(**fields: Any) -> dict[str, Any]:
    return {"sweeps": [{"name": "s", "types": ["leak"], "post": "street_team", **fields}]}


CALM = {"title": TITLE, "kind": "service", "stages": [{"name": "do", "who": "holder"}], "report": {"hotline": 1.0}}
TOLD: dict[str, tuple[dict[str, Any], str]] = {
    "after-shocks": (leak(excitation_delay_min=30), "types.leak.excitation_delay_min"),
    "witnesses": (leak(witnesses=0, witness_delay_min=30), "types.leak.witness_delay_min"),
    "flat wave": (leak(sine={"amplitude": 0, "period_h": 24}), "types.leak.sine"),
    "never misjudged": (leak(seems={"misjudged": 0, "as_types": ["noise"]}), "types.leak.seems.as_types"),
    "no sensors": ({"channels": {"sensor": None}, **leak(sensor_visible=True)}, "types.leak.sensor_visible"),
    "floor above": (leak(success={"base": 0.1, "floor": 0.4}), "types.leak.success.base"),
    "never occurs": ({"types": {"calm": CALM}}, "types.calm"),
    "nobody tells": ({"types": {"calm": {**CALM, "report": {}, "rate_per_1000_year": 5}}}, "types.calm.stages"),
    "no way here": (
        {
            "types": {
                "calm": {**CALM, "rate_per_1000_year": 5, "stages": [{"name": "a", "next": {"done": 1}}, {"name": "b"}]}
            }
        },
        "types.calm.stages[1]",
    ),
    "no place rates": ({"type_place_rates": {"leak": [1.0, 2.0]}}, "type_place_rates.leak"),
    "teams too many": (police(count=1, teams=["three_early", "three_night"]), "posts.police_unit.teams"),
    "shift beside teams": (police(shift="always"), "posts.police_unit.shift"),
    "places too many": (police(count=1, teams=["always"], places=[0, 1]), "posts.police_unit.places"),
    "no delegated work": (
        police(background_min_per_day=0, background_chunk_min=9),
        "posts.police_unit.background_chunk_min",
    ),
    "no patrol": (police(patrol_round_min=9), "posts.police_unit.patrol_round_min"),
    "post unused": ({"posts": {"guard": {"title": TITLE, "kind": "unit", "per": "city"}}}, "posts.guard"),
    "shift unused": ({"shifts": {"odd": {"hours": [[3, 4]]}}}, "shifts.odd"),
    "shift too late": (
        {"shifts": {"sunday": {"days": ["sun"]}}, **police(teams=["always", "sunday"])},
        "shifts.sunday",
    ),
    "profile unused": ({"profiles": {"odd": [1.0] * 24}}, "profiles.odd"),
    "channel unused": ({"channels": {"fax": {"title": TITLE}}}, "channels.fax"),
    "no operators": ({"channels": {"app": {"patience_min": 5}}}, "channels.app.patience_min"),
    "department unused": ({"departments": {"zoo": {"title": TITLE, "post": "street_team"}}}, "departments.zoo"),
    "second whistle": (
        {
            "rules": {"coordinate": "whistle_and_report"},
            "whistles": {"second": {"title": TITLE, "kind": "emergency", "report_in_min": 30}},
        },
        "whistles.second",
    ),
    "no whistle": (
        {"whistles": {"emergency": {"title": TITLE, "kind": "emergency", "report_in_min": 9}}},
        "whistles.emergency",
    ),
    "sweep at night": (sweep(hours=[1, 4]), "sweeps[0].hours"),
    "sweep while all do delegated work": (sweep(hours=[9, 11]), "sweeps[0].hours"),
    "sweep twice rated": (sweep(finds_per_h=1.0, intensity=3.0), "sweeps[0].intensity"),
    "holiday elsewhere": ({"calendar": {"holidays": ["2031-01-01"]}}, "calendar.holidays[0]"),
    "workday already": ({"calendar": {"workdays": ["2026-03-03"]}}, "calendar.workdays[0]"),
    "before the window": (
        {"warm_up_days": 1, "script": [{"name": "a", "type": "leak", "at_min": 5}]},
        "script[0].at_min",
    ),
    "no list rule": ({"preferences": [[0]]}, "preferences"),
    "no weights": ({"demand_weights": [1.0]}, "demand_weights"),
    "other days": ({"policies": {"long": {"horizon_days": 9}}}, "policies.long.horizon_days"),
    "sensitivity": ({"experiment": {"sensitivity": ["priority.aging_per_h"]}}, "experiment.sensitivity[0]"),
    "range": ({"experiment": {"sensitivity": ["report_in.load=0..9"]}}, "experiment.sensitivity[0]"),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_changes_nothing_is_told_on_its_line(tmp_path, name):
    change, field = TOLD[name]
    found = told(tmp_path, change)
    assert field in [one.field for one in found], [one.sentence() for one in found]
    assert all(one.line and str(one.file).endswith("mine.yaml") for one in found)


BARE_TOLD = {
    "no residents": ({"types": {"call": {"rate_per_1000_year": 9}}}, "types.call.rate_per_1000_year"),
    "nothing travels": ({"city": {"bare": {"speed_kmh": 9}}}, "city.bare.speed_kmh"),
    "given travel": ({"city": {"bare": {"metric": "euclid", "travel_min": [[0, 1], [1, 0]]}}}, "city.bare.metric"),
    "bare": ({"types": {"call": {"repeat_share": 0.5}}}, "types.call.repeat_share"),
}


@pytest.mark.parametrize("name", BARE_TOLD)
def test_what_a_bare_model_does_not_read_is_told(tmp_path, name):
    change, field = BARE_TOLD[name]
    assert [one.field for one in told(tmp_path, change, BARE)] == [field]


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "probability": (leak(needs={"police": 1.5}), "types.leak.needs", "probabilities"),
    "rate factor": (leak(archetype_factor={"urban": -1}), "types.leak.archetype_factor", "at least 0"),
    "itself": (leak(seems={"misjudged": 0.1, "as_types": ["leak"]}), "types.leak.seems.as_types", "for itself"),
    "skill": (police(capabilities={"police": -1}), "posts.police_unit.capabilities", "at least 0"),
    "closing first": ({"channels": {"app": {"open_hours": [20, 8]}}}, "channels.app.open_hours", "never opens"),
    "no length": ({"channels": {"app": {"open_hours": [8, 8]}}}, "channels.app.open_hours", "never opens"),
    "day twice": ({"calendar": {"holidays": ["2026-03-04"], "workdays": ["2026-03-04"]}}, "calendar", "at once"),
    "shift of no length": ({"shifts": {"office": {"hours": [[9, 9]]}}}, "shifts.office", "start < end"),
    "no weights": ({"type_place_rates": {"leak": [0.0, 0.0]}}, "type_place_rates.leak", "not all 0"),
    "closure late": (
        {"closures": [{"name": "a", "from_min": 9000, "until_min": 9001, "x_m": 0, "y_m": 0, "radius_m": 9}]},
        "closures[0].from_min",
        "after the end",
    ),
    "closure twice": (
        {
            "closures": [
                {"name": "a", "from_min": i, "until_min": 9, "x_m": 0, "y_m": 0, "radius_m": 900} for i in (1, 2)
            ]
        },
        "closures[1].name",
        "one name",
    ),
    "place and grid": (
        {"script": [{"name": "a", "type": "leak", "at_min": 5, "place": 0, "grid": "x"}]},
        "script[0].grid",
        "only one",
    ),
    "skill of nobody": (
        leak(stages=[{"name": "a", "who": "police_unit", "capability": "magic"}]),
        "types.leak.stages[0].capability",
        "lacks it",
    ),
    "rule": ({"rules": {"dispatch": "nearest_idel"}}, "rules.dispatch", "nearest_idle"),
    "rule of a policy": ({"policies": {"p": {"rules": {"pick": "smallest_kee"}}}}, "rules.pick", "smallest_key"),
    "nobody answers": ({"policies": {"p": {"rules": {"dispatch": "ask"}}}}, "rules.dispatch", "nobody answers"),
    "measure": ({"experiment": {"measures": ["response_mins"]}}, "experiment.measures[0]", "response_min"),
    "measure twice": ({"experiment": {"measures": ["response_min"] * 2}}, "experiment.measures[1]", "stands twice"),
    "margin of what": (
        {"experiment": {"equivalence": {"respons": 1}}},
        "experiment.equivalence.respons",
        "unknown measure",
    ),
    "margin": ({"experiment": {"equivalence": {"response_min": -1}}}, "experiment.equivalence.response_min", "above 0"),
    "arm twice": ({"experiment": {"arms": ["as-is", "as-is"]}}, "experiment.arms[1]", "stands twice"),
    "varied": ({"experiment": {"sensitivity": ["report_in.lod"]}}, "experiment.sensitivity[0]", "report_in.load"),
    "varied backwards": (
        {"experiment": {"sensitivity": ["report_in.load=1..0.2"]}},
        "experiment.sensitivity[0]",
        "low below high",
    ),
    "varied impossible": (
        {"experiment": {"sensitivity": ["judging.mine_accuracy=0.5..1.2"]}},
        "experiment.sensitivity[0]",
        "0 to 1",
    ),
    "varied measure": (
        {"experiment": {"sensitivity": ["measure.restricted_mean_days=1..9"]}},
        "experiment.sensitivity[0]",
        "a measure",
    ),
    "varied city": (
        {"experiment": {"sensitivity": ["city.trust_mean"]}},
        "experiment.sensitivity[0]",
        "builds the city",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_meant_is_refused_at_reading(tmp_path, name):
    change, field, said = REFUSED[name]
    with pytest.raises(InputError) as caught:
        told(tmp_path, change)
    error = caught.value
    assert error.field == field and said in error.sentence() and error.line, error.sentence()
    assert str(error.file).endswith("mine.yaml")


BUILT: dict[str, tuple[dict[str, Any], str]] = {
    "facility": ({"policies": {"p": {"posts": {"fire_engine": {"per": "facility:castle"}}}}}, "posts.fire_engine.per"),
    "grid": ({"script": [{"name": "a", "type": "leak", "at_min": 5, "grid": "Nowhere"}]}, "script[0].grid"),
    "place": ({"script": [{"name": "a", "type": "leak", "at_min": 5, "place": 99999}]}, "script[0].place"),
    "no road": (
        {"closures": [{"name": "a", "from_min": 1, "until_min": 9, "x_m": 9e6, "y_m": 0, "radius_m": 9}]},
        "closures[0]",
    ),
}


@pytest.mark.parametrize("name", BUILT)
def test_what_only_the_built_city_shows_is_refused_by_check_and_add_and_leaves_nothing(tmp_path, name):
    change, field = BUILT[name]
    file = written(tmp_path, laid(HEAD, change))
    scenario = load(file)
    with pytest.raises(InputError) as caught:
        check_built(scenario, list(scenario.policies))
    assert caught.value.field == field and caught.value.line
    with pytest.raises(InputError) as again:
        take(file.read_bytes(), "sent.yaml", tmp_path / "own")
    assert again.value.field == field and str(again.value.file) == "sent.yaml"
    assert not list((tmp_path / "own").iterdir())


def test_a_misspelt_rule_is_refused_wherever_it_is_read_and_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, laid(HEAD, {"policies": {"p": {"rules": {"dispatch": "nearest_idel"}}}}))
    with pytest.raises(InputError, match="unknown rule"):
        take(file.read_bytes(), "sent.yaml", tmp_path / "own")
    for command in (["compare"], ["run"], ["library", "show"]):
        result = runner.invoke(app, [*command, str(file)])
        assert result.exit_code == 2 and "unknown rule" in result.stderr and "nearest_idle" in result.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.yaml", "own"] and not list((tmp_path / "own").iterdir())


def test_a_policy_laid_over_a_shipped_scenario_is_compared_with_what_it_is_laid_over(tmp_path):
    added = {"policies": {"p": {"rules": {"dispatch": "least_loaded"}}, "q": {"rules": {"dispatch": "best_skilled"}}}}
    scenario = load(written(tmp_path, laid(HEAD, added)))
    assert scenario.arms == ["as-is", "p", "q"]
    without = {"policies": {"as-is": None, "p": {}, "q": {"rules": {"dispatch": "best_skilled"}}}}
    assert load(written(tmp_path, laid(HEAD, without))).arms == ["p", "q"]
    own = laid(HEAD, {**added, "experiment": {"arms": ["q", "p"]}})
    assert load(written(tmp_path, own)).arms == ["q", "p"], "what the file says itself holds"
    assert load(written(tmp_path, laid(HEAD, {"policies": {"as-is": {"version": "2"}}}))).arms == ["as-is"]
    whistle = laid({**HEAD, "extends": "whistle-vs-referral"}, added)
    assert load(written(tmp_path, whistle)).arms == ["referral", "whistle", "p", "q"]


def test_too_few_policies_are_told_by_what_the_user_wrote(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = str(written(tmp_path, laid(HEAD, {"policies": {"p": {}}, "experiment": {"arms": ["p"]}})))
    said = runner.invoke(app, ["compare", file]).stderr
    assert "'experiment.arms'" in said and "mine.yaml, line" in said and "--policy" not in said
    said = runner.invoke(app, ["compare", file, "--policy", "p"]).stderr
    assert "'--policy'" in said and "experiment" not in said
    said = runner.invoke(app, ["compare", "ordinary-district"]).stderr
    assert "--policy" not in said and "extends" in said


def test_arms_alike_are_told_before_the_run(tmp_path):
    same = {"policies": {
        "titled": {"title": TITLE},
        "unread": {"parameters": {"priority.aging_per_h": 2, "coordination.whistle_level": 3}},
        "default": {"parameters": {"dispatch.max_travel_min": 90}},
        "other": {"rules": {"dispatch": "least_loaded"}},
    }}  # fmt: skip
    from sim import register

    same["policies"]["default"]["parameters"]["dispatch.max_travel_min"] = register.default("dispatch.max_travel_min")
    found = [one for one in told(tmp_path, same) if "changes nothing that" in one.problem]
    assert [one.field for one in found] == ["policies.titled", "policies.unread", "policies.default"]
    assert all("its runs are those of 'as-is'" in one.problem and one.line for one in found)


def test_what_is_told_stands_on_stderr_in_json_and_in_the_manifest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, laid(BARE, {"city": {"bare": {"speed_kmh": 9}}}))
    result = runner.invoke(app, ["run", str(file), "--json", "--out", "out"])
    assert result.exit_code == 0, result.output
    (sentence,) = json.loads(result.stdout)["warnings"]
    assert "city.bare.speed_kmh" in sentence and f"gridwhistle: warning: {sentence}" in result.stderr
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["warnings"] == [sentence]
    shown = runner.invoke(app, ["library", "show", str(file), "--json"])
    assert json.loads(shown.stdout)["warnings"] == [sentence] and sentence in shown.stderr


@pytest.mark.parametrize("name", names())
def test_nothing_is_told_of_the_shipped_scenarios(name):
    assert [one.sentence() for one in dry_check(load(name))] == []
