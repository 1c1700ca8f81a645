"""Which method answers: choices by a rule or by a recorded decision, and which held at an instant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.ids import entity_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict
from libs.common.web.idempotency import sent
from services.forecast.champion import repository
from services.forecast.champion.methods import Chosen, Method, in_force, method_of

DECIDERS = ("cso", "sales_ops")


class AnswersAlready(Conflict):
    """The method that was chosen answers already."""


async def chosen(session: AsyncSession, *, known_at: datetime) -> Sequence[Chosen]:
    """What had been chosen by an instant, oldest first."""
    return await repository.chosen(session, known_at)


async def decide(
    session: AsyncSession, method: Method, reason: str, *, idempotency_key: str | None, principal: Principal
) -> None:
    """Record a decision: this method answers from now on. Raises MissingRole, AnswersAlready, IdempotencyKeyReused."""
    require(principal, *DECIDERS)
    request = sent("champion", f"{method}:{reason}", idempotency_key, principal=principal)
    await repository.alone(session)
    if request.was_taken(await repository.digest(session, request.id)):
        return
    if not await _choose(session, request.id, method, "decision", reason, request.digest, principal=principal):
        raise AnswersAlready(f"method: {method} answers already; there is nothing to decide.")


async def switch(session: AsyncSession, method: Method, reason: str, *, closing: UUID, principal: Principal) -> bool:
    """The rule was met by what was known when a period was closed (`closing`, its lock). False if somebody was faster."""
    await repository.alone(session)
    entry_id = entity_id("foretell", "champion-rule", str(closing))
    return await _choose(session, entry_id, method, "rule", reason, "", principal=principal)


async def _choose(
    session: AsyncSession,
    entry_id: UUID,
    method: Method,
    chosen_by: Literal["rule", "decision"],
    reason: str,
    digest: str,
    *,
    principal: Principal,
) -> bool:
    if method_of(in_force(await repository.chosen(session, clock.now()), clock.now())) == method:
        return False
    row = {
        "entry_id": entry_id,
        "method": method,
        "chosen_by": chosen_by,
        "reason": reason,
        "made_by": principal.subject,
        "made_at": await outbox.stamp(session),
        "request_digest": digest,
    }
    return await repository.append(session, row)
