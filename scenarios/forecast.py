"""What a scenario will take, told before anything is built: memory and time, and which of its numbers ask for them.

Sizes are read from the checked sections (residents, places, people at work, expected incidents) and multiplied by what
each took when measured. `affordable` refuses what this machine cannot do, naming the number to be made smaller. It is a
forecast within a factor of two or so, not an account: a run's process is watched besides (`scenarios.limits`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scenarios import pace
from scenarios.limits import machine_memory_mb
from scenarios.schema import Scenario
from sim.city.parameters import number
from sim.city.shared import located
from sim.city.spec import CitySpec
from sim.errors import InputError
from sim.spec import ModelSpec

BASE_MB = 600.0  # the engine, loaded, with tables and measures
RESIDENT_BYTES, PAIR_BYTES, STAFF_BYTES, INCIDENT_BYTES = 350.0, 10.0, 2_000.0, 3_000.0
RESIDENT_S, PAIR_S, STAFF_S, INCIDENT_S = 4e-6, 2e-7, 2e-5, 1e-5
STAFF_DAY_S = 1e-6
"""Measured: cities of 20,000 to 1,000,000 residents, 66 to 8,000 places; a district for 58 to 3,650 days."""
MOST_DAYS = 7.0
"""Days that a command may take without being told to go on anyway."""
LEVELS_PER = {"grid": 1.0, "community": 1 / 5, "street": 1 / 40, "district": 1 / 400, "city": 0.0}
"""Areas of a level for each grid, roughly; there is at least one."""


@dataclass(frozen=True)
class Allowance:
    """What may be taken.

    Attributes
    ----------
    memory_mb
        Memory of one process.
    seconds
        Wall time of everything.
    run_s
        Wall time of one run.
    anyway
        Whether the sentence names the option that goes on anyway.
    """

    memory_mb: float
    seconds: float
    run_s: float = float("inf")
    anyway: bool = True


@dataclass(frozen=True)
class Forecast:
    """What an experiment will take.

    Attributes
    ----------
    residents, places, staff, incidents
        Expected sizes of the largest arm; incidents of one run.
    asked_by
        Field -> MB of one process that it asks for.
    memory_mb
        Of one process.
    run_s, seconds
        One run; building the city and all runs on the workers.
    """

    residents: int
    places: int
    staff: float
    incidents: float
    asked_by: dict[str, float]
    memory_mb: float
    run_s: float
    seconds: float


def command_line() -> Allowance:
    """Return what a command may take on this machine."""
    return Allowance(0.9 * machine_memory_mb(), MOST_DAYS * 86_400)


def job_allowance() -> Allowance:
    """Return what a job of a server's queue may take: as a command, and nobody to go on anyway."""
    return replace(command_line(), anyway=False)


def upload() -> Allowance:
    """Return what an uploaded text may ask of a server: half its memory, ten minutes for a run, a day for all."""
    return Allowance(0.5 * machine_memory_mb(), 86_400, 600.0, anyway=False)


def forecast(scenario: Scenario, arms: Sequence[str] = (), runs: int = 1, workers: int = 1) -> Forecast:
    """Return what runs of a scenario will take; nothing is built.

    Raises
    ------
    InputError
        The scenario is wrong.
    """
    models = [scenario.spec(arm) for arm in (arms or scenario.arms)]
    return _of(scenario.city_spec(), models, runs, workers, scenario.folder)


def city_affordable(city: CitySpec, allowance: Allowance) -> None:
    """Raise when a city alone goes beyond what may be taken.

    Raises
    ------
    InputError
        With the forecast, naming the number that asks for most.
    """
    made = _of(city, [], 0, 1)
    if made.memory_mb > allowance.memory_mb or made.seconds > allowance.seconds:
        raise _too_large(made, allowance, max(made.asked_by, key=lambda one: made.asked_by[one]))


def _of(city: CitySpec, models: Sequence[ModelSpec], runs: int, workers: int, folder: Path = Path(".")) -> Forecast:
    residents, places, grids = sizes(city, folder)
    staff = max((_staff(model, grids, city) for model in models), default={}, key=lambda found: sum(found.values()))
    told = max((_incidents(model, residents) for model in models), default={}, key=lambda found: sum(found.values()))
    people, incidents = sum(staff.values()), sum(told.values())
    days = max((model.horizon_days for model in models), default=0.0)
    asked = {
        **_asked_by_city(city, residents * RESIDENT_BYTES / 1e6, places**2 * PAIR_BYTES / 1e6),
        **{f"posts.{name}.count": count * STAFF_BYTES / 1e6 for name, count in staff.items()},
        **{f"types.{name}": count * INCIDENT_BYTES / 1e6 for name, count in told.items()},
    }
    run_s = pace.measured().load * (pace.RUN_S + INCIDENT_S * incidents + STAFF_DAY_S * people * days)
    building_s = RESIDENT_S * residents + PAIR_S * places**2 + STAFF_S * people * len(models)
    whole_s = building_s + runs * run_s / max(workers, 1)
    return Forecast(residents, places, people, incidents, asked, BASE_MB + sum(asked.values()), run_s, whole_s)


