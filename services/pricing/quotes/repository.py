"""Named queries over quotes and the deals they are for."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.pricing import QuotedLine
from libs.common.organisation import scope_parameters, visible
from libs.common.web.auth import Principal
from services.pricing.quotes.arithmetic import Deduction
from services.pricing.quotes.models import DealReference, Quote, QuoteLine, Revision, StateEntry

_DEAL = ", ".join(each.name for each in fields(DealReference))
_QUOTE = ", ".join(each.name for each in fields(Quote))
_REVISION = ", ".join(each.name for each in fields(Revision))
_OF_QUOTE = ", ".join(f"quote.{name}" for name in _QUOTE.split(", "))

_PUT_DEALS = text(
    f"""
    INSERT INTO deal_reference AS known ({_DEAL})
    SELECT * FROM unnest(
        cast(:deal_ids AS uuid[]), cast(:versions AS bigint[]), cast(:valid_froms AS timestamptz[]),
        cast(:names AS text[]), cast(:states AS text[]), cast(:owner_ids AS uuid[]), cast(:absorbed AS uuid[]),
        cast(:removed AS boolean[]), cast(:markets AS text[]), cast(:segments AS text[]),
        cast(:amounts AS numeric[]), cast(:currencies AS text[]),
        cast(:account_ids AS uuid[])
    ) AS n ({_DEAL})
    ORDER BY deal_id
    ON CONFLICT (deal_id) DO UPDATE
    SET version = excluded.version, valid_from = excluded.valid_from, name = excluded.name, state = excluded.state,
        owner_id = excluded.owner_id, absorbed_into = excluded.absorbed_into, removed = excluded.removed,
        market = excluded.market, segment = excluded.segment, amount = excluded.amount, currency = excluded.currency,
        account_id = excluded.account_id
    WHERE known.version = 0 OR (known.valid_from, known.version) < (excluded.valid_from, excluded.version)
       OR (known.valid_from, known.version) = (excluded.valid_from, excluded.version)
          AND known.account_id IS DISTINCT FROM excluded.account_id
    """  # noqa: S608
)
"""An entry that is known comes in again only for the account: rows from before it was kept have none until then."""


async def put_deals(session: AsyncSession, deals: Sequence[DealReference]) -> None:
    """Take deals over where they are newer than what is known; `deals` holds each deal once."""
    await session.execute(
        _PUT_DEALS,
        {
            "deal_ids": [deal.deal_id for deal in deals],
            "versions": [deal.version for deal in deals],
            "valid_froms": [deal.valid_from for deal in deals],
            "names": [deal.name for deal in deals],
            "states": [deal.state for deal in deals],
            "owner_ids": [deal.owner_id for deal in deals],
            "absorbed": [deal.absorbed_into for deal in deals],
            "removed": [deal.removed for deal in deals],
            "markets": [deal.market for deal in deals],
            "segments": [deal.segment for deal in deals],
            "amounts": [deal.amount for deal in deals],
            "currencies": [deal.currency for deal in deals],
            "account_ids": [deal.account_id for deal in deals],
        },
    )


_PUT_LOST = text(
    """
    UPDATE deal_reference known SET lost_at = greatest(known.lost_at, n.lost_at)
    FROM unnest(cast(:deal_ids AS uuid[]), cast(:lost_ats AS timestamptz[])) AS n (deal_id, lost_at)
    WHERE known.deal_id = n.deal_id AND (known.lost_at IS NULL OR known.lost_at < n.lost_at)
    """
)


async def put_lost(session: AsyncSession, lost: Mapping[UUID, datetime]) -> None:
    """Keep when deals were last lost or removed, whatever became of them since; their rows are locked by `put_deals`."""
    if lost:
        await session.execute(_PUT_LOST, {"deal_ids": list(lost), "lost_ats": list(lost.values())})


_PLACEHOLDER = text("INSERT INTO deal_reference (deal_id) VALUES (:deal_id) ON CONFLICT DO NOTHING")
_DEAL_OF = text(
    f"SELECT {_DEAL} FROM deal_reference WHERE deal_id = :deal_id AND {visible('deal_reference.owner_id')}"  # noqa: S608
)


async def find_deal(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> DealReference | None:
    """The deal within the principal's scope."""
    rows = await session.execute(_DEAL_OF, {"deal_id": deal_id, **scope_parameters(principal)})
    row = rows.one_or_none()
    return None if row is None else DealReference(*row)


_LOCK_DEAL = text(
    f"SELECT {_DEAL} FROM deal_reference WHERE deal_id = :deal_id AND {visible('deal_reference.owner_id')} FOR UPDATE"  # noqa: S608
)


