"""What both sides of a comparison add up to."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gateway.reconciliation.standing import Standing, Tally, differing

ONE = Standing("default", "Propose", "open", Decimal(100), "EUR", "2026-12-18", None, "commit", None, "new", "tcv")

standings = st.none() | st.builds(
    replace,
    st.just(ONE),
    stage=st.sampled_from(["Propose", "Negotiate"]),
    amount=st.none() | st.decimals(-1000, 1000, places=2),
    currency=st.sampled_from(["EUR", "USD"]),
    close_date=st.sampled_from([None, "2026-12-18", "2026-12-20", "2027-01-03"]),
)


def test_a_deal_that_stands_elsewhere_is_equal_nowhere() -> None:
    tally = Tally()
    tally.add(ONE, replace(ONE, stage="Negotiate"))

    assert (tally.count().share, tally.by_currency()["EUR"].share) == (0, 0)
    assert [cell.stage for cell, _, _ in tally.differing_cells()] == ["Negotiate", "Propose"]


def test_of_an_amount_that_differs_the_smaller_one_is_equal() -> None:
    tally = Tally()
    tally.add(ONE, replace(ONE, amount=Decimal(80)))

    assert (tally.count().share, tally.by_currency()["EUR"].share) == (1, Decimal("0.8"))


def test_two_mistakes_in_one_cell_do_not_cancel_each_other() -> None:
    tally = Tally()
    tally.add(ONE, None)
    tally.add(None, ONE)

    assert (tally.count().share, tally.by_currency()["EUR"].share) == (0, 0)
    (cell,) = tally.differing_cells()
    assert (cell[1].crm, cell[1].ours, cell[1].equal) == (1, 1, 0)


def test_an_amount_is_compared_as_a_number() -> None:
    assert differing(ONE, replace(ONE, amount=Decimal("100.00"))) == ()
    assert differing(ONE, replace(ONE, amount=None)) == ("amount",)


@given(st.lists(st.tuples(standings, standings)))
def test_a_share_lies_between_nothing_and_all_and_is_whole_only_where_no_cell_differs(
    pairs: list[tuple[Standing | None, Standing | None]],
) -> None:
    tally = Tally()
    for theirs, ours in pairs:
        tally.add(theirs, ours)

    sums = [tally.count(), *tally.by_currency().values()]
    assert all(each.share is None or 0 <= each.share <= 1 for each in sums)
    is_whole = all(each.crm == each.ours == each.equal for each in sums)
    assert is_whole == (tally.differing_cells() == [])
