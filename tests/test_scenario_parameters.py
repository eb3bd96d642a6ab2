"""Every register parameter has an effect where it is written, or is refused or told there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scenarios import load
from scenarios.dry import dry_check
from scenarios.parameters_read import BY_ENGINE, CONDITIONS, GROUPS, Site, unread
from scenarios.places import city_of
from sim import register
from sim.arm_changes import VariableArm
from sim.engine.codes import HOOK_NAMES
from sim.errors import InputError
from sim.policies.rule_texts import OPEN, check_rule_name, known_rules, read_by

SIM = Path(__file__).parent.parent / "sim"
WORLD = [name for name in register.names() if register.load()[name].scope != "city"]
SMALL = """\
name: small
title: {en: Small, zh: 小}
extends: ordinary-district
horizon_days: 40
warm_up_days: 0
cool_down_days: 0
city:
  synthetic: {residents: 20000, seed: 3}
"""
RICH = (
    SMALL
    + """\
rules: {coordinate: whistle_and_report, dispatch: DISPATCH, priority: PRIORITY, reposition: fill_gaps}
parameters: {coordination.resident_whistle: 1, intake.wrong_merge_probability: 0.9, report_in.intercept: -3}
channels: {hotline: {patience_min: {exponential: {mean: 0.3}}}}
closures: [{name: a, from_min: 1000, until_min: 9000, x_m: 0, y_m: 0, radius_m: 900}]
"""
)
PAIRS = [("best_skilled", "accumulating"), ("coverage_keeping", "severity"), ("least_loaded", "severity")]


def scenario(folder, text, **changes):
    file = folder / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    made = load(file)
    return made.with_changes(changes, "test") if changes else made


def test_every_parameter_has_one_place_that_reads_it():
    texts = {file: file.read_text("utf-8") for file in SIM.rglob("*.py")}
    engine = " ".join(text for file, text in texts.items() if file.parent.name != "policies")
    by_rules = {name for hook in HOOK_NAMES for rule in known_rules(hook) for name in read_by(hook, rule) or ()}
    for name in WORLD:
        column = name.replace(".", "_")
        # limits of measures are read by the last part of their names
        read = f'"{name.removeprefix("measure.")}"' if name.startswith("measure.") else f'"{name}"'
        in_engine = f".{column}" in engine or f'"{name}"' in engine or read in engine
        if name.startswith("rule.user_"):
            assert not in_engine and name not in by_rules  # they are the user's
            continue
        assert in_engine or name in by_rules, f"nothing reads {name}"
        if register.load()[name].scope == "rule" and in_engine and name not in ("dispatch.max_travel_min",):
            assert name in BY_ENGINE or name in by_rules, f"{name} is read by the engine, and is said to be a rule's"
    for name in BY_ENGINE | set(CONDITIONS):
        assert name in register.load(), name
    for start in GROUPS:
        assert any(name.startswith(start) for name in WORLD), start


@pytest.mark.parametrize("name", [name for name in register.names() if name not in WORLD])
def test_what_is_read_while_a_city_is_built_is_refused_under_parameters(tmp_path, name):
    entry = register.load()[name]
    text = SMALL + f"policies:\n  other:\n    parameters:\n      {name}: {entry.high:g}\n"
    with pytest.raises(InputError, match="read while a city is built") as caught:
        dry_check(scenario(tmp_path, text))
    assert caught.value.line == 12 and caught.value.field == f"parameters.{name}"


def test_where_a_number_of_the_city_is_written_is_said(tmp_path):
    for name, said in (
        ("city.people_per_grid", "city.synthetic.people_per_grid"),
        ("city.density_per_km2_urban", "city.synthetic.density_per_km2: {urban: ...}"),
        ("city.archetype_share_rural", "city.synthetic.archetype_shares: {rural: ...}"),
        ("city.trust_mean", "a built city keeps what it has"),
    ):
        with pytest.raises(InputError) as caught:
            scenario(tmp_path, SMALL + f"parameters: {{{name}: {register.default(name):g}}}\n").spec()
        assert said in caught.value.sentence()


def outcomes(arm: VariableArm, **values: float) -> tuple[bytes, ...]:
    """Return what a run leaves: measures, incidents and cases, bit for bit."""
    run = arm.with_parameters({name.replace("__", "."): value for name, value in values.items()})
    result = run.run(seed=5, replication=0, log_level="counts")
    measures = np.array([value for _, value in sorted(result.measures.items())], dtype=float)
    cases = result.world.cases[: int(result.world.clock["cases"][0])]
    return measures.tobytes(), b"".join(np.ascontiguousarray(cases[f]).tobytes() for f in cases.dtype.names)


def effects(made) -> dict[str, tuple[str | None, bool]]:
    """Return parameter -> (why it is not read, whether its extremes change a run)."""
    spec = made.spec()
    arm = VariableArm(spec, city_of(made))
    found = {}
    for name in WORLD:
        entry = register.load()[name]
        key = name.replace(".", "__")
        low, high = (outcomes(arm, **{key: value}) for value in (entry.low, entry.high))
        found[name] = (unread(name, spec, Site.of(made.city)), low != high)
    return found


@pytest.mark.slow
def test_a_parameter_has_an_effect_or_is_told(tmp_path):
    """Over models that between them use every rule and every way of the engine; seed and days fixed."""
    ever = dict.fromkeys(WORLD, False)
    for dispatch, priority in PAIRS:
        text = RICH.replace("DISPATCH", dispatch).replace("PRIORITY", priority)
        for name, (why, changes) in effects(scenario(tmp_path, text)).items():
            assert why is None or not changes, f"{name} is told to change nothing ({why}) and changes a run"
            ever[name] |= changes
            if name.startswith("rule.user_"):
                assert why is not None
    idle = [name for name, changes in ever.items() if not changes and not name.startswith("rule.user_")]
    assert idle == ["patrol.street_km_per_grid", "travel.lights_factor"], idle  # told: the city has its own


def test_a_parameter_that_no_policy_reads_is_told_on_its_line(tmp_path):
    text = SMALL + "parameters: {priority.aging_per_h: 2, callback.delay_min: 100}\n"
    (told,) = dry_check(scenario(tmp_path, text))
    assert told.field == "parameters.priority.aging_per_h" and told.line == 9 and "none of the rules" in told.problem
    reader = text + "policies:\n  credit: {rules: {priority: accumulating}}\n"
    assert dry_check(scenario(tmp_path, reader)) == [], "one policy reads it"
    kept = SMALL + "policies:\n  p: {rules: {priority: accumulating}, parameters: {coordination.whistle_level: 3}}\n"
    (told,) = dry_check(scenario(tmp_path, kept))
    assert told.field == "parameters.coordination.whistle_level" and told.line == 10


def test_a_plausible_range_is_told_alike_under_parameters_and_under_types(tmp_path):
    def said(text: str) -> list[str]:
        return [one.problem for one in dry_check(scenario(tmp_path, SMALL + text))]

    (a,) = said("parameters: {type.leak.rate_per_1000_year: 900}\n")
    (b,) = said("types: {leak: {rate_per_1000_year: 900}}\n")
    assert a == b and "plausible range" in a and "is taken" in a
    assert (
        said("parameters: {type.leak.rate_per_1000_year: 900}\nprovenance: {type.leak.rate_per_1000_year: our calls}\n")
        == []
    )
    assert said("types: {leak: {rate_per_1000_year: 900, provenance: {rate: our calls}}}\n") == []
    assert "plausible" in said("parameters: {patrol.speed_kmh: 12}\n")[0]
    both = "parameters: {type.leak.rate_per_1000_year: 20}\ntypes: {leak: {rate_per_1000_year: 21}}\n"
    assert "'parameters' set 'type.leak.rate_per_1000_year', which holds" in said(both)[0]
    for text, field in (
        ("parameters: {type.leak.rate_per_1000_year: -1}\n", "parameters.type.leak.rate_per_1000_year"),
        ("types: {leak: {rate_per_1000_year: -1}}\n", "types.leak.rate_per_1000_year"),
        ("provenance: {patrol.speed_kmh: ours}\n", "provenance.patrol.speed_kmh"),
        ("parameters: {type.leak.success_base: 0.5}\ntypes: {leak: null}\n", "parameters.type.leak.success_base"),
    ):
        with pytest.raises(InputError) as caught:
            said(text)
        assert caught.value.field == field and caught.value.line


def test_rules_are_told_by_their_text():
    assert "coordination.whistle_level" in (read_by("coordinate", "whistle_and_report") or ())
    assert "coordination.whistle_level" not in (read_by("coordinate", "sequential_referral") or ())
    from sim.policies.rules import rules

    for hook in HOOK_NAMES:
        known = {name for name, one in rules(hook).items() if one.python.__module__.startswith("sim.policies")}
        assert set(known_rules(hook)) == known


def test_a_rule_of_ones_own_is_looked_up_without_running_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_rules.py").write_text(
        "from sim.policies import Answer, rule\n\nraise RuntimeError('ran')\n\n"
        '@rule("priority")\ndef mine(view, task, slot, now):\n    return Answer(0, 0, view.rules[0].rule_user_3)\n'
    )
    check_rule_name("priority", "mine_rules:mine")
    assert read_by("priority", "mine_rules:mine") == {"rule.user_3"}
    for hook, name, said in (
        ("dispatch", "mine_rules:mine", "no such rule behind this hook"),
        ("priority", "mine_rules:other", "no such rule behind this hook"),
        ("priority", "no_such_module:mine", "cannot be found"),
        ("priority", "sevrity", "severity"),
        ("priority", OPEN, "unknown rule"),
    ):
        with pytest.raises(InputError, match=said):
            check_rule_name(hook, name)
