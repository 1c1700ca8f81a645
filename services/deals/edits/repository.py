"""Named queries over edits of deals and what their connections take back."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.crm import CrmEditAnswered, CrmWriteBackOffered, OfferedStage
from libs.common.organisation import visible
from libs.common.sql import Query
from services.deals.edits.checking import FIELDS, Held, Offer, Unacceptable, written

_OFFER = text("""
    INSERT INTO write_back (connection, version, fields, stages)
    VALUES (:connection, :version, :fields, cast(:stages AS jsonb))
    ON CONFLICT (connection) DO UPDATE
    SET version = excluded.version, fields = excluded.fields, stages = excluded.stages
    WHERE write_back.version < excluded.version
""")


async def put_offers(session: AsyncSession, offers: Sequence[CrmWriteBackOffered]) -> None:
    """Keep what connections take back; an older word changes nothing."""
    for each in sorted(offers, key=lambda offer: (offer.connection, offer.version)):
        stages = orjson.dumps([stage.model_dump() for stage in each.stages]).decode()
        values = {"connection": each.connection, "version": each.version, "fields": list(each.fields), "stages": stages}
        await session.execute(_OFFER, values)


async def offers(session: AsyncSession) -> dict[str, Offer]:
    """What each connection takes back, by its key; of those that ever said so."""
    found = await session.execute(text("SELECT connection, fields, stages FROM write_back ORDER BY connection"))
    return {row.connection: Offer(row.fields, [OfferedStage(**stage) for stage in row.stages]) for row in found}


_HELD = text(
    """
    SELECT d.deal_id, d.name, d.state, d.removed, d.provisional, d.pipeline, d.currency,
           d.content->>'connection' AS connection, d.content->>'external_id' AS external_id,
           d.content->>'amount_from' AS amount_from,
           jsonb_build_object('next_step', d.content->'next_step', 'close_date', d.content->'close_date',
               'amount', d.content->'amount', 'stage', d.content->'stage', 'category', d.content->'category',
               'owner_id', d.content->'owner_id') AS shown,
           d.fold->'pursuit'->'record' AS record
    FROM deal d
    WHERE d.deal_id = ANY(cast(:deals AS uuid[])) AND d.version > 0 AND {visible}
    ORDER BY d.deal_id FOR UPDATE OF d
    """.replace("{visible}", visible("d.owner_id"))
)


async def lock_held(session: AsyncSession, deals: Collection[UUID], scope: Mapping[str, Any]) -> dict[UUID, Held]:
    """Lock the deals within scope in the order of their ids, as edits meet them."""
    found = await session.execute(_HELD, {"deals": sorted(set(deals)), **scope})
    return {row["deal_id"]: _held(row) for row in found.mappings()}


def _held(row: RowMapping) -> Held:
    currency = row["currency"]
    shown = _texts(row["shown"], currency)
    names = (
        "deal_id", "connection", "external_id", "state", "removed", "provisional", "pipeline", "amount_from", "currency",
    )  # fmt: skip
    return Held(
        **{name: row[name] for name in names},
        name=row["name"] or "",
        shown=shown,
        crm=shown if row["record"] is None else _texts(row["record"], row["record"].get("currency") or currency),
    )


def _texts(values: Mapping[str, Any], currency: str | None) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for field in FIELDS:
        value = values.get(field)
        try:
            found[field] = written(field, None if value is None else str(value), currency)
        except Unacceptable:  # an amount without a currency, or with more decimals than it has
            found[field] = str(value)
    return found


_VISIBLE = text(
    "SELECT d.deal_id FROM deal d WHERE d.deal_id = ANY(cast(:deals AS uuid[])) AND d.version > 0 AND {visible}".replace(
        "{visible}", visible("d.owner_id")
    )
)


async def visible_deals(session: AsyncSession, deals: Collection[UUID], scope: Mapping[str, Any]) -> set[UUID]:
    """Those of the deals that are within scope."""
    return set((await session.scalars(_VISIBLE, {"deals": list(deals), **scope})).all())


_OPEN = text("""
    SELECT edit_id, deal_id, field, wanted, bases FROM deal_edit
    WHERE deal_id = ANY(cast(:deals AS uuid[])) AND state IN ('pending', 'taken') ORDER BY edit_id
