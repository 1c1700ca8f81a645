"""What CRMs' words come to, without anything to keep them in."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deals.competitors import heard as competitors
from services.deals.credit import heard as credit
from services.deals.credit.rest import Owned, Rest, leaves_a_rest, missing, revenue_in
from services.deals.productlines import heard as productlines
from services.deals.statements.heard import CannotStand
from services.deals.statements.models import Held

OWNER = UUID(int=99)
AT = datetime(2026, 3, 2, tzinfo=UTC)


def held(**changes: Any) -> Held:
    facts: dict[str, Any] = {
        "deal_id": UUID(int=1), "name": "Ovens", "state": "open", "owner_id": OWNER, "amount": Decimal(1000),
        "currency": "EUR", "closed_on": None, "loss_reason": None, "quote_id": None,
    }  # fmt: skip
    return Held(**facts | changes)


PARTS = st.lists(st.integers(1, 1000), min_size=1, max_size=6)


@given(PARTS, st.randoms())
def test_whatever_parts_of_a_deal_a_crm_tells_they_make_the_whole_in_any_order(parts: list[int], rng: Any) -> None:
    told = [
        {"person_id": str(UUID(int=n)), "share": str(round(Decimal(each) / sum(parts), 8)), "overlay": False}
        for n, each in enumerate(parts)
    ]
    (first,) = credit.meaning({"shares": told}, held(), {})
    rng.shuffle(told)
    (second,) = credit.meaning({"shares": told}, held(), {})
    assert first == second
    assert sum(Decimal(each["share"]) for each in first.said["shares"]) == 1


@given(PARTS, st.integers(1, 500), st.integers(0, 5))
def test_whatever_a_crm_leaves_is_the_owners_and_nothing_stands_without_one(
    parts: list[int], left: int, owner: int
) -> None:
    whole = sum(parts) + left
    shares = {str(UUID(int=n)): round(Decimal(each) / whole, 6) for n, each in enumerate(parts)}
    rest = Rest(AT, "crm:crm", 0, shares)
    assert missing(rest, [Owned(AT, None)], []) == []
    ((at, stated),) = missing(rest, [Owned(AT, str(UUID(int=owner)))], [])
    assert (at, sum(stated.values())) == (AT, 1)
    assert {who: share for who, share in stated.items() if who != str(UUID(int=owner))} == {
        who: share for who, share in shares.items() if who != str(UUID(int=owner))
    }


def test_shares_under_the_whole_say_nothing_by_themselves() -> None:
    told = {"shares": [{"person_id": str(UUID(int=1)), "share": "0.5", "overlay": False}]}
    assert credit.meaning(told, held(), {}) == []
    assert leaves_a_rest(revenue_in(told))


def test_only_the_kind_of_shares_that_changed_is_said_again() -> None:
    before = {"shares": [{"person_id": str(OWNER), "share": "1", "overlay": False}]}
    beside = {"person_id": str(UUID(int=2)), "share": "0.2", "overlay": True}
    said = credit.meaning({"shares": [*before["shares"], beside]}, held(), before)
    assert [each.part for each in said] == ["overlay"]


def test_a_line_without_an_amount_is_quantity_times_price_to_the_cent() -> None:
    line = {"product": "Oven", "amount": None, "quantity": "3", "price": "33.335", "term_months": None}
    (said,) = productlines.meaning({"currency": None, "lines": [line]}, held(), {})
    assert said.said["currency"] == "EUR"
    assert said.said["lines"][0]["amount"] == "100.01"


def test_lines_in_no_currency_do_not_stand() -> None:
    line = {"product": "Oven", "amount": "1", "quantity": None, "price": None, "term_months": None}
    with pytest.raises(CannotStand, match="no currency"):
        productlines.meaning({"currency": None, "lines": [line]}, None, {})


def test_a_competitor_who_is_written_otherwise_is_the_same() -> None:
    said = competitors.meaning({"names": ["ACME", "Glut"]}, held(), {"names": ["Acme", "Nord"]})
    assert [(each.subject, each.said["state"]) for each in said] == [("glut", "in_play"), ("nord", "out")]
