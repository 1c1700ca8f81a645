"""Judgements of deals, and adjustments as a ledger: made, withdrawn or expired, never changed."""

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock, money
from libs.common.events.forecast import AdjustmentExpired, AdjustmentMade, AdjustmentState, AdjustmentWithdrawn
from libs.common.ids import new_id
from libs.common.messaging import outbox
from libs.common.web import etags
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Invalid, NotFound
from services.forecast.calls import ledger_repository, repository, service
from services.forecast.calls.repository import Population
from services.forecast.calls.schemas import AdjustmentIn, JudgementIn
from services.forecast.calls.steps import Landing, NodeKey

LISTED = 500


class DealNotFound(NotFound):
    """No such deal, or none that the caller may see."""


class DealNotOpen(Conflict):
    """The deal is won, lost or removed: there is nothing left to judge."""


class ExpiryInThePast(Invalid):
    """An adjustment that would have ended before it was made."""


class AdjustmentNotFound(NotFound):
    """No such adjustment, or none that the caller may see."""


class AdjustmentEnded(Conflict):
    """The adjustment was withdrawn or has expired already."""


async def judge(
    session: AsyncSession, wanted: JudgementIn, *, idempotency_key: str | None, principal: Principal
) -> dict[str, Any]:
    """Say whether a deal counts in the caller's own call. The newest word of a person on a deal holds; CRM data stay.

    Raises DealNotFound, DealNotOpen, AmountNotExact, IdempotencyKeyReused.
    """
    require(principal, *service.SUPERIORS)
    identifier, digest, known = await service.repeated(
        session, "judgement", wanted.model_dump_json(), idempotency_key, principal=principal
    )
    if known is None:
        deal = await ledger_repository.deal(session, wanted.deal_id, principal=principal)
        if deal is None:
            raise DealNotFound(f"There is no deal {wanted.deal_id} here, or you may not see it.")
        if deal["line"] in (None, "closed_won", "lost"):
            raise DealNotOpen(f"Deal {wanted.deal_id} is {deal['line'] or 'removed'}; only open deals are judged.")
        currency = service.currency_of(session, None, principal=principal)
        row = {
            "judgement_id": identifier,
            "person": principal.subject,
            "deal_id": wanted.deal_id,
            "verdict": wanted.verdict,
            "amount": deal["amount_base"]
            if wanted.amount is None
            else service.exact("amount", wanted.amount, currency),
            "currency": currency,
            "close_date": wanted.close_date or deal["close_date"],
            "note": wanted.note,
            "made_at": await outbox.stamp(session),
            "request_digest": digest,
        }
        await repository.append(session, "judgement", [row])
    (made,) = await ledger_repository.judgements(
        session, person=principal.subject, deal_id=wanted.deal_id, limit=1, principal=principal
    )
    return made


async def list_judgements(
    session: AsyncSession,
    *,
    person: str | None,
    deal_id: UUID | None,
    below: NodeKey | None,
    population: Population | None,
    principal: Principal,
) -> list[dict[str, Any]]:
    """The newest words on deals within scope, at most 500."""
    return await ledger_repository.judgements(
        session, person=person, deal_id=deal_id, below=below, population=population, limit=LISTED, principal=principal
    )


def total_counted(session: AsyncSession, judged: list[dict[str, Any]], *, principal: Principal) -> Decimal:
    """See `service.counted`, with the decimals of the currency of the totals."""
    return money.quantise(service.counted(judged), service.currency_of(session, None, principal=principal))


async def adjust(
    session: AsyncSession, wanted: AdjustmentIn, *, idempotency_key: str | None, principal: Principal
) -> dict[str, Any]:
    """Add a delta to a node's number until it expires; deals and calls stay as they are.

    Raises what `service.node_for` raises, PeriodOver, WrongCurrency, AmountNotExact, ExpiryInThePast, IdempotencyKeyReused.
    """
    require(principal, *service.SUPERIORS)
    node = await service.node_for(session, wanted, adjusting=True, principal=principal)
    identifier, digest, known = await service.repeated(
        session, "adjustment_entry", wanted.model_dump_json(), idempotency_key, principal=principal
    )
    if known is None:
        population = service.population_of(
            session,
            period=wanted.period,
            deal_type=wanted.deal_type,
            value_basis=wanted.value_basis,
            principal=principal,
        )
        currency = service.currency_of(session, wanted.currency, principal=principal)
        at = await outbox.stamp(session)
        if wanted.expires_at <= at:
            raise ExpiryInThePast(f"expires_at: {wanted.expires_at} has passed; an adjustment ends in the future.")
        found = await service.grown_at(session, population, node, principal=principal)
        row = {
            "entry_id": identifier,
            "adjustment_id": identifier,
            "kind": "made",
            "node_kind": node.kind,
            "node_id": node.id,
            **asdict(population),
            "currency": currency,
            "delta": service.exact("delta", wanted.delta, currency),
            "reason": wanted.reason,
            "expires_at": wanted.expires_at,
            "base_landing": found.landings.get(node, Landing()).adjusted,
            "made_by": principal.subject,
            "at": at,
            "imported": False,
            "recorded_at": at,
            "recorded_by": principal.subject,
            "request_digest": digest,
        }
        if await repository.append(session, "adjustment_entry", [row]):
            tell(session, AdjustmentMade, row, at=at, principal=principal)
    return await read_adjustment(session, identifier, principal=principal)


