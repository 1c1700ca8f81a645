"""Edits as the deals service tells them, written to CRMs step by step, and what was told of them."""

from itertools import count
from typing import Any, cast

import httpx
import orjson
import pytest

from gateway.connections.cache import Connections
from gateway.consumers import HANDLERS
from gateway.writeback import service
from gateway.writeback.keeping import leased
from libs.common import clock
from libs.common.events.base import Received
from libs.common.events.deals import EditWanted
from libs.common.ids import entity_id, new_id
from libs.common.web.auth import Principal
from simulator.connections import documents
from tests.integration.gateway.conftest import SIMULATED, Gateway

SEQUENCE = count(1)
PROVIDERS = ("hubspot", "salesforce", "pipedrive")
every_crm = pytest.mark.parametrize("provider", PROVIDERS)


def wanted(key: str, external_id: str, field: Any, value: str | None, *bases: str | None, **more: Any) -> EditWanted:
    return EditWanted(
        edit_id=new_id(),
        sequence=next(SEQUENCE),
        deal_id=entity_id(key, "deal", external_id),
        connection=key,
        external_id=external_id,
        field=field,
        wanted=value,
        bases=bases,
        currency="EUR",
        wanted_at=clock.now(),
        **more,
    )


def received(edit: EditWanted) -> Received[Any]:
    now = clock.now()
    return Received(edit, new_id(), edit.TYPE, edit.deal_id, now, now, 1, edit.TOPIC.name, 0)


async def want(gateway: Gateway, *edits: EditWanted) -> None:
    async with gateway.runtime.database.transaction() as session:
        await HANDLERS[EditWanted](session, [received(each) for each in edits])


async def write(gateway: Gateway, transport: httpx.AsyncBaseTransport | None = None, *, now: bool = True) -> int:
    """Write what is due, once; with `now` also what was put off."""
    if now:
        async with gateway.runtime.database.transaction() as session:
            await (await session.connection()).exec_driver_sql(
                "UPDATE write_back SET due_at = now() WHERE state = 'due'"
            )
    cache = Connections(gateway.runtime.database, cast("Any", gateway.runtime.settings))
    count = 0
    async with httpx.AsyncClient(transport=transport or gateway.crm, timeout=5) as http:
        for connection, due in await leased(gateway.runtime, cache, busy=[]):
            count += len(due)
            system = Principal.system("gateway")
            await service.write(gateway.runtime.database, connection, due, http, principal=system)
    return count


async def told(gateway: Gateway, kind: str = "crm.edit.answered.v1") -> list[dict[str, Any]]:
    rows = await gateway.rows("SELECT data FROM outbox WHERE type = :kind ORDER BY position", kind=kind)
    return [orjson.loads(row["data"]) for row in rows]


def key_of(provider: str) -> str:
    return SIMULATED.connection(cast("Any", provider)).key


async def opt_in(gateway: Gateway) -> None:
    """Let the connections take edits back."""
    for document in documents(SIMULATED.model_copy(update={"write_back": True})):
        await gateway.put_connection(document)
