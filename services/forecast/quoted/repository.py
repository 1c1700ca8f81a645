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


_STOOD: Final = f"""
    SELECT s.deal_id, w.quote_id, w.revision, w.currency, w.net_amount, w.list_amount, w.pocket_amount, w.cost_amount, w.below_floor
    FROM asked
    JOIN LATERAL (
        SELECT v.deal_id, v.quote_id, v.owner_id, v.state FROM deal_version v
        WHERE v.deal_id = asked.deal_id AND v.valid_from <= :as_of AND v.recorded_at <= :known_at
        ORDER BY v.valid_from DESC, v.version DESC LIMIT 1
    ) s ON true
    JOIN LATERAL (
        SELECT * FROM quote_weighed e WHERE e.quote_id = s.quote_id AND e.recorded_at <= :known_at
        ORDER BY e.revision DESC LIMIT 1
    ) w ON true
    WHERE {organisation.visible("s.owner_id")}
"""  # noqa: S608 - a fragment of ours
_OF_DEALS = text(
    f"""
    WITH asked AS (
        SELECT DISTINCT q.deal_id FROM deal_version q WHERE q.quote_id IS NOT NULL AND q.deal_id = ANY(cast(:deals AS uuid[]))
    ) {_STOOD}
    """  # noqa: S608 - a fragment of ours
)
# What stands now and is not open was open only before it stood, or before that was known: other deals need not be looked at.
_OF_OPEN = text(
    f"""
    WITH asked AS (
        SELECT deal_id FROM (SELECT DISTINCT q.deal_id FROM deal_version q WHERE q.quote_id IS NOT NULL) quoted
        JOIN deal_current d USING (deal_id)
        WHERE d.state = 'open' OR d.valid_from > :as_of OR d.recorded_at > :known_at
    ) {_STOOD} AND s.state = 'open'
    """  # noqa: S608 - fragments of ours
)
_OF_WON = text(
    f"""
    WITH asked AS (SELECT DISTINCT q.deal_id FROM deal_version q WHERE q.quote_id IS NOT NULL AND q.state = 'won')
    {_STOOD} AND s.state = 'won'
    """  # noqa: S608 - fragments of ours
)


async def of_deals(
    session: AsyncSession, deals: Sequence[UUID], *, as_of: datetime, known_at: datetime, principal: Principal
) -> dict[UUID, Quoted]:
    """Of some deals, within scope, the quote that set the amount at two instants."""
    given = {"deals": list(deals), "as_of": as_of, "known_at": known_at}
    found = await session.execute(_OF_DEALS, given | organisation.scope_parameters(principal))
    return {row.deal_id: Quoted(*row) for row in found}


async def of_open(
    session: AsyncSession, *, as_of: datetime, known_at: datetime, principal: Principal
) -> dict[UUID, Quoted]:
    """The same of every deal within scope that was open at two instants."""
    given = {"as_of": as_of, "known_at": known_at}
    found = await session.execute(_OF_OPEN, given | organisation.scope_parameters(principal))
    return {row.deal_id: Quoted(*row) for row in found}


async def of_won(
    session: AsyncSession, *, as_of: datetime, known_at: datetime, principal: Principal
) -> dict[UUID, Quoted]:
    """The same of every deal within scope that was won at two instants."""
    given = {"as_of": as_of, "known_at": known_at}
    found = await session.execute(_OF_WON, given | organisation.scope_parameters(principal))
    return {row.deal_id: Quoted(*row) for row in found}
