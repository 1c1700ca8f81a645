"""Comparisons with the CRMs: list, detail, and one now."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from gateway.auth.dependencies import CurrentUser
from gateway.config import Settings
from gateway.reconciliation import service
from gateway.reconciliation.schemas import ComparisonDetail, ComparisonPage, ComparisonWished
from libs.common.web.api import Reading, Transaction, runtime_of

router = APIRouter(prefix="/api/v1", tags=["comparisons"])

Key = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


@router.get("/connections/{key}/comparisons")
async def comparisons(
    key: Key,
    session: Reading,
    principal: CurrentUser,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ComparisonPage:
    """Comparisons of a connection's deals with its CRM's, newest first."""
    return await service.listed(session, key, principal=principal, cursor=cursor, limit=limit)


@router.post("/connections/{key}/comparisons", status_code=202)
async def compare_now(key: Key, request: Request, session: Transaction, principal: CurrentUser) -> ComparisonWished:
    """Have a connection compared within seconds; needs the role sales_ops."""
    settings = cast("Settings", runtime_of(request).settings)
    return await service.wish(session, key, settings=settings, principal=principal)


@router.get("/comparisons/{comparison_id}")
async def comparison(comparison_id: UUID, session: Reading, principal: CurrentUser) -> ComparisonDetail:
    """One comparison with the cells and deals that differ; needs the role sales_ops, finance or cso."""
    return await service.detail(session, comparison_id, principal=principal)
