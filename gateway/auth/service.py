"""Signing in: one-time links, passwords, sessions, and keys for programs."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from argon2.low_level import ARGON2_VERSION
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import service as audit
from gateway.auth import repository
from gateway.auth.models import SignedIn, User
from gateway.auth.tokens import fingerprint, new_key, new_token
from gateway.auth.told import key_of, tell_rights
from libs.common import clock
from libs.common.ids import ROOT_UNIT, new_id
from libs.common.web.auth import ROLES, Principal
from libs.common.web.errors import Invalid, Unauthorised

LINK_LIVES = timedelta(minutes=15)
SESSION_LIVES = timedelta(days=7)


_hasher = PasswordHasher()
_NOBODY = f"$argon2id$v={ARGON2_VERSION}$m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}${'A' * 22}${'A' * 43}"
"""Checked when the mail is unknown, so that the time of the answer does not tell who has an account. No password has this hash,
and as checking it costs what checking any costs, none is made at every start.
"""


class LinkSpent(Unauthorised):
    """The sign-in link was used, has expired, or never was."""


class WrongPassword(Unauthorised):
    """Mail and password do not belong together."""


class UnknownRole(Invalid):
    """Not one of the roles there are."""


def check_role(role: str) -> None:
    if role not in ROLES:
        raise UnknownRole(f"There is no role {role!r}; choose one of {', '.join(ROLES)}.")


async def create_link(
    session: AsyncSession, email: str, *, role: str | None = None, scope: Sequence[UUID] = (), name: str | None = None
) -> str:
    """A token that signs `email` in once within 15 minutes. Makes the user if there is none (admin unless `role` says otherwise).

    An existing user keeps roles and scope unless `role` is given.
    """
    at = clock.now()
    await repository.delete_expired(session, at=at)
    user = await repository.user_by_email(session, email)
    if user is None or role is not None:
        check_role(role or "admin")
        await repository.put_user(
            session,
            user_id=new_id(at),
            email=email,
            name=name or email.partition("@")[0],
            roles=[role or "admin"],
            scope=list(scope) or [ROOT_UNIT],
            at=at,
        )
        user = await repository.user_by_email(session, email)
        assert user is not None  # noqa: S101 - put_user stored it
        await tell_rights(session, user.user_id, user.principal, at=at)
    token = new_token()
    await repository.insert_link(session, fingerprint=fingerprint(token), user=user, at=at, expires_at=at + LINK_LIVES)
    await audit.record(session, "sign_in_link.created", actor="command line", on=f"user:{user.user_id}")
    return token


async def user_of_link(session: AsyncSession, token: str) -> User:
    """Whom a link would sign in. The link stays usable. Raises LinkSpent."""
    user = await repository.user_of_link(session, fingerprint=fingerprint(token), at=clock.now())
    if user is None:
        raise _spent()
    return user


async def sign_in_by_link(session: AsyncSession, token: str) -> SignedIn:
    """Burn the link and begin a session. Raises LinkSpent."""
    user = await repository.use_link(session, fingerprint=fingerprint(token), at=clock.now())
    if user is None:
        raise _spent()
    return await _begin(session, user, how="link")


async def sign_in_by_password(session: AsyncSession, email: str, *, password: str) -> SignedIn:
    """Begin a session for mail and password. Raises WrongPassword, whichever of the two is wrong."""
    user = await repository.user_by_email(session, email)
    known = user.password_hash if user is not None and user.is_active else None
    matches = _matches(known or _NOBODY, password)
    if user is None or known is None or not matches:
        raise WrongPassword("Mail and password do not belong together; check both or ask for a sign-in link.")
    return await _begin(session, user, how="password")


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


async def set_password(session: AsyncSession, email: str, *, password: str) -> None:
    """Let an existing user sign in by password. Raises Invalid for an unknown user or fewer than 12 characters."""
    if len(password) < 12:
        raise Invalid("A password needs at least 12 characters.")
    user = await repository.user_by_email(session, email)
    if user is None:
        raise Invalid(f"There is no user {email}; create one with a sign-in link first.")
    await repository.set_password(session, user, password_hash=_hasher.hash(password))
    await audit.record(session, "password.set", actor="command line", on=f"user:{user.user_id}")


async def _begin(session: AsyncSession, user: User, *, how: str) -> SignedIn:
    at = clock.now()
    token = new_token()
    expires_at = at + SESSION_LIVES
    await repository.insert_session(session, fingerprint=fingerprint(token), user=user, at=at, expires_at=expires_at)
    await audit.record(
        session, "session.started", actor=user.principal.subject, on=f"user:{user.user_id}", detail={"how": how}
    )
    return SignedIn(user=user, token=token, expires_at=expires_at)


async def user_of_session(session: AsyncSession, token: str) -> User | None:
    return await repository.user_of_session(session, fingerprint=fingerprint(token), at=clock.now())


async def names(session: AsyncSession, ids: Collection[UUID], *, principal: Principal) -> dict[UUID, str]:  # noqa: ARG001 - colleagues know each other
    """Names of the people behind accounts; unknown ids are left out."""
    return await repository.names(session, ids) if ids else {}


async def sign_out(session: AsyncSession, token: str) -> None:
    """End a session. Signing out twice is no error."""
    user = await user_of_session(session, token)
    await repository.delete_session(session, fingerprint=fingerprint(token))
    if user is not None:
        await audit.record(session, "session.ended", actor=user.principal.subject, on=f"user:{user.user_id}")


async def create_key(session: AsyncSession, name: str, *, role: str, scope: Sequence[UUID] = ()) -> str:
    """A key for a program; its text is returned once and stored nowhere. An earlier key of that name stops working."""
    check_role(role)
    key, at = new_key(), clock.now()
    key_id = new_id(at)
    await repository.insert_key(
        session,
        key_id=key_id,
        fingerprint=fingerprint(key),
        name=name,
        roles=[role],
        scope=list(scope) or [ROOT_UNIT],
        at=at,
    )
    principal = Principal(f"key:{name}", frozenset({role}), tuple(scope) or (ROOT_UNIT,))
    await tell_rights(session, key_of(name), principal, at=at)
    await audit.record(
        session, "api_key.created", actor="command line", on=f"api_key:{key_id}", detail={"name": name, "role": role}
    )
    return key


async def principal_of_key(session: AsyncSession, key: str) -> Principal | None:
    return await repository.principal_of_key(session, fingerprint=fingerprint(key))


def _spent() -> LinkSpent:
    return LinkSpent("This sign-in link was used already or is older than 15 minutes; ask for a new one.")
