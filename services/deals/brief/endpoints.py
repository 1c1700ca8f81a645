"""The sources of briefs over HTTP."""

from uuid import UUID

from fastapi import APIRouter

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.deals.brief import service
from services.deals.brief.schemas import SourcesOut

router = APIRouter(prefix="/accounts", tags=["brief"])


@router.get("/{account_id}/brief")
async def read_sources(account_id: UUID, session: Reading, principal: CurrentPrincipal) -> SourcesOut:
    """What an account's brief refers to: its record, the entries and deliveries of its open deals, and what changed in 30 days."""
    return await service.sources(session, account_id, principal=principal)
