"""Named queries over statements and the deals that they are of."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import visible
from services.deals.statements.models import Held, Statement

_HELD = text(
    """
    SELECT d.deal_id, coalesce(d.name, '') AS name, d.state, d.owner_id, d.amount, d.currency, d.closed_on,
           d.content ->> 'loss_reason' AS loss_reason,
           CASE WHEN d.content ->> 'amount_from' = 'quote' THEN CAST(d.content ->> 'quote_id' AS uuid) END AS quote_id
    FROM deal d
    WHERE d.deal_id = ANY(CAST(:deals AS uuid[])) AND d.version > 0 AND NOT d.removed AND {visible}
    ORDER BY d.deal_id
    """.replace("{visible}", visible("d.owner_id"))
)


async def held(session: AsyncSession, deals: Collection[UUID], scope: Mapping[str, Any]) -> dict[UUID, Held]:
    """Those of the deals that are there and within scope."""
    rows = await session.execute(_HELD, {"deals": list(deals), **scope})
    return {row.deal_id: Held(*row) for row in rows}


_LOCK = text("SELECT deal_id FROM deal WHERE deal_id = ANY(CAST(:deals AS uuid[])) ORDER BY deal_id FOR UPDATE")


async def lock(session: AsyncSession, deals: Collection[UUID]) -> None:
    """Lock deals in id order: their statements are numbered one after the other."""
    await session.execute(_LOCK, {"deals": sorted(deals)})


_NEWEST = text(
    "SELECT deal_id, max(version) FROM deal_statement WHERE deal_id = ANY(CAST(:deals AS uuid[])) GROUP BY 1"
)


async def newest(session: AsyncSession, deals: Collection[UUID]) -> dict[UUID, int]:
    """The greatest version of any statement, by deal; deals without one are left out."""
    return {row[0]: row[1] for row in await session.execute(_NEWEST, {"deals": list(deals)})}


_DIGESTS = text("SELECT entry_id, request_digest FROM deal_statement WHERE entry_id = ANY(CAST(:ids AS uuid[]))")


async def digests(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """The digests of the requests that made these entries, of those that are there."""
    return {row[0]: row[1] for row in await session.execute(_DIGESTS, {"ids": list(ids)})}


_APPEND = text("""
    INSERT INTO deal_statement
    SELECT * FROM json_populate_recordset(NULL::deal_statement, CAST(CAST(:rows AS text) AS json))
""")


async def append(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    await session.execute(_APPEND, {"rows": orjson.dumps(rows, default=str).decode()})


_STANDING = text("""
    SELECT DISTINCT ON (heir, part, subject) entry_id, heir AS deal_id, version, part, subject, said, at, author, recorded_at
    FROM deal_said
    WHERE heir = ANY(CAST(:deals AS uuid[])) AND part = ANY(CAST(:parts AS text[])) AND at <= :as_of AND recorded_at <= :known_at
    ORDER BY heir, part, subject, at DESC, version DESC, entry_id
""")


async def standing(
    session: AsyncSession, deals: Collection[UUID], parts: Sequence[str], *, as_of: datetime, known_at: datetime
) -> list[Statement]:
    """What stands of these deals, which the caller found within scope, at an instant as it was known at another."""
    values = {"deals": list(deals), "parts": list(parts), "as_of": as_of, "known_at": known_at}
    return [_statement(row) for row in (await session.execute(_STANDING, values)).mappings()]


_HISTORY = text("""
    SELECT entry_id, heir AS deal_id, version, part, subject, said, at, author, recorded_at FROM deal_said
    WHERE heir = :deal_id AND part = ANY(CAST(:parts AS text[])) AND recorded_at <= :known_at
    ORDER BY recorded_at DESC, version DESC, entry_id LIMIT :limit
""")


async def history(
    session: AsyncSession, deal_id: UUID, parts: Sequence[str], *, known_at: datetime, limit: int
) -> list[Statement]:
    """What was said of a deal, which the caller found within scope, the newest first."""
    values = {"deal_id": deal_id, "parts": list(parts), "known_at": known_at, "limit": limit}
    return [_statement(row) for row in (await session.execute(_HISTORY, values)).mappings()]


def _statement(row: RowMapping) -> Statement:
    return Statement(**row)


_TOLD = text("""
    SELECT deal_id, told_at, mapping_version, at, said, problem FROM deal_told
    WHERE deal_id = ANY(CAST(:deals AS uuid[])) AND part = :part
""")


async def told(session: AsyncSession, deals: Collection[UUID], part: str) -> dict[UUID, Any]:
    """What CRMs told last of a part of these deals; of deals that they told nothing of there is none."""
    return {row.deal_id: row for row in await session.execute(_TOLD, {"deals": list(deals), "part": part})}


_PUT_TOLD = text("""
    INSERT INTO deal_told (deal_id, part, told_at, mapping_version, at, said, problem)
    SELECT n.deal_id, :part, n.told_at, n.mapping_version, n.at, n.said, n.problem
    FROM json_populate_recordset(NULL::deal_told, CAST(CAST(:rows AS text) AS json)) n ORDER BY n.deal_id
    ON CONFLICT (deal_id, part) DO UPDATE SET
        told_at = excluded.told_at, mapping_version = excluded.mapping_version, at = excluded.at, said = excluded.said,
        problem = excluded.problem
""")


async def put_told(session: AsyncSession, part: str, words: Mapping[UUID, Any]) -> None:
    """Keep the newest words of CRMs, the caller having locked the deals."""
    rows = [{"deal_id": deal, **asdict(word)} for deal, word in words.items()]
    await session.execute(_PUT_TOLD, {"part": part, "rows": orjson.dumps(rows, default=str).decode()})
