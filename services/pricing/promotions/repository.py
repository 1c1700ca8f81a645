"""Named queries over promotions, their versions, and what quotes take of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.pricing import PromotionChanged
from libs.common.organisation import scope_parameters, visible
from libs.common.web.auth import Principal
from services.pricing.promotions.mechanism import Standing
from services.pricing.promotions.models import Entry, Plan, Promotion, Sale, State, Taken, Use, Used

_PLAN = [each.name for each in fields(Plan)]
_OWN = [each.name for each in fields(Promotion) if each.name != "plan"]
_ALL = ", ".join((*_OWN, *_PLAN))
_LISTS = ("products", "markets", "segments", "authors")


def _row(row: Any) -> Promotion:
    own: dict[str, Any] = {name: tuple(value) if name in _LISTS else value for name, value in row._mapping.items()}
    return Promotion(**{name: own[name] for name in _OWN}, plan=Plan(**{name: own[name] for name in _PLAN}))


def _given(row: Promotion) -> dict[str, Any]:
    own = {name: getattr(row, name) for name in _OWN} | {name: getattr(row.plan, name) for name in _PLAN}
    return {name: list(value) if name in _LISTS else value for name, value in own.items()}


_ADD = text(f"INSERT INTO promotion ({_ALL}) VALUES ({', '.join(f':{name}' for name in (*_OWN, *_PLAN))})")  # noqa: S608
_CHANGE = text(
    f"UPDATE promotion SET {', '.join(f'{name} = :{name}' for name in (*_OWN, *_PLAN) if name != 'promotion_id')} "  # noqa: S608
    "WHERE promotion_id = :promotion_id"
)
_KEEP = text(
    """
    INSERT INTO promotion_version (promotion_id, version, state, plan, actor, note, recorded_at, told)
    VALUES (:promotion_id, :version, :state, cast(:plan AS jsonb), :actor, :note, :recorded_at, cast(:told AS jsonb))
    """
)


async def put(
    session: AsyncSession, row: Promotion, told: PromotionChanged, *, actor: str, note: str, recorded_at: datetime
) -> None:
    """Write a promotion that is new or locked, and keep this version of it and what is told of it for ever."""
    await session.execute(_ADD if row.version == 1 else _CHANGE, _given(row))
    kept = {"promotion_id": row.promotion_id, "version": row.version, "state": row.state, "actor": actor, "note": note}
    plan = orjson.dumps(asdict(row.plan), default=str).decode()
    await session.execute(_KEEP, kept | {"plan": plan, "recorded_at": recorded_at, "told": told.model_dump_json()})


_FIND = text(f"SELECT {_ALL} FROM promotion WHERE promotion_id = :promotion_id")  # noqa: S608
_LOCK = text(
    f"SELECT {_ALL} FROM promotion WHERE promotion_id = ANY(:ids) ORDER BY promotion_id FOR UPDATE"  # noqa: S608
)
_LIST = text(
    f"""
    SELECT {_ALL} FROM promotion WHERE (cast(:state AS text) IS NULL OR state = :state)
    ORDER BY starts_on DESC, promotion_id DESC LIMIT :limit
    """  # noqa: S608
)
_HISTORY = text(
    """
    SELECT version, state, plan, actor, note, recorded_at FROM promotion_version WHERE promotion_id = :promotion_id
    ORDER BY version DESC LIMIT 200
    """
)
_DUE = text(
    """
    SELECT promotion_id FROM promotion
    WHERE (state = 'approved' AND starts_on <= :today) OR (state IN ('approved', 'running') AND ends_on < :today)
    ORDER BY promotion_id LIMIT 200
    """
)


async def find(session: AsyncSession, promotion_id: UUID) -> Promotion | None:
    row = (await session.execute(_FIND, {"promotion_id": promotion_id})).one_or_none()
    return None if row is None else _row(row)


async def lock(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Promotion]:
    """The known ones among `ids`, locked in the order of their ids."""
    rows = await session.execute(_LOCK, {"ids": list(ids)})
    return {row.promotion_id: _row(row) for row in rows}


async def listed(session: AsyncSession, *, state: State | None, limit: int) -> list[Promotion]:
    return [_row(row) for row in await session.execute(_LIST, {"state": state, "limit": limit})]


async def history(session: AsyncSession, promotion_id: UUID) -> list[Entry]:
    return [Entry(*row) for row in await session.execute(_HISTORY, {"promotion_id": promotion_id})]


async def due(session: AsyncSession, *, today: date) -> list[UUID]:
    """Promotions whose first day has come or whose last has passed, and that are not told as such yet."""
    return list((await session.execute(_DUE, {"today": today})).scalars())


STANDING = """
    quote.status IN ('draft', 'submitted', 'approved', 'accepted')
    AND coalesce(heir.state, deal.state) <> 'lost' AND NOT coalesce(heir.removed, deal.removed)
