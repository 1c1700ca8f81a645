"""What a reading was asked for, once everything has been looked up: instants, period, unit, filters."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from libs.common.calendar import FiscalCalendar, Period
from services.forecast.organisation.service import Basis
from services.forecast.organisation.tree import Organisation
from services.forecast.past.population import Population
from services.forecast.past.view import View
from services.forecast.periods.counting import Books
from services.forecast.periods.service import LateWin
from services.forecast.rates.conversion import Rates
from services.forecast.rollup.schemas import BusinessDate, OrgOut, Rate


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
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """The raw request, as the endpoint understood it.

    `organisation`: today's (`is`), or as it `was` at both instants; without it today's for the present, else as it was.
    `rate`: won deals at the constant rate, or at the one of their booking day.
    """

    period: str | None = None
    org: UUID | None = None
    day: date | None = None
    as_of: datetime | None = None
    known_at: datetime | None = None
    filters: Filters = field(default_factory=Filters)
    organisation: Basis | None = None
    currency: str | None = None
    rate: Rate = "constant"


@dataclass(frozen=True, slots=True)
class Past:
    """What of the past a question is about, and the deals themselves where they were asked for, in all their lines.

    `basis`: the value basis of calls.
    """

    view: View
    population: Population
    books: Books
    basis: str

    @property
    def organisation(self) -> Organisation:
        return self.view.organisation


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with all defaults decided. With `past` it is answered from history, else from the present.

    `late`: of the present, the wins that count where finance says, or until it has decided, instead of where they are booked.
    `splits`: whether any deal of the present is split.
    """

    calendar: FiscalCalendar
    period: Period
    quarter: Period
    business_date: BusinessDate
    org: OrgOut
    as_of: datetime
    known_at: datetime
    organisation: Basis
    past: Past | None
    late: Sequence[LateWin]
    rate: Rate
    rates: Rates
    filters: Filters
    scope: dict[str, Any]
    splits: bool = False
