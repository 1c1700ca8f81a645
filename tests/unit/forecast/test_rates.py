"""Rates of booking days: what was set by the end of the day, and where it is another than the constant rate."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from libs.common import money
from libs.common.calendar import FiscalCalendar, local_date
from services.forecast.history.columns import effective
from services.forecast.past.population import Population
from services.forecast.rates.conversion import Entry, Rates, assemble, deviations, held_by_day
from tests.unit.forecast.given import AT, columns_of, state

CALENDAR, ZONE = FiscalCalendar(), "Europe/Berlin"
SHIPPED = datetime(1970, 1, 1, tzinfo=UTC)
DAYS = st.integers(-400, 30).map(lambda days: AT.date() + timedelta(days=days))
RATES = st.sampled_from([None, Decimal("0.9"), Decimal("0.8"), Decimal("1.0837"), Decimal("0.0061")])
"""None ends a currency."""


@st.composite
def histories(draw: st.DrawFn) -> list[Entry]:
    """What was shipped, then what people set: the default rates, those of a year, some ended again."""
    found = [
        Entry(None, currency, rate, SHIPPED, is_shipped=True)
        for currency, rate in (("EUR", Decimal(1)), ("USD", Decimal("0.92")), ("JPY", Decimal("0.0061")))
    ]
    hours = sorted(draw(st.lists(st.integers(-9_000, 0), max_size=6)))
    for hour in hours:
        rate = draw(RATES)
        year = draw(st.sampled_from([None, None, 2026]))
        currency = draw(st.sampled_from(["USD", "USD", "JPY"]))
        found.append(Entry(year, currency, rate, AT + timedelta(hours=hour), is_shipped=False))
    return found


def constant_of(entries: Sequence[Entry], base: str) -> Rates | None:
    sets: dict[int | None, dict[str, Decimal]] = {None: {}}
    for each in entries:
        sets.setdefault(each.fiscal_year, {})[each.currency] = each.rate  # type: ignore[assignment]
    known = {year: {name: rate for name, rate in rates.items() if rate} for year, rates in sets.items()}
    return assemble(base, known, CALENDAR) if base in known[None] else None


def on_day(entries: Sequence[Entry], base: str, day: date) -> Rates | None:
    """The rates of a booking day, found anew: of those set by its end, without placeholders that were replaced."""
    replaced = {(each.fiscal_year, each.currency) for each in entries if not each.is_shipped}
    held = [
        each
        for each in entries
        if (
            (each.fiscal_year, each.currency) not in replaced
            if each.is_shipped
            else local_date(each.recorded_at, ZONE) <= day
        )
    ]
    return constant_of(held, base) if held else None


@given(
    histories(),
    st.sampled_from(["EUR", "USD"]),
    st.lists(st.tuples(DAYS, st.integers(1, 10**9)), min_size=1, max_size=6),
)
def test_a_won_deal_is_worth_its_amount_at_the_rate_of_its_booking_day(
    entries: list[Entry], base: str, booked: list[tuple[date, int]]
) -> None:
    constant = constant_of(entries, base)
    if constant is None:
        return
    held = held_by_day(base, entries, CALENDAR, ZONE)
    rates = Rates(constant.base, constant.default, constant.years, held)
    deals = [
        state(number, state="won", category=None, closed_on=day, amount=Decimal(cents) / 100, currency=currency)
        for number, (day, cents) in enumerate(booked, start=1)
        for currency in (("USD", "EUR", "JPY", "XAU")[number % 4],)
    ]
    deals.append(state(99, currency="USD", amount=Decimal("33.33"), close_date=AT.date()))
    columns = columns_of([(deal, AT) for deal in deals])
    amount, priced = Population.of(columns, effective(columns, AT, AT), rates).amount
    differences = Decimal()
    for deal, units, known in zip(deals, amount, priced, strict=True):
        day = deal.closed_on or deal.close_date or date.min
        usual = constant.convert(deal.amount, deal.currency, day)
        of_day = on_day(entries, base, day) if deal.state == "won" else None
        expected = (of_day.convert(deal.amount, deal.currency, day) if of_day else None) or usual
        assert (money.from_minor(int(units), base) if known else None) == (expected if usual is not None else None)
        if usual is not None and expected is not None:
            differences += expected - usual
    found = Decimal()
    for each in deviations(constant, held, date(2020, 1, 1), date(2030, 1, 1)):
        for deal in deals:
            if deal.state == "won" and deal.currency == each.currency and deal.closed_on and deal.amount:
                usual = constant.convert(deal.amount, deal.currency, deal.closed_on)
                if each.start <= deal.closed_on < each.end and usual is not None:
                    found += money.convert(deal.amount, each.rate, base) - usual
    assert found == differences
