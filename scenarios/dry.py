"""A scenario checked as a whole before anything runs: what the command line, the pages and Python ask alike.

`dry_check` reads every policy, holds names of measures and parameters against what there is, and returns what is told
(`scenarios.told`). `check_built` also builds the city and the tables of the arms, since some mistakes only the built
city shows: a facility, a grid or a place that it does not have. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence

from scenarios.form_errors import nearest, placed
from scenarios.places import city_of
from scenarios.ranges import range_of
from scenarios.schema import Scenario
from scenarios.told import told
from sim.errors import InputError
from sim.policies.rule_texts import OPEN


def dry_check(scenario: Scenario, arms: Sequence[str] = (), metric: str | None = None) -> list[InputError]:
    """Check everything that can be known without building the city.

    Parameters
    ----------
    scenario
        A scenario.
    arms
        The arms that are run (default: the scenario's).
    metric
        A further measure that must be known, such as the one watched by stopping rules.

    Returns
    -------
    list of InputError
        What is told and no mistake (see `scenarios.told`).

    Raises
    ------
    InputError
        For the first mistake, with file, line, field, found and allowed.
    """
    chosen = list(arms or scenario.arms)
    scenario.city_spec()
    for arm in dict.fromkeys([*chosen, *scenario.arms, *scenario.policies]):
        scenario.spec(arm)
    _answered(scenario, chosen)
    _measures(scenario, chosen, metric)
    _sensitivity(scenario)
    return told(scenario, chosen)


def check_built(scenario: Scenario, arms: Sequence[str] = ()) -> None:
    """Build the city and the tables of each arm; raise for what only they show.

    Raises
    ------
    InputError
        Naming field and line.
    """
    from sim.assemble import assemble, scripted_incidents

    city = city_of(scenario)
    for arm in arms or scenario.arms:
        try:
            made = assemble(scenario.spec(arm), city)
            if made.spec.script:
                scripted_incidents(made, 0)
        except InputError as error:
            raise placed(error, scenario.tree(arm)) from None


def _answered(scenario: Scenario, arms: Sequence[str]) -> None:
    """Raise when an arm leaves a decision open: in a run nobody answers."""
    for arm in arms:
        for hook, rule in scenario.spec(arm).rules.model_dump().items():
            if rule == OPEN:
                error = InputError(
                    "this leaves the decision to people: in a run nobody answers", field=f"rules.{hook}", found=rule,
                    allowed="a rule that decides; exercises ('gridwhistle drill') ask people by their 'asks'",
                )  # fmt: skip
                raise placed(error, scenario.tree(arm))


def _measures(scenario: Scenario, arms: Sequence[str], metric: str | None) -> None:
    """Raise for a measure that is neither an indicator nor of a line or a kind that the model of some arm has."""
    from sim.measures import MEASURES
    from sim.measures.kind_names import kind_names
    from sim.measures.line_names import line_names

    plan = scenario.experiment
    known = dict.fromkeys(MEASURES)
    for arm in dict.fromkeys([*arms, *scenario.arms]):
        spec = scenario.spec(arm)
        known |= dict.fromkeys([*line_names(spec), *kind_names(spec)])
    named = [(f"experiment.measures[{i}]", name) for i, name in enumerate(plan.measures)]
    named += [(f"experiment.equivalence.{name}", name) for name in plan.equivalence]
    watched = metric or (plan.precision.metric if plan.precision is not None else None)
    named += [("experiment.precision.metric", watched)] if watched is not None else []
    for where, name in named:
        if name not in known:
            allowed = nearest(name, list(known)) or list(MEASURES)
            raise scenario.place(InputError("unknown measure", field=where, found=name, allowed=allowed))


def _sensitivity(scenario: Scenario) -> None:
    """Raise for what cannot be varied: an unknown parameter, one that builds the city, a range that does not fit."""
    for index, text in enumerate(scenario.experiment.sensitivity):
        try:
            range_of(text, f"experiment.sensitivity[{index}]")
        except InputError as error:
            raise scenario.place(error) from None
