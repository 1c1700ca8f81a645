"""Periods and drivers of a bridge as they are shown, in money of its currency."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import get_args
from uuid import UUID

from libs.common import money
from services.forecast.assumptions.drivers import PlanDrivers
from services.forecast.quoted.models import Quoted
from services.forecast.readings.asked import Asked
from services.forecast.readings.service import period_out
from services.forecast.variance.drivers import Base, Counted, Driver, Drivers, Period, Said
from services.forecast.variance.price import Priced, price, priced
from services.forecast.variance.schemas import (
    Against,
    DriverFromOut,
    DriverOut,
    DriversPlanOut,
    PricedOut,
    PriceOut,
    SideOut,
)


@dataclass(frozen=True, slots=True)
class Side:
    """A period as counted, up to before `until`.

    `unpriced`: how many won deals have no amount. `pipeline`: what the deals that were created in it are worth together, in minor units;
    `won`: what each won deal brought.
    """

    asked: Asked
    until: date
    counted: Period
    unpriced: int
    pipeline: int
    won: Mapping[UUID, int]


def price_out(before: Side, after: Side, quotes: Mapping[UUID, Quoted]) -> PriceOut:
    """How much of size is price, and of which deals that is known."""
    was, now = (priced(side.won, quotes) for side in (before, after))
    moved, currency = price(was, now), after.asked.rates.base
    return PriceOut(
        amount=None if moved is None else moved * Decimal(1).scaleb(-money.exponent(currency)),
        before=_priced(was, before),
        after=_priced(now, after),
    )


def _priced(found: Priced, side: Side) -> PricedOut:
    known, whole = found.realisation, sum(side.won.values())
    return PricedOut(
        deals=found.deals,
        realisation=None if known is None else round(float(known), 6),
        share=round(found.brought / whole, 6) if whole > 0 else None,
    )


def plan_out(plan: PlanDrivers) -> DriversPlanOut:
    """Whose drivers they are."""
    return DriversPlanOut(plan_id=plan.row["plan_id"], version=plan.row["version"], name=plan.row["name"])


def sources(before: Period, said: Mapping[Driver, Said], against: Against, currency: str) -> list[DriverFromOut]:
    """Whence each driver of the side before comes: of the plan what it states, else of the earlier period."""
    source: Against = "prior_year" if against == "plan" else against
    found = []
    for driver in get_args(Driver):
        its = said.get(driver)
        value = _of_both(before, driver) if its is None else its.value
        found.append(
            DriverFromOut(
                driver=driver,
                source=source if its is None else "plan",
                value=None if value is None else _valued(driver, value, currency),
                stated=its and its.stated,
                by=its and its.by,
                of=its and its.of,
                assumption_id=its and its.assumption_id,
            )
        )
    return found


def _of_both(period: Period, driver: Driver) -> Fraction | None:
    """A driver of the deals that were open and of those created, together; None where it is undefined."""
    both = (period.opening, period.created)
    there, decided, won, amount = (sum(getattr(each, name) for each in both) for name in Counted.__slots__)
    if driver in ("opening", "creation"):
        return Fraction((period.opening if driver == "opening" else period.created).there)
    over, under = {"win_rate": (won, decided), "timing": (decided, there), "size": (amount, won)}[driver]
    return Fraction(over, under) if under else None


def _valued(driver: Driver, value: Fraction, currency: str) -> Decimal:
    """A driver's figure: deals to the hundredth, shares to the millionth, money to the minor unit."""
    if driver == "size":
        return money.quantise(Decimal(round(value)).scaleb(-money.exponent(currency)), currency)
    places = 2 if driver in ("opening", "creation") else 6
    return Decimal(round(value * 10**places)).scaleb(-places)


def planned_out(shown: SideOut, base: Base, currency: str) -> SideOut:
    """The side before with what the plan's drivers make."""
    scale = Decimal(1).scaleb(-money.exponent(currency))
    update = {
        "booked": base.booked * scale,
        "opening": _planned_driver(base.opening, currency),
        "created": _planned_driver(base.created, currency),
        "unpriced": 0,
    }
    return shown.model_copy(update=update)


def _planned_driver(drivers: Drivers, currency: str) -> DriverOut:
    """Counts that a plan makes are rounded; what they bring is not made of the rounded ones."""
    decided = drivers.there * (drivers.decided or 0)
    counted = Counted(
        round(drivers.there), round(decided), round(decided * (drivers.win_rate or 0)), round(drivers.brings)
    )
    return _driver(counted, currency, drivers)


def side_out(side: Side, booked: int, today: date) -> SideOut:
    currency = side.asked.rates.base
    scale = Decimal(1).scaleb(-money.exponent(currency))
    return SideOut(
        period=period_out(side.asked.period, today),
        until=side.until,
        booked=booked * scale,
        opening=_driver(side.counted.opening, currency),
        created=_driver(side.counted.created, currency),
        other=side.counted.other * scale,
        unpriced=side.unpriced,
    )


def _driver(counted: Counted, currency: str, rates: Drivers | None = None) -> DriverOut:
    rates = rates or Drivers.of(counted)
    scale = Decimal(1).scaleb(-money.exponent(currency))
    return DriverOut(
        there=counted.there,
        decided=counted.decided,
        won=counted.won,
        amount=counted.amount * scale,
        decided_share=None if rates.decided is None else round(float(rates.decided), 6),
        win_rate=None if rates.win_rate is None else round(float(rates.win_rate), 6),
        mean_size=None if rates.size is None else money.quantise(Decimal(round(rates.size)) * scale, currency),
    )
