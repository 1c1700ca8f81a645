"""What became of a signed month: what was signed and the changes of its deals are what it is now, to the cent."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.forecast.scorecard.cutting import concentration, cut, summed
from services.forecast.scorecard.document import Win
from services.forecast.scorecard.restating import Signed, restated
from tests.support.scorecards import contents, win

prices = st.one_of(st.none(), st.integers(-1_000_00, 9_999_999).map(lambda cents: f"{Decimal(cents) / 100:.2f}"))
months = st.dictionaries(st.integers(1, 6), prices, max_size=6).map(
    lambda found: [win(number, price) for number, price in sorted(found.items())]
)


def signed(wins: list[Win]) -> Signed:
    return Signed.of(1, contents(wins=[each.model_dump(mode="json") for each in wins]))


@given(months, months)
def test_signed_and_changes_are_what_it_is_now(before: list[Win], after: list[Win]) -> None:
    found = restated(signed(before), after)
    if found is None:
        assert {(each.deal_id, each.amount_base) for each in before} == {
            (each.deal_id, each.amount_base) for each in after
        }
        return
    assert found.signed == summed(before)
    assert found.now == summed(after)
    assert found.signed + sum(deal.change for deal in found.deals) == found.now
    assert all(deal.signed != deal.now or deal.change == 0 for deal in found.deals)


def test_a_month_that_stands_as_it_was_signed_is_not_restated() -> None:
    wins = [win(1, "10.00"), win(2, None)]
    assert restated(signed(wins), wins) is None
    other_basis = [*wins, win(3, "5.00", value_basis="arr")]
    assert restated(signed(other_basis), wins) is None, "a document is of one value basis"


@given(months, st.sampled_from(["market", "product", "deal_type"]))
def test_every_cut_adds_up_to_the_month(wins: list[Win], by: str) -> None:
    found = cut(wins, by, {})  # type: ignore[arg-type]
    assert sum((part.closed for part in found.parts), Decimal()) == summed(wins)
    assert sum(part.count for part in found.parts) == len(wins)
    assert all(part.attainment is None for part in found.parts), "without a target there is no attainment"
    if summed(wins) <= 0:
        assert all(part.share is None for part in found.parts)


@given(months)
def test_the_largest_never_exceed_one_another(wins: list[Win]) -> None:
    found = concentration(wins)
    assert [each.line for each in found][:2] in ([], ["concentration.deal", "concentration.deals"])
    if found and all((each.amount_base or 0) >= 0 for each in wins):
        assert found[0].amount <= found[1].amount <= summed(wins)
