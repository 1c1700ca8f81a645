"""Texts to typed values. Each cast raises Refused with what it expected."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from gateway.imports.reading.document import Value
from gateway.imports.reading.refusal import Refused
from gateway.imports.reading.targets import Target
from libs.common.money import UnknownCurrency, exponent

Cast = Callable[[str], Any]

NOON = time(12)
"""A date without a time is taken as noon: the same calendar day in nearly every time zone."""

_TRUE = frozenset({"true", "1", "yes", "y", "t"})
_FALSE = frozenset({"false", "0", "no", "n", "f"})
_REMEMBERED = 20_000


def cast_for(target: Target, value: Value, zone: ZoneInfo) -> Cast | None:
    """The cast of one field; None where it is the text itself. Stages and references are resolved by the caller."""
    if target.kind == "decimal":
        return _decimal(value.decimal)
    if target.kind == "instant":
        return instant_cast(value.format, zone)
    if target.kind == "date":
        return date_cast(value.format, zone)
    if target.kind == "choice":
        return _choice(target.choices)
    return _SIMPLE.get(target.kind)


def instant_cast(form: str | None, zone: ZoneInfo) -> Cast:
    """Aware UTC; a time without an offset is local in `zone`, a date alone is noon there."""

    @lru_cache(maxsize=_REMEMBERED)
    def cast(text: str) -> datetime:
        found = _parsed(text, form)
        try:
            local = found if isinstance(found, datetime) else datetime.combine(found, NOON)
            return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
        except OverflowError:
            raise Refused("is out of the range of times", value=text) from None

    return cast


def date_cast(form: str | None, zone: ZoneInfo) -> Cast:
    """A calendar day; an instant becomes the day it has in `zone`."""

    @lru_cache(maxsize=_REMEMBERED)
    def cast(text: str) -> date:
        found = _parsed(text, form)
        if not isinstance(found, datetime):
            return found
        return found.astimezone(zone).date() if found.tzinfo else found.date()

    return cast


def _parsed(text: str, form: str | None) -> date | datetime:
    try:
        if form is None:
            return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
        found = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is added by the caller
    except ValueError:
        raise Refused(f"is not a time written as {form or 'ISO 8601, e.g. 2026-01-31'}", value=text) from None
    return found if any(code in form for code in ("%H", "%I", "%X", "%c", "%s")) else found.date()


def _decimal(mark: str) -> Cast:
    thousands = "," if mark == "." else "."
    shape = re.compile(rf"[+-]?(\d+|\d{{1,3}}([{thousands} ]\d{{3}})+)?([{mark}]\d+)?")

    def cast(text: str) -> Decimal:
        """Separators of thousands only where they belong, so that a decimal comma is never read as one."""
        try:
            if shape.fullmatch(text):
                return Decimal(text.replace(thousands, "").replace(" ", "").replace(mark, "."))
        except InvalidOperation:
            pass
        raise Refused(f"is not a number with the decimal mark {mark!r}", value=text)

    return cast


def _integer(text: str) -> int:
    try:
        number = Decimal(text)
        if number == (whole := int(number)):
            return whole
    except (InvalidOperation, ValueError, OverflowError):
        pass
    raise Refused("is not a whole number", value=text)


def _boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered in _TRUE or lowered in _FALSE:
        return lowered in _TRUE
    raise Refused("is neither true nor false", value=text)


def _currency(text: str) -> str:
    try:
        exponent(text.upper())
    except UnknownCurrency:
        raise Refused("is not an ISO 4217 currency code", value=text) from None
    return text.upper()


def _choice(choices: tuple[str, ...]) -> Cast:
    known = frozenset(choices)

    def cast(text: str) -> str:
        if text not in known:
            raise Refused(f"is not one of {', '.join(choices)}", value=text)
        return text

    return cast


_SIMPLE: Mapping[str, Cast] = {"integer": _integer, "boolean": _boolean, "currency": _currency}
