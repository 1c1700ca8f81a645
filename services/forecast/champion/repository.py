"""Choices of the method that answers: rows that are only ever appended."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.forecast.champion.methods import Chosen

_FIELDS = ", ".join(Chosen.__dataclass_fields__)
_LOCK = 0x4368616D


async def alone(session: AsyncSession) -> None:
    """Let nobody else choose until this transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


async def append(session: AsyncSession, row: Mapping[str, Any]) -> bool:
    """Append a choice; False if it is there already."""
    added = await session.scalar(
        text(
            """
            INSERT INTO champion_entry SELECT * FROM jsonb_populate_record(NULL::champion_entry, cast(:row AS jsonb))
            ON CONFLICT (entry_id) DO NOTHING RETURNING entry_id
            """
        ),
        {"row": orjson.dumps(row, default=str).decode()},
    )
    return added is not None


async def digest(session: AsyncSession, entry_id: UUID) -> str | None:
    """What was sent for a choice, for finding a repetition."""
    found: str | None = await session.scalar(
        text("SELECT request_digest FROM champion_entry WHERE entry_id = :id"), {"id": entry_id}
    )
    return found


async def chosen(session: AsyncSession, known_at: datetime) -> list[Chosen]:
    """All choices made by an instant, oldest first. A choice is known when it is made."""
    found = await session.execute(
        text(f"SELECT {_FIELDS} FROM champion_entry WHERE made_at <= :known_at ORDER BY made_at, entry_id"),  # noqa: S608
        {"known_at": known_at},
    )
    return [Chosen(**row) for row in found.mappings()]
