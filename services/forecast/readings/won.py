"""What is special about the present's closed won: late wins that count elsewhere, and what booked rates make of it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money, organisation
from services.forecast.rates.conversion import Deviation
from services.forecast.readings.asked import Asked
from services.forecast.readings.counting import counted_deals, deal_count
from services.forecast.readings.repository import IN_ORG, PLACES, filters, parameters


async def restated(session: AsyncSession, asked: Asked) -> list[dict[str, Any]]:
    """Rows `part, count, amount, ...` of the wins that finance has decided about or has to, by what they are to the period."""
    statement = f"""
        SELECT CASE WHEN NOT r.was_booked THEN 'moved_in' WHEN NOT r.is_counted THEN 'moved_out' ELSE 'kept' END AS part,
               {deal_count(asked)} AS count, coalesce(sum(r.amount_base), 0) AS amount, 0::numeric AS weighted,
               {deal_count(asked)} FILTER (WHERE r.amount_base IS NULL) AS unpriced_count, 0 AS unweighted_count
        FROM (SELECT d.*, d.month >= :start AND d.month < :until AS was_booked,
                     d.counted >= :start AND d.counted < :until AS is_counted
              FROM ({counted_deals(asked)}) d WHERE d.deal_id = ANY(cast(:late AS uuid[])) AND d.line = 'closed_won') r {PLACES}
        WHERE (r.was_booked OR r.is_counted)
          AND {IN_ORG} AND {organisation.visible("r.owner_id")} {filters(asked)}
        GROUP BY 1
    """  # noqa: S608 - fragments of this module
    found = await session.execute(text(statement), parameters(asked, asked.period))
    return [dict(row) for row in found.mappings()]


_BOOKED = """
    JOIN unnest(cast(:currencies AS text[]), cast(:starts AS date[]), cast(:ends AS date[]), cast(:rates AS numeric[]))
      AS b (currency, start, until, rate)
      ON b.currency = r.currency AND coalesce(r.closed_on, r.close_date) >= b.start
         AND coalesce(r.closed_on, r.close_date) < b.until
"""


async def fx(session: AsyncSession, asked: Asked, differing: Sequence[Deviation]) -> Decimal:
    """By how much the closed won deals of the period that have such rates are worth more at them."""
    wins = f"""
        FROM ({counted_deals(asked)}) r {_BOOKED} {PLACES}
        WHERE r.line = 'closed_won' AND r.amount_base IS NOT NULL AND r.counted >= :start AND r.counted < :until
          AND ((r.month >= :start AND r.month < :until) OR r.deal_id = ANY(cast(:late AS uuid[])))
          AND {IN_ORG} AND {organisation.visible("r.owner_id")} {filters(asked)}
    """
    given = parameters(asked, asked.period) | {
        "places": money.exponent(asked.rates.base),
        "currencies": [each.currency for each in differing],
        "starts": [each.start for each in differing],
        "ends": [each.end for each in differing],
        "rates": [each.rate for each in differing],
    }
    whole = "AND r.share IS NULL" if asked.splits else ""
    sums = f"SELECT coalesce(sum(round(r.amount * b.rate, :places) - r.amount_base), 0) {wins} {whole}"
    found: Decimal = (await session.execute(text(sums), given)).scalar_one()
    if asked.splits:
        shared = f"""
            SELECT r.owner_id, round(r.amount * b.rate, :places) AS booked, r.amount_base, (
                SELECT array_agg((k.person_id, k.share) ORDER BY k.share DESC, k.person_id) FROM deal_credit k
                WHERE k.deal_id = r.deal_id) AS shares
            {wins} AND r.share IS NOT NULL
        """  # noqa: S608 - fragments of this module
        for row in await session.execute(text(shared), given):
            cut = money.allocate(row.booked, [share for _, share in row.shares], asked.rates.base)
            people = [person for person, _ in row.shares]
            found += cut[people.index(row.owner_id)] - row.amount_base
    return found
