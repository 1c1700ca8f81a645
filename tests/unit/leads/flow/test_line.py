"""The capacity line: more hours never lower it, and nothing below it ranks better than anything above it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.leads.acceptance.line import Candidate, draw

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOURS = st.decimals("0.05", "4", places=2)

candidates = st.builds(
    lambda number, place, minute, hours: Candidate(UUID(int=number), place, START + timedelta(minutes=minute), hours),
    st.integers(1, 10**6),
    st.integers(1, 10),
    st.integers(0, 30),
    HOURS,
)
queues = st.lists(candidates, max_size=12, unique_by=lambda each: each.lead_id)
free_hours = st.decimals("-10", "30", places=2)


@given(queues, free_hours, st.decimals("0", "20", places=2))
def test_more_free_hours_never_lower_the_line(queue: list[Candidate], free: Decimal, more: Decimal) -> None:
    assert draw(queue, free=free + more).fits >= draw(queue, free=free).fits


@given(queues, free_hours, st.randoms())
def test_nothing_below_the_line_ranks_better_than_anything_above_it(
    queue: list[Candidate], free: Decimal, random: object
) -> None:
    line = draw(queue, free=free)
    above = [each for each in queue if line.last is not None and each.rank() <= line.last.rank()]
    below = [each for each in queue if each not in above]
    assert len(above) == line.fits
    assert all(one.rank() < other.rank() for one in above for other in below)
    random.shuffle(queue)  # type: ignore[attr-defined]
    assert draw(queue, free=free) == line


@given(queues, free_hours)
def test_what_fits_costs_no_more_than_is_free_and_one_more_would(queue: list[Candidate], free: Decimal) -> None:
    line = draw(queue, free=free)
    assert line.hours <= max(free, Decimal())
    assert (line.following is None) == (line.fits == len(queue))
    if line.following is not None:
        assert line.hours + line.following.hours > free


@given(queues, st.decimals("-10", "0", places=2))
def test_without_free_hours_nothing_fits(queue: list[Candidate], free: Decimal) -> None:
    assert draw(queue, free=free).fits == 0
