"""Who spoke with whom: stated, corrected and withdrawn, never rewritten; and what relationship follows from it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Cause
from libs.common.events.deals import TouchpointNoted
from libs.common.ids import entity_id, new_id
from libs.common.messaging import outbox
from libs.common.organisation import scope_parameters
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.errors import Invalid, NotFound
from libs.common.web.idempotency import sent
from services.deals.accounts import service as accounts
from services.deals.chronicle import EVER_KNOWN
from services.deals.ledger import reading
from services.deals.ledger import service as ledger
from services.deals.ledger.arrivals import Trigger, touched
from services.deals.relationship import SILENT_AFTER, standing
from services.deals.touchpoints import repository
from services.deals.touchpoints.loading import Line, UnreadableTable, read
from services.deals.touchpoints.repository import Of
from services.deals.touchpoints.schemas import (
    RefusedLine,
    RelationshipOut,
    TouchpointImportOut,
    TouchpointIn,
    TouchpointOut,
    TouchpointsOut,
)

WRITERS = ("seller", "manager", "sales_ops", "cso")
"""Roles that may tell touchpoints of deals and accounts within their scope."""
IMPORTERS = ("sales_ops",)
FACTS = ("at", "kind", "direction", "deal_id", "account_id", "contacts", "ours", "withdrawn")
SORTED = ("contacts", "ours")


class UnknownTouchpoint(NotFound):
    """No touchpoint of this id that the principal may see."""


class UnknownDeal(NotFound):
    """No deal of this id that the principal may see."""


class NotYet(Invalid):
    """A touchpoint is told once it was."""


class UnreadableFile(Invalid):
    """The file as a whole is no table of touchpoints."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement about a touchpoint, to be kept if it says something new."""

    touchpoint_id: UUID
    entry_id: UUID
    facts: Mapping[str, Any]
    digest: str = ""


async def note(
    session: AsyncSession, wanted: TouchpointIn, *, idempotency_key: str | None, principal: Principal
) -> TouchpointOut:
    """Tell a touchpoint. Raises UnknownDeal, UnknownAccount, NotYet, IdempotencyKeyReused."""
    require(principal, *WRITERS)
    request = sent("touchpoint", wanted.model_dump_json(), idempotency_key, principal=principal)
    if not request.was_taken(await repository.digest_of(session, request.id)):
        said = Stated(request.id, request.id, _facts(wanted), request.digest)
        await _keep(session, [said], source="rest", principal=principal)
    return await _one(session, request.id, principal=principal)


async def correct(
    session: AsyncSession, touchpoint_id: UUID, wanted: TouchpointIn, *, principal: Principal
) -> TouchpointOut:
    """Say a touchpoint anew. Raises UnknownTouchpoint, UnknownDeal, UnknownAccount, NotYet."""
    require(principal, *WRITERS)
    await _one(session, touchpoint_id, principal=principal)
    said = Stated(touchpoint_id, new_id(), _facts(wanted))
    await _keep(session, [said], source="rest", principal=principal)
    return await _one(session, touchpoint_id, principal=principal)


async def withdraw(session: AsyncSession, touchpoint_id: UUID, *, principal: Principal) -> TouchpointOut:
    """Say that a touchpoint never was. Raises UnknownTouchpoint."""
    require(principal, *WRITERS)
    known = await _one(session, touchpoint_id, principal=principal)
    facts = known.model_dump(include=set(FACTS)) | {"withdrawn": True}
    await _keep(session, [Stated(touchpoint_id, new_id(), facts)], source="rest", principal=principal)
    return await _one(session, touchpoint_id, principal=principal)


async def take(session: AsyncSession, body: bytes, *, principal: Principal) -> TouchpointImportOut:
    """Take the lines of a CSV file; those that say what is known change nothing. Raises UnreadableFile."""
    require(principal, *IMPORTERS)
    try:
        lines = list(read(body))
    except UnreadableTable as error:
        raise UnreadableFile(str(error)) from None
    refused = {line.number: (line.column, line.reason) for line in lines if line.said is None}
    refused |= await _refusals(session, lines, principal=principal)
    taken = [line for line in lines if line.number not in refused]
    # Of several lines of one touchpoint the last is meant.
    said = {
        (each := entity_id("csv", "touchpoint", line.external_id)): Stated(each, new_id(), _facts(line.said))
        for line in taken
        if line.said is not None
    }
    kept = await _keep(session, list(said.values()), source="csv", principal=principal)
    return TouchpointImportOut(
        rows=len(lines),
        accepted=len(kept),
        known=len(taken) - len(kept),
        refused=[RefusedLine(line=at, column=column, reason=why) for at, (column, why) in sorted(refused.items())],
    )


