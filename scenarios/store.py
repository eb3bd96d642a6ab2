"""Results on disk: manifest, plan, parts, kept tables, journal, failures.

Parquet parts are the truth: a run is done when it stands in a part that has its final name, and a part gets
its name only after it is complete and on the disk. So a kill at any instant loses at most the runs that
were not yet written. The hash of each file is written down first (`scenarios.ledger`), and nothing is read that does
not hold what was written. Queries go through DuckDB over the parts (`scenarios.study`); nothing here runs models.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scenarios import held
from scenarios.ledger import Appended, Ledger, sealed, unsealed
from scenarios.runs import COSTS, IDENTITY, Record, Run
from sim.errors import InputError
from sim.files import write_atomically

SCHEMA = 1
_PART = re.compile(r"part-([0-9]{1,12})")
FOLDERS = ("runs", "events", "series", "journal", "failures")
_COSTS = frozenset(COSTS)
PLAN_BATCH = 10_000
_TEXTS = frozenset(IDENTITY) - {"replication", "seed"}


class Store:
    """A results folder.

    Parameters
    ----------
    folder
        ``results/<scenario>-<id>``; see `create` and `open`.
    manifest
        What was written when the folder was made; it never changes.

    Attributes
    ----------
    remade
        Files that `create` found damaged, set aside and wrote anew, for the next campaign to tell.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.folder, self.manifest = folder, manifest
        self.remade: list[str] = []
        self._parts = self._next_part()
        self._journals: dict[str, Appended] = {}
        self.ledger = Ledger(folder)

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
        if known.exists() and not cls._to_be_made_again(folder, manifest):
            return cls.open(folder)
        made = {"schema": SCHEMA, **manifest}
        content = json.dumps(made, ensure_ascii=False, indent=1, sort_keys=True).encode()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            store = cls(folder, made)
            if known.exists():
                known.replace(known.with_name("manifest.json.damaged"))
                store.remade.append(known.name)
            store.ledger.promise("manifest.json", content, identity=_identity_hash(manifest))
            write_atomically(known, content)
        except OSError as error:
            raise InputError(f"the folder cannot be written ({error.strerror})", file=folder) from error
        return store

    @classmethod
    def check(cls, folder: Path, manifest: dict[str, Any]) -> None:
        """Raise when a folder cannot take results of this manifest; nothing is written.

        Raises
        ------
        InputError
            See `create`.
        """
        if (folder / "manifest.json").exists():
            if not cls._to_be_made_again(folder, manifest):
                cls.open(folder)._same(manifest)
        elif folder.is_file() or (folder.is_dir() and not _is_bare(folder)):
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
        except (FileNotFoundError, NotADirectoryError):
            raise InputError("no results here", file=folder, allowed="a folder with a manifest.json") from None
        except ValueError as error:
            line = getattr(error, "lineno", None)
            raise InputError("the manifest is cut off or damaged", file=file, line=line) from None
        if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
            found = manifest.get("schema") if isinstance(manifest, dict) else type(manifest).__name__
            raise InputError("results of another layout", file=file, field="schema", found=found, allowed=SCHEMA)
        if Ledger(folder).damaged(["manifest.json"]):
            raise InputError("the manifest is cut off or damaged", file=file)
        return cls(folder, manifest)

    @staticmethod
    def _to_be_made_again(folder: Path, manifest: dict[str, Any]) -> bool:
        """Tell whether a folder's manifest is damaged and was written for the same thing as the one given."""
        ledger = Ledger(folder)
        hashes = {entry.get("identity") for entry in ledger.entries() if entry["file"] == "manifest.json"}
        return _identity_hash(manifest) in hashes and bool(ledger.damaged(["manifest.json"]))

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

    def write_plan(self, runs: Iterable[Run]) -> int:
        """Write the plan; runs already planned stay, new ones are appended.

        Returns
        -------
        int
            How many of `runs` are not done yet.
        """
        file, done, left = self.folder / "plan.parquet", self.done(), 0
        tables = [read_table(file)] if file.exists() else []
        known = set(tables[0]["run_id"].to_pylist()) if tables else set()
        source = iter(runs)
        while batch := list(itertools.islice(source, PLAN_BATCH)):
            left += sum(run.run_id not in done for run in batch)
            new = [run for run in batch if run.run_id not in known]
            tables.append(pa.table(_columns(new), schema=_identity_schema()))
        table = pa.concat_tables(tables) if tables else _identity_schema().empty_table()
        if not file.exists() or len(table) > len(known):
            self.write_table(table, file)
        return left

    def plan_from_parts(self) -> None:
        """Write the plan of the finished runs, in place of one that is damaged."""
        tables = [read_table(part, list(IDENTITY)) for part in self.parts()]
        if tables:
            self.write_table(pa.concat_tables(tables).cast(_identity_schema()), self.folder / "plan.parquet")

    def plan(self) -> pa.Table:
        """Return the plan, one row per run."""
        return read_table(self.folder / "plan.parquet")

    # one writer

    def writing(self) -> AbstractContextManager[None]:
        """Keep the folder to this process while it writes; see `scenarios.held.writing`.

        Raises
        ------
        InputError
            Another process is at work in the folder.
        """
        return held.writing(self.folder, "one campaign at a time in a folder")

    def held_by(self) -> int | None:
        """Return the id of the process that is writing here; None when there is none."""
        return held.held_by(self.folder)

    # parts

    def write_part(self, records: Iterable[Record]) -> None:
        """Write finished runs as one part; returns when it is on the disk under its final name."""
        rows = [record.row() for record in records if record.state == "ok"]
        if not rows:
            return
        measures = sorted({name for row in rows for name in row} - set(IDENTITY) - _COSTS)
        fields = [*_identity_schema(), *[pa.field(n, pa.float64()) for n in (*COSTS, *measures)]]
        table = pa.Table.from_pylist(rows, schema=pa.schema(fields))
        self.write_table(table, self.path("runs", f"part-{self._parts:06d}.parquet"))
        self._parts += 1

    def write_table(self, table: pa.Table, file: Path) -> None:
        """Write a Parquet file of the folder, what it will hold being written down before."""
        self.write_file(file, parquet_bytes(table))

    def write_file(self, file: Path, content: bytes) -> None:
        """Write a file of the folder, what it will hold being written down before."""
        self.ledger.promise(file.relative_to(self.folder).as_posix(), content)
        write_atomically(file, content)

    def damaged(self) -> list[str]:
        """Return the files that do not hold what was written, relative to the folder; see `scenarios.mending`."""
        return self.ledger.damaged([file.relative_to(self.folder).as_posix() for file in self._files()])

    def check_files(self) -> None:
        """Raise when a file does not hold what was written.

        Raises
        ------
        InputError
            Names the first damaged file, and what to do.
        """
        self.ledger.check([file.relative_to(self.folder).as_posix() for file in self._files()])

    def _files(self) -> list[Path]:
        single = [self.folder / name for name in ("manifest.json", "plan.parquet", "scenario.yaml")]
        many = [*(self.folder / "events").glob("*/*.parquet"), *(self.folder / "failures").glob("*.txt")]
        return [*filter(Path.is_file, single), *self.parts(), *sorted(many)]

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
        self.check_files()
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
        self.write_table(table, self.path("events", name, f"{run.run_id}.parquet"))

    def kept(self, name: str) -> list[Path]:
        """Return the kept files of one table, finished runs only."""
        return sorted((self.folder / "events" / name).glob("*.parquet"))

    def journal(self, source: str, event: str, **details: Any) -> None:
        """Append one line to ``journal/<source>.jsonl``; a line is written in one piece."""
        if source not in self._journals:
            self._journals[source] = Appended(self.path("journal", f"{source}.jsonl"))
        self._journals[source].write(sealed({"time": round(time.time(), 3), "event": event, **details}))

    def let_go(self) -> None:
        """Close the journals, since they will be written anew."""
        self._journals.clear()
        self.ledger.forget()

    def read_journal(self) -> Iterator[dict[str, Any]]:
        """Yield the journal's lines of all sources; a line that was cut off by a kill or changed is left out."""
        checked = self.ledger.exists()
        for file in sorted((self.folder / "journal").glob("*.jsonl")):
            for line in file.read_bytes().split(b"\n"):
                entry = unsealed(line, checked)
                if entry is not None:
                    yield {"source": file.stem, **entry}

    def write_failure(self, text: str) -> str:
        """Keep a traceback; return its hash (equal tracebacks share one file)."""
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        file = self.path("failures", f"{digest}.txt")
        if not file.exists():
            write_atomically(file, text.encode())
        return digest

    def _next_part(self) -> int:
        found = (_PART.match(part.name) for part in self.parts())  # also of a copy: "part-000000 (copy).parquet"
        return max((1 + int(one[1]) for one in found if one), default=0)


def parquet_bytes(table: pa.Table) -> Any:
    """Return a table as a Parquet file whose pages have checksums."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue()


def write_parquet(table: pa.Table, file: Path) -> None:
    """Write a Parquet file as `sim.files.write_atomically` does."""
    write_atomically(file, parquet_bytes(table))


def read_table(file: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet file of the store.

    Raises
    ------
    InputError
        It is missing, cut off or damaged.
    """
    try:
        return pq.ParquetFile(file, page_checksum_verification=True).read(columns=columns)
    except (OSError, pa.ArrowInvalid) as error:
        if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
            raise
        missing = isinstance(error, FileNotFoundError)
        raise InputError("the file is missing" if missing else "the file is cut off or damaged", file=file) from None


def _is_bare(folder: Path) -> bool:
    """Tell whether a folder is empty, or was left before its manifest got its name."""
    found = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.suffix != ".tmp"}
    return found <= {"journal", "journal/files.jsonl"}


def _identity_hash(manifest: dict[str, Any]) -> str:
    text = json.dumps(manifest.get("identity") or {}, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _columns(runs: list[Run]) -> dict[str, list[Any]]:
    rows = [Record(run, "planned").row() for run in runs]
    return {name: [row[name] for row in rows] for name in IDENTITY}


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
