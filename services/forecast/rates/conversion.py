"""Exchange rates as the roll-up uses them: one rate per fiscal year and currency, into the base currency. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from libs.common import money
from libs.common.calendar import FiscalCalendar


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
    """Units of the base currency per unit of a currency. A year's own rate goes before the default one."""

    base: str
    default: Mapping[str, Decimal]
    years: tuple[YearRates, ...] = field(default=())

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
