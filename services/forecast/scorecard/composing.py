"""The sections of a scorecard that other capabilities answer: each asked once, all at the same two instants."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import FiscalCalendar, Period
from libs.common.ids import ROOT_UNIT
from libs.common.web.auth import Principal
from services.forecast.attainment import service as attainments
from services.forecast.attainment.schemas import AttainmentReading, MonthOut
from services.forecast.metrics import service as metrics
from services.forecast.outlook import service as outlook
from services.forecast.readings import call as readings
from services.forecast.readings.asked import Filters, Question
from services.forecast.rollup.schemas import RollupReading
from services.forecast.scorecard.cutting import share
from services.forecast.scorecard.document import Ahead, Booked, Landing, Rate, Said
from services.forecast.scorecard.sales import Instants

RANGE: Final = 0.8
UNWANTED: Final = (None, None)
PLACES: Final = 6
"""Of floats, so that the same reading is the same text."""


def asked(period: str, instants: Instants, value_basis: str | None = None) -> Question:
    filters = Filters(value_basis=value_basis)
    return Question(period=period, org=ROOT_UNIT, as_of=instants.as_of, known_at=instants.known_at, filters=filters)


async def attained(
    session: AsyncSession, period: str, instants: Instants, *, principal: Principal
) -> AttainmentReading:
    asking = attainments.Asking(period, org=ROOT_UNIT, as_of=instants.as_of, known_at=instants.known_at)
    return await attainments.read(session, asking, principal=principal)


async def bookings(
    session: AsyncSession,
    month: Period,
    quarter: AttainmentReading,
    instants: Instants,
    calendar: FiscalCalendar,
    *,
    principal: Principal,
) -> list[Booked]:
    """The month, the quarter and the year to its end, beside what was wanted and a year before."""
    year = calendar.year(month.start)
    of_year = await attained(session, year.key, instants, principal=principal)
    before = calendar.before(year, 1)[0]
    question = asked(before.key, instants, quarter.value_basis)
    last = await readings.rollup(session, question, by="month", principal=principal)
    place = [each.key for each in calendar.months(year)].index(month.key)
    earlier = [each.key for each in calendar.months(before)][: place + 1]
    in_quarter = [each.key for each in calendar.months(calendar.quarter(month.start))].index(month.key) + 1
    own, whole = (_month(reading, month.key) for reading in (quarter, of_year))
    single = own if own.quota is not None else whole
    rows: Sequence[tuple[str, str, Decimal, Decimal | None, str | None, Sequence[str]]] = (
        ("bookings.month", month.label, own.closed_won, single.quota, single.source, earlier[-1:]),
        (
            "bookings.quarter",
            f"{quarter.period.label} to date",
            own.closed_to_date,
            *(_to_date(quarter.months, month) or _to_date(of_year.months[place + 1 - in_quarter :], month) or UNWANTED),
            earlier[-in_quarter:],
        ),
        (
            "bookings.year",
            f"{year.label} to date",
            whole.closed_to_date,
            *(_to_date(of_year.months, month) or UNWANTED),
            earlier,
        ),
    )
    return [
        _booked(line, label, closed, target, source, _sum(last, keys))
        for line, label, closed, target, source, keys in rows
    ]


def _month(reading: AttainmentReading, key: str) -> MonthOut:
    return next(month for month in reading.months if month.key == key)


def _to_date(found: Sequence[MonthOut], month: Period) -> tuple[Decimal, str] | None:
    """What was wanted from the first of these months to the end of `month`, and by what; None unless each has a target."""
    months = [each for each in found if each.start <= month.start]
    quotas = [each.quota for each in months if each.quota is not None]
    if len(quotas) < len(months):
        return None
    return sum(quotas, Decimal()), "own" if all(each.source == "own" for each in months) else "even"


def _sum(reading: RollupReading, keys: Sequence[str]) -> Decimal | None:
    """Closed in some months of the year before; None when nothing at all is known of that year."""
    if not any(row.total.count for row in reading.rows):
        return None
    return sum((row.lines.closed_won.amount for row in reading.rows if row.key in keys), Decimal("0.00"))


def _booked(
    line: str, label: str, closed: Decimal, target: Decimal | None, source: str | None, last_year: Decimal | None
) -> Booked:
    reached = share(closed, target) if target is not None else None
    growth = share(closed - last_year, last_year) if last_year is not None else None
    return Booked(
        line=line,
        label=label,
        closed=closed,
        target=target,
        target_source=source,
        attainment=reached,
        gap=None if target is None else target - closed,
        last_year=last_year,
        growth=growth,
    )


async def landing(
    session: AsyncSession, quarter: AttainmentReading, instants: Instants, *, principal: Principal
) -> Landing:
    """What the quarter will bring. Chance only with a target above 0."""
    quota = quarter.node.quota
    target = quota if quota is not None and quota > 0 else None
    question = asked(quarter.period.key, instants, quarter.value_basis)
    found = await outlook.read(session, question, target=target, principal=principal)
    band = next(band for band in found.bands if abs(band.share - RANGE) < 1e-9)
    return Landing(
        line="landing",
        label=quarter.period.label,
        is_over=found.is_over,
        closed=found.parts.closed,
        projection=found.parts.projection,
        low=band.low,
        high=band.high,
        target=quota,
        chance=None if found.target is None or found.is_over else round(found.target.probability, PLACES),
    )


async def ahead(
    session: AsyncSession, quarters: Sequence[Period], instants: Instants, *, principal: Principal
) -> list[Ahead]:
    """Open pipeline of quarters to come beside what their targets need."""
    found = []
    for quarter in quarters:
        reading = await attained(session, quarter.key, instants, principal=principal)
        question = asked(quarter.key, instants, reading.value_basis)
        whole = (await readings.rollup(session, question, by="category", principal=principal)).totals
        needed, quota = reading.needed, reading.node.quota
        reason = needed.reason if needed else "No target is set." if quota is None else "The target is 0."
        found.append(
            Ahead(
                line=f"ahead.{quarter.key}",
                label=quarter.label,
                open=whole.total.amount - whole.lines.closed_won.amount,
                target=quota,
                required_open=needed.required_open if needed else None,
                coverage=_rounded(needed.coverage) if needed else None,
                reason=reason,
            )
        )
    return found


async def win_rates(
    session: AsyncSession, periods: Sequence[Period], value_basis: str, instants: Instants, *, principal: Principal
) -> tuple[list[Rate], str]:
    """The win rate by count of periods, and the version of the metric."""
    found, version = [], ""
    for period in periods:
        asking = metrics.Asking(asked(period.key, instants, value_basis))
        reading = await metrics.read(session, "win_rate_count", asking, principal=principal)
        total, version = reading.total, reading.metric_version
        found.append(
            Rate(
                line=f"win_rate.{period.kind}",
                label=period.label,
                value=_rounded(total.value),
                low=_rounded(total.interval.low) if total.interval else None,
                high=_rounded(total.interval.high) if total.interval else None,
                n=total.n,
                reason=total.reason,
            )
        )
    return found, version


async def said(
    session: AsyncSession, quarter: str, instants: Instants, *, principal: Principal
) -> tuple[list[Said], str | None]:
    """Our number on days of past quarters, what came, and the naive one; why there is none."""
    found = await outlook.past_periods(session, asked(quarter, instants), principal=principal)
    rows = [
        Said(
            line=f"said.{past.period.key}.{saying.day}",
            label=past.period.label,
            came=past.closed,
            day=saying.day,
            ours=saying.projection,
            low=saying.low,
            high=saying.high,
            hit=saying.hit,
            naive=saying.last_year,
        )
        for past in found.periods
        for saying in past.sayings
    ]
    return rows, found.why_empty


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), PLACES)
