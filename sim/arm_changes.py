"""An arm under other register values, made from one that is prepared already.

Most parameters stand in two rows of numbers that the compiled code reads; people, rosters, demand and travel do
not depend on them. So thousands of settings can be tried without building those again. The result equals
`sim.model.prepare` with the same parameters; where a parameter reaches further, that is what is called. Nothing
here knows designs or campaigns (`scenarios.designed`).
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace

from sim import register
from sim.city.city import City
from sim.errors import InputError
from sim.model import Prepared, prepare
from sim.spec import ModelSpec

REACHING = ("patrol.speed_kmh", "patrol.street_km_per_grid", "travel.blocked_min")
"""Parameters, besides ``type.*``, that decide tables other than the rows of parameters."""
_ROWS = ("rules", "params")


def check_variable(name: str) -> None:
    """Raise when a parameter cannot be varied over a city that stands.

    Raises
    ------
    InputError
        The register does not know it, or it is read only while a synthetic city is built.
    """
    if name in register.catalogue_entries():
        return
    register.values({name: register.default(name)})
    if register.load()[name].scope == "city":
        raise InputError(
            "this parameter is read while a city is built, so varying it changes nothing in a city that stands",
            field=f"parameters.{name}", found=name, allowed="parameters of scope rule, model or measure",
        )  # fmt: skip


class VariableArm:
    """An arm that can be had under any register values.

    Parameters
    ----------
    spec
        The arm as its policy states it.
    city
        Where it plays.

    Raises
    ------
    InputError
        When spec and city do not fit.
    """

    def __init__(self, spec: ModelSpec, city: City) -> None:
        self.spec, self.city = spec, city
        self.base = prepare(spec, city)

    def with_parameters(self, parameters: Mapping[str, float]) -> Prepared:
        """Return the arm with register values laid over the policy's own.

        Parameters
        ----------
        parameters
            Register name (or ``type.<name>.<field>``) -> value in the register's unit.

        Returns
        -------
        Prepared
            Shares every table that the values do not decide with the other settings of this arm.

        Raises
        ------
        InputError
            Unknown name, no finite number, or a parameter of the city's making.
        """
        for name in parameters:
            check_variable(name)
        laid = {**self.spec.parameters, **{name: float(value) for name, value in parameters.items()}}
        if any(name.startswith("type.") or name in REACHING for name in parameters):
            return prepare(self.spec.model_copy(update={"parameters": laid}), self.city)
        arm, values = self.base.arm, register.values(laid)
        rows = {table: arm.static[table].copy() for table in _ROWS}
        for row in rows.values():
            columns = row.dtype.names or ()
            for name, value in values.items():
                if (column := name.replace(".", "_")) in columns:
                    row[column] = value
        made = copy(self.base)
        made.arm = replace(
            arm,
            spec=arm.spec.model_copy(update={"parameters": laid}),
            static={**arm.static, **rows},
            parameters=values,
        )
        return made
