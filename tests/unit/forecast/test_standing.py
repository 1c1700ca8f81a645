from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from libs.common.calendar import FiscalCalendar
from libs.common.events.deals import DealChanged
from services.forecast.rates.conversion import MissingBaseRate, Rates, assemble
from services.forecast.rollup.standing import UNDATED, Standing, bucket_of, standing

AT = datetime(2026, 11, 2, tzinfo=UTC)
RATES = Rates("EUR", {"EUR": Decimal(1), "USD": Decimal("0.92"), "JPY": Decimal("0.0061")})
QUARTER = date(2026, 10, 1)


def stands(**fields: Any) -> Standing | None:
    given: dict[str, Any] = {
        "deal_id": UUID(int=1),
        "version": 1,
        "valid_from": AT,
        "stage_entered_at": AT,
        "created_at": AT,
        "amount": Decimal(100),
        "currency": "EUR",
        "stage_probability": Decimal("0.5"),
        "close_date": date(2026, 12, 1),
        "category": "commit",
    }
    return standing(DealChanged(**(given | fields)), RATES, FiscalCalendar())


def line(**fields: Any) -> str | None:
    found = stands(**fields)
    return found.line if found else None


def test_won_is_won_whatever_the_gate_says() -> None:
    assert line(state="won", gate="waiting", category="omitted") == "closed_won"


def test_a_lost_deal_stands_in_no_forecast_line_and_weighs_nothing() -> None:
    found = stands(state="lost", category=None, stage_probability=Decimal("0.7"))
    assert found is not None
    assert (found.line, found.weighted_base) == ("lost", Decimal())


def test_a_deal_at_almost_certainty_is_still_open() -> None:
    assert line(stage_probability=Decimal("0.99999")) == "commit"


def test_a_waiting_deal_is_held_back_and_an_overridden_gate_lets_it_in() -> None:
    assert line(gate="waiting") == "held_back"
    assert line(gate="overridden") == "commit"
    assert line(gate="passed") == "commit"


def test_a_date_that_a_machine_set_carries_no_promise() -> None:
    assert line(close_date_provisional=True) == "pipeline"
    assert line(close_date_provisional=True, category="omitted") == "omitted"


def test_a_deal_that_nobody_has_categorised_is_pipeline() -> None:
    assert line(category=None) == "pipeline"


@pytest.mark.parametrize("gone", [{"removed": True}, {"absorbed_into": UUID(int=2)}])
def test_a_removed_or_absorbed_deal_stands_nowhere(gone: dict[str, Any]) -> None:
    assert stands(**gone) is None


def test_a_won_deal_is_booked_in_the_month_it_closed_not_in_the_month_it_was_expected() -> None:
    found = stands(state="won", closed_on=date(2026, 9, 30), close_date=date(2026, 12, 1))
    assert found is not None
    assert found.month == date(2026, 9, 1)


def test_a_deal_closing_on_the_first_of_a_month_is_in_that_month_only() -> None:
    found = stands(close_date=date(2026, 10, 1))
    assert found is not None
    assert found.month == date(2026, 10, 1)
    assert bucket_of(found.line, found.month, QUARTER) == "commit"


def test_an_open_deal_of_a_past_quarter_is_carried_over_and_a_closed_one_stays() -> None:
    past = date(2026, 9, 1)
    assert bucket_of("commit", past, QUARTER) == "carried_over"
    assert bucket_of("held_back", past, QUARTER) == "carried_over"
    assert bucket_of("closed_won", past, QUARTER) == "closed_won"
    assert bucket_of("commit", UNDATED, QUARTER) == "undated"
    assert bucket_of("commit", QUARTER, QUARTER) == "commit"


def test_an_unknown_amount_rate_or_probability_stays_unknown() -> None:
    assert stands(amount=None) == Standing("commit", date(2026, 12, 1), None, None)
    assert stands(currency="XAU") == Standing("commit", date(2026, 12, 1), None, None)
    assert stands(stage_probability=None) == Standing("commit", date(2026, 12, 1), Decimal("100.00"), None)


def test_each_deal_is_weighted_by_itself_half_up() -> None:
    found = stands(amount=Decimal("0.01"), stage_probability=Decimal("0.5"))
    assert found is not None
    assert found.weighted_base == Decimal("0.01")


def test_a_year_with_rates_of_its_own_uses_them_and_the_default_for_the_rest() -> None:
    rates = assemble(
        "EUR",
        {None: {"EUR": Decimal(1), "USD": Decimal("0.92"), "GBP": Decimal("1.17")}, 2027: {"USD": Decimal("0.80")}},
        FiscalCalendar(2),
    )
    assert rates.of("USD", date(2026, 1, 1)) == Decimal("0.92")
    assert rates.of("USD", date(2026, 2, 1)) == Decimal("0.80")
    assert rates.of("GBP", date(2026, 2, 1)) == Decimal("1.17")


def test_another_base_currency_is_reached_by_cross_rates() -> None:
    rates = assemble("USD", {None: {"EUR": Decimal(1), "USD": Decimal("0.8")}}, FiscalCalendar())
    assert rates.convert(Decimal(8), "EUR", QUARTER) == Decimal("10.00")
    assert rates.convert(Decimal(8), "USD", QUARTER) == Decimal("8.00")


def test_a_base_currency_without_a_rate_is_said_not_guessed() -> None:
    with pytest.raises(MissingBaseRate, match="CHF"):
        assemble("CHF", {None: {"EUR": Decimal(1)}}, FiscalCalendar())
