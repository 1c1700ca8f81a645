"""What a variance bridge looks like. Money is a decimal string in `currency`; what is undefined is null."""

from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common.web.schemas import Out
from services.forecast.rollup.schemas import PeriodOut, Reading
from services.forecast.variance.drivers import By, Driver, Term

Against = Literal["prior_year", "prior_period", "plan"]


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
    """What a driver moved. How much of `size` is price says `price` of the reading."""

    term: Term
    amount: Decimal


class PricedOut(Out):
    """Won deals of a period whose quote tells list prices. `realisation`: net of list; `share`: theirs of what was booked."""

    deals: int
    realisation: float | None
    share: float | None


class PriceOut(Out):
    """Within `size`: what the later deals brought more than at the price realisation of the earlier period.

    `amount` is null unless deals of both periods have a quote that tells list prices; it says nothing of the others. A plan states
    no price, so beside its drivers `before` is the year before.
    """

    amount: Decimal | None
    before: PricedOut
    after: PricedOut


class DriverFromOut(Out):
    """Where a driver of the side before comes from.

    `value`: what the bridge begins with: deals, a share, or money in its currency; of a period that of the deals that were open and of
    those created together, null where it is undefined.

    Of a plan `stated` is what it says itself: a share, deals a month, money or created pipeline until then in its own currency; `by`
    whether an assumption says so or the target of created pipeline, `of` of which node. `assumption_id` is null for a target.
    """

    driver: Driver
    source: Against
    value: Decimal | None
    stated: Decimal | None
    by: By | None
    of: str | None
    assumption_id: UUID | None


class DriversPlanOut(Out):
    """The version of a plan whose drivers are taken."""

    plan_id: UUID
    version: int
    name: str


class VarianceReading(Reading):
    """Why a period brought more or less than another: before.booked + all terms = after.booked, to the cent.

    `against` a plan: `before` is what the drivers that the plan in force states make, those of the year before wherever it states
    none; `drivers` says which is which, `plan` of which version. Else `plan` is null.

    A period under way is compared with as many days of the other. `change` = after.booked - before.booked. `residual` is what the
    terms leave: 0, or a defect.
    """

    metric: str
    period: PeriodOut
    against: Against
    before: SideOut
    after: SideOut
    change: Decimal
    plan: DriversPlanOut | None
    drivers: list[DriverFromOut]
    terms: list[TermOut]
    price: PriceOut
    residual: Decimal
