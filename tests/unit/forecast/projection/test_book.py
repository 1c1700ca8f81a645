"""The book of all nodes and months: what the engine says of each alone, and the same to the last bit however it came about."""

from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.forecast.projection import book as booking
from services.forecast.projection import engine
from services.forecast.projection.book import ELSEWHERE, MEAN, SHARED, VARIANCE, WINS, Book, Ladder
from services.forecast.projection.bookkeeping import Kept, coming, kept
from services.forecast.projection.engine import Model
from services.forecast.projection.evidence import Factors
from services.forecast.projection.landing import landing
from services.forecast.projection.lessons import HORIZONS
from services.forecast.projection.steps import Ints, Standing
from tests.calibration.worlds import CALENDAR, START, World, steps_of

TODAY = START + 500
EDGES = (TODAY, TODAY + 20, TODAY + 51, TODAY + 140)
SIZES = (5, 3, 70)
FACTORS = Factors(np.array([1.0, 0.6, 1.7, 0.8]), np.array([1.0, 0.9, 0.5]))
"""What close dates and pushes tell in these tests."""


@cache
def known() -> Model:
    steps = steps_of(World(deals_a_day=2.0), 520, seed=5)
    rng = np.random.default_rng(2)
    date = np.where(rng.random(len(steps)) < 0.3, np.nan, np.round(steps.at + rng.integers(-60, 220, len(steps))))
    amount = np.where(rng.random(len(steps)) < 0.1, np.nan, steps.amount)
    pushes = rng.integers(0, 5, len(steps)).astype(np.int32)
    told = replace(steps, close_date=date, pushes=pushes, due=steps.deal % 5 == 0, amount=amount)
    model = engine.learn(told, TODAY, CALENDAR)
    return replace(model, lessons=replace(model.lessons, _factors=dict.fromkeys(HORIZONS, FACTORS)))


@cache
def nodes() -> Ints:
    """Every deal in a node of each dimension, but for some that stand in none of the second."""
    rng = np.random.default_rng(3)
    found = np.stack([rng.integers(0, size, len(known().standing)) for size in SIZES])
    found[1, rng.random(found.shape[1]) < 0.2] = ELSEWHERE
    return found


@cache
def ladder(edges: tuple[int, ...] = EDGES) -> Ladder:
    return Ladder.of(known(), edges)


@pytest.mark.parametrize("edges", [EDGES, EDGES[1:]], ids=["from today", "from a later day"])
def test_every_cell_is_what_the_engine_says_of_its_deals_and_span(edges: tuple[int, ...]) -> None:
    model = known()
    valued = Book.of(ladder(edges), model.standing, nodes(), SIZES).valued
    seen = 0
    for dimension, size in enumerate(SIZES):
        first = sum(SIZES[:dimension])
        for node in range(size):
            deals = np.zeros(int(model.evenings.deal.max()) + 1, dtype=bool)
            deals[model.standing.deal[nodes()[dimension] == node]] = True
            for span, (start, end) in enumerate(pairwise(edges)):
                said = model.outlook(end, start=start, part=model.part(deals))
                cell = valued[first + node, :, :, span]
                mean, variance = said.deals.moments()
                assert cell[0, MEAN] == pytest.approx(said.open, rel=1e-9)
                assert cell[1, MEAN] == pytest.approx(said.renewals, rel=1e-9)
                assert cell[:, WINS].sum() == pytest.approx(said.deals.chance.sum(), rel=1e-9)
                assert cell[:, VARIANCE].sum() == pytest.approx(variance, rel=1e-9)
                assert cell[:, SHARED].sum() == pytest.approx(said.deals.response, rel=1e-9)
                seen += mean > 0
    assert seen > 100


def test_ranges_are_those_of_the_engine_where_many_deals_carry_the_number() -> None:
    model = known()
    everywhere = np.zeros((1, len(model.standing)), dtype=np.int64)
    made = Book.of(ladder(), model.standing, everywhere, (1,))
    shares = np.array([0.1, 0.5, 0.9])
    told = [model.outlook(end, start=start) for start, end in pairwise(EDGES)]
    new = tuple(np.array([[each.new[at] for each in told]]) for at in (0, 1))
    found = booking.quantiles(made.valued, new, model.shock, shares)
    for span, said in enumerate(told):
        alone = landing(
            0.0,
            said.deals,
            said.new,
            new_wins=said.new_wins,
            shock=said.shock,
            few=False,
            enumerated=model.settings.enumerated,
        )
        assert found[0, span] == pytest.approx(alone.quantile(shares), rel=1e-6)


@st.composite
def happenings(draw: st.DrawFn) -> list[tuple[int, dict[str, Any], list[int]]]:
    """Changes of single deals, one after the other: which, to what, and where it stands then."""
    change = st.fixed_dictionaries(
        {},
        optional={
            "stage": st.integers(0, 2),
            "age": st.integers(0, 800),
            "segment": st.integers(0, 1),
            "amount": st.floats(0, 60_000) | st.just(float("nan")),
            "close_date": st.integers(TODAY - 50, TODAY + 400).map(float) | st.just(float("nan")),
            "pushes": st.integers(0, 6),
            "due": st.booleans(),
        },
    )
    where = st.tuples(*(st.integers(ELSEWHERE, size - 1) for size in SIZES)).map(list)
    return draw(st.lists(st.tuples(st.integers(0, 40), change, where), max_size=30))


