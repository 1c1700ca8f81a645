"""What was frozen of projections, appended once per lock and never rewritten; and what came of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.ids import ROOT_UNIT
from services.forecast.record.commits import Kept

NODE: Final = ("period_key", "period_start", "period_end", "deal_type", "value_basis", "node_kind", "node_id")
AT_ONCE: Final = 2_000
"""Rows of one statement."""

_SAME_NODE = " AND ".join(
    f"c.{name} = r.{name}"
    for name in ("period_start", "period_end", "deal_type", "value_basis", "node_kind", "node_id")
)
_CLOSED = f"""
    JOIN lock_row whole ON (whole.period_start, whole.period_end, whole.deal_type, whole.value_basis)
                           = (r.period_start, r.period_end, r.deal_type, r.value_basis)
                           AND whole.node_kind = 'unit' AND whole.node_id = '{ROOT_UNIT}'
    JOIN forecast_lock closed ON closed.lock_id = whole.lock_id AND closed.kind = 'closed'
    LEFT JOIN lock_row c ON c.lock_id = closed.lock_id AND {_SAME_NODE}
"""
"""What came: the node's row in the lock made when the period was closed. A node without one there had won nothing."""
_LEAD = """floor(extract(epoch FROM (r.period_end::timestamp AT TIME ZONE :zone) - interval '1 microsecond' - l.due_at)
                 / 604800)::int"""
_RUNNING = (
    "(l.due_at AT TIME ZONE :zone)::date >= r.period_start AND (l.due_at AT TIME ZONE :zone)::date < r.period_end"
)


async def next_lock(session: AsyncSession) -> dict[str, Any] | None:
    """The newest lock of periods under way or to come whose projections are not frozen yet."""
    found = await session.execute(
        text(
            """
            SELECT l.lock_id, l.due_at FROM forecast_lock l
            WHERE l.kind <> 'closed' AND NOT EXISTS (SELECT 1 FROM lock_projection p WHERE p.lock_id = l.lock_id)
            ORDER BY l.due_at DESC LIMIT 1
            """
        )
    )
    row = found.mappings().one_or_none()
    return dict(row) if row else None


async def nodes(session: AsyncSession, lock_id: UUID) -> list[dict[str, Any]]:
    """What a lock froze of every node, by period and population."""
    found = await session.execute(
        text(
            f"""
            SELECT {", ".join(NODE)}, parent_id, closed_won, crm FROM lock_row WHERE lock_id = :lock_id
            ORDER BY period_start, period_end, deal_type, value_basis, node_kind DESC, node_id
            """  # noqa: S608 - constants of this module
        ),
        {"lock_id": lock_id},
    )
    return [dict(row) for row in found.mappings()]


async def commits(
    session: AsyncSession, like: Mapping[str, Any], population: tuple[str, str], at: datetime, zone: str
) -> dict[UUID, Kept]:
    """What people's commit brought in periods closed by then, in weekly locks as long before the end as this one."""
    found = await session.execute(
        text(
            f"""
            SELECT r.node_id, count(DISTINCT r.period_start) AS periods, sum(r.crm - r.closed_won) AS said,
                   sum(coalesce(c.closed_won, 0) - r.closed_won) AS came
            FROM lock_row r JOIN forecast_lock l ON l.lock_id = r.lock_id {_CLOSED}
            WHERE r.node_kind = 'person' AND r.deal_type = :deal_type AND r.value_basis = :value_basis
              AND l.kind = 'weekly' AND l.state <> 'incomplete' AND closed.due_at <= :at AND {_RUNNING}
              AND {_LEAD} = floor(extract(epoch FROM (cast(:until AS date)::timestamp AT TIME ZONE :zone)
                                                     - interval '1 microsecond' - :at) / 604800)::int
            GROUP BY r.node_id
            """  # noqa: S608 - constants of this module
        ),
        {
            "deal_type": population[0],
            "value_basis": population[1],
            "at": at,
            "until": like["period_end"],
            "zone": zone,
        },
    )
    return {row.node_id: Kept(row.periods, row.said, row.came) for row in found}


