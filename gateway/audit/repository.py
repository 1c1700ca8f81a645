"""The statements of the audit trail."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def insert_entry(
    session: AsyncSession,
    *,
    entry_id: UUID,
    at: datetime,
    actor: str,
    action: str,
    object_name: str,
    detail: dict[str, Any],
    request_id: str | None,
) -> None:
    await session.execute(
        text(
            """INSERT INTO audit_entry (entry_id, at, actor, action, object, detail, request_id)
            VALUES (:entry_id, :at, :actor, :action, :object, cast(:detail AS jsonb), :request_id)"""
        ),
        {
            "entry_id": entry_id,
            "at": at,
            "actor": actor,
            "action": action,
            "object": object_name,
            "detail": orjson.dumps(detail).decode(),
            "request_id": request_id,
        },
    )