""")


async def open_edits(session: AsyncSession, deals: Collection[UUID]) -> Sequence[RowMapping]:
    """The edits of these deals that stand over the CRM's value; at most one of a field."""
    return (await session.execute(_OPEN, {"deals": list(deals)})).mappings().all()


_CONFLICTS = text("""
    SELECT deal_id, field, crm_value, bases FROM (
        SELECT DISTINCT ON (deal_id, field) deal_id, field, state, crm_value, bases FROM deal_edit
        WHERE deal_id = ANY(cast(:deals AS uuid[])) ORDER BY deal_id, field, sequence DESC
    ) AS newest WHERE state = 'conflict'
""")


async def conflicts(session: AsyncSession, deals: Collection[UUID]) -> Sequence[RowMapping]:
    """Where the newest edit of a field met another value in the CRM: that value, and those it had expected."""
    return (await session.execute(_CONFLICTS, {"deals": list(deals)})).mappings().all()


_SEQUENCES = text("""
    SELECT deal_id, field, max(sequence) AS sequence FROM deal_edit WHERE deal_id = ANY(cast(:deals AS uuid[])) GROUP BY 1, 2
""")


async def sequences(session: AsyncSession, deals: Collection[UUID]) -> dict[tuple[UUID, str], int]:
    """How many edits each field of these deals has had; the deals are locked."""
    found = await session.execute(_SEQUENCES, {"deals": list(deals)})
    return {(row.deal_id, row.field): row.sequence for row in found}


_SUPERSEDE = text("""
    UPDATE deal_edit SET state = 'superseded', settled_at = :at WHERE edit_id = ANY(cast(:edits AS uuid[]))
""")
_APPEND = text("""
    INSERT INTO deal_edit (edit_id, sequence, deal_id, field, wanted, seen, bases, author, request_digest, wanted_at)
    VALUES (:edit_id, :sequence, :deal_id, :field, :wanted, :seen, :bases, :author, :request_digest, :wanted_at)
""")


async def append(session: AsyncSession, rows: Sequence[Mapping[str, Any]], superseded: Collection[UUID]) -> None:
    """Add edits; those before them of the same fields no longer stand."""
    if superseded:
        await session.execute(_SUPERSEDE, {"edits": list(superseded), "at": rows[0]["wanted_at"]})
    await session.execute(_APPEND, list(rows))


_ANSWER = text("""
    UPDATE deal_edit SET answer = :outcome, answer_value = :crm_value, answer_reason = :reason
    WHERE edit_id = :edit_id AND answer IS NULL AND state <> 'superseded' RETURNING deal_id
""")


async def answer(session: AsyncSession, answers: Sequence[CrmEditAnswered]) -> set[UUID]:
    """Note what CRMs said to edits that were not superseded; the deals of these."""
    found: set[UUID] = set()
    for each in sorted(answers, key=lambda told: told.edit_id):
        values = each.model_dump(include={"edit_id", "outcome", "crm_value", "reason"})
        found |= set((await session.scalars(_ANSWER, values)).all())
    return found


_TO_SETTLE = Query("""
    SELECT e.edit_id, e.deal_id, e.field, e.wanted, e.bases, e.answer, e.answer_value, e.answer_reason, e.state,
           d.currency, coalesce(d.fold->'pursuit'->'record', d.content)->>e.field AS held
    FROM deal_edit e JOIN deal d USING (deal_id)
    WHERE e.deal_id = ANY(ARRAY(SELECT unnest(CAST(:deals AS uuid[]))))
      AND e.state IN ('pending', 'taken', 'refused', 'conflict') AND e.acknowledged_at IS NULL
      AND NOT EXISTS (
          SELECT 1 FROM deal_edit n WHERE n.deal_id = e.deal_id AND n.field = e.field AND n.sequence > e.sequence
      )
    ORDER BY e.edit_id
""")


async def to_settle(session: AsyncSession, deals: Collection[UUID]) -> list[Any]:
    """The last edits of these deals' fields that can still turn, with what their CRM is known to hold."""
    return await _TO_SETTLE.rows(session, {"deals": list(deals)})


