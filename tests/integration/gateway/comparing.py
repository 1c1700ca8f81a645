"""A gateway whose deals are compared with those of the simulated CRM, by hand."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from gateway.config import Settings
from gateway.connections.cache import Connections
from gateway.connections.service import Connection
from gateway.reconciliation import service
from gateway.reconciliation.schemas import ComparisonDetail
from libs.common import clock
from libs.common.web.auth import Principal
from simulator.records import DealRecord
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.records import deal

HOURS = timedelta(hours=2)
SALES_OPS = Principal(subject="ops", roles=frozenset({"sales_ops"}), scope=())


def old(provider: Any, **changes: Any) -> DealRecord:
    """A deal as it was when it was told, two hours before `later`."""
    return deal(provider, **{"changed_at": (clock.now() - clock.offset()).replace(microsecond=0)} | changes)


def later() -> None:
    """Two hours go by: whatever told of a change before would have arrived."""
    clock.set_offset(HOURS.total_seconds())


def settings_of(gateway: Gateway, **changes: Any) -> Settings:
    quick = {"compare_requests_per_s": 1000.0, "compare_patience_s": 0.0}
    return gateway.runtime.settings.model_copy(update=quick | changes)  # type: ignore[no-any-return]


async def connection_of(gateway: Gateway, key: str) -> Connection:
    settings = settings_of(gateway)
    async with gateway.runtime.database.reading() as session:
        return (await Connections(gateway.runtime.database, settings).fresh(session))[key]


async def compare(gateway: Gateway, key: str, **changes: Any) -> ComparisonDetail:
    """Compare a connection with the CRM behind the gateway."""
    database = gateway.runtime.database
    async with httpx.AsyncClient(transport=gateway.crm, timeout=5) as http:
        made = await service.compare(database, settings_of(gateway, **changes), await connection_of(gateway, key), http)
    return await read(gateway, made)


async def read(gateway: Gateway, comparison_id: UUID) -> ComparisonDetail:
    async with gateway.runtime.database.reading() as session:
        return await service.detail(session, comparison_id, principal=SALES_OPS)


async def settle(gateway: Gateway) -> None:
    await gateway.understand()
    while await gateway.fetch():
        pass
