"""A change of regime is found where there is one, and left alone where there is none."""

from math import lgamma

import numpy as np
import pytest
from scipy.integrate import quad

from services.forecast.projection import changing, engine
from services.forecast.projection.counting import KINDS, LOSS, MOVE, WIN
from services.forecast.projection.settings import DEFAULT
from tests.calibration.judging import CALENDAR
from tests.calibration.worlds import START, World, steps_of

DAYS = 52 * changing.FORTNIGHT
END = 20_000
RATES = np.array([0.5, 1.4, 2.4])
"""Events a day: wins, losses, moves."""


def counted(levels: np.ndarray, *, since: int, seed: int, scatter: float = 0.0) -> changing.Change:
    """What is found in days whose rates are `levels` times as high from `since` days before the end on."""
    rng = np.random.default_rng(seed)
    rates = np.tile(RATES[:, None], DAYS)
    truth = rates.copy()
    truth[:, DAYS - since :] *= levels[:, None]
    if scatter:
        truth *= np.repeat(np.exp(rng.normal(0, scatter, DAYS // changing.FORTNIGHT)), changing.FORTNIGHT)
    happened = rng.poisson(truth).astype(float)
    # As the engine does it, what is expected is as much as happened in all.
    expected = rates * (happened.sum(axis=1) / rates.sum(axis=1))[:, None]
    return changing.change(happened, expected, END, DEFAULT)


def test_where_nothing_changed_the_rates_of_all_days_hold():
    found = [counted(np.ones(KINDS), since=1, seed=seed) for seed in range(40)]

    assert np.mean([each.chance for each in found]) < 0.35
    assert np.mean([np.abs(each.levels - 1).max() for each in found]) < 0.03


@pytest.mark.parametrize("since", [140, 280])
def test_a_change_is_found_with_its_day_and_its_size(since: int):
    levels = np.array([0.6, 1.35, 0.8])
    found = [counted(levels, since=since, seed=seed) for seed in range(20)]
    of_all = 1 - (1 - levels) * since / DAYS

    assert np.mean([each.chance for each in found]) > 0.95
    assert np.median([abs(each.since - (END - since)) for each in found]) <= changing.FORTNIGHT
    # Beside the rates of all days, which have those after the change in them, and as far from 1 as so many events can tell.
    told = RATES * of_all * since
    wanted = (DEFAULT.level_events + told * levels / of_all) / (DEFAULT.level_events + told)
    assert np.mean([each.levels for each in found], axis=0) == pytest.approx(wanted, abs=0.06)


def test_fortnights_that_share_their_luck_are_not_taken_for_a_change():
    found = [counted(np.ones(KINDS), since=1, seed=seed, scatter=0.25) for seed in range(40)]

    assert np.median([each.chance for each in found]) < 0.4
    assert np.mean([np.abs(each.levels - 1).max() for each in found]) < 0.05


def test_how_likely_events_are_is_the_integral_over_all_levels():
    worth, should = DEFAULT.level_events, 12.0

    def at(level: float, seen: int) -> float:
        prior = worth * np.log(worth) - lgamma(worth) + (worth - 1) * np.log(level) - worth * level
        return float(np.exp(prior + seen * np.log(level) - should * level))

    for seen in (0, 7, 30):
        counts = np.array([[float(seen)]])
        told = float(changing._likelihood(counts, np.array([[should]]), worth)[0, 0])
        assert told == pytest.approx(np.log(quad(at, 0, 8, args=(seen,), limit=200)[0]), abs=1e-6)


def test_little_or_nothing_known_changes_nothing():
    for days in (0, 13, 3 * changing.FORTNIGHT + 13):
        found = changing.change(np.ones((KINDS, days)), np.ones((KINDS, days)), END, DEFAULT)
        assert found.levels.tolist() == [1.0] * KINDS
        assert found.chance == 0
    nothing = np.zeros((KINDS, DAYS))
    assert changing.change(nothing, nothing, END, DEFAULT).levels.tolist() == [1.0] * KINDS


def test_the_engine_learns_of_a_company_that_wins_less_since_a_day():
    today, turned = 900, 700
    company = World(deals_a_day=6.0, hurry=0.0, regime=turned, after=0.5)
    found = engine.learn(steps_of(company, today, seed=3), START + today, CALENDAR).lessons
    steady = engine.learn(steps_of(World(deals_a_day=6.0, hurry=0.0), today, seed=3), START + today, CALENDAR).lessons

    assert found.change.chance > 0.99
    assert abs(found.change.since - (START + turned)) <= 2 * changing.FORTNIGHT
    assert found.change.levels[LOSS] > 1.05 > 0.95 > found.change.levels[MOVE]
    assert found.of_late.rates[WIN] == pytest.approx(found.hazards.rates[WIN] * found.change.levels[WIN])
    assert steady.change.chance < 0.3
    end = START + today + 91
    assert found.curves(START + today, end).chance.sum() < steady.curves(START + today, end).chance.sum()
