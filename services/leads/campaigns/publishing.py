"""Telling others how campaigns stand, by the month in which their leads arrived: whenever that has changed."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import add_months, local_date
from libs.common.db import Database
from libs.common.events.leads import Amount, CampaignCounted, Touched
from libs.common.ids import NAMESPACE
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from services.leads.campaigns import repository
from services.leads.config import settings_of

MONTHS: Final = 24
"""Leads that arrived longer ago are told no more: what became of them stays as it was told last."""


def key_of(campaign_id: UUID, month: date) -> UUID:
    """What is told of a campaign and month is one aggregate."""
    return uuid5(NAMESPACE, f"campaign:{campaign_id}:{month}")


async def tell_changed(database: Database, seen: tuple[Any, ...] | None, *, principal: Principal) -> tuple[Any, ...]:
    """Count anew unless all is as it was when `seen` was returned; returns what was seen before the counting."""
    async with database.reading() as session:
        now = (*await repository.seen(session), _today(session))
    if now != seen:
        async with database.transaction() as session:
            await tell(session, principal=principal)
    return now


async def tell(session: AsyncSession, *, principal: Principal) -> int:
    """Tell of every campaign and month of which something else is true than was told last; how many."""
    require(principal, "system")
    await repository.lock(session)
    since = add_months(_today(session).replace(day=1), 1 - MONTHS)
    known = await repository.told(session, since=since)
    counted = await _counted(session, since, principal=principal)
    names = {each.campaign_id: each for each in await repository.campaigns(session)}
    at = await outbox.stamp(session)
    rows = []
    for campaign_id, month in sorted({*counted, *known}):
        told = counted.get((campaign_id, month), {})
        content = {"name": names[campaign_id].name, "market": names[campaign_id].market, **told}
        version, before = known.get((campaign_id, month), (0, None))
        event = CampaignCounted(
            campaign_id=campaign_id,
            month=month,
            version=version + 1,
            counted_at=at,
            **{"first": Touched(), "last": Touched(), **content},
        )
        said = event.model_dump(mode="json", include={"name", "market", "cost", "first", "last"})
        if said == before:
            continue
        rows.append(
            {
                "campaign_id": campaign_id,
                "month": month,
                "version": event.version,
                "content": orjson.dumps(said).decode(),
                "recorded_at": at,
            }
        )
        key = key_of(campaign_id, month)
        outbox.add(session, event, key=key, version=event.version, occurred_at=at, subject=str(campaign_id))
    if rows:
        await repository.keep_told(session, rows)
    return len(rows)


async def _counted(
    session: AsyncSession, since: date, *, principal: Principal
) -> dict[tuple[UUID, date], dict[str, Any]]:
    """Cost, first and last touch by campaign and month, where there is any of them."""
    configured = settings_of(session)
    begin = datetime.combine(since, time(), ZoneInfo(configured.org_timezone)).astimezone(UTC)
    found: dict[tuple[UUID, date], dict[str, Any]] = {}
    for touch in ("first", "last"):
        leads, money = await repository.became_monthly(
            session, touch=touch, since=begin, until=clock.now(), zone=configured.org_timezone, principal=principal
        )
        deals: dict[tuple[UUID, date], list[Any]] = {}
        for row in money:
            deals.setdefault((row.campaign_id, row.month), []).append(row)
        for row in leads:
            key = (row.campaign_id, row.month)
            found.setdefault(key, {})[touch] = _touched(row, deals.get(key, ()))
    for row in await repository.costs_monthly(session, since=since):
        cost = Amount(currency=row.currency, amount=row.amount)
        known = found.setdefault((row.campaign_id, row.month), {})
        known["cost"] = (*known.get("cost", ()), cost)
    for each in found.values():
        each["cost"] = tuple(sorted(each.get("cost", ()), key=lambda cost: cost.currency))
    return found


def _touched(leads: Any, deals: Iterable[Any]) -> Touched:
    rows = list(deals)
    return Touched(
        leads=leads.leads,
        accepted=leads.accepted,
        deals=sum(row.deals for row in rows),
        won_deals=sum(row.won_deals for row in rows),
        pipeline=_amounts({row.currency: row.pipeline for row in rows}),
        won=_amounts({row.currency: row.won for row in rows}),
    )


def _amounts(amounts: Mapping[str | None, Decimal | None]) -> tuple[Amount, ...]:
    """By currency; what has no currency or is nothing is left out."""
    known = [(currency, amount) for currency, amount in amounts.items() if currency is not None and amount]
    return tuple(Amount(currency=currency, amount=amount) for currency, amount in sorted(known))


def _today(session: AsyncSession) -> date:
    return local_date(clock.now(), settings_of(session).org_timezone)