async def read_adjustment(session: AsyncSession, adjustment_id: UUID, *, principal: Principal) -> dict[str, Any]:
    """An adjustment with its state. Raises AdjustmentNotFound."""
    rows = await ledger_repository.adjustments(
        session, adjustment_id=adjustment_id, now=clock.now(), limit=1, principal=principal
    )
    if not rows:
        raise AdjustmentNotFound(f"There is no adjustment {adjustment_id} here, or you may not see it.")
    return rows[0]


async def list_adjustments(
    session: AsyncSession, *, population: Population | None, node: NodeKey | None, principal: Principal
) -> list[dict[str, Any]]:
    """The ledger within scope, newest first, at most 500."""
    period = (population.period_start, population.period_end) if population else None
    return await ledger_repository.adjustments(
        session, period=period, node=node, now=clock.now(), limit=LISTED, principal=principal
    )


async def withdraw(
    session: AsyncSession, adjustment_id: UUID, *, if_match: str | None, principal: Principal
) -> dict[str, Any]:
    """End an adjustment by a new entry: by whoever made it, or a CSO. Raises AdjustmentNotFound, AdjustmentEnded, VersionHasMoved."""
    require(principal, *service.SUPERIORS)
    made = await read_adjustment(session, adjustment_id, principal=principal)
    etags.check(if_match, version_of(made), noun=f"Adjustment {adjustment_id}")
    if made["made_by"] != principal.subject and not principal.roles & {"cso", "admin", "system"}:
        raise service.NotYourNode(f"Adjustment {adjustment_id} was made by {made['made_by']}; ask them or a CSO.")
    if made["state"] != "in_force":
        raise AdjustmentEnded(
            f"Adjustment {adjustment_id} is {made['state']} since {made['ended_at'] or made['expires_at']}."
        )
    at = await outbox.stamp(session)
    if not await repository.append(session, "adjustment_entry", [_end(made, "withdrawn", at, principal.subject)]):
        raise AdjustmentEnded(f"Adjustment {adjustment_id} was ended meanwhile; read it again.")
    tell(session, AdjustmentWithdrawn, made, at=at, principal=principal)
    return await read_adjustment(session, adjustment_id, principal=principal)


async def expire(session: AsyncSession, *, principal: Principal) -> int:
    """Write the end of every adjustment past its expiry, once, and say so. Returns how many."""
    now, count = clock.now(), 0
    for made in await ledger_repository.expiring(session, now):
        entry = _end(made, "expired", made["expires_at"], principal.subject)
        if await repository.append(session, "adjustment_entry", [entry]):
            tell(session, AdjustmentExpired, made, at=made["expires_at"], principal=principal)
            count += 1
    return count


def version_of(adjustment: dict[str, Any]) -> int:
    return 1 if adjustment["state"] == "in_force" else 2


def _end(made: dict[str, Any], kind: str, at: datetime, by: str) -> dict[str, Any]:
    columns = {name: value for name, value in made.items() if name not in ("state", "ended_at", "ended_by")}
    return columns | {
        "entry_id": new_id(),
        "kind": kind,
        "at": at,
        "made_by": by,
        "recorded_at": clock.now(),
        "recorded_by": by,
        "request_digest": "",
    }


def tell(
    session: AsyncSession,
    kind: type[AdjustmentState],
    row: dict[str, Any],
    *,
    at: datetime,
    principal: Principal,
) -> None:
    event = kind(**{name: row[name] for name in kind.model_fields})
    outbox.add(
        session,
        event,
        key=row["adjustment_id"],
        version=1 if kind is AdjustmentMade else 2,
        occurred_at=at,
        actor=principal.subject,
    )