async def touchpoints(
    session: AsyncSession,
    what: Of,
    *,
    as_of: datetime | None,
    known_at: datetime | None,
    limit: int,
    principal: Principal,
) -> TouchpointsOut:
    """The newest touchpoints of a deal, or of an account and its deals. Raises UnknownDeal, UnknownAccount."""
    require(principal, *ROLES)
    as_of, known_at = as_of or clock.now(), known_at or EVER_KNOWN
    rows = await _rows(session, what, as_of=as_of, known_at=known_at, limit=limit, principal=principal)
    return TouchpointsOut(as_of=as_of, known_at=min(known_at, clock.now()), items=[_out(row) for row in rows])


async def relationship(
    session: AsyncSession, what: Of, *, as_of: datetime | None, known_at: datetime | None, principal: Principal
) -> RelationshipOut:
    """How close we are to a deal's or an account's people, by what is within scope. Raises UnknownDeal, UnknownAccount."""
    require(principal, *ROLES)
    as_of, known_at = as_of or clock.now(), known_at or EVER_KNOWN
    rows = await _rows(session, what, as_of=as_of, known_at=known_at, limit=None, principal=principal)
    if not rows and not await repository.are_told(session, known_at=known_at):
        nothing = dict.fromkeys(RelationshipOut.model_fields)
        return RelationshipOut.model_validate(nothing | {"as_of": as_of, "known_at": min(known_at, clock.now())})
    contacts = {contact for row in rows for contact in row["contacts"]}
    ranks = await repository.seniority_of(session, contacts, as_of=as_of, known_at=known_at)
    now = standing([repository.touch(row) for row in rows], ranks, as_of=as_of)
    return RelationshipOut(
        as_of=as_of,
        known_at=min(known_at, clock.now()),
        last_touch_at=now.last_touch_at,
        silent=now.last_touch_at is None or as_of - now.last_touch_at > SILENT_AFTER,
        two_way=now.is_two_way,
        threads=list(now.threads),
        thread_count=len(now.threads),
        single_threaded=now.is_single_threaded,
        seniority=now.seniority,
        touches=now.touches,
    )


async def are_told(session: AsyncSession, *, principal: Principal) -> bool:
    """Whether anybody in the company tells touchpoints; else nothing is known of any relationship."""
    require(principal, *ROLES)
    return await repository.are_told(session, known_at=EVER_KNOWN)


async def _rows(
    session: AsyncSession, what: Of, *, as_of: datetime, known_at: datetime, limit: int | None, principal: Principal
) -> list[RowMapping]:
    if what.deal_id is not None:
        await reading.deal(session, what.deal_id, principal=principal)
    elif what.account_id is not None:
        await accounts.require_people(session, [what.account_id], principal=principal)
    scope = scope_parameters(principal)
    return await repository.of(session, what, scope, as_of=as_of, known_at=known_at, limit=limit)


async def _keep(session: AsyncSession, said: Sequence[Stated], *, source: str, principal: Principal) -> list[Stated]:
    """Keep statements that say something new, and let the deals that they name, or named, tell of it."""
    known = await repository.lock(session, [each.touchpoint_id for each in said])
    told_anew = [each for each in said if differs(known.get(each.touchpoint_id), each.facts)]
    await _require_named(session, [known.get(each.touchpoint_id) for each in told_anew], principal=principal)
    await _require_named(session, [each.facts for each in told_anew], principal=principal)
    for each in told_anew:
        if each.facts["at"] > clock.now():
            raise NotYet(f"at: {each.facts['at'].isoformat()} is not yet; tell of a touchpoint once it was.")
    await state(session, told_anew, known, source=source, author=principal.subject, principal=principal)
    return told_anew


