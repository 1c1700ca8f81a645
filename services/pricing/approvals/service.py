"""The rules of asking: who submits a quote, which steps follow, and whether a quote may be accepted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Invalid, NotFound
from services.pricing.approvals import composing, found, repository, statements
from services.pricing.approvals.found import Assessed
from services.pricing.approvals.models import Decision, Request, Step
from services.pricing.approvals.steps import Pair, Planned, plan
from services.pricing.config import business_day
from services.pricing.guidance import service as guidance
from services.pricing.policies import service as policies
from services.pricing.policies.judging import Reason
from services.pricing.promises import service as promises
from services.pricing.promotions import granting
from services.pricing.quotes import known
from services.pricing.quotes import service as quotes
from services.pricing.quotes.models import DealReference, Quote

READERS = ("seller", "manager", "sales_ops", "finance", "cso", "ceo")


class RequestNotFound(NotFound):
    """No such request for approval within the principal's scope."""


class AlreadySubmitted(Conflict):
    """The quote waits for approval, or is past it."""


class ExceptionNeedsReason(Invalid):
    """A line is below its floor and no reason for an exception was named."""


class ApprovalNeeded(Conflict):
    """The policy asks somebody to agree before the quote can be accepted."""


async def submit(
    session: AsyncSession,
    quote_id: UUID,
    *,
    reason: Reason | None,
    note: str,
    pairs: Sequence[Pair] = (),
    if_match: str | None = None,
    principal: Principal,
) -> Request:
    """Ask for approval of a quote's newest revision, saying what the customer does for it. What needs nobody's is approved at once.

    Steps that were approved for an earlier revision, and whose inputs are no worse, are carried over. Raises QuoteNotFound,
    AlreadySubmitted, ExceptionNeedsReason, QuoteHasExpired, DealIsClosed, DealIsGone, PromotionBudgetSpent, VersionHasMoved.
    """
    require(principal, *quotes.WRITERS)
    deal, of_deal = await quotes.lock(session, quote_id, if_match=if_match, principal=principal)
    quote = of_deal[quote_id]
    if quote.status not in ("draft", "rejected", "submitted"):
        raise AlreadySubmitted(f"Quote {quote_id} is {quote.status}; revise it to ask again.")
    known.require_open(deal)
    quotes.require_valid(quote, business_day(session))
    await granting.recount(session, quote_id, quote.revision, principal=principal)
    at = quotes.time_after(of_deal)
    request = await ask(
        session,
        quote,
        deal,
        reason=reason,
        note=note,
        pairs=pairs,
        submitted_by=principal.subject,
        at=at,
        principal=principal,
    )
    await settle(session, quote, request, at=at, principal=principal)
    return request


async def settle(session: AsyncSession, quote: Quote, request: Request, *, at: datetime, principal: Principal) -> None:
    """Bring the quote where its request is."""
    if request.state == "approved":
        await statements.conclude(session, quote, request, at=at, principal=principal)
    elif quote.status != "submitted":
        await quotes.move(session, quote, "submitted", at=at, principal=principal)


async def ask(
    session: AsyncSession,
    quote: Quote,
    deal: DealReference,
    *,
    reason: Reason | None,
    note: str,
    pairs: Sequence[Pair] = (),
    submitted_by: str,
    at: datetime,
    principal: Principal,
) -> Request:
    """Open a request for a locked quote; one that is open for it already is superseded, unless it asks the same.

    Raises ExceptionNeedsReason, ExceptionRecorded, AlreadySubmitted.
    """
    await repository.lock_budgets(session)
    held = await policies.in_force(session, principal=principal)
    _, lines = await quotes.read_quote(session, quote.quote_id, principal=principal)
    assessed = await found.assess(session, quote, lines, deal, held=held, reason=reason, principal=principal)
    if assessed.verdict.needs_reason and reason is None:
        under = ", ".join(each.subject for each in assessed.verdict.findings if each.measure in _UNDER)
        raise ExceptionNeedsReason(
            f"Below the floor by {assessed.verdict.shortfall} {quote.currency} (line {under}); name the reason for an "
            "exception: new_logo, displacement or churn_defence.",
            shortfall=str(assessed.verdict.shortfall),
        )
    if reason is not None:
        guidance.require_reason(await guidance.exception_of(session, quote.quote_id, principal=principal), reason)
    earlier = await repository.requests_of(session, quote.quote_id)
    steps = await repository.steps_of(session, [each.request_id for each in earlier])
    revisions, _ = await quotes.history(session, quote.quote_id, principal=principal)
    authors = sorted({submitted_by, *(each.revised_by for each in revisions), *(a for r in earlier for a in r.authors)})
    planned, differences = plan(
        held.policy,
        assessed.verdict.level,
        assessed.verdict.findings,
        decided=composing.decided_before(earlier, steps),
        authors=authors,
        pairs=pairs,
    )
    request = composing.request_of(
        quote,
        held,
        assessed.verdict,
        differences,
        authors,
        reason,
        note,
        pairs,
        submitted_by,
        at,
        business_day(session).year,
    )
    if any(each.state == "open" and composing.asks_the_same(each, request) for each in earlier):
        raise AlreadySubmitted(
            f"Quote {quote.quote_id} waits for approval already; revise it to ask for something else."
        )
    made = composing.steps_of(request, planned, at, held.policy.escalate_after_hours)
    if all(step.state == "carried" for step in made):
        request = replace(request, state="approved", closed_at=at)
    await repository.supersede(session, quote.quote_id, at=at)
    await repository.add_request(session, request, made)
    return request


