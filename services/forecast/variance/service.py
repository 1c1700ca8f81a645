"""Two periods counted from history, each as its own reading sees it, and the bridge between them."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.calendar import FiscalCalendar
from libs.common.calendar import Period as Days
from libs.common.web.auth import Principal
from services.forecast.assumptions.drivers import PlanDrivers
from services.forecast.config import settings_of
from services.forecast.history.columns import Columns, Flags, Ints, day_number, effective, local_days
from services.forecast.past import service as history
from services.forecast.past.population import BUCKETS, worth
from services.forecast.quoted import service as quoted
from services.forecast.rates.conversion import Rates
from services.forecast.readings.asked import Asked, Question
from services.forecast.readings.figures import WON
from services.forecast.readings.service import decide, envelope, period_out, seen_from
from services.forecast.variance import wanted
from services.forecast.variance.drivers import TERMS, Counted, Period, Stated, bridge, from_plan
from services.forecast.variance.schemas import Against, TermOut, VarianceReading
from services.forecast.variance.shown import Side, plan_out, planned_out, price_out, side_out, sources

METRIC: Final = "variance-2"

_LOST: Final = BUCKETS.index("lost")


async def read(session: AsyncSession, question: Question, *, against: Against, principal: Principal) -> VarianceReading:
    """Why the asked period brought more or less than the one before it, than that of a year ago, or than the plan's drivers make.

    Raises what readings raise, and NoDrivers.
    """
    question = seen_from(question, settings_of(session))
    if against == "plan" and question.filters.value_basis is None:
        basis = settings_of(session).call_basis
        question = replace(question, filters=replace(question.filters, value_basis=basis))
    after = await decide(session, question, principal=principal, from_history=True)
    plan = await wanted.in_force(session, after, principal=principal) if against == "plan" else None
    found = await _bridged(session, question, after, against, plan, principal=principal)
    if found.against != against:
        raise wanted.none_of(after)
    return found


async def of_version(
    session: AsyncSession, question: Question, row: Mapping[str, Any], *, principal: Principal
) -> VarianceReading:
    """Why a plan's period brought another amount than the drivers make that one version of it states.

    Where it states none: than the year before did. `row`: the plan, with `version` and `sequence`. Raises what readings raise.
    """
    question = seen_from(question, settings_of(session))
    after = await decide(session, question, principal=principal, from_history=True)
    plan = await wanted.of_version(session, row, after, principal=principal)
    return await _bridged(session, question, after, "plan" if plan else "prior_year", plan, principal=principal)


async def _bridged(
    session: AsyncSession,
    question: Question,
    after: Asked,
    against: Against,
    plan: PlanDrivers | None,
    *,
    principal: Principal,
) -> VarianceReading:
    """The bridge; from the year before where nothing that the plan states can be counted."""
    today, base = after.business_date.day, after.rates.base
    was, before, now, common = await _sides(session, question, after, against, principal=principal)
    said = wanted.said(plan, after, before, until=now.until, rates=common)
    if plan is not None and not said:
        against, plan = "prior_year", None
    quotes = await quoted.of_deals(
        session, [*before.won, *now.won], as_of=after.as_of, known_at=after.known_at, principal=principal
    )
    shown = side_out(before, was.counted.booked, today)
    if plan is None:
        terms, began = bridge(was.counted, before.counted, now.counted), was.counted.booked
    else:
        begins, terms = from_plan(Stated.of(said), before.counted, now.counted)
        shown, began = planned_out(shown, begins, base), begins.booked
    scale, change = Decimal(1).scaleb(-money.exponent(base)), now.counted.booked - began
    return VarianceReading(
        **{**await envelope(session, after), "metric_version": METRIC},
        metric=METRIC,
        period=period_out(after.period, today),
        against=against,
        before=shown,
        after=side_out(now, now.counted.booked, today),
        change=change * scale,
        plan=None if plan is None else plan_out(plan),
        drivers=sources(before.counted, said, against, base),
        terms=[TermOut(term=term, amount=terms[term] * scale) for term in TERMS],
        price=price_out(before, now, quotes),
        residual=(change - sum(terms.values())) * scale,
    )


async def _sides(
    session: AsyncSession, question: Question, after: Asked, against: Against, *, principal: Principal
) -> tuple[Side, Side, Side, Rates]:
    """The earlier period as its organisation stood then and as it stands, the later one, and the rates that compare them."""
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
    return was, before, now, common


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
    deals = _deals(columns, rows[won])
    units = valued[won].tolist()
    return Side(
        asked, until, found, int((won & ~priced).sum()), _sum(valued, created), dict(zip(deals, units, strict=True))
    )


def _deals(columns: Columns, rows: Ints) -> list[UUID]:
    texts = columns.words["deal"].texts
    return [UUID(str(texts[code])) for code in columns.deal[rows].tolist()]


def _sum(units: Ints, which: Flags) -> int:
    return int(units[which].sum())
