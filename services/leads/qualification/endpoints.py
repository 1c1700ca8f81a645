"""Verdicts by HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response

from libs.common.web.api import Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.etags import etag
from services.leads.qualification import service
from services.leads.qualification.schemas import RecycleIn, VerdictIn
from services.leads.register.schemas import LeadOut

router = APIRouter(prefix="/leads", tags=["qualification"])

IfMatch = Annotated[str | None, Header(max_length=200)]


@router.post("/{lead_id}/qualify")
async def qualify(
    lead_id: UUID,
    why: VerdictIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> LeadOut:
    """Sales accepts the lead: its deal opens, or passes the gate where it waits."""
    row = await service.judge(session, lead_id, "qualified", reason=why.reason, if_match=if_match, principal=principal)
    response.headers["ETag"] = etag(row.version)
    return LeadOut.of(row)


@router.post("/{lead_id}/reject")
async def reject(
    lead_id: UUID,
    why: VerdictIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> LeadOut:
    """Sales declines the lead."""
    row = await service.judge(session, lead_id, "rejected", reason=why.reason, if_match=if_match, principal=principal)
    response.headers["ETag"] = etag(row.version)
    return LeadOut.of(row)


@router.post("/{lead_id}/reopen")
async def reopen(
    lead_id: UUID,
    why: VerdictIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> LeadOut:
    """The verdict is taken back; the lead waits again."""
    row = await service.judge(session, lead_id, "pending", reason=why.reason, if_match=if_match, principal=principal)
    response.headers["ETag"] = etag(row.version)
    return LeadOut.of(row)


@router.post("/{lead_id}/recycle")
async def recycle(
    lead_id: UUID,
    why: RecycleIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> LeadOut:
    """Not now: the lead is set aside and waits in the queue again from a day on. A verdict on it is taken back."""
    row = await service.judge(
        session,
        lead_id,
        "pending",
        reason=why.reason,
        recycled_until=why.until,
        if_match=if_match,
        principal=principal,
    )
    response.headers["ETag"] = etag(row.version)
    return LeadOut.of(row)
