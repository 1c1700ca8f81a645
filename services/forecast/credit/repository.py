"""What was told of splits, which is only ever appended, and the parts that count at present."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.splits import SplitsStated
from libs.common.sql import Query

_APPEND = text(
    """
    INSERT INTO split_version (deal_id, version, revenue, overlay, recorded_at)
    VALUES (:deal_id, :version, cast(:revenue AS jsonb), cast(:overlay AS jsonb), :recorded_at) ON CONFLICT DO NOTHING
    """
)


async def append(session: AsyncSession, events: Sequence[Received[SplitsStated]]) -> None:
    """Keep versions; one that is known already stays as it is."""
    rows = []
    for each in events:
        said = each.data.model_dump(mode="json")
        parts = {name: orjson.dumps(said[name]).decode() for name in ("revenue", "overlay")}
        told = {"deal_id": each.data.deal_id, "version": each.data.version, "recorded_at": each.recorded_at}
        rows.append(told | parts)
    await session.execute(_APPEND, rows)


_NEWEST = Query(
    """
    SELECT DISTINCT ON (deal_id) deal_id, revenue FROM split_version
    WHERE deal_id = ANY(ARRAY(SELECT unnest(cast(:ids AS uuid[])))) ORDER BY deal_id, version DESC
    """
)


async def newest(session: AsyncSession, deals: Collection[UUID]) -> dict[UUID, list[Any]]:
    """The entries of revenue splits as they hold now, of those deals of which any were told."""
    return {
        row.deal_id: orjson.loads(row.revenue) if isinstance(row.revenue, str) else row.revenue
        for row in await _NEWEST.rows(session, {"ids": sorted(deals)})
    }


_PUT = text(
    """
    INSERT INTO deal_credit (deal_id, person_id, share, line, month, amount_base, weighted_base)
    VALUES (:deal_id, :person_id, :share, :line, :month, :amount_base, :weighted_base)
    """
)


async def put(session: AsyncSession, deals: Collection[UUID], rows: Sequence[Mapping[str, Any]]) -> None:
    """Put rows in the place of all parts of these deals, which the caller has locked."""
    await session.execute(
        text("DELETE FROM deal_credit WHERE deal_id = ANY(cast(:ids AS uuid[]))"), {"ids": sorted(deals)}
    )
    if rows:
        await session.execute(_PUT, list(rows))


async def all_told(session: AsyncSession) -> list[UUID]:
    """Every deal of which splits were told."""
    return list(await session.scalars(text("SELECT DISTINCT deal_id FROM split_version ORDER BY deal_id")))


async def any_counts(session: AsyncSession) -> bool:
    """Whether any deal is split at present."""
    return bool(await session.scalar(text("SELECT EXISTS (SELECT FROM deal_credit)")))
