"""Results on disk: manifest, plan, parts, kept tables, journal, failures.

Parquet parts are the truth: a run is done when it stands in a part that has its final name, and a part gets
its name only after it is complete and on the disk. So a kill at any instant loses at most the runs that
were not yet written. Queries go through DuckDB over the parts (`scenarios.study`); nothing here runs models.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scenarios.runs import COSTS, IDENTITY, Record, Run
from sim.errors import InputError

SCHEMA = 1
FOLDERS = ("runs", "events", "series", "journal", "failures")
_COSTS = frozenset(COSTS)
_TEXTS = frozenset(IDENTITY) - {"replication", "seed"}


class Store:
    """A results folder.

    Parameters
    ----------
    folder
        ``results/<scenario>-<id>``; see `create` and `open`.
    manifest
        What was written when the folder was made; it never changes.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.folder, self.manifest = folder, manifest
        self._parts = self._next_part()

    @classmethod
    def create(cls, folder: Path | str, manifest: dict[str, Any]) -> Store:
        """Make a results folder, or take up one made for the same thing.

        Raises
        ------
        InputError
            The folder holds results of something else, or cannot be written.
        """
        folder = Path(folder)
        cls.check(folder, manifest)
        known = folder / "manifest.json"
        if known.exists():
            return cls.open(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            made = {"schema": SCHEMA, **manifest}
            write_atomically(known, json.dumps(made, ensure_ascii=False, indent=1, sort_keys=True).encode())
        except OSError as error:
            raise InputError(f"the folder cannot be written ({error.strerror})", file=folder) from None
        return cls(folder, made)

    @classmethod
    def check(cls, folder: Path, manifest: dict[str, Any]) -> None:
        """Raise when a folder cannot take results of this manifest; nothing is written.

        Raises
        ------
        InputError
            See `create`.
        """
        if (folder / "manifest.json").exists():
            cls.open(folder)._same(manifest)
        elif folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            raise InputError("this is not empty and holds no results", file=folder, allowed="a new folder")

    @classmethod
    def open(cls, folder: Path | str) -> Store:
        """Open a results folder.

        Raises
        ------
        InputError
            There is no manifest, it is cut off, or it is of another schema.
        """
        folder = Path(folder)
        file = folder / "manifest.json"
        try:
            manifest = json.loads(file.read_text("utf-8"))
        except OSError:
            raise InputError("no results here", file=folder, allowed="a folder with a manifest.json") from None
        except ValueError as error:
            line = getattr(error, "lineno", None)
            raise InputError("the manifest is cut off or damaged", file=file, line=line) from None
        if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
            found = manifest.get("schema") if isinstance(manifest, dict) else type(manifest).__name__
            raise InputError("results of another layout", file=file, field="schema", found=found, allowed=SCHEMA)
        return cls(folder, manifest)

    def _same(self, manifest: dict[str, Any]) -> None:
        mine, other = self.manifest.get("identity") or {}, manifest.get("identity") or {}
        for key in sorted({*mine, *other}):
            if mine.get(key) != other.get(key):
                raise InputError(
                    "the folder holds results of another scenario, seed or version",
                    file=self.folder / "manifest.json",
                    field=f"identity.{key}",
                    found=mine.get(key),
                    allowed=f"{other.get(key)}; or another folder",
                )

    def path(self, *parts: str) -> Path:
        """Return a path in the folder, its parent made."""
        path = self.folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    # plan

    def write_plan(self, runs: Iterable[Run]) -> None:
        """Write the plan; runs already planned stay, new ones are appended."""
        rows: dict[str, list[Any]] = {name: [] for name in IDENTITY}
        for run in runs:
            record = Record(run, "planned").row()
            for name in IDENTITY:
                rows[name].append(record[name])
        table = pa.table(rows, schema=_identity_schema())
        file = self.path("plan.parquet")
        if file.exists():
            old = read_table(file)
            new = ~np.isin(np.asarray(table["run_id"]), np.asarray(old["run_id"]))
            table = pa.concat_tables([old, table.filter(pa.array(new))])
        write_parquet(table, file)

    def plan(self) -> pa.Table:
        """Return the plan, one row per run."""
        return read_table(self.folder / "plan.parquet")

    # parts

    def write_part(self, records: Iterable[Record]) -> None:
        """Write finished runs as one part; returns when it is on the disk under its final name."""
        rows = [record.row() for record in records if record.state == "ok"]
        if not rows:
            return
        measures = sorted({name for row in rows for name in row} - set(IDENTITY) - _COSTS)
        fields = [*_identity_schema(), *[pa.field(n, pa.float64()) for n in (*COSTS, *measures)]]
        table = pa.Table.from_pylist(rows, schema=pa.schema(fields))
        write_parquet(table, self.path("runs", f"part-{self._parts:06d}.parquet"))
        self._parts += 1

    def parts(self) -> list[Path]:
        """Return the finished parts, in order."""
        return sorted((self.folder / "runs").glob("part-*.parquet"))

    def done(self) -> set[str]:
        """Return the ids of finished runs."""
        ids: set[str] = set()
        for part in self.parts():
            ids.update(read_table(part, ["run_id"])["run_id"].to_pylist())
        return ids

    def content_hash(self) -> str:
        """SHA-256 over all runs' identity and measures, sorted by run id; time and memory left out.

        Equal for any number of workers, any order and any division into parts.
        """
        digests: list[tuple[str, bytes]] = []
        for part in self.parts():
            digests += _row_digests(read_table(part))
        total = hashlib.sha256()
        for run_id, digest in sorted(dict(digests).items()):
            total.update(run_id.encode() + digest)
        return total.hexdigest()

    # kept tables, journal, failures

    def write_kept(self, run: Run, name: str, table: pa.Table) -> None:
        """Keep one table of one run as ``events/<name>/<run_id>.parquet``, with run, policy and replication."""
        given = {"run_id": run.run_id, "policy": run.policy, "replication": run.replication}
        for column, value in reversed(given.items()):
            if column not in table.column_names:
                kind = pa.int64() if column == "replication" else pa.string()
                table = table.add_column(0, column, pa.repeat(pa.scalar(value, kind), len(table)))
        write_parquet(table, self.path("events", name, f"{run.run_id}.parquet"))

    def kept(self, name: str) -> list[Path]:
        """Return the kept files of one table, finished runs only."""
        return sorted((self.folder / "events" / name).glob("*.parquet"))

    def journal(self, source: str, event: str, **details: Any) -> None:
        """Append one line to ``journal/<source>.jsonl``; a line is written in one piece."""
        line = json.dumps({"time": round(time.time(), 3), "event": event, **details}, ensure_ascii=False) + "\n"
        handle = os.open(self.path("journal", f"{source}.jsonl"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)

    def read_journal(self) -> Iterator[dict[str, Any]]:
        """Yield the journal's lines of all sources; a line cut off by a kill is left out."""
        for file in sorted((self.folder / "journal").glob("*.jsonl")):
            for line in file.read_text("utf-8").splitlines():
                try:
                    yield {"source": file.stem, **json.loads(line)}
                except ValueError:
                    continue

    def write_failure(self, text: str) -> str:
        """Keep a traceback; return its hash (equal tracebacks share one file)."""
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        file = self.path("failures", f"{digest}.txt")
        if not file.exists():
            write_atomically(file, text.encode())
        return digest

    def _next_part(self) -> int:
        parts = self.parts()
        return 1 + int(parts[-1].stem.removeprefix("part-")) if parts else 0


def write_atomically(file: Path, content: bytes) -> None:
    """Write bytes under a temporary name, bring them to the disk, then give them their name."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def write_parquet(table: pa.Table, file: Path) -> None:
    """Write a Parquet file as `write_atomically` does."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    write_atomically(file, sink.getvalue())


def read_table(file: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet file of the store.

    Raises
    ------
    InputError
        It is missing, cut off or damaged.
    """
    try:
        return pq.ParquetFile(file).read(columns=columns)
    except (OSError, pa.ArrowInvalid) as error:
        missing = isinstance(error, FileNotFoundError)
        raise InputError("the file is missing" if missing else "the file is cut off or damaged", file=file) from None


def _identity_schema() -> pa.Schema:
    return pa.schema([(name, pa.string() if name in _TEXTS else pa.int64()) for name in IDENTITY])


def _row_digests(table: pa.Table) -> list[tuple[str, bytes]]:
    """Return (run id, digest of identity and measures) of each row."""
    texts = [table[name].to_pylist() for name in IDENTITY]
    measures = sorted(set(table.column_names) - set(IDENTITY) - _COSTS)
    values = [np.asarray(table[name].to_numpy(), dtype="<f8") for name in measures]
    out = []
    for row in range(len(table)):
        digest = hashlib.sha256("\0".join(str(column[row]) for column in texts).encode())
        for name, column in zip(measures, values, strict=True):
            if not np.isnan(column[row]):  # a missing column and a NaN are the same: no value
                digest.update(name.encode() + b"=" + column[row].tobytes())
        out.append((texts[0][row], digest.digest()))
    return out
