"""Opening a review: the evidence is read, given a digest and stored with who opened it and why."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.forecast import ReviewOpened
from libs.common.ids import new_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Invalid
from libs.common.web.idempotency import sent
from services.forecast.config import settings_of
from services.forecast.periods import service as periods
from services.forecast.plans import service as plans
from services.forecast.plans.service import Found
from services.forecast.readings.canonical import canonical, digest
from services.forecast.reviews import evidence, repository, service
from services.forecast.reviews.causes import Known, Trigger, is_new
from services.forecast.reviews.document import Evidence
from services.forecast.reviews.options import CannotChange
from services.forecast.reviews.schemas import OpenIn, OptionIn, ReviewOut


class ReviewIsOpen(Conflict):
    """A review for the same cause waits for its decision."""


class ReviewDecided(Conflict):
    """The review was decided; nothing is added to it any more."""


class BadOption(Invalid):
    """What could be done is not said so that it can be weighed."""


async def by_hand(
    session: AsyncSession,
    wanted: OpenIn,
    *,
    idempotency_key: str | None,
    principal: Principal,
) -> ReviewOut:
    """Open a review of the version in force, as it stands now.

    Raises MissingRole, PlanNotFound, NotYourPlan, NothingInForce, ReviewIsOpen, IdempotencyKeyReused, and what readings raise.
    """
    require(principal, *service.PEOPLE)
    await plans.alone(session, wanted.plan_id, principal=principal)
    found = await plans.find(session, wanted.plan_id, principal=principal)
    await plans.may_plan(session, found.row["unit_id"], principal=principal)
    request = sent("review", wanted.model_dump_json(), idempotency_key, principal=principal)
    known = await repository.review(session, request.id, principal=principal)
    if known is not None and request.was_taken(known["request_digest"]):
        return await service.read(session, request.id, principal=principal)
    held = in_force(found)
    if held is None:
        raise service.NothingInForce(
            f"No version of {found.row['name']!r} is in force; a review judges one. Put it in force first."
        )
    at = clock.now()
    trigger = Trigger("by_hand", wanted.plan_id, None, wanted.reason, at)
    if not await is_called_for(session, trigger, principal=principal):
        raise ReviewIsOpen(
            f"A review of {found.row['name']!r} that was opened by hand waits for its decision; decide that one first."
        )
    read = await evidence.compose(session, held, trigger, at=at)
    await store(session, held, trigger, read, review_id=request.id, request_digest=request.digest, principal=principal)
    return await service.read(session, request.id, principal=principal)


def in_force(found: Found) -> Found | None:
    """A plan with the version that holds now."""
    active = next((each for each in found.versions if each.state == "active"), None)
    return Found(found.row, found.versions, active) if active else None


async def is_called_for(
    session: AsyncSession,
    trigger: Trigger,
    *,
    principal: Principal,  # noqa: ARG001 - a cause is judged by all reviews of its plan, whoever asks
) -> bool:
    """Whether a trigger opens a review that is not there yet."""
    rows = await repository.known(session, trigger.plan_id)
    known = [Known(row.kind, row.subject_id, row.since, row.is_open, row.check_on) for row in rows]
    return is_new(trigger, known, periods.today_of(settings_of(session)))


async def store(
    session: AsyncSession,
    found: Found,
    trigger: Trigger,
    read: Evidence,
    *,
    review_id: UUID | None = None,
    request_digest: str = "",
    principal: Principal,
) -> UUID:
    """Write a review and say so. The caller alone writes of this plan until the transaction ends."""
    text = canonical(read.model_dump(mode="json"))
    at, identifier = await outbox.stamp(session), review_id or new_id()
    row: dict[str, Any] = {
        "review_id": identifier,
        "plan_id": trigger.plan_id,
        "plan_version": found.version.version,
        "unit_id": found.row["unit_id"],
        "kind": trigger.kind,
        "subject_id": trigger.subject_id,
        "cause": trigger.text,
        "since": trigger.since,
        "evidence": text,
        "digest": digest(text),
        "opened_by": principal.subject,
        "opened_at": at,
        "request_digest": request_digest,
    }
    await repository.append(session, "review", row)
    event = ReviewOpened(**{name: row[name] for name in ReviewOpened.model_fields})
    outbox.add(session, event, key=identifier, version=1, occurred_at=at, actor=principal.subject)
    return identifier


async def suggest(
    session: AsyncSession, review_id: UUID, wanted: OptionIn, *, idempotency_key: str | None, principal: Principal
) -> ReviewOut:
    """Put something that could be done beside the others.

    Raises MissingRole, ReviewNotFound, NotYourPlan, ReviewDecided, BadOption, PlanNotFound, IdempotencyKeyReused.
    """
    require(principal, *service.PEOPLE)
    row = await service.find(session, review_id, principal=principal)
    await plans.alone(session, row["plan_id"], principal=principal)
    row = await service.find(session, review_id, principal=principal)
    await plans.may_plan(session, row["unit_id"], principal=principal)
    request = sent("review-option", f"{review_id}:{wanted.model_dump_json()}", idempotency_key, principal=principal)
    before = await repository.option(session, request.id)
    if before is not None and request.was_taken(before["request_digest"]):
        return await service.read(session, review_id, principal=principal)
    if row["document"] is not None:
        raise ReviewDecided("The review was decided; open another one to weigh something else.")
    at = await outbox.stamp(session)
    option: dict[str, Any] = {
        "option_id": request.id,
        "review_id": review_id,
        "position": len(await repository.options(session, review_id)) + 1,
        "kind": wanted.kind,
        "name": wanted.name,
        "changes": [each.model_dump(mode="json") for each in wanted.changes],
        "version": wanted.version,
        "made_by": principal.subject,
        "made_at": at,
        "request_digest": request.digest,
    }
    await _check(session, row, wanted, option, principal=principal)
    await repository.append(session, "review_option", option)
    return await service.read(session, review_id, principal=principal)


async def _check(
    session: AsyncSession,
    row: Mapping[str, Any],
    wanted: OptionIn,
    option: Mapping[str, Any],
    *,
    principal: Principal,
) -> None:
    """Raises BadOption for what cannot be weighed."""
    if wanted.kind == "adjust" and (not wanted.changes or wanted.version is not None):
        raise BadOption("changes: an adjustment changes the target of at least one node, and names no version.")
    if wanted.kind == "new_plan":
        if wanted.version is None or wanted.changes:
            raise BadOption("version: a new plan names the version that is its draft, and no changes.")
        found = await plans.find(session, row["plan_id"], version=wanted.version, principal=principal)
        if found.version.state not in ("draft", "proposed", "approved"):
            raise BadOption(
                f"version: {plans.noun(found)} is {found.version.state}; name one that is not in force yet."
            )
    try:
        await service.option_of(session, Evidence.model_validate_json(row["evidence"]), option, principal=principal)
    except CannotChange as error:
        raise BadOption(f"changes: {error}.") from None
