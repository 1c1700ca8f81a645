"""The lift of a promotion out of the accepted quotes that are known now."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import local_date
from libs.common.money import total
from libs.common.web.auth import Principal
from services.pricing.config import business_day, settings_of
from services.pricing.promotions import repository, service
from services.pricing.promotions.lift import Cell, Judged, Sold, judge
from services.pricing.promotions.lift.judging import MOST_WEEKS, WEEK
from services.pricing.promotions.models import Promotion, Sale
from services.pricing.promotions.schemas import LiftOut, matched_of, rounded, weeks_of


async def lift(session: AsyncSession, promotion_id: UUID, *, principal: Principal) -> LiftOut:
    """What came beyond the baseline up to yesterday, with an interval, or why that cannot be said. Of the whole company.

    Raises PromotionNotFound.
    """
    row, used = await service.read(session, promotion_id, principal=principal)
    zone = settings_of(session).org_timezone
    over_on = min(row.last_day + timedelta(days=1), business_day(session))
    since, until = row.plan.starts_on - MOST_WEEKS * WEEK, max(over_on, row.plan.starts_on)
    sales, elsewhere = await repository.sales(
        session, row, since=_midnight(since, zone), until=_midnight(until + timedelta(days=1), zone)
    )
    beside = await repository.beside(session, row, since=since, until=until)
    first = await repository.first_sale(session)
    found = judge(
        [Sold(local_date(each.accepted_at, zone), (each.market, each.segment), float(each.amount)) for each in sales],
        is_promoted=lambda cell: covers(row, cell),
        touched={cell for cell in _cells(sales) if any(covers(each, cell) for each in beside)},
        starts_on=row.plan.starts_on,
        over_on=until,
        known_from=None if first is None else local_date(first, zone),
    )
    overlapping = sum(any(covers(row, cell) and covers(each, cell) for cell in _cells(sales)) for each in beside)
    promoted = [each for each in sales if each.promoted > 0]
    return _told(row, found, promoted, used.accepted, elsewhere, overlapping)


def covers(row: Promotion, cell: Cell) -> bool:
    """Whether a promotion runs in a market and segment."""
    market, segment = cell
    plan = row.plan
    return (not plan.markets or market in plan.markets) and (not plan.segments or segment in plan.segments)


def _told(
    row: Promotion, found: Judged, promoted: list[Sale], given: Decimal, elsewhere: int, overlapping: int
) -> LiftOut:
    currency = row.plan.currency
    engine = found.found
    actual = rounded(engine.actual, currency) if engine else None
    baseline = rounded(engine.baseline, currency) if engine else None
    return LiftOut(
        promotion_id=row.promotion_id,
        currency=currency,
        method=found.method,
        why_not=found.why_not,
        actual=actual,
        baseline=baseline,
        lift=actual - baseline if actual is not None and baseline is not None else None,
        low=rounded(engine.low, currency) if engine else None,
        high=rounded(engine.high, currency) if engine else None,
        expected=row.plan.expected,
        attributed=total(each.promoted for each in promoted),
        attributed_quotes=len(promoted),
        given=given,
        sales_before=found.sales_before,
        sales_during=found.sales_during,
        weeks_before=found.weeks_before,
        weeks_during=found.weeks_during,
        until=found.until,
        other_currencies=elsewhere,
        overlapping=overlapping,
        matched=matched_of(found, currency),
        weeks=weeks_of(found, currency),
        said=_said(found),
    )


def _said(found: Judged) -> str:
    """What it rests on, and what it cannot tell."""
    if found.found is None:
        return f"Too little data: {found.why_not}."
    weeks = f"{found.weeks_during} weeks with it against {found.weeks_before} before"
    if found.method == "difference_in_differences":
        number = len(found.matched)
        whom = "one segment" if number == 1 else f"{number} segments"
        return f"Difference in differences: {weeks}, beside {whom} where it did not run."
    return (
        f"Before and after: {weeks}, in the same scope. There was nothing like it to compare with, so a season or any other change "
        "since then counts as lift."
    )


def _cells(sales: list[Sale]) -> set[Cell]:
    return {(each.market, each.segment) for each in sales}


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
