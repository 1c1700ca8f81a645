"""Keeping what deals tell of splits, in any order and repetition, and the parts of deals that count by them at present."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.splits import SplitEntry, SplitShare, SplitsStated
from libs.common.web.auth import ROLES, Principal, require
from services.forecast.config import settings_of
from services.forecast.credit import repository
from services.forecast.credit.share import booked_until, counting, parts

_ENTRIES = TypeAdapter(list[SplitEntry])


async def append(session: AsyncSession, events: Sequence[Received[SplitsStated]], *, principal: Principal) -> None:
    """Keep what holds of the splits of deals; of a deal the greatest version does."""
    require(principal, "system")
    await repository.append(session, events)


async def shares(
    session: AsyncSession, rows: Sequence[Mapping[str, Any]], *, principal: Principal
) -> dict[UUID, list[SplitShare]]:
    """Who is credited with each of some rows of deals at present; deals that are all their owner's are left out."""
    require(principal, "system")
    told = await repository.newest(session, {row["deal_id"] for row in rows})
    if not told:
        return {}
    zone = ZoneInfo(settings_of(session).org_timezone)
    found = {}
    for row in rows:
        if row["deal_id"] in told:
            entries = _ENTRIES.validate_python(told[row["deal_id"]])
            found[row["deal_id"]] = counting(entries, booked_until(row["closed_on"], zone))
    return {deal: several for deal, several in found.items() if several}


async def told(session: AsyncSession, *, principal: Principal) -> list[UUID]:
    """Every deal of which splits were told."""
    require(principal, "system")
    return await repository.all_told(session)


async def any_counts(session: AsyncSession, *, principal: Principal) -> bool:
    """Whether any deal, whoever sees it, is split at present."""
    require(principal, "system", *ROLES)
    return await repository.any_counts(session)


async def put(
    session: AsyncSession,
    old: Collection[UUID],
    rows: Sequence[Mapping[str, Any]],
    credited: Mapping[UUID, Sequence[SplitShare]],
    *,
    principal: Principal,
) -> None:
    """Make the parts of split deals those of `rows`; `old`: the deals that had any, all of them locked by the caller."""
    require(principal, "system")
    if not old and not credited:
        return
    currency = settings_of(session).base_currency
    made = [
        {
            "deal_id": row["deal_id"],
            "person_id": part.person_id,
            "share": part.share,
            "line": row["line"],
            "month": row["month"],
            "amount_base": part.amount,
            "weighted_base": part.weighted,
        }
        for row in sorted(rows, key=lambda each: each["deal_id"])
        if row["line"] is not None and row["deal_id"] in credited
        for part in parts(row, credited[row["deal_id"]], currency)
    ]
    await repository.put(session, {*old, *credited}, made)
