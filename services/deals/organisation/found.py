"""What may be stated: statements tried on the organisation as it is then, among everything that is planned."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.organisation import sees_everything
from libs.common.web.auth import Principal
from services.deals.organisation import kept, repository
from services.deals.organisation.judging import Admission, admit, impeded
from services.deals.organisation.standing import Organisation, Refused, Statement

MOMENT = timedelta(microseconds=1)


def within(principal: Principal) -> Collection[UUID] | None:
    """The units below which the principal may speak; None for all."""
    return None if sees_everything(principal) else principal.scope


async def ground(session: AsyncSession, first: datetime) -> tuple[Organisation, list[Statement]]:
    """The organisation just before an instant (at the latest now), and what holds from later on, plans included."""
    instant = min(first - MOMENT, clock.now())
    base = await repository.organisation_at(session, instant)
    later = await kept.since(session, instant)
    for said in later:
        if said.kind == "unit_created":
            base.units.pop(
                said.unit, None
            )  # a unit stands where its first entry puts it, but not before it was created
    return base, later


async def admission(session: AsyncSession, wanted: Sequence[Statement], *, principal: Principal) -> Admission:
    """Which of these can be made by the principal, and why the others cannot."""
    base, later = await ground(session, min(said.valid_from for said in wanted))
    ours = {said.statement_id for said in wanted}
    return admit(base, [said for said in later if said.statement_id not in ours], wanted, within=within(principal))


async def impeded_without(session: AsyncSession, statement: Statement) -> tuple[Statement, Refused] | None:
    """What was planned and could not be any more without this statement, and why."""
    base, later = await ground(session, clock.now())
    return impeded(base, [said for said in later if said.statement_id != statement.statement_id])


async def at(session: AsyncSession, as_of: datetime, known_at: datetime | None) -> Organisation:
    """The organisation at an instant; a coming one with what is planned until then."""
    now = clock.now()
    if as_of <= now:
        return await repository.organisation_at(session, as_of, known_at)
    organisation, later = await ground(session, now)
    for said in sorted(later, key=Statement.order):
        if said.valid_from <= as_of and (known_at is None or said.recorded_at <= known_at):
            try:
                organisation.say(said)
            except Refused:
                continue  # the CRM has changed since; what cannot be will not be
    return organisation
