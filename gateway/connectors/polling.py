"""Activities that CRMs do not tell of by themselves: asked for since the last time, as deliveries like all others."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, cast

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.config import Settings
from gateway.connections.cache import Connections
from gateway.connections.service import Connection
from gateway.connectors import beside, reads, wanted
from gateway.connectors.client import FetchFailed, NotAllowed
from gateway.connectors.guard import GuardedTransport, allowed_hosts
from gateway.connectors.providers import provider_of
from gateway.connectors.wanted import Seen
from libs.common import clock
from libs.common.db import is_passing
from libs.common.observe.log import get_logger
from libs.common.runtime import Runtime
from libs.common.sql import Query

log = get_logger(__name__)

LOOK_EVERY_S: Final = 5.0
EVERY_S: Final = 60.0
FIRST_LOOK: Final = timedelta(days=90)
"""So far back goes what relationships are reckoned from."""
OVERLAP: Final = timedelta(minutes=2)
"""An index of a CRM lags behind its records, so what was there a moment ago is asked for again."""
MOST_PAGES: Final = 49
"""A search ends at ten thousand results; the rest is asked for from the last instant on."""

_CLOCKS = Query(
    "SELECT kind, since FROM activity_clock WHERE connection = :connection AND due_at <= clock_timestamp() ORDER BY kind"
)
_BEGIN = Query(
    """
    INSERT INTO activity_clock (connection, kind, since)
    SELECT :connection, n.kind, :since FROM unnest(cast(:kinds AS text[])) AS n (kind) ORDER BY n.kind ON CONFLICT DO NOTHING
    """
)
_ADVANCE = Query(
    """
    UPDATE activity_clock SET since = :since, due_at = clock_timestamp() + make_interval(secs => :after_s)
    WHERE connection = :connection AND kind = :kind
    """
)


async def keep_polling(runtime: Runtime) -> None:
    """Ask for activities as long as the scheduler leads, until cancelled."""
    settings = cast("Settings", runtime.settings)
    guard = GuardedTransport(allow=allowed_hosts(settings.fetch_allow))
    running: dict[str, asyncio.Task[None]] = {}
    async with (
        httpx.AsyncClient(transport=guard, timeout=settings.fetch_timeout_s, follow_redirects=False) as http,
        asyncio.TaskGroup() as group,
    ):
        cache = Connections(runtime.database, settings)
        while True:
            running = {key: task for key, task in running.items() if not task.done()}
            for each in await asking(runtime, cache):
                if each.key not in running:
                    running[each.key] = group.create_task(_poll(runtime, each, http))
            await asyncio.sleep(LOOK_EVERY_S)


async def asking(runtime: Runtime, cache: Connections) -> list[Connection]:
    """The active connections whose activities have to be asked for."""
    async with runtime.database.reading() as session:
        known = await cache.fresh(session)
    return [each for each in known.values() if _polls(each)]


def _polls(connection: Connection) -> bool:
    provider = provider_of(connection)
    told = reads.wanted(connection.provider, connection.credentials.settings)
    return (
        connection.state == "active"
        and provider.poll is not None
        and "activities" in told
        and provider.can_ask(connection.credentials)
    )


async def _poll(runtime: Runtime, connection: Connection, http: httpx.AsyncClient) -> None:
    try:
        await poll(runtime, connection, http)
    except Exception as error:
        if is_passing(error):
            raise
        log.error("activities not asked for", connection=connection.key, exc_info=error)


async def poll(runtime: Runtime, connection: Connection, http: httpx.AsyncClient) -> int:
    """Ask for what is due of one connection; how many activities have to be fetched."""
    provider = provider_of(connection)
    async with runtime.database.transaction() as session:
        begin = {"connection": connection.key, "since": clock.now() - FIRST_LOOK, "kinds": list(provider.polls)}
        await _BEGIN.run(session, begin)
        clocks = [(row.kind, row.since) for row in await _CLOCKS.rows(session, {"connection": connection.key})]
    count = 0
    for kind, since in clocks:
        try:
            found, reached = await _asked(connection, http, kind, since)
        except NotAllowed as error:
            async with runtime.database.transaction() as session:
                await beside.refuse(session, connection.key, "activity", str(error))
                await _advance(session, connection, kind, since, after_s=beside.AGAIN_AFTER_S)
            continue
        except FetchFailed as error:
            log.warning("activities not asked for", connection=connection.key, kind=kind, reason=str(error)[:300])
            async with runtime.database.transaction() as session:
                await _advance(session, connection, kind, since, after_s=error.retry_after_s or EVERY_S)
            continue
        async with runtime.database.transaction() as session:
            await beside.allow(session, connection.key, "activity")
            count += await wanted.deliver_activities(session, connection.key, found)
            await _advance(session, connection, kind, max(since, reached - OVERLAP), after_s=EVERY_S)
    return count


async def _asked(
    connection: Connection, http: httpx.AsyncClient, kind: str, since: datetime
) -> tuple[Sequence[Seen], datetime]:
    """What was changed or took place since, and the last instant of it."""
    provider = provider_of(connection)
    client = provider.client(http, connection.credentials)
    if client is None or provider.poll is None:
        raise FetchFailed("the connection has no address to ask, or no secret to ask with")
    found: list[Seen] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        try:
            page = await provider.poll(client, kind, since, cursor)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise FetchFailed(f"the answer cannot be read: {type(error).__name__} {error}") from error
        found += [Seen(external_id, at, kind) for external_id, at in page.found]
        if (cursor := page.following) is None:
            break
    return found, max((each.at for each in found), default=since)


async def _advance(
    session: AsyncSession, connection: Connection, kind: str, since: datetime, *, after_s: float
) -> None:
    names = {"connection": connection.key, "kind": kind, "since": since, "after_s": after_s}
    await _ADVANCE.run(session, names)
