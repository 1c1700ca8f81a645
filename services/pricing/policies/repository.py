"""Named queries over the versions of the policy."""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.pricing.policies.models import PolicyVersion
from services.pricing.policies.schemas import PolicyDocument

_COLUMNS = "version, valid_from, document, note, published_by, recorded_at"
_LOCK = 0x506F6C69

_IN_FORCE = text(
    f"SELECT {_COLUMNS} FROM price_policy WHERE valid_from <= :at ORDER BY valid_from DESC, version DESC LIMIT 1"  # noqa: S608
)
_ALL = text(f"SELECT {_COLUMNS} FROM price_policy ORDER BY version DESC")  # noqa: S608


async def in_force(session: AsyncSession, at: datetime) -> PolicyVersion:
    """The starting policy holds from ever, so there always is one."""
    return _version((await session.execute(_IN_FORCE, {"at": at})).one())


async def versions(session: AsyncSession) -> list[PolicyVersion]:
    """Newest first; the last is the starting one."""
    return [_version(row) for row in await session.execute(_ALL)]


async def lock(session: AsyncSession) -> None:
    """One publication at a time, until the transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


_ADD = text(
    f"""
    INSERT INTO price_policy ({_COLUMNS})
    VALUES (:version, :valid_from, cast(:document AS jsonb), :note, :published_by, :recorded_at)
    """  # noqa: S608
)


async def add(
    session: AsyncSession,
    document: PolicyDocument,
    *,
    version: int,
    valid_from: datetime,
    note: str,
    published_by: str,
    recorded_at: datetime,
) -> None:
    given: dict[str, Any] = {"version": version, "valid_from": valid_from, "document": document.model_dump_json()}
    await session.execute(_ADD, given | {"note": note, "published_by": published_by, "recorded_at": recorded_at})


def _version(row: Any) -> PolicyVersion:
    policy = PolicyDocument.model_validate(row.document).policy()
    return PolicyVersion(row.version, row.valid_from, policy, row.note, row.published_by, row.recorded_at)


_DOCUMENTS = text("SELECT version, document FROM price_policy")


async def documents(session: AsyncSession) -> dict[int, PolicyDocument]:
    """By version, as they were published."""
    return {row.version: PolicyDocument.model_validate(row.document) for row in await session.execute(_DOCUMENTS)}
