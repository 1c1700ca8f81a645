"""Comparing for as long as the scheduler leads: each connection by itself, so that a slow CRM delays no other."""

import asyncio
from typing import cast

import httpx
from prometheus_client import Gauge

from gateway.config import Settings
from gateway.connections.service import Connection
from gateway.connectors.guard import GuardedTransport, allowed_hosts
from gateway.reconciliation import service
from gateway.reconciliation.schemas import ComparisonOut
from libs.common import clock
from libs.common.db import is_passing
from libs.common.observe.log import get_logger
from libs.common.runtime import Runtime
from libs.common.web.auth import Principal

log = get_logger(__name__)

LOOK_EVERY_S = 5.0

COMPLETENESS = Gauge(
    "gateway_completeness_ratio",
    "Share of the CRM's deals that ours equal in the newest comparison that was made; by count (deals) or currency",
    ["connection", "of"],
)
COMPARED_AGE = Gauge("gateway_compared_age_seconds", "Since the newest comparison that was made began", ["connection"])


async def keep_comparing(runtime: Runtime) -> None:
    """Compare what is due, until cancelled."""
    settings = cast("Settings", runtime.settings)
    guard = GuardedTransport(allow=allowed_hosts(settings.fetch_allow))
    running: dict[str, asyncio.Task[None]] = {}
    async with (
        httpx.AsyncClient(transport=guard, timeout=settings.fetch_timeout_s, follow_redirects=False) as http,
        asyncio.TaskGroup() as group,
    ):
        while True:
            async with runtime.database.reading() as session:
                found = await service.due(session, settings, clock.now())
                show(await service.newest(session, principal=Principal.system("gateway"), only_compared=True))
            running = {key: task for key, task in running.items() if not task.done()}
            for each in found:
                if each.key not in running:
                    running[each.key] = group.create_task(_compare(runtime, settings, each, http))
            await asyncio.sleep(LOOK_EVERY_S)


async def _compare(runtime: Runtime, settings: Settings, connection: Connection, http: httpx.AsyncClient) -> None:
    try:
        await service.compare(runtime.database, settings, connection, http)
    except Exception as error:
        if is_passing(error):
            raise
        log.error("comparison failed", connection=connection.key, exc_info=error)
        await asyncio.sleep(settings.compare_every_s)  # not at once again: it would fail in the same way


def show(newest: dict[str, ComparisonOut]) -> None:
    """Set the gauges; a connection that was never compared has none."""
    for key, each in newest.items():
        COMPARED_AGE.labels(key).set((clock.now() - each.begun_at).total_seconds())
        for name, share in (("deals", each.count_share), *((amount.currency, amount.share) for amount in each.amounts)):
            if share is not None:
                COMPLETENESS.labels(key, name).set(share)