def _asked_by_city(city: CitySpec, people_mb: float, pairs_mb: float) -> dict[str, float]:
    """Return field of the city section -> MB that it asks for; of a saved city only its folder can be named."""
    if city.path is not None:
        return {"city.path": people_mb + pairs_mb}
    if city.bare is not None:
        return {"city.bare.places": people_mb + pairs_mb}
    way = "synthetic" if city.synthetic is not None else "read"
    return {f"city.{way}.residents": people_mb, f"city.{way}.max_places": pairs_mb}


def affordable(made: Forecast, allowance: Allowance, scenario: Scenario, arm: str | None = None) -> None:
    """Raise when a forecast goes beyond what may be taken.

    Raises
    ------
    InputError
        With the forecast, naming the number that asks for most.
    """
    over_memory = made.memory_mb > allowance.memory_mb
    if not over_memory and made.seconds <= allowance.seconds and made.run_s <= allowance.run_s:
        return
    raise scenario.place(_too_large(made, allowance, _largest(made, scenario, arm or scenario.arms[0], over_memory)))


def _too_large(made: Forecast, allowance: Allowance, field: str) -> InputError:
    return InputError(
        f"this would take about {made.memory_mb / 1000:,.1f} GB of memory, {_span(made.run_s)} a run and "
        f"{_span(made.seconds)} in all ({made.residents:,} residents, {made.staff:,.0f} people at work, "
        f"{made.incidents:,.0f} incidents a run)",
        field=field,
        allowed=_allowed(allowance),
    )


def _allowed(allowance: Allowance) -> str:
    memory, whole = f"{allowance.memory_mb / 1000:,.1f}", _span(allowance.seconds)
    if allowance.anyway:
        return f"at most {memory} GB of memory and {whole} in all; '--anyway' goes on all the same"
    if allowance.run_s == float("inf"):
        return f"at most {memory} GB of memory and {whole} in all"
    return f"at most {memory} GB of memory, {_span(allowance.run_s)} a run and {whole} in all"


def _largest(made: Forecast, scenario: Scenario, arm: str, over_memory: bool) -> str:
    """Return the field that asks for most; of the incidents the horizon where that is what is long."""
    asked = made.asked_by
    if not over_memory:
        asked = {field: mb for field, mb in asked.items() if field.startswith("types.")} or asked
    field = max(asked, key=lambda one: asked[one])
    days = scenario.spec(arm).horizon_days
    return "horizon_days" if field.startswith("types.") and days > 3650 else field


def sizes(city: CitySpec, folder: Path = Path(".")) -> tuple[int, int, float]:
    """Return residents, places and grids of a city that is not built; 0 where only its files know."""
    if city.path is not None:
        from sim.city.storage import saved_sizes

        return saved_sizes(located(folder, city.path))
    if city.bare is not None:
        places = len(city.bare.places or city.bare.travel_min or [0])
        return 0, places, float(city.bare.grids or 1)
    if city.synthetic is None:
        residents = (city.read.residents or 0) if city.read is not None else 0
        return residents, 0, residents / number("people_per_grid")
    from sim.city.synthetic import streets_of

    given = city.synthetic
    spec = streets_of(given)
    nodes = float((spec.area_km2 * 1e6 / spec.spacing_m**2).sum())
    grids = given.residents / (given.people_per_grid or number("people_per_grid"))
    return given.residents, int(min(nodes, given.max_places)), grids


def _staff(spec: ModelSpec, grids: float, city: CitySpec) -> dict[str, float]:
    found = {}
    stations = city.synthetic.facilities if city.synthetic is not None else {}
    for name, post in spec.posts.items():
        kind = post.per.partition(":")[2]
        groups = stations.get(kind, grids / 40) if kind else grids * LEVELS_PER.get(post.per, 0.0)  # type: ignore[call-overload]
        found[name] = max(groups, 1.0) * (1.0 if post.count == "units" else float(post.count))
    return found


def _incidents(spec: ModelSpec, residents: int) -> dict[str, float]:
    found = {}
    for name, kind in spec.types.items():
        a_day = kind.rate_per_1000_year / 1000 / 365.25 * residents + kind.rate_per_hour * 24
        most = max(kind.archetype_factor.values(), default=1.0) if kind.archetype_factor else 1.0
        found[name] = a_day * max(most, 1.0) * spec.horizon_days / (1 - kind.excitation) * (1 + 0.2 * kind.witnesses)
    return found


def _span(seconds: float) -> str:
    if seconds >= 2 * 31_557_600:
        return f"{seconds / 31_557_600:,.0f} years"
    if seconds >= 2 * 86_400:
        return f"{seconds / 86_400:,.0f} days"
    if seconds >= 2 * 3600:
        return f"{seconds / 3600:,.0f} hours"
    return f"{seconds / 60:,.0f} minutes" if seconds >= 120 else f"{seconds:,.0f} seconds"
