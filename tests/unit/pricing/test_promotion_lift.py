"""Lift is what came beyond the baseline, with an interval that holds what it says, and nothing where there is too little."""

from datetime import date, timedelta

import numpy as np
import pytest

from services.pricing.promotions.lift import Cell, Judged, Sold, judge

START = date(2026, 3, 2)
BEFORE, DURING = 16, 8
PROMOTED: Cell = ("DACH", "SMB")
OTHERS: tuple[Cell, ...] = (("DACH", "Enterprise"), ("Nordics", "SMB"), ("Nordics", "Enterprise"))


def world(seed: int, *, lift: float = 1.0, drift: float = 1.0, pace: float = 6.0, cells: int = 3) -> list[Sold]:
    """Weeks of sales: arrivals follow a pace that good and bad weeks of all segments share, amounts are skewed.

    `lift` multiplies what comes in the promoted segment while promoted, `drift` what comes in all segments from then on.
    """
    rng = np.random.default_rng(seed)
    found = []
    for week in range(BEFORE + DURING):
        during = week >= BEFORE
        common = rng.gamma(16, 1 / 16) * (drift if during else 1)
        for cell in (PROMOTED, *OTHERS[:cells]):
            mean = pace * common * (lift if during and cell == PROMOTED else 1)
            for _ in range(rng.poisson(mean)):
                day = START + timedelta(weeks=week - BEFORE, days=int(rng.integers(7)))
                found.append(Sold(day, cell, float(rng.lognormal(8, 0.7))))
    return found


def judged(sales: list[Sold], *, over_on: date = START + timedelta(weeks=DURING), touched: set[Cell] = frozenset()) -> Judged:  # type: ignore[assignment]  # fmt: skip
    return judge(
        sales,
        is_promoted=lambda cell: cell == PROMOTED,
        touched=touched,
        starts_on=START,
        over_on=over_on,
        known_from=START - timedelta(weeks=BEFORE),
    )


@pytest.mark.parametrize(("drift", "cells"), [(1.0, 3), (0.6, 3), (1.7, 3), (1.0, 0)])
def test_where_there_is_no_lift_the_interval_holds_0_in_nine_of_ten_worlds(drift: float, cells: int) -> None:
    held = []
    for seed in range(400):
        found = judged(world(seed, drift=drift, cells=cells)).found
        assert found is not None
        held.append(found.low <= 0 <= found.high)
    # With 400 worlds the share of a true 90 % lies within 3 standard errors of .045 in all; skewed amounts take a point or two.
    assert 0.855 <= np.mean(held) <= 0.945, np.mean(held)


@pytest.mark.parametrize(("lift", "sign"), [(2.0, 1), (0.4, -1)])
def test_a_planted_lift_is_found_with_its_sign_whatever_the_season_does(lift: float, sign: int) -> None:
    for drift in (0.7, 1.4):
        found = [judged(world(seed, lift=lift, drift=drift, pace=12)).found for seed in range(100)]
        known = [each for each in found if each is not None]
        assert len(known) == 100
        assert np.mean([np.sign(each.lift) == sign for each in known]) >= 0.98
        sure = [each for each in known if (each.low > 0 if sign > 0 else each.high < 0)]
        assert len(sure) >= 80
        assert not [each for each in known if (each.high < 0 if sign > 0 else each.low > 0)]


def test_a_season_without_a_match_is_taken_for_lift_and_with_one_it_is_not() -> None:
    """Why segments are compared where there are any, and why the words of a pre-period say what it cannot tell."""
    alone = [judged(world(seed, drift=1.7, cells=0, pace=12)) for seed in range(60)]
    assert {each.method for each in alone} == {"pre_period"}
    fooled = [each.found for each in alone if each.found is not None and each.found.low > 0]
    assert len(fooled) >= 45
    beside = [judged(world(seed, drift=1.7, pace=12)) for seed in range(60)]
    assert {each.method for each in beside} == {"difference_in_differences"}
    assert sum(each.found is not None and each.found.low > 0 for each in beside) <= 9


def test_a_segment_with_another_promotion_or_of_another_size_is_no_match() -> None:
    sales = world(1)
    found = judged(sales, touched={OTHERS[0]})
    assert {each.cell for each in found.matched} == set(OTHERS[1:])
    small = [each for each in sales if each.cell != OTHERS[0]] + [
        Sold(each.on, each.cell, each.amount / 10) for each in sales if each.cell == OTHERS[0]
    ]
    assert {each.cell for each in judged(small).matched} == set(OTHERS[1:])


def test_what_is_compared_with_is_chosen_by_what_was_sold_before_and_never_by_what_came_after() -> None:
    sales = world(1)
    times = {OTHERS[0]: 40.0, OTHERS[1]: 0.0, OTHERS[2]: 1.0}
    after = [each if each.on < START else Sold(each.on, each.cell, each.amount * times.get(each.cell, 1)) for each in sales]  # fmt: skip
    assert {each.cell for each in judged(after).matched} == {each.cell for each in judged(sales).matched} == set(OTHERS)
    large = sum(each.amount for each in sales if each.cell == PROMOTED and each.on < START) / 9
    young: Cell = ("Benelux", "SMB")
    few = [Sold(START - timedelta(days=3), young, large)] * 9
    many = [Sold(START + timedelta(days=3), young, large)] * 40
    assert young not in {each.cell for each in judged([*sales, *few, *many]).matched}
    assert young in {each.cell for each in judged([*sales, *few, *few]).matched}


def test_actual_less_baseline_is_the_lift_and_weeks_add_up() -> None:
    for seed in range(20):
        found = judged(world(seed, lift=1.3))
        assert found.found is not None
        assert found.found.lift == pytest.approx(found.found.actual - found.found.baseline)
        assert sum(each.actual for each in found.weeks if each.is_during) == pytest.approx(found.found.actual)
        assert sum(each.baseline or 0 for each in found.weeks if each.is_during) == pytest.approx(found.found.baseline)


def test_too_little_is_said_and_no_number_given() -> None:
    sales = world(3)
    short = judged(sales, over_on=START + timedelta(days=27))
    assert (short.found, short.method, short.matched) == (None, None, ())
    assert short.why_not == "it has run for 3 whole weeks; 4 are needed"
    few = judged([each for place, each in enumerate(s for s in sales if s.cell == PROMOTED) if place % 12 == 0])
    assert few.found is None
    assert few.why_not is not None
    assert "10 are needed" in few.why_not
    young = judge(
        sales,
        is_promoted=lambda cell: cell == PROMOTED,
        touched=(),
        starts_on=START,
        over_on=START + timedelta(weeks=8),
        known_from=START - timedelta(days=20),
    )
    assert young.why_not == "sales are known for 2 whole weeks before it; 4 are needed"
    assert judged([]).found is None


def test_only_whole_weeks_count() -> None:
    sales = world(4)
    found = judged(sales, over_on=START + timedelta(weeks=5, days=6))
    assert (found.weeks_during, found.until) == (5, START + timedelta(weeks=5))
    assert found == judged([each for each in sales if each.on < found.until], over_on=START + timedelta(weeks=5))
