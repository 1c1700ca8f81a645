"""Response clocks by HTTP."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.leads.responses import service
from services.leads.responses.schemas import ClockHistoryOut, ClocksOut, MarkOut, ShareOut, SharesOut

router = APIRouter(prefix="/leads", tags=["response clocks"])


@router.get("/responses")
async def read_shares(session: Reading, principal: CurrentPrincipal, since: datetime | None = None) -> SharesOut:
    """By team how many leads were answered in time, of clocks started since, by default in the last 30 days."""
    since, as_of, rows = await service.shares(session, since=since, principal=principal)
    return SharesOut(since=since, as_of=as_of, teams=[_share(row) for row in rows])


@router.get("/{lead_id}/clocks")
async def read_clocks(lead_id: UUID, session: Reading, principal: CurrentPrincipal) -> ClocksOut:
    """The lead's clocks, and who was told when."""
    clocks, marks = await service.history(session, lead_id, principal=principal)
    return ClocksOut(
        lead_id=lead_id,
        items=[
            ClockHistoryOut(
                clock_id=each.clock_id,
                owner_id=each.owner_id,
                started_at=each.started_at,
                due_at=each.due_at,
                marks=[MarkOut.model_validate(mark) for mark in marks if mark.clock_id == each.clock_id],
            )
            for each in clocks
        ],
    )


def _share(row: Any) -> ShareOut:
    n = row.in_time + row.late
    share = (Decimal(row.in_time) / n).quantize(Decimal("0.0001")) if n else None
    return ShareOut(
        unit_id=row.unit_id, unit_name=row.unit_name, n=n, in_time=row.in_time, running=row.running, share=share
    )
