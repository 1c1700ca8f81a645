"""What a campaign's money makes: nothing is divided by nothing, nothing is added up over currencies."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.leads.campaigns.figures import figures

MONEY = st.dictionaries(st.sampled_from(["EUR", "USD"]), st.decimals("0", "1000000", places=2), max_size=2)
COUNT = st.integers(0, 50)


@given(COUNT, COUNT, COUNT, MONEY, MONEY, MONEY)
def test_every_figure_is_defined_or_says_why_not(
    leads: int,
    accepted: int,
    won_deals: int,
    cost: dict[str, Decimal],
    won: dict[str, Decimal],
    weighted: dict[str, Decimal],
) -> None:
    found = figures(leads=leads, accepted=accepted, won_deals=won_deals, cost=cost, won=won, weighted=weighted)
    assert (found.roi is None) == (found.weighted_roi is None) == (found.why is not None)
    if found.currency is None:
        assert found.per_lead is found.per_accepted is found.per_won is None
    else:
        assert (found.per_lead is None, found.per_accepted is None, found.per_won is None) == (
            leads == 0,
            accepted == 0,
            won_deals == 0,
        )


def test_the_return_is_what_came_in_beyond_the_cost_over_the_cost() -> None:
    found = figures(
        leads=4,
        accepted=2,
        won_deals=1,
        cost={"EUR": Decimal(1000)},
        won={"EUR": Decimal("2500.50")},
        weighted={"EUR": Decimal(500)},
    )
    assert (found.roi, found.weighted_roi) == (Decimal("1.5005"), Decimal("2.0005"))
    assert (found.per_lead, found.per_accepted, found.per_won) == (Decimal(250), Decimal(500), Decimal(1000))


def test_a_cost_of_nothing_and_an_unknown_cost_are_two_things() -> None:
    nothing = figures(leads=1, accepted=0, won_deals=0, cost={"EUR": Decimal(0)}, won={}, weighted={})
    unknown = figures(leads=1, accepted=0, won_deals=0, cost={}, won={}, weighted={})
    assert (nothing.why, unknown.why) == ("the cost is 0", "no cost is known")
