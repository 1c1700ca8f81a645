"""What may be read of deals: every query is bounded by the reader's scope."""

from dataclasses import MISSING, dataclass, fields
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import FiscalCalendar, UnknownPeriod
from libs.common.db import SETTINGS
from libs.common.organisation import scope_parameters, visible
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.errors import Invalid, NotFound
from libs.common.web.paging import decode_cursor, encode_cursor
from services.deals.ledger.schemas import DealOut, DealPage, TimelineEntry, TimelineOut
from services.deals.ledger.timeline import Content


class UnknownDeal(NotFound):
    """No deal of this id that the reader may see."""


class UnknownMonth(Invalid):
    """A month is written like 2026-11."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Filters of the list; None leaves one out. `month` is the fiscal month of booking or, while open, of the close date."""

    state: str | None = None
    stage: str | None = None
    owner_id: UUID | None = None
    account_id: UUID | None = None
    region: str | None = None
    month: str | None = None
    q: str | None = None
    with_removed: bool = False


_VISIBLE = visible("d.owner_id")

_PAGE = text(
    """
    SELECT d.deal_id, d.version, d.valid_from, d.recorded_at, d.content::text AS content
    FROM deal d
    WHERE d.version > 0
      AND (:with_removed OR NOT d.removed)
      AND (CAST(:state AS text) IS NULL OR d.state = :state)
      AND (CAST(:stage AS text) IS NULL OR d.stage = :stage)
      AND (CAST(:owner_id AS uuid) IS NULL OR d.owner_id = :owner_id)
      AND (CAST(:account_id AS uuid) IS NULL OR d.account_id = :account_id)
      AND (CAST(:region AS text) IS NULL OR d.region = :region)
      AND (CAST(:first_day AS date) IS NULL OR coalesce(d.closed_on, d.close_date) >= :first_day)
      AND (CAST(:after_last_day AS date) IS NULL OR coalesce(d.closed_on, d.close_date) < :after_last_day)
      AND (CAST(:q AS text) IS NULL OR position(lower(:q) IN lower(d.name)) > 0)
      AND (CAST(:after AS uuid) IS NULL OR d.deal_id > :after)
      AND {visible}
    ORDER BY d.deal_id LIMIT :limit
    """.replace("{visible}", _VISIBLE)
)


async def deals(
    session: AsyncSession, wanted: Wanted, *, cursor: str | None, limit: int, principal: Principal
) -> DealPage:
    """A page of deals by id. Raises UnknownMonth and UnreadableCursor."""
    require(principal, *ROLES)
    after = decode_cursor(cursor, 1)
    first_day, after_last_day = _month(wanted.month, session.info[SETTINGS].calendar)
    values = {
        "state": wanted.state,
        "stage": wanted.stage,
        "owner_id": wanted.owner_id,
        "account_id": wanted.account_id,
        "region": wanted.region,
        "first_day": first_day,
        "after_last_day": after_last_day,
        "q": wanted.q,
        "with_removed": wanted.with_removed,
        "after": UUID(after[0]) if after else None,
        "limit": limit + 1,
    }
    rows = (await session.execute(_PAGE, values | scope_parameters(principal))).mappings().all()
    following = encode_cursor(rows[limit - 1]["deal_id"]) if len(rows) > limit else None
    return DealPage(items=[_deal(row) for row in rows[:limit]], next_cursor=following)


_ONE = text(
    """
    SELECT d.deal_id, d.version, d.valid_from, d.recorded_at, d.content::text AS content
    FROM deal d WHERE d.deal_id = :deal_id AND d.version > 0 AND {visible}
    """.replace("{visible}", _VISIBLE)
)


async def deal(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> DealOut:
    """One deal as it stands, also when removed. Raises UnknownDeal, also when it is out of scope."""
    require(principal, *ROLES)
    values = {"deal_id": deal_id} | scope_parameters(principal)
    row = (await session.execute(_ONE, values)).mappings().one_or_none()
    if row is None:
        raise UnknownDeal(f"No deal {deal_id} is known to you; it may not have arrived from the CRM yet.")
    return _deal(row)


_TIMELINE = text("""
    SELECT version, valid_from, recorded_at, source_recorded_at, reconstructed, unobserved_since, changed_by, event, cause::text AS cause,
           delivery_received_at, content::text AS content
    FROM deal_version WHERE deal_id = :deal_id ORDER BY version
""")


async def timeline(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> TimelineOut:
    """All versions of a deal in order of recording. Raises UnknownDeal, also when it is out of scope today."""
    await deal(session, deal_id, principal=principal)
    rows = (await session.execute(_TIMELINE, {"deal_id": deal_id})).mappings()
    entries = [
        TimelineEntry.model_validate(
            {
                **{name: row[name] for name in row if name not in ("content", "cause")},
                "cause": orjson.loads(row["cause"]),
                "deal": _facts(row),
            }
        )
        for row in rows
    ]
    return TimelineOut(deal_id=deal_id, entries=entries)


def _deal(row: RowMapping) -> DealOut:
    known: dict[str, Any] = {name: row[name] for name in ("deal_id", "version", "valid_from", "recorded_at")}
    return DealOut.model_validate(_facts(row) | known)


_LATER = {each.name: each.default for each in fields(Content) if each.default is not MISSING}
"""What an entry says of facts that came after it was kept."""


def _facts(row: RowMapping) -> dict[str, Any]:
    told: dict[str, Any] = orjson.loads(row["content"])
    return _LATER | told


def _month(month: str | None, calendar: FiscalCalendar) -> tuple[date | None, date | None]:
    if month is None:
        return None, None
    try:
        found = calendar.parse(month)
    except UnknownPeriod:
        found = None
    if found is None or found.kind != "month":
        raise UnknownMonth(f"{month!r} is not a month; write it like 2026-11.") from None
    return found.start, found.end
