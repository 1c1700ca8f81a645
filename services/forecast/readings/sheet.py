"""Tables as CSV: one header line, decimals with a point, RFC 4180. Pure."""

import csv
import io
from typing import Any, Final

from services.forecast.readings.table import Table

MEDIA_TYPE: Final = "text/csv; charset=utf-8"

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def written(table: Table) -> bytes:
    """The whole file."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(table.columns)
    writer.writerows([_shown(value) for value in line] for line in table.lines)
    return buffer.getvalue().encode()


def _shown(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
