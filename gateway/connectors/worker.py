"""The connector worker: understands stored deliveries and fetches signalled records, as long as the process runs."""

from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import text

from gateway.config import Settings
from gateway.connections.cache import Connections
from gateway.connectors import repository
from gateway.connectors.bells import ARRIVED, SIGNALLED, bell, wait
from gateway.connectors.fetching import Fetcher
from gateway.connectors.guard import GuardedTransport, allowed_hosts
from gateway.connectors.outcomes import unforeseen
from gateway.connectors.understanding import Understood, understand
from libs.common.db import Database, is_passing
from libs.common.observe.log import get_logger
from libs.common.runtime import Runtime

log = get_logger(__name__)


async def run_understanding(runtime: Runtime) -> None:
    """Understand deliveries as they arrive; infrastructure errors are left to the process, which starts the worker over."""
    settings = cast("Settings", runtime.settings)
    connections = Connections(runtime.database, settings)
    arrived, signalled = bell(runtime, ARRIVED), bell(runtime, SIGNALLED)
    while True:
        understood = await understand_batch(runtime.database, settings, connections)
        if understood.signals:
            signalled.set()
        if understood.deliveries < settings.understand_batch:
            await wait(arrived, settings.understand_poll_s)


async def run_fetching(runtime: Runtime) -> None:
    """Fetch signalled records as they become due; infrastructure errors as above."""
    settings = cast("Settings", runtime.settings)
    connections = Connections(runtime.database, settings)
    signalled = bell(runtime, SIGNALLED)
    guard = GuardedTransport(allow=allowed_hosts(settings.fetch_allow))
    async with (
        httpx.AsyncClient(transport=guard, timeout=settings.fetch_timeout_s, follow_redirects=False) as http,
        Fetcher(runtime.database, settings, connections, http, signalled) as fetcher,
    ):
        while True:
            await fetcher.start_due()
            await wait(signalled, settings.understand_poll_s)


async def understand_batch(database: Database, settings: Settings, connections: Connections) -> Understood:
    """One batch in one transaction. Where its data cannot be stored, delivery by delivery; the bad one is parked."""
    try:
        return await _understand(database, settings, connections, settings.understand_batch, None)
    except Exception as error:
        if is_passing(error):
            raise
        log.warning("batch not understood; going on one by one", reason=f"{type(error).__name__}: {error}"[:300])
    async with database.reading() as session:
        found = await session.execute(
            text("SELECT id FROM delivery WHERE state = 'accepted' ORDER BY id LIMIT :limit"),
            {"limit": settings.understand_batch},
        )
        waiting = [row.id for row in found]
    deliveries = signals = 0
    for identifier in waiting:
        try:
            done = await _understand(database, settings, connections, 1, identifier)
            deliveries, signals = deliveries + done.deliveries, signals + done.signals
        except Exception as error:
            if is_passing(error):
                raise
            log.error("delivery not understood", delivery=str(identifier), exc_info=error)
            await _park(database, identifier, error)
    return Understood(deliveries, signals)


async def _understand(
    database: Database, settings: Settings, connections: Connections, limit: int, only: UUID | None
) -> Understood:
    zone = ZoneInfo(settings.org_timezone)
    async with database.transaction() as session:
        return await understand(session, connections, zone=zone, limit=limit, only=None if only is None else [only])


async def _park(database: Database, identifier: UUID, error: Exception) -> None:
    """Park a whole delivery that cannot even be stored as understood."""
    async with database.transaction() as session:
        for delivery in await repository.lock_unread(session, limit=1, only=[identifier]):
            row = {"delivery": delivery, "position": 0, "item": None, "outcome": unforeseen(error)}
            await repository.tell(session, [row], {identifier: 1})
