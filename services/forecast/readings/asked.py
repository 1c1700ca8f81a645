"""What a reading was asked for, once everything has been looked up: instants, period, unit, filters."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from libs.common.calendar import FiscalCalendar, Period
from services.forecast.rates.conversion import Rates
from services.forecast.rollup.schemas import BusinessDate, OrgOut


@dataclass(frozen=True, slots=True)
class Filters:
    """Narrowing by properties of the deal. An empty text asks for deals that have no value there."""

    deal_type: str | None = None
    value_basis: str | None = None
    owner: UUID | None = None
    region: str | None = None
    market: str | None = None
    product: str | None = None
    segment: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """The raw request, as the endpoint understood it."""

    period: str | None = None
    org: UUID | None = None
    day: date | None = None
    as_of: datetime | None = None
    known_at: datetime | None = None
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with all defaults decided. `is_past`: answered from history instead of from the present."""

    calendar: FiscalCalendar
    period: Period
    quarter: Period
    business_date: BusinessDate
    org: OrgOut
    as_of: datetime
    known_at: datetime
    is_past: bool
    rates: Rates
    filters: Filters
    scope: dict[str, Any]