async def state(
    session: AsyncSession,
    said: Sequence[Stated],
    known: Mapping[UUID, RowMapping],
    *,
    source: str,
    author: str,
    stated_at: datetime | None = None,
    principal: Principal,
) -> None:
    """Append statements of touchpoints that the caller has locked, and let the deals that they name, or named, tell of them."""
    require(principal, *WRITERS, "system")
    if not said:
        return
    triggers: dict[UUID, Trigger] = {}
    for each in said:
        before = known.get(each.touchpoint_id)
        for deal in {each.facts["deal_id"], before["deal_id"] if before else None} - {None}:
            triggers[deal] = Trigger(each.facts["at"], Cause(event=each.entry_id), None)
    there = await repository.seen_deals(session, set(triggers), scope_parameters(Principal.system("deals")))
    batch = touched({deal: trigger for deal, trigger in triggers.items() if deal in there})
    await ledger.hold(session, batch, principal=principal)
    recorded_at = await outbox.stamp(session)
    rows = [
        dict(each.facts)
        | {"touchpoint_id": each.touchpoint_id, "entry_id": each.entry_id, "stated_at": stated_at or recorded_at}
        | {"source": source, "author": author, "request_digest": each.digest, "recorded_at": recorded_at}
        for each in said
    ]
    await repository.state(session, rows)
    for row in rows:
        event = TouchpointNoted.model_validate(row)
        version = clock.to_millis(event.stated_at)
        outbox.add(session, event, key=event.touchpoint_id, version=version, occurred_at=event.at, actor=author)
    await ledger.take(session, batch, principal=principal)


async def _require_named(
    session: AsyncSession, facts: Collection[Mapping[str, Any] | RowMapping | None], *, principal: Principal
) -> None:
    """Raise UnknownDeal or UnknownAccount unless what the statements name is within scope."""
    deals = {each["deal_id"] for each in facts if each is not None and each["deal_id"]}
    missing = deals - await repository.seen_deals(session, deals, scope_parameters(principal)) if deals else deals
    if missing:
        raise UnknownDeal(f"No deal {min(missing)} is known to you; it may not have arrived from the CRM yet.")
    named = {each["account_id"] for each in facts if each is not None and each["account_id"]}
    await accounts.require_people(session, named, principal=principal)


async def _refusals(
    session: AsyncSession, lines: Sequence[Line], *, principal: Principal
) -> dict[int, tuple[str, str]]:
    """Lines that name what is unknown or out of scope, or that lie ahead: one of them loses no other."""
    known = await repository.lock(session, [entity_id("csv", "touchpoint", line.external_id) for line in lines])
    named: dict[int, list[tuple[str, UUID]]] = {}
    for line in lines:
        before = known.get(entity_id("csv", "touchpoint", line.external_id))
        for said in (line.said and line.said.model_dump(), before):
            for column in ("deal_id", "account_id"):
                if said and said[column]:
                    named.setdefault(line.number, []).append((column, said[column]))
    scope = scope_parameters(principal)
    every = [each for found in named.values() for each in found]
    seen = {
        ("deal_id", i) for i in await repository.seen_deals(session, {i for c, i in every if c == "deal_id"}, scope)
    }
    wanted = {i for c, i in every if c == "account_id"}
    seen |= {("account_id", i) for i in await accounts.with_people(session, wanted, principal=principal)}
    reason = "is not known, or you may not see it"
    found = {at: (column, reason) for at, each in named.items() for column, i in each if (column, i) not in seen}
    ahead = {line.number for line in lines if line.said is not None and line.said.at > clock.now()}
    return found | dict.fromkeys(ahead, ("at", "is not yet; tell of a touchpoint once it was"))


def _facts(wanted: TouchpointIn | None) -> dict[str, Any]:
    facts = wanted.model_dump() if wanted else {}
    return facts | {name: tuple(sorted(set(facts[name]))) for name in SORTED} | {"withdrawn": False}


def differs(known: RowMapping | None, facts: Mapping[str, Any]) -> bool:
    """Whether a statement says something else than what stands."""
    if known is None:
        return True
    return any((tuple(known[name]) if name in SORTED else known[name]) != facts[name] for name in FACTS)


async def _one(session: AsyncSession, touchpoint_id: UUID, *, principal: Principal) -> TouchpointOut:
    row = (await repository.lock(session, [touchpoint_id])).get(touchpoint_id)
    if row is None:
        raise UnknownTouchpoint(f"No touchpoint {touchpoint_id} is known.")
    await _require_named(session, [row], principal=principal)
    return _out(row)


def _out(row: RowMapping) -> TouchpointOut:
    return TouchpointOut.model_validate({name: row[name] for name in TouchpointOut.model_fields})
