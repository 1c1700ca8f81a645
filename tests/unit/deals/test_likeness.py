"""How near deals are: documented, the same both ways and in any order, and blind to how deals ended."""

from dataclasses import fields
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deals.nearest.likeness import WEIGHTS, Features, distance, hidden, nearest, parts

WORDS = st.sampled_from((None, "a", "b"))
FEATURES = st.builds(
    Features,
    amount=st.none() | st.floats(0, 1e9),
    product=WORDS,
    segment=WORDS,
    deal_type=WORDS,
    stage=WORDS,
    days_to_stage=st.none() | st.floats(0, 1000),
    region=WORDS,
    team=st.sampled_from((None, UUID(int=1), UUID(int=2))),
)
DEALS = st.dictionaries(st.integers(1, 50).map(lambda number: UUID(int=number)), FEATURES, max_size=12)
OUTCOMES = {"state", "closed_on", "loss_reason", "category", "stage_probability", "close_date", "booked"}


@given(FEATURES, FEATURES)
def test_a_distance_is_the_same_both_ways_and_within_zero_and_one(one: Features, other: Features) -> None:
    assert 0 <= distance(one, other) <= 1
    assert distance(one, other) == pytest.approx(distance(other, one))


@given(FEATURES, DEALS, st.randoms())
def test_the_nearest_do_not_depend_on_the_order_of_deals(
    deal: Features, others: dict[UUID, Features], order: object
) -> None:
    found = nearest(deal, others, k=5)
    shuffled = list(others.items())
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert nearest(deal, dict(shuffled), k=5) == found
    assert [each.distance for each in found] == sorted(each.distance for each in found)
    farther = [each for each in nearest(deal, others, k=99) if each not in found]
    assert all(each.distance >= found[-1].distance for each in farther)


@given(FEATURES, DEALS)
def test_a_deal_more_moves_no_other_nearer_or_farther(deal: Features, others: dict[UUID, Features]) -> None:
    """Nothing is scaled by the deals that are compared, so who is within scope changes no distance."""
    before = {each.deal_id: each.distance for each in nearest(deal, others, k=99)}
    after = nearest(deal, others | {UUID(int=99): Features(amount=1.0)}, k=99)
    assert {each.deal_id: each.distance for each in after if each.deal_id != UUID(int=99)} == before


def test_what_is_compared_is_what_is_weighed_and_no_outcome() -> None:
    names = {each.name for each in fields(Features)}
    assert names == set(WEIGHTS)
    assert not names & OUTCOMES


def test_ten_times_the_amount_is_as_far_as_can_be_and_what_is_unknown_is_half_way() -> None:
    one = Features(amount=1000.0, product="a")
    assert parts(one, Features(amount=10_000.0, product="a"))["amount"] == pytest.approx(1)
    assert parts(one, Features(amount=2000.0))["amount"] == pytest.approx(0.30103)
    assert parts(one, Features(amount=1000.0))["product"] == 0.5
    assert parts(one, Features(amount=0.0))["amount"] == 1


def test_why_a_deal_is_near_names_what_is_the_same_and_how_many_times_the_amount() -> None:
    (near,) = nearest(
        Features(amount=1000.0, product="a", segment="s"),
        {UUID(int=1): Features(amount=1500.0, product="a", segment="t")},
        k=1,
    )
    assert (near.same, near.times) == (("product",), 1.5)


def test_of_deals_that_the_reader_may_not_see_only_the_number_is_told() -> None:
    deals = {UUID(int=number): Features(amount=float(number)) for number in range(1, 6)}
    every = nearest(Features(amount=1.0), deals, k=3)
    assert hidden(every, {UUID(int=2): deals[UUID(int=2)]}) == 2
