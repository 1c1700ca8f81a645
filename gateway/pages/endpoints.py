"""The pages' door: the start, the stream of nudges, and what other modules of the pages serve."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from gateway.auth.dependencies import CurrentUser
from gateway.pages import sign_in
from gateway.pages.accounts import accounts, brief, signals, whitespace
from gateway.pages.calls import attainment, calls
from gateway.pages.deals import buyer, closeplan, credit, deal, dealedits, partforms, worklist
from gateway.pages.intake import connections, deliveries
from gateway.pages.leads import calibration, campaigns, flow, lead, leads
from gateway.pages.movement import moved, movement, variance
from gateway.pages.nudges import nudges_of, stream
from gateway.pages.organisation import organisation
from gateway.pages.pipeline import focus, metrics, pipeline
from gateway.pages.plans import assuming, closing, planning, plans, reviewing, reviews, scorecard
from gateway.pages.pricing import draws, policy, prices, promises, promotions, quotes
from gateway.pages.projection import accuracy, months, projection, scenarios, setup, whatif
from libs.common.web.api import runtime_of

router = APIRouter(include_in_schema=False)
router.include_router(sign_in.router)
router.include_router(calls.router)
router.include_router(attainment.router)
router.include_router(deliveries.router)
router.include_router(connections.router)
router.include_router(movement.router)
router.include_router(variance.router)
router.include_router(pipeline.router)
router.include_router(projection.router)
router.include_router(months.router)
router.include_router(focus.router)
router.include_router(whatif.router)
router.include_router(scenarios.router)
router.include_router(setup.router)
router.include_router(moved.router)
router.include_router(accuracy.router)
router.include_router(metrics.router)
router.include_router(worklist.router)  # before the page of one deal: its paths are under /deals/ too
router.include_router(credit.router)
router.include_router(dealedits.router)
router.include_router(deal.router)
router.include_router(closeplan.router)
router.include_router(partforms.router)
router.include_router(buyer.router)
router.include_router(leads.router)
router.include_router(flow.router)
router.include_router(calibration.router)
router.include_router(lead.router)
router.include_router(campaigns.router)
router.include_router(whitespace.router)
router.include_router(brief.router)
router.include_router(accounts.router)
router.include_router(signals.router)
router.include_router(organisation.router)
router.include_router(prices.router)
router.include_router(plans.router)
router.include_router(planning.router)
router.include_router(assuming.router)
router.include_router(reviews.router)
router.include_router(reviewing.router)
router.include_router(policy.router)
router.include_router(promotions.router)
router.include_router(promises.router)
router.include_router(draws.router)
router.include_router(quotes.router)
router.include_router(scorecard.router)
router.include_router(closing.router)


@router.get("/")
async def start(_: CurrentUser) -> Response:
    return RedirectResponse("/call", status_code=303)


@router.get("/events")
async def events(request: Request, _: CurrentUser) -> Response:
    """A stream of nudges (server-sent events): `moved`, `paused`, `beat`. It carries no number."""
    nudges = nudges_of(runtime_of(request))

    async def messages() -> AsyncIterator[str]:
        async for name in stream(nudges):
            yield f"event: {name}\ndata: {name}\n\n"

    return StreamingResponse(messages(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})
