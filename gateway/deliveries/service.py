"""What came, from whom, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.config import Settings
from gateway.deliveries import arrivals, balance, repository
from gateway.deliveries.asked import Selection
from gateway.deliveries.schemas import (
    Arrivals,
    ConnectionSummary,
    DeliveryDetail,
    DeliveryOut,
    DeliveryPage,
    ItemOut,
    Latency,
    ParkedReason,
    ReplayOut,
    ReplayPlan,
    Summary,
    WaitingList,
    WaitingOut,
)
from libs.common import clock
from libs.common.ids import new_id_floor
from libs.common.runtime import Runtime
from libs.common.sql import Within
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, NotFound
from libs.common.web.paging import decode_cursor, encode_cursor

READERS = ("viewer", "seller", "manager", "sales_ops", "finance", "cso", "ceo")
REPLAY_AT_ONCE = 10_000
REASONS_SHOWN = 50
TIMED = 1000
"""Deliveries of which a latency is made."""


class UnknownDelivery(NotFound):
    """There is no delivery of that id."""


class NothingParked(Conflict):
    """The delivery has no parked item, so there is nothing to replay."""


class BodyForgotten(Conflict):
    """The raw body has been removed; the CRM must send the record again."""


async def listed(
    session: AsyncSession,
    asked: Selection,
    *,
    principal: Principal,
    cursor: str | None = None,
    limit: int = 50,
) -> DeliveryPage:
    """A page of the deliveries asked for, newest first."""
    require(principal, *READERS)
    after = decode_cursor(cursor, 1)
    before = UUID(str(after[0])) if after else None
    rows = await repository.page(session, asked, before=before, limit=limit + 1)
    more = len(rows) > limit
    items = [DeliveryOut.model_validate(dict(row)) for row in rows[:limit]]
    taken = await balance.latency(session, asked, limit=TIMED)
    return DeliveryPage(
        items=items, next_cursor=encode_cursor(items[-1].id) if more else None, latency=Latency(**dict(taken))
    )


async def detail(session: AsyncSession, identifier: UUID, *, principal: Principal) -> DeliveryDetail:
    """A delivery with its items and raw body, which may hold person data. Raises UnknownDelivery."""
    require(principal, "sales_ops")
    row = await repository.one(session, identifier)
    if row is None:
        raise UnknownDelivery(f"There is no delivery {identifier}.")
    items = [ItemOut.model_validate(dict(each)) for each in await repository.items(session, identifier)]
    body = None if row["body"] is None else bytes(row["body"]).decode("utf-8", "replace")
    return DeliveryDetail.model_validate(dict(row) | {"body": body, "items": items})


async def replay(session: AsyncSession, identifier: UUID, *, principal: Principal) -> ReplayOut:
    """Read the parked items of a delivery again, with the mapping as it is now. Raises UnknownDelivery, Conflict."""
    require(principal, "sales_ops")
    row = await repository.one(session, identifier)
    if row is None:
        raise UnknownDelivery(f"There is no delivery {identifier}.")
    if row["state"] != "parked":
        raise NothingParked(f"Delivery {identifier} is {row['state']}: nothing in it is parked.")
    if row["body"] is None:
        raise BodyForgotten(
            f"The raw body of delivery {identifier} has been removed; let the CRM send the record again."
        )
    deliveries, items = await repository.reopen_parked(session, Selection(delivery=identifier), limit=1)
    return ReplayOut(deliveries=deliveries, items=items)


async def replay_selected(
    session: AsyncSession, asked: Selection, *, dry_run: bool, principal: Principal
) -> ReplayPlan:
    """Read the parked deliveries asked for again, with the mappings as they are now: the oldest 10,000. A dry run changes nothing."""
    require(principal, "sales_ops")
    readable, forgotten = await repository.parked_deliveries(session, asked)
    found = await repository.parked_reasons(session, asked)
    reasons = [
        ParkedReason(**{name: row[name] for name in ParkedReason.model_fields}) for row in found if not row["forgotten"]
    ]
    deliveries, items = readable, sum(each.items for each in reasons)
    remaining = max(0, readable - REPLAY_AT_ONCE)
    if not dry_run:
        deliveries, items = await repository.reopen_parked(session, asked, limit=REPLAY_AT_ONCE)
        remaining = readable - deliveries
    return ReplayPlan(
        dry_run=dry_run,
        deliveries=deliveries,
        items=items,
        remaining=remaining,
        forgotten=forgotten,
        reasons=reasons[:REASONS_SHOWN],
    )


async def waiting(
    session: AsyncSession, *, principal: Principal, older_than_s: float = 5.0, limit: int = 50
) -> WaitingList:
    """What was accepted longer ago than that and has no effect yet, with age and reason."""
    require(principal, *READERS)
    now = clock.now()
    rows = await repository.waiting(session, before=now - timedelta(seconds=older_than_s), limit=limit + 1)
    return WaitingList(
        items=[
            WaitingOut(**dict(row), age_s=round((now - row["received_at"]).total_seconds(), 3)) for row in rows[:limit]
        ],
        is_complete=len(rows) <= limit,
    )


async def arrived(session: AsyncSession, *, principal: Principal, since: datetime) -> dict[str, Arrivals]:
    """By connection: what has come since then, when the last came, and what waits or is parked whenever it came."""
    require(principal, *READERS)
    rows = await arrivals.by_connection(session, since=since)
    return {row["connection"]: Arrivals.model_validate(dict(row)) for row in rows}


async def summary(session: AsyncSession, *, principal: Principal, hours: int = 24) -> Summary:
    """Counts by connection and outcome of the last hours, with what waits longest."""
    require(principal, *READERS)
    now = clock.now()
    since = now - timedelta(hours=hours)
    rows = await balance.counts(session, since=since)
    return Summary(since=since, origin=await origin(session), connections=[_summed(row, now) for row in rows])


def _summed(row: RowMapping, now: datetime) -> ConnectionSummary:
    told = sum(row[name] for name in ("applied", "superseded", "duplicate", "ignored", "parked", "pending"))
    oldest = row["oldest_waiting_at"]
    taken = {name: row[name] for name in Latency.model_fields}
    return ConnectionSummary(
        **{name: value for name, value in row.items() if name not in taken},
        latency=Latency(**taken),
        is_conserved=told == row["items"],
        oldest_waiting_age_s=None if oldest is None else max(0.0, (now - oldest).total_seconds()),
    )


@dataclass(frozen=True)
class Audit:
    """Conservation per connection and hour. `violations` is empty as long as every item has exactly one outcome."""

    hours: Sequence[dict[str, Any]]
    violations: Sequence[dict[str, Any]]


async def audit(session: AsyncSession) -> Audit:
    """Check that accepted items = applied + superseded + duplicate + ignored + parked + pending, for every hour kept."""
    hours = [dict(row) for row in await balance.by_hour(session)]
    return Audit(hours, [dict(row) for row in await balance.unbalanced(session)])


async def origin(within: Within) -> datetime:
    """Arrival of the oldest delivery whose effects may not be in the outbox yet; now, if there is none."""
    return await repository.oldest_waiting(within) or clock.now()


async def forget_bodies(runtime: Runtime) -> None:
    """Remove raw bodies beyond their retention: they hold person data."""
    settings = cast("Settings", runtime.settings)
    before = new_id_floor(clock.now() - timedelta(days=settings.raw_body_retention_days))
    while True:
        async with runtime.database.transaction() as session:
            if not await repository.forget_bodies(session, before=before, limit=1000):
                return
