"""Readings of the roll-up: what was asked is decided once, then every number comes from one snapshot."""

from dataclasses import asdict, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock, organisation
from libs.common.calendar import Period, UnknownPeriod, local_date
from libs.common.ids import ROOT_UNIT
from libs.common.messaging import position
from libs.common.messaging.topics import DEAL_EVENTS
from libs.common.money import UnknownCurrency, exponent
from libs.common.web.auth import Principal
from libs.common.web.errors import Forbidden, Invalid, NotFound, Unavailable
from services.forecast.completeness import service as completenesses
from services.forecast.config import Settings, settings_of
from services.forecast.credit import service as credit
from services.forecast.history import repository as versions
from services.forecast.organisation import service as organisations
from services.forecast.past import service as history
from services.forecast.past.view import View
from services.forecast.periods import service as periods
from services.forecast.rates import service as rates
from services.forecast.readings import repository
from services.forecast.readings.asked import Asked, Past, Question
from services.forecast.rollup import repository as rollup
from services.forecast.rollup.cells import NOBODY
from services.forecast.rollup.schemas import BusinessDate, OrgOut, PeriodOut
from services.forecast.rollup.standing import METRIC_VERSION


class UnreadablePeriod(Invalid):
    """The period asked for is not written as one."""


class UnreadableCurrency(Invalid):
    """The currency asked for is none."""


class UnknownUnit(NotFound):
    """No unit of the organisation has this id."""


class UnitOutOfScope(Forbidden):
    """The unit exists, but the caller may not see it."""


class CalendarInChange(Unavailable):
    """The cells still have the months of the fiscal calendar before."""


async def decide(
    session: AsyncSession, question: Question, *, principal: Principal, deals: bool = True, from_history: bool = False
) -> Asked:
    """Turn a request into a definite question. Scope only ever narrows: it is the caller's own, cut with `org`.

    Without `deals` a question about the past comes without the deals it is about. With `from_history` one about the present
    is answered from history too.

    Raises UnreadablePeriod, UnreadableCurrency, UnknownUnit, UnitOutOfScope, CalendarInChange.
    """
    configured = settings_of(session)
    now = clock.now()
    base = _currency(question.currency, configured.base_currency)
    is_past = (
        from_history
        or question.as_of is not None
        or question.known_at is not None
        or question.organisation == "was"
        or base != configured.base_currency
        or question.rate == "booked"
    )
    known_at = await _known_at(session, question.known_at, now) if is_past else now
    as_of = min(question.as_of or now, now)
    business_date = await _business_date(session, question, as_of, now)
    calendar = configured.calendar
    if not is_past and (of_cells := await rollup.calendar_of_cells(session)) != calendar.name:
        raise CalendarInChange(f"The roll-up has {of_cells} and is made anew with {calendar.name}; try again shortly.")
    try:
        period = calendar.parse(question.period) if question.period else calendar.quarter(business_date.day)
    except UnknownPeriod as error:
        raise UnreadablePeriod(f"period: {error}.") from None
    basis = question.organisation or ("was" if question.as_of or question.known_at else "is")
    org = await _org(session, question.org, principal)
    held = await rates.load(session, known_at=known_at if is_past else None, base=base)
    if question.rate == "booked":
        held = await rates.at_booking(session, held, known_at=known_at)
    past = None
    if is_past:
        organised = await organisations.read(session, basis, as_of=as_of, known_at=known_at)
        filters = {
            name: "" if value == NOBODY else str(value)
            for name, value in asdict(question.filters).items()
            if value is not None
        }
        view = View.of(organised, org=org.unit_id, scope=principal.scope, filters=filters)
        books = await periods.books(session, known_at=known_at, principal=principal)
        stood = await history.population(
            session, as_of=as_of, known_at=known_at, rates=held, view=view, books=books, deals=deals
        )
        past = Past(view, stood, books, configured.call_basis)
    return Asked(
        calendar=calendar,
        period=period,
        quarter=calendar.quarter(business_date.day),
        business_date=business_date,
        org=org,
        as_of=as_of,
        known_at=known_at,
        organisation=basis,
        past=past,
        late=() if is_past else await periods.moved(session, principal=principal),
        rate=question.rate,
        rates=held,
        filters=question.filters,
        scope=organisation.scope_parameters(principal),
        splits=not is_past and await credit.any_counts(session, principal=principal),
    )


