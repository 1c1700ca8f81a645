"""Who belongs where: units by their paths and people by their placements, as CRMs and people say, both with two clocks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Cause, Received
from libs.common.events.crm import CrmUserChanged
from libs.common.web.auth import ROLES, Principal, require
from services.deals.organisation import entries, found, kept, repository
from services.deals.organisation.paths import COMPANY, UNASSIGNED, NamedUnit, units_on
from services.deals.organisation.schemas import (
    Holding,
    OrganisationThen,
    PeopleOut,
    PersonOut,
    PersonThen,
    TreeOut,
    UnitOut,
    UnitThen,
    VacanciesOut,
    VacancyOut,
)

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


async def apply(session: AsyncSession, events: Sequence[Received[CrmUserChanged]], *, principal: Principal) -> None:
    """Apply CRM records of users, in any order and repetition, and tell which units and placements changed."""
    require(principal, "system")
    await kept.lock(session)
    causes = {event.data.user_id: Cause(**event.cause.model_dump() | {"event": event.id}) for event in events}
    appended = await entries.PEOPLE.apply(session, [event.data for event in events])
    named: dict[NamedUnit, datetime] = {}
    for event in events:
        at = event.data.clock.crm_time
        for unit in units_on(event.data.team_path):
            named[unit] = min(named.get(unit, at), at)
    await _know_units(session, named)
    await entries.tell_people(session, appended, causes=causes)


async def announce(session: AsyncSession, *, principal: Principal) -> None:
    """Make the company and the line of the unplaced known to everybody, once."""
    require(principal, "system")
    await kept.lock(session)
    await _know_units(session, {COMPANY: ALWAYS, UNASSIGNED: ALWAYS})


async def _know_units(session: AsyncSession, named: Mapping[NamedUnit, datetime]) -> None:
    """Keep units that are new, or known from an earlier time than before."""
    known = await kept.named(session, {unit.unit_id for unit in named})
    rows = [
        {"unit_id": unit.unit_id, "valid_from": at, "parent_id": unit.parent_id, "name": unit.name, "kind": unit.kind}
        for unit, at in named.items()
        if unit.unit_id not in known or at < known[unit.unit_id][0]
    ]
    if rows:
        await kept.name(session, rows)
        await entries.refold_units(session, {unit.unit_id for unit in named})


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


async def then(
    session: AsyncSession, *, as_of: datetime | None, known_at: datetime | None, principal: Principal
) -> OrganisationThen:
    """The organisation at an instant, as far as it lay below the principal's units then."""
    require(principal, *ROLES)
    now = clock.now()
    at = as_of or now
    organisation = await found.at(session, at, known_at)
    scope = found.within(principal)
    seen = {
        unit
        for unit, content in organisation.units.items()
        if not content.removed and (scope is None or set(organisation.path(unit)) & set(scope))
    }
    places = {person: organisation.unit_of(person) for person in organisation.people}
    there = Counter(places[person] for person, placed in organisation.people.items() if placed.is_active)
    units = sorted(seen, key=lambda unit: (len(organisation.path(unit)), organisation.units[unit].name, unit))
    return OrganisationThen(
        as_of=at,
        known_at=known_at or now,
        units=[
            UnitThen(
                unit_id=unit,
                parent_id=(content := organisation.units[unit]).parent_id,
                name=content.name,
                kind=content.kind,
                lead_id=content.lead_id,
                people=there[unit],
            )
            for unit in units
        ],
        people=[
            PersonThen(
                person_id=person,
                unit_id=places[person],
                manager_id=placed.manager_id,
                is_active=placed.is_active,
            )
            for person, placed in sorted(organisation.people.items())
            if places[person] in seen
        ],
    )


async def vacancies(session: AsyncSession, *, principal: Principal) -> VacanciesOut:
    """The open deals within scope whose owners have left, by the unit they left."""
    require(principal, *ROLES)
    by_unit: dict[UUID, list[Holding]] = {}
    for row in await repository.vacancies(session, principal=principal):
        held = {name: row[name] for name in Holding.model_fields}
        by_unit.setdefault(row["unit_id"], []).append(Holding.model_validate(held))
    return VacanciesOut(vacancies=[VacancyOut(unit_id=unit, holdings=holdings) for unit, holdings in by_unit.items()])
