"""Writing back for as long as the scheduler leads: each connection by itself, so that a slow CRM delays no other."""

import asyncio
from collections import defaultdict
from typing import cast

import httpx

from gateway.config import Settings
from gateway.connections.cache import Connections
from gateway.connections.service import Connection
from gateway.connectors.guard import GuardedTransport, allowed_hosts
from gateway.writeback import repository, service
from gateway.writeback.repository import Due
from libs.common.db import is_passing
from libs.common.observe.log import get_logger
from libs.common.runtime import Runtime
from libs.common.web.auth import Principal

log = get_logger(__name__)

LOOK_EVERY_S = 0.3
AT_ONCE = 100


async def keep_writing(runtime: Runtime) -> None:
    """Write what is due, until cancelled; first what whoever led before had begun."""
    settings = cast("Settings", runtime.settings)
    connections = Connections(runtime.database, settings)
    guard = GuardedTransport(allow=allowed_hosts(settings.fetch_allow))
    running: dict[str, asyncio.Task[None]] = {}
    async with runtime.database.transaction() as session:
        await repository.release(session)
    async with (
        httpx.AsyncClient(transport=guard, timeout=settings.fetch_timeout_s, follow_redirects=False) as http,
        asyncio.TaskGroup() as group,
    ):
        while True:
            running = {key: task for key, task in running.items() if not task.done()}
            for connection, due in await leased(runtime, connections, busy=list(running)):
                running[connection.key] = group.create_task(_write(runtime, connection, due, http))
            await asyncio.sleep(LOOK_EVERY_S)


async def leased(runtime: Runtime, connections: Connections, *, busy: list[str]) -> list[tuple[Connection, list[Due]]]:
    """Edits that are due, by connection; nobody else gets them while three answers of a CRM may take for each."""
    settings = cast("Settings", runtime.settings)
    lease_s = settings.fetch_timeout_s * 3 * AT_ONCE
    async with runtime.database.transaction() as session:
        due = await repository.lease(session, limit=AT_ONCE, lease_s=lease_s, busy=busy)
        known = await connections.up_to(session, {(each.connection, each.changed_at) for each in due})
    groups: dict[str, list[Due]] = defaultdict(list)
    for each in due:
        groups[each.connection].append(each)
    return [(known[key], rows) for key, rows in groups.items()]


async def _write(runtime: Runtime, connection: Connection, due: list[Due], http: httpx.AsyncClient) -> None:
    try:
        await service.write(runtime.database, connection, due, http, principal=Principal.system("gateway"))
    except Exception as error:
        if is_passing(error):
            raise
        log.error("edits not written", connection=connection.key, exc_info=error)
