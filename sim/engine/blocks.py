"""How compiled code reaches the tables: one pointer to a block of table addresses.

A world has some forty tables. Handing them to every function by value (as a NamedTuple of arrays does)
costs more than most events; handing one pointer costs nothing. `declare` gives a numba type whose
attributes are the tables, ``world.cases[i].deadline_min``; a *view* is a type over the same block that
knows fewer attributes, so that a rule that reaches for hidden truth does not compile.

Measured in `benchmarks`: a hook call through this costs a few nanoseconds. Nothing here knows what the
tables mean.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_global, signature
from numba.extending import (
    infer_getattr,
    intrinsic,
    lower_builtin,
    lower_getattr,
    lower_getattr_generic,
    models,
    register_model,
)
from numba.np.arrayobj import populate_array

from sim.engine.jit import CHECKS_BOUNDS

WORDS_PER_TABLE = 4  # address and up to three lengths
WORD = ir.IntType(64)


class BlockType(types.Type):
    """Numba type of a pointer to a block of table addresses."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)


class WorldType(BlockType):
    """All tables."""


class ViewType(BlockType):
    """The tables that a decider may know."""


class RowsType(types.Type):
    """Numba type of a table of records as the model's own code reaches it: ``table[i]`` and ``table.shape[0]``.

    Rows are never counted from the end, so a negative number is an error and not the last row. Rules get
    ordinary arrays instead.
    """

    def __init__(self, record: types.Type) -> None:
        self.record = record
        super().__init__(name=f"Rows({record})")


for _cls in (WorldType, ViewType):
    register_model(_cls)(models.OpaqueModel)


@register_model(RowsType)
class _RowsModel(models.StructModel):
    def __init__(self, manager: Any, kind: RowsType) -> None:
        super().__init__(manager, kind, [("data", types.voidptr), ("rows", types.int64)])


WORLD = WorldType("World")
VIEW = ViewType("View")


