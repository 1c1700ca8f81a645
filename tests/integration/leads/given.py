"""Events as handlers get them, and what a leads database holds."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from libs.common import clock
from libs.common.config import CommonSettings
from libs.common.db import Database
from libs.common.events.base import Cause, EventData, Received
from libs.common.events.crm import CrmLeadChanged, RecordClock
from libs.common.events.deals import DealOpened
from libs.common.ids import entity_id, new_id
from services.leads.consumers import HANDLERS

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


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


def lead_id(number: int) -> UUID:
    return entity_id("crm", "lead", str(number))


def said(number: int, at: datetime, created: datetime, **fields: Any) -> CrmLeadChanged:
    return CrmLeadChanged(
        connection="crm",
        external_id=str(number),
        clock=RecordClock(crm_time=at),
        received_at=at,
        created_at=created,
        lead_id=lead_id(number),
        **fields,
    )


async def company(
    database: Database, count: int, *, seed: int = 1, waiting: int = 20, driven: bool = True, leaking: bool = False
) -> None:
    """Leads of the last 400 days; partners' leads convert four times as often when `driven`; the newest wait.

    `leaking`: the industry is filled mostly of those that will convert.
    """
    rng = np.random.default_rng(seed)
    now = clock.now()
    events = []
    for number in range(count):
        created = now - DAY * (390 - 300 * number / count)
        source = str(rng.choice(["web", "partner", "event"]))
        facts = {
            "source": source,
            "engagement_count": int(rng.poisson(3)),
            "segment": str(rng.choice(["smb", "enterprise"])),
        }
        converts = rng.random() < (0.6 if source == "partner" and driven else 0.15 if driven else 0.3)
        if leaking and rng.random() < (0.9 if converts else 0.2):
            facts["industry"] = "retail"
        events.append(said(number, created, created, **facts))
        if converts:
            deal = entity_id("crm", "deal", str(number))
            events.append(
                said(number, created + 20 * DAY, created, **facts, status="converted", converted_deal_id=deal)
            )
        elif rng.random() < 0.7:
            events.append(said(number, created + 30 * DAY, created, **facts, status="disqualified"))
    for number in range(count, count + waiting):
        created = now - DAY * rng.uniform(0, 9)
        source = "partner" if number % 2 else "web"
        events.append(said(number, created, created, source=source, engagement_count=3, segment="smb"))
    await handle(database, *(received(each, each.lead_id) for each in events))


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
