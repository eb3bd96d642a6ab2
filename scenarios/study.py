"""Finished or interrupted results, ready to be asked: tables, comparisons, queries.

A :class:`Study` is a results folder together with the scenario it holds. It reads Parquet parts through an
in-memory DuckDB and draws nothing; reports and charts take a study and draw.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd

from scenarios.compare import Better, Comparison, Method, Paired, adjusted, compare
from scenarios.form_errors import nearest
from scenarios.merge import content_hash
from scenarios.places import city_of
from scenarios.proven import Proof, proof_of
from scenarios.runs import COSTS, IDENTITY
from scenarios.safeguards import SAFEGUARDS, worse_of
from scenarios.schema import Plan, Scenario
from scenarios.store import Store
from scenarios.yaml_lines import FieldPath, Origin, Tree
from sim.errors import InputError

if TYPE_CHECKING:
    from sim.city.city import City

TABLES = ("cases", "incidents", "tasks", "staff", "hours", "looks", "log")


class Study:
    """Results of an experiment.

    Parameters
    ----------
    store
        The results folder, opened.
    scenario
        The scenario that was run; read back from the manifest when omitted.
    """

    def __init__(self, store: Store, scenario: Scenario | None = None) -> None:
        self.store = store
        self.scenario = scenario if scenario is not None else _scenario(store)
        self._read: tuple[tuple[str, ...], pd.DataFrame] | None = None
        self._content: str | None = None

    @classmethod
    def open(cls, folder: Path | str) -> Study:
        """Open a results folder written earlier.

        Raises
        ------
        InputError
            There are no results, or they are damaged.
        """
        store = Store.open(folder)
        store.check_files()
        return cls(store)

    @property
    def folder(self) -> Path:
        """The results folder."""
        return self.store.folder

    @property
    def manifest(self) -> dict[str, Any]:
        """What was written when the folder was made: hashes, versions, seeds, the scenario's text."""
        return self.store.manifest

    @property
    def policies(self) -> list[str]:
        """The arms, the baseline first."""
        return list(self.manifest["policies"])

    @property
    def baseline(self) -> str:
        """The first arm."""
        return self.policies[0]

    @property
    def seed(self) -> int:
        """Root seed of the replications."""
        return int(self.manifest["seed"])

    @property
    def plan(self) -> Plan:
        """The experiment the scenario proposes, with the margins it states beforehand."""
        return self.scenario.experiment

    @property
    def city(self) -> City:
        """The city of the scenario, built or read again."""
        return city_of(self.scenario)

    def runs(self) -> pd.DataFrame:
        """Return one row per finished run: identity, seconds, memory, measures; by replication, then arm."""
        parts = tuple(map(str, self.store.parts()))
        if not parts:
            return pd.DataFrame(columns=[*IDENTITY, *COSTS])
        if self._read is not None and self._read[0] == parts:
            return self._read[1].copy()
        frame = self.sql("SELECT * FROM runs")
        rank = {policy: i for i, policy in enumerate(self.policies)}
        frame["_rank"] = frame["policy"].map(rank)
        frame = frame.sort_values(["replication", "_rank"], kind="stable").drop(columns="_rank")
        self._read = (parts, frame.reset_index(drop=True))
        return self._read[1].copy()

    @property
    def measures(self) -> list[str]:
        """Measures that the runs hold, those the scenario names first."""
        held = [c for c in self.runs().columns if c not in (*IDENTITY, *COSTS)]
        first = [m for m in self.plan.measures if m in held]
        known = [m for m in _measures() if m in held and m not in first]
        return first + known + sorted(set(held) - set(first) - set(known))

    def table(self, name: str) -> pd.DataFrame:
        """Return a kept table (``cases, incidents, tasks, staff, hours, looks, log``) of the first replications.

        Columns ``run_id, policy, replication`` come first. Empty when nothing was kept.
        """
        if name not in TABLES:
            raise InputError("unknown table", field="table", found=name, allowed=TABLES)
        return self.sql(f"SELECT * FROM {name}") if self.store.kept(name) else pd.DataFrame()

    def cases(self) -> pd.DataFrame:
        """Return the kept cases, one row per case."""
        return self.table("cases")

    def sql(self, text: str) -> pd.DataFrame:
        """Answer a DuckDB query over the views `runs`, `plan` and the kept tables.

        Raises
        ------
        InputError
            The query is wrong; the sentence is DuckDB's.
        """
        self.store.check_files()  # DuckDB itself looks at no checksum
        with duckdb.connect(":memory:") as connection:
            try:
                for name, pattern in self._views().items():
                    quoted = str(pattern).replace("'", "''")
                    source = f"read_parquet('{quoted}', union_by_name=true)"
                    connection.execute(f"CREATE VIEW {name} AS SELECT * FROM {source}")
                return connection.sql(text).df()
            except duckdb.OutOfMemoryException as error:
                raise MemoryError(str(error)) from None
            except duckdb.Error as error:
                raise InputError(f"the query fails: {str(error).splitlines()[0]}", found=text) from None

    def compare(
        self,
        metric: str,
        baseline: str | None = None,
        *,
        margin: float | None = None,
        method: Method = "t",
    ) -> Comparison:
        """Compare all arms on one measure by paired differences; see `scenarios.compare.compare`.

        `margin` defaults to the scenario's. A replication that some arm has not finished counts as missing.
        """
        base = baseline or self.baseline
        if base not in self.policies:
            raise InputError("unknown arm", field="baseline", found=base, allowed=self.policies)
        stated = self.plan.equivalence.get(metric) if margin is None else margin
        return compare(
            self.values(metric, base), metric, base, better=better_of(metric), margin=stated, method=method,
            proof=self.proof(metric), alike=self.alike(base),
        )  # fmt: skip

    def comparisons(self, measures: list[str] | None = None, baseline: str | None = None) -> list[Comparison]:
        """Compare on several measures, with Holm's adjustment over all of them (default: the planned ones)."""
        chosen = measures or self.plan.measures or self.measures
        held = set(self.measures)
        made = [self.compare(metric, baseline) for metric in chosen if measures or metric in held]
        return adjusted(made, {metric: better_of(metric) for metric in chosen})

    def safeguards(self, baseline: str | None = None) -> list[Comparison]:
        """Compare on the safeguards that the runs hold, chosen by the scenario or not; Holm over these alone.

        Which they are says `scenarios.safeguards.SAFEGUARDS`. Empty with one arm and for models without a city.
        """
        held = [metric for metric in SAFEGUARDS if metric in self.measures] if len(self.policies) > 1 else []
        made = [self.compare(metric, baseline) for metric in held]
        counted = [one for one in made if any(row.pairs for row in one.rows)]
        return adjusted(counted, {metric: better_of(metric) for metric in held})

    def got_worse(self, baseline: str | None = None) -> list[Paired]:
        """Return the safeguards that an arm makes worse at a family-wise 5 %, in the order of `safeguards`."""
        return worse_of(self.safeguards(baseline))

    def proof(self, metric: str) -> Proof | None:
        """Return what is known of the intervals of a measure; see `scenarios.proven`."""
        if self._content is None:
            self._content = content_hash(self.scenario.content)
        return proof_of(metric, self._content, unit_of(metric))

    def alike(self, baseline: str | None = None) -> frozenset[str]:
        """Return the arms that are the baseline under another name.

        Their specifications are equal, or all their replications are the same on every measure.
        """
        base = baseline or self.baseline
        runs = self.runs()
        held = [c for c in runs.columns if c not in (*IDENTITY, *COSTS)]
        by_arm = {str(arm): one.set_index("replication")[held] for arm, one in runs.groupby("policy")}
        if base not in by_arm:
            return frozenset()
        return frozenset(
            arm
            for arm, one in by_arm.items()
            if arm != base and (self._same_spec(arm, base) or _same(one, by_arm[base]))
        )

    def _same_spec(self, arm: str, base: str) -> bool:
        return bool(self.scenario.tree(arm).data == self.scenario.tree(base).data)

    def comparison_table(self, measures: list[str] | None = None, baseline: str | None = None) -> pd.DataFrame:
        """Return `comparisons` as one table, one row per measure and arm."""
        return _table(self.comparisons(measures, baseline))

    def safeguard_table(self, baseline: str | None = None) -> pd.DataFrame:
        """Return `safeguards` as one table, one row per measure and arm."""
        return _table(self.safeguards(baseline))

    def values(self, metric: str, first: str | None = None) -> dict[str, np.ndarray]:
        """Return arm -> one value per replication, in the same order for all arms; NaN where there is none."""
        runs = self.runs()
        if metric not in runs.columns or metric in (*IDENTITY, *COSTS):
            held = [c for c in runs.columns if c not in (*IDENTITY, *COSTS)]
            raise InputError("unknown measure", field="metric", found=metric, allowed=nearest(metric, held) or held)
        wide = runs.pivot(index="replication", columns="policy", values=metric)
        order = [first or self.baseline, *[p for p in self.policies if p != (first or self.baseline)]]
        return {policy: wide[policy].to_numpy(float) for policy in order if policy in wide.columns}

    def failures(self) -> pd.DataFrame:
        """Return the runs that failed and were not done since: run_id, event, seconds, failure, message."""
        done, last = self.store.done(), {}
        for line in self.store.read_journal():
            if line["event"] in ("failed", "timeout", "killed") and line.get("run_id") not in done:
                last[line["run_id"]] = line
        return pd.DataFrame(list(last.values()))

    def content_hash(self) -> str:
        """SHA-256 over all runs' measures; equal for any number of workers."""
        return self.store.content_hash()

    def _views(self) -> dict[str, Path]:
        views = {name: self.folder / "events" / name / "*.parquet" for name in TABLES if self.store.kept(name)}
        if self.store.parts():
            views["runs"] = self.folder / "runs" / "part-*.parquet"
        if (self.folder / "plan.parquet").exists():
            views["plan"] = self.folder / "plan.parquet"
        return views


