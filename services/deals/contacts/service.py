"""People of accounts and their parts in deals: statements that are added to, and names that can be erased."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.deals import ContactChanged, ContactRoleChanged
from libs.common.ids import new_id
from libs.common.messaging import outbox
from libs.common.organisation import scope_parameters
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.errors import Conflict, Invalid, NotFound
from libs.common.web.idempotency import sent
from services.deals.accounts import service as accounts
from services.deals.chronicle import EVER_KNOWN
from services.deals.contacts import repository
from services.deals.contacts.schemas import (
    ContactFacts,
    ContactIn,
    ContactOut,
    ContactsOut,
    HeldRole,
    PersonIn,
    PersonOut,
    RoleIn,
)
from services.deals.ledger import reading

WRITERS = ("seller", "manager", "sales_ops", "cso")
"""Roles that may say something of contacts within their scope."""
ERASERS = ("sales_ops",)


class UnknownContact(NotFound):
    """No contact of this id that the principal may see."""


class ContactErased(Conflict):
    """The contact's person data was erased; it takes none again."""


class NotYet(Invalid):
    """What is said holds from now or from an earlier instant on."""


async def of_account(
    session: AsyncSession, account_id: UUID, *, as_of: datetime | None, known_at: datetime | None, principal: Principal
) -> ContactsOut:
    """The contacts of an account with their roles in deals within scope. Raises UnknownAccount."""
    require(principal, *ROLES)
    await accounts.require_people(session, [account_id], principal=principal)
    as_of, known_at = as_of or clock.now(), known_at or EVER_KNOWN
    rows = await repository.of_account(session, account_id, as_of=as_of, known_at=known_at)
    return await _told(session, rows, as_of=as_of, known_at=known_at, principal=principal)


async def of_deal(
    session: AsyncSession, deal_id: UUID, *, as_of: datetime | None, known_at: datetime | None, principal: Principal
) -> ContactsOut:
    """The contacts that hold a role in a deal. Raises UnknownDeal."""
    require(principal, *ROLES)
    await reading.deal(session, deal_id, principal=principal)
    as_of, known_at = as_of or clock.now(), known_at or EVER_KNOWN
    rows = await repository.of_deal(session, deal_id, as_of=as_of, known_at=known_at)
    found = await _told(session, rows, as_of=as_of, known_at=known_at, principal=principal)
    held = [each for each in found.items if any(role.deal_id == deal_id for role in each.roles)]
    return found.model_copy(update={"items": held})


async def contact(session: AsyncSession, contact_id: UUID, *, principal: Principal) -> ContactOut:
    """One contact as it stands. Raises UnknownContact."""
    require(principal, *ROLES)
    now = clock.now()
    row = await _standing(session, contact_id, principal=principal)
    (found,) = (await _told(session, [row], as_of=now, known_at=EVER_KNOWN, principal=principal)).items
    return found


async def add(
    session: AsyncSession, wanted: ContactIn, *, idempotency_key: str | None, principal: Principal
) -> ContactOut:
    """Tell of a contact. Raises UnknownAccount, ContactErased, NotYet, IdempotencyKeyReused."""
    require(principal, *WRITERS)
    request = sent("contact", wanted.model_dump_json(), idempotency_key, principal=principal)
    if request.was_taken(await repository.digest_of(session, "contact", request.id)):
        return await contact(session, await repository.contact_of(session, request.id), principal=principal)
    contact_id = wanted.contact_id or request.id
    await repository.lock(session, contact_id)
    now = clock.now()
    known = await repository.one(session, contact_id, as_of=now, known_at=EVER_KNOWN)
    if known is not None:
        # Whoever names an id takes the contact over from where it stands: they must see that account too.
        await accounts.require_people(session, [known["account_id"]], principal=principal)
    await _say(session, contact_id, request.id, wanted, request.digest, principal=principal)
    return await contact(session, contact_id, principal=principal)


async def change(session: AsyncSession, contact_id: UUID, wanted: ContactFacts, *, principal: Principal) -> ContactOut:
    """Say anew what is known of a contact; what was said before stays in its history.

    Raises UnknownContact, UnknownAccount, ContactErased, NotYet.
    """
    require(principal, *WRITERS)
    await repository.lock(session, contact_id)
    await _standing(session, contact_id, principal=principal)
    await _say(session, contact_id, new_id(), wanted, "", principal=principal)
    return await contact(session, contact_id, principal=principal)