_UNDER = ("below_floor", "below_minimum")


async def accept(session: AsyncSession, quote_id: UUID, *, if_match: str | None = None, principal: Principal) -> Quote:
    """The customer agreed. Raises ApprovalNeeded where the policy wants somebody's agreement first, else as `accept_quote` does."""

    async def admit(held_open: AsyncSession, deal: DealReference, quote: Quote) -> None:
        await _admit(held_open, deal, quote, principal=principal)

    accepted = await quotes.accept_quote(session, quote_id, admit=admit, if_match=if_match, principal=principal)
    await _follow_up(session, accepted, principal=principal)
    return await statements.weigh(session, accepted, principal=principal)


async def _follow_up(session: AsyncSession, quote: Quote, *, principal: Principal) -> None:
    """What was agreed to in return for the price is what the customer promised by accepting it."""
    asked = await repository.requests_of(session, quote.quote_id)
    agreed = next((each for each in asked if each.state == "approved" and each.revision == quote.revision), None)
    if agreed is not None and agreed.pairs:
        await promises.open_parts(
            session,
            quote.quote_id,
            quote.revision,
            agreed.pairs,
            currency=quote.currency,
            at=quote.valid_from,
            principal=principal,
        )


async def _admit(session: AsyncSession, deal: DealReference, quote: Quote, *, principal: Principal) -> None:
    """What was approved is accepted as it was approved; what was not is accepted only where nobody need agree."""
    if quote.status == "approved":
        return
    if quote.status in ("submitted", "rejected"):
        raise ApprovalNeeded(f"Quote {quote.quote_id} is {quote.status}; it cannot be accepted before it is approved.")
    held = await policies.in_force(session, principal=principal)
    _, lines = await quotes.read_quote(session, quote.quote_id, principal=principal)
    assessed = await found.assess(session, quote, lines, deal, held=held, reason=None, principal=principal)
    if assessed.verdict.level > 0 or assessed.verdict.needs_reason:
        first = assessed.verdict.findings[0]
        raise ApprovalNeeded(
            f"Quote {quote.quote_id} needs approval of level {assessed.verdict.level} "
            f"({first.measure.replace('_', ' ')} of {first.subject}); submit it first.",
            level=assessed.verdict.level,
        )


async def preview(
    session: AsyncSession, quote_id: UUID, *, reason: Reason | None, principal: Principal
) -> tuple[Quote, Assessed, list[Planned[UUID]], dict[str, Any]]:
    """What asking now would mean: findings, steps and consequence; nothing is kept. Raises QuoteNotFound."""
    require(principal, *READERS)
    quote, lines = await quotes.read_quote(session, quote_id, principal=principal)
    deal = await known.read_deal(session, quote.deal_id, principal=principal)
    held = await policies.in_force(session, principal=principal)
    assessed = await found.assess(session, quote, lines, deal, held=held, reason=reason, principal=principal)
    earlier = await repository.requests_of(session, quote_id)
    steps = await repository.steps_of(session, [each.request_id for each in earlier])
    planned, _ = plan(
        held.policy,
        assessed.verdict.level,
        assessed.verdict.findings,
        decided=composing.decided_before(earlier, steps),
        authors=[each for request in earlier for each in request.authors],
        pairs=[composing.pair_of(each) for each in earlier[0].pairs] if earlier else (),
    )
    shown = await found.consequence(session, quote, lines, deal, assessed, principal=principal)
    return quote, assessed, planned, shown


async def read_request(session: AsyncSession, request_id: UUID, *, principal: Principal) -> tuple[Request, list[Step]]:
    """Raises RequestNotFound."""
    require(principal, *READERS)
    request = await repository.find_request(session, request_id, principal=principal)
    if request is None:
        raise RequestNotFound(f"There is no request for approval {request_id} among those you may see.")
    return request, (await repository.steps_of(session, [request_id]))[request_id]


async def requests_of(
    session: AsyncSession, quote_id: UUID, *, principal: Principal
) -> tuple[list[tuple[Request, list[Step]]], list[Decision]]:
    """All that was asked of a quote and decided, newest first. Raises QuoteNotFound."""
    require(principal, *READERS)
    await quotes.find(session, quote_id, principal=principal)
    rows = await repository.requests_of(session, quote_id)
    steps = await repository.steps_of(session, [row.request_id for row in rows])
    return [(row, steps[row.request_id]) for row in rows], await repository.decisions_of(session, quote_id)


async def steps_of(session: AsyncSession, request: Request, *, principal: Principal) -> list[Step]:
    """The steps of a request that the principal has just decided on, perhaps in the place of somebody who sees more."""
    require(principal, *READERS)
    return (await repository.steps_of(session, [request.request_id]))[request.request_id]


async def about(
    session: AsyncSession, requests: Sequence[Request], *, principal: Principal
) -> dict[UUID, repository.About]:
    """Deal and amount of requests that were found for the principal, perhaps in the place of somebody who sees more."""
    require(principal, *READERS)
    return await repository.about(session, [each.quote_id for each in requests])
