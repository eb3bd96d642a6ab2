"""Closed roads in a run: people drive around, the run can be paused, and nobody waits for ever."""

from __future__ import annotations

import numpy as np
import pytest

from sim.city.spec import build_city
from sim.errors import InputError
from sim.model import Model, prepare
from sim.spec import ModelSpec


@pytest.fixture(scope="module")
def city():
    return build_city({"synthetic": {"residents": 10_000, "seed": 3}})


def small_spec(city, closures: list[dict]) -> ModelSpec:
    """A bare spec on the city's own roads: calls everywhere, two crews at one place."""
    crews = {"title": {"en": "Crew", "zh": "队"}, "kind": "unit", "per": "city", "count": 2, "shift": "always"}
    call = {
        "title": {"en": "Call", "zh": "来电"},
        "kind": "bare",
        "rate_per_hour": 1.0,
        "stages": [{"name": "work", "who": "crew", "touch_min": {"exponential": 10}}],
    }
    return ModelSpec(
        horizon_days=20, types={"call": call}, posts={"crew": crews}, shifts={"always": {}}, closures=closures
    )


def travel_of(city, closures: list[dict], pieces: int = 1) -> np.ndarray:
    model = Model(small_spec(city, closures), city, seed=5)
    for _ in range(pieces):
        model.run(20 / pieces)
    tasks = model.result().tasks().to_pandas()
    return (tasks["arrived_min"] - tasks["assigned_min"]).to_numpy()


def centre(city) -> dict:
    return {"x_m": float(city.place_x.mean()), "y_m": float(city.place_y.mean())}


def test_closed_roads_lengthen_trips_while_they_are_closed(city) -> None:
    closure = {"name": "marathon", "from_min": 0, "until_min": 14400, "radius_m": 600, **centre(city)}
    free, closed = travel_of(city, []), travel_of(city, [closure])
    half = len(free) // 2
    assert np.nanmean(closed[: half - 20]) > 1.02 * np.nanmean(free[: half - 20])


def test_a_closure_that_is_over_before_the_first_call_changes_nothing(city) -> None:
    closure = {"name": "early", "from_min": 0, "until_min": 1e-6, "radius_m": 600, **centre(city)}
    np.testing.assert_array_equal(travel_of(city, []), travel_of(city, [closure]))


def test_pausing_between_closures_changes_nothing(city) -> None:
    closures = [
        {"name": "a", "from_min": 1000, "until_min": 9000, "radius_m": 500, **centre(city)},
        {"name": "b", "from_min": 5000, "until_min": 20000, "radius_m": 900, **centre(city)},
    ]
    np.testing.assert_array_equal(travel_of(city, closures), travel_of(city, closures, pieces=7))


def test_a_closure_off_the_roads_is_refused(city) -> None:
    far = {"name": "sea", "from_min": 0, "until_min": 10, "radius_m": 5, "x_m": 1e7, "y_m": 1e7}
    with pytest.raises(InputError, match="no road lies inside the closure"):
        prepare(small_spec(city, [far]), city)
