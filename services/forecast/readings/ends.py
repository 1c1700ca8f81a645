"""Sums of open deals by where their close plans end."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from services.forecast.readings.asked import Asked
from services.forecast.readings.counting import counted_deals, deal_count
from services.forecast.readings.repository import BUCKET, IN_ORG, PLACES, filters, parameters
from services.forecast.rollup.standing import OPEN_LINES


async def by_close_plan(session: AsyncSession, asked: Asked) -> list[dict[str, Any]]:
    """Rows `part, bucket` and sums of the open deals of the period inside its lines, by line and by where their plan ends.

    Buckets: `later` than the period in half of the cases, `within` it or before, `unplanned` without a plan.
    """
    statement = f"""
        SELECT r.line AS part,
               CASE WHEN e.p50_on IS NULL THEN 'unplanned' WHEN e.p50_on >= :until THEN 'later' ELSE 'within' END AS bucket,
               {deal_count(asked)} AS count, coalesce(sum(r.amount_base), 0) AS amount, coalesce(sum(r.weighted_base), 0) AS weighted,
               {deal_count(asked)} FILTER (WHERE r.amount_base IS NULL) AS unpriced_count,
               {deal_count(asked)} FILTER (WHERE r.weighted_base IS NULL) AS unweighted_count
        FROM ({counted_deals(asked)}) r LEFT JOIN LATERAL (
            SELECT v.p50_on FROM close_plan_version v WHERE v.deal_id = r.deal_id ORDER BY v.version DESC LIMIT 1
        ) e ON true {PLACES}
        WHERE ({BUCKET}) = ANY(cast(:open_lines AS text[])) AND r.month >= :start AND r.month < :until
          AND {IN_ORG} AND {organisation.visible("r.owner_id")} {filters(asked)}
        GROUP BY 1, 2
    """  # noqa: S608 - fragments of the readings' repository
    given = parameters(asked, asked.period) | {"open_lines": list(OPEN_LINES)}
    return [dict(row) for row in (await session.execute(text(statement), given)).mappings()]
