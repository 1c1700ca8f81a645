"""A request that is sent again: the same `Idempotency-Key` and body give what the first one made."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from libs.common.ids import entity_id, new_id
from libs.common.web.auth import Principal
from libs.common.web.errors import Conflict


class IdempotencyKeyReused(Conflict):
    """The key came before with another body."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The id to write a request under, and what it said."""

    identifier: UUID
    digest: str
    key: str | None


def asked(kind: str, body: str, key: str | None, *, principal: Principal) -> Asked:
    """The id comes from caller and key, so that a repetition finds what the first request wrote."""
    digest = hashlib.sha256(body.encode()).hexdigest()
    identifier = new_id() if key is None else entity_id("foretell", kind, f"{principal.subject}:{key}")
    return Asked(identifier, digest, key)


def is_repeated(request: Asked, digest_there: str | None) -> bool:
    """Whether the request was served before. Raises IdempotencyKeyReused where another body was."""
    if digest_there is None:
        return False
    if digest_there != request.digest:
        raise IdempotencyKeyReused(f"Idempotency-Key {request.key!r} came before with another body; use a new key.")
    return True
