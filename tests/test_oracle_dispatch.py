"""Units and places meet their exact answers: hypercube, two-unit cities, distances to the nearest unit, patrol."""

from __future__ import annotations

import math

import numpy as np
import pytest
from oracles import dispatch
from oracles.bare import ANCHORS, Differs, check, half_width, kind, model, post, stage

from scenarios.form_errors import validated
from scenarios.yaml_lines import Tree
from sim.city.bare import bare_city
from sim.model import prepare
from sim.spec import ModelSpec

GEOMETRY, PATROLS = ANCHORS["geometry"], ANCHORS["patrol"]["cases"]
RECTANGLES = [*ANCHORS["rect_city_5_3_3"], ANCHORS["rect_city_opt"]]


@pytest.mark.slow
def test_hypercube_of_three_units_with_a_line():
    check(dispatch.three_units(ANCHORS["hypercube_MIT_5_4_3"]))


def test_hypercube_of_two_units_without_a_line():
    check(dispatch.two_units_lost(ANCHORS["hypercube_MIT_quiz2_2001"], mu=2.0, cases=15_000))


def test_mean_distance_of_the_published_two_unit_example():
    """Published: 5/6 mile; a unit is uniform in its own square of 1 mile (2/3 mile within, 4/3 to the other)."""
    a = ANCHORS["hypercube_MIT_quiz2_2001"]
    within, across = 2 / 3, 4 / 3
    mean = sum(a["f"][i][j] * (within if i == j else across) for i in range(2) for j in range(2))
    assert mean == pytest.approx(a["mean_distance"])


@pytest.mark.slow
@pytest.mark.parametrize("anchor", RECTANGLES, ids=lambda a: f"w{a['w']:.3g}")
def test_rectangular_city_of_two_units(anchor):
    check(dispatch.two_units_lost(anchor, mu=1.0))


@pytest.mark.parametrize(
    ("metric", "anchor"), [("manhattan", "manhattan_square_grid_centre"), ("euclid", "euclid_square_grid")]
)
def test_distance_to_the_nearest_of_units_on_a_square_grid(metric, anchor):
    case, k = dispatch.nearest_on_grid(metric)
    assert k == pytest.approx(GEOMETRY[anchor], rel=0.015)  # 81 places a cell instead of all points
    check(case, least=10)


@pytest.mark.parametrize("metric", ["manhattan", "euclid"])
def test_distance_between_two_random_points(metric):
    case, k = dispatch.between_random_points(metric)
    assert k == pytest.approx(GEOMETRY[f"two_random_pts_square_{metric}"], rel=0.005)
    check(case, least=10)


@pytest.mark.slow
def test_distance_to_the_nearest_of_units_placed_at_random():
    units, fine, side = 30, 30, 3000.0
    distance = dispatch.torus_m(side, fine)
    exact = dispatch.nearest_of_random(units, distance)
    assert dispatch.constant(exact, side**2, units) == pytest.approx(GEOMETRY["manhattan_poisson_units"], rel=0.03)
    minutes = distance / (dispatch.SPEED_KMH * 1000 / 60)
    city, rng = bare_city(travel_min=minutes, metric="none"), np.random.default_rng(5)
    found = []
    for r in range(300):
        slots = rng.integers(0, fine * fine, units).tolist()
        rules = {"dispatch": "nearest_idle", "reposition": "return_home"}
        sections = model(
            200.0, 60.0, posts={"unit": post(units, places=slots)}, types={"call": kind(6.0, stage("unit", 0.0))},
            rules=rules,
        )  # fmt: skip
        spec = {key: sections[key] for key in sections if key in ModelSpec.model_fields}
        result = prepare(validated(ModelSpec, Tree(spec)), city).run(11, r, log_level="counts")
        found.append(dispatch.kilometres(result)["km"] * 1000.0)
    values = np.array(found)
    assert half_width(values) < 0.02 * exact
    assert abs(values.mean() - exact) / (values.std(ddof=1) / math.sqrt(len(values))) < 3.3


@pytest.mark.parametrize("anchor", [a for a in PATROLS if a["s_kmh"] <= 8], ids=lambda a: f"T{a['T_min']}")
def test_random_patrol(anchor):
    check(dispatch.random_patrol(anchor))


@pytest.mark.parametrize("anchor", [a for a in PATROLS if a["s_kmh"] > 8], ids=lambda a: f"T{a['T_min']}")
def test_random_patrol_by_car(anchor):
    """Speed and street length count by their ratio only; the register bounds a walking patrol's speed."""
    scaled = {**anchor, "s_kmh": anchor["s_kmh"] / 5, "D_km": anchor["D_km"] / 5}
    check(dispatch.random_patrol(scaled))


def test_a_slow_patrol_is_noticed():
    with pytest.raises(Differs):
        check(dispatch.random_patrol(PATROLS[1], slow=1.05))


def test_random_units_formula_against_brute_force():
    distance = dispatch.torus_m(400.0, 4)
    brute = np.mean([distance[0, [i, j]].min() for i in range(16) for j in range(16)])
    assert dispatch.nearest_of_random(2, distance) == pytest.approx(brute)
