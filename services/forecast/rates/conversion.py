"""Exchange rates into the base currency: one per fiscal year and currency, and those of the days deals were booked on. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from libs.common import money
from libs.common.calendar import FiscalCalendar, local_date


class MissingBaseRate(ValueError):
    """The default set has no rate of the base currency, so nothing can be expressed in it."""


@dataclass(frozen=True, slots=True)
class YearRates:
    """Rates that one fiscal year has of its own, for months in [start, end)."""

    start: date
    end: date
    to_base: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Rates:
    """Units of the base currency per unit of a currency. A year's own rate goes before the default one.

    `at_booking`: with it won deals are valued at the rates of their booking day, as far as there are any.
    """

    base: str
    default: Mapping[str, Decimal]
    years: tuple[YearRates, ...] = field(default=())
    at_booking: tuple["Held", ...] = field(default=())

    def of(self, currency: str, month: date) -> Decimal | None:
        """The rate for a deal of that month; None if nobody has set one."""
        if currency == self.base:
            return Decimal(1)
        for year in self.years:
            if year.start <= month < year.end and currency in year.to_base:
                return year.to_base[currency]
        return self.default.get(currency)

    def convert(self, amount: Decimal | None, currency: str | None, month: date) -> Decimal | None:
        """The amount in the base currency, rounded to its minor unit; None without amount, currency or rate."""
        if amount is None or currency is None:
            return None
        rate = self.of(currency, month)
        return None if rate is None else money.convert(amount, rate, self.base)


@dataclass(frozen=True, slots=True)
class Held:
    """The rates that held for bookings on days in [start, end); None when there was none of the base currency."""

    start: date
    end: date
    rates: Rates | None


class Entry(NamedTuple):
    """A rate of a set (`fiscal_year` None is the default one), and when it was set; None ends the currency there."""

    fiscal_year: int | None
    currency: str
    rate: Decimal | None
    recorded_at: datetime
    is_shipped: bool


class Deviation(NamedTuple):
    """A rate of booking days in [start, end) that is another than the constant one."""

    currency: str
    start: date
    end: date
    rate: Decimal


def held_by_day(base: str, entries: Sequence[Entry], calendar: FiscalCalendar, zone: str) -> tuple[Held, ...]:
    """From day to day the rates that were set by the end of the day, in a time zone; `entries` oldest first.

    A shipped rate that somebody replaced was a placeholder and never held.
    """
    replaced = {(each.fiscal_year, each.currency) for each in entries if not each.is_shipped}
    sets: dict[int | None, dict[str, Decimal]] = {None: {}}
    days: dict[date, list[Entry]] = {date.min: []}
    for entry in entries:
        if not entry.is_shipped:
            days.setdefault(local_date(entry.recorded_at, zone), []).append(entry)
        elif (entry.fiscal_year, entry.currency) not in replaced:
            days[date.min].append(entry)
    found = []
    for day, following in pairwise([*sorted(days), date.max]):
        for entry in days[day]:
            of_set = sets.setdefault(entry.fiscal_year, {})
            if entry.rate is None:
                of_set.pop(entry.currency, None)
            else:
                of_set[entry.currency] = entry.rate
        rates = assemble(base, sets, calendar) if base in sets[None] else None
        found.append(Held(day, following, rates))
    return tuple(found)


def deviations(constant: Rates, held: Sequence[Held], start: date, end: date) -> Iterator[Deviation]:
    """Where, of booking days in [start, end), the rate is known and another than the constant one."""
    for each in held:
        if each.rates is None or each.end <= start or each.start >= end:
            continue
        first, last = max(each.start, start), min(each.end, end)
        turns = {day for year in (*each.rates.years, *constant.years) for day in (year.start, year.end)}
        currencies = {*each.rates.default, *(currency for year in each.rates.years for currency in year.to_base)}
        for begin, until in pairwise(sorted({first, last, *(day for day in turns if first < day < last)})):
            for currency in sorted(currencies):
                rate, usual = each.rates.of(currency, begin), constant.of(currency, begin)
                if rate is not None and usual is not None and rate != usual:
                    yield Deviation(currency, begin, until, rate)


def assemble(base: str, sets: Mapping[int | None, Mapping[str, Decimal]], calendar: FiscalCalendar) -> Rates:
    """Rates into `base` from the stored sets by fiscal year (None is the default set).

    A set is quoted against a reference of its own (EUR in the shipped one); rates into the base are cross rates. Raises
    MissingBaseRate if the default set lacks the base currency.
    """
    default = sets.get(None, {})
    if base not in default:
        raise MissingBaseRate(f"the default rate set has no rate of {base}; set one before reading in {base}")
    years = []
    for fiscal_year, quoted in sorted((year, rates) for year, rates in sets.items() if year is not None):
        period = calendar.parse(f"FY{fiscal_year:04}")
        reference = quoted.get(base, default[base])
        years.append(YearRates(period.start, period.end, _cross(quoted, reference)))
    return Rates(base, _cross(default, default[base]), tuple(years))


def _cross(quoted: Mapping[str, Decimal], reference: Decimal) -> dict[str, Decimal]:
    return {currency: rate / reference for currency, rate in quoted.items()}
