"""Telling others who is credited with deals, whenever that has changed."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.splits import SplitEntry, SplitShare, SplitsStated
from libs.common.messaging import outbox
from libs.common.messaging.republishing import Again
from libs.common.web.auth import Principal, require
from services.deals.credit import repository
from services.deals.statements.service import WRITERS

AT_ONCE = 1000
"""Marks that are looked at in one transaction at most."""


async def tell(session: AsyncSession, deals: Sequence[UUID] | None = None, *, principal: Principal) -> int:
    """Tell of these deals, or of those marked, what holds of their splits, where that is not what was told last; returns of how many.

    Also of deals that absorbed others or let them go since: what was said of one is told of the other.
    """
    require(principal, "system", *WRITERS)
    await repository.lock_telling(session)
    marks = await repository.marked(session, deals, limit=AT_ONCE)
    told = await _tell(session, {deal for deal, _ in marks} if deals is None else deals, principal)
    if marks:
        await repository.unmark(session, marks)
    return told


async def is_marked(session: AsyncSession, *, principal: Principal) -> bool:
    """Whether of any deal something may have to be told."""
    require(principal, "system")
    return bool(await repository.marked(session, None, limit=1))


async def _tell(session: AsyncSession, deals: Collection[UUID], principal: Principal) -> int:
    untold = await repository.untold(session, deals) if deals else []
    if not untold:
        return 0
    said = await _said(session, [row.deal_id for row in untold])
    at = await outbox.stamp(session)
    rows = []
    for row in untold:
        event = _event(row.deal_id, row.told + 1, said[row.deal_id])
        outbox.add(session, event, key=event.deal_id, version=event.version, occurred_at=at, actor=principal.subject)
        rows.append(
            {"deal_id": event.deal_id, "version": event.version, "entries": row.entries or "", "recorded_at": at}
        )
    await repository.keep_told(session, rows)
    return len(rows)


async def told_again(session: AsyncSession, deals: Sequence[UUID]) -> list[Again]:
    """What was told last of these deals, which is what holds now: anything newer is told first."""
    await tell(session, deals, principal=Principal.system("deals"))
    newest, said = await repository.told_last(session, deals), await _said(session, deals)
    return [
        Again(
            _event(row.deal_id, row.version, said[row.deal_id]),
            row.deal_id,
            row.version,
            row.recorded_at,
            row.recorded_at,
        )
        for row in newest
    ]


async def _said(session: AsyncSession, deals: Sequence[UUID]) -> Mapping[UUID, Sequence[Any]]:
    said: dict[UUID, list[Any]] = defaultdict(list)
    for row in await repository.everything_said(session, deals):
        said[row.deal_id].append(row)
    return said


def _event(deal_id: UUID, version: int, said: Sequence[Any]) -> SplitsStated:
    """Of entries of one instant the last is the one that holds."""

    def entries(part: str) -> tuple[SplitEntry, ...]:
        several = groupby((row for row in said if row.part == part), key=lambda row: row.at)
        return tuple(_entry(at, [*rows][-1].said) for at, rows in several)

    return SplitsStated(deal_id=deal_id, version=version, revenue=entries("revenue"), overlay=entries("overlay"))


def _entry(at: datetime, said: Mapping[str, Any]) -> SplitEntry:
    return SplitEntry(at=at, shares=tuple(SplitShare.model_validate(each) for each in said["shares"]))
