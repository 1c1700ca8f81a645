"""Deciding a step: under the locks of deal, quotes and request, on exactly what was seen, by somebody who may."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.pricing import ApprovalDecided
from libs.common.ids import new_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require_person
from libs.common.web.errors import Conflict, Forbidden
from services.pricing.approvals import delegations, found, repository
from services.pricing.approvals.models import Answer, Decision, Request, Step
from services.pricing.approvals.service import RequestNotFound, read_request
from services.pricing.approvals.statements import conclude
from services.pricing.approvals.steps import Person, may_decide
from services.pricing.policies import service as policies
from services.pricing.policies.models import PolicyVersion
from services.pricing.quotes import service as quotes
from services.pricing.quotes.models import DealReference, Quote

MOST = 500


class StepDecided(Conflict):
    """Somebody else was faster, or the step's turn has not come."""


class QuoteChangedMeanwhile(Conflict):
    """What was seen is not what is asked now: the quote, the request or the policy changed in flight."""


class BudgetSpentMeanwhile(Conflict):
    """Another approval used what was left of the exception budget."""


class MayNotDecide(Forbidden):
    """The principal may not decide this step."""


async def decide(
    session: AsyncSession,
    request_id: UUID,
    number: int,
    *,
    verdict: Answer,
    seen: str,
    note: str,
    asks: Sequence[Mapping[str, Any]] = (),
    principal: Principal,
) -> Request:
    """Approve or reject one step; with the last approval the quote is approved, with a rejection it is rejected.

    `asks`: what the customer should do before the step is approved; kept with the rejection.

    `seen` is what `read_request` told. Raises NotAPerson, RequestNotFound, QuoteChangedMeanwhile, BudgetSpentMeanwhile,
    StepDecided, MayNotDecide.
    """
    require_person(principal, "Prices are approved")
    acting = await _as_whom(session, request_id, principal=principal)
    request, _ = await read_request(session, request_id, principal=acting[0])
    deal, of_deal = await quotes.lock(session, request.quote_id, principal=acting[0])
    request = await repository.lock_request(session, request_id)
    steps = (await repository.steps_of(session, [request_id]))[request_id]
    quote = of_deal[request.quote_id]
    held = await policies.in_force(session, principal=principal)
    step = _asked(request, quote, steps, number, seen, held)
    person = await _who(session, acting, request, step, steps, principal=principal)
    at = quotes.time_after(of_deal)
    decided = replace(
        step, state=verdict, decided_by=principal.subject, on_behalf_of=person.on_behalf_of, decided_at=at
    )
    after = [decided if each.number == number else each for each in steps]
    await _keep(
        session, request, decided, quote, deal, held, verdict=verdict, note=note, asks=asks, at=at, principal=principal
    )
    return await _go_on(session, request, quote, after, held, at=at, principal=principal)


async def my_requests(session: AsyncSession, *, principal: Principal) -> list[tuple[Request, list[Step], set[int]]]:
    """Requests with steps that the principal may decide now, for themselves or for somebody who delegated to them, oldest first."""
    found_for: dict[UUID, tuple[Request, list[Step], set[int]]] = {}
    for acting in (principal, *await delegations.deputised(session, principal=principal)):
        requests = await repository.open_requests(session, limit=MOST, principal=acting)
        steps = await repository.steps_of(session, [each.request_id for each in requests])
        above = await repository.above(session, [each.quote_id for each in requests], principal=acting)
        for request in requests:
            person = _person(acting, request, above, principal=principal)
            mine = {
                step.number
                for step in steps[request.request_id]
                if step.state == "asked" and _why_not(person, request, step, steps[request.request_id]) is None
            }
            if mine:
                known = found_for.get(request.request_id)
                numbers = mine | (known[2] if known else set())
                found_for[request.request_id] = (request, steps[request.request_id], numbers)
    return sorted(found_for.values(), key=lambda each: (each[0].submitted_at, each[0].request_id))


async def _as_whom(session: AsyncSession, request_id: UUID, *, principal: Principal) -> list[Principal]:
    """The principal and those who delegated to them, as far as the request lies within their scope. Raises RequestNotFound."""
    candidates = [principal, *await delegations.deputised(session, principal=principal)]
    acting = [
        each for each in candidates if await repository.find_request(session, request_id, principal=each) is not None
    ]
    if not acting:
        raise RequestNotFound(f"There is no request for approval {request_id} among those you may see.")
    return acting


def _asked(request: Request, quote: Quote, steps: list[Step], number: int, seen: str, held: PolicyVersion) -> Step:
    step = next((each for each in steps if each.number == number), None)
    if step is None:
        raise RequestNotFound(f"Request {request.request_id} has no step {number}.")
    if step.state in ("approved", "rejected"):
        raise StepDecided(f"Step {number} was {step.state} by {step.decided_by} meanwhile; nothing was changed.")
    is_current = (
        request.state == "open"
        and quote.status == "submitted"
        and (quote.revision, quote.content_hash) == (request.revision, request.content_hash)
    )
    if not is_current or seen != request.seen:
        raise QuoteChangedMeanwhile(
            f"Quote {quote.quote_id} is not what you saw any more (it is {quote.status}, revision {quote.revision}); "
            "nothing was decided, look again."
        )
    if held.version != request.policy_version:
        raise QuoteChangedMeanwhile(
            f"The policy changed after quote {quote.quote_id} was submitted; nothing was decided, it will be asked anew."
        )
    if step.state != "asked":
        raise StepDecided(f"Step {number} is {step.state}; the steps before it are not decided yet.")
    return step


