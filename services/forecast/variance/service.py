"""Two periods counted from history, each as its own reading sees it, and the bridge between them."""

import asyncio
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final, get_args
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.calendar import FiscalCalendar
from libs.common.calendar import Period as Days
from libs.common.web.auth import Principal
from libs.common.web.errors import Conflict
from services.forecast.assumptions import drivers as plan_drivers
from services.forecast.assumptions.drivers import PlanDrivers
from services.forecast.assumptions.measures import MONTH_DAYS
from services.forecast.config import settings_of
from services.forecast.history.columns import Flags, Ints, day_number, effective, local_days
from services.forecast.past import service as history
from services.forecast.past.population import BUCKETS, worth
from services.forecast.rates.conversion import Rates
from services.forecast.readings.asked import Asked, Question
from services.forecast.readings.figures import WON
from services.forecast.readings.service import decide, envelope, period_out, seen_from
from services.forecast.variance.drivers import TERMS, Base, Counted, Drivers, Period, Stated, bridge, from_plan
from services.forecast.variance.schemas import (
    Against,
    Driver,
    DriverFromOut,
    DriverOut,
    DriversPlanOut,
    SideOut,
    TermOut,
    VarianceReading,
)

METRIC: Final = "variance-1"

_LOST: Final = BUCKETS.index("lost")


class NoDrivers(Conflict):
    """No plan in force states drivers of the unit for the period."""


@dataclass(frozen=True, slots=True)
class Side:
    """A period as counted, up to before `until`, with how many won deals have no amount."""

    asked: Asked
    until: date
    counted: Period
    unpriced: int


async def read(session: AsyncSession, question: Question, *, against: Against, principal: Principal) -> VarianceReading:
    """Why the asked period brought more or less than the one before it, than that of a year ago, or than the plan's drivers make.

    Raises what readings raise, and NoDrivers.
    """
    question = seen_from(question, settings_of(session))
    if against == "plan" and question.filters.value_basis is None:
        basis = settings_of(session).call_basis
        question = replace(question, filters=replace(question.filters, value_basis=basis))
    after = await decide(session, question, principal=principal, from_history=True)
    plan = await _plan_of(session, after, principal=principal) if against == "plan" else None
    calendar, today = after.calendar, after.business_date.day
    until = min(after.period.end, max(today + timedelta(days=1), after.period.start))
    earlier = before_of(calendar, after.period, against)
    then = earlier.end if until == after.period.end else min(earlier.end, earlier.start + (until - after.period.start))
    zone = ZoneInfo(settings_of(session).org_timezone)
    past = replace(
        question, period=earlier.key, as_of=after.as_of, known_at=after.known_at, organisation=after.organisation
    )
    is_so = await decide(session, past, principal=principal, from_history=True)
    evening = datetime.combine(then, time(), zone) - timedelta(microseconds=1)
    once = replace(past, as_of=min(evening, after.as_of), organisation="was")
    was_so = await _seen_as(session, is_so, await decide(session, once, principal=principal, deals=False))
    common = replace(after.rates, at_booking=())

    def counted() -> list[Side]:
        sides = ((was_so, then), (is_so, then), (after, until))
        return [_side(asked, end, after.period.start, common, zone) for asked, end in sides]

    was, before, now = await asyncio.to_thread(counted)
    scale = Decimal(1).scaleb(-money.exponent(after.rates.base))
    shown = _side_out(before, was.counted.booked, today)
    if plan is None:
        terms, began = bridge(was.counted, before.counted, now.counted), was.counted.booked
    else:
        stated = _stated(plan, after, until, common)
        base, terms = from_plan(stated, before.counted, now.counted)
        shown, began = _planned_out(shown, base, after.rates.base), base.booked
    change = now.counted.booked - began
    return VarianceReading(
        **{**await envelope(session, after), "metric_version": METRIC},
        metric=METRIC,
        period=period_out(after.period, today),
        against=against,
        before=shown,
        after=_side_out(now, now.counted.booked, today),
        change=change * scale,
        plan=None if plan is None else DriversPlanOut(plan_id=plan.plan_id, version=plan.version, name=plan.name),
        drivers=[_source(driver, against, plan) for driver in get_args(Driver)],
        terms=[TermOut(term=term, amount=terms[term] * scale) for term in TERMS],
        residual=(change - sum(terms.values())) * scale,
    )


