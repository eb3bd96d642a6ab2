"""What crosses from the process that builds a drill to the server: everything as it is, save what only holds there.

Compiled rules cross by their names. A model's state crosses as its tables: the addresses at which they lie are those of
one process, and a server that ran on another's would end in the middle of an instruction.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

from sim.engine.tables import World
from sim.policies.rules import Rule, find_rule


class _Pickler(pickle.Pickler):
    """Rules are compiled functions and cross by name; a state crosses as its tables, whose addresses are new there."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Rule):
            return find_rule, (obj.hook, obj.name)
        if isinstance(obj, World):
            return made_again, (obj.tables, obj.travel_changes_done)
        return NotImplemented


def made_again(tables: dict[str, Any], travel_changes_done: int) -> World:
    """Return a state of tables that came from another process, where they stood at other addresses."""
    world = World(tables)
    world.travel_changes_done = travel_changes_done
    return world


def pickled(data: Any) -> bytes:
    """Return data as bytes that `pickle.loads` reads in another process of the same program."""
    stream = io.BytesIO()
    _Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(data)
    return stream.getvalue()
