"""A deal's history by HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.forecast.history import service
from services.forecast.history.schemas import HistoryReading

router = APIRouter(prefix="/forecast", tags=["history"])


@router.get("/deals/{deal_id}/history")
async def read_history(
    deal_id: UUID,
    session: Reading,
    principal: CurrentPrincipal,
    as_of: Annotated[AwareDatetime | None, Query(description="entries valid by this instant")] = None,
    known_at: Annotated[AwareDatetime | None, Query(description="entries recorded by this instant")] = None,
) -> HistoryReading:
    """Every version of a deal with both clocks and its cause."""
    return await service.read(session, deal_id, as_of=as_of, known_at=known_at, principal=principal)
