"""Duplicates by HTTP: suggested pairs, merging, un-merging, telling apart."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.etags import etag
from services.leads.duplicates import service
from services.leads.duplicates.schemas import ApartIn, MergedOut, MergeIn, PairOut, PairPageOut, UnmergeIn
from services.leads.register import service as register
from services.leads.register.schemas import LeadOut

router = APIRouter(prefix="/leads", tags=["duplicates"])

IfMatch = Annotated[str | None, Header(max_length=200)]


@router.get("/duplicates")
async def suggestions(
    session: Reading,
    principal: CurrentPrincipal,
    lead: UUID | None = None,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> PairPageOut:
    """Pairs of leads that may be one, with why, the likeliest first; `lead`: only those of one lead.

    Leads are compared within seconds of a change, and only with those that share a mailbox, a phone, a domain or part of
    a company's name with them.
    """
    found, following = await service.suggestions(session, lead_id=lead, cursor=cursor, limit=limit, principal=principal)
    return PairPageOut(items=[PairOut.model_validate(pair) for pair in found], next_cursor=following)


@router.get("/{lead_id}/merged")
async def merged(lead_id: UUID, session: Reading, principal: CurrentPrincipal) -> MergedOut:
    """The leads that this one stands for."""
    found = await register.merged_into(session, lead_id, principal=principal)
    return MergedOut(items=[LeadOut.of(row) for row in found])


@router.post("/{lead_id}/merge")
async def merge(
    lead_id: UUID,
    wanted: MergeIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> LeadOut:
    """Let another lead stand for this one; nothing is lost, and it can be taken back."""
    row = await service.merge(
        session, lead_id, into=wanted.into, reason=wanted.reason, if_match=if_match, principal=principal
    )
    response.headers["ETag"] = etag(row.version)
    return LeadOut.of(row)


@router.post("/{lead_id}/unmerge")
async def unmerge(
    lead_id: UUID,
    why: UnmergeIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> LeadOut:
    """Take a person's merge back: both leads stand for themselves again."""
    row = await service.unmerge(session, lead_id, reason=why.reason, if_match=if_match, principal=principal)
    response.headers["ETag"] = etag(row.version)
    return LeadOut.of(row)


@router.post("/{lead_id}/apart", status_code=204)
async def apart(lead_id: UUID, wanted: ApartIn, session: Transaction, principal: CurrentPrincipal) -> None:
    """Say that another lead is not this one: the pair is suggested no longer."""
    await service.keep_apart(session, lead_id, wanted.other, reason=wanted.reason, principal=principal)