_SETTLE = text("""
    UPDATE deal_edit SET state = :state, crm_value = :crm_value, reason = :reason,
        settled_at = CASE WHEN cast(:state AS text) = 'taken' THEN NULL ELSE cast(:at AS timestamptz) END
    WHERE edit_id = :edit_id
""")


async def settle(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    await session.execute(_SETTLE, list(rows))


_DIGEST = text("SELECT request_digest FROM deal_edit WHERE edit_id = :edit_id")


async def digest_of(session: AsyncSession, edit_id: UUID) -> str | None:
    """The digest of the request that made an edit; None if there is none."""
    found: str | None = await session.scalar(_DIGEST, {"edit_id": edit_id})
    return found


_COLUMNS = (
    "edit_id, deal_id, field, wanted, seen, state, crm_value, reason, author, wanted_at, settled_at, acknowledged_at"
)
_OF = text(
    f"SELECT {_COLUMNS} FROM deal_edit WHERE deal_id = :deal_id ORDER BY wanted_at DESC, sequence DESC LIMIT 200"  # noqa: S608
)


async def of_deal(session: AsyncSession, deal_id: UUID) -> Sequence[RowMapping]:
    """The newest edits of a deal."""
    return (await session.execute(_OF, {"deal_id": deal_id})).mappings().all()


_STANDING = text(
    f"""
    SELECT DISTINCT ON (deal_id, field) {_COLUMNS} FROM deal_edit
    WHERE deal_id = ANY(cast(:deals AS uuid[])) ORDER BY deal_id, field, sequence DESC
    """  # noqa: S608
)


async def standing(session: AsyncSession, deals: Collection[UUID]) -> dict[UUID, dict[str, RowMapping]]:
    """Of each deal and field the last edit, where it is open, refused or in conflict and nobody has put that aside."""
    found: dict[UUID, dict[str, RowMapping]] = {}
    for row in (await session.execute(_STANDING, {"deals": list(deals)})).mappings():
        if row["state"] not in ("confirmed", "superseded") and row["acknowledged_at"] is None:
            found.setdefault(row["deal_id"], {})[row["field"]] = row
    return found


_ACKNOWLEDGE = text("""
    UPDATE deal_edit SET acknowledged_at = :at
    WHERE edit_id = :edit_id AND deal_id = :deal_id AND state IN ('refused', 'conflict') AND acknowledged_at IS NULL
    RETURNING edit_id
""")


async def acknowledge(session: AsyncSession, deal_id: UUID, edit_id: UUID, at: datetime) -> bool:
    """Whether there was a refusal or conflict to put aside."""
    values = {"edit_id": edit_id, "deal_id": deal_id, "at": at}
    return await session.scalar(_ACKNOWLEDGE, values) is not None


_KNOWN_PEOPLE = text(
    "SELECT p.person_id FROM org_person p WHERE p.person_id = ANY(cast(:people AS uuid[])) AND p.is_active AND {visible}".replace(
        "{visible}", visible("p.person_id")
    )
)


async def people(session: AsyncSession, wanted: Collection[UUID], scope: Mapping[str, Any]) -> set[UUID]:
    """Those of them who are active and within scope."""
    return set((await session.scalars(_KNOWN_PEOPLE, {"people": list(wanted), **scope})).all())


_BULK = text("SELECT request_digest, report FROM deal_bulk WHERE bulk_id = :bulk_id")
_KEEP_BULK = text("""
    INSERT INTO deal_bulk (bulk_id, request_digest, report, author, recorded_at)
    VALUES (:bulk_id, :request_digest, cast(:report AS jsonb), :author, :recorded_at)
""")


async def bulk(session: AsyncSession, bulk_id: UUID) -> RowMapping | None:
    """The report of a bulk edit that came before, with the digest of its request."""
    return (await session.execute(_BULK, {"bulk_id": bulk_id})).mappings().one_or_none()


async def keep_bulk(session: AsyncSession, row: Mapping[str, Any]) -> None:
    await session.execute(_KEEP_BULK, row)
