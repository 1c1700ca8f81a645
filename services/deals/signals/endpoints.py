"""Signals over HTTP."""

import csv
import io
from uuid import UUID

from fastapi import APIRouter, Response

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.deals.signals import reading
from services.deals.signals.schemas import DealSignalsOut, LiftOut, SignalDetailOut, SignalsOut

router = APIRouter(tags=["signals"])

COLUMNS = ("key", "name", "definition")
LIFT = ("is_on", "verdict", "lift", "low", "high", "chance", "deals_with", "deals_without", "landmarks")


@router.get("/signals")
async def read_signals(session: Reading, principal: CurrentPrincipal) -> SignalsOut:
    """What puts open deals at risk: each signal with its measured lift, whether it is on, and the money at risk."""
    return await reading.signals(session, principal=principal)


@router.get("/signals/all.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export_signals(session: Reading, principal: CurrentPrincipal) -> Response:
    """The same as CSV; money like `1000.00 EUR`, several joined by `; `."""
    found = await reading.signals(session, principal=principal)
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow((*COLUMNS, *LIFT, "raised", "at_risk"))
    for each in found.items:
        risk = "; ".join(f"{one.at_risk} {one.currency}" for one in each.at_risk)
        rows.writerow((*(getattr(each, name) for name in COLUMNS), *_lift(each.measured), each.raised, risk))
    headers = {"Content-Disposition": 'attachment; filename="signals.csv"'}
    return Response(written.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/signals/{key}")
async def read_signal(key: str, session: Reading, principal: CurrentPrincipal) -> SignalDetailOut:
    """One signal with what the last refits found, and the largest open deals in scope on which it stands."""
    return await reading.signal(session, key, principal=principal)


@router.get("/deals/{deal_id}/signals")
async def read_deal_signals(deal_id: UUID, session: Reading, principal: CurrentPrincipal) -> DealSignalsOut:
    """Why a deal is at risk."""
    return await reading.of_deal(session, deal_id, principal=principal)


def _lift(found: LiftOut | None) -> list[object]:
    return ["" if found is None or getattr(found, name) is None else getattr(found, name) for name in LIFT]
