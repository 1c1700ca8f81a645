"""Events as handlers get them, and what a leads database holds."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from libs.common.config import CommonSettings
from libs.common.db import Database
from libs.common.events.base import Cause, EventData, Received
from libs.common.events.deals import DealOpened
from libs.common.ids import new_id
from services.leads.consumers import HANDLERS

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


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


async def handle(database: Database, *events: Received[Any]) -> None:
    """Hand events of one class to their handler, in one transaction."""
    async with database.transaction() as session:
        await HANDLERS[type(events[0].data)](session, events)


def deal(deal_id: UUID, lead_id: UUID | None, version: int = 1, **fields: Any) -> Received[Any]:
    state = DealOpened(
        deal_id=deal_id, version=version, valid_from=AT, stage_entered_at=AT, created_at=AT, lead_id=lead_id, **fields
    )
    return received(state, deal_id, version)


async def empty(chosen: CommonSettings, *tables: str) -> None:
    """Empty tables as their owner; the app itself may not delete what it appends."""
    assert chosen.owner_database_url is not None
    engine = create_async_engine(chosen.owner_database_url.get_secret_value(), poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text(f"TRUNCATE {', '.join(tables)}"))
    await engine.dispose()


async def published(database: Database) -> list[str]:
    """Types of the events in the outbox, in the order in which they leave."""
    async with database.reading() as session:
        rows = await session.execute(text("SELECT type FROM outbox ORDER BY txid, position"))
        return [row.type.split(".")[-2] for row in rows]


async def leads(database: Database) -> Sequence[dict[str, Any]]:
    """All rows of leads without what counts how often they changed."""
    async with database.reading() as session:
        rows = await session.execute(
            text(
                """
                SELECT lead_id, captured, merged_into, connection, external_id, first_at,
                       (state - 'version')::text AS state
                FROM lead WHERE version > 0 ORDER BY lead_id
                """
            )
        )
        return [dict(row) for row in rows.mappings()]
