"""A win curve is believed only where prices were drawn, and only with a falling slope that is surely one."""

import numpy as np
import pytest

from services.pricing.guidance.winning.curve import Outcomes, Refused, WinCurve, design_effect, learn
from simulator.world.prices import Discounted, discounted


def _outcomes(quotes: Discounted, *, claimed: bool | None = None) -> Outcomes:
    drawn = quotes.randomised if claimed is None else np.full(len(quotes.prices), claimed)
    return Outcomes(quotes.prices, quotes.won, quotes.sellers, drawn)


def _learn(seed: int, **given: float) -> WinCurve | Refused:
    return learn(_outcomes(discounted(np.random.default_rng(seed), **given)))  # type: ignore[arg-type]


@pytest.mark.parametrize("confounding", [1.0, -1.0, 0.0])
def test_discounts_that_sellers_choose_are_refused_whichever_way_they_follow_the_deal(confounding: float) -> None:
    for seed in range(20):
        refused = _learn(seed, quotes=3000, slope=-2, confounding=confounding)
        assert isinstance(refused, Refused)
        assert "none of 3000 prices was randomised" in refused.reason
        assert refused.slope is None


def test_a_model_that_believed_them_would_be_wrong_by_far_or_of_the_wrong_sign() -> None:
    """Why only drawn prices count: the sign alone refuses half of the confounded companies, and is sure of itself in the rest."""
    believed = learn(
        _outcomes(discounted(np.random.default_rng(1), quotes=4000, slope=-2, confounding=1), claimed=True)
    )
    assert isinstance(believed, WinCurve)
    assert believed.slope_high < 3 * -2
    hopeless = learn(
        _outcomes(discounted(np.random.default_rng(1), quotes=4000, slope=-2, confounding=-1), claimed=True)
    )
    assert isinstance(hopeless, Refused)
    assert "a higher price would win more" in hopeless.reason
    assert hopeless.slope_low is not None
    assert hopeless.slope_low > 0


def test_prices_that_people_chose_do_not_enter_beside_drawn_ones() -> None:
    drawn = discounted(np.random.default_rng(2), quotes=6000, slope=-6, band=0.05)
    chosen = discounted(np.random.default_rng(3), quotes=6000, slope=-6, confounding=2)
    both = Outcomes(*(np.concatenate((getattr(drawn, name), getattr(chosen, name))) for name in ("prices", "won", "sellers", "randomised")))  # fmt: skip
    alone, beside = learn(_outcomes(drawn)), learn(both)
    assert isinstance(alone, WinCurve)
    assert isinstance(beside, WinCurve)
    assert (beside.slope, beside.quotes) == (alone.slope, 6000)


def test_drawn_prices_are_believed_when_they_matter_and_seldom_when_they_do_not() -> None:
    found = [_learn(seed, quotes=6000, slope=-6, band=0.05) for seed in range(60)]
    curves = [curve for curve in found if isinstance(curve, WinCurve)]
    assert len(curves) >= 57
    # What the seller knows and the curve does not draws the slope of all deals together towards 0, here by about a quarter.
    held = [curve.slope_low <= -4.6 <= curve.slope_high for curve in curves]
    assert np.mean(held) >= 0.8
    idle = [_learn(seed, quotes=3000, slope=0, band=0.05) for seed in range(60)]
    refused = [each for each in idle if isinstance(each, Refused)]
    assert len(refused) >= 54
    assert any("may not matter" in each.reason and each.slope is not None and each.slope < 0 for each in refused)


def test_few_people_one_price_one_outcome_and_a_parting_price_are_refused_with_the_reason() -> None:
    rng = np.random.default_rng(4)
    prices, people = rng.choice([0.8, 0.9], 400), np.arange(400) % 40
    won, drawn = rng.random(400) < 0.5, np.ones(400, dtype=bool)
    for outcomes, said in (
        (Outcomes(prices, won, people % 19, drawn), "19 people varied at random; 20 are needed"),
        (Outcomes(np.full(400, 0.8), won, people, drawn), "one price"),
        (Outcomes(prices, np.ones(400, dtype=bool), people, drawn), "were won"),
        (Outcomes(prices, prices < 0.85, people, drawn), "no slope can be fitted"),
        (Outcomes(prices[:0], won[:0], people[:0], drawn[:0]), "no quotes whose outcome is known"),
    ):
        refused = learn(outcomes)
        assert isinstance(refused, Refused)
        assert said in refused.reason


def test_outcomes_of_one_person_that_go_together_widen_the_interval() -> None:
    rng = np.random.default_rng(5)
    prices, won = rng.choice([0.8, 0.9], 3000), rng.random(3000)
    apart = learn(Outcomes(prices, won < 0.9 - 4 * (prices - 0.75), np.arange(3000), np.ones(3000, dtype=bool)))
    again = [np.repeat(each, 5) for each in (prices, won)]
    together = learn(Outcomes(again[0], again[1] < 0.9 - 4 * (again[0] - 0.75), np.repeat(np.arange(3000), 5), np.ones(15000, dtype=bool)))  # fmt: skip
    assert isinstance(apart, WinCurve)
    assert isinstance(together, WinCurve)
    assert together.at(0.8).high - together.at(0.8).low == pytest.approx(
        apart.at(0.8).high - apart.at(0.8).low, rel=0.01
    )
    repeated = Outcomes(again[0], again[1] < 0.5, np.repeat(np.arange(3000), 5), np.ones(15000, dtype=bool))
    assert design_effect(repeated, 0.8) == pytest.approx(5)
    luck = together.share_won(0.8, quotes=100)
    assert luck.high - luck.low > 3 * (together.at(0.8).high - together.at(0.8).low)
