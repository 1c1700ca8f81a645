"""The ledger of promises: made, moved, evidenced, kept or broken; entries are added and never changed."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.deals import CommitmentChanged
from libs.common.messaging import outbox
from libs.common.organisation import scope_parameters
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.errors import Invalid, NotFound
from libs.common.web.idempotency import Sent, sent
from services.deals.accounts import service as accounts
from services.deals.chronicle import EVER_KNOWN
from services.deals.commitments import repository
from services.deals.commitments.schemas import CommitmentIn, CommitmentOut, CommitmentsOut, EntryIn, EntryOut
from services.deals.commitments.standing import Said, Standing, record, standing
from services.deals.config import business_zone
from services.deals.ledger import reading

WRITERS = ("seller", "manager", "sales_ops", "cso")
"""Roles that may write the promises of deals and accounts within their scope."""
UNDONE = ("overdue", "open")


class UnknownCommitment(NotFound):
    """No promise of this id that the principal may see."""


class NotYet(Invalid):
    """What is said of a promise has happened."""


class BeforeItWasMade(Invalid):
    """Nothing becomes of a promise before it is made."""


async def make(
    session: AsyncSession, wanted: CommitmentIn, *, idempotency_key: str | None, principal: Principal
) -> CommitmentOut:
    """Write down a promise. Raises UnknownDeal, UnknownAccount, NotYet, IdempotencyKeyReused."""
    require(principal, *WRITERS)
    await _require_sight(session, wanted.deal_id, wanted.account_id, principal=principal)
    request = sent("commitment", wanted.model_dump_json(), idempotency_key, principal=principal)
    if not request.was_taken(await repository.digest_of(session, request.id)):
        said = wanted.model_dump() | {"commitment_id": request.id, "kind": "made", "note": None}
        await _append(session, said | {"at": _at(wanted.at)}, request, principal=principal)
    return await _one(session, request.id, principal=principal)


async def say(
    session: AsyncSession, commitment_id: UUID, wanted: EntryIn, *, idempotency_key: str | None, principal: Principal
) -> CommitmentOut:
    """Say what became of a promise. Raises UnknownCommitment, NotYet, BeforeItWasMade, IdempotencyKeyReused."""
    require(principal, *WRITERS)
    made = await repository.made(session, commitment_id)
    if made is None:
        raise UnknownCommitment(f"No commitment {commitment_id} is known.")
    await _require_sight(session, made["deal_id"], made["account_id"], principal=principal)
    body = f"{commitment_id} {wanted.model_dump_json()}"
    request = sent("commitment entry", body, idempotency_key, principal=principal)
    if not request.was_taken(await repository.digest_of(session, request.id)):
        at = _at(wanted.at)
        if at < made["at"]:
            raise BeforeItWasMade(f"at: the promise was made at {made['at'].isoformat()}; say a later time.")
        kept = {name: made[name] for name in ("deal_id", "account_id", "promise", "side", "owner_id")}
        said = kept | wanted.model_dump() | {"commitment_id": commitment_id, "at": at}
        await _append(session, said, request, principal=principal)
    return await _one(session, commitment_id, principal=principal)


async def of_deal(
    session: AsyncSession, deal_id: UUID, *, as_of: datetime | None, known_at: datetime | None, principal: Principal
) -> CommitmentsOut:
    """The promises of a deal. Raises UnknownDeal."""
    return await _read(session, deal_id, None, as_of=as_of, known_at=known_at, principal=principal)


async def of_account(
    session: AsyncSession, account_id: UUID, *, as_of: datetime | None, known_at: datetime | None, principal: Principal
) -> CommitmentsOut:
    """The promises of an account and of those of its deals that are within scope. Raises UnknownAccount."""
    return await _read(session, None, account_id, as_of=as_of, known_at=known_at, principal=principal)


async def _read(
    session: AsyncSession,
    deal_id: UUID | None,
    account_id: UUID | None,
    *,
    as_of: datetime | None,
    known_at: datetime | None,
    principal: Principal,
) -> CommitmentsOut:
    require(principal, *ROLES)
    await _require_sight(session, deal_id, account_id, principal=principal)
    as_of, known_at = as_of or clock.now(), known_at or EVER_KNOWN
    scope = scope_parameters(principal)
    rows = await repository.of(session, scope, deal_id=deal_id, account_id=account_id, as_of=as_of, known_at=known_at)
    of_each: dict[UUID, list[RowMapping]] = {}
    for row in rows:
        of_each.setdefault(row["commitment_id"], []).append(row)
    found = [(now, told) for told in of_each.values() if (now := _standing(told, as_of, business_zone())) is not None]
    ours = record(now for now, told in found if told[0]["side"] == "ours")
    items = [_out(now, told) for now, told in found]
    items.sort(key=lambda each: (each.state not in UNDONE, each.due, each.commitment_id))
    return CommitmentsOut(
        as_of=as_of,
        known_at=min(known_at, clock.now()),
        items=items,
        ended=ours.count,
        kept_on_time=ours.on_time,
        on_time_rate=None if ours.rate is None else round(Decimal(ours.on_time) / ours.count, 4),
    )


async def _one(session: AsyncSession, commitment_id: UUID, *, principal: Principal) -> CommitmentOut:
    made = await repository.made(session, commitment_id)
    if made is None:
        raise UnknownCommitment(f"No commitment {commitment_id} is known.")
    found = await _read(session, made["deal_id"], made["account_id"], as_of=None, known_at=None, principal=principal)
    return next(each for each in found.items if each.commitment_id == commitment_id)


async def _append(session: AsyncSession, said: dict[str, Any], request: Sent, *, principal: Principal) -> None:
    said |= {"entry_id": request.id}
    recorded_at = await outbox.stamp(session)
    told = {"author": principal.subject, "request_digest": request.digest, "recorded_at": recorded_at}
    await repository.append(session, said | told)
    event, at = CommitmentChanged.model_validate(said), said["at"]
    outbox.add(
        session,
        event,
        key=event.commitment_id,
        version=clock.to_millis(at),
        occurred_at=at,
        actor=principal.subject,
    )


async def _require_sight(
    session: AsyncSession, deal_id: UUID | None, account_id: UUID | None, *, principal: Principal
) -> None:
    if deal_id is not None:
        await reading.deal(session, deal_id, principal=principal)
    if account_id is not None:
        await accounts.require_people(session, [account_id], principal=principal)


def _standing(rows: Sequence[RowMapping], as_of: datetime, zone: ZoneInfo) -> Standing | None:
    said = [Said(row["entry_id"], row["kind"], row["at"], row["due"]) for row in rows]
    return standing(said, as_of=as_of, zone=zone)


def _out(now: Standing, rows: Sequence[RowMapping]) -> CommitmentOut:
    names = ("commitment_id", "deal_id", "account_id", "promise", "side", "owner_id")
    return CommitmentOut(
        **{name: rows[0][name] for name in names},
        due=now.due,
        first_due=now.first_due,
        moves=now.moves,
        state=now.state,
        kept_on=now.kept_on,
        on_time=now.is_on_time,
        entries=[EntryOut(**{name: row[name] for name in EntryOut.model_fields}) for row in rows],
    )


def _at(wanted: datetime | None) -> datetime:
    now = clock.now()
    if wanted is not None and wanted > now:
        raise NotYet(f"at: {wanted.isoformat()} is not yet; say when it happened, or leave it out.")
    return wanted or now
