"""Where files of a city section lie: beside the scenario, or under the folder of shared data.

A path that begins with ``$GRIDWHISTLE_SHARED`` starts at the folder which that variable of the environment names;
unset, at ``../shared`` beside the checkout. Other paths start where the scenario says. Nothing is read here.
"""

from __future__ import annotations

import os
from pathlib import Path

from sim.errors import InputError

VARIABLE = "GRIDWHISTLE_SHARED"


def is_shared(text: str) -> bool:
    """Return True for a path that starts at the folder of shared data."""
    return text.partition("/")[0] in (f"${VARIABLE}", f"${{{VARIABLE}}}")


def shared_folder() -> Path:
    """Return the folder of shared data; it need not exist."""
    given = os.environ.get(VARIABLE)
    return Path(given).expanduser() if given else Path(__file__).resolve().parents[3] / "shared"


def located(base: Path, text: str) -> Path:
    """Return the path that a city section names.

    Raises
    ------
    InputError
        When it is to lie in the folder of shared data and is not there.
    """
    if not is_shared(text):
        return base / text
    rest = text.partition("/")[2]
    path = shared_folder() / rest
    if not path.exists():
        raise InputError(
            "the data of this city are not here", file=path, field="city",
            found=f"{VARIABLE}={os.environ.get(VARIABLE, '')}" if os.environ.get(VARIABLE) else f"{VARIABLE} unset",
            allowed=f"{VARIABLE} naming a folder that holds {rest}",
        )  # fmt: skip
    return path
