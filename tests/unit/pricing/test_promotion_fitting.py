"""A budget that reopened deals took over its limit: who is over it, in any order the same, and together exactly the overrun."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.pricing.promotions.mechanism import Standing, beyond

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)


def standing(number: int, amount: str, *, day: int = 0, lost: int | None = None) -> Standing:
    lost_at = None if lost is None else BEGIN + timedelta(days=lost)
    return Standing(UUID(int=number), Decimal(amount), BEGIN + timedelta(days=day), lost_at)


_standing = st.lists(
    st.builds(
        standing,
        st.integers(1, 50),
        st.decimals(0, 1000, places=2).map(str),
        day=st.integers(0, 9),
        lost=st.none() | st.integers(0, 9),
    ),
    max_size=8,
    unique_by=lambda each: each.quote_id,
)


def test_who_took_it_while_it_was_free_keeps_it_and_the_deal_that_came_back_is_over() -> None:
    back, kept = standing(1, "60", day=0, lost=1), standing(2, "60", day=2)
    assert beyond(Decimal(100), [back, kept]) == {back.quote_id: Decimal(20), kept.quote_id: Decimal()}
    later = standing(3, "30", day=0, lost=4)
    assert beyond(Decimal(100), [later, back, kept]) == {
        kept.quote_id: Decimal(), back.quote_id: Decimal(20), later.quote_id: Decimal(30),
    }  # fmt: skip


@given(_standing, st.decimals(0, 2000, places=2), st.randoms())
def test_what_is_over_adds_up_to_the_overrun_whatever_the_order(
    taking: list[Standing], budget: Decimal, random: object
) -> None:
    found = beyond(budget, taking)
    shuffled = list(taking)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert beyond(budget, shuffled) == found
    total = sum((each.amount for each in taking), Decimal())
    assert sum(found.values(), Decimal()) == max(Decimal(), total - budget)
    assert all(0 <= found[each.quote_id] <= each.amount for each in taking)


@given(_standing, st.decimals(0, 2000, places=2))
def test_nobody_whose_deal_stayed_is_over_because_of_one_that_came_back(
    taking: list[Standing], budget: Decimal
) -> None:
    stayed = [each for each in taking if each.lost_at is None]
    alone, all_of_them = beyond(budget, stayed), beyond(budget, taking)
    assert {each.quote_id: all_of_them[each.quote_id] for each in stayed} == alone
