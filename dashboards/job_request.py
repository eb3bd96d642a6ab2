"""What a user of the dashboard asks to be computed: a run or a comparison, checked before it is queued.

It is plain JSON from end to end; nothing from outside is ever unpickled, and a scenario is a library name or a
file below the server's own scenario folder. The queue is `dashboards.jobs`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError

if TYPE_CHECKING:
    from scenarios.experiment import Experiment
    from scenarios.limits import Limits

MOST_REPLICATIONS = 100_000
MOST_DAYS = 3_660
MOST_KEPT = 1_000
_TEXTS = ("scenario", "lang")
_WHOLE = ("replications", "seed", "workers", "keep_cases")
_NUMBERS = ("days", "wall_s", "memory_mb")


@dataclass(frozen=True)
class JobRequest:
    """A run or comparison to be done.

    Parameters
    ----------
    scenario
        A library name, or the name of a file in the server's scenario folder.
    policies
        Arms, the baseline first (empty: the scenario's).
    replications, days, seed, workers
        As the options of ``gridwhistle compare`` (None: the scenario's; for `workers`, the cores).
    keep_cases
        Replications of which case tables are kept.
    wall_s, memory_mb
        What one run may use (None: derived, see `scenarios.limits.Limits`).
    lang
        Language of the report: en or zh.
    """

    scenario: str
    policies: tuple[str, ...] = ()
    replications: int | None = None
    days: float | None = None
    seed: int | None = None
    workers: int | None = None
    keep_cases: int = 5
    wall_s: float | None = None
    memory_mb: float | None = None
    lang: str = "en"

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> JobRequest:
        """Make a request from JSON data.

        Raises
        ------
        InputError
            Unknown field, a value of another kind, or beyond what a server allows.
        """
        known = [field.name for field in fields(cls)]
        for name in data:
            if name not in known:
                raise InputError("unknown field", field=str(name), found=name, allowed=known)
        if "scenario" not in data:
            raise InputError("a field is missing", field="scenario", allowed=known)
        policies = data.get("policies") or ()
        if not isinstance(policies, list | tuple) or not all(isinstance(p, str) for p in policies):
            raise InputError("policies are a list of names", field="policies", found=policies)
        made = cls(**{**data, "policies": tuple(policies)})
        made._check_kinds()
        return made

    def data(self) -> dict[str, Any]:
        """Return the request as JSON data."""
        return {**asdict(self), "policies": list(self.policies)}

    def _check_kinds(self) -> None:
        for name in _TEXTS:
            if not isinstance(getattr(self, name), str):
                raise InputError("this is a text", field=name, found=getattr(self, name))
        for names, kinds, what in ((_WHOLE, int, "a whole number"), (_NUMBERS, (int, float), "a number")):
            for name in names:
                value = getattr(self, name)
                if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
                    raise InputError(f"this is {what}", field=name, found=value)
        for name, low, high in (
            ("replications", 1, MOST_REPLICATIONS), ("days", 0, MOST_DAYS), ("workers", 1, os.cpu_count() or 1),
            ("keep_cases", 0, MOST_KEPT),
        ):  # fmt: skip
            value = getattr(self, name)
            if value is not None and not (low <= value <= high and (value > 0 or name != "days")):
                raise InputError("impossible number", field=name, found=value, allowed=f"{low} to {high}")
        if self.lang not in ("en", "zh"):
            raise InputError("unknown language", field="lang", found=self.lang, allowed=("en", "zh"))

    def experiment(self, scenarios: Path | None = None) -> Experiment:
        """Return the experiment, checked; nothing is built or written.

        Parameters
        ----------
        scenarios
            Folder of the scenarios that users have added (None: only the library).

        Raises
        ------
        InputError
            For any mistake, one sentence that names file, line and field where there is one.
        """
        from scenarios.experiment import Experiment
        from scenarios.library import load

        scenario = load(self._place(scenarios))
        if self.days is not None:
            scenario = scenario.with_changes({"horizon_days": self.days}, "request")
        made = Experiment(scenario, list(self.policies), self.replications, self.seed)
        made.check()
        if self.scenario not in _library():
            _refuse_code(made)
        return made

    def _place(self, scenarios: Path | None) -> str:
        """Return what to load: a library name, or a file that lies in the scenario folder itself."""
        if self.scenario in _library():
            return self.scenario
        inside = sorted(p.name for p in scenarios.glob("*.yaml")) if scenarios is not None else []
        if scenarios is None or self.scenario not in inside:
            raise InputError("unknown scenario", field="scenario", found=self.scenario, allowed=[*_library(), *inside])
        return str(scenarios / self.scenario)

    @property
    def limits(self) -> Limits:
        """What one run may use."""
        from scenarios.limits import Limits

        return Limits(self.wall_s, self.memory_mb)

    def command(self) -> str:
        """Return the command line that does the same."""
        words = ["gridwhistle", "run" if len(self.policies) == 1 else "compare", self.scenario]
        for policy in self.policies:
            words += ["--policy", policy]
        for name in ("replications", "days", "seed", "workers"):
            if (value := getattr(self, name)) is not None:
                words += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
        return shlex.join(words)


def _library() -> list[str]:
    from scenarios.library import names

    return list(names())


def _refuse_code(made: Experiment) -> None:
    """Refuse rules that are code of the user's: a server runs only what is shipped with it."""
    for arm in made.arms:
        for hook, rule in made.scenario.spec(arm).rules.model_dump().items():
            if ":" in str(rule):
                raise InputError(
                    "rules of one's own run from the command line, not on a server", field=f"rules.{hook}", found=rule,
                    allowed="a built-in rule",
                )  # fmt: skip
