"""Approvals by HTTP: accepting and submitting a quote, deciding, delegating, budgets, the dry run of a policy."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal, sees_costs
from libs.common.web.etags import etag
from services.pricing.approvals import answering, delegations, found, rehearsal, service
from services.pricing.approvals.composing import finding_as_text
from services.pricing.approvals.schemas import (
    ApprovalsOut,
    BudgetOut,
    BudgetsOut,
    ConsequenceOut,
    DecisionIn,
    DecisionOut,
    DelegationIn,
    DelegationOut,
    DelegationsOut,
    DryRunIn,
    FindingOut,
    LoadOut,
    MyRequestOut,
    MyRequestsOut,
    PlannedOut,
    RequestOut,
    SubmitIn,
)
from services.pricing.config import business_day
from services.pricing.policies import service as policies
from services.pricing.policies.judging import Reason
from services.pricing.promises import service as promises
from services.pricing.promises.schemas import RecordOut
from services.pricing.quotes.schemas import QuoteOut

router = APIRouter(tags=["approvals"])

IfMatch = Annotated[str | None, Header(max_length=200)]


@router.post("/quotes/{quote_id}/submit", status_code=201)
async def submit(
    quote_id: UUID, wanted: SubmitIn, session: Transaction, principal: CurrentPrincipal, if_match: IfMatch = None
) -> RequestOut:
    """Ask for approval of what is offered now; what needs nobody's is approved at once."""
    request = await service.submit(
        session,
        quote_id,
        reason=wanted.reason,
        note=wanted.note,
        pairs=[each.pair() for each in wanted.pairs],
        if_match=if_match,
        principal=principal,
    )
    return RequestOut.of(*await service.read_request(session, request.request_id, principal=principal))


