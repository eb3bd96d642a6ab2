"""Case logs in columns with types: Parquet, and Arrow files (Feather) and streams.

The values become what the CSV of the same log would hold: whole numbers without a point, dictionaries as their
values, dates as dates. Real times stay times, and the zone of a column's type is kept beside them. Lists and records
cannot play a part in a log: such columns are set aside by name, and refused only where a map wants one.
"""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from calibration.caselog.diagnosis import Findings
from calibration.caselog.rows import MAX_ROWS, Intern, Rows, text_series
from calibration.caselog.source import MAX_TEXT_BYTES, Bytes

if TYPE_CHECKING:
    import pyarrow as pa

UTC_NAMES = {"UTC", "Etc/UTC", "GMT", "Etc/GMT", "Z", "Zulu", "Etc/Zulu", "+00:00"}


def read_columnar(content: Bytes, findings: Findings) -> Rows:
    """Read a Parquet or Arrow file."""
    import pyarrow as pa

    try:
        table = _table(content, findings)
        table.validate(full=True)  # texts that are no UTF-8 show here, not later
    except (pa.ArrowException, OSError, ValueError) as error:
        findings.stop("broken_parquet", found=str(error).splitlines()[0][:160])
    names = [str(name) for name in table.column_names]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        findings.stop("column_twice", found=twice[0], count=names.count(twice[0]))
    columns: dict[str, pd.Series] = {}
    zones: dict[str, str] = {}
    nested: dict[str, str] = {}
    for name, column in zip(names, table.columns, strict=True):
        made = _column(column, name, zones)
        if made is None:
            nested[name] = str(column.type)
        else:
            columns[name] = made
    count = table.num_rows
    whole = pd.DataFrame(columns).astype(str) if columns else pd.DataFrame(index=range(count))
    repeated = pd.util.hash_pandas_object(whole, index=False).duplicated().to_numpy() & (not nested)
    return Rows(columns, np.arange(1, count + 1), "row", repeated, zones=zones, nested=nested)


def _table(content: Bytes, findings: Findings) -> pa.Table:
    """Return the whole table; what is too large is refused before it is unpacked, where the form tells its size."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    raw = content.whole()
    if content.form == "arrow":
        opened = pa.ipc.open_file if raw[:6] == b"ARROW1" else pa.ipc.open_stream
        table = opened(io.BytesIO(raw)).read_all()
        rows, size = table.num_rows, table.nbytes
    else:
        file = pq.ParquetFile(io.BytesIO(raw))
        size = sum(file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups))
        rows, table = file.metadata.num_rows, None
    if size > MAX_TEXT_BYTES or rows > MAX_ROWS:
        found = f"{rows:,} rows, {size:,} bytes unpacked"
        findings.stop("too_large", found=found, allowed=f"{MAX_ROWS:,} rows, {MAX_TEXT_BYTES:,} bytes")
    return file.read() if table is None else table


def _column(column: pa.ChunkedArray, name: str, zones: dict[str, str]) -> pd.Series | None:
    """Return a column as times or as texts; None for lists and records."""
    import pyarrow as pa

    kind = column.type
    if isinstance(kind, pa.BaseExtensionType) and pa.types.is_nested(kind.storage_type):
        return None
    if pa.types.is_dictionary(kind):
        return _column(column.cast(kind.value_type), name, zones)
    if pa.types.is_nested(kind) or pa.types.is_duration(kind) or pa.types.is_interval(kind):
        return None
    if pa.types.is_timestamp(kind):
        if kind.tz is not None and kind.tz not in UTC_NAMES and "/" in kind.tz:
            zones[name] = kind.tz
        return _times(column)
    intern = Intern()
    return text_series([None if v is None else intern(t) if (t := _text(v)) else None for v in column.to_pylist()])


def _times(column: pa.ChunkedArray) -> pd.Series:
    """Return times in microseconds, with the zone of their type; the millionth part of a second is cut off."""
    import pyarrow as pa

    zone = column.type.tz
    plain = column.cast(pa.timestamp("us", tz=zone), safe=False).cast(pa.timestamp("us"), safe=False)
    moments = plain.cast(pa.int64()).to_numpy()
    absent = np.asarray(column.is_null().to_numpy(), bool)
    moments = np.where(absent, np.iinfo(np.int64).min, np.nan_to_num(moments)).astype(np.int64)
    made = pd.Series(moments.view("datetime64[us]"))
    return made if zone is None else made.dt.tz_localize("UTC").dt.tz_convert("UTC" if zone in UTC_NAMES else zone)


def _text(value: Any) -> str:
    """Return a value as a CSV would hold it."""
    if isinstance(value, float):
        return "" if value != value else str(int(value)) if value.is_integer() and abs(value) < 1e18 else repr(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return str(value)
