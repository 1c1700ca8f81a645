"""Deals are told again for a consumer that let go of what it had heard."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from libs.common.db import Database
from libs.common.events.base import Cause, Received
from libs.common.events.catalogue import BY_TYPE
from services.deals.ledger import retelling
from services.deals.ledger.cli import _tell_all
from services.leads.consumers import HANDLERS as LEADS
from tests.integration.deals.books import apply
from tests.unit.deals.given import day, lead, lead_id, record

_EVENTS = "SELECT id, key, type, occurred_at, recorded_at, aggregate_version, data FROM outbox ORDER BY txid, position"


async def _told(database: Database) -> list[Any]:
    async with database.reading() as session:
        return list(await session.execute(text(_EVENTS)))


async def _kept(leads: Database) -> list[Any]:
    async with leads.reading() as session:
        return list(await session.execute(text("SELECT * FROM lead_deal ORDER BY deal_id")))


async def _hear(leads: Database, events: list[Any]) -> list[Any]:
    """What leads keep of deals after these events."""
    async with leads.transaction() as session:
        for row in events:
            kind = BY_TYPE[row.type]
            heard = Received(
                data=kind.model_validate_json(row.data),
                id=row.id,
                type=row.type,
                key=row.key,
                occurred_at=row.occurred_at,
                recorded_at=row.recorded_at,
                aggregate_version=row.aggregate_version,
                topic="deal-events",
                partition=0,
                cause=Cause(),
            )
            await LEADS[kind](session, [heard])
    return await _kept(leads)


async def test_deals_that_name_leads_are_told_again_as_they_stand_and_nobody_counts_them_twice(
    database_for: Callable[[str], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    deals, leads = database_for("deals"), database_for("leads")
    async with deals.transaction() as session:
        await apply(session, [lead(1, day(0)), record(day(0), stage="Qualify", lead_id=lead_id("L"))])
        await apply(session, [record(day(2), lead_id=lead_id("L")), record(day(1), "E", lead_id=lead_id("M"))])
        await apply(session, [record(day(1), "F")])
    before = await _told(deals)
    expected = await _hear(leads, before)
    monkeypatch.setattr(retelling, "TOLD_AT_ONCE", 1)

    count = await _tell_all(deals)

    again = (await _told(deals))[len(before) :]
    named = [row for row in before if b'"lead_id"' in row.data]
    assert count == len(again) == len({row.key for row in named}) > 0
    newest = {row.key: row for row in named}
    assert [row[1:] for row in again] == [newest[row.key][1:] for row in again]
    assert not {row.id for row in again} & {row.id for row in before}
    assert await _hear(leads, again) == expected
    async with leads.transaction() as session:
        await session.execute(text("DELETE FROM lead_deal"))
    assert await _hear(leads, again) == [row for row in expected if row.lead_id is not None] != []
