"""Mending a results folder before a campaign goes on in it: damaged files are set aside, their runs fall due again.

Only who holds the folder's lock mends. Nothing is deleted: a damaged file stays beside its place under the name
``<name>.damaged``. What a file must hold is told by `scenarios.ledger`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from scenarios.ledger import is_file, unsealed
from scenarios.store import Store, read_table
from sim.files import write_atomically

PLAN = "plan.parquet"


def mend(store: Store) -> list[str]:
    """Set aside what is damaged in a folder.

    A damaged part takes its runs out of those that are done; so does a damaged kept table with the run it is of. A
    damaged plan is written again from the finished runs. Of a journal only the damaged lines are left out.

    Returns
    -------
    list of str
        The damaged files, relative to the folder, in the order of their names.
    """
    found = _no_journals(store.folder)
    for name in found:
        set_aside(store.folder / name)
    damaged = store.damaged()
    found += damaged
    for name in damaged:
        set_aside(store.folder / name)
    lost = {Path(name).stem for name in found if name.startswith("events/")}
    if lost:
        _take_out(store, lost)
    if PLAN in found:
        store.plan_from_parts()
    again = mend_journals(store.folder, store.ledger.exists(), store.let_go)
    return found + [file.relative_to(store.folder).as_posix() for file in again]


def _no_journals(folder: Path) -> list[str]:
    """Return what stands where a journal must be and is no file: a folder, a pipe, a link in a circle."""
    found = sorted((folder / "journal").glob("*.jsonl"))
    return [file.relative_to(folder).as_posix() for file in found if not is_file(file)]


def set_aside(file: Path) -> Path:
    """Rename a damaged file so that nothing reads it; return its new path."""
    target, number = file.with_name(f"{file.name}.damaged"), 1
    while target.exists():
        number += 1
        target = file.with_name(f"{file.name}.damaged-{number}")
    file.rename(target)
    return target


def _take_out(store: Store, run_ids: set[str]) -> None:
    """Take runs out of the parts that hold them, so that they are done again."""
    for part in store.parts():
        table = read_table(part)
        kept = table.filter(pc.invert(pc.is_in(table["run_id"], pa.array(sorted(run_ids), pa.string()))))
        if len(kept) < len(table):
            store.write_table(kept, part)


def mend_journals(folder: Path, checked: bool, let_go: Callable[[], None]) -> list[Path]:
    """Leave the damaged lines out of a folder's journals; each damaged journal is kept beside its place.

    Parameters
    ----------
    checked
        Whether a line without a checksum is damaged too.
    let_go
        Called before a journal is written anew, since somebody may have it open.

    Returns
    -------
    list of Path
        The journals that were damaged.
    """
    found = []
    for file in sorted((folder / "journal").glob("*.jsonl")):
        *lines, _ = file.read_bytes().split(b"\n")  # what a kill left of the last line is no damage
        lines = [line for line in lines if line]
        good = [line for line in lines if unsealed(line, checked) is not None]
        if len(good) == len(lines):
            continue
        let_go()
        set_aside(file)
        write_atomically(file, b"".join(line + b"\n" for line in good))
        found.append(file)
    return found
