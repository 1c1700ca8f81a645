"""Finance's orders as CSV: each line is read or refused by itself. Pure.

`order` is finance's number, `deal` a deal's id, its id in the CRM, or connection:id. A correction is the same order with a higher
`revision`; an order of 0 is cancelled.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from libs.common import money
from services.forecast.scorecard.tieout import Order

NEEDED: Final = ("order", "deal", "amount", "currency", "date")
COLUMNS: Final = (*NEEDED, "revision", "kind")
LONGEST: Final = 200
KINDS: Final = ("order", "invoice")


class UnreadableTable(ValueError):
    """The file as a whole is no such table; the message says why."""


class Refusal(ValueError):
    """One line cannot be taken."""

    def __init__(self, column: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


@dataclass(frozen=True, slots=True)
class Line:
    """A line as read: an order or why it is none."""

    number: int
    order: Order | None = None
    refusal: Refusal | None = None


def read(body: bytes) -> Iterator[Line]:
    """The lines after the header. Raises UnreadableTable, before the first of them."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableTable(f"The file is not UTF-8: byte {error.start} cannot be read.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
    except csv.Error as error:
        raise UnreadableTable(f"The header cannot be read: {error}.") from None
    missing = [name for name in NEEDED if name not in header]
    strange = [name for name in header if name not in COLUMNS]
    if missing or strange or len(set(header)) < len(header):
        raise UnreadableTable(
            f"The header must have {', '.join(NEEDED)}, each once; there may be revision and kind."
            + (f" Missing: {', '.join(missing)}." if missing else "")
            + (f" Unknown: {', '.join(strange)}." if strange else "")
        )
    return _lines(reader, header)


def _lines(reader: Any, header: list[str]) -> Iterator[Line]:
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise Refusal(None, f"{len(cells)} cells instead of {len(header)}")
            given = dict(zip(header, (cell.strip() for cell in cells), strict=True))
            yield Line(number, order=_order(given))
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(number, refusal=Refusal(None, f"the line cannot be read: {error}"))
        except Refusal as refusal:
            yield Line(number, refusal=refusal)


def _order(cells: Mapping[str, str]) -> Order:
    for name in NEEDED:
        if not cells[name]:
            raise Refusal(name, "is empty")
    for name in ("order", "deal"):
        if len(cells[name]) > LONGEST:
            raise Refusal(name, f"has more than {LONGEST} characters")
        if "\x00" in cells[name]:
            raise Refusal(name, "has a character that cannot be stored")
    kind = cells.get("kind") or "order"
    if kind not in KINDS:
        raise Refusal("kind", f"{kind!r} is none of {', '.join(KINDS)}")
    currency = cells["currency"].upper()
    return Order(
        cells["order"], _revision(cells.get("revision") or "1"), kind, cells["deal"],
        _amount(cells["amount"], currency), currency, _day(cells["date"]),
    )  # fmt: skip


def _revision(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= len(value) <= 9 and int(value) > 0):
        raise Refusal("revision", f"{value!r} is not a whole number from 1")
    return int(value)


def _amount(value: str, currency: str) -> Decimal:
    try:
        places = money.exponent(currency)
    except money.UnknownCurrency:
        raise Refusal("currency", f"{currency!r} is not a currency such as EUR") from None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise Refusal("amount", f"{value!r} is not a number with a decimal point") from None
    if not amount.is_finite() or abs(amount) >= Decimal(10) ** 15 or money.quantise(amount, currency) != amount:
        raise Refusal("amount", f"{value!r} is not an amount that {currency}, with {places} decimals, can express")
    return money.quantise(amount, currency)


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Refusal("date", f"{value!r} is not a day such as 2026-10-31") from None
