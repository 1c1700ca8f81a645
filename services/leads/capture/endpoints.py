"""Capturing leads by HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.etags import etag
from libs.common.web.idempotency import IdempotencyKey
from services.leads.capture import importing, service
from services.leads.capture.schemas import ContactOut, FileOut, LeadIn
from services.leads.register.schemas import LeadOut

router = APIRouter(prefix="/leads", tags=["capture"])


@router.post("", status_code=201)
async def capture(
    wanted: LeadIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> LeadOut:
    """Capture a lead. The same `Idempotency-Key` and body again give the same lead, and nothing new."""
    row = await service.capture_lead(session, wanted, idempotency_key=idempotency_key, principal=principal)
    response.headers["ETag"] = etag(row.version)
    response.headers["Location"] = f"leads/{row.lead_id}"
    return LeadOut.of(row)


@router.post("/file")
async def capture_file(
    content: Annotated[bytes, Body(media_type="text/csv")],
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
) -> FileOut:
    """Capture a lead per row of a CSV file in UTF-8, with our names as its header and `contact_name`, `contact_email`,
    `contact_phone`. A row that is refused says where and why; the others are taken.
    """
    return await importing.load(session, content, idempotency_key=idempotency_key, principal=principal)


@router.get("/{lead_id}/contact")
async def read_contact(lead_id: UUID, session: Reading, principal: CurrentPrincipal) -> ContactOut:
    """Who to talk to, for a lead captured here; contacts of CRM leads stand in the people directory."""
    return ContactOut.model_validate(await service.read_contact(session, lead_id, principal=principal))
