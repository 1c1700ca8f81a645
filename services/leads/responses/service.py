"""Keeping clocks and telling of their marks, each once; how many answers came in time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.db import Database
from libs.common.events.leads import LeadClock, LeadClockBreached, LeadClockEscalated, LeadClockWarned
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from services.leads.capacity import service as capacity
from services.leads.capacity.flow import MOST_LEVELS
from services.leads.register import service as register
from services.leads.responses import repository
from services.leads.responses.clocks import REACH, Kind, Mark, following, passed, schedule
from services.leads.responses.models import Kept

AT_ONCE = 500
SHARE_OF = timedelta(days=30)
"""Clocks started since then make the share."""
_EVENTS: dict[Kind, type[LeadClock]] = {
    "warned": LeadClockWarned,
    "breached": LeadClockBreached,
    "escalated": LeadClockEscalated,
}


async def keep_clocks(database: Database, *, principal: Principal) -> None:
    """Make clocks of leads that came or changed, then tell of the marks passed since; in small transactions."""
    require(principal, "system")
    worked = AT_ONCE
    while worked == AT_ONCE:
        async with database.transaction() as session:
            worked = await begin(session, principal=principal)
    worked = AT_ONCE
    while worked == AT_ONCE:
        async with database.transaction() as session:
            worked = await tell(session, principal=principal)


async def begin(session: AsyncSession, *, principal: Principal) -> int:
    """Make the clocks of the next leads; returns how many leads were looked at."""
    leads = await repository.to_begin(session, limit=AT_ONCE)
    if leads:
        flow = await capacity.read_flow(session, principal=principal)
        times = capacity.worktime(session, flow, principal=principal)
        await repository.keep(
            session,
            [
                (
                    each,
                    schedule(each.started_at, place=each.place, flow=flow.content, times=times),
                    each.seen_at - each.started_at <= REACH,
                )
                for each in leads
            ],
        )
    return len(leads)


async def tell(session: AsyncSession, *, principal: Principal) -> int:  # noqa: ARG001
    """Keep and publish the marks that the next clocks passed, each once; returns how many clocks were looked at.

    Somebody who does the same at once takes other clocks; a mark that is there already is not told again.
    """
    as_of = clock.now()
    clocks = await repository.to_check(session, as_of=as_of, limit=AT_ONCE)
    if not clocks:
        return 0
    due = [(each, mark) for each in clocks for mark in passed(each.planned, ended_at=each.ended_at, as_of=as_of)]
    above = await repository.managers(
        session, {owner for each in clocks if (owner := each.owner_id or each.team_leader_id)}, levels=MOST_LEVELS
    )
    told = {(each.clock_id, mark.kind, mark.level): _told(each, mark, above) for each, mark in due}
    recorded_at = await outbox.stamp(session)
    marks = [(each.clock_id, mark, told[each.clock_id, mark.kind, mark.level]) for each, mark in due]
    fresh = await repository.mark(session, marks, recorded_at=recorded_at)
    for each, mark in due:
        key = (each.clock_id, mark.kind, mark.level)
        if key in fresh:
            _publish(session, each, mark, told[key])
    again = {each.clock_id: following(each.planned, ended_at=each.ended_at, as_of=as_of) for each in clocks}
    await repository.look_again(session, again)
    return len(clocks)


def _told(kept: Kept, mark: Mark, above: Any) -> UUID | None:
    """The owner; of an escalation their manager, theirs and so on. Of a lead that nobody owns the leader of its team."""
    if mark.level == 0:
        return kept.owner_id
    told = kept.owner_id
    levels = mark.level
    if told is None:
        told, levels = kept.team_leader_id, mark.level - 1
    for _ in range(levels):
        told = above.get(told)
    return told


def _publish(session: AsyncSession, kept: Kept, mark: Mark, told: UUID | None) -> None:
    event = _EVENTS[mark.kind](
        clock_id=kept.clock_id,
        lead_id=kept.lead_id,
        owner_id=kept.owner_id,
        started_at=kept.planned.started_at,
        due_at=kept.planned.due_at,
        passed_at=mark.at,
        level=mark.level,
        told_id=told,
    )
    outbox.add(session, event, key=kept.clock_id, subject=str(kept.lead_id), version=mark.number, occurred_at=mark.at)


async def history(session: AsyncSession, lead_id: UUID, *, principal: Principal) -> tuple[Sequence[Any], Sequence[Any]]:
    """The clocks of a lead, newest first, and their marks. Raises LeadNotFound."""
    await register.read_lead(session, lead_id, principal=principal)
    return await repository.of_lead(session, lead_id)


async def shares(
    session: AsyncSession, *, since: datetime | None, principal: Principal
) -> tuple[datetime, datetime, Sequence[Any]]:
    """(since, as_of, rows): of clocks started since then, by team, how many were answered in time."""
    as_of = clock.now()
    since = since or as_of - SHARE_OF
    return since, as_of, await repository.shares(session, since=since, as_of=as_of, principal=principal)


async def due_of(
    session: AsyncSession, waits: Sequence[tuple[datetime, int]], *, principal: Principal
) -> list[datetime]:
    """When answers are due to leads (start, place in the queue) whose clocks are not made yet."""
    if not waits:
        return []
    flow = await capacity.read_flow(session, principal=principal)
    times = capacity.worktime(session, flow, principal=principal)
    return [schedule(start, place=place, flow=flow.content, times=times).due_at for start, place in waits]
