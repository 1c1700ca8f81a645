"""Two periods counted from history, each as its own reading sees it, and the bridge between them."""

import asyncio
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.calendar import FiscalCalendar
from libs.common.calendar import Period as Days
from libs.common.web.auth import Principal
from services.forecast.config import settings_of
from services.forecast.history.columns import Flags, Ints, day_number, effective, local_days
from services.forecast.past import service as history
from services.forecast.past.population import BUCKETS, worth
from services.forecast.rates.conversion import Rates
from services.forecast.readings.asked import Asked, Question
from services.forecast.readings.figures import WON
from services.forecast.readings.service import decide, envelope, period_out, seen_from
from services.forecast.variance.drivers import TERMS, Counted, Drivers, Period, bridge
from services.forecast.variance.schemas import Against, DriverOut, SideOut, TermOut, VarianceReading

METRIC: Final = "variance-1"
_LOST: Final = BUCKETS.index("lost")


@dataclass(frozen=True, slots=True)
class Side:
    """A period as counted, up to before `until`, with how many won deals have no amount."""

    asked: Asked
    until: date
    counted: Period
    unpriced: int


async def read(session: AsyncSession, question: Question, *, against: Against, principal: Principal) -> VarianceReading:
    """Why the asked period brought more or less than the one before it, or that of a year ago. Raises what readings raise."""
    question = seen_from(question, settings_of(session))
    after = await decide(session, question, principal=principal, from_history=True)
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
    terms = bridge(was.counted, before.counted, now.counted)
    scale = Decimal(1).scaleb(-money.exponent(after.rates.base))
    change = now.counted.booked - was.counted.booked
    return VarianceReading(
        **{**await envelope(session, after), "metric_version": METRIC},
        metric=METRIC,
        period=period_out(after.period, today),
        against=against,
        before=_side_out(before, was.counted.booked, today),
        after=_side_out(now, now.counted.booked, today),
        change=change * scale,
        terms=[TermOut(term=term, amount=terms[term] * scale) for term in TERMS],
        residual=(change - sum(terms.values())) * scale,
    )


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
    """The period right before, or that of the same place a year ago."""
    back = {"month": 12, "quarter": 4, "year": 1}[period.kind] if against == "prior_year" else 1
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
    valued, priced = worth(columns, rows, np.full(len(rows), day_number(rated), dtype=np.int32), common)

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


def _driver(counted: Counted, currency: str) -> DriverOut:
    rates = Drivers.of(counted)
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
