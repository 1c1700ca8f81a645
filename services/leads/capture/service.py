"""Capturing a lead by hand: it enters as a record like a CRM's, from the connection `foretell`."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Cause
from libs.common.events.crm import CrmLeadChanged, RecordClock
from libs.common.ids import new_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Forbidden, NotFound
from libs.common.web.idempotency import sent
from services.leads.capture import repository
from services.leads.capture.repository import Person
from services.leads.capture.schemas import LeadIn
from services.leads.register import service as register
from services.leads.register.models import LeadRow, NewInput

CONNECTION = "foretell"


class OwnerOutsideScope(Forbidden):
    """The lead would belong to somebody whose leads the caller may not see."""


class NoContact(NotFound):
    """The lead was captured without a contact, or comes from a CRM."""


async def read_contact(session: AsyncSession, lead_id: UUID, *, principal: Principal) -> Person:
    """The contact of a lead within the principal's scope. Raises LeadNotFound, NoContact."""
    await register.read_lead(session, lead_id, principal=principal)
    person = await repository.find_person(session, lead_id)
    if person is None or (person.name, person.email, person.phone) == (None, None, None):
        raise NoContact(f"Lead {lead_id} has no contact here; look in the people directory for those of a CRM.")
    return person


async def capture_lead(
    session: AsyncSession, wanted: LeadIn, *, idempotency_key: str | None, principal: Principal
) -> LeadRow:
    """Capture a lead; with a key, a repetition returns the lead as it now stands and changes nothing.

    Raises OwnerOutsideScope, IdempotencyKeyReused.
    """
    require(principal, *register.WRITERS)
    request = sent("lead", wanted.model_dump_json(), idempotency_key, principal=principal, owner=CONNECTION)
    lead_id = request.id
    known = await register.lock_lead(session, lead_id, principal=principal)
    if known.version > 0:
        person = await repository.find_person(session, lead_id)
        request.was_taken(
            person.request_digest if person else None
        )  # nothing is known of the body once the person is erased
        return known
    owner_id = await _owner(session, wanted, principal)
    person_id = new_id()
    now = clock.now()
    record = CrmLeadChanged(
        connection=CONNECTION,
        external_id=str(lead_id),
        clock=RecordClock(crm_time=now, digest=str(lead_id)),
        received_at=now,
        created_at=now,
        lead_id=lead_id,
        person_id=person_id if wanted.contact else None,
        **wanted.model_dump(exclude={"contact", "owner_id"}),
        owner_id=owner_id,
    )
    contact = wanted.contact
    added = Person(
        person_id,
        contact.name if contact else None,
        contact.email if contact else None,
        contact.phone if contact else None,
        request.digest,
    )
    await repository.add_person(session, lead_id, added, recorded_at=await outbox.stamp(session))
    rows = await register.apply_inputs(session, [NewInput(record, Cause(), principal.subject)], principal=principal)
    return rows[lead_id]


async def _owner(session: AsyncSession, wanted: LeadIn, principal: Principal) -> UUID | None:
    """The wanted owner, else the principal where the organisation knows them, else nobody."""
    owner_id = wanted.owner_id
    if owner_id is None and (own := _as_person(principal.subject)) and await repository.is_placed(session, own):
        owner_id = own
    if not await repository.may_own(session, owner_id, principal=principal):
        raise OwnerOutsideScope(
            f"A lead of owner {owner_id or 'nobody'} lies outside what you may see; name an owner_id of your units."
        )
    return owner_id


def _as_person(subject: str) -> UUID | None:
    try:
        return UUID(subject)
    except ValueError:
        return None
