"""The entries of scenarios, which are only ever appended; who may see them is decided in these statements."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from libs.common.web.auth import Principal

WITHIN_SCOPE = """(:sees_everything OR EXISTS (
    SELECT 1 FROM org_closure v WHERE v.ancestor = ANY(cast(:scope AS uuid[])) AND v.descendant = {0}.unit_id))"""


async def alone(session: AsyncSession, scenario_id: UUID) -> None:
    """Let nobody else write versions of this scenario until this transaction ends."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(cast(:id AS text), 0))"), {"id": str(scenario_id)}
    )


async def append(session: AsyncSession, row: Mapping[str, Any]) -> bool:
    """Append an entry as the scenario's next version; False if this entry is there already."""
    added = await session.scalar(
        text(
            """
            INSERT INTO scenario_entry
            SELECT r.* FROM jsonb_populate_record(NULL::scenario_entry, cast(:row AS jsonb) || jsonb_build_object('version',
                (SELECT coalesce(max(e.version), 0) + 1 FROM scenario_entry e WHERE e.scenario_id = :scenario_id))) r
            ON CONFLICT (entry_id) DO NOTHING RETURNING entry_id
            """
        ),
        {"row": orjson.dumps(row, default=str).decode(), "scenario_id": row["scenario_id"]},
    )
    return added is not None


async def entry(session: AsyncSession, entry_id: UUID) -> dict[str, Any] | None:
    """One entry, whoever asks: only for finding a repetition."""
    found = await session.execute(text("SELECT * FROM scenario_entry WHERE entry_id = :id"), {"id": entry_id})
    row = found.mappings().first()
    return dict(row) if row else None


async def scenarios(
    session: AsyncSession,
    *,
    ids: Collection[UUID] | None = None,
    unit: UUID | None = None,
    period: tuple[date, date] | None = None,
    withdrawn: bool = True,
    limit: int,
    principal: Principal,
) -> list[dict[str, Any]]:
    """The newest entry of each scenario within scope, newest first, with its unit's name and kind and what it was saved with.

    `unit`, `period` (start, exclusive end) and `ids` narrow; without `withdrawn` only what stands.
    """
    found = await session.execute(
        text(
            f"""
            SELECT s.*, u.name AS unit_name, u.kind AS unit_kind, saved.made_at AS saved_at, saved.version AS saved_version
            FROM (
                SELECT DISTINCT ON (e.scenario_id) e.* FROM scenario_entry e
                WHERE {WITHIN_SCOPE.format("e")}
                  AND (cast(:ids AS uuid[]) IS NULL OR e.scenario_id = ANY(cast(:ids AS uuid[])))
                  AND (cast(:unit AS uuid) IS NULL OR e.unit_id = :unit)
                  AND (cast(:from AS date) IS NULL OR (e.period_start = :from AND e.period_end = :until))
                ORDER BY e.scenario_id, e.version DESC
            ) s
            JOIN org_unit u ON u.unit_id = s.unit_id
            JOIN LATERAL (
                SELECT k.made_at, k.version FROM scenario_entry k
                WHERE k.scenario_id = s.scenario_id AND k.kind = 'saved' ORDER BY k.version DESC LIMIT 1
            ) saved ON true
            WHERE :withdrawn OR s.kind = 'saved'
            ORDER BY saved.made_at DESC, s.scenario_id LIMIT :limit
            """  # noqa: S608 - fragment of this module
        ),
        {
            "ids": None if ids is None else list(ids),
            "unit": unit,
            "from": period[0] if period else None,
            "until": period[1] if period else None,
            "withdrawn": withdrawn,
            "limit": limit,
            **organisation.scope_parameters(principal),
        },
    )
    return [dict(row) for row in found.mappings()]


async def version(
    session: AsyncSession, scenario_id: UUID, number: int, *, principal: Principal
) -> dict[str, Any] | None:
    """A version that was saved, within scope, as `scenarios` gives the newest."""
    found = await session.execute(
        text(
            f"""
            SELECT e.*, u.name AS unit_name, u.kind AS unit_kind, e.made_at AS saved_at, e.version AS saved_version
            FROM scenario_entry e JOIN org_unit u ON u.unit_id = e.unit_id
            WHERE e.scenario_id = :id AND e.version = :number AND e.kind = 'saved' AND {WITHIN_SCOPE.format("e")}
            """  # noqa: S608 - fragment of this module
        ),
        {"id": scenario_id, "number": number, **organisation.scope_parameters(principal)},
    )
    row = found.mappings().first()
    return dict(row) if row else None


async def deals(session: AsyncSession, ids: Sequence[UUID], *, principal: Principal) -> dict[UUID, dict[str, Any]]:
    """Those of the deals that lie within scope, as they stand: what a page says of a deal, and its `line`."""
    found = await session.execute(
        text(
            f"""
            SELECT d.deal_id, d.name, d.stage, d.close_date, d.line FROM deal_current d
            WHERE d.deal_id = ANY(cast(:ids AS uuid[])) AND {organisation.visible("d.owner_id")}
            """  # noqa: S608 - fragment of ours
        ),
        {"ids": list(ids), **organisation.scope_parameters(principal)},
    )
    return {row["deal_id"]: dict(row) for row in found.mappings()}
