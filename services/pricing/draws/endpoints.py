"""Drawn prices by HTTP."""

from uuid import UUID

from fastapi import APIRouter, Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.downloads import csv_file
from services.pricing.draws import service
from services.pricing.draws.schemas import CurveOut, DrawIn, DrawnOut, PointOut, ScopeIn, ScopeOut, ScopesOut

router = APIRouter(prefix="/price-draws", tags=["draws"])


@router.post("", status_code=201)
async def draw(wanted: DrawIn, session: Transaction, principal: CurrentPrincipal) -> DrawnOut:
    """Draw a deal's price of a product. It is kept before it is told; asked again it is the same."""
    return await service.draw(session, wanted.deal_id, wanted.product_id, currency=wanted.currency, principal=principal)


@router.get("/scopes")
async def list_scopes(session: Reading, principal: CurrentPrincipal) -> ScopesOut:
    """Where prices are drawn or were, the newest first."""
    rows = await service.listed(session, principal=principal)
    return ScopesOut(items=[ScopeOut.of(*row) for row in rows])


@router.post("/scopes", status_code=201)
async def open_scope(wanted: ScopeIn, session: Transaction, principal: CurrentPrincipal) -> ScopeOut:
    """Opt in: prices of a product are drawn there from now on."""
    row = await service.open_scope(
        session,
        wanted.product_id,
        market=wanted.market,
        segment=wanted.segment,
        width=wanted.width,
        note=wanted.note,
        principal=principal,
    )
    return ScopeOut.of(row, 0, 0)


@router.post("/scopes/{scope_id}/end")
async def end_scope(scope_id: UUID, session: Transaction, principal: CurrentPrincipal) -> ScopesOut:
    """Draw no more there; the key of the draw is told from now on."""
    await service.end_scope(session, scope_id, principal=principal)
    rows = await service.listed(session, principal=principal)
    return ScopesOut(items=[ScopeOut.of(*row) for row in rows])


@router.get("/scopes/{scope_id}/curve")
async def read_curve(scope_id: UUID, session: Reading, principal: CurrentPrincipal) -> CurveOut:
    """The chance to win by price, of drawn prices only, or why there is none."""
    return await service.curve(session, scope_id, principal=principal)


@router.get("/scopes/{scope_id}/curve/export", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export_curve(scope_id: UUID, session: Reading, principal: CurrentPrincipal) -> Response:
    """The drawn prices with what became of them, as a CSV file."""
    found = await service.curve(session, scope_id, principal=principal)
    names = list(PointOut.model_fields)
    return csv_file("win-curve", names, ([getattr(point, name) for name in names] for point in found.points))
