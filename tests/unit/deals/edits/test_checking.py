"""What can be wanted of a deal, and how it is written."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.events.crm import OfferedStage
from services.deals.edits.checking import FIELDS, Held, Offer, Unacceptable, check_deal, check_value, stages_of, written

TODAY = date(2026, 3, 2)
OFFER = Offer(FIELDS, (OfferedStage(stage="Propose"), OfferedStage(pipeline="renewals", stage="Renew")))


def held(**changes: Any) -> Held:
    known: dict[str, Any] = {
        "deal_id": UUID(int=1), "name": "Ovens", "connection": "crm", "external_id": "D", "state": "open", "removed": False,
        "provisional": False, "pipeline": "default", "currency": "EUR", "amount_from": "crm", "shown": {}, "crm": {},
    }  # fmt: skip
    return Held(**(known | changes))


@given(amount=st.decimals(0, 10**9, places=2))
def test_an_amount_is_the_same_however_it_is_typed(amount: Decimal):
    plain = f"{amount:.2f}"

    assert {written("amount", typed, "EUR") for typed in (plain, f"{amount:,.2f}", f" {plain} ")} == {plain}


@pytest.mark.parametrize("typed", ["much", "-1", "1e99", "1.234", "NaN"])
def test_what_is_no_amount_of_the_currency_is_refused(typed: str):
    with pytest.raises(Unacceptable):
        written("amount", typed, "EUR")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": "won"}, "reopen it"),
        ({"removed": True}, "gone from its CRM"),
        ({"provisional": True}, "stands for a lead"),
        ({"amount_from": "quote"}, "change the quote"),
        ({"connection": None}, "in no CRM"),
    ],
)
def test_a_deal_that_takes_no_edit_says_why(changes: dict[str, Any], words: str):
    check_deal(held(), "amount", OFFER)
    with pytest.raises(Unacceptable, match=words):
        check_deal(held(**changes), "amount", OFFER)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("close_date", "2026-03-01"),
        ("close_date", "2040-01-01"),
        ("close_date", None),
        ("stage", "Renew"),
        ("category", "closed_won"),
        ("next_step", "ask bob@example.com"),
        ("next_step", "x" * 256),
    ],
)
def test_a_value_that_the_field_cannot_hold_is_refused(field: Any, value: str | None):
    with pytest.raises(Unacceptable):
        check_value(held(), field, value, OFFER, today=TODAY)


def test_stages_are_those_of_the_deals_own_pipeline_first():
    assert stages_of("renewals", OFFER) == ["Renew", "Propose"]
    assert stages_of("default", OFFER) == ["Propose"]
    check_value(held(pipeline="renewals"), "stage", "Renew", OFFER, today=TODAY)
