"""The pages on the pipeline: what is open of a period, by stage and close month, and what of it needs care."""

import asyncio
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.address import CallView, DatedView, MetricsView
from gateway.pages.calls.call import certainty
from gateway.pages.calls.receipts import receipt
from gateway.pages.names import names_of
from gateway.pages.templates import page
from gateway.pages.views import Cursor, Viewed
from gateway.proxy.client import services_of
from libs.common.web.api import Reading

router = APIRouter(include_in_schema=False)

LINES = {
    "open": "Open deals",
    "commit": "Commit",
    "most_likely": "Most likely",
    "best_case": "Best case",
    "pipeline": "Pipeline",
    "overdue": "Overdue",
    "unpriced": "Without an amount",
    "pushed": "Pushed again and again",
    "carried_over": "Carried over",
    "undated": "Undated",
    "held_back": "Held back",
}


@router.get("/pipeline")
async def pipeline(request: Request, principal: CurrentUser, view: Viewed) -> Response:
    """What is open now, or at a business date."""
    services = services_of(request)
    call, found = await asyncio.gather(
        services.get("forecast", "forecast/call", principal=principal, params=view.asked()),
        services.get("forecast", "forecast/pipeline", principal=principal, params=view.asked()),
    )
    shown = page(
        request,
        "pipeline/pipeline.html",
        view=view,
        call=call,
        tabs=tabs(view),
        found=found,
        certainty=certainty(found["lines"]),
        deals_href=lambda line, stage=None: _deals_href(view, line, stage),
        csv_href=f"/api/v1/forecast/pipeline?{urlencode(view.asked(format='csv'))}",
    )
    if "at" in request.query_params:
        shown.headers["hx-push-url"] = view.href("/pipeline")
    return shown


@router.get("/pipeline/deals")
async def pipeline_deals(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewed,
    line: Annotated[str, Query(max_length=20)] = "open",
    stage: Annotated[str | None, Query(max_length=200)] = None,
    only: Annotated[str, Query(max_length=20)] = "",
    cursor: Cursor = None,
) -> Response:
    """The deals behind a number of the pipeline, with its receipt; their sum is that number."""
    asked = view.asked(line=line, only=only, limit="100", cursor=cursor or "")
    if stage is not None:
        asked["stage"] = stage
    found = await services_of(request).get("forecast", "forecast/deals", principal=principal, params=asked)
    owners = {UUID(deal["owner_id"]) for deal in found["items"] if deal["owner_id"]}
    names = await names_of(session, owners, principal=principal)
    labels: Mapping[str, str] = {str(key): name for key, name in names.items()}
    here = _deals_href(view, line, stage, only)
    title = LINES.get(line, line)
    exported = {name: value for name, value in asked.items() if name not in ("limit", "cursor")} | {"format": "csv"}
    return page(
        request,
        "deals/deals.html",
        title=title if stage is None else f"{title} in {stage or 'no stage'}",
        back=(view.href("/pipeline"), "Pipeline"),
        here=here,
        next_href=f"{here}&cursor={found['next_cursor']}" if found["next_cursor"] else None,
        found=found,
        names=labels,
        csv_href=f"/api/v1/forecast/deals?{urlencode(exported)}",
        may_judge=False,
        **receipt(found, only, lambda name: _deals_href(view, line, stage, name)),
    )


def tabs(view: DatedView) -> Mapping[str, str]:
    """Where the pages on the pipeline are, each of the same deals."""
    same = {field.name: getattr(view, field.name) for field in fields(DatedView)}
    return {"open": CallView(**same).href("/pipeline"), "working": MetricsView(**same).href()}


def _deals_href(view: CallView, line: str, stage: str | None, only: str = "") -> str:
    """Where the deals behind a number are. A stage of "" asks for the deals without one."""
    return view.href(
        "/pipeline/deals", by="organisation", view="single", open=(), line=line, stage=stage, only=only or None
    )
