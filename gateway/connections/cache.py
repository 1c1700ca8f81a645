"""The connections in memory, so that authenticating a request needs no query."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.config import Settings
from gateway.connections import repository, service
from gateway.connections.service import Connection
from libs.common import clock
from libs.common.db import Database, is_passing
from libs.common.observe.log import get_logger

log = get_logger(__name__)

UNKNOWN_REFRESH_S = 0.25
"""An unknown key may belong to a connection made a moment ago: it is looked up at most this often."""


class Connections:
    """All connections, read again when older than the settings allow; the last known ones while the database is away."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._known: dict[str, Connection] = {}
        self._changed: dict[str, datetime] = {}
        self._read_at: float | None = None
        self._lock = asyncio.Lock()

    async def get(self, key: str) -> Connection | None:
        """The connection, or None for a key that nobody has. Raises what the database raises before the first reading."""
        limit = self._settings.connection_refresh_s if key in self._known else UNKNOWN_REFRESH_S
        if self._age() > limit:
            await self._refresh(limit)
        return self._known.get(key)

    async def up_to(self, session: AsyncSession, changes: Iterable[tuple[str, datetime]]) -> dict[str, Connection]:
        """All connections, none older than `changes`: keys with the time of their last change, read by this session."""
        if any(self._changed.get(key) != changed_at for key, changed_at in changes):
            return await self.fresh(session)
        return self._known

    async def fresh(self, session: AsyncSession) -> dict[str, Connection]:
        """All connections as this session sees them; those that have not changed are not opened again."""
        changed = await repository.last_changes(session)
        if changed != self._changed:
            self._known = await service.load(session, self._settings)
            self._changed = changed
        return self._known

    def _age(self) -> float:
        return float("inf") if self._read_at is None else clock.monotonic() - self._read_at

    async def _refresh(self, limit: float) -> None:
        async with self._lock:
            if self._age() <= limit:
                return
            try:
                async with self._database.reading() as session:
                    await self.fresh(session)
            except Exception as error:
                if self._read_at is None or not is_passing(error):
                    raise
                log.warning("connections not refreshed", reason=str(error)[:200])
            self._read_at = clock.monotonic()
