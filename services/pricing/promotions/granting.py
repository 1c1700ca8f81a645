"""What a quote takes of promotions: only within scope, window and budget, counted in the quote's own transaction.

Whoever takes locks the promotions first, in the order of their ids, so of two quotes at once the second sees what the first took.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Invalid
from services.pricing.promotions import repository
from services.pricing.promotions.mechanism import Asked, Offer, beyond, refusal, share_of
from services.pricing.promotions.models import Promotion, Use

TAKERS = ("seller", "manager", "sales_ops", "finance", "cso", "ceo")


class PromotionDoesNotFit(Invalid):
    """A line asks for a promotion outside its scope or window, or beside what it does not stand with."""


class PromotionBudgetSpent(Conflict):
    """The promotion's budget has less left than the quote takes."""


Granted = tuple[UUID, str, Decimal]
"""Promotion, its name, and the share of what is left of the price that it takes off."""


async def held(session: AsyncSession, ids: Collection[UUID], *, principal: Principal) -> dict[UUID, Promotion]:
    """The promotions that a quote names, locked until the transaction ends; unknown ones are left out."""
    require(principal, *TAKERS)
    return await repository.lock(session, sorted(ids)) if ids else {}


def grant(
    position: int, asked: Asked, left: Decimal, wanted: Sequence[UUID], known: Mapping[UUID, Promotion]
) -> list[Granted]:
    """What the promotions take off a line, one after the other; `left` is what the line costs before. Raises PromotionDoesNotFit."""
    if len(set(wanted)) < len(wanted):
        raise PromotionDoesNotFit(f"Line {position}: a promotion is taken once on a line.", line=position)
    made: list[Granted] = []
    rows = [_known(position, each, known) for each in wanted]
    for row in rows:
        offer = offered(row)
        others = asked.has_others or len(rows) > 1
        why_not = refusal(offer, _with(asked, others))
        if why_not is not None:
            raise PromotionDoesNotFit(
                f"Line {position}: promotion {row.plan.name} cannot be taken: {why_not}.",
                line=position,
                promotion_id=str(row.promotion_id),
            )
        share = share_of(offer, asked, left)
        left *= 1 - share
        made.append((row.promotion_id, row.plan.name, share))
    return made


async def count(
    session: AsyncSession,
    uses: Sequence[Use],
    known: Mapping[UUID, Promotion],
    *,
    instead_of: int | None = None,
    principal: Principal,
) -> None:
    """Take a quote's revision out of the budgets of promotions that are held. Raises PromotionBudgetSpent.

    `instead_of` is the revision that stood until now: taking no more than that is fine however the budget stands.
    """
    require(principal, *TAKERS)
    if uses:
        before = await repository.uses_of(session, uses[0].quote_id, instead_of) if instead_of else []
        more = {each for each in known if _of(uses, each) > _of(before, each)}
        await _require_budget(session, uses, {each: known[each] for each in more})
        await repository.add_uses(session, uses)


async def recount(session: AsyncSession, quote_id: UUID, revision: int, *, principal: Principal) -> None:
    """Whether what a quote takes is still there: asked before one that took nothing meanwhile counts again.

    What it took all the time is its own, also when a deal that came back takes the budget over its limit. Offers that were made stand
    when the promotion is over; its budget still holds. Raises PromotionBudgetSpent.
    """
    require(principal, *TAKERS)
    uses = await repository.uses_of(session, quote_id, revision)
    if not uses:
        return
    known = await repository.lock(session, sorted({each.promotion_id for each in uses}))
    standing = await repository.standing(session, list(known))
    over = {each: beyond(row.plan.budget, standing[each]).get(quote_id) for each, row in known.items()}
    await _require_budget(session, uses, {each: row for each, row in known.items() if over[each] != 0})


async def _require_budget(session: AsyncSession, uses: Sequence[Use], known: Mapping[UUID, Promotion]) -> None:
    by_others = await repository.used(session, list(known), but=uses[0].quote_id)
    for promotion_id, row in known.items():
        wanted = _of(uses, promotion_id)
        left = row.plan.budget - by_others[promotion_id].amount
        if wanted > left:
            raise PromotionBudgetSpent(
                f"Promotion {row.plan.name} has {max(left, Decimal())} {row.plan.currency} left and the quote takes {wanted}; take it "
                "off a line, or ask for a larger budget.",
                promotion_id=str(promotion_id),
                left=str(max(left, Decimal())),
            )


def _of(uses: Sequence[Use], promotion_id: UUID) -> Decimal:
    return sum((each.amount for each in uses if each.promotion_id == promotion_id), Decimal())


def offered(row: Promotion) -> Offer:
    """What of a promotion decides whether a line may take it."""
    plan = row.plan
    return Offer(
        name=plan.name,
        is_open=row.state in ("approved", "running"),
        products=frozenset(plan.products),
        markets=frozenset(plan.markets),
        segments=frozenset(plan.segments),
        starts_on=plan.starts_on,
        last_day=row.last_day,
        currency=plan.currency,
        kind=plan.kind,
        value=plan.value,
        stacking=plan.stacking,
    )


def _with(asked: Asked, has_others: bool) -> Asked:
    return Asked(
        asked.product_id, asked.market, asked.segment, asked.currency, asked.on, asked.term_months, asked.quantity,
        has_others,
    )  # fmt: skip


def _known(position: int, promotion_id: UUID, known: Mapping[UUID, Promotion]) -> Promotion:
    row = known.get(promotion_id)
    if row is None:
        raise PromotionDoesNotFit(f"Line {position}: there is no promotion {promotion_id}.", line=position)
    return row
