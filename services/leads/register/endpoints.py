"""Leads by HTTP: list and read."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from libs.common.web.api import Reading, runtime_of
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.etags import etag
from services.leads.conversion import service as conversion
from services.leads.register import service
from services.leads.register.schemas import Grade, LeadPageOut, LeadReadOut, Verdict

router = APIRouter(prefix="/leads", tags=["leads"])


@router.get("")
async def list_leads(
    session: Reading,
    principal: CurrentPrincipal,
    verdict: Verdict | None = None,
    grade: Grade | None = None,
    region: Annotated[str | None, Query(max_length=200)] = None,
    include_removed: bool = False,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> LeadPageOut:
    """Leads that the caller may see, newest first. `grade` is a fit (`A`) or a full grade (`A1`)."""
    rows, following = await service.list_leads(
        session,
        verdict=verdict,
        grade=grade,
        region=region,
        include_removed=include_removed,
        cursor=cursor,
        limit=limit,
        principal=principal,
    )
    chances = await conversion.chances_of(session, [row.state for row in rows if row.state], principal=principal)
    items = [LeadReadOut.read(row, chance) for row, chance in zip(rows, chances, strict=True)]
    return LeadPageOut(items=items, next_cursor=following)


@router.get("/{lead_id:uuid}", response_model=LeadReadOut)
async def read_lead(lead_id: UUID, request: Request, principal: CurrentPrincipal) -> Response:
    """A lead as it stands, with the reasons of its grade and of its chance to convert."""
    # Opened and written here: it is asked for one lead after the other, and what stands around an endpoint costs as much as it.
    async with runtime_of(request).database.glance() as session:
        row, chance = await service.read_lead_told(session, lead_id, principal=principal)
    written = LeadReadOut.read(row, chance).model_dump_json()
    return Response(written, media_type="application/json", headers={"ETag": etag(row.version)})
