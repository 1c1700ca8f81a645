"""The pages' door: the call and its deals, the stream of nudges, and what other modules of the pages serve."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from gateway.auth.dependencies import CurrentUser
from gateway.pages import call as call_page
from gateway.pages import connections, deal, deliveries, movement, pipeline, sign_in
from gateway.pages.address import CallView
from gateway.pages.format import words
from gateway.pages.names import names_of
from gateway.pages.nudges import nudges_of, stream
from gateway.pages.templates import page
from gateway.pages.views import Cursor, Viewed
from gateway.proxy.client import services_of
from libs.common.web.api import Reading, runtime_of

router = APIRouter(include_in_schema=False)
router.include_router(sign_in.router)
router.include_router(deliveries.router)
router.include_router(connections.router)
router.include_router(movement.router)
router.include_router(pipeline.router)
router.include_router(deal.router)


@router.get("/")
async def start(_: CurrentUser) -> Response:
    return RedirectResponse("/call", status_code=303)


@router.get("/call")
async def call(request: Request, session: Reading, principal: CurrentUser, view: Viewed) -> Response:
    """This period by line, month, unit and dimension."""
    found = await call_page.read(services_of(request), view, principal=principal)
    names = await names_of(session, found.owner_ids(), principal=principal)
    shown = page(
        request,
        "call.html",
        view=view,
        call=found.call,
        rows=call_page.rows(found, view, names),
        totals=found.rollup["totals"] if found.rollup else found.call["tree"]["node"],
        certainty=call_page.certainty(found.call["lines"]),
        csv_href=_csv_href(view),
    )
    if "at" in request.query_params:
        shown.headers["hx-push-url"] = view.href()
    return shown


@router.get("/call/deals")
async def call_deals(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewed,
    line: Annotated[str, Query(max_length=20)] = "",
    cursor: Cursor = None,
) -> Response:
    """The deals behind a number of the call; their sum is that number."""
    asked = view.asked(line=line, limit="100", cursor=cursor or "")
    found = await services_of(request).get("forecast", "forecast/deals", principal=principal, params=asked)
    owners = (deal["owner_id"] for deal in found["items"])
    names = await names_of(session, _ids(owners), principal=principal)
    labels: Mapping[str, str] = {str(key): name for key, name in names.items()}
    start = view.href("/call/deals")
    here = f"{start}{'&' if '?' in start else '?'}{urlencode({'line': line})}"
    return page(
        request,
        "deals.html",
        title=words(line) or "All deals",
        back=(view.href(), f"Call {found['period']['label']}"),
        here=here,
        next_href=f"{here}&cursor={found['next_cursor']}" if found["next_cursor"] else None,
        found=found,
        names=labels,
        csv_href=_deals_csv(view, line),
    )


@router.get("/events")
async def events(request: Request, _: CurrentUser) -> Response:
    """A stream of nudges (server-sent events): `moved`, `paused`, `beat`. It carries no number."""
    nudges = nudges_of(runtime_of(request))

    async def messages() -> AsyncIterator[str]:
        async for name in stream(nudges):
            yield f"event: {name}\ndata: {name}\n\n"

    return StreamingResponse(messages(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})


def _ids(texts: Iterable[str | None]) -> set[UUID]:
    return {UUID(text) for text in texts if text}


def _csv_href(view: CallView) -> str:
    by = "unit" if view.by == "organisation" else view.by
    return f"/api/v1/forecast/rollup?{urlencode(view.asked(by=by, format='csv'))}"


def _deals_csv(view: CallView, line: str) -> str:
    return f"/api/v1/forecast/deals?{urlencode(view.asked(line=line, format='csv'))}"
