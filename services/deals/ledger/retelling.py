"""Telling again how deals stand, for consumers that begin to keep what they have heard already and let go."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Cause
from libs.common.events.catalogue import BY_TYPE
from libs.common.messaging import outbox
from libs.common.sql import Query
from libs.common.web.auth import Principal, require
from services.deals.chronicle import Moment
from services.deals.ledger.entries import event_of
from services.deals.ledger.repository import CONTENT, Entry

TOLD_AT_ONCE = 1000

_STANDING = Query("""
    SELECT deal.deal_id, newest.*
    FROM deal CROSS JOIN LATERAL (
        SELECT version, valid_from, recorded_at, source_recorded_at, reconstructed, unobserved_since, changed_by, event,
            cause::text AS cause, delivery_received_at, content::text AS content
        FROM deal_version WHERE deal_version.deal_id = deal.deal_id ORDER BY valid_from DESC, version DESC LIMIT 1
    ) newest
    WHERE deal.lead_id IS NOT NULL AND (:after::uuid IS NULL OR deal.deal_id > :after)
    ORDER BY deal.deal_id LIMIT :limit
""")


async def tell_again(session: AsyncSession, *, after: UUID | None, principal: Principal) -> tuple[int, UUID | None]:
    """Publish the newest entry of the next deals that name a lead again: how many, and the last; None where that were all.

    The entry keeps its version and recording time, so it changes nothing for whoever has it; the event is a new one, since a
    consumer takes no event twice. In any order with new changes consumers end as they would without.
    """
    require(principal, "system")
    rows = await _STANDING.rows(session, {"after": after, "limit": TOLD_AT_ONCE})
    for row in rows:
        moment = Moment(
            row.valid_from,
            CONTENT.validate_json(row.content),
            row.source_recorded_at,
            row.reconstructed,
            row.unobserved_since,
            row.changed_by,
        )
        cause = Cause.model_validate_json(row.cause)
        entry = Entry(row.deal_id, row.version, moment, BY_TYPE[row.event], cause, row.delivery_received_at)  # type: ignore[arg-type]
        outbox.add(
            session,
            event_of(entry),
            key=entry.deal_id,
            version=entry.version,
            occurred_at=moment.valid_from,
            cause=cause,
            recorded_at=row.recorded_at,
        )
    return len(rows), rows[-1].deal_id if len(rows) == TOLD_AT_ONCE else None
