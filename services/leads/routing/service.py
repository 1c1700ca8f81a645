"""The queue: leads by grade and age, with their clocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.web.auth import Principal
from libs.common.web.paging import UnreadableCursor, decode_cursor, encode_cursor
from services.leads.config import settings_of
from services.leads.register import service as register
from services.leads.responses import service as responses
from services.leads.responses.clocks import Clock, clock_of
from services.leads.routing import repository
from services.leads.routing.repository import Asked, Queued


@dataclass(frozen=True, slots=True)
class Queue:
    """A page of the queue and the counts around it."""

    as_of: datetime
    items: Sequence[tuple[Queued, Clock]]
    next_cursor: str | None
    grades: Sequence[tuple[str | None, int | None, int, int]]
    standings: Mapping[str, int]
    sources: Sequence[str]
    regions: Sequence[str]


async def queue(
    session: AsyncSession,
    *,
    standing: str,
    fit: str | None,
    engagement: int | None,
    source: str | None,
    region: str | None,
    campaign: str | None,
    late_only: bool,
    cursor: str | None,
    limit: int,
    principal: Principal,
) -> Queue:
    """Leads of a standing that the principal may see, best grade first, newest first within a grade."""
    now = clock.now()
    asked = Asked(
        standing=standing,
        on=local_date(now, settings_of(session).org_timezone),
        as_of=now,
        fit=fit,
        engagement=engagement,
        source=source,
        region=region,
        campaign=campaign,
        late_only=late_only,
    )
    found = await repository.page(session, asked, after=_sort_key(cursor), limit=limit + 1, principal=principal)
    following = None
    if len(found) > limit:
        last = found[limit - 1]
        following = encode_cursor(last.place, last.arrived_at, last.row.lead_id)
    sources, regions = await repository.words(session, principal=principal)
    return Queue(
        as_of=now,
        items=await _with_clocks(session, found[:limit], as_of=now, principal=principal),
        next_cursor=following,
        grades=await repository.grades(session, asked, principal=principal),
        standings=await repository.standings(session, on=asked.on, principal=principal),
        sources=sources,
        regions=regions,
    )


async def about(session: AsyncSession, lead_id: UUID, *, principal: Principal) -> tuple[Queued, Clock, str | None]:
    """A lead as the queue has it, and its standing; null for one that is deleted or merged. Raises LeadNotFound."""
    row = await register.read_lead(session, lead_id, principal=principal)
    now = clock.now()
    found, standing = await repository.one(session, lead_id, on=local_date(now, settings_of(session).org_timezone))
    ((_, found_clock),) = await _with_clocks(session, [found], as_of=now, principal=principal)
    return found, found_clock, None if row.state is None or row.state.deleted else standing


async def _with_clocks(
    session: AsyncSession, found: Sequence[Queued], *, as_of: datetime, principal: Principal
) -> list[tuple[Queued, Clock]]:
    """Each with its clock; one that is not made yet is reckoned as it will be made."""
    missing = [each for each in found if each.due_at is None]
    reckoned = await responses.due_of(session, [(each.started_at, each.place) for each in missing], principal=principal)
    due = {each.row.lead_id: at for each, at in zip(missing, reckoned, strict=True)}
    return [
        (
            each,
            clock_of(due_at=each.due_at or due[each.row.lead_id], responded_at=each.responded_at, as_of=as_of),
        )
        for each in found
    ]


def _sort_key(cursor: str | None) -> tuple[int, datetime, UUID] | None:
    values = decode_cursor(cursor, 3)
    if values is None:
        return None
    try:
        return int(values[0]), datetime.fromisoformat(values[1]), UUID(values[2])
    except (TypeError, ValueError, AttributeError):
        raise UnreadableCursor("The cursor is not one that this list gave; start without a cursor.") from None
