"""The nearest closed deals over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.deals.nearest import service
from services.deals.nearest.schemas import NearestOut

router = APIRouter(prefix="/deals", tags=["nearest deals"])


@router.get("/{deal_id}/nearest")
async def read_nearest(
    deal_id: UUID, session: Reading, principal: CurrentPrincipal, k: Annotated[int, Query(ge=1, le=20)] = 5
) -> NearestOut:
    """The closed deals most like this one by what was known while they were open, and what came of each."""
    return await service.read(session, deal_id, k=k, principal=principal)
