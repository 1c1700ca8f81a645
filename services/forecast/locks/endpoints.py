"""Locks by HTTP. There is no way to make or change one here: the scheduler makes them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from libs.common.events.crm import DealType, ValueBasis
from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.paging import UnreadableCursor, decode_cursor, encode_cursor
from services.forecast.config import settings_of
from services.forecast.locks import service
from services.forecast.locks.schemas import LockOut, LockPageOut, LockReadingOut, LockRowOut
from services.forecast.rollup.schemas import Cumulative, Lines, Sum
from services.forecast.rollup.standing import FORECAST_LINES

router = APIRouter(prefix="/forecast/locks", tags=["locks"])


@router.get("")
async def list_locks(
    session: Reading,
    principal: CurrentPrincipal,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> LockPageOut:
    """Newest due first."""
    found = await service.list_locks(session, before=_before(cursor), limit=limit + 1, principal=principal)
    page = found[:limit]
    return LockPageOut(
        items=[LockOut.model_validate(row) for row in page],
        next_cursor=encode_cursor(page[-1]["due_at"].isoformat()) if len(found) > limit else None,
    )


@router.get("/{lock_id}")
async def read_lock(
    lock_id: UUID,
    session: Reading,
    principal: CurrentPrincipal,
    period: Annotated[str | None, Query(description="one of the lock's periods; without it all")] = None,
    org: Annotated[UUID | None, Query(description="only this unit and what stood right below it")] = None,
    deal_type: DealType | None = None,
    value_basis: ValueBasis | None = None,
) -> LockReadingOut:
    """A lock with what it froze of nodes within scope."""
    lock, rows = await service.read_lock(
        session, lock_id, period=period, deal_type=deal_type, value_basis=value_basis, parent=org, principal=principal
    )
    return LockReadingOut(
        lock=LockOut.model_validate(lock),
        deal_type=deal_type,
        value_basis=value_basis or settings_of(session).call_basis,
        rows=[_row(row) for row in rows],
    )


def _row(row: Mapping[str, Any]) -> LockRowOut:
    lines = Lines.model_validate(row["lines"])
    kept = ("node_kind", "node_id", "parent_id", "label", "beside", "overdue", "closed_won", "crm", "reps", "managers")
    return LockRowOut(
        **{name: row[name] for name in (*kept, "adjusted", "adjustment", "from_crm", "submission_id", "own_call")},
        period=row["period_key"],
        start=row["period_start"],
        end=row["period_end"] - timedelta(days=1),
        lines=lines,
        cumulative=Cumulative(**{line: _surer(lines, line) for line in FORECAST_LINES[1:]}),
        of=row["of_calls"],
    )


def _surer(lines: Lines, line: str) -> Sum:
    """A line with all surer ones: a view of what is stored single."""
    sums = [getattr(lines, name) for name in FORECAST_LINES[: [*FORECAST_LINES].index(line) + 1]]  # type: ignore[arg-type]
    return Sum(**{name: sum(getattr(each, name) for each in sums) for name in Sum.model_fields})


def _before(cursor: str | None) -> datetime | None:
    values = decode_cursor(cursor, 1)
    try:
        return datetime.fromisoformat(str(values[0])) if values else None
    except ValueError:
        raise UnreadableCursor("The cursor is not one that this list gave; start without a cursor.") from None
