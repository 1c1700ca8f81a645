"""Named queries over statements about leads, and the gate that sales ops set."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.qualification import Entry, Gate

_GATES_LOCK = 0x4C656164


@dataclass(frozen=True, slots=True)
class OfLead:
    """A statement and the lead of which it was made."""

    lead_id: UUID
    entry: Entry


async def add(session: AsyncSession, lead_id: UUID, entry: Entry, *, recorded_at: datetime) -> None:
    await session.execute(
        text(
            """
            INSERT INTO lead_evidence (entry_id, lead_id, at, payload, recorded_at)
            VALUES (:entry_id, :lead_id, :at, cast(:payload AS jsonb), :recorded_at)
            """
        ),
        {
            "entry_id": entry.entry_id,
            "lead_id": lead_id,
            "at": entry.at,
            "payload": entry.model_dump_json(),
            "recorded_at": recorded_at,
        },
    )


async def of_leads(session: AsyncSession, ids: Collection[UUID]) -> list[OfLead]:
    """All statements about these leads, newest first."""
    rows = await session.execute(
        text(
            """
            SELECT lead_id, payload::text AS payload FROM lead_evidence
            WHERE lead_id = ANY(:ids) ORDER BY at DESC, entry_id DESC
            """
        ),
        {"ids": list(ids)},
    )
    return [OfLead(row.lead_id, Entry.model_validate_json(row.payload)) for row in rows]


_TO_HAND_OVER = text(
    """
    WITH RECURSIVE told AS (
        SELECT lead_id, merged_into FROM lead WHERE lead_id = ANY(:ids)
        UNION SELECT l.lead_id, l.merged_into FROM lead l JOIN told ON l.lead_id = told.merged_into
    ), accepted AS (
        SELECT lead_id FROM lead
        WHERE lead_id IN (SELECT lead_id FROM told) AND (verdict = 'qualified' OR state ->> 'converted_deal_id' IS NOT NULL)
        UNION SELECT l.lead_id FROM lead l JOIN accepted ON l.merged_into = accepted.lead_id
    ), handed AS (
        INSERT INTO lead_evidence_handed (entry_id, handed_at)
        SELECT e.entry_id, :at FROM lead_evidence e
        WHERE e.lead_id IN (SELECT lead_id FROM accepted)
          AND NOT EXISTS (SELECT 1 FROM lead_evidence_handed h WHERE h.entry_id = e.entry_id)
        ON CONFLICT DO NOTHING RETURNING entry_id
    )
    SELECT lead_id, payload::text AS payload FROM lead_evidence
    WHERE entry_id IN (SELECT entry_id FROM handed) ORDER BY entry_id
    """
)


async def hand_over(session: AsyncSession, ids: Collection[UUID], *, at: datetime) -> Sequence[OfLead]:
    """Mark as handed, and return, the statements not handed before about those of these leads that sales accepted or that a
    lead stands for which sales accepted, and about the leads that they stand for.
    """
    rows = await session.execute(_TO_HAND_OVER, {"ids": list(ids), "at": at})
    return [OfLead(row.lead_id, Entry.model_validate_json(row.payload)) for row in rows]


async def gate(session: AsyncSession, name: str) -> tuple[int, Gate] | None:
    """The newest version of a gate that somebody set, and it."""
    rows = await session.execute(
        text(
            """
            SELECT version, requires::text AS requires, enforced FROM lead_gate
            WHERE gate = :name ORDER BY version DESC LIMIT 1
            """
        ),
        {"name": name},
    )
    row = rows.one_or_none()
    if row is None:
        return None
    return row.version, Gate(name=name, requires=orjson.loads(row.requires), enforced=row.enforced)


async def lock_gates(session: AsyncSession) -> None:
    """Let one transaction at a time change gates."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _GATES_LOCK})


async def set_gate(session: AsyncSession, wanted: Gate, *, version: int, said_by: str, recorded_at: datetime) -> None:
    """Keep a further version of a gate. The caller has locked the gates."""
    await session.execute(
        text(
            """
            INSERT INTO lead_gate (gate, version, requires, enforced, said_by, recorded_at)
            VALUES (:gate, :version, cast(:requires AS jsonb), :enforced, :said_by, :recorded_at)
            """
        ),
        {
            "gate": wanted.name,
            "version": version,
            "requires": orjson.dumps(dict(wanted.requires)).decode(),
            "enforced": wanted.enforced,
            "said_by": said_by,
            "recorded_at": recorded_at,
        },
    )
