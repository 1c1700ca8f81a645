"""Named queries over the registry of refits and what was raised and cleared."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import visible

_ADD = text("""
    INSERT INTO signal_refit (refit_id, as_of, newest_landmark, deals, landmarks, usual, recorded_at)
    VALUES (:refit_id, :as_of, :newest_landmark, :deals, :landmarks, CAST(:usual AS jsonb), :recorded_at)
""")
_ADD_FINDING = text("""
    INSERT INTO signal_finding (refit_id, signal, deals_with, deals_without, landmarks, lift, low, high, chance, verdict, is_on)
    VALUES (:refit_id, :signal, :deals_with, :deals_without, :landmarks, :lift, :low, :high, :chance, :verdict, :is_on)
""")


async def add(session: AsyncSession, refit: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]) -> None:
    """Register a refit with what it found of every signal."""
    await session.execute(_ADD, refit)
    await session.execute(_ADD_FINDING, [{"refit_id": refit["refit_id"], **each} for each in findings])


_NEWEST = text("""
    SELECT refit_id, as_of, newest_landmark, deals, landmarks, usual::text AS usual, recorded_at FROM signal_refit
    ORDER BY as_of DESC, refit_id DESC LIMIT 1
""")
_FINDINGS = text("SELECT * FROM signal_finding WHERE refit_id = :refit_id")


async def newest(session: AsyncSession) -> RowMapping | None:
    """The refit that holds now."""
    return (await session.execute(_NEWEST)).mappings().one_or_none()


async def findings(session: AsyncSession, refit_id: UUID) -> dict[str, RowMapping]:
    """What a refit found, by signal."""
    return {row["signal"]: row for row in (await session.execute(_FINDINGS, {"refit_id": refit_id})).mappings()}


_OF_SIGNAL = text("""
    SELECT r.as_of, r.newest_landmark, f.* FROM signal_finding f JOIN signal_refit r USING (refit_id)
    WHERE f.signal = :signal ORDER BY r.as_of DESC, r.refit_id DESC LIMIT :limit
""")


async def of_signal(session: AsyncSession, signal: str, *, limit: int) -> list[RowMapping]:
    """What the last refits found of a signal, the newest first."""
    return list((await session.execute(_OF_SIGNAL, {"signal": signal, "limit": limit})).mappings())


_STANDING = text(
    "SELECT * FROM deal_signal WHERE deal_id = ANY(CAST(:deals AS uuid[])) ORDER BY deal_id, signal FOR UPDATE"
)


async def standing(session: AsyncSession, deals: Collection[UUID]) -> dict[tuple[UUID, str], RowMapping]:
    """What was raised or cleared last, by deal and signal; the rows are locked."""
    rows = (await session.execute(_STANDING, {"deals": list(deals)})).mappings()
    return {(row["deal_id"], row["signal"]): row for row in rows}


_APPEND = text("""
    WITH appended AS (
        INSERT INTO deal_signal_entry
        SELECT n.* FROM json_populate_recordset(NULL::deal_signal_entry, CAST(CAST(:rows AS text) AS json)) n
        RETURNING deal_id, signal, version, raised, at
    )
    INSERT INTO deal_signal (deal_id, signal, version, raised, at)
    SELECT deal_id, signal, version, raised, at FROM appended ORDER BY deal_id, signal
    ON CONFLICT (deal_id, signal) DO UPDATE SET version = excluded.version, raised = excluded.raised, at = excluded.at
    WHERE deal_signal.version < excluded.version
""")


async def append(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append what was raised or cleared."""
    await session.execute(_APPEND, {"rows": orjson.dumps(list(rows), default=str).decode()})


_RAISED = text(
    """
    SELECT s.signal, s.at, d.deal_id, d.amount, d.currency FROM deal_signal s JOIN deal d USING (deal_id)
    WHERE s.raised AND d.state = 'open' AND NOT d.removed AND (CAST(:deal_id AS uuid) IS NULL OR d.deal_id = :deal_id)
      AND {visible}
    ORDER BY d.deal_id, s.signal
    """.replace("{visible}", visible("d.owner_id"))
)


async def raised(session: AsyncSession, scope: Mapping[str, Any], *, deal_id: UUID | None = None) -> list[RowMapping]:
    """Signals that stand on open deals within scope, of all or of one."""
    return list((await session.execute(_RAISED, {"deal_id": deal_id, **scope})).mappings())


_DEALS = text(
    """
    SELECT s.at, d.deal_id, d.name, d.owner_id, d.stage, d.close_date, d.amount, d.currency
    FROM deal_signal s JOIN deal d USING (deal_id)
    WHERE s.raised AND s.signal = :signal AND d.state = 'open' AND NOT d.removed AND {visible}
    ORDER BY d.amount DESC NULLS LAST, d.deal_id LIMIT :limit
    """.replace("{visible}", visible("d.owner_id"))
)


async def deals(session: AsyncSession, signal: str, scope: Mapping[str, Any], *, limit: int) -> list[RowMapping]:
    """Open deals within scope on which a signal stands, the largest first."""
    return list((await session.execute(_DEALS, {"signal": signal, "limit": limit, **scope})).mappings())
