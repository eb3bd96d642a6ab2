"""The form of a scenario file, and the arms it gives rise to.

A :class:`Scenario` is a checked scenario with its `extends` chain already laid together. Its model sections
stay plain data until :meth:`Scenario.spec` lays the shipped base, the scenario and one policy over one
another and checks the whole as a `sim.spec.ModelSpec`. Finding and reading files is `scenarios.library`;
running is `scenarios.experiment`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, PrivateAttr

from scenarios.base import base_tree, without_removed_types
from scenarios.feasible import check_feasible
from scenarios.form_errors import nearest, placed, validated
from scenarios.merge import content_hash, merge, part
from scenarios.roster import check_rosters
from scenarios.yaml_lines import FieldPath, Tree, dotted
from sim.cases.catalogue import Title
from sim.errors import InputError
from sim.forms import Form
from sim.spec import ModelSpec

if TYPE_CHECKING:
    from sim.model import Model

AS_IS = "as-is"
MOST_MARGIN = 1e12
MOST_TITLE = 300
MODEL_SECTIONS = frozenset(ModelSpec.model_fields)
Version = Annotated[str, Field(min_length=1, max_length=40)] | Annotated[int, Field(ge=0, le=10**9)]
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$"


class Sections(Form):
    """The model sections of `sim.spec.ModelSpec`, as a scenario or a policy writes them; checked when laid together."""

    horizon_days: Any = None
    warm_up_days: Any = None
    cool_down_days: Any = None
    calendar: dict[str, Any] | None = None
    profiles: dict[str, Any] | None = None
    types: dict[str, Any] | None = None
    departments: dict[str, Any] | None = None
    posts: dict[str, Any] | None = None
    shifts: dict[str, Any] | None = None
    channels: dict[str, Any] | None = None
    whistles: dict[str, Any] | None = None
    ladder: dict[str, Any] | None = None
    preferences: list[Any] | None = None
    demand_weights: list[Any] | None = None
    type_place_rates: dict[str, Any] | None = None
    rules: dict[str, Any] | None = None
    parameters: dict[str, Any] | None = None
    provenance: dict[str, Any] | None = None
    sweeps: list[Any] | None = None
    closures: list[Any] | None = None
    script: list[Any] | None = None


class Policy(Sections):
    """A named change to a scenario: model sections that hold only what differs."""

    title: Title | None = None
    description: Title | None = None
    version: Version = Field("1", description="the policy's own version, quoted with its name")


class Precision(Form):
    """When a comparison is precise enough to stop.

    Stopping looks at the width of an interval, never at whether it excludes zero: stopping at significance
    would make differences out of chance.
    """

    metric: str = Field(description="measure whose paired difference is watched")
    rel_half_width: float = Field(
        gt=0, lt=1, description="half-width of the 95 % interval as a share of the baseline's mean"
    )
    max_reps: int = Field(1000, ge=2, le=1_000_000, description="replications at which it stops in any case")


class Plan(Form):
    """The experiment that a scenario proposes: its arms and how often, with margins stated beforehand."""

    arms: list[str] = Field(
        default_factory=list,
        description="policies, the baseline first (empty: all; inherited ones and the policies added)",
    )
    replications: int = Field(30, ge=1, le=1_000_000)
    measures: list[str] = Field(default_factory=list, description="measures shown, in order (empty: all)")
    equivalence: dict[str, float] = Field(
        default_factory=dict, description="measure -> difference that does not matter, in the measure's unit"
    )
    precision: Precision | None = None
    sensitivity: list[str] = Field(
        default_factory=list, description="parameters that a sensitivity study varies: NAME or NAME=low..high"
    )


class Scenario(Sections):
    """A scenario: a city, its demand, its institutions, a horizon, and the policies to be compared.

    Attributes
    ----------
    name, title, description, version
        What it is called; `name` is used in result folders.
    extends
        Library name or path of the scenario this one builds on (already laid under it).
    bare
        True: nothing shipped is laid under it; it says everything itself.
    city
        The city section of `sim.city.spec.CitySpec`, as data.
    seed
        Root seed of the replications.
    """

    name: str = Field(pattern=_NAME, max_length=80, description="letters, digits, '-', '_' and '.'")
    title: Title
    description: Title | None = None
    version: Version = "1"
    extends: str | None = None
    bare: bool = False
    city: dict[str, Any] = Field(description="one of: synthetic, path, read, bare")
    seed: int = Field(7, ge=0, lt=2**63)
    policies: dict[str, Policy] = Field(default_factory=dict)
    experiment: Plan = Field(default_factory=lambda: Plan(replications=30))

    _tree: Tree = PrivateAttr(default_factory=Tree)
    _folder: Path = PrivateAttr(default_factory=Path)

    @classmethod
    def from_tree(cls, tree: Tree, folder: Path | str = ".") -> Scenario:
        """Check a laid-together tree; `folder` is where relative paths in it start.

        Raises
        ------
        InputError
            For any mistake in the form, with file, line, field, found and allowed.
        """
        made = validated(cls, tree)
        made._tree, made._folder = tree, Path(folder)
        made._check_names()
        return made

    @property
    def content(self) -> dict[str, Any]:
        """The laid-together text as data, parents in it, without the shipped base."""
        return {key: value for key, value in self._tree.data.items() if key != "extends"}

    @property
    def folder(self) -> Path:
        """The folder from which relative paths of the city section are read."""
        return self._folder

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of the content together with the shipped base it stands on."""
        return content_hash([self.content, {} if self.bare else base_tree().data])

    @property
    def arms(self) -> list[str]:
        """Policies of the proposed experiment, baseline first; `as-is` when none are written."""
        return list(self.experiment.arms) or list(self.policies) or [AS_IS]

    def policy_id(self, policy: str) -> str:
        """Return `name@hash8`, by which a policy's content can be cited."""
        tree = self._policy_tree(policy)
        changed = {k: v for k, v in tree.data.items() if k in MODEL_SECTIONS or k == "version"}
        return f"{policy}@{content_hash(changed)[:8]}"

    def policy_title(self, policy: str, lang: str = "en") -> str:
        """Return a policy's title in the language, or its name."""
        title = self.policies[policy].title if policy in self.policies else None
        return getattr(title, lang) if title is not None else policy

    def tree(self, policy: str | None = None) -> Tree:
        """Return the model sections of one arm with their origins: shipped base, scenario, policy."""
        own = part(self._tree, (), MODEL_SECTIONS)
        laid = own if self.bare else merge(base_tree(), own)
        change = part(self._policy_tree(policy or self.arms[0]), (), MODEL_SECTIONS)
        whole = merge(laid, change)
        return whole if self.bare else without_removed_types(whole, base_tree())

    def spec(self, policy: str | None = None) -> ModelSpec:
        """Return the checked model of one arm (default: the baseline).

        Raises
        ------
        InputError
            For an unknown policy and for every mistake in the model sections.
        """
        from sim.check import check_spec

        tree = self.tree(policy)
        spec = validated(ModelSpec, tree)
        try:
            check_spec(spec)
            check_rosters(spec)
            check_feasible(spec, self._is_one_area())
        except InputError as error:
            raise placed(error, tree) from None
        return spec

    def arm_hash(self, policy: str) -> str:
        """SHA-256 (hex) of all that decides an arm's runs apart from seed and replication."""
        return content_hash({"model": self.tree(policy).data, "city": self.city})

    def model(self, policy: str | None = None, seed: int | None = None, replication: int = 0) -> Model:
        """Return a `sim.model.Model` of one arm, not yet run."""
        from sim.city.spec import build_city
        from sim.model import Model

        city = build_city(self.city_spec(), self.folder)
        return Model(self.spec(policy), city, seed=self.seed if seed is None else seed, replication=replication)

    def city_spec(self) -> Any:
        """Return the checked city section (`sim.city.spec.CitySpec`)."""
        from sim.city.spec import CitySpec

        return validated(CitySpec, part(self._tree, ("city",)), prefix=("city",))

    def with_changes(self, changes: dict[str, Any], source: str = "command line") -> Scenario:
        """Return this scenario with data laid over it, as `--days` and `--city` do."""
        over = Tree(changes, {(key,): (source, 1) for key in changes})
        for key in set(changes) & {"city"}:  # a city is replaced, never mixed with another
            over = Tree(changes, over.origins)
            cleared = Tree({k: v for k, v in self._tree.data.items() if k != key}, self._tree.origins)
            return Scenario.from_tree(merge(cleared, over), self._folder)
        return Scenario.from_tree(merge(self._tree, over), self._folder)

    def place(self, error: InputError) -> InputError:
        """Give an error about a field of this scenario its file and line."""
        return placed(error, self._tree)

    def _is_one_area(self) -> bool:
        """Return True for a bare city of one grid."""
        given = self.city.get("bare")
        return isinstance(given, dict) and given.get("grids", 1) in (None, 1)

    def _policy_tree(self, policy: str) -> Tree:
        if policy in self.policies:
            return part(self._tree, ("policies", policy))
        if policy == AS_IS:
            return Tree()
        known = [*self.policies, *([] if AS_IS in self.policies else [AS_IS])]
        raise InputError(
            "unknown policy", file=self._file(), field="policies", found=policy, allowed=nearest(policy, known) or known
        )

    def _file(self) -> str | None:
        return self._tree.origin(())[0]

    def _check_names(self) -> None:
        plan = self.experiment
        for index, arm in enumerate(plan.arms):
            path = ("experiment", "arms", index)
            if arm not in self.policies and arm != AS_IS:
                raise self._at(path, "an arm without a policy of that name", arm, [*self.policies, AS_IS])
            if arm in plan.arms[:index]:
                raise self._at(path, "an arm stands twice", arm, "each policy once")
        for index, measure in enumerate(plan.measures):
            if measure in plan.measures[:index]:
                raise self._at(("experiment", "measures", index), "a measure stands twice", measure, "each once")
        for measure, margin in plan.equivalence.items():
            if not 0 < margin <= MOST_MARGIN:
                raise self._at(("experiment", "equivalence", measure), "a margin of no width, or of no end", margin,
                               f"above 0 and at most {MOST_MARGIN:g}")  # fmt: skip
        for where, title in self._titles():
            if max(len(title.en), len(title.zh)) > MOST_TITLE:
                raise self._at(where, "too long for a title", f"{len(title.en)} and {len(title.zh)} characters",
                               f"at most {MOST_TITLE} characters")  # fmt: skip
        for name in self.policies:
            if not name or any(c in "/\\," or c.isspace() for c in name) or len(name) > 60:
                raise self._at(("policies", name), "a policy's name cannot be used", name,
                               "up to 60 characters without spaces, commas and slashes")  # fmt: skip

    def _titles(self) -> list[tuple[FieldPath, Title]]:
        policies = [(("policies", name, "title"), one.title) for name, one in self.policies.items() if one.title]
        return [(("title",), self.title), *policies]

    def _at(self, path: FieldPath, problem: str, found: Any, allowed: Any) -> InputError:
        file, line = self._tree.origin(path)
        return InputError(problem, file=file, line=line, field=dotted(path), found=found, allowed=allowed)