@infer_global(operator.getitem)
class _RowTemplate(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        """Return the type of ``table[i]``."""
        table, index = args
        if isinstance(table, RowsType) and isinstance(index, types.Integer):
            return signature(table.record, table, types.int64 if index.signed else types.uint64)
        return None


@lower_builtin(operator.getitem, RowsType, types.Integer)
def _row(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    table = cgutils.create_struct_proxy(sig.args[0])(context, builder, value=args[0])
    record = context.get_data_type(sig.args[0].record)
    if CHECKS_BOUNDS:
        cgutils.do_boundscheck(context, builder, args[1], table.rows)
    return builder.gep(builder.bitcast(table.data, record.as_pointer()), [args[1]], inbounds=True)


@infer_getattr
class _RowsAttributes(AttributeTemplate):
    key = RowsType

    def resolve_shape(self, table: RowsType) -> types.Type:
        """Return the type of ``table.shape``."""
        return types.UniTuple(types.int64, 1)


@lower_getattr(RowsType, "shape")
def _shape(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    table = cgutils.create_struct_proxy(kind)(context, builder, value=value)
    return cgutils.pack_array(builder, [table.rows])


def load_word(builder: Any, block: Any, word: int) -> Any:
    """Load a word of a block whose place is known."""
    return load_word_at(builder, block, ir.Constant(WORD, word))


def load_word_at(builder: Any, block: Any, word: Any) -> Any:
    """Load a word of a block; addresses and lengths only change between calls from Python."""
    found = builder.load(builder.gep(builder.bitcast(block, WORD.as_pointer()), [word]))
    found.set_metadata("invariant.load", builder.module.add_metadata([]))
    return found


class _Slot:
    """Where a table stands in the block, and the type that compiled code sees."""

    def __init__(self, slot: int, record: types.Type, ndim: int) -> None:
        self.slot, self.record = slot, record
        self.array = types.Array(record, ndim, "C")
        self.rows = RowsType(record) if isinstance(record, types.Record) and ndim == 1 else self.array

    def load(self, builder: Any, block: Any, word: int) -> Any:
        """Load a word of this slot."""
        return load_word(builder, block, self.slot * WORDS_PER_TABLE + word)

    def make_rows(self, context: Any, builder: Any, block: Any) -> Any:
        """Return the table for the model's own code."""
        if self.rows is self.array:
            return self.make_array(context, builder, block)
        out = cgutils.create_struct_proxy(self.rows)(context, builder)
        out.data = builder.inttoptr(self.load(builder, block, 0), cgutils.voidptr_t)
        out.rows = self.load(builder, block, 1)
        return out._getvalue()

    def make_array(self, context: Any, builder: Any, block: Any) -> Any:
        """Return the table as an array."""
        item_type = context.get_data_type(self.record)
        item = ir.Constant(WORD, context.get_abi_sizeof(item_type))
        shape = [self.load(builder, block, 1 + d) for d in range(self.array.ndim)]
        strides = [item]
        for d in range(self.array.ndim - 1, 0, -1):
            strides.insert(0, builder.mul(strides[0], shape[d]))
        out = context.make_array(self.array)(context, builder)
        populate_array(
            out,
            data=builder.inttoptr(self.load(builder, block, 0), item_type.as_pointer()),
            shape=cgutils.pack_array(builder, shape),
            strides=cgutils.pack_array(builder, strides),
            itemsize=item,
            meminfo=None,
        )
        return out._getvalue()


LINE_BYTES = 64  # what a processor fetches from memory at once


def fetch_line(builder: Any, address: Any, offset: int) -> None:
    """Ask memory for the line at an address, without waiting for it."""
    byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    place = builder.gep(builder.bitcast(address, byte), [WORD(offset)])
    builder.call(fetch, [place, number(0), number(3), number(1)])


@intrinsic
def fetch_row(typingctx, table, row):
    """Ask memory for a row of a table that will be needed soon; nothing is read or changed."""

    def codegen(context, builder, sig, args):
        rows = cgutils.create_struct_proxy(sig.args[0])(context, builder, value=args[0])
        record = sig.args[0].record
        pointer = builder.bitcast(rows.data, context.get_data_type(record).as_pointer())
        pointer = builder.gep(pointer, [args[1]])
        for offset in range(0, record.size, LINE_BYTES):
            fetch_line(builder, pointer, offset)
        return context.get_dummy_value()

    return types.void(table, types.int64), codegen


@intrinsic
def fetch_item(typingctx, table, row, column):
    """Ask memory for one item of a table of two dimensions that will be needed soon."""

    def codegen(context, builder, sig, args):
        made = context.make_array(sig.args[0])(context, builder, args[0])
        columns = builder.extract_value(made.shape, 1)
        place = builder.add(builder.mul(args[1], columns), args[2])
        fetch_line(builder, builder.gep(made.data, [place]), 0)
        return context.get_dummy_value()

    return types.void(table, types.int64, types.int64), codegen


def declare(tables: Sequence[tuple[str, types.Type, int, bool]]) -> None:
    """Give the world type, and the view type where allowed, an attribute for each table.

    Parameters
    ----------
    tables
        ``(name, item type, number of dimensions, in view)`` in the order of the block's slots.
    """
    slots = {name: _Slot(i, record, ndim) for i, (name, record, ndim, _) in enumerate(tables)}
    _attributes(WorldType, slots, lambda slot: slot.rows, _Slot.make_rows)
    known = {name: slots[name] for name, *_, in_view in tables if in_view}
    _attributes(ViewType, known, lambda slot: slot.array, _Slot.make_array)


def _attributes(cls: type, slots: dict[str, _Slot], type_of: Callable, make: Callable) -> None:
    class Tables(AttributeTemplate):
        key = cls

        def generic_resolve(self, block: BlockType, name: str) -> types.Type | None:
            return type_of(slots[name]) if name in slots else None

    infer_getattr(Tables)

    @lower_getattr_generic(cls)
    def get(context: Any, builder: Any, kind: Any, value: Any, name: str) -> Any:
        return make(slots[name], context, builder, value)


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
