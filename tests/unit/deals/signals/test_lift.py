"""Measured lift: what does nothing stays off, what works comes on with the right sign, and the weeks of a deal are one witness."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deals.signals.lift import DEALS_NEEDED, Measured, discoveries, measured
from services.deals.signals.switching import Switch, Verdict, turned, verdict
from tests.unit.deals.signals.worlds import world

WORLDS = 120
MONDAY = date(2026, 3, 2)


def test_placebo_signals_stay_off_in_nine_of_ten_worlds_and_more() -> None:
    quiet = sum(not any(world(seed).is_on) for seed in range(WORLDS))
    assert quiet / WORLDS >= 0.9, f"some placebo came on in {WORLDS - quiet} of {WORLDS} worlds"


def test_planted_signals_come_on_with_their_sign() -> None:
    found = [world(1000 + seed, effects=(-0.15, 0.15), deals=1200, weeks=4) for seed in range(WORLDS)]
    right = sum(each.is_on[:2] == [True, True] and each.said[:2] == ["lowers", "raises"] for each in found)
    assert right / WORLDS >= 0.9
    false = [sum(each.is_on[2:]) / max(sum(each.is_on), 1) for each in found]
    assert sum(false) / WORLDS <= 0.1, "of what comes on at most a tenth is chance"


def test_the_interval_covers_what_was_planted_nine_times_of_ten() -> None:
    truth = -0.15 * (1 - 2 * 0.1)
    covered = 0
    for seed in range(WORLDS):
        lift = world(5000 + seed, effects=(-0.15,), deals=600, weeks=4).lifts[0]
        assert lift.low is not None
        assert lift.high is not None
        # Flipped weeks hide part of an effect, more where few deals have the sign.
        covered += lift.low - 0.03 <= truth <= lift.high + 0.03
    assert covered / WORLDS >= 0.9


def test_seeing_every_deal_ten_times_as_often_makes_nothing_surer() -> None:
    rng = np.random.default_rng(7)
    deal = np.arange(300)
    has, won, stratum = rng.random(300) < 0.5, rng.random(300) < 0.4, deal % 3
    once = measured(has, won, stratum, deal)
    often = measured(*(np.repeat(each, 10) for each in (has, won, stratum, deal)))
    assert (often.lift, often.p) == (pytest.approx(once.lift), pytest.approx(once.p))


def test_a_stratum_where_all_deals_have_the_signal_says_nothing() -> None:
    rng = np.random.default_rng(8)
    deal = np.arange(400)
    has, won, stratum = rng.random(400) < 0.5, rng.random(400) < 0.4, np.zeros(400, np.int64)
    alone = measured(has, won, stratum, deal)
    more = measured(
        np.r_[has, np.ones(100, bool)],
        np.r_[won, np.zeros(100, bool)],
        np.r_[stratum, np.ones(100, np.int64)],
        np.arange(500),
    )
    assert (more.lift, more.deals_with) == (pytest.approx(alone.lift), alone.deals_with)


def test_mix_of_strata_is_no_effect() -> None:
    """Late deals have the sign seldom and are won often; within each kind of deal it does nothing."""
    has = np.r_[np.ones(160, bool), np.zeros(40, bool), np.ones(40, bool), np.zeros(160, bool)]
    won = np.r_[np.arange(160) % 5 == 0, np.arange(40) % 5 == 0, np.arange(40) % 5 != 0, np.arange(160) % 5 != 0]
    found = measured(has, won, np.repeat([0, 1], 200), np.arange(400))
    assert found.lift == pytest.approx(0)
    assert won[has].mean() - won[~has].mean() < -0.3


def test_few_deals_are_too_little_data_and_say_so() -> None:
    has = np.arange(200) < DEALS_NEEDED - 1
    found = measured(has, np.arange(200) % 2 == 0, np.zeros(200, np.int64), np.arange(200))
    assert (found.lift, found.p, found.deals_with) == (None, None, DEALS_NEEDED - 1)
    assert verdict(found, stands_out=False) == "too_little_data"


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=20))
def test_a_smaller_chance_never_stands_out_less(chances: list[float | None]) -> None:
    found = discoveries(chances)
    known = [(chance, out) for chance, out in zip(chances, found, strict=True) if chance is not None]
    assert all(out or not other for chance, out in known for larger, other in known if chance <= larger)
    assert not any(out for chance, out in zip(chances, found, strict=True) if chance is None)


def test_discoveries_follow_benjamini_and_hochberg() -> None:
    assert discoveries([0.01, 0.04, 0.06, 0.5]) == [True, True, True, False]
    assert discoveries([0.2, None, 0.3]) == [False, False, False]


VERDICTS: list[Verdict] = ["lowers", "raises", "no_effect", "too_little_data"]


def run(said: list[Verdict]) -> list[bool]:
    switch, found = Switch(), []
    for week, each in enumerate(said):
        switch = turned(switch, each, MONDAY + timedelta(weeks=week))
        found.append(switch.is_on)
    return found


def test_a_signal_turns_only_when_two_refits_agree() -> None:
    assert run(["lowers", "lowers", "no_effect", "lowers", "no_effect", "no_effect"]) == [
        False,
        True,
        True,
        True,
        True,
        False,
    ]
    assert run(["lowers", "raises", "raises"]) == [False, False, True], "opposite signs do not agree"
    assert run(["lowers", "lowers", "no_effect", "too_little_data"])[-1] is False


@given(st.lists(st.sampled_from(VERDICTS), max_size=20))
def test_no_single_refit_turns_a_signal(said: list[Verdict]) -> None:
    found = run(said)
    for week in range(1, len(found)):
        if found[week] != found[week - 1]:
            pair = {"none" if each in ("no_effect", "too_little_data") else each for each in said[week - 1 : week + 1]}
            assert len(pair) == 1


def test_a_refit_of_the_same_weeks_is_no_second_witness() -> None:
    first = turned(Switch(), "lowers", MONDAY)
    again = turned(first, "lowers", MONDAY)
    assert not again.is_on
    assert turned(again, "lowers", MONDAY + timedelta(weeks=1)).is_on


def test_measured_says_whether_it_is_enough() -> None:
    assert not Measured(1, 1, 1).is_enough
