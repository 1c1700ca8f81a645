"""The only place that tells time. All processes can be moved together by one offset in the settings."""

import time
from datetime import UTC, datetime, timedelta

MAX_AHEAD = timedelta(minutes=5)
"""A CRM time further ahead of our clock than this is not believed; its record is parked."""

_offset = timedelta()


def set_offset(seconds: float) -> None:
    """Shift `now` by `seconds` for this process (tests that travel in time)."""
    global _offset
    _offset = timedelta(seconds=seconds)


def offset() -> timedelta:
    return _offset


def now() -> datetime:
    """The present as an aware UTC instant, microsecond resolution."""
    return datetime.now(UTC) + _offset  # noqa: TID251 - the one place


def monotonic() -> float:
    """Seconds for measuring durations; unrelated to the wall clock and to the offset."""
    return time.monotonic()


def from_millis(millis: int) -> datetime:
    """Epoch milliseconds, as most CRMs send them, to an aware UTC instant. Raises ValueError out of range."""
    try:
        return datetime.fromtimestamp(millis / 1000, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{millis} is not a time in milliseconds since 1970") from error


def to_millis(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