"""
"""Quotes that take of a budget: what the customer has or may still get. What was rejected, withdrawn, has run out or is of a lost deal
takes nothing, and is counted anew when it is asked for or accepted after all, or when the CRM reopens the deal. A quote of a deal that
was absorbed is that of its heir."""

_TAKING = """
    FROM promotion_use used
    JOIN quote ON quote.quote_id = used.quote_id AND quote.revision = used.revision
    JOIN deal_reference deal USING (deal_id)
    LEFT JOIN deal_reference heir ON heir.deal_id = deal.absorbed_into
"""

_USE = text(
    """
    INSERT INTO promotion_use (promotion_id, quote_id, revision, position, amount)
    VALUES (:promotion_id, :quote_id, :revision, :position, :amount)
    """
)
_USED = text(
    f"""
    SELECT used.promotion_id, sum(used.amount) AS amount,
           coalesce(sum(used.amount) FILTER (WHERE quote.status = 'accepted'), 0) AS accepted,
           count(DISTINCT used.quote_id) AS quotes
    {_TAKING}
    WHERE used.promotion_id = ANY(:ids) AND {STANDING}
      AND (cast(:but AS uuid) IS NULL OR used.quote_id <> :but)
    GROUP BY 1
    """
)
_OF_QUOTE = text(
    """
    SELECT promotion_id, quote_id, revision, position, amount FROM promotion_use
    WHERE quote_id = :quote_id AND revision = :revision ORDER BY promotion_id, position
    """
)


async def add_uses(session: AsyncSession, uses: Sequence[Use]) -> None:
    if uses:
        await session.execute(_USE, [asdict(each) for each in uses])


async def used(session: AsyncSession, ids: Collection[UUID], *, but: UUID | None = None) -> dict[UUID, Used]:
    """What standing quotes take, without the quote `but`; promotions that nobody takes are there with nothing."""
    rows = await session.execute(_USED, {"ids": list(ids), "but": but})
    return {each: Used() for each in ids} | {
        row.promotion_id: Used(row.amount, row.accepted, row.quotes) for row in rows
    }


async def uses_of(session: AsyncSession, quote_id: UUID, revision: int) -> list[Use]:
    return [Use(*row) for row in await session.execute(_OF_QUOTE, {"quote_id": quote_id, "revision": revision})]


_TAKEN = text(
    f"""
    SELECT quote.quote_id, quote.deal_id, deal.name AS deal, quote.status, sum(used.amount) AS amount, quote.net_amount,
           quote.revised_at AS quoted_at, {STANDING} AS stands, greatest(deal.lost_at, heir.lost_at) IS NOT NULL AS was_lost,
           {visible("deal.owner_id")} AS is_visible
    {_TAKING}
    WHERE used.promotion_id = :promotion_id
    GROUP BY quote.quote_id, deal.deal_id, heir.deal_id
    ORDER BY quote.revised_at DESC, quote.quote_id LIMIT 1000
    """
)


async def taken(
    session: AsyncSession, promotion_id: UUID, *, over: Mapping[UUID, Decimal], principal: Principal
) -> tuple[list[Taken], int]:
    """Quotes within the principal's scope whose newest revision takes it, and how many there are outside."""
    rows = (await session.execute(_TAKEN, {"promotion_id": promotion_id, **scope_parameters(principal)})).all()
    mine = [
        Taken(
            quote_id=row.quote_id,
            deal_id=row.deal_id,
            deal=row.deal,
            status=row.status,
            amount=row.amount,
            net_amount=row.net_amount,
            quoted_at=row.quoted_at,
            stands=row.stands,
            came_back=row.stands and row.was_lost,
            over=over.get(row.quote_id, Decimal()),
        )
        for row in rows
        if row.is_visible
    ]
    return mine, len(rows) - len(mine)