async def set_role(
    session: AsyncSession, deal_id: UUID, wanted: RoleIn, *, idempotency_key: str | None, principal: Principal
) -> ContactsOut:
    """Give a contact a buying role in a deal, or take it away. Raises UnknownDeal, UnknownContact, NotYet, IdempotencyKeyReused."""
    require(principal, *WRITERS)
    await reading.deal(session, deal_id, principal=principal)
    await _standing(session, wanted.contact_id, principal=principal)
    body = f"{deal_id} {wanted.model_dump_json()}"
    request = sent("contact role", body, idempotency_key, principal=principal)
    if not request.was_taken(await repository.digest_of(session, "role", request.id)):
        at = _at(wanted.at)
        told = wanted.model_dump(exclude={"at"}) | {"deal_id": deal_id, "entry_id": request.id, "at": at}
        recorded_at = await outbox.stamp(session)
        row = told | {"author": principal.subject, "request_digest": request.digest, "recorded_at": recorded_at}
        await repository.append_role(session, row)
        _tell(session, ContactRoleChanged.model_validate(told), deal_id, at, principal)
    return await of_deal(session, deal_id, as_of=None, known_at=None, principal=principal)


async def erase(session: AsyncSession, contact_id: UUID, *, principal: Principal) -> None:
    """Remove a contact's name, mail, phone and title for good; what they did stays without them. Raises UnknownContact."""
    require(principal, *ERASERS)
    await repository.lock(session, contact_id)
    row = await _standing(session, contact_id, principal=principal)
    await repository.erase(session, contact_id)
    if row["erased"]:
        return
    await _append(session, contact_id, new_id(), dict(row) | {"at": clock.now(), "erased": True}, "", principal)


async def forget(session: AsyncSession, *, after_days: int, principal: Principal) -> None:
    """Remove person data of contacts that nobody wrote or spoke with for so many days."""
    require(principal, "system")
    await repository.forget(session, clock.now() - timedelta(days=after_days))


async def _say(
    session: AsyncSession, contact_id: UUID, entry_id: UUID, wanted: ContactFacts, digest: str, *, principal: Principal
) -> None:
    await accounts.require_people(session, [wanted.account_id], principal=principal)
    at, now = _at(wanted.at), clock.now()
    known = await repository.one(session, contact_id, as_of=now, known_at=EVER_KNOWN)
    if known is not None and known["erased"] and wanted.person is not None:
        raise ContactErased(
            f"The person data of contact {contact_id} was erased; leave person out, or add a new contact."
        )
    told = wanted.model_dump(exclude={"person"}) | {"at": at, "erased": False}
    recorded_at = await _append(session, contact_id, entry_id, told, digest, principal)
    if wanted.person is not None:
        await _name(session, contact_id, wanted.person, recorded_at)


async def _append(
    session: AsyncSession, contact_id: UUID, entry_id: UUID, said: dict[str, Any], digest: str, principal: Principal
) -> datetime:
    names = ("account_id", "seniority", "department", "active", "erased", "at")
    told = {name: said[name] for name in names} | {"contact_id": contact_id, "entry_id": entry_id}
    recorded_at = await outbox.stamp(session)
    row = told | {"author": principal.subject, "request_digest": digest, "recorded_at": recorded_at}
    await repository.append(session, row)
    _tell(session, ContactChanged.model_validate(told), contact_id, told["at"], principal)
    return recorded_at


async def _name(session: AsyncSession, contact_id: UUID, person: PersonIn, at: datetime) -> None:
    await repository.put_person(session, person.model_dump() | {"contact_id": contact_id, "updated_at": at})


def _tell(
    session: AsyncSession, event: ContactChanged | ContactRoleChanged, key: UUID, at: datetime, principal: Principal
) -> None:
    outbox.add(session, event, key=key, version=clock.to_millis(at), occurred_at=at, actor=principal.subject)


def _at(wanted: datetime | None) -> datetime:
    now = clock.now()
    if wanted is not None and wanted > now:
        raise NotYet(f"at: {wanted.isoformat()} is not yet; say when it began, or leave it out.")
    return wanted or now


async def _standing(session: AsyncSession, contact_id: UUID, *, principal: Principal) -> RowMapping:
    now = clock.now()
    row = await repository.one(session, contact_id, as_of=now, known_at=EVER_KNOWN)
    if row is None:
        raise UnknownContact(f"No contact {contact_id} is known to you; add it at /v1/contacts first.")
    await accounts.require_people(session, [row["account_id"]], principal=principal)
    return row


async def _told(
    session: AsyncSession, rows: Sequence[RowMapping], *, as_of: datetime, known_at: datetime, principal: Principal
) -> ContactsOut:
    ids = [row["contact_id"] for row in rows]
    scope = scope_parameters(principal)
    held: dict[UUID, list[HeldRole]] = {}
    for role in await repository.roles_of(session, ids, scope, as_of=as_of, known_at=known_at):
        held.setdefault(role["contact_id"], []).append(
            HeldRole(deal_id=role["deal_id"], role=role["role"], since=role["since"])
        )
    items = []
    for row in rows:
        person = PersonOut(**{each: row[each] for each in PersonOut.model_fields}) if row["name"] is not None else None
        facts = {name: row[name] for name in ContactOut.model_fields if name in row}
        items.append(ContactOut.model_validate(facts | {"person": person, "roles": held.get(row["contact_id"], [])}))
    return ContactsOut(as_of=as_of, known_at=min(known_at, clock.now()), items=items)
