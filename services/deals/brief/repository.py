"""Named queries by which a brief names its sources."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import visible

_RECORD = text("""
    SELECT payload ->> 'connection' AS connection, payload ->> 'external_id' AS external_id FROM account_input
    WHERE account_id = :account_id ORDER BY CAST(payload -> 'clock' ->> 'crm_time' AS timestamptz) DESC, input_key DESC LIMIT 1
""")


async def record(session: AsyncSession, account_id: UUID) -> RowMapping | None:
    """The CRM's record of an account: the connection and its id there."""
    return (await session.execute(_RECORD, {"account_id": account_id})).mappings().one_or_none()


_DEALS = text(
    """
    SELECT d.deal_id, newest.version, newest.cause::text AS cause, newest.valid_from,
           (SELECT t.p50_on FROM close_plan_told t WHERE t.deal_id = d.deal_id ORDER BY t.version DESC LIMIT 1) AS plan_ends,
           ARRAY(SELECT s.signal FROM deal_signal s WHERE s.deal_id = d.deal_id AND s.raised ORDER BY s.signal) AS signals
    FROM deal d CROSS JOIN LATERAL (
        SELECT v.version, v.cause, v.valid_from FROM deal_version v WHERE v.deal_id = d.deal_id
        ORDER BY v.valid_from DESC, v.version DESC LIMIT 1
    ) newest
    WHERE d.account_id = :account_id AND d.version > 0 AND NOT d.removed AND d.state = 'open' AND {visible}
    ORDER BY d.deal_id
    """.replace("{visible}", visible("d.owner_id"))
)


async def deals(session: AsyncSession, account_id: UUID, scope: Mapping[str, Any]) -> list[RowMapping]:
    """The open deals of an account within scope, each with the entry by which it stands as it does."""
    return list((await session.execute(_DEALS, {"account_id": account_id, **scope})).mappings())


_CHANGES = text(
    """
    WITH own AS (
        SELECT d.deal_id, d.name FROM deal d WHERE d.account_id = :account_id AND d.version > 0 AND {visible}
    ), entry AS (
        SELECT v.deal_id, own.name, v.version, v.valid_from, v.event, v.cause::text AS cause, v.content::text AS content,
               lag(v.content::text) OVER (PARTITION BY v.deal_id ORDER BY v.valid_from, v.version) AS before
        FROM deal_version v JOIN own USING (deal_id)
    )
    SELECT * FROM entry WHERE valid_from >= :since ORDER BY valid_from DESC, deal_id, version DESC LIMIT :limit
    """.replace("{visible}", visible("d.owner_id"))
)


async def changes(
    session: AsyncSession, account_id: UUID, scope: Mapping[str, Any], *, since: datetime, limit: int
) -> list[RowMapping]:
    """The newest entries of the account's deals within scope, each with the content before it."""
    values = {"account_id": account_id, "since": since, "limit": limit, **scope}
    return list((await session.execute(_CHANGES, values)).mappings())
