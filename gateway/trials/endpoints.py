"""`POST /api/v1/connections/{key}/trial`: what a document would change, before it is put."""

from typing import cast

from fastapi import APIRouter, Request

from gateway.auth.dependencies import CurrentUser
from gateway.config import Settings
from gateway.connections import service as connections
from gateway.connections.schemas import ConnectionIn
from gateway.proxy.client import services_of
from gateway.trials import service
from gateway.trials.schemas import TrialOut
from libs.common.web.api import runtime_of

router = APIRouter(prefix="/api/v1/connections", tags=["connections"])


@router.post("/{key}/trial")
async def try_document(key: str, document: ConnectionIn, request: Request, principal: CurrentUser) -> TrialOut:
    """Understand everything known of this connection by the document: fields, refusals, and what would move in the forecast."""
    connections.check_key(document, key)
    runtime = runtime_of(request)
    settings = cast("Settings", runtime.settings)
    return await service.run(runtime.database, services_of(request), document, settings=settings, principal=principal)
