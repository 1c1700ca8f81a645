"""Which of a deal's quotes decides its amount."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from uuid import UUID

from libs.common.events.pricing import QuoteState
from services.deals.ledger.timeline.standing import authority

AT = datetime(2026, 3, 2, tzinfo=UTC)


def quote(number: int, status: str, day: int) -> QuoteState:
    return QuoteState.model_validate(
        {
            "quote_id": UUID(int=number),
            "version": 1,
            "deal_id": UUID(int=9),
            "status": status,
            "net_amount": Decimal(number),
            "currency": "EUR",
            "valid_from": AT + timedelta(days=day),
        }
    )


def test_an_approved_quote_sets_the_amount_until_one_is_accepted_and_the_one_accepted_stays_above_later_approvals() -> (
    None
):
    accepted, approved = quote(1, "accepted", 1), [quote(2, "approved", 2), quote(3, "approved", 3)]
    others = [quote(4, status, 4) for status in ("draft", "submitted", "rejected", "withdrawn", "expired")]
    assert authority(others) is None
    for order in permutations([*approved, others[0]]):
        assert authority(order) == approved[1]
    for order in permutations([accepted, *approved, others[1]]):
        assert authority(order) == accepted
