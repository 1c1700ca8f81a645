"""From one lock to the next: broken only after four weeks on one side, standing out, and cleared as slowly."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.assumptions.judging import APART, FALSE_DISCOVERIES, Look, Standing, folded, standing_out, turned

MONDAY = datetime(2026, 1, 5, 11, tzinfo=UTC)
WEEK = timedelta(days=7)


def looks(*below: float, above: float = 0.0, enough: bool = True, out: bool = True) -> list[Look]:
    return [Look(MONDAY + WEEK * at, each, above, enough, out) for at, each in enumerate(below)]


def states(every: list[Look]) -> list[str]:
    standing = Standing()
    found: list[str] = []
    for each in every:
        standing = turned(standing, each)
        found.append(standing.state)
    return found


def test_it_breaks_at_the_first_sure_lock_four_weeks_after_it_began_to_lean() -> None:
    assert states(looks(0.2, 0.6, 0.7, 0.85, 0.96, 0.97)) == [
        *("holding", "holding", "holding", "drifting", "drifting"),
        "broken",
    ]
    assert folded(looks(0.2, 0.6, 0.7, 0.85, 0.96, 0.97)).broken_since == MONDAY + 5 * WEEK


def test_one_lock_within_begins_the_four_weeks_anew() -> None:
    assert "broken" not in states(looks(0.99, 0.99, 0.99, 0.4, 0.99, 0.99, 0.99, 0.99))
    assert states(looks(0.99, 0.99, 0.99, 0.4, 0.99, 0.99, 0.99, 0.99, 0.99))[-1] == "broken"


def test_sides_do_not_add_up_to_a_break() -> None:
    high = [Look(MONDAY + WEEK * at, 0.0, 0.99, True, True) for at in (3, 4)]
    assert "broken" not in states([*looks(0.99, 0.99, 0.99), *high])


def test_what_does_not_stand_out_in_its_plan_drifts() -> None:
    assert set(states(looks(*[0.97] * 9, out=False))) == {"drifting"}


def test_too_few_cases_say_nothing_and_break_nothing_off() -> None:
    assert set(states(looks(*[0.99] * 9, enough=False))) == {"too_little_data"}
    broken = looks(*[0.99] * 5)
    empty = [Look(MONDAY + WEEK * at, 0.9, 0.0, False, False) for at in range(5, 12)]
    assert states(broken + empty)[4:] == ["broken"] * 8


def test_it_is_cleared_after_four_weeks_within() -> None:
    found = states(looks(*[0.99] * 5, 0.6, 0.4, 0.3, 0.2, 0.2, 0.2, 0.2))
    assert found == ["drifting"] * 4 + ["broken"] * 6 + ["holding"] * 2
    assert folded(looks(*[0.99] * 5, *[0.1] * 5)).broken_since is None


@given(st.lists(st.floats(0, 1), max_size=30), st.booleans())
def test_nothing_breaks_without_four_weeks_on_one_side(below: list[float], out: bool) -> None:
    every = [Look(MONDAY + WEEK * at, each, max(0.0, 1 - each - 0.01), True, out) for at, each in enumerate(below)]
    standing = Standing()
    for at, each in enumerate(every):
        was, standing = standing, turned(standing, each)
        if standing.broken and not was.broken:
            last = [other.chance(standing.broken) for other in every[at - 4 : at + 1]]
            assert len(last) == 5
            assert min(last) > 0.5
            assert last[-1] > 0.95
            assert out
            assert standing.since is not None
            assert each.due_at - standing.since >= APART


def test_alone_in_a_large_plan_an_assumption_has_to_stand_out_more_than_in_a_small_one() -> None:
    def stands(below: float, others: int) -> bool:
        values = np.array([below, *[0.3] * others])
        every = np.ones(others + 1, dtype=bool)
        return bool(standing_out(values, np.zeros(others + 1), every, ~every)[0])

    assert stands(0.96, 4)
    assert not stands(0.96, 40)
    assert stands(1 - FALSE_DISCOVERIES / 42, 40)


GIVEN = st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.booleans()), max_size=20)


@given(GIVEN)
def test_a_likelier_break_never_stands_out_less_and_too_few_cases_never_do(
    given_: list[tuple[float, bool, bool]],
) -> None:
    below = np.array([each for each, _, _ in given_])
    enough, critical = (np.array([each[at] for each in given_], dtype=bool) for at in (1, 2))
    out = standing_out(below, np.zeros(len(below)), enough, critical)
    assert not out[~enough].any()
    for alike in (critical, ~critical):
        if out[alike].any():
            assert out[alike & enough & (below >= below[alike & out].min())].all()


@given(GIVEN, st.integers(0, 19))
def test_what_is_critical_stands_out_sooner_at_the_cost_of_the_others(
    given_: list[tuple[float, bool, bool]], which: int
) -> None:
    below = np.array([each for each, _, _ in given_])
    enough = np.array([each for _, each, _ in given_], dtype=bool)
    none, every = np.zeros(len(below), dtype=bool), np.ones(len(below), dtype=bool)
    plain = standing_out(below, np.zeros(len(below)), enough, none)
    assert (standing_out(below, np.zeros(len(below)), enough, every) == plain).all(), "where all are, none is"
    if which < len(below) and plain[which]:
        one = none.copy()
        one[which] = True
        assert standing_out(below, np.zeros(len(below)), enough, one)[which]


def test_one_critical_assumption_among_twenty_stands_out_at_95_in_100_and_a_normal_one_does_not() -> None:
    below = np.array([0.95, *[0.3] * 19])
    every = np.ones(20, dtype=bool)
    first = np.arange(20) == 0
    assert standing_out(below, np.zeros(20), every, first)[0]
    assert not standing_out(below, np.zeros(20), every, ~every)[0]
