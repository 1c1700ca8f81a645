"""The numbers of a plan as CSV: each line is read or refused by itself. Pure.

A node is named by `node_id`, or by `path` (labels from the root, with " / " between them); a path that ends one step below a
node that is there makes a new one, of `dimension` and `value`.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

NEEDED: Final = ("period", "amount")
KNOWN: Final = (
    *("path", "dimension", "value", "measure", "period", "amount", "currency", "state", "source"),
    *("manual", "parts", "unallocated", "over_assigned", "node_id"),
)


class UnreadableTable(ValueError):
    """The file as a whole is no such table; the message says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as read: its cells and amount (None: said to be none), or the column that was wrong and why."""

    number: int
    cells: Mapping[str, str]
    amount: Decimal | None = None
    column: str | None = None
    reason: str | None = None


def read(body: bytes) -> Iterator[Line]:
    """The lines of a file after its header. Raises UnreadableTable before the first of them."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableTable(f"The file is not UTF-8: byte {error.start} cannot be read.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise UnreadableTable(f"The header cannot be read: {error}.") from None
    missing = [name for name in NEEDED if name not in header]
    strange = [name for name in header if name not in KNOWN]
    if missing or strange or len(set(header)) < len(header) or not {"path", "node_id"} & set(header):
        raise UnreadableTable(
            "The header must have period, amount, and path or node_id, each once."
            + (f" Missing: {', '.join(missing)}." if missing else "")
            + (f" Unknown: {', '.join(strange)}." if strange else "")
        )
    return _lines(reader, header)


def _lines(reader: "csv.Reader", header: list[str]) -> Iterator[Line]:  # type: ignore[name-defined]
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(number, {}, reason=f"the line cannot be read: {error}")
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            yield Line(number, {}, reason=f"{len(cells)} cells instead of {len(header)}")
            continue
        yield _line(number, dict(zip(header, (cell.strip() for cell in cells), strict=True)))


def _line(number: int, cells: Mapping[str, str]) -> Line:
    if not cells["period"]:
        return Line(number, cells, column="period", reason="is empty")
    if not cells["amount"]:
        return Line(number, cells)
    try:
        amount = Decimal(cells["amount"])
    except InvalidOperation:
        return Line(number, cells, column="amount", reason=f"{cells['amount']!r} is not a number with a decimal point")
    if not amount.is_finite() or amount < 0 or amount >= Decimal(10) ** 14:
        return Line(number, cells, column="amount", reason=f"{cells['amount']} is not an amount of 0 or more")
    return Line(number, cells, amount)
