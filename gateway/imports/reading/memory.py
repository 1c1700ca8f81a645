"""What rows of one import must know of rows before them. Grows with the number of records, not of rows."""

from datetime import datetime
from uuid import UUID

from gateway.imports.reading.refusal import Refused


class Ignored(Exception):
    """A row that is left out as the mapping says; it is counted under its reason."""


AFTER_CLOSE = "after the deal had closed"


class Memory:
    """Kept for one record of the mapping over all its files."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str, str]] = set()
        self._ties: dict[UUID, tuple[datetime, int]] = {}
        self._last: dict[UUID, datetime] = {}
        self._closed: dict[UUID, datetime] = {}

    def first(self, connection: str, object_type: str, external_id: str) -> bool:
        """True the first time that a record is met."""
        key = (connection, object_type, external_id)
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def tie(self, key: UUID, at: datetime, change: int) -> int:
        """How many earlier rows of the record have the same time, so that the file's order decides between them."""
        known = self._ties.get(key)
        rank = known[1] + (1 if change == 0 else 0) if known and known[0] == at else 0
        self._ties[key] = (at, rank)
        return rank

    def close(self, key: UUID, at: datetime, *, is_open: bool, column: str) -> datetime:
        """The instant of the record's close, once it is closed; rows that would open it again raise Ignored."""
        last = self._last.get(key)
        if last is not None and at < last:
            raise Refused("older than the deal's row before it; sort the file by time", column=column)
        self._last[key] = at
        closed = self._closed.get(key)
        if closed is None and not is_open:
            self._closed[key] = closed = at
        elif closed is not None and is_open:
            raise Ignored(AFTER_CLOSE)
        return closed or at
