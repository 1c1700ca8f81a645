"""Facts of quotes, which are only ever appended, and the quotes by which deals stood at an instant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from libs.common.events.base import Received
from libs.common.events.pricing import QuoteWeighed
from libs.common.web.auth import Principal
from services.forecast.quoted.models import Quoted

_TOLD: Final = (
    *("quote_id", "revision", "deal_id", "currency"),
    *("net_amount", "list_amount", "pocket_amount", "cost_amount", "below_floor"),
)
_APPEND = text(
    f"""
    INSERT INTO quote_weighed ({", ".join(_TOLD)}, recorded_at)
    VALUES ({", ".join(f":{name}" for name in _TOLD)}, :recorded_at) ON CONFLICT DO NOTHING
    """  # noqa: S608 - names of this module
)


async def append(session: AsyncSession, events: Sequence[Received[QuoteWeighed]]) -> None:
    """Keep what revisions of quotes leave; a revision that is known already stays as it is."""
    rows = [{name: getattr(each.data, name) for name in _TOLD} | {"recorded_at": each.recorded_at} for each in events]
    rows.sort(key=lambda row: (row["quote_id"], row["revision"]))
    await session.execute(_APPEND, rows)


_OF_DEALS = text(
    f"""
    WITH stood AS (
        SELECT DISTINCT ON (v.deal_id) v.deal_id, v.quote_id, v.owner_id
        FROM deal_version v
        WHERE v.deal_id IN (
            SELECT q.deal_id FROM deal_version q
            WHERE q.quote_id IS NOT NULL AND (cast(:deals AS uuid[]) IS NULL OR q.deal_id = ANY(cast(:deals AS uuid[])))
        ) AND v.valid_from <= :as_of AND v.recorded_at <= :known_at
        ORDER BY v.deal_id, v.valid_from DESC, v.version DESC
    )
    SELECT s.deal_id, w.quote_id, w.revision, w.currency, w.net_amount, w.list_amount, w.pocket_amount, w.cost_amount, w.below_floor
    FROM stood s
    JOIN LATERAL (
        SELECT * FROM quote_weighed e WHERE e.quote_id = s.quote_id AND e.recorded_at <= :known_at
        ORDER BY e.revision DESC LIMIT 1
    ) w ON true
    WHERE {organisation.visible("s.owner_id")}
    """  # noqa: S608 - a fragment of ours
)


async def of_deals(
    session: AsyncSession, deals: Sequence[UUID] | None, *, as_of: datetime, known_at: datetime, principal: Principal
) -> dict[UUID, Quoted]:
    """By deal within scope, the quote that set its amount at two instants; of `deals` only, unless None."""
    given = {"deals": None if deals is None else list(deals), "as_of": as_of, "known_at": known_at}
    found = await session.execute(_OF_DEALS, given | organisation.scope_parameters(principal))
    return {row.deal_id: Quoted(*row) for row in found}
