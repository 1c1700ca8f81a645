"""Signed documents, notes and finance's orders, which are only ever appended; who may see them is decided in these statements."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from libs.common.web.auth import Principal
from services.forecast.scorecard.tieout import Order

LOCK = 0x53636F72
"""Advisory lock: one document at a time is hung in the chain."""
ORDERS_LOCK = 0x53636F4F
"""Advisory lock: one file of orders at a time."""

_WITHIN = """(:sees_everything OR EXISTS (
    SELECT 1 FROM org_closure v WHERE v.ancestor = ANY(cast(:scope AS uuid[])) AND v.descendant = c.unit_id))"""


async def hold_alone(session: AsyncSession) -> None:
    """Let nobody else sign until this transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


async def hold_orders(session: AsyncSession) -> None:
    """Let nobody else bring in orders until this transaction ends: what contradicts is seen."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ORDERS_LOCK})


async def head(session: AsyncSession) -> tuple[int, str]:
    """Position and digest of the newest document; (0, "") without any."""
    row = (await session.execute(text("SELECT position, digest FROM scorecard ORDER BY position DESC LIMIT 1"))).first()
    return (row.position, row.digest) if row else (0, "")


async def append(session: AsyncSession, row: Mapping[str, Any]) -> None:
    """Hang a document in the chain."""
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    await session.execute(text(f"INSERT INTO scorecard ({names}) VALUES ({values})"), dict(row))  # noqa: S608 - our columns


async def signed(
    session: AsyncSession,
    *,
    period: str | None = None,
    version: int | None = None,
    principal: Principal,
) -> list[dict[str, Any]]:
    """Signed documents within scope with their texts, newest version of a month first; of a period and version if given."""
    found = await session.execute(
        text(
            f"""
            SELECT c.* FROM scorecard c
            WHERE {_WITHIN} AND (cast(:period AS text) IS NULL OR c.period_key = :period)
              AND (cast(:version AS integer) IS NULL OR c.version = :version)
            ORDER BY c.period_start DESC, c.version DESC
            """  # noqa: S608 - fragment of this module
        ),
        {"period": period, "version": version, **organisation.scope_parameters(principal)},
    )
    return [dict(row) for row in found.mappings()]


async def newest(
    session: AsyncSession, *, since: date, before: date, limit: int, principal: Principal
) -> list[dict[str, Any]]:
    """The newest version of each month that starts on a day or later and before another, within scope, newest month first."""
    found = await session.execute(
        text(
            f"""
            SELECT DISTINCT ON (c.period_start) c.* FROM scorecard c
            WHERE {_WITHIN} AND c.period_start >= :since AND c.period_start < :before
            ORDER BY c.period_start DESC, c.version DESC LIMIT :limit
            """  # noqa: S608 - fragment of this module
        ),
        {"since": since, "before": before, "limit": limit, **organisation.scope_parameters(principal)},
    )
    return [dict(row) for row in found.mappings()]


async def listed(session: AsyncSession, *, principal: Principal) -> list[dict[str, Any]]:
    """Who signed which version when, within scope, without the texts."""
    found = await session.execute(
        text(
            f"""
            SELECT c.position, c.period_key, c.version, c.contents_digest, c.digest, c.signed_by, c.signed_at,
                   (SELECT count(*) FROM scorecard_note n WHERE n.card_position = c.position AND n.answers IS NULL) AS questions
            FROM scorecard c WHERE {_WITHIN} ORDER BY c.period_start DESC, c.version DESC
            """  # noqa: S608 - fragment of this module
        ),
        organisation.scope_parameters(principal),
    )
    return [dict(row) for row in found.mappings()]


async def chain(session: AsyncSession) -> list[dict[str, Any]]:
    """All documents in the order in which they were signed."""
    return [dict(row) for row in (await session.execute(text("SELECT * FROM scorecard ORDER BY position"))).mappings()]


async def notes(session: AsyncSession, position: int) -> list[dict[str, Any]]:
    """What was asked and answered about a document, oldest first."""
    found = await session.execute(
        text("SELECT * FROM scorecard_note WHERE card_position = :position ORDER BY written_at, note_id"),
        {"position": position},
    )
    return [dict(row) for row in found.mappings()]


async def note(session: AsyncSession, note_id: UUID) -> dict[str, Any] | None:
    """One note, whoever asks: only for finding a repetition and what is answered."""
    found = await session.execute(text("SELECT * FROM scorecard_note WHERE note_id = :id"), {"id": note_id})
    row = found.mappings().first()
    return dict(row) if row else None


async def append_note(session: AsyncSession, row: Mapping[str, Any]) -> None:
    await session.execute(
        text(
            """
            INSERT INTO scorecard_note (note_id, card_position, line, answers, body, written_by, written_at, request_digest)
            VALUES (:note_id, :card_position, :line, :answers, :body, :written_by, :written_at, :request_digest)
            """
        ),
        dict(row),
    )


async def orders(session: AsyncSession, start: date, until: date) -> tuple[list[Order], dict[str, datetime]]:
    """All revisions of the orders that ever had a day between two, and when the newest revision of each came."""
    found = await session.execute(
        text(
            """
            SELECT order_number, revision, kind, deal, amount, currency, ordered_on, recorded_at FROM finance_order
            WHERE order_number IN (SELECT o.order_number FROM finance_order o WHERE o.ordered_on >= :start AND o.ordered_on < :until)
            ORDER BY order_number, revision
            """
        ),
        {"start": start, "until": until},
    )
    rows = found.all()
    return [Order(*row[:7]) for row in rows], {row.order_number: row.recorded_at for row in rows}


async def known_orders(session: AsyncSession, numbers: Sequence[str]) -> dict[tuple[str, int], Order]:
    """What is known of some orders, by number and revision."""
    found = await session.execute(
        text(
            "SELECT order_number, revision, kind, deal, amount, currency, ordered_on FROM finance_order "
            "WHERE order_number = ANY(cast(:numbers AS text[]))"
        ),
        {"numbers": list(numbers)},
    )
    return {(row.order_number, row.revision): Order(*row) for row in found}


async def append_orders(session: AsyncSession, rows: Sequence[Order], *, at: datetime, by: str) -> int:
    """Append revisions that are not there yet; returns how many were not."""
    added = await session.execute(
        text(
            """
            INSERT INTO finance_order (order_number, revision, kind, deal, amount, currency, ordered_on, recorded_at, recorded_by)
            SELECT r.number, r.revision, r.kind, r.deal, r.amount, r.currency, r.day, :at, :by
            FROM jsonb_to_recordset(cast(:rows AS jsonb))
                AS r (number text, revision integer, kind text, deal text, amount numeric, currency text, day date)
            ORDER BY r.number, r.revision
            ON CONFLICT DO NOTHING RETURNING 1
            """
        ),
        {
            "rows": orjson.dumps(
                [{name: getattr(row, name) for name in Order.__slots__} for row in rows], default=str
            ).decode(),
            "at": at,
            "by": by,
        },
    )
    return len(added.all())
