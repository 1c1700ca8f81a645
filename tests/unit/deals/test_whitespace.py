"""What stands in a cell of white space: from deals, from what people said, and from what was measured."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import entity_id
from services.deals.whitespace.cells import Pursuit, Statement, Worth, cell

TODAY = date(2026, 6, 15)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MEDIAN = Worth("measured", Decimal(900), "EUR", 7)


def pursuit(state: str, name: str = "D", day: date | None = None, term: int | None = None) -> Pursuit:
    return Pursuit(entity_id("test", "deal", name), state, Decimal(100), "EUR", day, term)


def said(says: Any, name: str = "s", at: datetime = NOON, **more: Any) -> Statement:
    return Statement(entity_id("test", "statement", name), says, at, **more)


def stands(*pursuits: Pursuit, words: tuple[Statement, ...] = (), measured: Worth | None = None) -> str:
    return cell(pursuits, words, measured, today=TODAY).state


def test_what_nobody_sells_or_speaks_of_is_unknown_and_not_free() -> None:
    assert stands() == "unknown"
    assert stands(measured=MEDIAN) == "potential"
    assert stands(pursuit("lost")) == "unknown"


def test_won_is_owned_until_its_term_is_over() -> None:
    assert stands(pursuit("won", day=date(2020, 1, 1))) == "owned"
    assert stands(pursuit("won", day=date(2025, 7, 20), term=12)) == "owned"
    assert stands(pursuit("won", day=date(2025, 6, 20), term=12)) == "unknown"


def test_what_is_pursued_goes_before_what_was_said_and_a_later_word_before_an_older_win() -> None:
    assert stands(pursuit("open"), words=(said("competitor"),)) == "open"
    won = pursuit("won", day=date(2026, 5, 1))
    assert stands(won, words=(said("competitor"),)) == "competitor", "they left after they had bought"
    assert stands(won, words=(said("competitor", at=NOON - timedelta(days=60)),)) == "owned"
    assert stands(won, pursuit("open", "E")) == "owned"
    assert len(cell([won, pursuit("open", "E")], [], None, today=TODAY).pursued) == 1


def test_a_stated_worth_goes_before_the_median_and_no_use_has_no_worth() -> None:
    stated = said("potential", amount=Decimal(50), currency="USD")
    assert cell([], [stated], MEDIAN, today=TODAY).worth == Worth("stated", Decimal(50), "USD")
    assert cell([], [said("potential")], None, today=TODAY).worth is None, "no value out of nothing"
    assert cell([], [said("not_applicable")], MEDIAN, today=TODAY).worth is None


def test_taking_back_what_was_said_leaves_what_else_is_known() -> None:
    words = (said("competitor"), said("unknown", "back", NOON + timedelta(days=1)))
    assert stands(words=words) == "unknown"
    assert stands(words=words, measured=MEDIAN) == "potential"


@given(
    st.lists(st.tuples(st.sampled_from(("open", "won", "lost")), st.integers(0, 5)), max_size=5),
    st.lists(
        st.tuples(st.sampled_from(("owned", "potential", "competitor", "unknown")), st.integers(0, 3)), max_size=5
    ),
    st.integers(0, 99),
)
def test_no_order_and_no_repetition_of_deals_and_words_changes_a_cell(deals: Any, words: Any, seed: int) -> None:
    pursuits = {n: pursuit(state, str(n), date(2026, 1, 1 + day)) for n, (state, day) in enumerate(deals)}
    told = {n: said(says, str(n), NOON + timedelta(days=day)) for n, (says, day) in enumerate(words)}
    rng = random.Random(seed)  # noqa: S311
    shuffled = rng.sample([*told.values()] * 2, len(told) * 2)
    found = cell(pursuits.values(), told.values(), MEDIAN, today=TODAY)
    again = cell(rng.sample([*pursuits.values()], len(pursuits)), shuffled, MEDIAN, today=TODAY)
    assert found == again
