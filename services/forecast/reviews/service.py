"""The rules of reviews: who sees them, when they are due, what one says, and that it is what was stored."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.messaging import outbox
from libs.common.web import etags
from libs.common.web.auth import Principal, require, sees_costs
from libs.common.web.errors import Conflict, Forbidden, Invalid, NotFound
from libs.common.web.idempotency import sent
from services.forecast.plans import service as plans
from services.forecast.readings.canonical import digest
from services.forecast.reviews import repository, weighing
from services.forecast.reviews.causes import Policy
from services.forecast.reviews.document import Bridge, Decision, Evidence, Option
from services.forecast.reviews.options import CannotChange
from services.forecast.reviews.schemas import (
    DecidedRow,
    DecisionsOut,
    LookOut,
    PolicyIn,
    PolicyOut,
    ReviewOut,
    ReviewRow,
    ReviewsOut,
    ScoreOut,
)

LISTED: Final = 200
DECISIONS: Final = 500
PEOPLE: Final = ("cso", "ceo", "manager", "sales_ops")
REVIEWED: Final = "bookings"
"""The measure that reviews weigh; the others of a plan stand beside it."""
"""Roles that open reviews and say what could be done."""


class ReviewNotFound(NotFound):
    """No such review, or none that the caller may see."""


class NoBridge(NotFound):
    """The evidence of a review has no bridge."""


class NothingInForce(Conflict):
    """No version of the plan is in force, so there is nothing to review."""


class CostsNotShown(Forbidden):
    """The stored text tells a margin, and the caller is shown no costs."""


class NotOfThisReview(Invalid):
    """Something that the review's evidence does not have."""


async def listed(session: AsyncSession, *, plan_id: UUID | None, only_open: bool, principal: Principal) -> ReviewsOut:
    """Reviews within scope, those that are open first."""
    rows = await repository.reviews(session, plan_id=plan_id, only_open=only_open, limit=LISTED, principal=principal)
    return ReviewsOut(items=[row_out(row) for row in rows])


def row_out(row: Mapping[str, Any]) -> ReviewRow:
    return ReviewRow.model_validate({name: row[name] for name in ReviewRow.model_fields})


async def find(session: AsyncSession, review_id: UUID, *, principal: Principal) -> dict[str, Any]:
    """A review within scope, with its texts. Raises ReviewNotFound."""
    row = await repository.review(session, review_id, principal=principal)
    if row is None:
        raise ReviewNotFound(f"There is no review {review_id} here, or you may not see it.")
    return row


async def read(session: AsyncSession, review_id: UUID, *, principal: Principal) -> ReviewOut:
    """A review from its own text: nothing else is read but options of drafts that are not decided. Raises ReviewNotFound."""
    row = await find(session, review_id, principal=principal)
    scores = await repository.scores(session, review_id)
    rows = await repository.options(session, review_id)
    decision = Decision.model_validate_json(row["document"]) if row["document"] else None
    why = broken(row)
    options = decision.options if decision else await options_of(session, row, rows, principal=principal)
    return ReviewOut(
        review=row_out(row),
        sequence=sequence_of(row, options, scores),
        is_whole=why is None,
        why_not_whole=why,
        evidence=shown(orjson.loads(row["evidence"]), principal=principal),
        options=options,
        decision=decision,
        decision_digest=row["decision_digest"],
        scores=[ScoreOut.model_validate({name: each[name] for name in ScoreOut.model_fields}) for each in scores],
    )


def shown(evidence: dict[str, Any], *, principal: Principal) -> dict[str, Any]:
    """Evidence without what it says of margin for who is shown no costs; its digest stays that of the stored text."""
    if sees_costs(principal):
        return evidence
    return evidence | {"beside": [each for each in evidence.get("beside", ()) if each["measure"] != "margin"]}


def sequence_of(row: Mapping[str, Any], options: Sequence[Option], scores: Any) -> int:
    """What grows with everything that is done with a review, and with every edit of a draft that is one of its options."""
    edits = sum(each.sequence or 0 for each in options)
    return len(options) + edits + len(scores) + (row["document"] is not None)


def broken(row: Mapping[str, Any]) -> str | None:
    """Which text of a review is not the one that was stored; None when all are."""
    if digest(row["evidence"]) != row["digest"]:
        return "The evidence is not what was stored: its digest is another."
    if row["document"] is None:
        return None
    if digest(row["document"]) != row["decision_digest"]:
        return "The decision is not what was stored: its digest is another."
    if orjson.loads(row["document"])["evidence_digest"] != row["digest"]:
        return "The decision was made on other evidence than is stored."
    return None


async def options_of(session: AsyncSession, row: Mapping[str, Any], rows: Any, *, principal: Principal) -> list[Option]:
    """Everything that could be done, side by side: the plan as it is first."""
    evidence = Evidence.model_validate_json(row["evidence"])
    found = [weighing.proceed(evidence)]
    for each in rows:
        try:
            found.append(await option_of(session, evidence, each, principal=principal))
        except CannotChange as error:  # pragma: no cover - checked before it was stored, of evidence that never changes
            raise NotOfThisReview(f"option: {error}.") from None
    return found