async def _who(
    session: AsyncSession,
    acting: list[Principal],
    request: Request,
    step: Step,
    steps: list[Step],
    *,
    principal: Principal,
) -> Person:
    """For themselves if they may, else for the first who delegated to them and may. Raises MayNotDecide."""
    refusal = ""
    for each in acting:
        above = await repository.above(session, [request.quote_id], principal=each)
        person = _person(each, request, above, principal=principal)
        why_not = _why_not(person, request, step, steps)
        if why_not is None:
            return person
        refusal = refusal or why_not
    raise MayNotDecide(refusal)


def _person(acting: Principal, request: Request, above: set[UUID], *, principal: Principal) -> Person:
    behalf = None if acting.subject == principal.subject else acting.subject
    return Person(principal.subject, acting.roles, request.quote_id in above, behalf)


def _why_not(person: Person, request: Request, step: Step, steps: list[Step]) -> str | None:
    in_stage = {
        name
        for each in steps
        if each.stage == step.stage and each.number != step.number and each.state in ("approved", "carried")
        for name in (each.decided_by, each.on_behalf_of)
        if name is not None
    }
    return may_decide(
        person, step.authority, escalated=step.escalated_at is not None, authors=request.authors, in_stage=in_stage
    )


async def _keep(
    session: AsyncSession,
    request: Request,
    step: Step,
    quote: Quote,
    deal: DealReference,
    held: PolicyVersion,
    *,
    verdict: Answer,
    note: str,
    asks: Sequence[Mapping[str, Any]],
    at: datetime,
    principal: Principal,
) -> None:
    """The decision with what was seen, for ever."""
    _, lines = await quotes.read_quote(session, quote.quote_id, principal=Principal.system("pricing"))
    assessed = await found.assess(session, quote, lines, deal, held=held, reason=request.reason, principal=principal)
    shown = await found.consequence(session, quote, lines, deal, assessed, principal=principal)
    decision = Decision(
        decision_id=new_id(),
        request_id=request.request_id,
        number=step.number,
        quote_id=quote.quote_id,
        revision=quote.revision,
        authority=step.authority,
        verdict=verdict,
        seen=request.seen,
        policy_version=request.policy_version or 0,
        consequence=shown,
        note=note,
        asks=[dict(each) for each in asks],
        subject=principal.subject,
        on_behalf_of=step.on_behalf_of,
        decided_at=at,
    )
    await repository.add_decision(session, decision)
    outbox.add(
        session,
        ApprovalDecided(
            request_id=request.request_id,
            version=request.version + 1,
            quote_id=quote.quote_id,
            revision=quote.revision,
            authority=step.authority,
            verdict=verdict,
            seen=request.seen,
            policy_version=decision.policy_version,
            decided_at=at,
        ),
        key=request.request_id,
        version=request.version + 1,
        occurred_at=at,
        actor=principal.subject,
    )


async def _go_on(
    session: AsyncSession,
    request: Request,
    quote: Quote,
    steps: list[Step],
    held: PolicyVersion,
    *,
    at: datetime,
    principal: Principal,
) -> Request:
    """Ask the next stage, or end the request."""
    moved = replace(request, version=request.version + 1)
    if any(step.state == "rejected" for step in steps):
        left = [replace(step, state="cancelled") if step.state in ("asked", "waiting") else step for step in steps]
        await repository.write_steps(session, left)
        moved = replace(moved, state="rejected", closed_at=at)
        await quotes.move(session, quote, "rejected", at=at, principal=principal)
    elif any(step.state == "asked" for step in steps):
        await repository.write_steps(session, steps)
    elif waiting := [step for step in steps if step.state == "waiting"]:
        first = min(step.stage for step in waiting)
        due = at + timedelta(hours=held.policy.escalate_after_hours)
        await repository.write_steps(
            session,
            [
                replace(step, state="asked", asked_at=at, due_at=due)
                if step.state == "waiting" and step.stage == first
                else step
                for step in steps
            ],
        )
    else:
        await repository.write_steps(session, steps)
        await _require_budget(session, request, held)
        moved = replace(moved, state="approved", closed_at=at)
        await conclude(session, quote, moved, at=at, principal=principal)
    await repository.close_request(session, moved)
    return moved


async def _require_budget(session: AsyncSession, request: Request, held: PolicyVersion) -> None:
    """What was within the budget when it was asked must still be: of two that were asked at once only one may take the rest.

    Those who saw that it is over the budget have agreed to that. Raises BudgetSpentMeanwhile.
    """
    if held.is_starting or request.reason is None or not request.shortfall:
        return
    if any(each["measure"] == "over_budget" for each in request.findings):
        return
    await repository.lock_budgets(session)
    used = await repository.used(session, year=request.year, but=request.quote_id)
    left = held.policy.budget(request.year, request.reason, request.currency) - used.get(
        (request.reason, request.currency, "approved"), Decimal()
    )
    if request.shortfall > left:
        raise BudgetSpentMeanwhile(
            f"The exception budget for {request.reason.replace('_', ' ')} has {left} {request.currency} left, the quote needs "
            f"{request.shortfall}; revise or submit it anew, it then goes over the budget."
        )
