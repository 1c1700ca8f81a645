"""What if, and what would have to be true: on a company that the engine has learnt."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.forecast.projection import engine
from services.forecast.projection.supposing import (
    FEW_DEALS,
    MOST,
    Added,
    Asked,
    Creation,
    Lost,
    Moved,
    Needed,
    Pace,
    Supposition,
    WithoutLargest,
    Won,
    World,
    needed,
    suppose,
)
from tests.calibration.worlds import CALENDAR, START, steps_of
from tests.calibration.worlds import World as Company

TODAY = START + 300
END = TODAY + 45
MODEL = engine.learn(steps_of(Company(deals_a_day=0.6), 420, seed=3), TODAY, CALENDAR)
ASKED = Asked(MODEL, END, closed=5_000.0, blend=750.0, stretch=1.2)
OPEN = MODEL.standing.deal.tolist()
DEALS = st.sampled_from(OPEN)
SUPPOSITIONS = st.lists(
    st.one_of(
        st.builds(Won, DEALS, st.none() | st.floats(0, 1e6)),
        st.builds(Lost, DEALS),
        st.builds(Moved, DEALS, st.integers(TODAY - 30, END + 90).map(float)),
        st.builds(Added, st.floats(0, 1e6), chance=st.none() | st.floats(0, 1)),
        st.builds(WithoutLargest, st.integers(1, 5)),
        st.builds(Pace, st.floats(0, 4)),
        st.builds(Creation, st.floats(0, 4)),
    ),
    max_size=6,
)


def means(suppositions: Sequence[Supposition], asked: Asked = ASKED) -> list[float]:
    return [world.landing().mean for world in suppose(asked, suppositions)]


def expected(deal: int) -> float:
    found = World(ASKED).outlook()
    at = OPEN.index(deal)
    return float(found.deals.chance[at] * found.deals.mean[at])


def largest() -> list[int]:
    found = World(ASKED).outlook()
    return [OPEN[at] for at in np.argsort(-found.deals.mean, kind="stable").tolist()]


def test_without_any_it_is_the_projection_as_it_is() -> None:
    outlook = MODEL.outlook(END)
    plain = outlook.landing(5_000.0)
    assert means([]) == [pytest.approx(plain.mean + 750.0)]
    (world,) = suppose(ASKED, [])
    assert world.landing().deviation == pytest.approx(1.2 * plain.scaled(plain.to_come + 750.0).deviation)


@settings(max_examples=40, deadline=None)
@given(suppositions=SUPPOSITIONS)
def test_whatever_is_supposed_nothing_closed_is_lost_and_the_model_stays_as_it_was(
    suppositions: list[Supposition],
) -> None:
    before = means([])
    after = means(suppositions)
    assert len(after) == len(suppositions) + 1
    assert min(after) >= ASKED.closed
    assert means([]) == before == after[:1]


def test_a_deal_that_is_won_brings_its_amount_and_one_that_is_lost_nothing() -> None:
    deal = largest()[0]
    amount = float(MODEL.standing.amount[OPEN.index(deal)])
    is_now, won = means([Won(deal)])
    assert won - is_now == pytest.approx(amount - expected(deal))
    assert means([Won(deal, 12.0)])[1] - is_now == pytest.approx(12.0 - expected(deal))
    assert means([Lost(deal)])[1] - is_now == pytest.approx(-expected(deal))
    assert means([Lost(deal), Won(deal)])[2] == pytest.approx(won), "the later word counts"


def test_without_the_largest_is_as_if_those_were_lost() -> None:
    assert means([WithoutLargest(2)])[-1] == pytest.approx(means([Lost(deal) for deal in largest()[:2]])[-1])
    named = means([Lost(largest()[0]), WithoutLargest(1)])[-1]
    assert named == pytest.approx(means([WithoutLargest(2)])[-1]), "what is lost is not the largest"


def test_a_deal_that_is_added_with_a_chance_brings_its_share_and_without_one_what_the_engine_thinks_of_new_deals() -> (
    None
):
    is_now, added = means([Added(10_000.0, chance=0.25)])
    assert added - is_now == pytest.approx(2_500.0)
    is_now, added = means([Added(10_000.0)])
    assert 0 < added - is_now < 10_000.0
    theirs = np.zeros(int(MODEL.evenings.deal.max()) + 1, dtype=bool)
    theirs[OPEN[:10]] = True
    part = replace(ASKED, part=MODEL.part(theirs))
    several = means([Added(10_000.0, chance=0.25), Added(4_000.0, chance=0.5)], part)
    assert np.diff(several).tolist() == pytest.approx([2_500.0, 2_000.0]), "in a part too, and one beside the other"


def test_more_pace_brings_more_of_what_is_open_and_of_what_is_new_and_more_creation_only_of_what_is_new() -> None:
    plain, fast, many = (
        World(asked).outlook()
        for asked in (ASKED, replace(ASKED, model=MODEL.winning(1.5)), replace(ASKED, model=MODEL.creating(1.5)))
    )
    assert (fast.deals.chance >= plain.deals.chance).all()
    assert (fast.deals.chance <= 1.5 * plain.deals.chance + 1e-12).all(), "losses compete"
    assert fast.open > plain.open
    assert fast.new[0] > plain.new[0]
    assert many.open == pytest.approx(plain.open)
    assert many.new[0] == pytest.approx(1.5 * plain.new[0])


def test_what_would_have_to_be_true_makes_it_true_and_less_does_not() -> None:
    now = World(ASKED).landing()
    target = float(now.quantile(0.7)[0])
    found = needed(ASKED, target, 0.4)
    assert found.now == pytest.approx(0.3, abs=0.01)
    assert found.pace is not None
    assert found.creation is not None
    for made, factor in ((MODEL.winning, found.pace), (MODEL.creating, found.creation)):
        assert World(replace(ASKED, model=made(factor))).landing().at_least(target) >= 0.4
        assert World(replace(ASKED, model=made(1 + (factor - 1) * 0.98))).landing().at_least(target) < 0.4
    assert found.deals_suffice
    worlds = list(suppose(ASKED, [Won(deal) for deal, _ in found.deals]))[1:]
    likely = [world.landing().at_least(target) for world in worlds]
    assert likely == pytest.approx([said for _, said in found.deals])
    assert likely[-1] >= 0.4 > max(likely[:-1], default=0.0)


def test_what_nothing_makes_true_is_said_to_be_so() -> None:
    found = needed(ASKED, 1e12, 0.5)
    assert (found.pace, found.creation, found.deals_suffice) == (None, None, False)
    assert len(found.deals) == FEW_DEALS
    assert MOST == 4.0


def test_what_is_likely_enough_already_needs_nothing() -> None:
    assert needed(ASKED, 1.0, 0.9) == Needed(1.0, (), True, 1.0, 1.0)
