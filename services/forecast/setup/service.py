"""Answers at set-up: who gives them, and which held at an instant."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.ids import entity_id, new_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict
from services.forecast.setup import repository
from services.forecast.setup.answered import Answered

ANSWERERS = ("sales_ops", "cso")


class IdempotencyKeyReused(Conflict):
    """The key came before with another body."""


async def answered(session: AsyncSession, *, known_at: datetime) -> Sequence[Answered]:
    """What had been answered by an instant, oldest first."""
    return await repository.answered(session, known_at)


async def repeated(session: AsyncSession, body: str, idempotency_key: str | None, *, principal: Principal) -> bool:
    """Whether this answer was taken before. Raises MissingRole, IdempotencyKeyReused."""
    require(principal, *ANSWERERS)
    if idempotency_key is None:
        return False
    known = await repository.digest(session, _id(idempotency_key, principal))
    if known is not None and known != _digest(body):
        raise IdempotencyKeyReused(f"Idempotency-Key {idempotency_key!r} came before with another body; use a new key.")
    return known is not None


async def give(
    session: AsyncSession, said: Mapping[str, Any], body: str, idempotency_key: str | None, *, principal: Principal
) -> None:
    """Keep an answer, which holds from now on. Raises MissingRole."""
    require(principal, *ANSWERERS)
    row = {
        **said,
        "answer_id": _id(idempotency_key, principal) if idempotency_key else new_id(),
        "given_by": principal.subject,
        "given_at": await outbox.stamp(session),
        "request_digest": _digest(body),
    }
    await repository.append(session, row)


def _id(idempotency_key: str, principal: Principal) -> UUID:
    return entity_id("foretell", "setup-answer", f"{principal.subject}:{idempotency_key}")


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
