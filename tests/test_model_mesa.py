"""The Mesa face: stepping, collecting data, agents as views; the same run as a batch gives."""

from __future__ import annotations

import mesa
import numpy as np
import pandas as pd
import pytest

import sim
from scenarios import load
from sim.agents.views import Department, GridMember, Mediator, Resident, StaffMember, Unit
from sim.city.spec import build_city
from sim.model import prepare


@pytest.fixture(scope="module")
def parts():
    scenario = load("whistle-vs-referral")
    spec = scenario.spec("whistle").model_copy(update={"horizon_days": 6.0, "warm_up_days": 1.0, "cool_down_days": 1.0})
    return spec, build_city({"synthetic": {"residents": 10_000, "seed": 2}})


def test_it_is_a_mesa_model_and_steps_one_interval(parts) -> None:
    model = sim.Model(*parts, seed=3)
    assert isinstance(model, mesa.Model)
    model.step()
    assert model.now_min == 1440.0
    while model.running:
        model.step()
    assert model.now_min == model.horizon_min


def test_a_data_collector_sees_each_interval(parts) -> None:
    model = sim.Model(*parts, seed=3)
    model.datacollector = mesa.DataCollector(
        model_reporters={"day": lambda m: m.now_min / 1440, "open": "open_cases"},
    )
    model.run()
    collected = model.datacollector.get_model_vars_dataframe()
    assert collected["day"].tolist() == [1, 2, 3, 4, 5, 6]
    assert collected["open"].iloc[-1] == model.open_cases > 0


def test_stepping_with_a_collector_is_the_run_of_a_batch(parts) -> None:
    model = sim.Model(*parts, seed=3, step_min=333.0)
    model.datacollector = mesa.DataCollector(model_reporters={"open": "open_cases"})
    stepped = model.run().cases().to_pandas()
    pd.testing.assert_frame_equal(stepped, prepare(*parts).run(3, 0).cases().to_pandas())


def test_agents_by_type_are_views_of_the_right_rows(parts) -> None:
    model = sim.Model(*parts, seed=3)
    by_type = model.agents_by_type
    posts = [seat.post for seat in model.arm.staffing.seats]
    kinds = model.arm.spec.posts
    for kind, name in ((GridMember, "grid_member"), (Mediator, "mediator"), (Unit, "unit")):
        wanted = [i for i, post in enumerate(posts) if kinds[post].kind == name]
        assert [view.unique_id for view in by_type[kind]] == wanted
    assert len(by_type[StaffMember]) == len(model.agents) == len(posts)
    assert len(by_type[Resident]) == 10_000
    assert [d.name for d in by_type[Department]] == list(model.arm.spec.departments)


def test_a_view_reads_the_present_and_refuses_what_is_not_there(parts) -> None:
    model = sim.Model(*parts, seed=3)
    member = model.agents_by_type[GridMember][0]
    assert member.duty_min == 0
    model.run(days=3)
    assert member.duty_min > 0
    assert 0 <= member.utilisation <= 1.5
    assert member.skills["patrol"] > 0
    assert member.doing in ("off duty", "free", "delegated work", "with a case", "about to set out")
    with pytest.raises(AttributeError, match="columns"):
        _ = member.mood


def test_selecting_views_keeps_them_without_references(parts) -> None:
    model = sim.Model(*parts, seed=3)
    model.run(days=2.4)
    free = model.agents.select(lambda s: s.doing == "free")
    assert 0 < len(free) < len(model.agents)
    assert set(free.get("doing")) == {"free"}
    assert free[0] in free


def test_a_departments_units_are_its_own_post(parts) -> None:
    model = sim.Model(*parts, seed=3)
    police = next(d for d in model.agents_by_type[Department] if d.name == "police")
    assert {unit.post_name for unit in police.units} == {model.arm.spec.departments["police"].post}


def test_replications_are_different_worlds_and_a_seed_is_one(parts) -> None:
    prepared = prepare(*parts)
    a, b, again = (prepared.run(3, r).incidents()["occurred_min"].to_numpy() for r in (0, 1, 0))
    np.testing.assert_array_equal(a, again)
    assert len(a) != len(b) or not np.array_equal(a, b)
