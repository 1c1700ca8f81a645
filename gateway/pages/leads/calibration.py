"""The page on how right the chances of leads were: what was said against what came, beside newest-first, night by night."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.leads.chances import LABELS
from gateway.pages.projection import reliability
from gateway.pages.templates import page
from gateway.proxy.client import ServiceRefused, services_of

router = APIRouter(include_in_schema=False)

NIGHTS_SHOWN = 30


@router.get("/leads/calibration")
async def calibration(request: Request, principal: CurrentUser) -> Response:
    """How right the newest model was on leads it had not seen, and what scored leads on the nights before."""
    services = services_of(request)
    nights, current = await asyncio.gather(
        services.get("leads", "lead-models", principal=principal, params={"limit": str(NIGHTS_SHOWN)}),
        _current(request, principal),
    )
    return page(request, "leads/calibration.html", **calibration_shown(current, nights["items"]))


async def _current(request: Request, principal: CurrentUser) -> dict[str, Any] | None:
    """The newest model; None before the first night."""
    try:
        return await services_of(request).get("leads", "lead-models/current", principal=principal)
    except ServiceRefused as refused:
        if refused.status != 404:
            raise
        return None


def calibration_shown(model: dict[str, Any] | None, nights: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page shows of the newest model and of the fits, the newest first."""
    figures = model["figures"] if model else None
    drawn = reliability.reliability([_promise(each) for each in figures["bins"]]) if figures else None
    return {
        "model": model,
        "figures": figures,
        "drawn": drawn,
        "fewest": min((each["leads"] for each in figures["bins"]), default=0) if figures else 0,
        "most": max((each["leads"] for each in figures["bins"]), default=0) if figures else 0,
        "nights": nights,
        "labels": LABELS,
        "kinds": KINDS,
    }


KINDS = {
    "modified_after_close": "written after the outcome",
    "fill_by_outcome": "filled by outcome",
    "too_good": "tells the outcome alone",
}


def _promise(cut: dict[str, Any]) -> dict[str, Any]:
    return {
        "said": cut["said"],
        "came": {"share": cut["came"], "low": cut["low"], "high": cut["high"], "n": cut["leads"]},
    }
