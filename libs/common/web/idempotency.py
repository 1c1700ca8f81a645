"""Requests that may come twice: the key that a caller gave, the id that it leads to, the body that it came with."""

import hashlib
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Header

from libs.common.ids import entity_id, new_id
from libs.common.web.auth import Principal
from libs.common.web.errors import Conflict

IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200)]


class IdempotencyKeyReused(Conflict):
    """The key came before with another body."""


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
