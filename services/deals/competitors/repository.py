"""Named queries over competitors of deals within scope."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import visible

_AGAINST = text(
    """
    WITH named AS (
        SELECT DISTINCT ON (s.subject, s.heir) s.subject, s.heir AS deal_id, s.said ->> 'competitor' AS competitor, s.said ->> 'state' AS state
        FROM deal_said s
        WHERE s.part = 'competitor' AND (CAST(:subjects AS text[]) IS NULL OR s.subject = ANY(CAST(:subjects AS text[]))) AND s.at <= :as_of
        ORDER BY s.subject, s.heir, s.at DESC, s.version DESC, s.entry_id
    )
    SELECT n.subject, mode() WITHIN GROUP (ORDER BY n.competitor) AS competitor,
           count(*) FILTER (WHERE d.state = 'won') AS won, count(*) FILTER (WHERE d.state = 'lost') AS lost,
           count(*) FILTER (WHERE d.state = 'lost' AND n.state = 'lost_to') AS lost_to,
           count(*) FILTER (WHERE d.state = 'open') AS open
    FROM named n JOIN deal d ON d.deal_id = n.deal_id
    WHERE n.state <> 'withdrawn' AND d.version > 0 AND NOT d.removed AND coalesce(d.content ->> 'deal_type', '') <> 'renewal'
      AND {visible}
    GROUP BY n.subject ORDER BY count(*) DESC, n.subject LIMIT :limit
    """.replace("{visible}", visible("d.owner_id"))
)


async def against(
    session: AsyncSession, subjects: Sequence[str] | None, scope: Mapping[str, Any], *, as_of: datetime, limit: int
) -> list[RowMapping]:
    """Deals within scope by whom they were against, those named most often first; None asks for all."""
    values = {"subjects": None if subjects is None else list(subjects), "as_of": as_of, "limit": limit, **scope}
    return list((await session.execute(_AGAINST, values)).mappings())
