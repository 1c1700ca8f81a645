"""Requests that may come twice: the key that a caller gave, the id that it leads to, the body that it came with."""

import hashlib
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Header
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.ids import entity_id, new_id
from libs.common.sql import Query
from libs.common.web.auth import Principal
from libs.common.web.errors import Conflict

IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200)]
HEADER = "idempotency-key"

_HOLD = Query("SELECT pg_advisory_xact_lock(1231309669, hashtext(:key::text))")
"""Locks of two numbers are apart from those of one, which everybody else takes."""


class IdempotencyKeyReused(Conflict):
    """The key came before with another body."""


async def one_at_a_time(session: AsyncSession, key: str) -> None:
    """Wait for a request with the same key until its transaction ends; so what it made is found, and not made a second time.

    Taken before anything else of the transaction, so whoever waits here holds nothing that the other needs. Keys that share a number
    wait for each other too, which costs time and nothing else.
    """
    await _HOLD.row(session, {"key": key})


@dataclass(frozen=True)
class Sent:
    """A request to make something. `id` is of what it makes: with a key it is the same at every repetition."""

    id: UUID
    digest: str
    key: str | None

    def was_taken(self, digest: str | None) -> bool:
        """Whether it came before, by the digest that is kept beside `id` (None: nothing is). Raises IdempotencyKeyReused."""
        if digest is not None and digest != self.digest:
            raise IdempotencyKeyReused(f"Idempotency-Key {self.key!r} came before with another body; use a new key.")
        return digest is not None


def sent(kind: str, body: str, key: str | None, *, principal: Principal, owner: str = "foretell") -> Sent:
    """What the principal sent: a kind of thing to make, its body, and the Idempotency-Key, which is the caller's own."""
    known = None if key is None else entity_id(owner, kind, f"{principal.subject}:{key}")
    return Sent(known or new_id(), hashlib.sha256(body.encode()).hexdigest(), key)
