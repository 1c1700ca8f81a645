"""Where wins of history count that came after the closing, in columns: what one deal's timeline, entry by entry, gives."""

from datetime import date, datetime, timedelta
from random import Random
from uuid import UUID

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.calendar import FiscalCalendar
from services.forecast.history.columns import day_of, effective, timeline
from services.forecast.past.counting import restated
from services.forecast.past.population import Population
from services.forecast.periods.counting import counted_period
from tests.unit.forecast.given import AT, RATES, Recorded, books_of, closing, columns_of, lives, seen, timelines

MONTHS = FiscalCalendar()


ENTRIES = timelines() | st.integers(0, 2**32).map(lambda seed: lives(Random(seed)))  # noqa: S311
HOURS = st.integers(0, 200).map(lambda hours: AT + timedelta(hours=hours))


@settings(max_examples=300, deadline=None)
@given(ENTRIES, HOURS, HOURS, st.integers(0, 2**32))
def test_a_win_counts_in_history_where_its_own_timeline_says(
    entries: list[Recorded], as_of: datetime, known_at: datetime, seed: int
) -> None:
    books = books_of(Random(seed), entries, as_of, known_at)  # noqa: S311
    columns = columns_of(entries)
    rows = effective(columns, as_of, known_at)
    late = restated(columns, rows, as_of=as_of, known_at=known_at, books=books)
    population = Population.of(columns, rows, RATES, late)
    expected, found = {}, {}
    for deal in {each.deal_id for each, _ in entries}:
        own = seen(entries, deal, as_of, known_at)
        if own and (known := closing(own)):
            counted = counted_period(*known, books.states, books.decisions.get(deal, ()))
            expected[deal] = (counted.month.start, counted.why)
    places, is_late = late.places(population.rows)
    for deal, day, at, is_one in zip(
        columns.texts("deal", population.rows), population.day.tolist(), places, is_late, strict=True
    ):
        if deal and UUID(deal) in expected:
            why = ("decided" if late.is_decided[at] else "to_decide") if is_one else "booked"
            found[UUID(deal)] = (MONTHS.month_start(day_of(day) or date.min), why)
        else:
            assert not is_one
    assert found == expected


def test_late_wins_of_all_deals_are_those_of_all_that_held() -> None:
    for seed in range(400):
        chance = Random(seed)  # noqa: S311
        entries, at = lives(chance), AT + timedelta(hours=150)
        books, columns = books_of(chance, entries, at, at), columns_of(entries)
        every, of_held = (
            restated(columns, rows, as_of=at, known_at=at, books=books) for rows in (None, timeline(columns, at, at))
        )
        for name in ("rows", "day", "is_decided"):
            assert getattr(every, name).tolist() == getattr(of_held, name).tolist()


def test_the_examples_have_late_wins_of_every_kind() -> None:
    """A property over deals of which none is ever late says nothing."""
    kinds = set()
    for seed in range(400):
        chance = Random(seed)  # noqa: S311
        entries, at = lives(chance), AT + timedelta(hours=150)
        books, columns = books_of(chance, entries, at, at), columns_of(entries)
        late = restated(columns, timeline(columns, at, at), as_of=at, known_at=at, books=books)
        booked = np.where(columns.closed_on[late.rows] < 0, columns.close_date[late.rows], columns.closed_on[late.rows])
        kinds |= set(zip(late.is_decided.tolist(), (booked == late.day).tolist(), strict=True))
    assert kinds >= {(False, False), (True, False), (True, True)}
