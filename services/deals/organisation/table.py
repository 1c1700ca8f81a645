"""Statements of the organisation as CSV: each line is read or refused by itself. Pure.

A unit is a path such as EMEA/North, `company`, or an id; a person an id, or connection:external id of the CRM's user. Instants
are ISO 8601 with an offset, or a day, which is its first instant in the organisation's time.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from libs.common.ids import ROOT_UNIT, entity_id, unit_id
from services.deals.organisation.standing import Kind

COLUMNS: Final = ("kind", "valid_from", "unit", "parent", "name", "person", "lead", "into")
FIELD_OF: Final = {
    "unit": "unit_id",
    "parent": "parent_id",
    "person": "person_id",
    "lead": "lead_id",
    "into": "into_id",
}
COLUMN_OF: Final = {field: column for column, field in FIELD_OF.items()}
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "unit_created": ("unit", "name"),
    "unit_renamed": ("unit", "name"),
    "unit_moved": ("unit",),
    "unit_closed": ("unit", "into"),
    "lead_named": ("unit",),
    "person_joined": ("person", "unit"),
    "person_moved": ("person", "unit"),
    "person_left": ("person",),
}


class UnreadableTable(ValueError):
    """The file as a whole is no such table; the message says why."""


class Refusal(ValueError):
    """One line cannot be taken."""

    def __init__(self, column: str | None, value: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column, self.value, self.reason = column, value, reason


@dataclass(frozen=True, slots=True)
class Line:
    """A line as read: its cells, and either the fields of a statement or why there are none."""

    number: int
    cells: Mapping[str, str]
    values: Mapping[str, Any] | None = None
    refusal: Refusal | None = None


def read(body: bytes, zone: ZoneInfo) -> Iterator[Line]:
    """The lines of a file after its header. Raises UnreadableTable, before the first of them."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableTable(f"The file is not UTF-8: byte {error.start} cannot be read.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise UnreadableTable(f"The header cannot be read: {error}.") from None
    missing = [name for name in ("kind", "valid_from") if name not in header]
    strange = [name for name in header if name not in COLUMNS]
    if missing or strange or len(set(header)) < len(header):
        raise UnreadableTable(
            f"The header must have kind and valid_from, each name once; there may be {', '.join(COLUMNS)}."
            + (f" Missing: {', '.join(missing)}." if missing else "")
            + (f" Unknown: {', '.join(strange)}." if strange else "")
        )
    return _lines(reader, header, zone)


def _lines(reader: Any, header: list[str], zone: ZoneInfo) -> Iterator[Line]:
    while True:
        number = reader.line_num + 1
        try:
            given = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(number, {}, refusal=Refusal(None, None, f"the line cannot be read: {error}"))
            continue
        if not any(cell.strip() for cell in given):
            continue
        if len(given) != len(header):
            yield Line(number, {}, refusal=Refusal(None, None, f"{len(given)} cells instead of {len(header)}"))
            continue
        cells = dict(zip(header, (cell.strip() for cell in given), strict=True))
        try:
            yield Line(number, cells, values=_values(cells, zone))
        except Refusal as refusal:
            yield Line(number, cells, refusal=refusal)


def _values(cells: Mapping[str, str], zone: ZoneInfo) -> dict[str, Any]:
    kind = cells["kind"]
    if kind not in get_args(Kind):
        raise Refusal("kind", kind, f"is none of {', '.join(get_args(Kind))}")
    for column in NEEDED[kind]:
        if not cells.get(column):
            raise Refusal(column, "", f"is empty; {kind} needs it")
    name = cells.get("name") or None
    if name is not None and len(name) > 200:
        raise Refusal("name", name, "has more than 200 characters")
    values: dict[str, Any] = {"kind": kind, "valid_from": _instant(cells["valid_from"], zone), "name": name}
    for column, field in FIELD_OF.items():
        given = cells.get(column, "")
        read_by = _person if column in ("person", "lead") else _unit
        values[field] = read_by(column, given) if given else None
    return values


def _instant(value: str, zone: ZoneInfo) -> datetime:
    try:
        if len(value) == 10:
            return datetime.combine(date.fromisoformat(value), time.min, zone).astimezone(UTC)
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise Refusal("valid_from", value, "is not an instant such as 2026-11-02T09:00:00+01:00, or a day") from None
    if instant.tzinfo is None:
        raise Refusal("valid_from", value, "has no offset such as +01:00 or Z")
    return instant.astimezone(UTC)


def _unit(_: str, value: str) -> UUID:
    return ROOT_UNIT if value.lower() == "company" else _uuid(value) or unit_id(_plain(value))


def _plain(path: str) -> str:
    """The path as CRM users' paths are named: without blanks around its parts."""
    return "/".join(part.strip() for part in path.split("/") if part.strip())


def _person(column: str, value: str) -> UUID:
    connection, _, external = value.partition(":")
    person = _uuid(value) or (entity_id(connection, "user", external) if connection and external else None)
    if person is None:
        raise Refusal(column, value, "is neither an id nor connection:external id")
    return person


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
