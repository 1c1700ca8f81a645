"""Promotions as they go out by HTTP."""

from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common.web.schemas import Out
from services.forecast.rollup.schemas import PeriodOut, Reading


class PromotionLineOut(Out):
    """`expected` is the whole of it in the promotion's own currency, as its author stated it; `in_period` and `to_come` (from the
    business date on) are what of it lies in the period, spread evenly over the days. Null, with the reason, where it is unknown.
    """

    promotion_id: UUID
    name: str
    state: Literal["approved", "running"]
    starts_on: date
    last_day: date
    expected: Decimal | None
    expected_currency: str
    in_period: Decimal | None
    to_come: Decimal | None
    why_unknown: Literal["not stated", "no exchange rate"] | None


class PromotionsReading(Reading):
    """Extra revenue that authors of promotions expect, of the whole company whatever unit is asked for. It is a statement and not an
    estimate, and stands in no other number. Sums are of what is known; `unknown` promotions are in none. Gone when a promotion has ended.
    """

    period: PeriodOut
    in_period: Decimal
    to_come: Decimal
    unknown: int
    lines: list[PromotionLineOut]
