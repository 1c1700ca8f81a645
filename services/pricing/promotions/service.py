"""The life of a promotion: planned, decided on by somebody else, running in its window, ended. Every step is kept."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.pricing import PromotionChanged
from libs.common.messaging import outbox
from libs.common.web import etags
from libs.common.web.auth import Principal, require, require_person
from libs.common.web.errors import Conflict, Forbidden, Invalid, NotFound
from libs.common.web.idempotency import sent
from services.pricing.catalogue import service as catalogue
from services.pricing.config import business_day
from services.pricing.promotions import repository
from services.pricing.promotions.mechanism import beyond
from services.pricing.promotions.models import Entry, Plan, Promotion, State, Taken, Used, Verdict

READERS = ("seller", "manager", "sales_ops", "finance", "cso", "ceo")
PLANNERS = ("manager", "sales_ops", "cso")
APPROVERS = ("finance", "cso", "ceo")
"""Whoever planned a promotion does not decide on it, whatever their role."""


class PromotionNotFound(NotFound):
    """No such promotion."""


class UnfitPromotion(Invalid):
    """A plan that begins in the past, or names a product that there is not."""


class PromotionNotPlanned(Conflict):
    """It is decided on already, so its plan stays as it is."""


class PromotionChangedMeanwhile(Conflict):
    """The plan is another than the one that was read."""


class PromotionIsOver(Conflict):
    """It was refused or has ended."""


class OwnPromotion(Forbidden):
    """Whoever planned a promotion decides nothing on it."""


async def plan(
    session: AsyncSession, wanted: Plan, *, idempotency_key: str | None, principal: Principal
) -> tuple[Promotion, Used]:
    """Plan a promotion; with a key, a repetition returns it as it now stands. Raises UnfitPromotion, IdempotencyKeyReused."""
    require(principal, *PLANNERS)
    body = orjson.dumps(asdict(wanted), default=str, option=orjson.OPT_SORT_KEYS).decode()
    request = sent("promotion", body, idempotency_key, principal=principal)
    known = (await repository.lock(session, [request.id])).get(request.id)
    if known is not None and request.was_taken(known.request_digest):
        return await read(session, known.promotion_id, principal=principal)
    await _require_fit(session, wanted, principal=principal)
    row = Promotion(
        request.id, 1, "planned", wanted, (principal.subject,), None, None, clock.now(), request.digest
    )  # fmt: skip
    return await _keep(session, row, "", principal=principal), Used()


async def replan(
    session: AsyncSession, promotion_id: UUID, wanted: Plan, *, if_match: str | None, principal: Principal
) -> tuple[Promotion, Used]:
    """Plan something else as long as nobody has decided; a refused plan is planned anew by this.

    Raises PromotionNotFound, PromotionNotPlanned, UnfitPromotion, VersionHasMoved.
    """
    require(principal, *PLANNERS)
    row = await _lock(session, promotion_id)
    etags.check(if_match, row.version, noun=f"Promotion {promotion_id}")
    if row.state not in ("planned", "refused"):
        raise PromotionNotPlanned(f"Promotion {row.plan.name} is {row.state} and stays as it is; plan another one.")
    await _require_fit(session, wanted, principal=principal)
    authors = tuple(sorted({*row.authors, principal.subject}))
    changed = replace(row, state="planned", plan=wanted, authors=authors, decided_by=None)
    return await _step(session, changed, "", principal=principal), Used()


async def decide(
    session: AsyncSession, promotion_id: UUID, *, verdict: Verdict, version: int, note: str, principal: Principal
) -> tuple[Promotion, Used]:
    """Approve or refuse exactly the version that was read; it runs from its first day.

    Raises NotAPerson, PromotionNotFound, PromotionNotPlanned, PromotionChangedMeanwhile, OwnPromotion, UnfitPromotion.
    """
    require(principal, *APPROVERS)
    require_person(principal, "Promotions are decided")
    row = await _lock(session, promotion_id)
    if row.state != "planned":
        raise PromotionNotPlanned(f"Promotion {row.plan.name} is {row.state} already; nothing was changed.")
    if principal.subject in row.authors:
        raise OwnPromotion("Nobody decides on a promotion that they planned; somebody else must.")
    if version != row.version:
        raise PromotionChangedMeanwhile(
            f"Promotion {row.plan.name} is at version {row.version}, you saw {version}; nothing was decided, look again."
        )
    today = business_day(session)
    if verdict == "approved" and row.plan.starts_on < today:
        raise UnfitPromotion(f"It was to begin on {row.plan.starts_on}, which has passed; plan it with new dates.")
    decided = replace(row, state=verdict, decided_by=principal.subject)
    decided = await _step(session, decided, note, principal=principal)
    if verdict == "approved" and row.plan.starts_on == today:
        decided = await _step(session, replace(decided, state="running"), "its first day", principal=principal)
    return decided, Used()


async def end(
    session: AsyncSession, promotion_id: UUID, *, note: str, if_match: str | None, principal: Principal
) -> tuple[Promotion, Used]:
    """End it before its time; today is the last day it was there. Offers that were made stand, and are counted.

    Raises PromotionNotFound, PromotionIsOver, VersionHasMoved.
    """
    require(principal, *PLANNERS, *APPROVERS)
    row = await _lock(session, promotion_id)
    etags.check(if_match, row.version, noun=f"Promotion {promotion_id}")
    if row.state in ("refused", "ended"):
        raise PromotionIsOver(f"Promotion {row.plan.name} is {row.state} already.")
    ended = replace(row, state="ended", ended_on=business_day(session))
    await _step(session, ended, note, principal=principal)
    return await read(session, promotion_id, principal=principal)


async def turn(session: AsyncSession, promotion_id: UUID, *, today: date, principal: Principal) -> bool:
    """Bring a promotion where the calendar is: running from its first day, ended after its last. Whether it moved."""
    row = (await repository.lock(session, [promotion_id])).get(promotion_id)
    if row is None or row.state not in ("approved", "running"):
        return False
    if row.plan.ends_on < today:
        ended = replace(row, state="ended", ended_on=row.plan.ends_on)
        await _step(session, ended, "its last day has passed", principal=principal)
        return True
    if row.state == "approved" and row.plan.starts_on <= today:
        await _step(session, replace(row, state="running"), "its first day", principal=principal)
        return True
    return False


async def read(session: AsyncSession, promotion_id: UUID, *, principal: Principal) -> tuple[Promotion, Used]:
    """A promotion with what is used of its budget; promotions are the company's. Raises PromotionNotFound."""
    require(principal, *READERS)
    row = await repository.find(session, promotion_id)
    if row is None:
        raise _unknown(promotion_id)
    return row, (await repository.used(session, [promotion_id]))[promotion_id]


