"""What people type and what they are told, between the forms of the call and the forecast."""

from typing import Any

import pytest

from gateway.pages.saying import FORM, adjustment, amount, judgement, mistakes, submission

CALL = {"for": "unit:u", "mode": "own", "amount": "", "best": "", "worst": "", "notes": ""}
ADJUSTMENT = {"for": "person:p", "delta": "−1,500.50", "reason": " late paper ", "expires_at": "2026-12-20"}
FIELDS = ("for", "amount", "best", "expires_at")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("1 250 000.50", "1250000.50"),
        ("1,250,000.50", "1250000.50"),
        ("+40", "40"),
        ("−1,500", "-1500"),
        ("  ", None),
        ("1,25", "1,25"),
        ("1.250.000", "1.250.000"),
        ("a lot", "a lot"),
        ("1 2", "1 2"),
    ],
)
def test_an_amount_is_read_as_people_write_it_and_what_is_doubtful_is_left_to_be_refused(
    typed: str, meant: str | None
) -> None:
    assert amount(typed) == meant


def test_a_call_that_takes_the_sum_of_those_below_carries_no_amount() -> None:
    body = submission(CALL | {"mode": "rollup", "amount": "5"}, {"period": "2026Q4"})
    assert body == {"org": "u", "period": "2026Q4", "mode": "rollup"}


def test_an_empty_field_is_not_sent_so_that_nothing_unknown_becomes_a_zero() -> None:
    assert submission(CALL | {"amount": "5"}, {}) == {"org": "u", "mode": "own", "amount": "5"}
    assert judgement({"deal_id": "d", "verdict": "in", "amount": " ", "close_date": "", "note": ""}) == {
        "deal_id": "d",
        "verdict": "in",
    }


def test_an_adjustment_holds_through_the_whole_day_that_was_chosen_in_the_organisations_zone() -> None:
    body = adjustment(ADJUSTMENT, {"period": "2026Q4"}, "Europe/Berlin")
    assert body == {
        "owner": "p",
        "period": "2026Q4",
        "delta": "-1500.50",
        "reason": "late paper",
        "expires_at": "2026-12-21T00:00:00+01:00",
    }
    assert "expires_at" not in adjustment(ADJUSTMENT | {"expires_at": ""}, {}, "Europe/Berlin")
    assert adjustment(ADJUSTMENT | {"expires_at": "soon"}, {}, "Europe/Berlin")["expires_at"] == "soon"


def test_without_a_node_nothing_is_said_of_the_callers_own_by_accident() -> None:
    assert submission(CALL | {"for": ""}, {})["org"] == "none"


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (
            {"errors": [{"field": "body.amount", "message": "Input should be a valid decimal"}]},
            {"amount": "Write an amount such as 1250000.50."},
        ),
        (
            {"errors": [{"field": "body.org", "message": "Input should be a valid UUID, x"}]},
            {"for": "Choose one of the list."},
        ),
        ({"errors": [{"field": "body.period", "message": "Odd"}]}, {FORM: "Odd"}),
        ({"detail": "best: must not be below the amount, 5."}, {"best": "Must not be below the amount, 5."}),
        (
            {"type": "urn:foretell:problem:amount-missing", "detail": "amount: give"},
            {"amount": "Write your number, or take the sum of those below."},
        ),
        ({"detail": "Period 2026Q3 ended; call for another."}, {FORM: "Period 2026Q3 ended; call for another."}),
        ({"detail": "currency: calls are made in EUR"}, {FORM: "currency: calls are made in EUR"}),
        ({}, {FORM: "That was refused."}),
    ],
)
def test_a_refusal_is_told_at_its_field_or_of_the_whole_form(problem: dict[str, Any], told: dict[str, str]) -> None:
    assert mistakes(problem, FIELDS) == told
