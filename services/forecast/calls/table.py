"""Past calls, quotas and adjustments as CSV: each line is read or refused by itself. Pure.

A node is `unit` (a path such as EMEA/North, `company`, or an id) or `owner` (an id, or connection:external id of the CRM's
user). Instants are ISO 8601 with an offset; amounts have a decimal point.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args
from uuid import UUID

from libs.common import money
from libs.common.calendar import FiscalCalendar, Period, UnknownPeriod
from libs.common.events.crm import DealType, ValueBasis
from libs.common.ids import ROOT_UNIT, entity_id, unit_id
from services.forecast.calls.steps import NodeKey

Kind = Literal["calls", "quotas", "adjustments"]

COMMON = ("unit", "owner", "period", "deal_type", "value_basis", "currency")
COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    "calls": (*COMMON, "amount", "best", "worst", "person", "notes", "made_at"),
    "quotas": (*COMMON, "amount", "made_at"),
    "adjustments": (*COMMON, "delta", "reason", "made_by", "made_at", "expires_at"),
}
NEEDED: Mapping[Kind, tuple[str, ...]] = {
    "calls": ("period", "amount", "made_at"),
    "quotas": ("period", "amount"),
    "adjustments": ("period", "delta", "reason", "made_by", "made_at", "expires_at"),
}


class UnreadableTable(ValueError):
    """The file as a whole is no such table; the message says why."""


class Refusal(ValueError):
    """One line cannot be taken over."""

    def __init__(self, column: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


@dataclass(frozen=True, slots=True)
class Rules:
    """What the values of a table are read by. `now`: nothing was said after it."""

    calendar: FiscalCalendar
    currency: str
    value_basis: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """A line as read: either `values` with its node and period, or `refusal`."""

    number: int
    node: NodeKey | None = None
    period: Period | None = None
    values: Mapping[str, Any] | None = None
    refusal: Refusal | None = None


def read(kind: Kind, body: bytes, rules: Rules) -> Iterator[Line]:
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
    missing = [name for name in NEEDED[kind] if name not in header]
    strange = [name for name in header if name not in COLUMNS[kind]]
    if missing or strange or len(set(header)) < len(header) or not {"unit", "owner"} & set(header):
        raise UnreadableTable(
            f"The header must have {', '.join(NEEDED[kind])} and unit or owner, each once; "
            f"there may be {', '.join(COLUMNS[kind])}."
            + (f" Missing: {', '.join(missing)}." if missing else "")
            + (f" Unknown: {', '.join(strange)}." if strange else "")
        )
    return _lines(kind, reader, header, rules)


def _lines(kind: Kind, reader: Any, header: list[str], rules: Rules) -> Iterator[Line]:
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(number, refusal=Refusal(None, f"the line cannot be read: {error}"))
            continue
        if not any(cell.strip() for cell in cells):
            continue
        try:
            if len(cells) != len(header):
                raise Refusal(None, f"{len(cells)} cells instead of {len(header)}")
            yield _line(kind, number, dict(zip(header, (cell.strip() for cell in cells), strict=True)), rules)
        except Refusal as refusal:
            yield Line(number, refusal=refusal)


def _line(kind: Kind, number: int, cells: Mapping[str, str], rules: Rules) -> Line:
    for name in NEEDED[kind]:
        if not cells[name]:
            raise Refusal(name, "is empty")
    given: dict[str, Any] = {
        name: (_READ.get(name, _text)(name, cells.get(name, ""), rules) if cells.get(name) else None)
        for name in COLUMNS[kind]
        if name not in ("unit", "owner", "period")
    }
    given["value_basis"] = given["value_basis"] or rules.value_basis
    given["currency"] = given["currency"] or rules.currency
    if given.get("expires_at") and given["expires_at"] <= given["made_at"]:
        raise Refusal("expires_at", "is not after made_at")
    if any(given.get(name) is not None for name in ("best", "worst")):
        _range(given)
    return Line(number, _node(cells), _period(cells["period"], rules), given)


def _node(cells: Mapping[str, str]) -> NodeKey:
    unit, owner = cells.get("unit", ""), cells.get("owner", "")
    if bool(unit) == bool(owner):
        raise Refusal("unit", "name a unit or an owner, not both and not neither")
    if unit:
        return NodeKey("unit", ROOT_UNIT if unit.lower() == "company" else _uuid(unit) or unit_id(unit))
    connection, _, external = owner.partition(":")
    person = _uuid(owner) or (entity_id(connection, "user", external) if connection and external else None)
    if person is None:
        raise Refusal("owner", f"{owner!r} is neither an id nor connection:external id")
    return NodeKey("person", person)


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None


def _period(value: str, rules: Rules) -> Period:
    try:
        return rules.calendar.parse(value)
    except UnknownPeriod as error:
        raise Refusal("period", str(error)) from None


def _amount(name: str, value: str, rules: Rules) -> Decimal:
    try:
        amount = Decimal(value)
        fits = amount.is_finite() and abs(amount) < Decimal(10) ** 15
        if not fits or money.quantise(amount, rules.currency) != amount:
            raise Refusal(name, f"{value!r} is not an amount that {rules.currency} can express")
    except InvalidOperation:
        raise Refusal(name, f"{value!r} is not a number with a decimal point") from None
    return money.quantise(amount, rules.currency)


def _instant(name: str, value: str, rules: Rules) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise Refusal(name, f"{value!r} is not an instant such as 2026-11-02T09:00:00+01:00") from None
    if instant.tzinfo is None:
        raise Refusal(name, f"{value!r} has no offset such as +01:00 or Z")
    if name == "made_at" and instant > rules.now:
        raise Refusal(name, f"{value!r} lies in the future")
    return instant.astimezone(UTC)


def _one_of(allowed: tuple[str, ...]) -> Callable[[str, str, Rules], str]:
    def read(name: str, value: str, _: Rules) -> str:
        if value not in allowed:
            raise Refusal(name, f"{value!r} is none of {', '.join(allowed)}")
        return value

    return read


def _currency(name: str, value: str, rules: Rules) -> str:
    if value != rules.currency:
        raise Refusal(name, f"calls are made in {rules.currency}, not in {value}")
    return value


def _text(name: str, value: str, _: Rules) -> str:
    if len(value) > 4000:
        raise Refusal(name, "has more than 4000 characters")
    return value


def _range(given: Mapping[str, Any]) -> None:
    if given.get("best") is not None and given["best"] < given["amount"]:
        raise Refusal("best", "is below the amount")
    if given.get("worst") is not None and given["worst"] > given["amount"]:
        raise Refusal("worst", "is above the amount")


_READ: Mapping[str, Callable[[str, str, Rules], Any]] = {
    **dict.fromkeys(("amount", "best", "worst", "delta"), _amount),
    **dict.fromkeys(("made_at", "expires_at"), _instant),
    "deal_type": _one_of(get_args(DealType)),
    "value_basis": _one_of(get_args(ValueBasis)),
    "currency": _currency,
}
