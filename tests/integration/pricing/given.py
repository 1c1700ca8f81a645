"""Events as handlers get them, and what the outbox of a pricing database holds."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from libs.common.db import Database
from libs.common.events.base import Cause, EventData, Received
from libs.common.events.crm import CrmProductChanged, RecordClock
from libs.common.events.deals import DealOpened
from libs.common.ids import new_id
from services.pricing.consumers import HANDLERS

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
DEAL = UUID("00000000-0000-7000-8000-0000000000d1")
PRODUCT = UUID("00000000-0000-7000-8000-0000000000e1")


def received(data: EventData, key: UUID, version: int = 1) -> Received[Any]:
    return Received(
        data=data,
        id=new_id(),
        type=data.TYPE,
        key=key,
        occurred_at=AT,
        recorded_at=AT,
        aggregate_version=version,
        topic=data.TOPIC.name,
        partition=0,
        cause=Cause(connection="crm", delivery=new_id()),
    )


def deal(deal_id: UUID = DEAL, version: int = 1, minute: int = 0, **fields: Any) -> Received[Any]:
    at = AT + timedelta(minutes=minute)
    state = DealOpened(deal_id=deal_id, version=version, valid_from=at, stage_entered_at=AT, created_at=AT, **fields)
    return received(state, deal_id, version)


def product(minute: int, *, mapping_version: int = 1, **fields: Any) -> Received[Any]:
    given: dict[str, Any] = {
        "connection": "crm",
        "external_id": "P-1",
        "clock": RecordClock(crm_time=AT + timedelta(minutes=minute), mapping_version=mapping_version),
        "received_at": AT,
        "product_id": PRODUCT,
        "code": "P-1",
    }
    return received(CrmProductChanged(**(given | fields)), PRODUCT)


async def handle(database: Database, *events: Received[Any]) -> None:
    """Hand events of one class to their handler, in one transaction."""
    async with database.transaction() as session:
        await HANDLERS[type(events[0].data)](session, events)


async def published(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """Verb and payload of the events in the outbox, in the order in which they leave."""
    async with database.reading() as session:
        rows = await session.execute(text("SELECT type, data FROM outbox ORDER BY txid, position"))
        return [(row.type.split(".")[-2], orjson.loads(row.data)) for row in rows]