async def append(
    session: AsyncSession,
    head: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    challengers: Sequence[Mapping[str, Any]],
) -> bool:
    """Keep what was frozen at a lock; False when somebody did before."""
    added = await session.execute(
        text(
            """
            INSERT INTO lock_projection SELECT * FROM jsonb_populate_record(NULL::lock_projection, cast(:row AS jsonb))
            ON CONFLICT (lock_id) DO NOTHING RETURNING lock_id
            """
        ),
        {"row": _json(head)},
    )
    if added.scalar_one_or_none() is None:
        return False
    for table, of_table in (("lock_projection_row", rows), ("lock_challenger_row", challengers)):
        for start in range(0, len(of_table), AT_ONCE):
            await session.execute(
                text(
                    f"""
                    INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, cast(:rows AS jsonb))
                    """  # noqa: S608 - one of our tables
                ),
                {"rows": _json([{"lock_id": head["lock_id"], **row} for row in of_table[start : start + AT_ONCE]])},
            )
    return True


async def newest_closing(session: AsyncSession) -> UUID | None:
    """The lock made when a period was closed last."""
    found: UUID | None = await session.scalar(
        text("SELECT lock_id FROM forecast_lock WHERE kind = 'closed' ORDER BY due_at DESC, lock_id DESC LIMIT 1")
    )
    return found


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


async def judged(
    session: AsyncSession,
    *,
    kind: str,
    node_ids: Sequence[UUID] | None,
    parent: UUID | None,
    deal_type: str | None,
    value_basis: str,
    ahead: int,
    as_of: datetime,
    known_at: datetime,
    zone: str,
) -> list[dict[str, Any]]:
    """What weekly locks froze of nodes: of `node_ids`, or of those right below `parent` as they stood then; by due instant.

    `challenger`: what the method that did not answer said. `ahead`: how many periods before its own the lock was made. `came` is null until the period was closed; locks due after
    `as_of` or made after `known_at` are not looked at.
    """
    found = await session.execute(
        text(
            f"""
            SELECT r.*, l.due_at, l.state, p.made_at, p.settings, p.method, own.parent_id, own.label,
                   CASE WHEN closed.lock_id IS NULL THEN NULL ELSE coalesce(c.closed_won, 0) END AS came, closed.due_at AS closed_at,
                   CASE WHEN ch.lock_id IS NOT NULL THEN jsonb_build_object('method', ch.method, 'projection', ch.projection,
                        'low_80', ch.low_80, 'high_80', ch.high_80, 'quantiles', to_jsonb(ch.quantiles)) END AS challenger,
                   {_LEAD} AS lead_weeks, (l.due_at AT TIME ZONE :zone)::date - r.period_start + 1 AS day
            FROM lock_projection_row r
            JOIN lock_projection p ON p.lock_id = r.lock_id JOIN forecast_lock l ON l.lock_id = r.lock_id
            JOIN lock_row own ON own.lock_id = r.lock_id
                 AND {_SAME_NODE.replace("c.", "own.")}
            LEFT JOIN lock_challenger_row ch ON ch.lock_id = r.lock_id AND {_SAME_NODE.replace("c.", "ch.")}
            LEFT JOIN ({_OUTCOMES}) closed ON (closed.period_start, closed.period_end, closed.deal_type, closed.value_basis)
                                            = (r.period_start, r.period_end, r.deal_type, r.value_basis)
            LEFT JOIN lock_row c ON c.lock_id = closed.lock_id AND {_SAME_NODE}
            WHERE r.deal_type = :deal_type AND r.value_basis = :value_basis
              AND (cast(:node_ids AS uuid[]) IS NULL OR r.node_kind = :kind AND r.node_id = ANY(cast(:node_ids AS uuid[])))
              AND (cast(:parent AS uuid) IS NULL OR own.parent_id = :parent)
              AND l.kind = 'weekly' AND array_position(l.periods, r.period_key) = :ahead + 1
              AND l.due_at <= :as_of AND p.made_at <= :known_at
            ORDER BY l.due_at, r.node_id
            """  # noqa: S608 - constants of this module
        ),
        {
            "kind": kind,
            "node_ids": list(node_ids) if node_ids is not None else None,
            "parent": parent,
            "deal_type": deal_type or "",
            "value_basis": value_basis,
            "ahead": ahead,
            "as_of": as_of,
            "known_at": known_at,
            "zone": zone,
        },
    )
    return [dict(row) for row in found.mappings()]


_OUTCOMES = f"""
    SELECT w.lock_id, f.due_at, w.period_start, w.period_end, w.deal_type, w.value_basis
    FROM lock_row w JOIN forecast_lock f ON f.lock_id = w.lock_id AND f.kind = 'closed'
    WHERE w.node_kind = 'unit' AND w.node_id = '{ROOT_UNIT}' AND f.due_at <= :as_of AND f.made_at <= :known_at
"""  # noqa: S608 - constants of this module
