"""Answers at set-up: who gives them, and which held at an instant."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.idempotency import Sent, sent
from services.forecast.setup import repository
from services.forecast.setup.answered import Answered

ANSWERERS = ("sales_ops", "cso")


async def answered(session: AsyncSession, *, known_at: datetime) -> Sequence[Answered]:
    """What had been answered by an instant, oldest first."""
    return await repository.answered(session, known_at)


async def received(
    session: AsyncSession, body: str, idempotency_key: str | None, *, principal: Principal
) -> tuple[Sent, bool]:
    """What was sent, and whether it was taken before. Raises MissingRole, IdempotencyKeyReused."""
    require(principal, *ANSWERERS)
    found = sent("setup-answer", body, idempotency_key, principal=principal)
    return found, found.was_taken(await repository.digest(session, found.id))


async def give(session: AsyncSession, said: Mapping[str, Any], request: Sent, *, principal: Principal) -> None:
    """Keep an answer, which holds from now on. Raises MissingRole."""
    require(principal, *ANSWERERS)
    row = {
        **said,
        "answer_id": request.id,
        "given_by": principal.subject,
        "given_at": await outbox.stamp(session),
        "request_digest": request.digest,
    }
    await repository.append(session, row)