def seen_from(question: Question, configured: Settings) -> Question:
    """A business date of the past is an instant here: what was closed after it is no part of what was to come then."""
    if question.day is None or question.as_of is not None:
        return question
    over = datetime.combine(question.day + timedelta(days=1), time(), ZoneInfo(configured.org_timezone))
    if over > clock.now():
        return replace(question, day=None)
    return replace(
        question, day=None, as_of=over - timedelta(microseconds=1), organisation=question.organisation or "is"
    )


def _currency(wanted: str | None, base: str) -> str:
    try:
        exponent(wanted or base)
    except UnknownCurrency as error:
        raise UnreadableCurrency(f"currency: {error}.") from None
    return wanted or base


async def _known_at(session: AsyncSession, wanted: datetime | None, now: datetime) -> datetime:
    """At most up to where all versions have arrived, so that the same question answers the same for ever."""
    arrived = await versions.recorded_to(session, DEAL_EVENTS.name, DEAL_EVENTS.partitions)
    return min(wanted or now, now, arrived or now)


async def _business_date(session: AsyncSession, question: Question, as_of: datetime, now: datetime) -> BusinessDate:
    configured = settings_of(session)
    fresh = await repository.freshness(session)
    delivered, changed, imported = (
        fresh["newest_delivery_at"],
        fresh["newest_change_at"],
        fresh["newest_imported_at"],
    )
    is_live = delivered is not None and now - delivered <= timedelta(days=configured.live_within_days)
    day, basis = local_date(now, configured.org_timezone), "live"
    if question.day is not None:
        day, basis = question.day, "chosen"
    elif question.as_of is not None:
        day, basis = local_date(as_of, configured.org_timezone), "chosen"
    elif not is_live and imported is not None:
        day, basis = local_date(min(imported, now), configured.org_timezone), "import"
    return BusinessDate.model_validate(
        {
            "day": day,
            "basis": basis,
            "newest_change_at": max((at for at in (changed, imported) if at is not None), default=None),
            "newest_delivery_at": delivered,
        }
    )


async def _org(session: AsyncSession, wanted: UUID | None, principal: Principal) -> OrgOut:
    if wanted is None:
        wanted = principal.scope[0] if len(principal.scope) == 1 else ROOT_UNIT
    found = await repository.unit(session, wanted)
    if found is None:
        raise UnknownUnit(f"There is no unit {wanted} in the organisation.")
    if not organisation.sees_everything(principal) and not await repository.is_within(session, wanted, principal.scope):
        raise UnitOutOfScope(f"Unit {wanted} is outside what you may see.")
    return OrgOut.model_validate(dict(found))


async def envelope(session: AsyncSession, asked: Asked) -> dict[str, Any]:
    """The fields that every reading carries."""
    watermark = await position.watermark(session, (DEAL_EVENTS,))
    month = asked.quarter.start
    share, compared = await completenesses.read(
        session, known_at=asked.known_at, convert=lambda amount, currency: asked.rates.convert(amount, currency, month)
    )
    return {
        "as_of": asked.as_of,
        "known_at": asked.known_at,
        "org": asked.org,
        "organisation": asked.organisation,
        "currency": asked.rates.base,
        "rate": asked.rate,
        "watermark": watermark,
        "behind_s": round(max(0.0, (clock.now() - watermark).total_seconds()), 3) if watermark else None,
        "completeness": share,
        "compared": compared,
        "metric_version": METRIC_VERSION,
        "business_date": asked.business_date,
    }


def period_out(period: Period, day: date) -> PeriodOut:
    return PeriodOut(
        key=period.key,
        kind=period.kind,
        label=period.label,
        start=period.start,
        end=period.last_day,
        is_current=day in period,
    )
