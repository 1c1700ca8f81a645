import numpy as np
import pytest

from services.leads.conversion.odds import leaks
from services.leads.conversion.odds.fitting import Past
from services.leads.conversion.odds.guard import Circumstances, find_leaks, too_good, without_leaks
from services.leads.conversion.odds.judging import judge
from services.leads.conversion.odds.table import Table
from tests.unit.leads.conversion.given import blanked, leads, picked, with_words

NOTES = ("hot", "cold", "call back")


@pytest.fixture
def past() -> Past:
    return leads(np.random.default_rng(20), 2_500)


def test_columns_that_were_known_beforehand_are_all_kept(past: Past) -> None:
    assert find_leaks(past.table, past.outcomes, Circumstances(channel="channel")) == ()


@pytest.mark.parametrize(("on_converted", "on_others"), [(0.8, 0.4), (0.35, 0.75)])
def test_a_column_filled_by_the_outcome_is_found_although_its_words_say_nothing(
    past: Past, on_converted: float, on_others: float
) -> None:
    rng = np.random.default_rng(21)
    empty = rng.random(len(past)) > np.where(past.outcomes == 1, on_converted, on_others)
    planted = with_words(past, "rep's note", blanked(picked(rng, NOTES, len(past)), empty.astype(float)))

    (leak,) = find_leaks(planted.table, planted.outcomes)

    assert (leak.column, leak.kind) == ("rep's note", "fill_by_outcome")
    assert f"filled on {on_converted:.0%}"[:11] in leak.reason
    assert "rep's note" not in without_leaks(planted.table, [leak]).names


def test_a_harmless_column_filled_late_at_random_is_kept(past: Past) -> None:
    rng = np.random.default_rng(22)
    harmless = blanked(picked(rng, NOTES, len(past)), (rng.random(len(past)) < 0.5).astype(float))
    planted = with_words(past, "survey", harmless)
    closed = rng.uniform(0, 10, len(past))
    known = Circumstances(closed, {"survey": closed + rng.uniform(-2, 8, len(past))}, "channel")
    assert find_leaks(planted.table, planted.outcomes, known) == ()


def test_a_column_written_after_the_close_that_tells_of_it_is_found_though_filled_on_all(past: Past) -> None:
    rng = np.random.default_rng(23)
    honest = picked(rng, NOTES, len(past))
    told = np.where(rng.random(len(past)) < 0.4, np.where(past.outcomes == 1, "hot", "cold"), honest)
    planted = with_words(past, "mood", told.astype(object))
    closed = rng.uniform(0, 10, len(past))
    late = Circumstances(closed, {"mood": np.where(rng.random(len(past)) < 0.4, closed + 1, closed - 1)})
    early = Circumstances(closed, {"mood": closed - 1})
    (leak,) = find_leaks(planted.table, planted.outcomes, late)
    assert (leak.column, leak.kind) == ("mood", "modified_after_close")
    assert "40%" in leak.reason or "39%" in leak.reason or "41%" in leak.reason
    assert find_leaks(planted.table, planted.outcomes, early) == ()


def test_a_column_that_tells_the_outcome_all_alone_is_found(past: Past) -> None:
    rng = np.random.default_rng(24)
    told = np.where(rng.random(len(past)) < 0.03, 1 - past.outcomes, past.outcomes)
    planted = Past(Table({**past.table.numbers, "score": told}, past.table.words), past.points, past.outcomes)
    (leak,) = find_leaks(planted.table, planted.outcomes)
    assert (leak.column, leak.kind) == ("score", "too_good")


def test_emptiness_that_comes_with_the_channel_is_no_leak(past: Past) -> None:
    rng = np.random.default_rng(25)
    by_hand = (past.table.words["channel"] == "partner").astype(float)
    planted = with_words(past, "form field", blanked(picked(rng, NOTES, len(past)), by_hand))
    assert [leak.column for leak in find_leaks(planted.table, planted.outcomes)] == ["form field"]
    assert find_leaks(planted.table, planted.outcomes, Circumstances(channel="channel")) == ()


def test_twenty_harmless_columns_in_a_hundred_companies_are_nearly_never_lost() -> None:
    lost = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        outcomes = (rng.random(300) < 0.3).astype(float)
        words = {
            f"c{number}": blanked(picked(rng, NOTES, 300), (rng.random(300) < rng.random()).astype(float))
            for number in range(20)
        }
        lost += len(find_leaks(Table(words=words), outcomes))
    assert lost <= 2


def test_a_leak_that_nothing_betrays_is_told_by_the_models_own_figure() -> None:
    assert too_good(0.95) is None
    assert too_good(None) is None
    assert "0.951" in str(too_good(0.951))


def test_without_both_outcomes_there_is_nothing_to_find(past: Past) -> None:
    assert find_leaks(past.table, np.ones(len(past))) == ()


def test_the_common_odds_ratio_is_that_of_the_strata() -> None:
    filled = np.repeat([True, True, False, False], [30, 10, 20, 40])
    outcomes = np.repeat([1.0, 0.0, 1.0, 0.0], [30, 10, 20, 40])
    single = leaks.fill_odds(filled, outcomes, np.zeros(100, dtype=np.int64))
    assert single is not None
    assert single.value == pytest.approx(30 * 40 / (20 * 10))
    twice = leaks.fill_odds(np.tile(filled, 2), np.tile(outcomes, 2), np.repeat([0, 1], 100))
    assert twice is not None
    assert twice.value == pytest.approx(single.value)
    assert twice.low > single.low


def test_the_guard_asks_only_the_leads_that_the_model_is_fitted_on(past: Past) -> None:
    rng = np.random.default_rng(26)
    empty = np.where(np.arange(len(past)) < 1_750, rng.random(len(past)) < 0.5, past.outcomes == 0)
    planted = with_words(past, "later", blanked(picked(rng, NOTES, len(past)), empty.astype(float)))
    assert judge(planted, rng=rng).leaks == ()
