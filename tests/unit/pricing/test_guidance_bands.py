"""Floor, target and stretch: in order, from the finest segment, partly its parent's below 30 quotes, true of later quotes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.pricing.guidance.bands.quantiles import Floats, intervals, quantiles, sampling_variance
from services.pricing.guidance.bands.tree import Band, Path, Sold, bands
from simulator.world.prices import Habits, PriceWorld

SIZES = (5, 30, 500)
LATER = 1_000
WORLDS = {
    "segments differ": Habits(),
    "segments are alike": Habits(apart=0.02, spread_apart=0.02),
    "segments differ much": Habits(apart=0.5),
    "skewed towards list price": Habits(skew=0.6, spread=0.35),
}


def _sold(paths: Sequence[Path], ratios: Floats) -> Sold:
    return Sold(paths, np.arange(len(paths)), ratios)


def _edges(band: Band) -> list[float]:
    return [band.floor.value, band.target.value, band.stretch.value]


_lines = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 45), st.floats(0.1, 1.5)),
    min_size=1,
    max_size=45,
)


@settings(max_examples=25)
@given(lines=_lines, order=st.randoms(use_true_random=False))
def test_bands_are_in_order_within_what_was_paid_and_the_same_in_whatever_order_quotes_are_read(
    lines: list[tuple[str, str, int, float]], order: Random
) -> None:
    def made(rows: list[tuple[str, str, int, float]]) -> dict[Path, Band]:
        quotes = np.array([row[2] for row in rows])
        return bands(Sold([row[:2] for row in rows], quotes, np.array([row[3] for row in rows])))

    found = made(lines)
    shuffled = sorted(lines, key=lambda _: order.random())
    again = made(shuffled)
    paid = [row[3] for row in lines]
    assert set(found) == {(), *((row[0],) for row in lines), *(row[:2] for row in lines)}
    for path, band in found.items():
        assert min(paid) - 1e-9 <= band.floor.value <= band.target.value <= band.stretch.value <= max(paid) + 1e-9
        assert 0 <= band.shrunk <= 1
        assert band.shrunk == 0 or (band.quotes < 30 and path)
        for quantile in (band.floor, band.target, band.stretch):
            assert quantile.low is None or quantile.low <= quantile.value + 1e-9
            assert quantile.high is None or quantile.value <= quantile.high + 1e-9
        assert _edges(again[path]) == pytest.approx(_edges(band))


def test_from_30_quotes_on_a_segment_speaks_for_itself() -> None:
    rng = np.random.default_rng(1)
    for count in (29, 30):
        own, others = rng.uniform(0.5, 0.6, count), rng.uniform(0.8, 0.9, 300)
        found = bands(_sold([("own",)] * count + [("others",)] * 300, np.concatenate((own, others))))
        if count == 30:
            assert found["own",].shrunk == 0
            assert _edges(found["own",]) == pytest.approx(quantiles(own, np.ones(30)))
        else:
            assert 0 < found["own",].shrunk < 1
            assert found["own",].floor.value > quantiles(own, np.ones(29))[0]


def test_the_fewer_quotes_the_more_of_the_answer_is_the_parents_and_none_have_no_band() -> None:
    assert bands(Sold([], np.zeros(0, dtype=np.int64), np.zeros(0))) == {}
    rng = np.random.default_rng(2)
    sizes = {"p": 1, "q": 4, "r": 12, "s": 200}
    paths = [(name,) for name, count in sizes.items() for _ in range(count)]
    found = bands(_sold(paths, rng.normal(0.8, 0.05, len(paths))))
    shrunk = [found[name,].shrunk for name in sizes]
    assert shrunk == sorted(shrunk, reverse=True)
    assert shrunk[0] > shrunk[1] > shrunk[2] > 0
    assert found["q",].effective_quotes > found["q",].quotes
    (single,) = bands(_sold([()], np.array([0.7]))).values()
    assert (_edges(single), single.floor.low, single.floor.high) == ([0.7] * 3, None, None)


@given(ratios=st.lists(st.floats(0.3, 1.2), min_size=1, max_size=29))
def test_an_only_child_is_its_parent_and_no_quote_counts_twice(ratios: list[float]) -> None:
    found = bands(_sold([("one", "only")] * len(ratios), np.array(ratios)))
    for path in (("one",), ("one", "only")):
        assert replace(found[path], path=()) == found[()]


def test_a_segment_that_is_nearly_all_of_its_parent_is_no_surer_than_its_parent() -> None:
    ratios = np.random.default_rng(3).uniform(0.6, 0.9, 20)
    found = bands(_sold([("most",)] * 19 + [("one",)], ratios))
    assert found["most",].effective_quotes <= 20.5
    assert found["most",].shrunk < 0.2, "the parent adds one quote to its 19"


def test_a_quote_with_many_lines_counts_as_one() -> None:
    ratios = np.array([0.5] * 40 + [0.9, 0.91, 0.92, 0.93])
    (band,) = bands(Sold([()] * 44, np.array([0] * 40 + [1, 2, 3, 4]), ratios)).values()
    assert band.quotes == 5
    assert band.target.value > 0.89


def test_the_sampling_variance_is_that_of_draws() -> None:
    rng = np.random.default_rng(3)
    values = rng.gamma(4, 0.1, 1000)
    for count in (5, 30):
        drawn = [quantiles(rng.choice(values, count), np.ones(count)) for _ in range(4000)]
        assert sampling_variance(values, count) == pytest.approx(np.var(drawn, axis=0), rel=0.15)


def test_the_interval_of_a_quantile_covers_the_truth_and_is_silent_where_nothing_bounds_it() -> None:
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(1500):
        values = rng.exponential(size=40)
        ends = intervals(values, np.ones(40))
        covered.append((ends[:, 0] <= -np.log((0.8, 0.5, 0.2))) & (-np.log((0.8, 0.5, 0.2)) <= ends[:, 1]))
    assert np.mean(covered, axis=0) == pytest.approx(0.9, abs=0.03)
    assert np.isnan(intervals(np.arange(4.0), np.ones(4))[0, 0])


def _companies(habits: Habits) -> Iterator[tuple[int, list[float], list[bool]]]:
    """By product of six companies: quotes won before, shares of later ones below each edge, whether intervals hold the truth."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        world = PriceWorld.draw(habits, rng)
        sizes = {path: int(rng.choice(SIZES)) for path in world.places}
        paths = [path for path, count in sizes.items() for _ in range(count)]
        before = np.concatenate([world.ratios(path, count, rng) for path, count in sizes.items()])
        found = bands(_sold(paths, before))
        for path, count in sizes.items():
            later = world.ratios(path, LATER, rng)
            true = np.quantile(world.ratios(path, 10_000, rng), (0.2, 0.5, 0.8))
            told = (found[path].floor, found[path].target, found[path].stretch)
            yield (
                count,
                [float((later < each.value).mean()) for each in told],
                [(each.low or 0) <= at <= (each.high or 2) for each, at in zip(told, true, strict=True)],
            )


@pytest.mark.parametrize("name", WORLDS)
def test_later_won_quotes_fall_below_the_edges_as_often_as_they_say(name: str) -> None:
    """With 30 and 500 quotes within 2 points, with 5 within 5, overall within 2.5; 90 % intervals hold the true quantile in 84 %, with 5 quotes in 77 %."""
    judged = list(_companies(WORLDS[name]))
    said = np.array((0.2, 0.5, 0.8))
    for size, off, covers in ((5, 0.05, 0.77), (30, 0.02, 0.84), (500, 0.02, 0.86)):
        below = np.mean([each[1] for each in judged if each[0] == size], axis=0)
        held = np.mean([each[2] for each in judged if each[0] == size], axis=0)
        assert np.abs(below - said).max() <= off, (size, below)
        assert held.min() >= covers, (size, held)
    overall = np.mean([each[1] for each in judged], axis=0)
    assert np.abs(overall - said).max() <= 0.025, overall
