"""What the rules of signing in speak about."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.web.auth import Principal


@dataclass(frozen=True)
class User:
    """A person who may sign in. `password_hash` is null for those who use links only."""

    user_id: UUID
    email: str
    name: str
    roles: tuple[str, ...]
    scope: tuple[UUID, ...]
    password_hash: str | None
    is_active: bool

    @property
    def principal(self) -> Principal:
        """Named by id, not by mail: the subject travels in internal tokens and events."""
        return Principal(subject=f"user:{self.user_id}", roles=frozenset(self.roles), scope=self.scope)


@dataclass(frozen=True)
class SignedIn:
    """A session just begun. `token` goes into the cookie and is stored nowhere."""

    user: User
    token: str
    expires_at: datetime
