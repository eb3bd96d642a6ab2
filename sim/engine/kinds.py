"""Short names for the types in kernel signatures: I int64, F float64, U uint64, B bool, W the world, V view.

Kernel functions state their argument types. Without that numba compiles a helper anew for every mix of
literals and column types that calls it, and the whole engine takes several times as long to compile.
"""

from __future__ import annotations

from numba import types

from sim.engine.blocks import VIEW, WORLD
from sim.engine.tables import NAMES

I, F, U, B = types.int64, types.float64, types.uint64, types.boolean
W, V = WORLD, VIEW
TABLES = NAMES  # importing the tables gives world and view their attributes
