"""Answers at set-up: rows that are only ever appended."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.forecast.setup.answered import Answered

_FIELDS = ", ".join(Answered.__dataclass_fields__)


async def append(session: AsyncSession, row: Mapping[str, Any]) -> None:
    """Append an answer; one that is there already stays as it was."""
    await session.execute(
        text(
            """
            INSERT INTO setup_answer SELECT * FROM jsonb_populate_record(NULL::setup_answer, cast(:row AS jsonb))
            ON CONFLICT DO NOTHING
            """
        ),
        {"row": orjson.dumps(row, default=str).decode()},
    )


async def digest(session: AsyncSession, answer_id: UUID) -> str | None:
    """What was sent for an answer, for finding a repetition."""
    found: str | None = await session.scalar(
        text("SELECT request_digest FROM setup_answer WHERE answer_id = :id"), {"id": answer_id}
    )
    return found


async def answered(session: AsyncSession, known_at: datetime) -> list[Answered]:
    """All answers given by an instant, oldest first. An answer is known when it is given."""
    found = await session.execute(
        text(f"SELECT {_FIELDS} FROM setup_answer WHERE given_at <= :known_at ORDER BY given_at, answer_id"),  # noqa: S608
        {"known_at": known_at},
    )
    return [Answered(**row) for row in found.mappings()]
