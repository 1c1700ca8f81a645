"""Contacts and buying roles over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.idempotency import IdempotencyKey
from services.deals.contacts import service
from services.deals.contacts.schemas import ContactFacts, ContactIn, ContactOut, ContactsOut, ErasedOut, RoleIn

router = APIRouter(tags=["contacts"])

AsOf = Annotated[AwareDatetime | None, Query(description="as valid at this instant")]
KnownAt = Annotated[AwareDatetime | None, Query(description="as known at this instant")]


@router.get("/accounts/{account_id}/contacts")
async def list_contacts(
    account_id: UUID, session: Reading, principal: CurrentPrincipal, as_of: AsOf = None, known_at: KnownAt = None
) -> ContactsOut:
    """The people of an account, those who left last, with their roles in the deals that you see."""
    return await service.of_account(session, account_id, as_of=as_of, known_at=known_at, principal=principal)


@router.get("/deals/{deal_id}/contacts")
async def list_roles(
    deal_id: UUID, session: Reading, principal: CurrentPrincipal, as_of: AsOf = None, known_at: KnownAt = None
) -> ContactsOut:
    """Who has a part in the decision of a deal."""
    return await service.of_deal(session, deal_id, as_of=as_of, known_at=known_at, principal=principal)


@router.post("/deals/{deal_id}/contacts", status_code=201)
async def set_role(
    deal_id: UUID,
    wanted: RoleIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
) -> ContactsOut:
    """Give a contact a buying role in a deal, or take it away by `holds: false`."""
    return await service.set_role(session, deal_id, wanted, idempotency_key=idempotency_key, principal=principal)


@router.post("/contacts", status_code=201)
async def add_contact(
    wanted: ContactIn, session: Transaction, principal: CurrentPrincipal, idempotency_key: IdempotencyKey = None
) -> ContactOut:
    """Tell of somebody who works for an account. The same `Idempotency-Key` and body again give the same contact."""
    return await service.add(session, wanted, idempotency_key=idempotency_key, principal=principal)


@router.get("/contacts/{contact_id}")
async def get_contact(contact_id: UUID, session: Reading, principal: CurrentPrincipal) -> ContactOut:
    return await service.contact(session, contact_id, principal=principal)


@router.put("/contacts/{contact_id}")
async def change_contact(
    contact_id: UUID, wanted: ContactFacts, session: Transaction, principal: CurrentPrincipal
) -> ContactOut:
    """Say anew what is known of a contact; `person` left out leaves the name as it is."""
    return await service.change(session, contact_id, wanted, principal=principal)


@router.delete("/contacts/{contact_id}/person")
async def erase_person(contact_id: UUID, session: Transaction, principal: CurrentPrincipal) -> ErasedOut:
    """Erase a contact's name, mail, phone and title for good. Needs the role sales_ops. A repetition changes nothing."""
    await service.erase(session, contact_id, principal=principal)
    return ErasedOut(contact_id=contact_id, erased=True)
