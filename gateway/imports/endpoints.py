"""`/api/v1/imports`: which files have been imported, when, and what became of their rows."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from gateway.auth.dependencies import CurrentUser
from gateway.imports import service
from gateway.imports.schemas import ImportList, ImportOut
from libs.common.web.api import Reading
from libs.common.web.paging import UnreadableCursor, decode_cursor, encode_cursor

router = APIRouter(tags=["imports"])


@router.get("/api/v1/imports")
async def list_imports(
    session: Reading,
    principal: CurrentUser,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ImportList:
    """Newest first."""
    found = await service.listing(session, principal=principal, before=_position(cursor), limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    return ImportList(
        imports=[ImportOut.of(each) for each in page],
        next_cursor=encode_cursor(page[-1].started_at.isoformat(), page[-1].import_id) if more else None,
    )


def _position(cursor: str | None) -> tuple[datetime, str] | None:
    values = decode_cursor(cursor, 2)
    if values is None:
        return None
    try:
        at = datetime.fromisoformat(str(values[0]))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UnreadableCursor("The cursor is not one that this list gave; start without a cursor.")
    return at, str(values[1])
