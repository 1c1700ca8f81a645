"""Edits of deals over HTTP."""

from uuid import UUID

from fastapi import APIRouter

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.idempotency import IdempotencyKey
from services.deals.edits import editing, service
from services.deals.edits.schemas import BulkIn, BulkOut, EditIn, EditsOut, WriteBacksOut

router = APIRouter(prefix="/deals", tags=["deals"])


@router.get("/write-back")
async def list_write_backs(session: Reading, principal: CurrentPrincipal) -> WriteBacksOut:
    """Which fields of its deals each connection takes back, and the open stages of its pipelines."""
    return await service.write_backs(session, principal=principal)


@router.post("/bulk")
async def edit_many(
    body: BulkIn, session: Transaction, principal: CurrentPrincipal, idempotency_key: IdempotencyKey = None
) -> BulkOut:
    """Edit many deals at once; the report names row and field of what was not taken, which loses nothing else."""
    return await editing.bulk(session, body, idempotency_key=idempotency_key, principal=principal)


@router.get("/{deal_id}/edits")
async def list_edits(deal_id: UUID, session: Reading, principal: CurrentPrincipal) -> EditsOut:
    """What people wanted of fields that the CRM owns, and what became of it."""
    return await service.of_deal(session, deal_id, principal=principal)


@router.post("/{deal_id}/edits", status_code=202)
async def edit(
    deal_id: UUID,
    body: EditIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
) -> EditsOut:
    """Want another value in a field that the CRM owns. It is pending until the CRM's echo confirms it or it is refused."""
    return await service.edit(session, deal_id, body, idempotency_key=idempotency_key, principal=principal)


@router.post("/{deal_id}/edits/{edit_id}/acknowledge")
async def acknowledge(deal_id: UUID, edit_id: UUID, session: Transaction, principal: CurrentPrincipal) -> EditsOut:
    """Put a refusal or a conflict aside: the CRM's value stays."""
    return await service.acknowledge(session, deal_id, edit_id, principal=principal)