def _scenario(store: Store) -> Scenario:
    content, file = store.manifest.get("scenario_text"), store.folder / "manifest.json"
    if not isinstance(content, dict):
        raise InputError("the manifest holds no scenario", file=file, field="scenario_text")
    origins: dict[FieldPath, Origin] = {(): (str(file), 1)}
    return Scenario.from_tree(Tree(content, origins), store.manifest.get("folder", "."))


def _measures() -> dict[str, Any]:
    from sim.measures import MEASURES

    return dict(MEASURES)


def better_of(metric: str) -> Better:
    """Return which direction of a measure is good; none for one that is not known."""
    from sim.measures.line_names import measure_of

    measure = measure_of(metric)
    return measure.better if measure is not None else "none"


def _table(comparisons: list[Comparison]) -> pd.DataFrame:
    tables = [one.table() for one in comparisons if one.rows]
    if not tables:
        return pd.DataFrame()
    out = pd.concat(tables, ignore_index=True)
    out["denominator"] = out["metric"].map(denominator_of)
    return out


def denominator_of(metric: str) -> str:
    """Return what a measure is a share of or taken over; empty where its name says all."""
    from sim.measures import denominator
    from sim.measures.line_names import measure_of

    measure = measure_of(metric)
    return denominator(measure, "en") if measure is not None else ""


def unit_of(metric: str) -> str:
    """Return the unit of a measure; empty for one that is not known."""
    from sim.measures.line_names import measure_of

    measure = measure_of(metric)
    return measure.unit if measure is not None else ""


def _same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Tell whether two arms hold the same on every measure in all replications that both have, one at least."""
    both = one.index.intersection(other.index)
    return len(both) > 0 and one.loc[both].equals(other.loc[both])