async def option_of(
    session: AsyncSession, evidence: Evidence, row: Mapping[str, Any], *, principal: Principal
) -> Option:
    """One option as it stands; a draft as it is now. Raises CannotChange, PlanNotFound."""
    if row["kind"] == "adjust":
        return weighing.adjusted(evidence, row)
    found = await plans.find(session, evidence.plan.plan_id, version=row["version"], principal=principal)
    content = await plans.content(session, found, REVIEWED, principal=principal)
    known, amounts = content.grid.known[:, 0], content.grid.amount[:, 0]
    targets: dict[UUID, Decimal | None] = {
        node.node_id: content.amount(int(amounts[place])) if known[place] else None
        for place, node in enumerate(content.tree.nodes)
    }
    return weighing.another(evidence, row, targets, found.version.sequence)


async def evidence_text(session: AsyncSession, review_id: UUID, *, principal: Principal) -> str:
    """The exact text whose sha256 is the review's digest. Raises ReviewNotFound, CostsNotShown."""
    text = str((await find(session, review_id, principal=principal))["evidence"])
    said = orjson.loads(text)
    if shown(said, principal=principal) != said:
        raise CostsNotShown("The evidence tells a margin, and you are shown no costs; read the review without it.")
    return text


async def bridge(session: AsyncSession, review_id: UUID, *, principal: Principal) -> Bridge:
    """Why the period differed, from the stored text. Raises ReviewNotFound, NoBridge."""
    row = await find(session, review_id, principal=principal)
    evidence = Evidence.model_validate_json(row["evidence"])
    if evidence.bridge is None:
        raise NoBridge(f"The review has no bridge. {evidence.why_no_bridge}")
    return evidence.bridge


async def decisions(
    session: AsyncSession, *, plan_id: UUID | None, at: datetime | None = None, principal: Principal
) -> DecisionsOut:
    """Decisions within scope as they stood at an instant, the newest first."""
    rows = await repository.decisions(session, plan_id=plan_id, at=at, limit=DECISIONS, principal=principal)
    return DecisionsOut(items=[_decided(row) for row in rows])


def _decided(row: Mapping[str, Any]) -> DecidedRow:
    said = Decision.model_validate_json(row["document"])
    expected = said.expected
    own = {name: row[name] for name in DecidedRow.model_fields if name in row}
    return DecidedRow(
        **own,
        option=said.option,
        rationale=said.rationale,
        measure=expected.measure,
        node=expected.label,
        low=expected.low,
        high=expected.high,
        evidence_digest=said.evidence_digest,
    )


async def policy(session: AsyncSession, plan_id: UUID, *, principal: Principal) -> PolicyOut:
    """When a plan within scope is reviewed. Raises PlanNotFound."""
    await plans.find(session, plan_id, principal=principal)
    row = await repository.policy(session, plan_id)
    seen = await repository.look(session, plan_id)
    if row is None:
        nothing: dict[str, Any] = dict.fromkeys(PolicyOut.model_fields)
        return PolicyOut(**(nothing | {"plan_id": plan_id, "sequence": 0, "on_broken": True, "looked": []}))
    return PolicyOut(
        **{name: row[name] for name in PolicyOut.model_fields if name != "looked"},
        looked=[LookOut.model_validate(each) for each in (seen["stood"] if seen else ())],
    )


async def set_policy(
    session: AsyncSession,
    plan_id: UUID,
    wanted: PolicyIn,
    *,
    if_match: str | None,
    idempotency_key: str | None,
    principal: Principal,
) -> PolicyOut:
    """Say when a plan is reviewed from now on; what was said before stays known and holds no longer.

    Raises MissingRole, PlanNotFound, NotYourPlan, MeasureNotPlanned, NotOfThisPlan, VersionHasMoved, IdempotencyKeyReused.
    """
    require(principal, *plans.EDITORS)
    await plans.alone(session, plan_id, principal=principal)
    found = await plans.find(session, plan_id, principal=principal)
    await plans.may_plan(session, found.row["unit_id"], principal=principal)
    request = sent("review-policy", f"{plan_id}:{wanted.model_dump_json()}", idempotency_key, principal=principal)
    known = await repository.policy(session, plan_id)
    if known is not None and known["policy_id"] == request.id and request.was_taken(known["request_digest"]):
        return await policy(session, plan_id, principal=principal)
    sequence = known["sequence"] if known else 0
    etags.check(if_match, sequence, noun=f"The review policy of {found.row['name']!r}")
    content = await plans.content(session, found, REVIEWED, principal=principal)
    for named in (wanted.chance, wanted.gap):
        if named is not None:
            plans.place_of(content, named.node_id)
    row = {
        "policy_id": request.id,
        "plan_id": plan_id,
        "sequence": sequence + 1,
        "day_of_month": wanted.day_of_month,
        "chance_node": wanted.chance.node_id if wanted.chance else None,
        "chance_below": wanted.chance.below if wanted.chance else None,
        "gap_node": wanted.gap.node_id if wanted.gap else None,
        "gap_above": wanted.gap.above if wanted.gap else None,
        "on_broken": wanted.on_broken,
        "made_by": principal.subject,
        "made_at": await outbox.stamp(session),
        "request_digest": request.digest,
    }
    await repository.append(session, "review_policy", row)
    return await policy(session, plan_id, principal=principal)


def policy_of(row: Mapping[str, Any]) -> Policy:
    """A stored policy as it is judged by."""
    return Policy(**{name: row[name] for name in Policy.__slots__})


def day_after(day: date, today: date, noun: str) -> None:
    """Raises NotOfThisReview unless a day is still to come."""
    if day <= today:
        raise NotOfThisReview(f"{noun}: {day} is over or today; name a day after {today}.")
