"""Where the builders of a city get their numbers and their random streams.

``number`` reads the register of parameters under ``city.``; ``stream`` gives one independent generator per
named stage, so that a new stage never moves the draws of another. It is not a store of defaults of its own.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np

from sim.register import default

ARCHETYPES: tuple[str, ...] = ("urban", "compound", "rural", "pastoral")
"""Names of the archetypes 0..3: urban, old compound, rural, pastoral."""


@cache
def number(name: str) -> float:
    """Return the register's default of ``city.<name>``.

    Parameters
    ----------
    name
        Name without the ``city.`` prefix.

    Returns
    -------
    float
        The default, in the unit that the register states.
    """
    return float(default(f"city.{name}"))


def by_archetype(name: str) -> np.ndarray:
    """Return the four register defaults ``city.<name>_<archetype>``.

    Returns
    -------
    numpy.ndarray
        float64[4] in the order of :data:`ARCHETYPES`.
    """
    return np.array([number(f"{name}_{kind}") for kind in ARCHETYPES])


def stream(seed: int, stage: str) -> np.random.Generator:
    """Return the generator of one named stage of building.

    Parameters
    ----------
    seed
        The city's seed, 0 or more.
    stage
        Name of the stage; its hash is the spawn key, so stages are independent of one another and of their order.

    Returns
    -------
    numpy.random.Generator
        PCG64 seeded from (seed, stage).
    """
    words = np.frombuffer(hashlib.sha256(stage.encode()).digest()[:16], dtype="<u4")
    key = tuple(int(word) for word in words)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
