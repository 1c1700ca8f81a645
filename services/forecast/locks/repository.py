"""Locks and what they froze, appended once and never rewritten; and how far the timetable has been worked off."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from libs.common.web.auth import Principal

_VISIBLE = """(:sees_everything OR EXISTS (
    SELECT 1 FROM org_closure v WHERE v.ancestor = ANY(cast(:scope AS uuid[])) AND v.descendant = CASE
        WHEN r.node_kind = 'unit' THEN r.node_id
        ELSE coalesce((SELECT vp.unit_id FROM org_person vp WHERE vp.person_id = r.node_id), cast(:unassigned AS uuid))
    END))"""


async def checked_to(session: AsyncSession) -> datetime | None:
    """Up to which instant all locks that were due are made; None before the first look."""
    found: datetime | None = await session.scalar(text("SELECT checked_to FROM lock_schedule"))
    return found


async def check_to(session: AsyncSession, at: datetime) -> None:
    """Move the mark on; never back."""
    await session.execute(
        text(
            """
            INSERT INTO lock_schedule VALUES (true, :at)
            ON CONFLICT (one) DO UPDATE SET checked_to = greatest(lock_schedule.checked_to, excluded.checked_to)
            """
        ),
        {"at": at},
    )


async def oldest_unapplied(session: AsyncSession, at: datetime) -> datetime | None:
    """The arrival of the oldest delivery that had come by `at` but was recorded later; None when there was none."""
    found: datetime | None = await session.scalar(
        text(
            "SELECT min(delivery_received_at) FROM deal_version WHERE recorded_at > :at AND delivery_received_at <= :at"
        ),
        {"at": at},
    )
    return found


async def populations(session: AsyncSession, at: datetime) -> list[tuple[str | None, str]]:
    """What was known at an instant: every basis that deals stood in, and every type and basis of which something was said."""
    found = await session.execute(
        text(
            """
            SELECT DISTINCT deal_type, value_basis FROM (
                SELECT deal_type, value_basis, recorded_at FROM submission
                UNION ALL SELECT deal_type, value_basis, recorded_at FROM adjustment_entry
                UNION ALL SELECT deal_type, value_basis, recorded_at FROM quota
                UNION ALL SELECT NULL, value_basis, recorded_at FROM deal_version) said
            WHERE recorded_at <= :at ORDER BY 1 NULLS FIRST, 2
            """
        ),
        {"at": at},
    )
    return [(row.deal_type, row.value_basis) for row in found]


async def add_lock(session: AsyncSession, lock: Mapping[str, Any]) -> bool:
    """Append a lock; False when there is one of that instant already."""
    added = await session.execute(
        text(
            """
            INSERT INTO forecast_lock SELECT * FROM jsonb_populate_record(NULL::forecast_lock, cast(:row AS jsonb))
            ON CONFLICT (due_at) DO NOTHING RETURNING lock_id
            """
        ),
        {"row": _json(lock)},
    )
    return added.scalar_one_or_none() is not None


async def add_frozen(session: AsyncSession, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append what a lock froze to `lock_row`, `lock_call` or `lock_adjustment`."""
    if rows:
        await session.execute(
            text(f"INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, cast(:rows AS jsonb))"),  # noqa: S608
            {"rows": _json(rows)},
        )


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


async def locks(
    session: AsyncSession, *, before: datetime | None, limit: int, lock_id: UUID | None = None
) -> list[dict[str, Any]]:
    """Locks, newest due first."""
    found = await session.execute(
        text(
            """
            SELECT * FROM forecast_lock
            WHERE (cast(:before AS timestamptz) IS NULL OR due_at < :before)
              AND (cast(:lock_id AS uuid) IS NULL OR lock_id = :lock_id)
            ORDER BY due_at DESC LIMIT :limit
            """
        ),
        {"before": before, "lock_id": lock_id, "limit": limit},
    )
    return [dict(row) for row in found.mappings()]


async def rows(
    session: AsyncSession,
    lock_id: UUID,
    *,
    period: str | None,
    deal_type: str | None,
    value_basis: str,
    parent: UUID | None,
    principal: Principal,
) -> list[dict[str, Any]]:
    """What a lock froze of nodes within scope; with `parent` that unit and those right below it, as they stood then."""
    found = await session.execute(
        text(
            f"""
            SELECT r.* FROM lock_row r
            WHERE r.lock_id = :lock_id AND {_VISIBLE} AND (cast(:period AS text) IS NULL OR r.period_key = :period)
              AND r.deal_type = :deal_type AND r.value_basis = :value_basis
              AND (cast(:parent AS uuid) IS NULL OR r.parent_id = :parent OR r.node_id = :parent)
            ORDER BY r.period_start, r.node_kind DESC, r.label, r.node_id
            """  # noqa: S608 - fragment of this module
        ),
        {
            "lock_id": lock_id,
            "period": period,
            "deal_type": deal_type or "",
            "value_basis": value_basis,
            "parent": parent,
            **organisation.scope_parameters(principal),
        },
    )
    return [dict(row) for row in found.mappings()]


async def frozen_of(
    session: AsyncSession, *, kind: str, node_id: UUID, deal_type: str | None, value_basis: str, principal: Principal
) -> list[dict[str, Any]]:
    """Every row that locks froze of a node within scope, with `kind`, `due_at` and `state` of its lock, by due instant."""
    found = await session.execute(
        text(
            f"""
            SELECT l.kind, l.due_at, l.state, r.period_key, r.period_start, r.period_end, r.closed_won, r.crm, r.reps,
                   r.managers, r.adjusted
            FROM lock_row r JOIN forecast_lock l USING (lock_id)
            WHERE r.node_kind = :kind AND r.node_id = :node_id AND r.deal_type = :deal_type
              AND r.value_basis = :value_basis AND {_VISIBLE}
            ORDER BY l.due_at
            """  # noqa: S608 - fragment of this module
        ),
        {
            "kind": kind,
            "node_id": node_id,
            "deal_type": deal_type or "",
            "value_basis": value_basis,
            **organisation.scope_parameters(principal),
        },
    )
    return [dict(row) for row in found.mappings()]