@router.post("/quotes/{quote_id}/accept")
async def accept_quote(
    quote_id: UUID,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> QuoteOut:
    """The customer agreed: the quote sets its deal's amount; one accepted before is withdrawn."""
    quote = await service.accept(session, quote_id, if_match=if_match, principal=principal)
    response.headers["ETag"] = etag(quote.version)
    return QuoteOut.model_validate(quote)


@router.get("/quotes/{quote_id}/approvals")
async def read_approvals(
    quote_id: UUID, session: Reading, principal: CurrentPrincipal, reason: Reason | None = None
) -> ApprovalsOut:
    """What the policy says of a quote, what follows from agreeing, what was asked and decided."""
    asked, decisions = await service.requests_of(session, quote_id, principal=principal)
    current = next((request for request, _ in asked if request.state == "open"), None)
    _, assessed, planned, shown = await service.preview(
        session, quote_id, reason=reason or (current.reason if current else None), principal=principal
    )
    shown = shown if sees_costs(principal) else found.without_costs(shown)
    mine = {
        number
        for request, _, numbers in await answering.my_requests(session, principal=principal)
        if request.quote_id == quote_id
        for number in numbers
    }
    told = [DecisionOut.of(each) for each in decisions]
    if not sees_costs(principal):
        told = [each.model_copy(update={"consequence": _uncosted(each.consequence)}) for each in told]
    return ApprovalsOut(
        policy_version=assessed.held.version,
        level=assessed.verdict.level,
        needs_reason=assessed.verdict.needs_reason,
        findings=[FindingOut.model_validate(finding_as_text(each)) for each in assessed.verdict.findings],
        planned=[PlannedOut.of(each) for each in planned],
        consequence=ConsequenceOut.model_validate(shown),
        requests=[RequestOut.of(*each) for each in asked],
        decisions=told,
        in_return=[RecordOut.of(*each) for each in await promises.records(session, principal=principal)],
        mine=sorted(mine),
    )


def _uncosted(shown: ConsequenceOut) -> ConsequenceOut:
    return shown.model_copy(update={"margin": None, "margin_share": None, "planned_margin": None})


@router.get("/approvals")
async def my_requests(session: Reading, principal: CurrentPrincipal) -> MyRequestsOut:
    """What waits for the caller's decision, oldest first."""
    rows = await answering.my_requests(session, principal=principal)
    about = await service.about(session, [request for request, _, _ in rows], principal=principal)
    return MyRequestsOut(
        items=[
            MyRequestOut(
                request=RequestOut.of(request, steps),
                deal_id=about[request.quote_id].deal_id,
                deal=about[request.quote_id].deal,
                net_amount=about[request.quote_id].net_amount,
                mine=sorted(numbers),
            )
            for request, steps, numbers in rows
        ]
    )


@router.get("/approvals/budgets")
async def read_budgets(
    session: Reading, principal: CurrentPrincipal, year: Annotated[int | None, Query(ge=2000, le=2200)] = None
) -> BudgetsOut:
    """The exception budgets of a year with what is used, asked and left."""
    held = await policies.in_force(session, principal=principal)
    rows = await found.budgets(session, held.policy, year=year or business_day(session).year, principal=principal)
    return BudgetsOut(items=[BudgetOut.of(row) for row in rows])


@router.post("/approvals/{request_id}/steps/{number}")
async def decide(
    request_id: UUID,
    number: Annotated[int, Path(ge=1, le=100)],
    wanted: DecisionIn,
    session: Transaction,
    principal: CurrentPrincipal,
) -> RequestOut:
    """Approve or reject a step on exactly what was seen."""
    request = await answering.decide(
        session,
        request_id,
        number,
        verdict=wanted.verdict,
        seen=wanted.seen,
        note=wanted.note,
        asks=[each.model_dump() for each in wanted.asks],
        principal=principal,
    )
    return RequestOut.of(request, await service.steps_of(session, request, principal=principal))


@router.post("/approval-delegations", status_code=201)
async def delegate(wanted: DelegationIn, session: Transaction, principal: CurrentPrincipal) -> DelegationOut:
    """Let somebody decide in the caller's place for a time, with the caller's roles and scope of now, as far as they keep them."""
    made = await delegations.delegate(
        session, wanted.to, starts_at=wanted.starts_at, ends_at=wanted.ends_at, note=wanted.note, principal=principal
    )
    return DelegationOut.of(made)


@router.get("/approval-delegations")
async def list_delegations(session: Reading, principal: CurrentPrincipal) -> DelegationsOut:
    """Delegations from and to the caller."""
    return DelegationsOut(items=[DelegationOut.of(row) for row in await delegations.of(session, principal=principal)])


@router.delete("/approval-delegations/{delegation_id}", status_code=204)
async def end_delegation(delegation_id: UUID, session: Transaction, principal: CurrentPrincipal) -> None:
    """Take a delegation back at once."""
    await delegations.end(session, delegation_id, principal=principal)


@router.post("/price-policies/dry-run")
async def dry_run(wanted: DryRunIn, session: Reading, principal: CurrentPrincipal) -> LoadOut:
    """How many approvals a policy would have asked in a past quarter; nothing is kept."""
    return _load(
        *await rehearsal.rehearse(session, wanted.document.policy(), quarter=wanted.quarter, principal=principal)
    )


@router.get("/price-policies/load")
async def expected_load(session: Reading, principal: CurrentPrincipal) -> LoadOut:
    """The same of the policy that holds."""
    held = await policies.in_force(session, principal=principal)
    return _load(*await rehearsal.rehearse(session, held.policy, principal=principal))


def _load(quarter: str, load: rehearsal.Load) -> LoadOut:
    return LoadOut(
        quarter=quarter,
        since=load.since,
        until=load.until,
        quotes=load.quotes,
        approvals=load.approvals,
        below_floor=load.below_floor,
        by_level={level: load.by_level[level] for level in range(4)},
        by_authority=dict(load.by_authority),
        by_measure=dict(load.by_measure),
        per_week={each: round(number / load.weeks, 2) for each, number in load.by_authority.items()},
    )
