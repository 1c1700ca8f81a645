"""Values of CRM records, in the many types CRMs send them, turned into ours. Every failure names field, value and remedy."""

from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Literal
from zoneinfo import ZoneInfo

from libs.common import clock, money
from libs.common.remarks import without_addresses

MAX_TEXT = 500
MAX_REMARK = 255

AmountUnit = Literal["major", "minor", "micro"]
"""What a CRM counts money in: whole units, the currency's smallest, or millionths of a whole one."""


class MappingError(ValueError):
    """A record cannot be brought into canonical form: which field, what it held, and what to do about it."""

    def __init__(self, field: str, value: Any, advice: str) -> None:
        self.field = field
        self.value = "" if value is None else str(value)[:MAX_TEXT]
        self.advice = advice
        super().__init__(f"{field} is {self.value!r}" if value is not None else f"{field} is missing")


def text(value: Any) -> str | None:
    """Trimmed text; None for nothing and for blank."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()[:MAX_TEXT].replace("\x00", "") or None


def decimal(field: str, value: Any, *, places: int = 0) -> Decimal | None:
    """An exact number below 10^14; a float is read by its shortest decimal form. Raises MappingError.

    `places`: it is told so many decimal places further to the left, as cents are by two.
    """
    written = text(value)
    if written is None:
        return None
    try:
        number = Decimal(written)
    except InvalidOperation:
        raise MappingError(field, value, f"Send {field} as a plain number such as 1234.50.") from None
    if places and number.is_finite():
        number = number.scaleb(-places)
    if not number.is_finite() or abs(number) >= Decimal(10) ** 14:
        raise MappingError(field, value, f"Send {field} as a number below 10^{14 + places}.")
    return number


def amount(field: str, value: Any, currency: str | None, unit: AmountUnit = "major") -> Decimal | None:
    """A decimal in whole units of its currency, rounded to its minor unit. Raises MappingError."""
    if currency is None:
        return decimal(field, value)
    places = {"major": 0, "minor": money.exponent(currency), "micro": 6}[unit]
    number = decimal(field, value, places=places)
    return None if number is None else money.quantise(number, currency)


def currency(field: str, value: Any) -> str | None:
    """An upper-case ISO 4217 code. Raises MappingError."""
    code = text(value)
    if code is None:
        return None
    try:
        money.exponent(code.upper())
    except money.UnknownCurrency:
        raise MappingError(field, value, "Use an ISO 4217 code such as EUR in the CRM.") from None
    return code.upper()


def integer(field: str, value: Any) -> int | None:
    """A whole number; 12.0 counts as one. Raises MappingError."""
    number = decimal(field, value)
    if number is None:
        return None
    if number != number.to_integral_value() or abs(number) > 2**31 - 1:
        raise MappingError(field, value, f"Send {field} as a whole number.")
    return int(number)


def probability(field: str, value: Any, scale: int) -> Decimal | None:
    """A share in [0, 1] of a number on a scale of 1 or 100. Raises MappingError."""
    number = decimal(field, value)
    if number is None:
        return None
    share = number / scale
    if not 0 <= share <= 1:
        raise MappingError(
            field, value, f"Expected 0 to {scale}; set probability_scale of the mapping if the CRM uses another."
        )
    return share


def instant(field: str, value: Any) -> datetime:
    """An aware UTC instant from ISO 8601 (without an offset: UTC) or epoch milliseconds. Raises MappingError."""
    found = optional_instant(field, value)
    if found is None:
        raise MappingError(field, None, f"Let the CRM send {field}: without it versions of a record cannot be ordered.")
    return found


def optional_instant(field: str, value: Any) -> datetime | None:
    """As `instant`, None for nothing."""
    written = text(value)
    if written is None:
        return None
    try:
        if written.lstrip("-").isdigit():
            return clock.from_millis(int(written))
        parsed = datetime.fromisoformat(written)
        return (parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed).astimezone(UTC)
    except (ValueError, OverflowError):
        raise MappingError(field, value, f"Send {field} as ISO 8601, such as 2026-03-01T09:30:00Z.") from None


def remark(value: Any) -> str | None:
    """What somebody wrote about a case, without mail addresses and international phone numbers; None for nothing."""
    written = text(value)
    return None if written is None else without_addresses(written)[:MAX_REMARK]


def moment(field: str, value: Any, zone: ZoneInfo) -> datetime | None:
    """As `optional_instant`; a day without a time is its first instant in `zone`. Raises MappingError."""
    written = text(value)
    if written is None or len(written) != len("2026-03-01") or written.isdigit():
        return optional_instant(field, value)
    day = local_date(field, written, zone)
    return None if day is None else datetime.combine(day, time(), zone).astimezone(UTC)


def local_date(field: str, value: Any, zone: ZoneInfo) -> date | None:
    """A business date: a date as it stands, an instant as the date of that moment in `zone`. Raises MappingError."""
    written = text(value)
    if written is None:
        return None
    if len(written) == 10 and not written.isdigit():
        try:
            return date.fromisoformat(written)
        except ValueError:
            raise MappingError(field, value, f"Send {field} as a date such as 2026-03-31.") from None
    return instant(field, written).astimezone(zone).date()


def truth(field: str, value: Any) -> bool | None:
    """A claim, from true, false, yes, no, 1, 0. Raises MappingError."""
    written = text(value)
    if written is None:
        return None
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if written.lower() not in known:
        raise MappingError(field, value, f"Send {field} as true or false.")
    return known[written.lower()]