async def _plan_of(session: AsyncSession, after: Asked, *, principal: Principal) -> PlanDrivers:
    """Raises NoDrivers."""
    filters = asdict(after.filters)
    others = [name for name, value in filters.items() if value is not None and name not in ("deal_type", "value_basis")]
    found = None
    if not others:
        found = await plan_drivers.of_unit(
            session,
            after.org.unit_id,
            period=(after.period.start, after.period.end),
            deal_type=after.filters.deal_type,
            value_basis=str(after.filters.value_basis),
            at=after.as_of,
            principal=principal,
        )
    if found is None:
        raise NoDrivers(
            f"against: no plan in force assumes a win rate, creation or size of {after.org.name} in {after.period.key}"
            + (f" by {', '.join(others)}" if others else "")
            + "; state them in the plan, or compare with prior_year."
        )
    return found


def _stated(plan: PlanDrivers, after: Asked, until: date, rates: Rates) -> Stated:
    """The plan's drivers in the units of a bridge; creation is of the days that are compared."""
    share, created, size = (plan.stated.get(name) for name in plan_drivers.DRIVERS)
    minor = None
    if size is not None:
        worth = rates.convert(size, plan.currency, after.period.start)
        minor = None if worth is None else Fraction(worth.scaleb(money.exponent(rates.base)))
    days = max(0, (until - after.period.start).days)
    return Stated(
        win_rate=None if share is None else Fraction(share),
        size=minor,
        created=None if created is None else Fraction(created) * days / Fraction(MONTH_DAYS),
    )


def _source(driver: Driver, against: Against, plan: PlanDrivers | None) -> DriverFromOut:
    """Whence a driver of the side before comes."""
    if plan is None:
        return DriverFromOut(driver=driver, source=against, value=None)
    value = next((amount for name, amount in plan.stated.items() if name == driver), None)
    return DriverFromOut(driver=driver, source="prior_year" if value is None else "plan", value=value)


def _planned_out(shown: SideOut, base: Base, currency: str) -> SideOut:
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


async def _seen_as(session: AsyncSession, asked: Asked, then: Asked) -> Asked:
    """The same deals as they are known in `asked`, of the unit as it stood `then`."""
    if asked.past is None or then.past is None:
        raise ValueError("a variance is read from history")
    view, books = then.past.view, asked.past.books
    stood = await history.population(
        session, as_of=asked.as_of, known_at=asked.known_at, rates=asked.rates, view=view, books=books
    )
    return replace(asked, past=replace(asked.past, view=view, population=stood))


def before_of(calendar: FiscalCalendar, period: Days, against: Against) -> Days:
    """The period right before, or that of the same place a year ago, which a plan's drivers stand in for."""
    back = 1 if against == "prior_period" else {"month": 12, "quarter": 4, "year": 1}[period.kind]
    return calendar.before(period, back)[0]


def _side(asked: Asked, until: date, rated: date, common: Rates, zone: ZoneInfo) -> Side:
    """What a period is made of, up to before `until`; `rated`: the day whose constant rates both periods are compared at."""
    if asked.past is None:
        raise ValueError("a variance is read from history")
    stood, start = asked.past.population, asked.period.start
    columns, rows = stood.columns, stood.rows
    counts = stood.in_days(start, until)
    won, lost = counts & (stood.line == WON), counts & (stood.line == _LOST)
    began = datetime.combine(start, time(), zone)
    earlier = effective(columns, began - timedelta(microseconds=1), asked.known_at)
    was_open = columns.is_in("state", ["open"], earlier) & ~columns.gone[earlier]
    opening: Flags = np.isin(columns.deal[rows], columns.deal[earlier[was_open]])
    born = local_days(columns.created_at[rows], zone)
    created = ~opening & (born >= day_number(start)) & (born < day_number(until))
    whole, priced = worth(columns, rows, np.full(len(rows), day_number(rated), dtype=np.int32), common)
    valued = stood.credit.of_mine(whole) if stood.credit else whole

    def counted(which: Flags) -> Counted:
        return Counted(
            there=int(which.sum()),
            decided=int((which & (won | lost)).sum()),
            won=int((which & won).sum()),
            amount=_sum(valued, which & won),
        )

    found = Period(
        opening=counted(opening),
        created=counted(created),
        other=_sum(valued, won & ~opening & ~created),
        booked=_sum(stood.amount[0], won),
    )
    return Side(asked, until, found, int((won & ~priced).sum()))


def _sum(units: Ints, which: Flags) -> int:
    return int(units[which].sum())


def _side_out(side: Side, booked: int, today: date) -> SideOut:
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
