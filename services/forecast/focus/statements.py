"""What people say of deals and assume of attention, and what the deals service tells of accounts."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.deals import AccountChanged
from libs.common.events.whitespace import WhitespaceStated
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.idempotency import sent
from services.forecast.focus import repository
from services.forecast.focus.impact import DEFAULT, TERMS, Assumptions
from services.forecast.focus.schemas import AssumptionsIn, AssumptionsOut, StatementIn, StatementOut
from services.forecast.history import service as history

ASSUMERS = ("sales_ops", "cso")
SAYERS = ("seller", "manager", "sales_ops", "cso")


async def keep_accounts(
    session: AsyncSession, events: Sequence[Received[AccountChanged]], *, principal: Principal
) -> None:
    """Keep the tiers of accounts, in any order and repetition."""
    require(principal, "system")
    await repository.keep_tiers(session, [each.data for each in events])


async def keep_whitespace(
    session: AsyncSession, events: Sequence[Received[WhitespaceStated]], *, principal: Principal
) -> None:
    """Keep what is said of products at accounts; a statement is told once and never changes."""
    require(principal, "system")
    await repository.keep_whitespace(session, events)


async def assumptions(session: AsyncSession) -> tuple[Assumptions, AssumptionsOut]:
    """What is assumed now, for the arithmetic and as it is told."""
    row = await repository.assumed(session)
    found = DEFAULT if row is None else _assumed(row)
    told = AssumptionsOut(
        uplift=found.uplift,
        hours=found.hours,
        emphasis=found.emphasis,
        weights=dict(found.weights),
        tiers=dict(found.tiers),
        said_by=row["said_by"] if row else None,
        said_at=row["said_at"] if row else None,
    )
    return found, told


async def assume(
    session: AsyncSession, wanted: AssumptionsIn, *, idempotency_key: str | None, principal: Principal
) -> AssumptionsOut:
    """Say what is assumed from now on. Raises MissingRole, IdempotencyKeyReused."""
    require(principal, *ASSUMERS)
    body = wanted.model_dump(mode="json")
    await _append(session, "focus_assumption", wanted.model_dump_json(), body, idempotency_key, principal=principal)
    return (await assumptions(session))[1]


async def say(
    session: AsyncSession, deal_id: UUID, wanted: StatementIn, *, idempotency_key: str | None, principal: Principal
) -> StatementOut:
    """Say what a deal takes and serves for. Raises MissingRole, UnknownDeal, IdempotencyKeyReused."""
    require(principal, *SAYERS)
    await history.require_visible(session, deal_id, principal=principal)
    body = {"deal_id": deal_id} | wanted.model_dump(mode="json")
    sent_body = f"{deal_id}:{wanted.model_dump_json()}"
    await _append(session, "focus_statement", sent_body, body, idempotency_key, principal=principal)
    return StatementOut.model_validate(await repository.said(session, deal_id))


async def _append(
    session: AsyncSession, table: str, sent_body: str, row: Mapping[str, Any], key: str | None, *, principal: Principal
) -> None:
    request = sent(table.replace("_", "-"), sent_body, key, principal=principal)
    if request.was_taken(await repository.digest(session, table, request.id)):
        return
    at = await outbox.stamp(session)
    mine = {"entry_id": request.id, "said_by": principal.subject, "said_at": at, "request_digest": request.digest}
    await repository.append(session, table, {**row, **mine})


def _assumed(row: Mapping[str, Any]) -> Assumptions:
    return Assumptions(
        uplift=row["uplift"],
        hours=row["hours"],
        emphasis=row["emphasis"],
        weights={term: row["weights"][term] for term in TERMS},
        tiers={name: Decimal(share) for name, share in row["tiers"].items()},
    )
