"""Deciding a review: what is done, why, who answers for it, and what is expected of it by when."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.forecast import ReviewDecided as Decided
from libs.common.messaging import outbox
from libs.common.web import etags
from libs.common.web.auth import Principal, require_person
from libs.common.web.errors import Conflict
from libs.common.web.idempotency import Sent, sent
from services.forecast.config import settings_of
from services.forecast.periods import service as periods
from services.forecast.plans import approving, editing
from services.forecast.plans import service as plans
from services.forecast.plans.approving import NotSeen
from services.forecast.plans.changes import Change
from services.forecast.readings.canonical import canonical, digest
from services.forecast.reviews import drafts, repository, service, weighing
from services.forecast.reviews.document import DECIDED, Decision, Evidence, Expected, Option
from services.forecast.reviews.opening import ReviewDecided, in_force
from services.forecast.reviews.schemas import DecisionIn, ExpectedIn, ReviewOut
from services.forecast.reviews.service import NotOfThisReview

SHARES: Final = frozenset({"chance"})
PLANNED: Final = frozenset({"pipeline_created", "new_customers"})


class EvidenceIsBroken(Conflict):
    """The stored evidence is not what was shown; nothing is decided on it."""


class PlanHasMoved(Conflict):
    """The version that was reviewed is no longer in force."""


async def decide(
    session: AsyncSession,
    review_id: UUID,
    wanted: DecisionIn,
    *,
    if_match: str | None,
    idempotency_key: str | None,
    principal: Principal,
) -> ReviewOut:
    """Write down for ever what is done. Who may approve versions of the plan decides; an adjustment begins a draft in their name,

    which somebody else has to approve. Raises ReviewNotFound, MissingRole, NotAPerson, NotYourPlan, NotSeen, VersionHasMoved, ReviewDecided,
    EvidenceIsBroken, PlanHasMoved, NotOfThisReview, WrongState, IdempotencyKeyReused.
    """
    row = await service.find(session, review_id, principal=principal)
    await plans.alone(session, row["plan_id"], principal=principal)
    row = await service.find(session, review_id, principal=principal)
    found = await plans.find(session, row["plan_id"], version=row["plan_version"], principal=principal)
    approving.may_approve(found, principal)
    require_person(principal, "Reviews are decided")
    request = sent("review-decision", f"{review_id}:{wanted.model_dump_json()}", idempotency_key, principal=principal)
    if row["document"] is not None:
        if idempotency_key and row["decided_by"] == principal.subject and row["decision_request"] == request.digest:
            return await service.read(session, review_id, principal=principal)
        raise ReviewDecided(f"{row['decided_by']} decided this review; open another one to decide anew.")
    rows = await repository.options(session, review_id)
    if if_match is None or if_match.strip() == "*":
        raise NotSeen("If-Match: say which state of the review you have seen, by the ETag that it was read with.")
    if (why := service.broken(row)) is not None:
        raise EvidenceIsBroken(why)
    options = await service.options_of(session, row, rows, principal=principal)
    etags.check(if_match, service.sequence_of(row, options, ()), noun="The review")
    evidence = Evidence.model_validate_json(row["evidence"])
    expected = _expected(evidence, found, wanted.expected)
    service.day_after(wanted.check_on, periods.today_of(settings_of(session)), "check_on")
    chosen = _chosen(options, wanted)
    draft = None
    if chosen.kind == "adjust":
        draft = await _begin(session, evidence, chosen, request, principal=principal)
    decision = Decision(
        format=DECIDED,
        review_id=review_id,
        plan_id=row["plan_id"],
        evidence_digest=row["digest"],
        choice=chosen.kind,
        option_id=chosen.option_id,
        option=chosen.name,
        rationale=wanted.rationale,
        owner=wanted.owner,
        check_on=wanted.check_on,
        expected=expected,
        options=options,
        draft_version=chosen.version if chosen.kind == "new_plan" else draft,
        decided_by=principal.subject,
        decided_at=await outbox.stamp(session),
    )
    await _store(session, row, decision, request)
    return await service.read(session, review_id, principal=principal)


def _expected(evidence: Evidence, found: plans.Found, wanted: ExpectedIn) -> Expected:
    """What is expected, checked against what can be read at the check date. Raises NotOfThisReview."""
    node = next((each for each in evidence.nodes if each.node_id == wanted.node_id), None)
    if node is None:
        raise NotOfThisReview(f"expected.node_id: the evidence has no node {wanted.node_id}.")
    low, high = wanted.low, wanted.high
    if low is None and high is None:
        raise NotOfThisReview("expected: give what is expected at least (low), at most (high), or both.")
    if low is not None and high is not None and low > high:
        raise NotOfThisReview(f"expected: low {low} is above high {high}.")
    if wanted.measure in SHARES and any(each is not None and not 0 <= each <= 1 for each in (low, high)):
        raise NotOfThisReview("expected: a chance lies between 0 and 1, such as 0.6.")
    if wanted.measure in PLANNED and wanted.measure not in found.row["measures"]:
        raise NotOfThisReview(f"expected.measure: the plan says nothing of {wanted.measure}.")
    return Expected(measure=wanted.measure, node_id=node.node_id, label=node.label, low=low, high=high)


def _chosen(options: list[Option], wanted: DecisionIn) -> Option:
    """The option that is chosen. Raises NotOfThisReview."""
    chosen = next((each for each in options if each.option_id == wanted.option_id), None)
    if chosen is None or chosen.kind != wanted.choice:
        kinds = {"proceed": "names no option", "adjust": "names one that changes targets", "new_plan": "names a draft"}
        raise NotOfThisReview(f"option_id: {wanted.choice} {kinds[wanted.choice]} of this review.")
    return chosen


async def _begin(
    session: AsyncSession, evidence: Evidence, chosen: Option, request: Sent, *, principal: Principal
) -> int:
    """A draft of the plan with the targets of an option, by whoever decides. Raises PlanHasMoved, WrongState."""
    plan = evidence.plan
    held = in_force(await plans.find(session, plan.plan_id, principal=principal))
    if held is None or held.version.version != plan.version:
        now = f"version {held.version.version}" if held else "none"
        raise PlanHasMoved(
            f"Version {plan.version} of {plan.name!r} was reviewed and {now} is in force now; open a review of that."
        )
    begun = await plans.begin(
        session, plan.plan_id, since=plan.version, idempotency_key=str(request.id), principal=principal
    )
    content = await plans.content(session, begun, "bookings", principal=principal)
    after = weighing.applied(evidence, chosen.changes)
    change = Change(cells=drafts.cells(content, after.said))
    made = await editing.take(
        session, begun, change, what=f"as decided in a review: {chosen.name}", principal=principal
    )
    return made.version.version


async def _store(session: AsyncSession, row: Mapping[str, Any], decision: Decision, request: Sent) -> None:
    text = canonical(decision.model_dump(mode="json"))
    at: datetime = decision.decided_at
    stored = {
        "review_id": decision.review_id,
        "choice": decision.choice,
        "owner": decision.owner,
        "check_on": decision.check_on,
        "document": text,
        "digest": digest(text),
        "decided_by": decision.decided_by,
        "decided_at": at,
        "request_digest": request.digest,
    }
    await repository.append(session, "review_decision", stored)
    expected = decision.expected
    event = Decided(
        review_id=decision.review_id,
        plan_id=decision.plan_id,
        plan_version=row["plan_version"],
        unit_id=row["unit_id"],
        evidence_digest=decision.evidence_digest,
        digest=str(stored["digest"]),
        choice=decision.choice,
        draft_version=decision.draft_version,
        owner=decision.owner,
        check_on=decision.check_on,
        measure=expected.measure,
        node_id=expected.node_id,
        low=expected.low,
        high=expected.high,
        decided_by=decision.decided_by,
        decided_at=at,
    )
    outbox.add(session, event, key=decision.review_id, version=2, occurred_at=at, actor=decision.decided_by)