async def listed(
    session: AsyncSession, *, state: State | None, limit: int, principal: Principal
) -> list[tuple[Promotion, Used]]:
    """Promotions with what is used of their budgets, the newest window first."""
    require(principal, *READERS)
    rows = await repository.listed(session, state=state, limit=limit)
    used = await repository.used(session, [row.promotion_id for row in rows])
    return [(row, used[row.promotion_id]) for row in rows]


async def history(session: AsyncSession, promotion_id: UUID, *, principal: Principal) -> Sequence[Entry]:
    """Every version of a promotion, newest first. Raises PromotionNotFound."""
    await read(session, promotion_id, principal=principal)
    return await repository.history(session, promotion_id)


async def taken(session: AsyncSession, promotion_id: UUID, *, principal: Principal) -> tuple[list[Taken], int]:
    """Quotes within the principal's scope that take it, and how many there are outside. Raises PromotionNotFound."""
    row, _ = await read(session, promotion_id, principal=principal)
    standing = await repository.standing(session, [promotion_id])
    over = beyond(row.plan.budget, standing[promotion_id])
    return await repository.taken(session, promotion_id, over=over, principal=principal)


async def _require_fit(session: AsyncSession, wanted: Plan, *, principal: Principal) -> None:
    today = business_day(session)
    if wanted.starts_on < today:
        raise UnfitPromotion(f"starts_on: {wanted.starts_on} has passed; today is {today}.")
    known = await catalogue.find_products(session, wanted.products, principal=principal)
    for each in wanted.products:
        if each not in known:
            raise UnfitPromotion(f"products: there is no product {each}; choose some of the catalogue.")


async def _lock(session: AsyncSession, promotion_id: UUID) -> Promotion:
    row = (await repository.lock(session, [promotion_id])).get(promotion_id)
    if row is None:
        raise _unknown(promotion_id)
    return row


def _unknown(promotion_id: UUID) -> PromotionNotFound:
    return PromotionNotFound(f"There is no promotion {promotion_id}.")


async def _step(session: AsyncSession, row: Promotion, note: str, *, principal: Principal) -> Promotion:
    return await _keep(
        session, replace(row, version=row.version + 1, changed_at=clock.now()), note, principal=principal
    )


async def _keep(session: AsyncSession, row: Promotion, note: str, *, principal: Principal) -> Promotion:
    recorded_at = await outbox.stamp(session)
    event = PromotionChanged(
        promotion_id=row.promotion_id,
        version=row.version,
        state=row.state,
        name=row.plan.name,
        starts_on=row.plan.starts_on,
        last_day=row.last_day,
        currency=row.plan.currency,
        budget=row.plan.budget,
        expected=row.plan.expected,
        valid_from=row.changed_at,
    )
    await repository.put(session, row, event, actor=principal.subject, note=note, recorded_at=recorded_at)
    outbox.add(
        session,
        event,
        key=row.promotion_id,
        version=row.version,
        occurred_at=row.changed_at,
        actor=principal.subject,
    )
    return row
