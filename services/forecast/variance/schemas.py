"""What a variance bridge looks like. Money is a decimal string in `currency`; what is undefined is null."""

from datetime import date
from decimal import Decimal
from typing import Literal

from libs.common.web.schemas import Out
from services.forecast.rollup.schemas import PeriodOut, Reading
from services.forecast.variance.drivers import Term

Against = Literal["prior_year", "prior_period"]


class DriverOut(Out):
    """Deals of one kind: `there` when the period began or created in it, of which `decided` and `won` in it, and what these brought.

    `decided_share` = decided / there, `win_rate` = won / decided, `mean_size` = amount / won; null where undefined.
    """

    there: int
    decided: int
    won: int
    amount: Decimal
    decided_share: float | None
    win_rate: float | None
    mean_size: Decimal | None


class SideOut(Out):
    """A period up to the day before `until`. `booked` is what a reading of it says; `other` what deals brought of neither kind.

    `unpriced` won deals have no known amount and count with 0.
    """

    period: PeriodOut
    until: date
    booked: Decimal
    opening: DriverOut
    created: DriverOut
    other: Decimal
    unpriced: int


class TermOut(Out):
    """What a driver moved. Of `size` the part that price is cannot be told before quotes are told to the forecast."""

    term: Term
    amount: Decimal


class VarianceReading(Reading):
    """Why a period brought more or less than another: before.booked + all terms = after.booked, to the cent.

    A period under way is compared with as many days of the other. `change` = after.booked - before.booked. `residual` is what the
    terms leave: 0, or a defect.
    """

    metric: str
    period: PeriodOut
    against: Against
    before: SideOut
    after: SideOut
    change: Decimal
    terms: list[TermOut]
    residual: Decimal
