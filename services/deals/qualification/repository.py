"""Named queries over statements about deals and about the leads they came of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.qualification import Entry


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement about a lead or about a deal: one of the ids is null."""

    entry: Entry
    lead_id: UUID | None = None
    deal_id: UUID | None = None


async def add(session: AsyncSession, statements: Sequence[Statement], *, recorded_at: datetime) -> None:
    """Keep statements for good; one that is there already stays as it is."""
    await session.execute(
        text(
            """
            INSERT INTO evidence (entry_id, lead_id, deal_id, at, payload, recorded_at)
            SELECT n.entry_id, n.lead_id, n.deal_id, n.at, n.payload::jsonb, :recorded_at
            FROM unnest(
                cast(:entries AS uuid[]), cast(:leads AS uuid[]), cast(:deals AS uuid[]), cast(:ats AS timestamptz[]),
                cast(:payloads AS text[])
            ) AS n (entry_id, lead_id, deal_id, at, payload)
            ON CONFLICT DO NOTHING
            """
        ),
        {
            "entries": [each.entry.entry_id for each in statements],
            "leads": [each.lead_id for each in statements],
            "deals": [each.deal_id for each in statements],
            "ats": [each.entry.at for each in statements],
            "payloads": [each.entry.model_dump_json() for each in statements],
            "recorded_at": recorded_at,
        },
    )


_OF_DEAL = text(
    """
    WITH RECURSIVE theirs AS (
        SELECT lead_id FROM lead_link WHERE deal_id = :deal_id
        UNION SELECT lead_id FROM lead WHERE provisional_id = :deal_id OR converted_deal_id = :deal_id
        UNION SELECT l.lead_id FROM lead l JOIN theirs ON l.merged_into = theirs.lead_id
    )
    SELECT payload::text AS payload, lead_id, deal_id FROM evidence
    WHERE deal_id = :deal_id OR lead_id IN (SELECT lead_id FROM theirs)
    ORDER BY at DESC, entry_id DESC
    """
)


async def of_deal(session: AsyncSession, deal_id: UUID) -> list[Statement]:
    """All statements about a deal, about the leads it opened for, came of or names, and about those merged into them."""
    rows = await session.execute(_OF_DEAL, {"deal_id": deal_id})
    return [Statement(Entry.model_validate_json(row.payload), row.lead_id, row.deal_id) for row in rows]
