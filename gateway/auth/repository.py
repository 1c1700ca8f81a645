"""The statements behind signing in."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.auth.models import User
from libs.common.web.auth import Principal

_USER = "u.user_id, u.email, u.name, u.roles, u.scope, u.password_hash, u.is_active"


def _user(row: RowMapping | None) -> User | None:
    if row is None:
        return None
    return User(**{**row, "roles": tuple(row["roles"]), "scope": tuple(row["scope"])})


async def _first(session: AsyncSession, sql: str, **values: Any) -> RowMapping | None:
    return (await session.execute(text(sql), values)).mappings().first()


async def user_by_email(session: AsyncSession, email: str) -> User | None:
    return _user(await _first(session, f"SELECT {_USER} FROM app_user u WHERE u.email = lower(:email)", email=email))  # noqa: S608


async def names(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """Names of accounts; unknown ids are left out."""
    found = await session.execute(
        text("SELECT user_id, name FROM app_user WHERE user_id = ANY(cast(:ids AS uuid[]))"), {"ids": list(ids)}
    )
    return {row.user_id: row.name for row in found}


async def put_user(
    session: AsyncSession,
    *,
    user_id: UUID,
    email: str,
    name: str,
    roles: Sequence[str],
    scope: Sequence[UUID],
    at: datetime,
) -> None:
    """Insert a user, or give an existing one these roles and this scope."""
    await session.execute(
        text(
            """INSERT INTO app_user (user_id, email, name, roles, scope, created_at)
            VALUES (:user_id, lower(:email), :name, :roles, :scope, :at)
            ON CONFLICT (email) DO UPDATE SET roles = excluded.roles, scope = excluded.scope, is_active = true"""
        ),
        {"user_id": user_id, "email": email, "name": name, "roles": list(roles), "scope": list(scope), "at": at},
    )


async def set_password(session: AsyncSession, user: User, *, password_hash: str) -> None:
    await session.execute(
        text("UPDATE app_user SET password_hash = :hash WHERE user_id = :id"),
        {"hash": password_hash, "id": user.user_id},
    )


async def insert_link(
    session: AsyncSession, *, fingerprint: bytes, user: User, at: datetime, expires_at: datetime
) -> None:
    await session.execute(
        text("INSERT INTO sign_in_link (fingerprint, user_id, created_at, expires_at) VALUES (:f, :u, :at, :expires)"),
        {"f": fingerprint, "u": user.user_id, "at": at, "expires": expires_at},
    )


async def user_of_link(session: AsyncSession, *, fingerprint: bytes, at: datetime) -> User | None:
    """The active user of a link that is neither used nor expired; the link stays as it is."""
    sql = f"""SELECT {_USER} FROM sign_in_link l JOIN app_user u USING (user_id)
        WHERE l.fingerprint = :f AND l.used_at IS NULL AND l.expires_at > :at AND u.is_active"""  # noqa: S608
    return _user(await _first(session, sql, f=fingerprint, at=at))


async def use_link(session: AsyncSession, *, fingerprint: bytes, at: datetime) -> User | None:
    """Burn a link and name its user. Of two simultaneous uses exactly one succeeds: the row's update decides."""
    sql = f"""WITH used AS (
            UPDATE sign_in_link SET used_at = :at
            WHERE fingerprint = :f AND used_at IS NULL AND expires_at > :at RETURNING user_id)
        SELECT {_USER} FROM used JOIN app_user u USING (user_id) WHERE u.is_active"""  # noqa: S608
    return _user(await _first(session, sql, f=fingerprint, at=at))


async def insert_session(
    session: AsyncSession, *, fingerprint: bytes, user: User, at: datetime, expires_at: datetime
) -> None:
    await session.execute(
        text("INSERT INTO user_session (fingerprint, user_id, created_at, expires_at) VALUES (:f, :u, :at, :expires)"),
        {"f": fingerprint, "u": user.user_id, "at": at, "expires": expires_at},
    )


