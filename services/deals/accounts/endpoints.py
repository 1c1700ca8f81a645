"""Accounts over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.deals.accounts import service
from services.deals.accounts.schemas import AccountOut, AccountPage

router = APIRouter(prefix="/accounts", tags=["accounts"])


@router.get("")
async def list_accounts(
    session: Reading,
    principal: CurrentPrincipal,
    q: Annotated[str | None, Query(max_length=200, description="part of the name")] = None,
    region: str | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AccountPage:
    return await service.accounts(session, q=q, region=region, cursor=cursor, limit=limit, principal=principal)


@router.get("/{account_id}")
async def get_account(account_id: UUID, session: Reading, principal: CurrentPrincipal) -> AccountOut:
    return await service.account(session, account_id, principal=principal)
