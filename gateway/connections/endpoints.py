"""Which CRMs are connected."""

from typing import cast

from fastapi import APIRouter, Request

from gateway.auth.dependencies import CurrentUser
from gateway.config import Settings
from gateway.connections import service
from gateway.connections.schemas import ConnectionList
from libs.common.web.api import Reading, runtime_of

router = APIRouter(prefix="/api/v1/connections", tags=["connections"])


@router.get("")
async def connections(request: Request, session: Reading, principal: CurrentUser) -> ConnectionList:
    """All connections, without their secrets."""
    settings = cast("Settings", runtime_of(request).settings)
    return ConnectionList(items=list(await service.listed(session, settings=settings, principal=principal)))
