"""Keeping what the pricing service tells of promotions, and what of it a period expects."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.pricing import PromotionChanged
from libs.common.money import total
from libs.common.web.auth import ROLES, Principal, require
from services.forecast.promotions import repository
from services.forecast.promotions.repository import Standing
from services.forecast.promotions.schemas import PromotionLineOut, PromotionsReading
from services.forecast.promotions.spread import part
from services.forecast.readings.asked import Asked, Question
from services.forecast.readings.service import decide, envelope, period_out

METRIC: Final = "promotions-1"


async def append(session: AsyncSession, events: Sequence[Received[PromotionChanged]], *, principal: Principal) -> None:
    """Keep how promotions stood, in any order and repetition; the greatest version of one is how it stands."""
    require(principal, "system")
    await repository.append(session, events)


async def read(session: AsyncSession, question: Question, *, principal: Principal) -> PromotionsReading:
    """What promotions are expected to bring in a period beyond its deals. Raises what readings raise."""
    require(principal, *ROLES)
    asked = await decide(session, question, principal=principal, deals=False)
    found = await repository.standing(
        session, start=asked.period.start, end=asked.period.end, as_of=asked.as_of, known_at=asked.known_at
    )
    lines = [_line(each, asked) for each in found]
    return PromotionsReading(
        **{**await envelope(session, asked), "metric_version": METRIC},
        period=period_out(asked.period, asked.business_date.day),
        in_period=total(each.in_period for each in lines if each.in_period is not None),
        to_come=total(each.to_come for each in lines if each.to_come is not None),
        unknown=sum(each.why_unknown is not None for each in lines),
        lines=lines,
    )


def _line(each: Standing, asked: Asked) -> PromotionLineOut:
    period, base = asked.period, asked.rates.base
    amount = asked.rates.convert(each.expected, each.currency, period.start)

    def between(amount: Decimal | None, left_only: bool) -> Decimal | None:
        if amount is None:
            return None
        start = max(period.start, asked.business_date.day) if left_only else period.start
        return part(amount, each.starts_on, each.last_day, start=start, end=period.end, currency=base)

    return PromotionLineOut(
        promotion_id=each.promotion_id,
        name=each.name,
        state=each.state,
        starts_on=each.starts_on,
        last_day=each.last_day,
        expected=each.expected,
        expected_currency=each.currency,
        in_period=between(amount, left_only=False),
        to_come=between(amount, left_only=True),
        why_unknown="not stated" if each.expected is None else "no exchange rate" if amount is None else None,
    )
