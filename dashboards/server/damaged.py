"""Results that cannot be read: whatever a damaged folder makes of the readers becomes one sentence about that folder.

Readers check what they can; a manifest whose values are of other kinds, or a table without its columns, still fails
somewhere in them. That spoils the answer about this folder and no other. What the machine has run out of is no damage,
and passes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from sim.errors import InputError
from sim.exhausted import told_of

log = logging.getLogger("gridwhistle.web")
FAULTS = (
    ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError, pa.ArrowException,
    duckdb.Error,
)  # fmt: skip


@contextmanager
def told_damage(folder: Path) -> Iterator[None]:
    """Turn what fails while a results folder is read into a mistake that names it.

    Raises
    ------
    InputError
        The results cannot be read; the log keeps why.
    """
    try:
        yield
    except InputError:
        raise
    except FAULTS as error:
        if told_of(error):
            raise
        log.warning("the results %s cannot be read: %s: %s", folder.name, type(error).__name__, str(error)[:300])
        raise InputError(
            "these results cannot be read: they are damaged, or were written by another version", file=folder,
            found=type(error).__name__,
        ) from error  # fmt: skip
