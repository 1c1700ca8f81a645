"""Who belongs where, from the CRM's users: units by their paths, people by their placements, both with two clocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Cause, Received
from libs.common.events.crm import CrmUserChanged
from libs.common.events.deals import PersonPlaced, UnitChanged
from libs.common.messaging import outbox
from libs.common.organisation import put_placements, put_units
from libs.common.web.auth import ROLES, Principal, require
from services.deals.organisation import repository
from services.deals.organisation.paths import COMPANY, UNASSIGNED, NamedUnit, unit_of, units_on
from services.deals.organisation.schemas import PeopleOut, PersonOut, TreeOut, UnitOut
from services.deals.record_history import RecordHistory, Version

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Placement:
    """What an entry says about a person."""

    unit_id: UUID
    manager_id: UUID | None
    is_active: bool


def follow(before: Placement | None, record: CrmUserChanged) -> Placement:
    """The placement after a record; a deleted user stays where they were, inactive."""
    if record.deleted:
        return replace(before or Placement(unit_of(record.team_path), record.manager_id, False), is_active=False)
    return Placement(unit_of(record.team_path), record.manager_id, record.is_active)


HISTORY = RecordHistory(
    "person",
    record=CrmUserChanged,
    content=Placement,
    identify=lambda record: record.user_id,
    follow=follow,
    withdrawn=lambda content: replace(content, is_active=False),
)


async def apply(session: AsyncSession, events: Sequence[Received[CrmUserChanged]], *, principal: Principal) -> None:
    """Apply CRM records of users, in any order and repetition, and tell which units and placements changed."""
    require(principal, "system")
    causes = {event.data.user_id: Cause(**event.cause.model_dump() | {"event": event.id}) for event in events}
    appended = await HISTORY.apply(session, [event.data for event in events])
    named: dict[NamedUnit, datetime] = {}
    for event in events:
        at = event.data.clock.crm_time
        for unit in units_on(event.data.team_path):
            named[unit] = min(named.get(unit, at), at)
    await _know_units(session, named)
    placements = [_placed(entry) for entry in appended]
    for placed in placements:
        cause = causes[placed.person_id]
        outbox.add(
            session, placed, key=placed.person_id, version=placed.version, occurred_at=placed.valid_from, cause=cause
        )
    heads = [placed for placed, entry in zip(placements, appended, strict=True) if entry.is_head]
    await put_placements(session, heads)


async def announce(session: AsyncSession, *, principal: Principal) -> None:
    """Make the company and the line of the unplaced known to everybody, once."""
    require(principal, "system")
    await _know_units(session, {COMPANY: ALWAYS, UNASSIGNED: ALWAYS})


async def tree(session: AsyncSession, *, principal: Principal) -> TreeOut:
    """The units within the principal's scope, each with its number of active people; parents before children by name."""
    require(principal, *ROLES)
    rows = await repository.units(session, principal=principal)
    return TreeOut(units=[UnitOut.model_validate(row) for row in rows])


async def people(session: AsyncSession, *, principal: Principal) -> PeopleOut:
    """The people within the principal's scope and where they belong today."""
    require(principal, *ROLES)
    rows = await repository.people(session, principal=principal)
    return PeopleOut(people=[PersonOut.model_validate(row) for row in rows])


async def _know_units(session: AsyncSession, named: Mapping[NamedUnit, datetime]) -> None:
    """Append units that are new, or known from an earlier time than before."""
    if not named:
        return
    known = await repository.lock_units(session, {unit.unit_id for unit in named})
    changed: list[UnitChanged] = []
    for unit, at in sorted(named.items(), key=lambda item: item[0].unit_id):
        version, since = known.get(unit.unit_id, (0, None))
        if since is not None and since <= at:
            continue
        changed.append(
            UnitChanged(
                unit_id=unit.unit_id,
                version=version + 1,
                valid_from=at,
                parent_id=unit.parent_id,
                name=unit.name,
                kind=unit.kind,
            )
        )
    if not changed:
        return
    await repository.append_units(session, changed, recorded_at=await outbox.stamp(session))
    for event in changed:
        outbox.add(session, event, key=event.unit_id, version=event.version, occurred_at=event.valid_from)
    await put_units(session, changed)


def _placed(entry: Version[Placement]) -> PersonPlaced:
    return PersonPlaced(
        person_id=entry.identifier,
        version=entry.version,
        valid_from=entry.moment.valid_from,
        unit_id=entry.moment.content.unit_id,
        manager_id=entry.moment.content.manager_id,
        is_active=entry.moment.content.is_active,
    )
