"""Where prices are drawn, the draw of one, and the win curve that is read from nothing else."""

import secrets
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock, money
from libs.common.ids import new_id
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, NotFound
from services.pricing.books import service as books
from services.pricing.config import business_day
from services.pricing.draws import repository
from services.pricing.draws.drawing import BandTooNarrow, drawn, levels
from services.pricing.draws.models import Drawn, DrawScope, Outcome
from services.pricing.draws.schemas import CurveOut, DrawnOut, PointOut
from services.pricing.guidance import service as guidance
from services.pricing.guidance.winning.curve import Outcomes, Refused, WinCurve, learn
from services.pricing.policies import service as policies
from services.pricing.quotes import known

READERS = ("seller", "manager", "sales_ops", "finance", "cso", "ceo")
OPENERS = ("sales_ops", "cso")
DRAWERS = ("seller", "manager", "sales_ops", "cso")
STEPS = 20


class ScopeNotFound(NotFound):
    """No such scope of drawn prices."""


class NothingToDraw(Conflict):
    """Nobody opted in for the product in the deal's market and segment, or its prices are below the policy now."""


class BandMissing(Conflict):
    """There is no published band to draw within, or it is too narrow."""


class ScopeOverlaps(Conflict):
    """Prices of the product are drawn there already."""


async def open_scope(
    session: AsyncSession,
    product_id: UUID,
    *,
    market: str | None,
    segment: str | None,
    width: Decimal,
    note: str,
    principal: Principal,
) -> DrawScope:
    """Draw prices of a product from now on, within `width` of the target that holds today. The prices stay the same until it ends.

    Raises ProductNotFound, BandMissing, ScopeOverlaps.
    """
    require(principal, *OPENERS)
    await repository.lock(session)
    for each in await repository.open_of(session, product_id):
        if _meets(each.market, market) and _meets(each.segment, segment):
            raise ScopeOverlaps(
                f"Prices of the product are drawn since {each.opened_at:%Y-%m-%d} where this would; end that first."
            )
    publication, guided = await guidance.read_guidance(
        session, product_id, market=market, segment=segment, minimum=policies.minimum, principal=principal
    )
    if publication is None or guided.edges is None:
        raise BandMissing("There is no published band of the product there; prices are drawn within one.")
    edges = guided.edges
    try:
        ratios = levels(edges.floor, edges.target, edges.stretch, width)
    except BandTooNarrow as error:
        raise BandMissing(f"The band is too narrow: {error}.") from None
    row = DrawScope(
        new_id(), product_id, market, segment, edges.floor, edges.target, edges.stretch, publication.version, width,
        ratios, secrets.token_bytes(32), note, principal.subject, clock.now(),
    )  # fmt: skip
    await repository.add(session, row)
    return row


async def end_scope(session: AsyncSession, scope_id: UUID, *, principal: Principal) -> DrawScope:
    """Draw no more there. What was drawn stays, and the key of the draw is told from now on. Raises ScopeNotFound."""
    require(principal, *OPENERS)
    await find(session, scope_id, principal=principal)
    await repository.end(session, scope_id, by=principal.subject)
    return await find(session, scope_id, principal=principal)


async def draw(
    session: AsyncSession, deal_id: UUID, product_id: UUID, *, currency: str, principal: Principal
) -> DrawnOut:
    """The price of a product that an open deal gets: the same however often it is asked. Kept before it is told.

    Raises DealNotFound, DealIsClosed, DealIsGone, NothingToDraw.
    """
    require(principal, *DRAWERS)
    deal = await known.lock_deal(session, deal_id, principal=principal)
    known.require_open(deal)
    row = next(
        (each for each in await repository.open_of(session, product_id) if each.fits(deal.market, deal.segment)), None
    )
    if row is None:
        raise NothingToDraw("No prices of this product are drawn in the deal's market and segment.")
    publication, guided = await guidance.read_guidance(
        session, product_id, market=deal.market, segment=deal.segment, minimum=policies.minimum, principal=principal
    )
    if publication and guided.minimum is not None and guided.minimum > min(row.ratios):
        raise NothingToDraw(
            "The policy's least price is above a price that would be drawn; end the scope, open a new one."
        )
    ratio, probability = drawn(row.secret, deal_id, row.ratios)
    wanted = Drawn(row.scope_id, deal_id, ratio, probability, principal.subject, clock.now())
    kept, is_new = await repository.keep(session, wanted)
    amounts = await books.amounts(
        session, {product_id}, currency=currency, market=deal.market, segment=deal.segment, on=business_day(session),
        principal=principal,
    )  # fmt: skip
    listed = amounts[product_id]["list"]
    return DrawnOut(
        scope_id=row.scope_id,
        deal_id=deal_id,
        product_id=product_id,
        ratio=kept.ratio,
        probability=kept.probability,
        list_price=listed,
        unit_price=None if listed is None else money.quantise(listed * kept.ratio, currency),
        currency=currency,
        drawn_at=kept.drawn_at,
        is_new=is_new,
    )


async def find(session: AsyncSession, scope_id: UUID, *, principal: Principal) -> DrawScope:
    """Raises ScopeNotFound."""
    require(principal, *READERS)
    row = await repository.find(session, scope_id)
    if row is None:
        raise ScopeNotFound(f"There is no scope of drawn prices {scope_id}.")
    return row


async def listed(session: AsyncSession, *, principal: Principal) -> list[tuple[DrawScope, int, int]]:
    """Scopes with how many prices were drawn and how many of these deals are closed; they are the company's."""
    require(principal, *READERS)
    return await repository.listed(session)


async def curve(session: AsyncSession, scope_id: UUID, *, principal: Principal) -> CurveOut:
    """The win curve of drawn prices, or why there is none. Raises ScopeNotFound."""
    row = await find(session, scope_id, principal=principal)
    outcomes = await repository.outcomes(session, row)
    found = learn(
        Outcomes(
            np.array([each.ratio for each in outcomes], dtype=np.float64),
            np.array([each.is_won for each in outcomes], dtype=np.bool_),
            np.array([str(each.deal_id) for each in outcomes]),
            np.array([each.is_drawn for each in outcomes], dtype=np.bool_),
        )
    )
    fitted = found if isinstance(found, WinCurve) else None
    low, high = min(row.ratios), max(row.ratios)
    between = [low + (high - low) * step / STEPS for step in range(STEPS + 1)]
    return CurveOut(
        scope_id=scope_id,
        is_accepted=fitted is not None,
        why_not=found.reason if isinstance(found, Refused) else None,
        deals=found.quotes,
        chosen_by_people=sum(not each.is_drawn for each in outcomes),
        slope=found.slope,
        slope_low=found.slope_low,
        slope_high=found.slope_high,
        points=[_point(each, fitted, outcomes) for each in row.ratios],
        line=[_point(each, fitted, ()) for each in between] if fitted else [],
    )


def _point(ratio: Decimal, curve: WinCurve | None, outcomes: Sequence[Outcome]) -> PointOut:
    here = [each.is_won for each in outcomes if each.is_drawn and abs(each.ratio - float(ratio)) < 1e-9]
    chance = curve.at(float(ratio)) if curve else None
    return PointOut(
        ratio=ratio,
        deals=len(here),
        won=sum(here),
        chance=chance.value if chance else None,
        low=chance.low if chance else None,
        high=chance.high if chance else None,
    )


def _meets(one: str | None, other: str | None) -> bool:
    """Whether some deal lies in both places."""
    return one is None or other is None or one == other