async def lock_deal(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> DealReference | None:
    """The deal within the principal's scope, locked; a placeholder counts as nobody's."""
    await session.execute(_PLACEHOLDER, {"deal_id": deal_id})
    rows = await session.execute(_LOCK_DEAL, {"deal_id": deal_id, **scope_parameters(principal)})
    row = rows.one_or_none()
    return None if row is None else DealReference(*row)


_FIND = text(
    f"""
    SELECT {_OF_QUOTE} FROM quote JOIN deal_reference USING (deal_id)
    WHERE quote.quote_id = :quote_id AND {visible("deal_reference.owner_id")}
    """  # noqa: S608
)


async def find_quote(session: AsyncSession, quote_id: UUID, *, principal: Principal) -> Quote | None:
    """The quote, if its deal is within the principal's scope."""
    rows = await session.execute(_FIND, {"quote_id": quote_id, **scope_parameters(principal)})
    row = rows.one_or_none()
    return None if row is None else Quote(*row)


_OF_DEAL = text(f"SELECT {_QUOTE} FROM quote WHERE deal_id = :deal_id ORDER BY quote_id FOR UPDATE")  # noqa: S608


async def lock_quotes(session: AsyncSession, deal_id: UUID) -> dict[UUID, Quote]:
    """All quotes of a deal, locked; lock the deal first."""
    rows = await session.execute(_OF_DEAL, {"deal_id": deal_id})
    return {row.quote_id: Quote(*row) for row in rows}


_LIST = text(
    f"""
    SELECT {_OF_QUOTE}, deal_reference.name FROM quote JOIN deal_reference USING (deal_id)
    WHERE (cast(:deal_id AS uuid) IS NULL OR quote.deal_id = :deal_id)
      AND (cast(:status AS text) IS NULL OR quote.status = :status)
      AND (cast(:after_at AS timestamptz) IS NULL
           OR (quote.created_at, quote.quote_id) < (cast(:after_at AS timestamptz), cast(:after_id AS uuid)))
      AND {visible("deal_reference.owner_id")}
    ORDER BY quote.created_at DESC, quote.quote_id DESC
    LIMIT :limit
    """  # noqa: S608
)


async def list_quotes(
    session: AsyncSession,
    *,
    deal_id: UUID | None,
    status: str | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
    principal: Principal,
) -> list[tuple[Quote, str]]:
    """Quotes of deals within the principal's scope, newest first, after the sort key `after`."""
    after_at, after_id = after or (None, None)
    given = {"deal_id": deal_id, "status": status, "after_at": after_at, "after_id": after_id, "limit": limit}
    rows = await session.execute(_LIST, given | scope_parameters(principal))
    return [(Quote(*own), deal) for *own, deal in rows]


_LINES = text(
    """
    SELECT position, product_id, quantity, list_price, unit_price, discount, net_amount, cost, deductions
    FROM quote_line WHERE quote_id = :quote_id AND revision = :revision ORDER BY position
    """
)


async def lines_of(session: AsyncSession, quote_id: UUID, revision: int) -> list[QuoteLine]:
    rows = await session.execute(_LINES, {"quote_id": quote_id, "revision": revision})
    return [quote_line(row) for row in rows]


_TOLD = text(
    """
    SELECT l.product_id, coalesce(p.name, p.code, l.product_id::text), l.quantity, l.unit_price, l.net_amount
    FROM quote_line l LEFT JOIN product p ON p.product_id = l.product_id
    WHERE l.quote_id = :quote_id AND l.revision = :revision ORDER BY l.position
    """
)


async def told_lines(session: AsyncSession, quote_id: UUID, revision: int) -> tuple[QuotedLine, ...]:
    """The lines of a revision as others are told of them, with the names that their products have now."""
    rows = await session.execute(_TOLD, {"quote_id": quote_id, "revision": revision})
    return tuple(
        QuotedLine(product_id=row[0], product=row[1], quantity=row[2], unit_price=row[3], net_amount=row[4])
        for row in rows
    )


def quote_line(row: Any) -> QuoteLine:
    """A row of a line whose last column is its deductions."""
    *plain, deductions = row
    position, product_id, quantity, list_price, unit_price, discount, net_amount, cost = plain
    named = tuple(
        Deduction(
            each["name"],
            each["kind"],
            Decimal(each["share"]),
            UUID(each["promotion_id"]) if each.get("promotion_id") else None,
        )
        for each in deductions
    )
    return QuoteLine(position, product_id, quantity, list_price, unit_price, discount, net_amount, cost, named)


_ADD = text(
    f"INSERT INTO quote ({_QUOTE}) VALUES ({', '.join(f':{each.name}' for each in fields(Quote))})"  # noqa: S608
)
_ADD_REVISION = text(
    f"""
    INSERT INTO quote_revision (quote_id, {_REVISION})
    VALUES (:quote_id, {", ".join(f":{each.name}" for each in fields(Revision))})
    """  # noqa: S608
)
_ADD_LINES = text(
    """
    INSERT INTO quote_line (quote_id, revision, position, product_id, quantity, list_price, unit_price, discount, net_amount,
                            cost, deductions)
    VALUES (:quote_id, :revision, :position, :product_id, :quantity, :list_price, :unit_price, :discount, :net_amount,
            :cost, cast(:deductions AS jsonb))
    """
)


async def add_quote(session: AsyncSession, quote: Quote, lines: Sequence[QuoteLine]) -> None:
    await session.execute(_ADD, asdict(quote))
    await add_revision(session, quote, lines)


async def add_revision(session: AsyncSession, quote: Quote, lines: Sequence[QuoteLine]) -> None:
    """Keep what is offered now; it never changes."""
    own = asdict(quote)
    await session.execute(_ADD_REVISION, {name: own[name] for name in ("quote_id", *_REVISION.split(", "))})
    await session.execute(
        _ADD_LINES,
        [
            {
                **asdict(line),
                "quote_id": quote.quote_id,
                "revision": quote.revision,
                "deductions": orjson.dumps(
                    [
                        {
                            "name": each.name,
                            "kind": each.kind,
                            "share": str(each.share),
                            "promotion_id": each.promotion_id and str(each.promotion_id),
                        }
                        for each in line.deductions
                    ]
                ).decode(),
            }
            for line in lines
        ],
    )


_REVISIONS = text(
    f"SELECT {_REVISION} FROM quote_revision WHERE quote_id = :quote_id ORDER BY revision DESC"  # noqa: S608
)
_STATES = text(
    """
    SELECT version, status, valid_from, actor, recorded_at FROM quote_version WHERE quote_id = :quote_id
    ORDER BY version DESC LIMIT 200
    """
)


async def revisions(session: AsyncSession, quote_id: UUID) -> list[Revision]:
    """Newest first."""
    return [Revision(*row) for row in await session.execute(_REVISIONS, {"quote_id": quote_id})]


async def states(session: AsyncSession, quote_id: UUID) -> list[StateEntry]:
    """Newest first."""
    return [StateEntry(*row) for row in await session.execute(_STATES, {"quote_id": quote_id})]


_RUN_OUT = text(
    """
    SELECT quote_id FROM quote WHERE valid_until < :today AND status IN ('draft', 'submitted', 'approved', 'rejected')
    ORDER BY quote_id LIMIT :limit
    """
)


async def run_out(session: AsyncSession, *, today: date, limit: int) -> list[UUID]:
    """Quotes whose validity has passed and that are not told as such yet."""
    return list((await session.execute(_RUN_OUT, {"today": today, "limit": limit})).scalars())


_QUOTABLE = text(
    f"""
    SELECT {_DEAL} FROM deal_reference
    WHERE version > 0 AND state = 'open' AND NOT removed AND absorbed_into IS NULL
      AND (cast(:like AS text) IS NULL OR name ILIKE :like) AND {visible("deal_reference.owner_id")}
    ORDER BY valid_from DESC, deal_id LIMIT :limit
    """  # noqa: S608
)


async def quotable(
    session: AsyncSession, *, search: str | None, limit: int, principal: Principal
) -> list[DealReference]:
    """Open deals within the principal's scope, what moved last first."""
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") if search else None
    given = {"like": f"%{escaped}%" if escaped else None, "limit": limit}
    return [DealReference(*row) for row in await session.execute(_QUOTABLE, given | scope_parameters(principal))]


_CHANGING = [
    each.name
    for each in fields(Quote)
    if each.name not in ("quote_id", "deal_id", "created_at", "created_by", "request_digest")
]
_MOVE = text(f"UPDATE quote SET {', '.join(f'{name} = :{name}' for name in _CHANGING)} WHERE quote_id = :quote_id")  # noqa: S608


async def move_quote(session: AsyncSession, quote: Quote) -> None:
    """Write what can change of a quote that is locked."""
    own = asdict(quote)
    await session.execute(_MOVE, {name: own[name] for name in ("quote_id", *_CHANGING)})


_KEEP = text(
    """
    INSERT INTO quote_version (quote_id, version, status, valid_from, actor, recorded_at)
    VALUES (:quote_id, :version, :status, :valid_from, :actor, :recorded_at)
    """
)


async def keep_version(session: AsyncSession, quote: Quote, *, actor: str, recorded_at: datetime) -> None:
    """Who brought a quote into this state, and when: kept for ever."""
    given = {"quote_id": quote.quote_id, "version": quote.version, "status": quote.status, "actor": actor}
    await session.execute(_KEEP, given | {"valid_from": quote.valid_from, "recorded_at": recorded_at})
