"""Cover of accounts over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.downloads import csv_file
from libs.common.web.idempotency import IdempotencyKey
from services.deals.cover import service
from services.deals.cover.schemas import CoverOut, ExecutiveIn, ExecutivesOut, MoneyOut
from services.deals.cover.service import Wanted

router = APIRouter(prefix="/accounts", tags=["cover"])

COLUMNS = ("account_id", "name", "tier", "segment", "region", "market", "parent_id", "open_deals", "open")
RISKS = ("at_risk_deals", "at_risk", "reasons", "last_touch_at")


def _wanted(
    q: Annotated[str | None, Query(max_length=200, description="part of the name")] = None,
    tier: Annotated[str | None, Query(max_length=100)] = None,
    region: Annotated[str | None, Query(max_length=100)] = None,
    parent: Annotated[UUID | None, Query(description="accounts right below this one")] = None,
    at_risk: Annotated[bool, Query(description="only accounts with money at risk")] = False,
) -> Wanted:
    return Wanted(q=q, tier=tier, region=region, parent=parent, at_risk=at_risk)


Filters = Annotated[Wanted, Depends(_wanted)]


@router.get("/cover")
async def read_cover(
    session: Reading,
    principal: CurrentPrincipal,
    wanted: Filters,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> CoverOut:
    """Accounts with what is open and what of it closes in this or the next quarter on thin, silent or lapsed relationships."""
    return await service.cover(session, wanted, cursor=cursor, limit=limit, principal=principal)


@router.get("/cover.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export_cover(session: Reading, principal: CurrentPrincipal, wanted: Filters) -> Response:
    """The same of all accounts that the filters leave, as CSV; amounts like `1000.00 EUR`, several joined by `; `."""
    found = await service.cover(session, wanted, cursor=None, limit=None, principal=principal)
    names = (*COLUMNS, *RISKS)
    return csv_file("accounts", names, ([_told(getattr(each, name)) for name in names] for each in found.items))


@router.get("/{account_id}/cover")
async def read_executives(account_id: UUID, session: Reading, principal: CurrentPrincipal) -> ExecutivesOut:
    """Which of our executives looks after whom, when they last spoke, and whether that has lapsed."""
    return await service.executives(session, account_id, principal=principal)


@router.post("/{account_id}/cover", status_code=201)
async def set_executive(
    account_id: UUID,
    wanted: ExecutiveIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
) -> ExecutivesOut:
    """Say which executive looks after whom and how often. Needs the role manager, sales_ops or cso."""
    return await service.set_executive(
        session, account_id, wanted, idempotency_key=idempotency_key, principal=principal
    )


def _told(value: Any) -> object:
    """Amounts with their currencies, several in one cell; instants by ISO 8601."""
    if isinstance(value, list):
        return "; ".join(f"{each.amount} {each.currency}" if isinstance(each, MoneyOut) else each for each in value)
    return value.isoformat() if hasattr(value, "isoformat") else value
