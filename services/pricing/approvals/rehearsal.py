"""A policy over the quotes of a past quarter: how many approvals it would have asked of whom. Nothing is kept."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import FiscalCalendar, Period, UnknownPeriod, local_date
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Invalid
from services.pricing.approvals import repository
from services.pricing.catalogue import service as catalogue
from services.pricing.catalogue.models import ProductRow
from services.pricing.config import settings_of
from services.pricing.guidance.models import Guided
from services.pricing.guidance.reading import Wanted, guided
from services.pricing.policies.judging import LineFacts, Policy, QuoteFacts, judge
from services.pricing.quotes import offering
from services.pricing.quotes.models import Quote, QuoteLine

REHEARSERS = ("sales_ops", "finance", "cso", "ceo")
WEEK = timedelta(days=7)


class NoSuchQuarter(Invalid):
    """Not a period of the calendar, such as FY2026-Q3."""


@dataclass(slots=True)
class Load:
    """`approvals` are quotes that somebody would have been asked about; by level, by authority, by what was beyond a limit."""

    since: date
    until: date
    quotes: int = 0
    approvals: int = 0
    by_level: Counter[int] = field(default_factory=Counter)
    by_authority: Counter[str] = field(default_factory=Counter)
    by_measure: Counter[str] = field(default_factory=Counter)
    below_floor: int = 0

    @property
    def weeks(self) -> float:
        return max(1.0, (self.until - self.since).days / WEEK.days)


async def rehearse(
    session: AsyncSession, policy: Policy, *, quarter: str | None = None, principal: Principal
) -> tuple[str, Load]:
    """Judge every quote whose newest revision was made in a quarter, the last full one by default."""
    require(principal, *REHEARSERS)
    settings = settings_of(session)
    zone, today = settings.org_timezone, local_date(clock.now(), settings.org_timezone)
    current = settings.calendar.quarter(today)
    period = _parsed(settings.calendar, quarter) if quarter else settings.calendar.before(current, 1)[0]
    rows = await _quoted(session, period, zone, principal=principal)
    if not rows and quarter is None:
        period = current
        rows = await _quoted(session, period, zone, principal=principal)
    load = Load(period.start, min(period.end, today + timedelta(days=1)))
    products = await catalogue.find_products(
        session, {line.product_id for _, _, _, lines in rows for line in lines}, principal=principal
    )
    wanted = [
        Wanted(quote.revised_at, products[line.product_id], market, segment)
        for quote, market, segment, lines in rows
        for line in lines
        if line.product_id in products
    ]
    told = iter(await guided(session, wanted, minimum=policy.minimum, principal=Principal.system("pricing")))
    for quote, market, segment, lines in rows:
        of_lines = {line.position: next(told) for line in lines if line.product_id in products}
        facts = _facts(quote, market, segment, lines, of_lines, products)
        _count(load, policy, facts)
    return period.key, load


async def _quoted(
    session: AsyncSession, period: Period, zone: str, *, principal: Principal
) -> list[tuple[Quote, str | None, str | None, list[QuoteLine]]]:
    return await repository.quoted_between(
        session, _instant(period.start, zone), _instant(period.end, zone), principal=principal
    )


def _parsed(calendar: FiscalCalendar, key: str) -> Period:
    """Raises NoSuchQuarter."""
    try:
        return calendar.parse(key)
    except UnknownPeriod as error:
        raise NoSuchQuarter(str(error)) from None


def _count(load: Load, policy: Policy, facts: QuoteFacts) -> None:
    verdict = judge(policy, facts)
    load.quotes += 1
    load.by_level[verdict.level] += 1
    load.below_floor += verdict.needs_reason
    if verdict.level:
        load.approvals += 1
        load.by_measure.update({each.measure for each in verdict.findings})
        load.by_authority.update(each for stage in policy.stages(verdict.level) for each in stage.authorities)


def _facts(
    quote: Quote,
    market: str | None,
    segment: str | None,
    lines: Sequence[QuoteLine],
    told: Mapping[int, Guided],
    products: Mapping[UUID, ProductRow],
) -> QuoteFacts:
    falls, _ = offering.waterfalls(quote, lines)
    made = []
    for line, fall in zip(lines, falls, strict=True):
        each, product = told.get(line.position), products.get(line.product_id)
        floor = None if each is None else each.edges.floor if each.edges else each.minimum
        made.append(
            LineFacts(
                str(line.product_id),
                product.state.line if product and product.state else None,
                fall.list_amount or None,
                fall.paid,
                fall.pocket,
                fall.cost_amount,
                floor,
                each.minimum if each else None,
            )
        )
    return QuoteFacts(tuple(made), quote.currency, market, segment, quote.payment_days, quote.term_months)


def _instant(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
