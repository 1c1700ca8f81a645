"""Reviews and what was said of them: rows are only ever appended, and who may see them is decided here."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from libs.common.web.auth import Principal

Table = Literal["review", "review_policy", "review_look", "review_option", "review_decision", "review_score"]

WITHIN_SCOPE = """(:sees_everything OR EXISTS (
    SELECT 1 FROM org_closure v WHERE v.ancestor = ANY(cast(:scope AS uuid[])) AND v.descendant = r.unit_id))"""
"""Whether the unit of a review's plan lies within scope."""

HEAD = """
    r.review_id, r.plan_id, p.name AS plan, r.plan_version, r.unit_id, u.name AS unit, r.kind, r.subject_id, r.cause, r.since,
    r.opened_by, r.opened_at, r.digest, r.request_digest, d.choice, d.owner, d.check_on, d.decided_by, d.decided_at,
    s.outcome, s.came, s.reason, s.scored_at
"""
JOINED = """
    FROM review r JOIN plan p ON p.plan_id = r.plan_id JOIN org_unit u ON u.unit_id = r.unit_id
    LEFT JOIN review_decision d ON d.review_id = r.review_id
        AND d.decided_at <= coalesce(cast(:at AS timestamptz), 'infinity')
    LEFT JOIN LATERAL (
        SELECT * FROM review_score x WHERE x.review_id = d.review_id
          AND x.scored_at <= coalesce(cast(:at AS timestamptz), 'infinity')
        ORDER BY x.sequence DESC LIMIT 1) s ON true
"""
"""Reviews with their decision and its newest score, as they stood at an instant."""


async def append(session: AsyncSession, table: Table, row: Mapping[str, Any]) -> bool:
    """Append a row; one that is there already stays as it was. Returns whether it is new."""
    added = await session.execute(
        text(
            f"""
            INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, cast(:row AS jsonb))
            ON CONFLICT DO NOTHING RETURNING 1
            """  # noqa: S608 - one of our tables
        ),
        {"row": orjson.dumps(row, default=str).decode()},
    )
    return added.first() is not None


async def review(session: AsyncSession, review_id: UUID, *, principal: Principal) -> dict[str, Any] | None:
    """A review within scope, with its texts."""
    found = await session.execute(
        text(
            f"""
            SELECT {HEAD}, r.evidence, d.document, d.digest AS decision_digest, d.request_digest AS decision_request
            {JOINED} WHERE r.review_id = :id AND {WITHIN_SCOPE}
            """
        ),
        {"id": review_id, "at": None, **organisation.scope_parameters(principal)},
    )
    row = found.mappings().first()
    return dict(row) if row else None


async def reviews(
    session: AsyncSession, *, plan_id: UUID | None, only_open: bool, limit: int, principal: Principal
) -> list[dict[str, Any]]:
    """Reviews within scope, without their texts: those that are open first, then the newest."""
    found = await session.execute(
        text(
            f"""
            SELECT {HEAD} {JOINED}
            WHERE {WITHIN_SCOPE} AND (cast(:plan AS uuid) IS NULL OR r.plan_id = :plan)
              AND (NOT :only_open OR d.review_id IS NULL)
            ORDER BY d.review_id IS NOT NULL, r.opened_at DESC, r.review_id LIMIT :limit
            """
        ),
        {
            "plan": plan_id,
            "only_open": only_open,
            "limit": limit,
            "at": None,
            **organisation.scope_parameters(principal),
        },
    )
    return [dict(row) for row in found.mappings()]


async def decisions(
    session: AsyncSession, *, plan_id: UUID | None, at: datetime | None, limit: int, principal: Principal
) -> list[dict[str, Any]]:
    """Decided reviews within scope as they stood at an instant (None: now), with what was decided, the newest first."""
    found = await session.execute(
        text(
            f"""
            SELECT {HEAD}, d.document {JOINED}
            WHERE {WITHIN_SCOPE} AND d.review_id IS NOT NULL AND (cast(:plan AS uuid) IS NULL OR r.plan_id = :plan)
            ORDER BY d.decided_at DESC, r.review_id LIMIT :limit
            """
        ),
        {"plan": plan_id, "at": at, "limit": limit, **organisation.scope_parameters(principal)},
    )
    return [dict(row) for row in found.mappings()]


async def options(session: AsyncSession, review_id: UUID) -> list[dict[str, Any]]:
    """The options of a review that the caller found within scope, in their order."""
    found = await session.execute(
        text("SELECT * FROM review_option WHERE review_id = :id ORDER BY position"), {"id": review_id}
    )
    return [dict(row) for row in found.mappings()]