_STANDING = text(
    f"""
    SELECT used.promotion_id, quote.quote_id, sum(used.amount), quote.revised_at, greatest(deal.lost_at, heir.lost_at)
    {_TAKING}
    WHERE used.promotion_id = ANY(:ids) AND {STANDING}
    GROUP BY used.promotion_id, quote.quote_id, deal.deal_id, heir.deal_id
    """
)


async def standing(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, list[Standing]]:
    """What takes of each promotion now, quote by quote."""
    found: dict[UUID, list[Standing]] = {each: [] for each in ids}
    for promotion_id, *row in await session.execute(_STANDING, {"ids": list(ids)}):
        found[promotion_id].append(Standing(*row))
    return found


_SALES = text(
    """
    SELECT quote.quote_id, quote.valid_from, heir.market, heir.segment, sum(line.net_amount) AS amount,
           coalesce(sum(line.net_amount) FILTER (WHERE used.amount IS NOT NULL), 0) AS promoted
    FROM quote
    JOIN deal_reference deal USING (deal_id)
    JOIN deal_reference heir ON heir.deal_id = coalesce(deal.absorbed_into, deal.deal_id)
    JOIN quote_line line ON line.quote_id = quote.quote_id AND line.revision = quote.revision
    LEFT JOIN promotion_use used ON used.quote_id = line.quote_id AND used.revision = line.revision
        AND used.position = line.position AND used.promotion_id = :promotion_id
    WHERE quote.status = 'accepted' AND heir.state <> 'lost' AND NOT heir.removed AND quote.currency = :currency
      AND quote.valid_from >= :since AND quote.valid_from < :until
      AND (cardinality(cast(:products AS uuid[])) = 0 OR line.product_id = ANY(cast(:products AS uuid[])))
    GROUP BY quote.quote_id, heir.deal_id
    ORDER BY quote.valid_from, quote.quote_id
    """
)
_ELSEWHERE = text(
    """
    SELECT count(DISTINCT quote.quote_id) FROM quote
    JOIN quote_line line ON line.quote_id = quote.quote_id AND line.revision = quote.revision
    WHERE quote.status = 'accepted' AND quote.currency <> :currency AND quote.valid_from >= :since AND quote.valid_from < :until
      AND (cardinality(cast(:products AS uuid[])) = 0 OR line.product_id = ANY(cast(:products AS uuid[])))
    """
)
_FIRST = text("SELECT min(valid_from) FROM quote WHERE status = 'accepted'")


async def sales(session: AsyncSession, row: Promotion, *, since: datetime, until: datetime) -> tuple[list[Sale], int]:
    """Accepted quotes with products of the promotion in a time, everywhere, in its currency; and how many in others."""
    given = {"currency": row.plan.currency, "since": since, "until": until, "products": list(row.plan.products)}
    rows = await session.execute(_SALES, given | {"promotion_id": row.promotion_id})
    found = [Sale(*each) for each in rows]
    return found, (await session.execute(_ELSEWHERE, given)).scalar_one()


async def first_sale(session: AsyncSession) -> datetime | None:
    """When the first of the quotes that are accepted now was accepted."""
    found: datetime | None = (await session.execute(_FIRST)).scalar_one()
    return found


_BESIDE = text(
    f"""
    SELECT {_ALL} FROM promotion
    WHERE promotion_id <> :promotion_id AND state IN ('approved', 'running', 'ended')
      AND starts_on < :until AND least(ends_on, coalesce(ended_on, ends_on)) >= :since
      AND (cardinality(products) = 0 OR cardinality(cast(:products AS uuid[])) = 0
           OR products && cast(:products AS uuid[]))
    """  # noqa: S608
)


async def beside(session: AsyncSession, row: Promotion, *, since: date, until: date) -> list[Promotion]:
    """Other promotions of the same products that ran in these days."""
    given = {"promotion_id": row.promotion_id, "since": since, "until": until, "products": list(row.plan.products)}
    return [_row(each) for each in await session.execute(_BESIDE, given)]
