"""What is set about the flow of leads, who is away, and the room that people have."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.ids import new_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Forbidden, NotFound
from services.leads.capacity import repository
from services.leads.capacity.flow import FlowIn
from services.leads.capacity.models import Absence, Flow, Room, Seller
from services.leads.capacity.worktime import WorkTime
from services.leads.config import settings_of

LEADERS = ("manager", "sales_ops", "cso")
"""Roles that may say who of their scope is away; everybody may say it of themselves."""


class PersonNotFound(NotFound):
    """The organisation has no such person within the principal's scope."""


class AbsenceNotFound(NotFound):
    """No such absence of somebody within the principal's scope."""


class AbsenceIsWithdrawn(Conflict):
    """What was withdrawn stays withdrawn."""


class NotYourAbsence(Forbidden):
    """A seller speaks for themselves only."""


async def read_flow(session: AsyncSession, *, principal: Principal) -> Flow:  # noqa: ARG001
    """What is set now; everybody may know it."""
    return await repository.flow(session)


async def set_flow(session: AsyncSession, wanted: FlowIn, *, principal: Principal) -> Flow:
    """Set it anew as a further version. Needs the role sales_ops or cso."""
    require(principal, "sales_ops", "cso")
    await repository.lock(session)
    before = await repository.flow(session)
    at = await outbox.stamp(session)
    await repository.add_flow(session, before.version + 1, wanted, said_by=principal.subject, at=at)
    return Flow(before.version + 1, wanted, principal.subject, at)


def worktime(session: AsyncSession, flow: Flow, *, principal: Principal) -> WorkTime:  # noqa: ARG001
    """The organisation's working time under what is set."""
    settings = settings_of(session)
    opens, closes = flow.content.minutes()
    return WorkTime(
        settings.org_timezone, opens, closes, frozenset(flow.content.works_on), frozenset(settings.holidays or ())
    )


async def list_absences(
    session: AsyncSession, *, first: date, last: date, known_at: datetime | None, principal: Principal
) -> tuple[datetime, Sequence[Absence]]:
    """The absences that touch the days, as known at an instant (now if none is named), and that instant."""
    known_at = known_at or clock.now()
    return known_at, await repository.absences(session, first=first, last=last, known_at=known_at, principal=principal)


async def add_absence(
    session: AsyncSession, person_id: UUID, *, first_day: date, last_day: date, principal: Principal
) -> Absence:
    """Say that a person is away. Raises PersonNotFound, NotYourAbsence."""
    await _may_speak_for(session, person_id, principal=principal)
    at = await outbox.stamp(session)
    new = Absence(
        new_id(), 1, person_id, first_day, last_day, withdrawn=False, said_by=principal.subject, recorded_at=at
    )
    await repository.add_absence(session, new)
    return new


async def change_absence(
    session: AsyncSession, absence_id: UUID, *, days: tuple[date, date] | None, principal: Principal
) -> Absence:
    """Other days for an absence, or none: it is withdrawn. Raises AbsenceNotFound, AbsenceIsWithdrawn, NotYourAbsence."""
    await repository.lock(session)
    known = await repository.absence(session, absence_id, principal=principal)
    if known is None:
        raise AbsenceNotFound(f"There is no absence {absence_id} of anybody you may see.")
    await _may_speak_for(session, known.person_id, principal=principal)
    if known.withdrawn:
        raise AbsenceIsWithdrawn(f"Absence {absence_id} was withdrawn; enter a new one.")
    first, last = days or (known.first_day, known.last_day)
    new = replace(
        known,
        version=known.version + 1,
        first_day=first,
        last_day=last,
        withdrawn=days is None,
        said_by=principal.subject,
        recorded_at=await outbox.stamp(session),
    )
    await repository.add_absence(session, new)
    return new


async def _may_speak_for(session: AsyncSession, person_id: UUID, *, principal: Principal) -> None:
    if not await repository.is_visible(session, person_id, principal=principal):
        raise PersonNotFound(f"There is no person {person_id} among those you may see.")
    if str(person_id) == principal.subject:
        return
    if not principal.roles & {*LEADERS, "admin", "system"}:
        raise NotYourAbsence("You may say when you are away yourself; for others ask their manager.")


async def sellers(
    session: AsyncSession,
    *,
    units: Iterable[UUID],
    people: Iterable[UUID] = (),
    principal: Principal,  # noqa: ARG001
) -> list[Seller]:
    """Who takes leads of the units, and the people named where they are active. The caller answers for the units."""
    return await repository.sellers(session, units=units, people=people)


async def rooms(
    session: AsyncSession, sellers: Sequence[Seller], *, flow: Flow, as_of: datetime, principal: Principal
) -> dict[UUID, Room]:
    """The room of each over the working days that the line looks ahead, from the day of `as_of` or the next working one.

    The caller answers for the principal's right to the sellers.
    """
    times = worktime(session, flow, principal=principal)
    today = local_date(as_of, times.zone)
    days = times.days(today, flow.content.horizon_days)
    away: dict[UUID, set[date]] = defaultdict(set)
    known = await repository.absences(
        session, first=days[0], last=days[-1], known_at=as_of, principal=Principal.system("leads")
    )
    for each in known:
        if not each.withdrawn:
            away[each.person_id] |= {day for day in days if each.first_day <= day <= each.last_day}
    taken: dict[UUID, Decimal] = defaultdict(Decimal)
    since = datetime.combine(today, time(), ZoneInfo(times.zone)).astimezone(UTC)
    for owner_id, place, source, leads in await repository.on_hands(
        session, [each.person_id for each in sellers], since=since
    ):
        taken[owner_id] += leads * flow.content.hours_of(place, source)
    return {
        each.person_id: Room(
            seller=each,
            days=len(days),
            away=frozenset(away[each.person_id]),
            hours=flow.content.rep_hours * (len(days) - len(away[each.person_id])),
            taken=taken[each.person_id],
        )
        for each in sellers
    }


async def may_see(session: AsyncSession, person_id: UUID, *, principal: Principal) -> bool:
    """Whether the organisation knows the person within the principal's scope."""
    return await repository.is_visible(session, person_id, principal=principal)
