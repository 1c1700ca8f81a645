"""Edits of fields that the CRM owns: each stands over the CRM's value until its echo confirms it or it is visibly not taken.

Locks: deals in the order of their ids, then their edits. The value that counts everywhere stays the CRM's; see ADR 37.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Received
from libs.common.events.crm import CrmDealChanged, CrmEditAnswered, CrmWriteBackOffered
from libs.common.events.deals import EditWanted
from libs.common.messaging import outbox
from libs.common.organisation import scope_parameters
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.errors import Conflict, Invalid, NotFound
from libs.common.web.idempotency import sent
from services.deals.config import business_zone
from services.deals.edits import repository
from services.deals.edits.checking import Held, Offer, Unacceptable, check_deal, check_value, written
from services.deals.edits.schemas import EditIn, EditOut, EditsOut, StageOut, WriteBackOut, WriteBacksOut
from services.deals.edits.standing import Answer, judge

WRITERS = ("seller", "manager", "sales_ops", "cso")
"""Roles that may edit deals within their scope."""
GIVERS = ("manager", "sales_ops", "cso")
"""Roles that may give a deal to another owner."""


class UnknownDeal(NotFound):
    """No deal of this id that the principal may see."""


class NotTaken(Invalid):
    """The edit is not taken: the field belongs to somebody else, or cannot hold the value."""


class SeenHasMoved(Conflict):
    """The deal has another value than the author of the edit had seen."""


class NothingToPutAside(NotFound):
    """The edit is neither refused nor in conflict, or somebody has put that aside."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One edit of a request."""

    edit_id: UUID
    deal_id: UUID
    edit: EditIn
    digest: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of it: an edit under way, nothing to do, or the reason why not. `now` is the other value that was found."""

    wanted: Wanted
    deal: Held | None = None
    edit_id: UUID | None = None
    reason: str | None = None
    moved: bool = False
    now: str | None = None


async def edit(
    session: AsyncSession, deal_id: UUID, wanted: EditIn, *, idempotency_key: str | None, principal: Principal
) -> EditsOut:
    """Want another value in a field. Raises MissingRole, UnknownDeal, NotTaken, SeenHasMoved, IdempotencyKeyReused."""
    require(principal, *WRITERS)
    request = sent("deal edit", f"{deal_id} {wanted.model_dump_json()}", idempotency_key, principal=principal)
    if not request.was_taken(await repository.digest_of(session, request.id)):
        (taken,) = await take(session, [Wanted(request.id, deal_id, wanted, request.digest)], principal=principal)
        if taken.deal is None:
            raise UnknownDeal(f"No deal {deal_id} is known to you; it may not have arrived from the CRM yet.")
        if taken.moved:
            raise SeenHasMoved(str(taken.reason), field=wanted.field, now=taken.now)
        if taken.reason is not None:
            raise NotTaken(f"{wanted.field}: {taken.reason}", field=wanted.field)
    return await of_deal(session, deal_id, principal=principal)


async def take(session: AsyncSession, rows: Sequence[Wanted], *, principal: Principal) -> list[Taken]:
    """Take what can be taken of these edits, each by itself; one result for each, in their order."""
    require(principal, *WRITERS)
    scope = scope_parameters(principal)
    deals = await repository.lock_held(session, {each.deal_id for each in rows}, scope)
    offers = await repository.offers(session)
    standing = {(row["deal_id"], row["field"]): row for row in await repository.open_edits(session, deals)}
    conflicts = {(row["deal_id"], row["field"]): row for row in await repository.conflicts(session, deals)}
    given = {found for each in rows if each.edit.field == "owner_id" and (found := _id(each.edit.value))}
    people = await repository.people(session, given, scope) if given else set()
    may_give = bool(principal.roles & {*GIVERS, "admin", "system"})
    taken: list[Taken] = []
    fresh: dict[tuple[UUID, str], dict[str, Any]] = {}
    superseded: set[UUID] = set()
    for each in rows:
        deal, key = deals.get(each.deal_id), (each.deal_id, str(each.edit.field))
        met = _met(each, deal, conflicts.get(key))
        result = _weighed(each, deal, offers, people, met=met, may_give=may_give)
        if result.reason is None and deal is not None:
            if key in fresh:
                result = replace(result, reason="The field stands twice in this request; send it once.")
            else:
                before = standing.get(key)
                row = _row(each, deal, before, met, principal)
                if before is not None or row["wanted"] not in row["bases"]:
                    fresh[key] = row
                    superseded |= {before["edit_id"]} if before is not None else set()
                    result = replace(result, edit_id=each.edit_id)
        taken.append(result)
    if fresh:
        await _add(session, list(fresh.values()), deals, superseded, principal)
    return taken


def _met(wanted: Wanted, deal: Held | None, conflict: Any) -> list[str | None]:
    """The value that the edit before met in the CRM, where it is what the author saw and the record with it has not come yet."""
    edit = wanted.edit
    if deal is None or conflict is None or not edit.checks_seen or deal.shown[edit.field] not in conflict["bases"]:
        return []
    there = conflict["crm_value"]
    return [there] if _held(edit.field, edit.seen, deal.currency) == _held(edit.field, there, deal.currency) else []


def _weighed(
    wanted: Wanted,
    deal: Held | None,
    offers: dict[str, Offer],
    people: Collection[UUID],
    *,
    met: Collection[str | None],
    may_give: bool,
) -> Taken:
    """The edit with the reason why it cannot be taken, if there is one."""
    if deal is None:
        return Taken(wanted, reason="No deal of this id is known to you.")
    edit, offer = wanted.edit, offers.get(deal.connection or "")
    try:
        check_deal(deal, edit.field, offer)
        value = written(edit.field, edit.value, deal.currency)
        today = clock.now().astimezone(business_zone()).date()
        check_value(deal, edit.field, value, offer or Offer(), today=today)
        if edit.field == "owner_id" and not may_give:
            raise Unacceptable(f"A deal is given to somebody else by one of the roles {', '.join(GIVERS)}.")
        if edit.field == "owner_id" and (value is None or UUID(value) not in people):
            raise Unacceptable(f"No active person {value} is known within your scope.")
        if (
            edit.checks_seen
            and not met
            and (seen := written(edit.field, edit.seen, deal.currency)) != deal.shown[edit.field]
        ):
            now = deal.shown[edit.field]
            reason = f"It was {seen or 'empty'} when you saw it and is {now or 'empty'} now; look at it, then change it again."
            return Taken(wanted, deal, reason=reason, moved=True, now=now)
    except Unacceptable as refusal:
        return Taken(wanted, deal, reason=str(refusal))
    return Taken(wanted, deal)


def _row(wanted: Wanted, deal: Held, before: Any, met: list[str | None], principal: Principal) -> dict[str, Any]:
    field = wanted.edit.field
    bases = [deal.crm[field], deal.shown[field], *met]
    if before is not None:
        bases += [*before["bases"], before["wanted"]]
    return {
        "edit_id": wanted.edit_id,
        "deal_id": deal.deal_id,
        "field": field,
        "wanted": written(field, wanted.edit.value, deal.currency),
        "seen": deal.shown[field],
        "bases": list(dict.fromkeys(bases)),
        "author": principal.subject,
        "request_digest": wanted.digest,
        "wanted_at": clock.now(),
    }


async def _add(
    session: AsyncSession,
    rows: list[dict[str, Any]],
    deals: dict[UUID, Held],
    superseded: set[UUID],
    principal: Principal,
) -> None:
    await outbox.stamp(session)
    known = await repository.sequences(session, {row["deal_id"] for row in rows})
    for row in rows:
        row["sequence"] = known.get((row["deal_id"], row["field"]), 0) + 1
    await repository.append(session, rows, superseded)
    for row in rows:
        deal, at = deals[row["deal_id"]], row["wanted_at"]
        event = EditWanted(
            connection=deal.connection,
            external_id=deal.external_id,
            currency=deal.currency,
            pipeline=deal.pipeline,
            **{name: row[name] for name in ("edit_id", "sequence", "deal_id", "field", "wanted", "bases", "wanted_at")},
        )
        version = clock.to_millis(at)
        outbox.add(session, event, key=deal.deal_id, version=version, occurred_at=at, actor=principal.subject)


async def acknowledge(session: AsyncSession, deal_id: UUID, edit_id: UUID, *, principal: Principal) -> EditsOut:
    """Put a refusal or conflict aside: the CRM's value stays. Raises MissingRole, UnknownDeal, NothingToPutAside."""
    require(principal, *WRITERS)
    if deal_id not in await repository.lock_held(session, [deal_id], scope_parameters(principal)):
        raise UnknownDeal(f"No deal {deal_id} is known to you.")
    if not await repository.acknowledge(session, deal_id, edit_id, clock.now()):
        raise NothingToPutAside(f"Edit {edit_id} is neither refused nor in conflict, or was put aside before.")
    return await of_deal(session, deal_id, principal=principal)


