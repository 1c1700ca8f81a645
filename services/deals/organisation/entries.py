"""New entries of units and people: what inputs make of their histories is appended, told, and stands from then on."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Cause
from libs.common.events.crm import CrmUserChanged
from libs.common.events.deals import PersonPlaced, UnitChanged
from libs.common.messaging import outbox
from libs.common.organisation import put_placements, put_units
from services.deals.chronicle import Moment, corrections, standing_records
from services.deals.organisation import kept, repository
from services.deals.organisation.paths import unit_of
from services.deals.organisation.standing import OF_PEOPLE, Placement, Statement
from services.deals.organisation.timeline import Closures, Word, person_moments, unit_moments
from services.deals.record_history import RecordHistory, Version


def words_of(records: Sequence[CrmUserChanged]) -> list[Word]:
    """What the CRM said of a person, in the order of its clock."""
    return [
        Word(
            at=record.clock.crm_time,
            unit_id=unit_of(record.team_path),
            is_placed=bool(record.team_path),
            manager_id=record.manager_id,
            is_active=record.is_active,
            is_deleted=record.deleted,
        )
        for record in standing_records(records)
    ]


async def _beside(
    session: AsyncSession, people: Collection[UUID]
) -> Callable[[UUID, Sequence[CrmUserChanged]], list[Moment[Placement]]]:
    said: dict[UUID, list[Statement]] = {}
    for statement in await kept.of_people(session, people):
        said.setdefault(statement.person, []).append(statement)
    closures = Closures(await kept.closures(session))
    return lambda person, records: person_moments(words_of(records), said.get(person, []), closures)


def _alone(_: Placement | None, record: CrmUserChanged) -> Placement:
    return Placement(unit_of(record.team_path), record.manager_id, record.is_active and not record.deleted)


PEOPLE = RecordHistory(
    "person",
    record=CrmUserChanged,
    content=Placement,
    identify=lambda record: record.user_id,
    follow=_alone,
    withdrawn=lambda content: replace(content, is_active=False),
    beside=_beside,
)


async def take_effect(session: AsyncSession, statements: Sequence[Statement], *, actor: str) -> None:
    """Append and tell what statements change that have begun: of those they speak of, and of who is in a closed unit."""
    closed = {said.unit for said in statements if said.kind == "unit_closed"}
    units = {said.unit for said in statements if said.kind not in OF_PEOPLE}
    people = {said.person for said in statements if said.kind in OF_PEOPLE}
    if closed:
        units |= await repository.ever_below(session, closed)
        people |= await repository.ever_in(session, closed)
    await refold_units(session, units, actor=actor)
    await tell_people(session, await PEOPLE.refold(session, people), actor=actor)


async def refold_units(session: AsyncSession, units: Collection[UUID], *, actor: str | None = None) -> None:
    """Fold units anew, append what that changes and tell it."""
    if not units:
        return
    named = await kept.named(session, units)
    said: dict[UUID, list[Statement]] = {}
    for statement in await kept.of_units(session, units):
        said.setdefault(statement.unit, []).append(statement)
    closures = Closures(await kept.closures(session))
    versions, stored = await repository.unit_history(session, units)
    changed: list[UnitChanged] = []
    for unit in sorted(units):
        moments = unit_moments(named.get(unit), said.get(unit, []), closures)
        entries = corrections(stored.get(unit, []), moments, withdrawn=lambda content: replace(content, removed=True))
        for version, entry in enumerate(entries, start=versions.get(unit, 0) + 1):
            changed.append(
                UnitChanged(unit_id=unit, version=version, valid_from=entry.valid_from, **asdict(entry.content))
            )
    if not changed:
        return
    await repository.append_units(session, changed, recorded_at=await outbox.stamp(session))
    for event in changed:
        outbox.add(session, event, key=event.unit_id, version=event.version, occurred_at=event.valid_from, actor=actor)
    await put_units(session, changed)


async def tell_people(
    session: AsyncSession,
    appended: Sequence[Version[Placement]],
    *,
    causes: Mapping[UUID, Cause] | None = None,
    actor: str | None = None,
) -> None:
    """Tell new entries of people, and let the newest of each stand."""
    placements = [placed(entry) for entry in appended]
    for placement in placements:
        outbox.add(
            session,
            placement,
            key=placement.person_id,
            version=placement.version,
            occurred_at=placement.valid_from,
            cause=(causes or {}).get(placement.person_id),
            actor=actor,
        )
    await put_placements(session, [each for each, entry in zip(placements, appended, strict=True) if entry.is_head])


def placed(entry: Version[Placement]) -> PersonPlaced:
    """The event that tells of an entry."""
    return PersonPlaced(
        person_id=entry.identifier,
        version=entry.version,
        valid_from=entry.moment.valid_from,
        unit_id=entry.moment.content.unit_id,
        manager_id=entry.moment.content.manager_id,
        is_active=entry.moment.content.is_active,
    )