@settings(deadline=None, max_examples=60)
@given(happenings(), st.randoms(use_true_random=False))
def test_event_by_event_is_anew_to_the_last_bit_in_any_order_and_repetition(events: Any, chance: Any) -> None:
    """Deals come, change and go; some are put in and taken out again. What is left is what a new book of them holds."""
    start = known().standing.where(np.arange(60))
    stands = nodes()[:, :60].copy()
    made = Book.of(ladder(), start, stands, SIZES)
    now = start
    moves: list[tuple[Standing, Ints, tuple[int, ...]]] = []
    for deal, change, where in events:
        pair = now.where(np.array([deal, deal]))
        for name, value in change.items():
            getattr(pair, name)[1] = value
        both = np.stack([stands[:, deal], where], axis=1)
        moves.append((pair, both, (-1, 1)))
        if len(change) > 3:
            moves += [(pair.where(np.array([1])), both[:, 1:], (1,)), (pair.where(np.array([1])), both[:, 1:], (-1,))]
        now = replace(now, **{name: put(getattr(now, name), deal, value) for name, value in change.items()})
        stands = stands.copy()
        stands[:, deal] = where
    chance.shuffle(moves)
    for moved in moves:
        assert made.move(*moved), "these deals are too alike to need other grains"
    anew = Book.of(ladder(), now, stands, SIZES)
    assert made.gauge == anew.gauge
    assert made.cells.tobytes() == anew.cells.tobytes()


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_few_deals_are_placed_and_valued_one_by_one_as_all_of_them_are(rows: list[int], seed: int) -> None:
    every = known().standing.where(np.array(rows) % len(known().standing))
    rng = np.random.default_rng(seed)
    day = TODAY + rng.integers(-70, 1000, len(rows)) + rng.choice([0.0, 0.25, 0.999], len(rows))
    deals = replace(
        every,
        age=rng.integers(0, 800, len(rows)),
        amount=np.where(rng.random(len(rows)) < 0.3, np.nan, every.amount),
        close_date=np.where(rng.random(len(rows)) < 0.3, np.nan, day),
        pushes=rng.integers(0, 6, len(rows)).astype(np.int32),
    )
    for edges in (EDGES, EDGES[1:]):
        where, means, squares = ladder(edges).each(deals)
        together, (mean, square) = ladder(edges).where(deals), ladder(edges).brings(deals)
        assert [each.tolist() for each in where] == [each.tolist() for each in together]
        assert (means, squares) == (mean.tolist(), square.tolist())


def put(array: Any, at: int, value: Any) -> Any:
    changed = array.copy()
    changed[at] = value
    return changed


def test_a_deal_that_asks_for_other_grains_changes_nothing_and_says_so() -> None:
    start = known().standing.where(np.arange(60))
    made = Book.of(ladder(), start, nodes()[:, :60], SIZES)
    cells, gauge = made.cells.copy(), made.gauge
    giant = start.where(np.array([0]))
    giant.amount[0] = 1e12
    assert not made.move(giant, nodes()[:, :1], (1,))
    assert (made.cells == cells).all()
    assert made.gauge == gauge


def test_no_sum_needs_more_digits_than_a_float_has() -> None:
    """Deals of cents and of billions together: grains are chosen by what all of them bring."""
    rng = np.random.default_rng(4)
    deals = known().standing.where(rng.integers(0, 60, 3000))
    deals = replace(deals, amount=10 ** rng.uniform(-2, 11, 3000))
    stands = np.zeros((1, 3000), dtype=np.int64)
    whole = Book.of(ladder(), deals, stands, (1,))
    order = rng.permutation(3000)
    other = Book.of(ladder(), deals.where(order), stands, (1,))
    assert whole.cells.tobytes() == other.cells.tobytes()
    assert np.abs(whole.cells).max() < 2**53


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(happenings(), st.sets(st.integers(0, 59), max_size=4)), min_size=1, max_size=4))
def test_a_book_that_is_kept_on_is_the_one_made_anew(days: Any) -> None:
    """Deals that change, come and go between two looks, by ones and twos."""
    model = known()
    every, stands = model.standing.where(np.arange(60)), nodes()[:, :60].copy()
    held: Kept | None = None
    for events, away in days:
        for deal, change, where in events:
            every = replace(every, **{name: put(getattr(every, name), deal, value) for name, value in change.items()})
            stands = stands.copy()
            stands[:, deal] = where
        there = ~np.isin(np.arange(60), list(away))
        held = kept(held, model, EDGES, every.where(there), stands[:, there], SIZES)
        anew = Book.of(ladder(), every.where(there), stands[:, there], SIZES)
        assert held.book.cells.tobytes() == anew.cells.tobytes()
        assert held.book.gauge == anew.gauge


def test_deals_that_are_not_created_yet_bring_in_each_span_what_the_engine_says() -> None:
    model = known()
    rates = np.stack([model.arrivals.rate * share for share in (1.0, 0.3)])
    for edges in (EDGES, EDGES[1:]):
        wins, mean, variance = coming(model, edges, rates)
        for span, (start, end) in enumerate(pairwise(edges)):
            said = model.outlook(end, start=start)
            assert (wins[0, span], mean[0, span]) == pytest.approx((said.new_wins, said.new[0]), rel=1e-9)
            assert variance[0, span] == pytest.approx(said.new[1], rel=1e-9)
            assert mean[1, span] == pytest.approx(0.3 * mean[0, span])