async def of_deal(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> EditsOut:
    """The edits of a deal, the newest first. Raises UnknownDeal."""
    require(principal, *ROLES)
    if deal_id not in await repository.visible_deals(session, [deal_id], scope_parameters(principal)):
        raise UnknownDeal(f"No deal {deal_id} is known to you; it may not have arrived from the CRM yet.")
    return EditsOut(items=[EditOut.model_validate(dict(row)) for row in await repository.of_deal(session, deal_id)])


async def beside(
    session: AsyncSession, deals: Collection[UUID], *, principal: Principal
) -> tuple[dict[str, Offer], dict[UUID, dict[str, EditOut]]]:
    """What connections take back, and of these deals by field the last edit where it is still to be looked at.

    The caller has found the deals within the principal's scope.
    """
    require(principal, *ROLES)
    found = await repository.standing(session, deals)
    told = {
        deal: {name: EditOut.model_validate(dict(row)) for name, row in rows.items()} for deal, rows in found.items()
    }
    return await repository.offers(session), told


async def write_backs(session: AsyncSession, *, principal: Principal) -> WriteBacksOut:
    """What every connection takes back from here."""
    require(principal, *ROLES)
    items = []
    for key, offer in (await repository.offers(session)).items():
        stages = [StageOut(pipeline=each.pipeline, stage=each.stage) for each in offer.stages]
        items.append(WriteBackOut.model_validate({"connection": key, "fields": list(offer.fields), "stages": stages}))
    return WriteBacksOut(items=items)


async def offered(
    session: AsyncSession, events: Sequence[Received[CrmWriteBackOffered]], *, principal: Principal
) -> None:
    """Take over what connections take back, in any order and repetition."""
    require(principal, "system")
    await repository.put_offers(session, [each.data for each in events])


async def answered(session: AsyncSession, events: Sequence[Received[CrmEditAnswered]], *, principal: Principal) -> None:
    """Take over what CRMs said to edits, in any order and repetition."""
    require(principal, "system")
    deals = {each.data.deal_id for each in events}
    await repository.lock_held(session, deals, scope_parameters(principal))
    await repository.answer(session, [each.data for each in events])
    await settle(session, deals, principal=principal)


async def seen(session: AsyncSession, events: Sequence[Received[CrmDealChanged]], *, principal: Principal) -> None:
    """Settle the edits that the CRM's new records confirm. Their deals are locked by the ledger."""
    await settle(session, {each.data.deal_id for each in events}, principal=principal)


async def settle(session: AsyncSession, deals: Collection[UUID], *, principal: Principal) -> None:
    """Judge the edits of these deals, whose rows are locked, by what the CRM holds and answered."""
    require(principal, "system")
    now = clock.now()
    changed = []
    for row in await repository.to_settle(session, deals):
        told = Answer(row.answer, row.answer_value, row.answer_reason) if row.answer else None
        held = _held(row.field, row.held, row.currency)
        verdict = judge(row.wanted, row.bases, held, told)
        if verdict.state != row.state:
            values = {"state": verdict.state, "crm_value": verdict.crm_value, "reason": verdict.reason}
            changed.append({"edit_id": row.edit_id, "at": now, **values})
    if changed:
        await repository.settle(session, changed)


def _held(field: str, value: str | None, currency: str | None) -> str | None:
    try:
        return written(field, value, currency)
    except Unacceptable:
        return value


def _id(value: str | None) -> UUID | None:
    try:
        return UUID(value or "")
    except ValueError:
        return None