async def user_of_session(session: AsyncSession, *, fingerprint: bytes, at: datetime) -> User | None:
    sql = f"""SELECT {_USER} FROM user_session s JOIN app_user u USING (user_id)
        WHERE s.fingerprint = :f AND s.expires_at > :at AND u.is_active"""  # noqa: S608
    return _user(await _first(session, sql, f=fingerprint, at=at))


async def delete_session(session: AsyncSession, *, fingerprint: bytes) -> None:
    await session.execute(text("DELETE FROM user_session WHERE fingerprint = :f"), {"f": fingerprint})


async def delete_expired(session: AsyncSession, *, at: datetime) -> None:
    """Forget sessions and links that nobody can use any more."""
    await session.execute(text("DELETE FROM user_session WHERE expires_at <= :at"), {"at": at})
    await session.execute(text("DELETE FROM sign_in_link WHERE expires_at <= :at"), {"at": at})


async def insert_key(
    session: AsyncSession,
    *,
    key_id: UUID,
    fingerprint: bytes,
    name: str,
    roles: Sequence[str],
    scope: Sequence[UUID],
    at: datetime,
) -> None:
    """Store a key; an earlier key of that name is withdrawn."""
    await session.execute(
        text("UPDATE api_key SET revoked_at = :at WHERE name = :name AND revoked_at IS NULL"), {"at": at, "name": name}
    )
    await session.execute(
        text(
            """INSERT INTO api_key (key_id, fingerprint, name, roles, scope, created_at)
            VALUES (:key_id, :f, :name, :roles, :scope, :at)"""
        ),
        {"key_id": key_id, "f": fingerprint, "name": name, "roles": list(roles), "scope": list(scope), "at": at},
    )


async def principal_of_key(session: AsyncSession, *, fingerprint: bytes) -> Principal | None:
    row = await _first(
        session, "SELECT name, roles, scope FROM api_key WHERE fingerprint = :f AND revoked_at IS NULL", f=fingerprint
    )
    if row is None:
        return None
    return Principal(subject=f"key:{row['name']}", roles=frozenset(row["roles"]), scope=tuple(row["scope"]))


_KEEP_TOLD = text("INSERT INTO rights_told (subject) VALUES (:subject) ON CONFLICT DO NOTHING")
_UNTOLD_USERS = text(
    """
    SELECT u.user_id, u.roles, u.scope, u.is_active, u.created_at FROM app_user u
    WHERE NOT EXISTS (SELECT FROM rights_told told WHERE told.subject = 'user:' || u.user_id)
    ORDER BY u.user_id LIMIT :limit FOR UPDATE OF u
    """
)
_UNTOLD_KEYS = text(
    """
    SELECT DISTINCT ON (k.name) k.name, k.roles, k.scope, k.revoked_at IS NULL AS is_active, k.created_at FROM api_key k
    WHERE NOT EXISTS (SELECT FROM rights_told told WHERE told.subject = 'key:' || k.name)
    ORDER BY k.name, k.revoked_at IS NULL DESC, k.created_at DESC LIMIT :limit
    """
)


async def keep_told(session: AsyncSession, subjects: Sequence[str]) -> None:
    """Keep of whom it was told what they may do."""
    await session.execute(_KEEP_TOLD, [{"subject": each} for each in subjects])


async def untold(session: AsyncSession, *, limit: int) -> list[tuple[UUID | None, Principal, datetime]]:
    """Users, locked, and then programs of whom it was not told what they may do, with the day they were made.

    Who may not sign in any more, and a key that was withdrawn, may do nothing. A program has no id of its own.
    """
    users = (await session.execute(_UNTOLD_USERS, {"limit": limit})).all()
    keys = (await session.execute(_UNTOLD_KEYS, {"limit": limit - len(users)})).all() if len(users) < limit else []
    found: list[tuple[UUID | None, Principal, datetime]] = [
        (row.user_id, _may(f"user:{row.user_id}", row), row.created_at) for row in users
    ]
    return found + [(None, _may(f"key:{row.name}", row), row.created_at) for row in keys]


def _may(subject: str, row: Any) -> Principal:
    return Principal(subject, frozenset(row.roles if row.is_active else ()), tuple(row.scope))
