"""Named queries over accepted quotes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import scope_parameters, visible
from libs.common.web.auth import Principal
from services.pricing.quotes.heirs import HEIR, PURSUED, of_heir
from services.pricing.quotes.models import QuoteLine
from services.pricing.quotes.repository import quote_line

_SOLD_QUOTE = f"quote.status = 'accepted' AND {PURSUED} AND {visible(of_heir('owner_id'))}"
"""What was accepted for a deal that was lost or removed since realised no price."""
_SOLD = text(
    f"""
    SELECT quote.quote_id, quote.valid_from, line.position, line.product_id, line.quantity, line.list_price, line.unit_price,
           line.discount, line.net_amount, line.cost, line.deductions
    FROM quote
    JOIN deal_reference deal USING (deal_id)
    {HEIR}
    JOIN quote_line line ON line.quote_id = quote.quote_id AND line.revision = quote.revision
    WHERE {_SOLD_QUOTE} AND quote.currency = :currency AND quote.valid_from >= :since
      AND (cast(:market AS text) IS NULL OR {of_heir("market")} = :market)
      AND (cast(:segment AS text) IS NULL OR {of_heir("segment")} = :segment)
    ORDER BY quote.valid_from, quote.quote_id, line.position
    """  # noqa: S608
)
_CURRENCIES = text(
    f"""
    SELECT quote.currency FROM quote JOIN deal_reference deal USING (deal_id)
    {HEIR}
    WHERE {_SOLD_QUOTE} GROUP BY 1 ORDER BY count(*) DESC, 1
    """  # noqa: S608
)


async def sold(
    session: AsyncSession,
    *,
    since: datetime,
    currency: str,
    market: str | None,
    segment: str | None,
    principal: Principal,
) -> dict[UUID, tuple[datetime, list[QuoteLine]]]:
    """Accepted quotes of deals that are open or won, with when they were accepted and their lines, oldest first."""
    given = {"since": since, "currency": currency, "market": market, "segment": segment}
    found: dict[UUID, tuple[datetime, list[QuoteLine]]] = {}
    for row in await session.execute(_SOLD, given | scope_parameters(principal)):
        found.setdefault(row[0], (row[1], []))[1].append(quote_line(row[2:]))
    return found


async def currencies(session: AsyncSession, *, principal: Principal) -> list[str]:
    """Currencies of such quotes, the most used first."""
    return list((await session.execute(_CURRENCIES, scope_parameters(principal))).scalars())
