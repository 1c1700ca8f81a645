"""Times as a document says they are written."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from gateway.connectors.generic.document import Time
from gateway.mapping.values import MappingError, optional_instant, text


def moment(told: Time, value: Any) -> datetime | None:
    """The instant, None for nothing. Raises MappingError for what is not written as the document says."""
    written = text(value)
    if written is None:
        return None
    if told.format == "iso":
        try:
            parsed = datetime.fromisoformat(written)
        except ValueError:
            raise _wrong(told, value) from None
        return (parsed.replace(tzinfo=ZoneInfo(told.zone)) if parsed.tzinfo is None else parsed).astimezone(UTC)
    try:
        seconds = Decimal(written) / (1000 if told.format == "epoch_ms" else 1)
        return datetime.fromtimestamp(int(seconds), UTC).replace(microsecond=int(seconds % 1 * 1_000_000))
    except (InvalidOperation, ValueError, OverflowError, OSError):
        raise _wrong(told, value) from None


def ordinal(value: Any) -> int:
    """A number that orders versions of one time: a number below 10^15 as it stands, a time in milliseconds, else 0."""
    try:
        if (written := text(value)) is None:
            return 0
        if written.isdigit() and len(written) <= 15:
            return int(written)
        found = optional_instant("sequence", written)
    except MappingError:
        return 0
    return int(found.timestamp() * 1000) if found and found.timestamp() > 0 else 0


def _wrong(told: Time, value: Any) -> MappingError:
    return MappingError(told.at, value, f"The document says {told.format}: correct source, then replay.")
