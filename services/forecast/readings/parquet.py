"""Tables as Parquet: money as decimals, days and instants as such, unknown as null. Pure."""

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from services.forecast.readings.table import Kind, Table

MEDIA_TYPE: Final = "application/vnd.apache.parquet"

SCALES: Final[dict[str, int]] = {"money": 4, "share": 12}
"""Decimals of a column: no currency has more than 4."""
TYPES: Final[dict[Kind, Any]] = {
    "text": pa.string(),
    "count": pa.int64(),
    "money": pa.decimal128(38, SCALES["money"]),
    "share": pa.decimal128(38, SCALES["share"]),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "day": pa.date32(),
    "instant": pa.timestamp("us", tz="UTC"),
}


def written(table: Table) -> bytes:
    """The whole file."""
    values = list(zip(*table.lines, strict=True)) or [()] * len(table.columns)
    arrays = [_array(kind, column) for kind, column in zip(table.columns.values(), values, strict=True)]
    schema = pa.schema([(name, TYPES[kind]) for name, kind in table.columns.items()])
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), buffer)
    return buffer.getvalue()


def _array(kind: Kind, values: Sequence[Any]) -> Any:
    if kind in SCALES:
        exponent = Decimal(1).scaleb(-SCALES[kind])
        values = [None if value is None else Decimal(value).quantize(exponent) for value in values]
    elif kind == "text":
        values = [None if value is None else str(value) for value in values]
    return pa.array(values, type=TYPES[kind])
