"""Tables that people take away as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

from starlette.responses import Response

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def cell(value: object) -> str:
    """Unknown is empty; a number is written out; a text that a spreadsheet would take for a formula is led by an apostrophe."""
    written = "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)
    return f"'{written}" if isinstance(value, str) and written.startswith(_FORMULA_STARTS) else written


def csv_file(name: str, columns: Sequence[str], lines: Iterable[Iterable[object]]) -> Response:
    """`name`.csv: one header line, decimals with a point, RFC 4180."""
    buffer = io.StringIO(newline="")
    rows = csv.writer(buffer)
    rows.writerow(columns)
    rows.writerows([cell(value) for value in line] for line in lines)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(buffer.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
