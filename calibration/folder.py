"""The folder of a calibration: one writer, every file known by its hash, all put in place together.

What an earlier calibration wrote there and does not find again, damaged or changed by hand, is kept beside its place
and told, never written over. New files are finished under other names first, so that a full disk or a kill leaves the
earlier ones as they were. What stands in the files is `calibration.command`'s.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scenarios import held
from scenarios.ledger import Ledger
from scenarios.mending import mend_journals, set_aside
from sim.errors import InputError
from sim.exhausted import is_exhausted
from sim.files import give_name

WAIT_S = 60.0
DRAFT = ".draft-"


class Folder:
    """A calibration's folder that this process may write to; made by `writing`.

    Parameters
    ----------
    path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._ledger = path, Ledger(path)

    def mend(self, names: tuple[str, ...]) -> list[Path]:
        """Set aside what does not hold what was written here, and remove what a kill left half done.

        Returns
        -------
        list of Path
            Where the files are kept now.
        """
        for draft in self.path.glob(f"*{DRAFT}*"):
            draft.unlink(missing_ok=True)
        known = {str(entry["file"]) for entry in self._ledger.entries()}
        there = [name for name in names if name in known and (self.path / name).is_file()]
        kept = [set_aside(self.path / name) for name in self._ledger.damaged(there)]
        return kept + mend_journals(self.path, self._ledger.exists(), self._ledger.forget)

    def draft(self, name: str, fill: Callable[[Path], object]) -> Path:
        """Have a function write a file of that kind under another name; return where it is."""
        made = self.path / f"{DRAFT}{secrets.token_hex(4)}-{name}"
        fill(made)
        return made

    def put(self, drafts: Mapping[str, Path], overtaken: tuple[str, ...]) -> tuple[Path, ...]:
        """Give finished drafts their names, and remove what an earlier calibration left that they overtake."""
        for name, draft in drafts.items():
            self._ledger.promise(name, draft.read_bytes())
        known = {str(entry["file"]) for entry in self._ledger.entries()}
        for name, draft in drafts.items():
            give_name(draft, self.path / name)
        for name in overtaken:
            if name in known and name not in drafts:
                (self.path / name).unlink(missing_ok=True)
        return tuple(self.path / name for name in drafts)


@contextmanager
def writing(path: Path) -> Iterator[Folder]:
    """Keep a folder to this process; drafts that were not put in place are gone afterwards.

    Raises
    ------
    InputError
        Another process writes there, or it cannot be written.
    OSError
        The machine has run out of something.
    """
    try:
        with held.writing(path, "one calibration at a time in a folder", WAIT_S):
            try:
                yield Folder(path)
            finally:
                for draft in path.glob(f"*{DRAFT}*"):
                    draft.unlink(missing_ok=True)
    except OSError as error:
        if is_exhausted(error):
            raise
        raise InputError("the folder cannot be written", file=path, found=error.strerror) from error
