"""Named queries over scopes in which prices are drawn, drawn prices, and what became of them."""

from dataclasses import asdict, fields
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from services.pricing.draws.models import Drawn, DrawScope, Outcome

_LOCK = 0x44726177
_KEPT = [each.name for each in fields(DrawScope) if not each.name.startswith("ended")]
_STORED = [{"ratios": "levels"}.get(name, name) for name in _KEPT]
_SCOPE = ", ".join((*(f"scope.{name}" for name in _STORED), "over.ended_by", "over.ended_at"))
_DRAWN = "scope_id, deal_id, of_list, probability, drawn_by, drawn_at"

_FROM = "FROM price_draw_scope scope LEFT JOIN price_draw_scope_end over USING (scope_id)"
_FIND = text(f"SELECT {_SCOPE} {_FROM} WHERE scope.scope_id = :scope_id")
_OPEN = text(
    f"SELECT {_SCOPE} {_FROM} WHERE scope.product_id = :product_id AND over.ended_at IS NULL ORDER BY scope.scope_id"
)
_LIST = text(
    f"""
    SELECT {_SCOPE}, count(drawn.deal_id) AS drawn,
           count(drawn.deal_id) FILTER (WHERE heir.state IN ('won', 'lost') AND NOT heir.removed) AS closed
    {_FROM}
    LEFT JOIN drawn_price drawn ON drawn.scope_id = scope.scope_id
    LEFT JOIN deal_reference deal ON deal.deal_id = drawn.deal_id
    LEFT JOIN deal_reference heir ON heir.deal_id = coalesce(deal.absorbed_into, deal.deal_id)
    GROUP BY scope.scope_id, over.ended_by, over.ended_at ORDER BY scope.opened_at DESC, scope.scope_id LIMIT 200
    """
)
_ADD = text(
    f"INSERT INTO price_draw_scope ({', '.join(_STORED)}) VALUES ({', '.join(f':{name}' for name in _KEPT)})"  # noqa: S608
)
_END = text(
    "INSERT INTO price_draw_scope_end (scope_id, ended_by, ended_at) VALUES (:scope_id, :ended_by, :ended_at) ON CONFLICT DO NOTHING"
)
_KEEP = text(
    f"""
    INSERT INTO drawn_price ({_DRAWN}) VALUES ({", ".join(f":{each.name}" for each in fields(Drawn))})
    ON CONFLICT DO NOTHING
    """  # noqa: S608
)
_OF_DEAL = text(f"SELECT {_DRAWN} FROM drawn_price WHERE scope_id = :scope_id AND deal_id = :deal_id")  # noqa: S608


async def lock(session: AsyncSession) -> None:
    """One scope is opened at a time, until the transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


async def find(session: AsyncSession, scope_id: UUID) -> DrawScope | None:
    row = (await session.execute(_FIND, {"scope_id": scope_id})).one_or_none()
    return None if row is None else _scope(row)


async def open_of(session: AsyncSession, product_id: UUID) -> list[DrawScope]:
    return [_scope(row) for row in await session.execute(_OPEN, {"product_id": product_id})]


async def listed(session: AsyncSession) -> list[tuple[DrawScope, int, int]]:
    """The newest first, each with how many prices were drawn and how many of these deals are closed."""
    return [(_scope(row[:-2]), row.drawn, row.closed) for row in await session.execute(_LIST)]


async def add(session: AsyncSession, row: DrawScope) -> None:
    own = {name: getattr(row, name) for name in _KEPT}
    await session.execute(_ADD, own | {"ratios": list(row.ratios)})


async def end(session: AsyncSession, scope_id: UUID, *, by: str) -> None:
    await session.execute(_END, {"scope_id": scope_id, "ended_by": by, "ended_at": clock.now()})


async def keep(session: AsyncSession, row: Drawn) -> tuple[Drawn, bool]:
    """Keep a drawn price unless the deal has one of that scope; the one that stands, and whether it is new."""
    is_new = (await session.execute(_KEEP, asdict(row))).rowcount == 1  # type: ignore[attr-defined]
    found = (await session.execute(_OF_DEAL, {"scope_id": row.scope_id, "deal_id": row.deal_id})).one()
    return Drawn(*found), is_new


_OUTCOMES = text(
    """
    SELECT heir.deal_id, cast(drawn.of_list AS double precision), heir.state = 'won', true
    FROM drawn_price drawn
    JOIN deal_reference deal USING (deal_id)
    JOIN deal_reference heir ON heir.deal_id = coalesce(deal.absorbed_into, deal.deal_id)
    WHERE drawn.scope_id = :scope_id AND heir.state IN ('won', 'lost') AND NOT heir.removed
    UNION ALL
    SELECT chosen.deal_id, chosen.ratio, chosen.is_won, false FROM (
        SELECT DISTINCT ON (deal.deal_id) deal.deal_id, deal.state = 'won' AS is_won,
               cast(line.unit_price * (1 - line.discount) / nullif(line.list_price, 0) AS double precision) AS ratio
        FROM quote
        JOIN deal_reference deal USING (deal_id)
        JOIN quote_line line ON line.quote_id = quote.quote_id AND line.revision = quote.revision
        WHERE line.product_id = :product_id AND deal.state IN ('won', 'lost') AND NOT deal.removed
          AND (cast(:market AS text) IS NULL OR deal.market = :market)
          AND (cast(:segment AS text) IS NULL OR deal.segment = :segment)
          AND NOT EXISTS (SELECT 1 FROM drawn_price WHERE drawn_price.scope_id = :scope_id AND drawn_price.deal_id = deal.deal_id)
        ORDER BY deal.deal_id, quote.status = 'accepted' DESC, quote.created_at DESC, line.position
    ) chosen WHERE chosen.ratio IS NOT NULL
    """
)


async def outcomes(session: AsyncSession, row: DrawScope) -> list[Outcome]:
    """Closed deals of a scope: those with a drawn price, and those whose price somebody chose."""
    given = {"scope_id": row.scope_id, "product_id": row.product_id, "market": row.market, "segment": row.segment}
    return [Outcome(*each) for each in await session.execute(_OUTCOMES, given)]


def _scope(row: Any) -> DrawScope:
    known = dict(zip([*_KEPT, "ended_by", "ended_at"], row, strict=True))
    return DrawScope(**known | {"ratios": tuple(known["ratios"]), "secret": bytes(known["secret"])})
