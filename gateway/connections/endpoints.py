"""Which CRMs are connected, and how: list, detail, put."""

from typing import Annotated, cast

from fastapi import APIRouter, Path, Request

from gateway.auth.dependencies import CurrentUser
from gateway.config import Settings
from gateway.connections import service
from gateway.connections.schemas import ConnectionDetail, ConnectionIn, ConnectionList, ConnectionPut
from libs.common.web.api import Reading, Transaction, runtime_of

router = APIRouter(prefix="/api/v1/connections", tags=["connections"])

Key = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


@router.get("")
async def connections(request: Request, session: Reading, principal: CurrentUser) -> ConnectionList:
    """All connections, without their secrets."""
    return ConnectionList(items=list(await service.listed(session, settings=_settings(request), principal=principal)))


@router.get("/{key}")
async def connection(key: Key, request: Request, session: Reading, principal: CurrentUser) -> ConnectionDetail:
    """One connection with its document as it can be put again; of its secrets only the names."""
    return await service.detail(session, key, settings=_settings(request), principal=principal)


@router.put("/{key}")
async def put(
    key: Key, document: ConnectionIn, request: Request, session: Transaction, principal: CurrentUser
) -> ConnectionPut:
    """Create or change a connection; needs the role sales_ops. Secrets that are left out keep their values."""
    service.check_key(document, key)
    settings = _settings(request)
    result = await service.put(session, document, settings=settings, principal=principal)
    return ConnectionPut(
        result=result, connection=await service.detail(session, key, settings=settings, principal=principal)
    )


def _settings(request: Request) -> Settings:
    return cast("Settings", runtime_of(request).settings)
