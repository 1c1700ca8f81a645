"""The query of receipts: of how many of the deals behind a number of the present what is known."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from services.forecast.readings.asked import Asked
from services.forecast.readings.repository import (
    BUCKET,
    FLAGS,
    IN_ORG,
    IN_PERIOD,
    KNOWN,
    PLACES,
    counted_deals,
    filters,
    parameters,
)


async def receipt(
    session: AsyncSession, asked: Asked, *, buckets: Sequence[str], flag: str | None, only: str | None
) -> dict[str, Any]:
    """How many of the deals behind a number are known how, their newest change, and the sum of those with `only`."""
    counts = ", ".join(f"count(*) FILTER (WHERE {condition}) AS {name}" for name, condition in KNOWN.items())
    here = KNOWN.get(only or "", "true")
    statement = f"""
        SELECT count(*) AS eligible, {counts}, max(r.valid_from) AS last_change_at,
               count(*) FILTER (WHERE {here}) AS count,
               coalesce(sum(r.amount_base) FILTER (WHERE {here}), 0) AS amount,
               coalesce(sum(r.weighted_base) FILTER (WHERE {here}), 0) AS weighted,
               count(*) FILTER (WHERE {here} AND r.amount_base IS NULL) AS unpriced_count,
               count(*) FILTER (WHERE {here} AND r.weighted_base IS NULL) AS unweighted_count
        FROM ({counted_deals(asked)}) r {PLACES}
        WHERE {IN_PERIOD} AND {IN_ORG} AND {organisation.visible("r.owner_id")} {filters(asked)}
          AND {BUCKET} = ANY(cast(:buckets AS text[])) AND coalesce({FLAGS.get(flag or "", "true")}, false)
    """  # noqa: S608 - fragments of this module
    given = parameters(asked, asked.period) | {"buckets": list(buckets)}
    return dict((await session.execute(text(statement), given)).mappings().one())
