"""The query of receipts: of how many of the deals behind a number of the present what is known."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from services.forecast.readings.asked import Asked
from services.forecast.readings.counting import counted_deals, deal_count
from services.forecast.readings.repository import (
    BUCKET,
    FLAGS,
    IN_ORG,
    IN_PERIOD,
    KNOWN,
    PLACES,
    filters,
    parameters,
)


async def receipt(
    session: AsyncSession,
    asked: Asked,
    *,
    buckets: Sequence[str],
    flag: str | None,
    only: str | None,
    elsewhere: bool = False,
) -> dict[str, Any]:
    """How many of the deals behind a number are known how, their newest change, and the sum of those with `only`.

    `elsewhere`: of those alone whose own owner is outside the scope, which only occur where deals are split.
    """
    counts = ", ".join(f"{deal_count(asked)} FILTER (WHERE {condition}) AS {name}" for name, condition in KNOWN.items())
    here = KNOWN.get(only or "", "true")
    statement = f"""
        SELECT {deal_count(asked)} AS eligible, {counts}, max(r.valid_from) AS last_change_at,
               {deal_count(asked)} FILTER (WHERE {here}) AS count,
               coalesce(sum(r.amount_base) FILTER (WHERE {here}), 0) AS amount,
               coalesce(sum(r.weighted_base) FILTER (WHERE {here}), 0) AS weighted,
               {deal_count(asked)} FILTER (WHERE {here} AND r.amount_base IS NULL) AS unpriced_count,
               {deal_count(asked)} FILTER (WHERE {here} AND r.weighted_base IS NULL) AS unweighted_count
        FROM ({counted_deals(asked)}) r {PLACES}
        WHERE {IN_PERIOD} AND {IN_ORG} AND {organisation.visible("r.owner_id")} {filters(asked)}
          AND {f"NOT {organisation.visible('r.answers_id')}" if elsewhere else "true"}
          AND {BUCKET} = ANY(cast(:buckets AS text[])) AND coalesce({FLAGS.get(flag or "", "true")}, false)
    """  # noqa: S608 - fragments of this module
    given = parameters(asked, asked.period) | {"buckets": list(buckets)}
    return dict((await session.execute(text(statement), given)).mappings().one())
