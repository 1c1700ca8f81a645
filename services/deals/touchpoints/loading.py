"""Touchpoints in a CSV file: each line with what it says, or with the column that cannot be read. Pure."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from services.deals.touchpoints.schemas import TouchpointIn

COLUMNS = ("external_id", "at", "kind", "direction", "deal_id", "account_id", "contacts", "ours")
LISTS = ("contacts", "ours")


class UnreadableTable(ValueError):
    """The file as a whole is no such table."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file, counted from 1 with the header. Either `said` or `column` and `reason`."""

    number: int
    external_id: str
    said: TouchpointIn | None
    column: str = ""
    reason: str = ""


def read(body: bytes) -> Iterator[Line]:
    """The lines of a file with the header `COLUMNS`, lists separated by spaces. Raises UnreadableTable."""
    try:
        rows = csv.DictReader(io.StringIO(body.decode("utf-8-sig")), strict=True)
        if rows.fieldnames is None or set(rows.fieldnames) != set(COLUMNS):
            raise UnreadableTable(f"The first line has to name the columns {', '.join(COLUMNS)}.")
        for row in rows:
            yield _line(rows.line_num, row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableTable(f"This is no CSV in UTF-8: {error}.") from None


def _line(number: int, row: dict[str, str | None]) -> Line:
    external_id = (row["external_id"] or "").strip()
    if not external_id:
        return Line(number, "", None, "external_id", "is empty; it tells a repeated line from a new touchpoint")
    if None in row or None in row.values():
        return Line(number, external_id, None, "line", "has another number of columns than the header")
    told = {name: row[name].split() if name in LISTS else row[name] for name in COLUMNS[1:] if row[name]}  # type: ignore[union-attr]
    try:
        return Line(number, external_id, TouchpointIn.model_validate(told))
    except ValidationError as error:
        first = error.errors()[0]
        return Line(number, external_id, None, str(first["loc"][0]) if first["loc"] else "deal_id", first["msg"])
