"""Posts of areas serve their own areas: a line for each grid is a line of its own, and no group stands idle."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.bare import UNIT, WAIT, Case, Exact, check, exponential, kind, model, post, stage

from scenarios import load
from scenarios.places import city_of
from sim.measures.lines import line_measures
from sim.model import Result, prepare


def test_each_grid_has_its_own_line():
    """Two grids with a desk each, three quarters of the calls in the second: two M/M/1 on their own."""
    rates = np.array([1.2, 3.6])
    load_ = rates * UNIT / 60
    waits = UNIT * load_ / (1 - load_)
    city = {"bare": {"places": [[0, 0], [500, 0]], "metric": "none", "grids": 2}}
    sections = model(8000, 2000.0, city=city, posts={"desk": post(1, per="grid")}, demand_weights=[1, 3],
                     types={"call": kind(4.8, stage("desk", exponential(UNIT)))})  # fmt: skip

    def read(result: Result) -> dict[str, float]:
        staff = result.staff().to_pandas()
        busy = (staff["busy_min"] / staff["on_duty_min"]).tolist()
        return {**line_measures(result.arm, result.world), "busy0": busy[0], "busy1": busy[1]}

    exact = [Exact("line.desk.wait_min", float(rates @ waits / rates.sum()), WAIT),
             Exact("busy0", load_[0]), Exact("busy1", load_[1])]  # fmt: skip
    check(Case(sections, exact, read))


@pytest.mark.parametrize("scenario", ["ordinary-district"])
def test_a_group_serves_its_own_area_and_lives_in_it(scenario):
    made = load(scenario).with_changes({"city": {"synthetic": {"residents": 20_000, "seed": 3}}})
    city, spec = city_of(made), made.spec()
    arm = prepare(spec, city).arm
    areas, world = city.areas, prepare(spec, city).run(1, 0, log_level="counts").world
    for row, (name, job) in enumerate(spec.posts.items()):
        if job.per.startswith("facility") or job.serves is not None:
            continue
        pools = arm.static["pool_of"][row]
        own = areas.ancestor(areas.grids, {"grid": 0, "community": 1, "street": 2, "district": 3, "city": 4}[job.per])
        assert (world.pools["area"][pools] == own).all(), name
    grids = [p for p in np.unique(world.staff["pool"]) if areas.level[world.pools["area"][p]] == 0]
    for p in grids:
        homes = world.staff["home"][world.staff["pool"] == p]
        assert (homes == city.grid_place[areas.grid_index[world.pools["area"][p]]]).all()