async def option(session: AsyncSession, option_id: UUID) -> dict[str, Any] | None:
    """One option, whoever asks: only for finding a repetition."""
    found = await session.execute(text("SELECT * FROM review_option WHERE option_id = :id"), {"id": option_id})
    row = found.mappings().first()
    return dict(row) if row else None


async def scores(session: AsyncSession, review_id: UUID) -> list[dict[str, Any]]:
    """All scores of a review that the caller found within scope, the oldest first."""
    found = await session.execute(
        text("SELECT * FROM review_score WHERE review_id = :id ORDER BY sequence"), {"id": review_id}
    )
    return [dict(row) for row in found.mappings()]


async def known(session: AsyncSession, plan_id: UUID) -> Sequence[Any]:
    """What was opened of a plan, of whatever scope: `kind, subject_id, since, check_on, is_open`."""
    found = await session.execute(
        text(
            """
            SELECT r.kind, r.subject_id, r.since, d.check_on, d.review_id IS NULL AS is_open
            FROM review r LEFT JOIN review_decision d ON d.review_id = r.review_id WHERE r.plan_id = :plan
            """
        ),
        {"plan": plan_id},
    )
    return found.all()


async def policy(session: AsyncSession, plan_id: UUID) -> dict[str, Any] | None:
    """The newest policy of a plan that the caller found within scope."""
    found = await session.execute(
        text("SELECT * FROM review_policy WHERE plan_id = :plan ORDER BY sequence DESC LIMIT 1"), {"plan": plan_id}
    )
    row = found.mappings().first()
    return dict(row) if row else None


async def look(session: AsyncSession, plan_id: UUID) -> dict[str, Any] | None:
    """What was seen of a plan at the newest lock that was looked at."""
    found = await session.execute(
        text("SELECT * FROM review_look WHERE plan_id = :plan ORDER BY looked_at DESC LIMIT 1"), {"plan": plan_id}
    )
    row = found.mappings().first()
    return dict(row) if row else None


async def held(session: AsyncSession) -> list[dict[str, Any]]:
    """The newest policy of every plan that has a version in force, with the newest weekly lock since it was set, unless looked at.

    Where none was set, the default one since the version was put in force: critical assumptions alone, at no lock.
    """
    found = await session.execute(
        text(
            """
            SELECT h.plan_id, coalesce(y.sequence, 0) AS sequence, y.day_of_month, y.chance_node, y.chance_below, y.gap_node,
                   y.gap_above, coalesce(y.on_broken, true) AS on_broken, coalesce(y.made_at, h.active_since) AS made_at,
                   l.lock_id, l.due_at AS lock_at
            FROM (
                SELECT a.plan_id, max(a.made_at) AS active_since FROM plan_entry a
                WHERE a.kind = 'activated' AND NOT EXISTS (
                    SELECT 1 FROM plan_entry s
                    WHERE s.plan_id = a.plan_id AND s.version = a.version AND s.kind = 'superseded')
                GROUP BY a.plan_id) h
            LEFT JOIN (SELECT DISTINCT ON (plan_id) * FROM review_policy ORDER BY plan_id, sequence DESC) y
              ON y.plan_id = h.plan_id
            LEFT JOIN LATERAL (
                SELECT k.lock_id, k.due_at FROM forecast_lock k WHERE k.kind = 'weekly' AND k.due_at >= y.made_at
                ORDER BY k.due_at DESC LIMIT 1) l
              ON NOT EXISTS (SELECT 1 FROM review_look x WHERE x.plan_id = y.plan_id AND x.lock_id = l.lock_id)
            ORDER BY h.plan_id
            """
        )
    )
    return [dict(row) for row in found.mappings()]


async def unscored(session: AsyncSession, today: Any) -> list[dict[str, Any]]:
    """Decisions whose check date is over and that were never scored, the oldest first."""
    found = await session.execute(
        text(
            """
            SELECT d.review_id, r.plan_id, d.check_on, d.document
            FROM review_decision d JOIN review r ON r.review_id = d.review_id
            WHERE d.check_on < :today AND NOT EXISTS (SELECT 1 FROM review_score s WHERE s.review_id = d.review_id)
            ORDER BY d.check_on, d.review_id
            """
        ),
        {"today": today},
    )
    return [dict(row) for row in found.mappings()]
