"""How compiled code reaches the tables: one pointer to a block of table addresses.

A world has some thirty tables. Handing them to every function by value (as a NamedTuple of arrays does)
costs more than most events; handing one pointer costs nothing. `block_type` makes a numba type whose
attributes are the tables, ``world.cases[i].deadline_min``; a *view* is a type over the same block that
knows fewer attributes, so that a rule that reaches for hidden truth does not compile.

Measured in `benchmarks`: a hook call through this costs a few nanoseconds. Nothing here knows what the
tables mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload_attribute, register_model
from numba.np.arrayobj import populate_array

WORDS_PER_TABLE = 4  # address and up to three lengths


class BlockType(types.Type):
    """Numba type of a pointer to a block of table addresses."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)


class WorldType(BlockType):
    """All tables."""


class ViewType(BlockType):
    """The tables that a decider may know."""


for _cls in (WorldType, ViewType):
    register_model(_cls)(models.OpaqueModel)

WORLD = WorldType("World")
VIEW = ViewType("View")


def _table_getter(record: types.Type, ndim: int, slot: int):
    """Return an intrinsic that makes the array of one slot of a block."""
    array = types.Array(record, ndim, "C")

    @intrinsic
    def get(typingctx, block):
        def codegen(context, builder, signature, args):
            word = ir.IntType(64)
            base = builder.bitcast(args[0], word.as_pointer())

            def load(k: int):
                found = builder.load(builder.gep(base, [ir.Constant(word, slot * WORDS_PER_TABLE + k)]))
                found.set_metadata("invariant.load", builder.module.add_metadata([]))
                return found

            item_type = context.get_data_type(record)
            item = ir.Constant(word, context.get_abi_sizeof(item_type))
            shape = [load(1 + d) for d in range(ndim)]
            strides = [item]
            for d in range(ndim - 1, 0, -1):
                strides.insert(0, builder.mul(strides[0], shape[d]))
            out = context.make_array(array)(context, builder)
            populate_array(
                out,
                data=builder.inttoptr(load(0), item_type.as_pointer()),
                shape=cgutils.pack_array(builder, shape),
                strides=cgutils.pack_array(builder, strides),
                itemsize=item,
                meminfo=None,
            )
            return out._getvalue()

        return array(block), codegen

    return get


def declare(tables: Sequence[tuple[str, types.Type, int, bool]]) -> None:
    """Give the world type, and the view type where allowed, an attribute for each table.

    Parameters
    ----------
    tables
        ``(name, item type, number of dimensions, in view)`` in the order of the block's slots.
    """
    for slot, (name, record, ndim, in_view) in enumerate(tables):
        getter = _table_getter(record, ndim, slot)
        for cls in (WorldType, ViewType) if in_view else (WorldType,):
            _attribute(cls, name, getter)


def _attribute(cls: type, name: str, getter) -> None:
    def implementation(block):
        def get(block):
            return getter(block)

        return get

    overload_attribute(cls, name)(implementation)


def _cast(target: types.Type):
    @intrinsic
    def cast(typingctx, source):
        def codegen(context, builder, signature, args):
            if isinstance(source, types.Integer):
                return builder.inttoptr(args[0], cgutils.voidptr_t)
            return args[0]

        return target(source), codegen

    return cast


as_world = _cast(WORLD)
as_view = _cast(VIEW)
record_type = numba.from_dtype
