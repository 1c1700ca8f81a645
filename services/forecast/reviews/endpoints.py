"""Reviews by HTTP: opened, weighed, decided, scored and read."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.etags import etag
from libs.common.web.idempotency import IdempotencyKey
from services.forecast.readings.endpoints import Exported
from services.forecast.readings.export import answer
from services.forecast.reviews import deciding, opening, service, watching
from services.forecast.reviews.document import Bridge, PricedBridge, SourcedBridge
from services.forecast.reviews.export import bridge_table, decisions_table
from services.forecast.reviews.schemas import (
    DecisionIn,
    DecisionsOut,
    OpenIn,
    OptionIn,
    PolicyIn,
    PolicyOut,
    ReviewOut,
    ReviewsOut,
)

router = APIRouter(prefix="/reviews", tags=["reviews"])

IfMatch = Annotated[str | None, Header(max_length=200)]
OfPlan = Annotated[UUID | None, Query(description="of one plan; without it all within scope")]


def _told(found: ReviewOut, response: Response) -> ReviewOut:
    response.headers["ETag"] = etag(found.sequence)
    return found


@router.get("")
async def list_reviews(
    session: Reading,
    principal: CurrentPrincipal,
    plan_id: OfPlan = None,
    only_open: Annotated[bool, Query(description="those that wait for a decision")] = False,
) -> ReviewsOut:
    """Reviews of plans of units within scope, at most 200: those that are open first, then the newest."""
    return await service.listed(session, plan_id=plan_id, only_open=only_open, principal=principal)


@router.post("", status_code=201)
async def open_review(
    wanted: OpenIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> ReviewOut:
    """Open a review of the version in force by hand; its evidence is frozen now."""
    found = await opening.by_hand(session, wanted, idempotency_key=idempotency_key, principal=principal)
    response.headers["Location"] = f"reviews/{found.review.review_id}"
    return _told(found, response)


@router.get("/decisions", response_model=DecisionsOut)
async def list_decisions(
    session: Reading, principal: CurrentPrincipal, form: Exported, plan_id: OfPlan = None
) -> DecisionsOut | Response:
    """Decisions with what was expected and how they turned out: JSON, or a file."""
    found = await service.decisions(session, plan_id=plan_id, principal=principal)
    return answer(decisions_table(found), form) if form else found


@router.get("/policies/{plan_id}")
async def read_policy(plan_id: UUID, session: Reading, principal: CurrentPrincipal, response: Response) -> PolicyOut:
    """When a plan is reviewed, and what the newest lock showed."""
    found = await service.policy(session, plan_id, principal=principal)
    response.headers["ETag"] = etag(found.sequence)
    return found


@router.post("/policies/{plan_id}", status_code=201)
async def set_policy(
    plan_id: UUID,
    wanted: PolicyIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> PolicyOut:
    """Say when a plan is reviewed from now on. It takes the place of what was said before, which stays known."""
    found = await service.set_policy(
        session, plan_id, wanted, if_match=if_match, idempotency_key=idempotency_key, principal=principal
    )
    response.headers["ETag"] = etag(found.sequence)
    return found


@router.get("/{review_id}")
async def read_review(review_id: UUID, session: Reading, principal: CurrentPrincipal, response: Response) -> ReviewOut:
    """A review: its frozen evidence, options side by side, the decision and how it turned out. The ETag is what a decision names."""
    return _told(await service.read(session, review_id, principal=principal), response)


@router.get("/{review_id}/evidence", response_class=Response, responses={200: {"content": {"application/json": {}}}})
async def read_evidence(review_id: UUID, session: Reading, principal: CurrentPrincipal) -> Response:
    """The evidence as it was stored, to the byte: anybody can work its digest out again."""
    text = await service.evidence_text(session, review_id, principal=principal)
    return Response(text, media_type="application/json")


@router.get("/{review_id}/bridge", response_model=PricedBridge | SourcedBridge | Bridge)
async def read_bridge(
    review_id: UUID, session: Reading, principal: CurrentPrincipal, form: Exported
) -> Bridge | Response:
    """Why the period differed as it was frozen, and whose each driver was: JSON, or a file."""
    found = await service.bridge(session, review_id, principal=principal)
    return answer(bridge_table(review_id, found), form) if form else found


@router.post("/{review_id}/options", status_code=201)
async def suggest_option(
    review_id: UUID,
    wanted: OptionIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> ReviewOut:
    """Put something that could be done beside the others: changed targets, or a draft of the plan."""
    found = await opening.suggest(session, review_id, wanted, idempotency_key=idempotency_key, principal=principal)
    return _told(found, response)


@router.post("/{review_id}/decision", status_code=201)
async def decide_review(
    review_id: UUID,
    wanted: DecisionIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> ReviewOut:
    """Decide what was read, in one's own name and for ever. Whoever may approve the plan's versions decides."""
    found = await deciding.decide(
        session, review_id, wanted, if_match=if_match, idempotency_key=idempotency_key, principal=principal
    )
    return _told(found, response)


@router.post("/{review_id}/scores", status_code=201)
async def score_review(
    review_id: UUID, session: Transaction, principal: CurrentPrincipal, response: Response
) -> ReviewOut:
    """Score a decision again by what is known now of its check date; earlier scores stay."""
    return _told(await watching.score_again(session, review_id, principal=principal), response)
